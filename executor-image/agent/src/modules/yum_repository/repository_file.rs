//! A file of repositories. It is written anew as a whole: comments are lost, settings are in the order of their names where
//! they were set here and in the file's own elsewhere.

use std::fmt::Write as _;

/// A file's repositories in their order.
pub(super) struct RepositoryFile {
    repositories: Vec<Repository>,
}

struct Repository {
    id: String,
    settings: Vec<(String, String)>,
}

impl RepositoryFile {
    pub(super) fn parse(text: &str) -> Self {
        let mut repositories: Vec<Repository> = Vec::new();
        for line in text.lines() {
            let content = line.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            if let Some(id) = content.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                repositories.push(Repository {
                    id: id.0.to_owned(),
                    settings: Vec::new(),
                });
                continue;
            }
            let Some(repository) = repositories.last_mut() else {
                continue;
            };
            // A line that is set in goes on with the setting above it.
            if line.starts_with([' ', '\t'])
                && let Some((_, value)) = repository.settings.last_mut()
            {
                value.push('\n');
                value.push_str(content);
                continue;
            }
            let (key, value) = content.split_once(['=', ':']).unwrap_or((content, ""));
            repository
                .settings
                .push((key.trim().to_lowercase(), value.trim().to_owned()));
        }
        Self { repositories }
    }

    /// Gives a repository these settings; one that is not there is put last.
    pub(super) fn set(&mut self, id: &str, settings: Vec<(String, String)>) {
        match self
            .repositories
            .iter_mut()
            .find(|repository| repository.id == id)
        {
            Some(repository) => repository.settings = settings,
            None => self.repositories.push(Repository {
                id: id.to_owned(),
                settings,
            }),
        }
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.repositories.retain(|repository| repository.id != id);
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for repository in &self.repositories {
            let _ = writeln!(text, "[{}]", repository.id);
            for (key, value) in &repository.settings {
                let _ = writeln!(text, "{key} = {}", value.replace('\n', "\n\t"));
            }
            text.push('\n');
        }
        text
    }

    /// The repositories and their settings in the order of their names, as a diff shows them.
    pub(super) fn sorted(&self) -> String {
        let mut repositories: Vec<&Repository> = self.repositories.iter().collect();
        repositories.sort_by(|one, other| one.id.cmp(&other.id));
        let mut text = String::new();
        for repository in repositories {
            let _ = writeln!(text, "[{}]", repository.id);
            let mut settings: Vec<&(String, String)> = repository.settings.iter().collect();
            settings.sort();
            for (key, value) in settings {
                let _ = writeln!(text, "{key} = {value}");
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_with_comments_and_lines_that_go_on() {
        let file = RepositoryFile::parse(
            "# c\n[a]\nName=A\nbaseurl = http://1\n  http://2\n; x\n\n[b]\nenabled:1\n",
        );
        assert_eq!(
            file.text(),
            "[a]\nname = A\nbaseurl = http://1\n\thttp://2\n\n[b]\nenabled = 1\n\n"
        );
    }

    #[test]
    fn a_repository_keeps_its_place() {
        let mut file = RepositoryFile::parse("[a]\nx=1\n[b]\ny=1\n");
        file.set("a", vec![("x".to_owned(), "2".to_owned())]);
        file.set("c", Vec::new());
        file.remove("b");
        assert_eq!(file.text(), "[a]\nx = 2\n\n[c]\n\n");
    }
}
