//! A line of an `authorized_keys` file.

/// Types of keys that sshd knows.
const KINDS: [&str; 11] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ssh-dss",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "ssh-ed25519-cert-v01@openssh.com",
    "ssh-rsa-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
];

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// What a login with it may do, as it is written.
    pub options: String,
    pub kind: String,
    pub key: String,
    pub comment: String,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Key(Entry),
    /// A comment, an empty line, or something that is no key: it is kept as it is.
    Other(String),
}

impl Entry {
    /// Reads a line that is no comment.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let words = words(line.trim());
        let place = words.iter().position(|word| KINDS.contains(&word.as_str()))?;
        if place > 1 {
            return None;
        }
        Some(Self {
            options: words[..place].join(" "),
            kind: words[place].clone(),
            key: words.get(place + 1)?.clone(),
            comment: words[place + 2..].join(" "),
        })
    }

    /// The line; a key without a comment has a space at its end, as Ansible writes it.
    fn text(&self) -> String {
        let Self {
            options,
            kind,
            key,
            comment,
        } = self;
        let gap = if options.is_empty() { "" } else { " " };
        format!("{options}{gap}{kind} {key} {comment}")
    }
}

impl Line {
    pub(super) fn parse(line: &str) -> Self {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            return Self::Other(line.to_owned());
        }
        Entry::parse(trimmed).map_or_else(|| Self::Other(line.to_owned()), Self::Key)
    }

    pub(super) fn is_key(&self, key: &str) -> bool {
        matches!(self, Self::Key(entry) if entry.key == key)
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Key(entry) => entry.text(),
            Self::Other(text) => text.clone(),
        }
    }
}

/// Words of a line; within quotation marks a space is a letter as any other.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut is_quoted = false;
    let mut is_escaped = false;
    for character in line.chars() {
        if character.is_whitespace() && !is_quoted {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        if character == '"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = character == '\\' && !is_escaped;
        word.push(character);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_with_and_without_options() {
        let entry = Entry::parse("command=\"echo \\\"a b\\\"\",no-pty ssh-rsa AAAA two words").unwrap();
        assert_eq!(entry.options, "command=\"echo \\\"a b\\\"\",no-pty");
        assert_eq!((entry.kind.as_str(), entry.key.as_str()), ("ssh-rsa", "AAAA"));
        assert_eq!(entry.comment, "two words");
        assert_eq!(Entry::parse("ssh-ed25519 BBBB").unwrap().comment, "");
        for line in ["ssh-rsa", "not a key", "a b ssh-rsa AAAA"] {
            assert!(Entry::parse(line).is_none(), "{line}");
        }
    }

    #[test]
    fn other_lines_stay_as_they_are() {
        for line in ["# note", "", "  broken line"] {
            assert_eq!(Line::parse(line).text(), line);
        }
    }
}
