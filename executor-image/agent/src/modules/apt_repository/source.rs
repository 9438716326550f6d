//! A repository in one line: `deb [arch=amd64] http://deb.debian.org/debian stable main # why`.

/// A line of a list of sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// Whether it is not commented out.
    pub is_enabled: bool,
    /// The repository, in apt's words with single spaces.
    pub text: String,
    /// What stands after `#`.
    pub comment: String,
}

impl Source {
    /// Reads a line, commented out or not.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        let (is_enabled, rest) = match line.strip_prefix('#') {
            Some(rest) => (false, rest.trim_start_matches(['#', ' ', '\t'])),
            None => (true, line),
        };
        let (text, comment) = match rest.split_once('#') {
            Some((text, comment)) => (text.trim(), comment.trim()),
            None => (rest, ""),
        };
        let text = normal(text)?;
        Some(Self {
            is_enabled,
            text,
            comment: comment.to_owned(),
        })
    }

    /// The repository alone: what a playbook's line says behind it is not written.
    pub(super) fn without_comment(mut self) -> Self {
        self.comment.clear();
        self
    }

    /// The line, its end included.
    pub(super) fn line(&self) -> String {
        let start = if self.is_enabled { "" } else { "# " };
        if self.comment.is_empty() {
            format!("{start}{}\n", self.text)
        } else {
            format!("{start}{} # {}\n", self.text, self.comment)
        }
    }

    /// The name of a file for this repository alone.
    pub(super) fn file_name(&self) -> String {
        let text = without_options(&self.text);
        let address = text.split_whitespace().nth(1).unwrap_or_default();
        let place = address.split_once("://").map_or(address, |(_, place)| place);
        let host_end = place.find('/').unwrap_or(place.len());
        // Credentials are no part of a name.
        let place = place[..host_end].rfind('@').map_or(place, |at| &place[at + 1..]);
        let words: Vec<&str> = place
            .split(|character: char| !character.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        format!("{}.list", words.join("_"))
    }
}

/// A repository's words with single spaces between them; nothing when it is none.
fn normal(text: &str) -> Option<String> {
    let kind = text.split_whitespace().next()?;
    let bare = without_options(text);
    if !matches!(kind, "deb" | "deb-src") || bare.split_whitespace().count() < 2 {
        return None;
    }
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The repository without what stands in brackets.
fn without_options(text: &str) -> String {
    match (text.find('['), text.find(']')) {
        (Some(start), Some(end)) if start < end => format!("{} {}", &text[..start], &text[end + 1..]),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_and_written() {
        for (line, written) in [
            ("deb http://x/ stable main", "deb http://x/ stable main\n"),
            (
                "deb   [ arch=amd64   trusted=yes ]  http://x/   stable\tmain  # why  ",
                "deb [ arch=amd64 trusted=yes ] http://x/ stable main # why\n",
            ),
            ("#deb-src http://x/ ./", "# deb-src http://x/ ./\n"),
        ] {
            assert_eq!(Source::parse(line).unwrap().line(), written);
        }
        for line in ["", "# a comment", "nonsense", "rpm http://x/ y", "deb"] {
            assert!(Source::parse(line).is_none(), "{line}");
        }
    }

    #[test]
    fn a_file_is_named_by_the_address() {
        for (line, name) in [
            (
                "deb https://artifacts.elastic.co/packages/6.x/apt stable main",
                "artifacts_elastic_co_packages_6_x_apt.list",
            ),
            (
                "deb [arch=amd64] http://user:secret@h.example/a-b/ ./",
                "h_example_a_b.list",
            ),
        ] {
            assert_eq!(Source::parse(line).unwrap().file_name(), name);
        }
    }
}
