//! The lines of a crontab: jobs under a comment with their name, variables, and whatever else stands there.

use crate::answer::Failure;

/// What a job's comment begins with.
const MARK: &str = "#Ansible: ";

/// A crontab as lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    lines: Vec<String>,
}

/// What a change has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// Something.
    Made,
}

impl From<bool> for Change {
    fn from(changed: bool) -> Self {
        if changed { Self::Made } else { Self::None }
    }
}

impl Table {
    /// The crontab of a text.
    pub fn parse(text: &str) -> Self {
        Self {
            lines: text.lines().map(str::to_owned).collect(),
        }
    }

    /// The crontab as text; cron passes over a last line without an end.
    pub fn render(&self) -> String {
        let text = self.lines.join("\n");
        if text.is_empty() || text.ends_with(['\n', '\r']) {
            text
        } else {
            text + "\n"
        }
    }

    /// Whether nothing stands in it.
    pub fn is_blank(&self) -> bool {
        self.lines.iter().all(|line| line.trim().is_empty())
    }

    /// Names of the jobs that have one.
    pub fn job_names(&self) -> Vec<String> {
        self.lines
            .iter()
            .filter_map(|line| line.strip_prefix(MARK))
            .map(str::to_owned)
            .collect()
    }

    /// Names of the variables.
    pub fn variable_names(&self) -> Vec<String> {
        self.lines
            .iter()
            .filter_map(|line| line.split_once('='))
            .map(|(name, _)| name)
            .filter(|name| !name.is_empty() && !name.contains(char::is_whitespace))
            .map(str::to_owned)
            .collect()
    }

    /// The place of a job's comment; a comment in the last line has no job.
    fn find_job(&self, name: &str) -> Option<usize> {
        let mut index = 0;
        while index + 1 < self.lines.len() {
            if let Some(found) = self.lines[index].strip_prefix(MARK) {
                if found == name {
                    return Some(index);
                }
                // The line after a comment is a job, whatever it looks like.
                index += 1;
            }
            index += 1;
        }
        None
    }

    /// Makes the job of this name be this line. A line that is there already without a name gets it.
    pub fn set_job(&mut self, name: &str, job: &str) -> Change {
        let comment = format!("{MARK}{name}");
        if let Some(index) = self.find_job(name) {
            let changed = self.lines[index + 1] != job;
            job.clone_into(&mut self.lines[index + 1]);
            return changed.into();
        }
        if let Some(index) = self.lines.iter().position(|line| line == job) {
            let before = index.checked_sub(1).map(|before| self.lines[before].clone());
            if !before.as_ref().is_some_and(|line| line.starts_with(MARK)) {
                self.lines.insert(index, comment);
                return Change::Made;
            }
        }
        self.lines.extend([comment, job.to_owned()]);
        Change::Made
    }

    /// Takes the job of this name out.
    pub fn remove_job(&mut self, name: &str) -> Change {
        let Some(index) = self.find_job(name) else {
            return Change::None;
        };
        self.lines.drain(index..=index + 1);
        Change::Made
    }

    fn find_variable(&self, name: &str) -> Option<usize> {
        let start = format!("{name}=");
        self.lines.iter().position(|line| line.starts_with(&start))
    }

    /// Makes a variable be declared by this line; a new one comes first, or after or before another.
    ///
    /// # Errors
    /// When the other variable is not there.
    pub fn set_variable(
        &mut self,
        name: &str,
        declaration: &str,
        after: Option<&str>,
        before: Option<&str>,
    ) -> Result<Change, Failure> {
        if let Some(index) = self.find_variable(name) {
            let changed = self.lines[index] != declaration;
            declaration.clone_into(&mut self.lines[index]);
            return Ok(changed.into());
        }
        let place = match after.or(before) {
            None => 0,
            Some(other) => {
                let found = self
                    .find_variable(other)
                    .ok_or_else(|| Failure::new(format!("Variable named '{other}' not found.")))?;
                found + usize::from(after.is_some())
            }
        };
        self.lines.insert(place, declaration.to_owned());
        Ok(Change::Made)
    }

    /// Takes a variable out.
    pub fn remove_variable(&mut self, name: &str) -> Change {
        let Some(index) = self.find_variable(name) else {
            return Change::None;
        };
        self.lines.remove(index);
        Change::Made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_replaced_in_place_named_when_it_was_not_and_taken_out_with_its_comment() {
        let mut table = Table::parse("# mine\n#Ansible: a\n* * * * * one\n0 0 * * * two\n");
        assert_eq!(table.set_job("a", "* * * * * one"), Change::None);
        assert_eq!(table.set_job("a", "5 * * * * one"), Change::Made);
        assert_eq!(table.set_job("b", "0 0 * * * two"), Change::Made);
        assert_eq!(table.set_job("c", "@daily three"), Change::Made);
        assert_eq!(
            table.render(),
            "# mine\n#Ansible: a\n5 * * * * one\n#Ansible: b\n0 0 * * * two\n#Ansible: c\n@daily three\n"
        );
        assert_eq!(table.remove_job("b"), Change::Made);
        assert_eq!(table.remove_job("b"), Change::None);
        assert_eq!(table.job_names(), ["a", "c"]);
    }

    #[test]
    fn a_variable_stands_where_it_is_asked_for() {
        let mut table = Table::parse("A=\"1\"\nB=\"2\"\n");
        let mut set =
            |name: &str, after, before| table.set_variable(name, &format!("{name}=\"x\""), after, before);
        assert_eq!(set("C", Some("A"), None), Ok(Change::Made));
        assert_eq!(set("D", None, Some("A")), Ok(Change::Made));
        assert_eq!(set("E", None, None), Ok(Change::Made));
        assert!(
            set("F", Some("Z"), None)
                .unwrap_err()
                .message()
                .contains("'Z' not found")
        );
        assert_eq!(table.variable_names(), ["E", "D", "A", "C", "B"]);
        assert_eq!(table.remove_variable("D"), Change::Made);
        assert!(!table.is_blank() && Table::parse(" \n\n").is_blank());
    }
}
