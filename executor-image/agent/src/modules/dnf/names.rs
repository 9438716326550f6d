//! What a call names: packages, groups, and files of packages.

use std::path::Path;

use crate::answer::Failure;
use crate::context::Context;

/// The names of a call by kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Packages, by name, by name and version, or by what they provide.
    pub specs: Vec<String>,
    /// Groups, without their `@`.
    pub groups: Vec<String>,
    /// Files and addresses of packages.
    pub files: Vec<String>,
}

impl Names {
    /// The names of a call. A text may hold several, with commas between them.
    pub(super) fn of(context: &Context) -> Result<Self, Failure> {
        Self::parse(&context.args.list("name"))
    }

    fn parse(given: &[String]) -> Result<Self, Failure> {
        let (lists, single): (Vec<&String>, Vec<&String>) = given.iter().partition(|name| name.contains(','));
        let listed = lists.into_iter().flat_map(|list| list.split(','));
        let mut names = Self::default();
        for name in single
            .into_iter()
            .map(String::as_str)
            .chain(listed)
            .map(str::trim)
        {
            if name.contains(' ') && !name.contains(['@', '>', '<', '=']) {
                return Err(Failure::new(
                    "It appears that a space separated string of packages was passed in as an argument. To operate on several \
                     packages, pass a comma separated string of packages or a list of packages.",
                ));
            }
            // Another case makes it no file for Ansible either.
            let is_file = Path::new(name)
                .extension()
                .is_some_and(|extension| extension == "rpm");
            if name.contains("://") || is_file {
                names.files.push(name.to_owned());
            } else if let Some(group) = name.strip_prefix('@') {
                names.groups.push(group.trim().to_owned());
            } else if !name.is_empty() {
                names.specs.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether every package is meant.
    pub(super) fn are_all(&self) -> bool {
        self.specs == ["*"] && self.groups.is_empty() && self.files.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(names: &[&str]) -> Result<Names, Failure> {
        Names::parse(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn names_are_told_by_kind() {
        let names = parse(&["a, b", "@tools", "/tmp/x.rpm", "http://x/y", " c ", "", "d > 1"]).unwrap();
        assert_eq!(names.specs, ["c", "d > 1", "a", "b"]);
        assert_eq!(names.groups, ["tools"]);
        assert_eq!(names.files, ["/tmp/x.rpm", "http://x/y"]);
        assert!(parse(&["*"]).unwrap().are_all());
        assert!(parse(&[""]).unwrap().is_empty());
    }

    #[test]
    fn a_list_with_spaces_is_refused() {
        assert!(parse(&["a b"]).unwrap_err().message().contains("space separated"));
    }
}
