//! What `update-alternatives --display` says.

use serde_json::{Value, json};

/// Everything that is known under one name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alternatives {
    /// The link that leads to the alternative in use.
    pub link: Option<String>,
    /// The alternative in use.
    pub current: Option<String>,
    /// Whether a person chose it; else it is the one of the highest priority.
    pub is_manual: bool,
    /// Every one.
    pub known: Vec<Alternative>,
}

/// One alternative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alternative {
    /// Its file.
    pub path: String,
    /// The highest one is chosen.
    pub priority: i64,
    /// A name for several alternatives; Red Hat has them.
    pub family: Option<String>,
    /// Names that follow it.
    pub subcommands: Vec<Subcommand>,
}

/// A name that follows another one, such as a manual page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subcommand {
    /// The link.
    pub link: String,
    /// The name.
    pub name: String,
    /// The file.
    pub path: String,
}

impl Subcommand {
    /// A subcommand of the module's arguments.
    pub fn of(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        Self {
            link: text("link"),
            name: text("name"),
            path: text("path"),
        }
    }

    /// The subcommand in a result.
    pub fn describe(&self) -> Value {
        json!({"name": self.name, "path": self.path, "link": self.link})
    }
}

impl Alternatives {
    /// Reads the program's text, Debian's or Red Hat's.
    pub fn parse(text: &str) -> Self {
        let mut found = Self::default();
        let mut links: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            let trimmed = line.trim();
            if let Some(path) = trimmed.strip_prefix("link currently points to ") {
                found.current = Some(path.to_owned());
            } else if trimmed.ends_with("status is manual.") || trimmed.ends_with(" - manual mode") {
                found.is_manual = true;
            } else if let Some((name, link)) = named_link(trimmed) {
                match name {
                    None => found.link = Some(link.to_owned()),
                    Some(name) => links.push((name.to_owned(), link.to_owned())),
                }
            } else if let Some(alternative) = alternative(line) {
                found.known.push(alternative);
            } else if let (Some(known), Some(subcommand)) = (found.known.last_mut(), subcommand(line, &links))
            {
                known.subcommands.push(subcommand);
            }
        }
        found
    }

    /// The alternative with this file.
    pub fn find(&self, path: &str) -> Option<&Alternative> {
        self.known.iter().find(|known| known.path == path)
    }

    /// The state of an alternative, for differences.
    pub fn describe(&self, path: &str) -> Value {
        if self.known.is_empty() {
            return json!({});
        }
        let Some(known) = self.find(path) else {
            return json!({"state": "absent"});
        };
        let state = if self.is_manual { "selected" } else { "present" };
        let mut value = json!({
            "state": state, "path": path, "link": self.link, "priority": known.priority,
        });
        if !known.subcommands.is_empty() {
            value["subcommands"] = known.subcommands.iter().map(Subcommand::describe).collect();
        }
        value
    }
}

/// `link editor is /usr/bin/editor`, `slave editor.1.gz is /usr/share/man/…`: the name of a slave, and the link.
fn named_link(line: &str) -> Option<(Option<&str>, &str)> {
    if let Some(rest) = line.strip_prefix("link ") {
        return rest.split_once(" is ").map(|(_, link)| (None, link));
    }
    let rest = line.strip_prefix("slave ")?;
    let (name, link) = rest.split_once(" is ")?;
    Some((Some(name), link))
}

/// `/usr/bin/vim - priority 30`, with a family before it on Red Hat.
fn alternative(line: &str) -> Option<Alternative> {
    let (path, rest) = line.split_once(" - ")?;
    if !path.starts_with('/') {
        return None;
    }
    let (family, priority) = match rest.split_once("priority ") {
        Some((before, priority)) => (before.trim().trim_start_matches("family").trim(), priority),
        None => return None,
    };
    Some(Alternative {
        path: path.to_owned(),
        priority: priority.trim().parse().ok()?,
        family: (!family.is_empty()).then(|| family.to_owned()),
        subcommands: Vec::new(),
    })
}

/// `  slave editor.1.gz: /usr/share/man/man1/vim.1.gz`, below an alternative.
fn subcommand(line: &str, links: &[(String, String)]) -> Option<Subcommand> {
    let (name, path) = line.strip_prefix("  slave ")?.split_once(": ")?;
    let link = links
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, link)| link.clone())?;
    (path != "(null)").then(|| Subcommand {
        link,
        name: name.to_owned(),
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_text_is_read() {
        let text = "editor - manual mode\n  link best version is /usr/bin/vim\n  link currently points to /bin/nano\n  \
                    link editor is /usr/bin/editor\n  slave editor.1 is /usr/share/man/editor.1\n/bin/nano - priority 40\n  \
                    slave editor.1: /usr/share/man/nano.1\n/usr/bin/vim - priority 50\n";
        let found = Alternatives::parse(text);
        assert_eq!(found.current.as_deref(), Some("/bin/nano"));
        assert_eq!(found.link.as_deref(), Some("/usr/bin/editor"));
        assert!(found.is_manual);
        assert_eq!(found.known.len(), 2);
        assert_eq!(found.known[0].subcommands[0].link, "/usr/share/man/editor.1");
        assert_eq!(found.find("/usr/bin/vim").map(|known| known.priority), Some(50));
    }
}
