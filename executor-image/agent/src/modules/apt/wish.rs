//! A package as a playbook names it.

/// `name`, `name=1.2`, `name=1.*` or `name>=1.2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish<'a> {
    pub name: &'a str,
    pub version: Version<'a>,
}

/// Which versions are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version<'a> {
    Any,
    /// This one, or those that fit a pattern.
    Like(&'a str),
    AtLeast(&'a str),
}

impl<'a> Wish<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let Some((name, version)) = text.split_once('=') else {
            return Self {
                name: text,
                version: Version::Any,
            };
        };
        match name.strip_suffix('>') {
            Some(name) => Self {
                name,
                version: Version::AtLeast(version),
            },
            None => Self {
                name,
                version: Version::Like(version),
            },
        }
    }

    /// The wish for every version of the package that has this name.
    pub(super) const fn named(self, name: &'a str) -> Self {
        Self { name, ..self }
    }
}

/// Whether a text fits a pattern of the shell.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    glob::Pattern::new(pattern).map_or(pattern == text, |pattern| pattern.matches(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_may_name_versions() {
        for (text, name, version) in [
            ("nginx", "nginx", Version::Any),
            ("nginx=1.*", "nginx", Version::Like("1.*")),
            ("nginx>=1.2-3", "nginx", Version::AtLeast("1.2-3")),
        ] {
            assert_eq!(Wish::parse(text), Wish { name, version }, "{text}");
        }
    }

    #[test]
    fn versions_fit_patterns() {
        assert!(fits("1.*", "1.2-3") && fits("1:2", "1:2") && !fits("2.*", "1.2-3"));
    }
}
