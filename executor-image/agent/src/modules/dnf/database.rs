//! What is installed, by rpm's database, and what of it a call means.

use std::cmp::Ordering;

use super::available::available;
use super::{Dnf, version};
use crate::answer::Failure;
use crate::context::Context;
use crate::process::{Output, Process};

/// Fields of a package, with a tab between two of them.
const FORMAT: &str = "%{NAME}\\t%|EPOCH?{%{EPOCH}}:{0}|\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\n";

/// A package in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    pub name: String,
    pub epoch: String,
    pub version: String,
    pub release: String,
    pub architecture: String,
}

impl std::fmt::Display for Package {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            epoch,
            version,
            release,
            architecture,
        } = self;
        let epoch = if epoch == "0" {
            String::new()
        } else {
            format!("{epoch}:")
        };
        write!(formatter, "{name}-{epoch}{version}-{release}.{architecture}")
    }
}

impl Package {
    /// A package from its fields.
    pub(super) fn of(fields: &[&str]) -> Option<Self> {
        let [name, epoch, version, release, architecture] = fields else {
            return None;
        };
        Some(Self {
            name: (*name).to_owned(),
            epoch: (*epoch).to_owned(),
            version: (*version).to_owned(),
            release: (*release).to_owned(),
            architecture: (*architecture).to_owned(),
        })
    }

    fn parse(line: &str) -> Option<Self> {
        Self::of(&line.split('\t').collect::<Vec<_>>())
    }

    /// Which of two is the newer one.
    fn compare(&self, other: &Self) -> Ordering {
        version::compare(&self.epoch, &other.epoch)
            .then_with(|| version::compare(&self.version, &other.version))
            .then_with(|| version::compare(&self.release, &other.release))
    }
}

/// What a transaction has done, by what was there before and after it.
pub(super) fn changes(before: &[Package], after: &[Package]) -> Vec<String> {
    let only_in = |one: &[Package], other: &[Package], word: &str| -> Vec<String> {
        one.iter()
            // A key that was trusted on the way is no package of the transaction.
            .filter(|package| package.name != "gpg-pubkey" && !other.contains(package))
            .map(|package| format!("{word}: {package}"))
            .collect()
    };
    [
        only_in(after, before, "Installed"),
        only_in(before, after, "Removed"),
    ]
    .concat()
}

fn rpm(context: &Context, arguments: &[&str]) -> Result<Output, Failure> {
    Process::tool(context, "rpm")
        .args(["--root", context.args.required("installroot")])
        .args(arguments)
        .run()
}

/// Whether a newer package of the same name and architecture is among these.
fn has_newer(installed: &[Package], wanted: &Package) -> bool {
    installed
        .iter()
        .filter(|package| package.name == wanted.name && package.architecture == wanted.architecture)
        .any(|package| package.compare(wanted) == Ordering::Greater)
}

impl Dnf<'_> {
    /// Every package that is installed.
    pub(super) fn installed(&self) -> Result<Vec<Package>, Failure> {
        let output = rpm(self.context, &["-qa", "--qf", FORMAT])?;
        Ok(output.stdout.lines().filter_map(Package::parse).collect())
    }

    /// Whether what a text means is installed: a package, or one that provides it.
    pub(super) fn is_installed(&self, spec: &str) -> Result<bool, Failure> {
        if is_pattern(spec) {
            let installed = self.named_like(spec)?;
            return Ok(available(self, &["--available", spec])?
                .iter()
                .all(|(package, _)| installed.contains(&package.name)));
        }
        if is_relation(spec) {
            return Ok(!available(self, &["--installed", "--whatprovides", spec])?.is_empty());
        }
        if rpm(self.context, &["-q", spec])?.code == 0 {
            return Ok(true);
        }
        if rpm(self.context, &["-q", "--whatprovides", spec])?.code != 0 {
            return Ok(false);
        }
        // Where a package has this very name, it is meant, not another one that provides it.
        Ok(available(self, &["--available", spec])?
            .iter()
            .all(|(package, _)| package.name != spec))
    }

    /// Whether there is something to be removed that a text means.
    pub(super) fn is_there(&self, spec: &str) -> Result<bool, Failure> {
        if is_pattern(spec) {
            return Ok(!self.named_like(spec)?.is_empty());
        }
        self.is_installed(spec)
    }

    /// Names of the installed packages that fit a pattern.
    fn named_like(&self, pattern: &str) -> Result<Vec<String>, Failure> {
        let output = rpm(self.context, &["-qa", "--qf", "%{NAME}\\n", pattern])?;
        Ok(output.stdout.lines().map(str::to_owned).collect())
    }

    /// Whether a newer version is installed than any that a text means. Only a text that names a version can mean older ones.
    pub(super) fn has_newer_than(&self, spec: &str) -> Result<bool, Failure> {
        let installed = self.installed()?;
        let names_version = installed.iter().any(|package| {
            spec.strip_prefix(package.name.as_str())
                .is_some_and(|rest| rest.starts_with(['-', ' ', '<', '>', '=']))
        });
        if !names_version {
            return Ok(false);
        }
        let meant = if is_relation(spec) {
            available(self, &["--available", "--whatprovides", spec])?
        } else {
            available(self, &["--available", spec])?
        };
        Ok(!meant.is_empty() && meant.iter().all(|(package, _)| has_newer(&installed, package)))
    }

    /// Whether a newer version is installed than that in a file.
    pub(super) fn has_newer_than_file(&self, file: &str) -> Result<bool, Failure> {
        if file.contains("://") {
            return Ok(false);
        }
        let output = Process::tool(self.context, "rpm")
            .args(["-qp", "--qf", FORMAT, file])
            .run()?;
        let Some(wanted) = output.stdout.lines().find_map(Package::parse) else {
            return Ok(false);
        };
        Ok(has_newer(&self.installed()?, &wanted))
    }
}

/// Whether a text is like `name > 1.0`.
fn is_relation(spec: &str) -> bool {
    spec.contains([' ', '<', '>', '='])
}

fn is_pattern(spec: &str) -> bool {
    spec.contains(['*', '?', '['])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A package of tests, of no epoch.
    pub(in super::super) fn package(name: &str, version: &str, architecture: &str) -> Package {
        Package::of(&[name, "0", version, "1", architecture]).unwrap()
    }

    #[test]
    fn a_package_is_shown_with_an_epoch_where_it_has_one() {
        let bash = Package::parse("bash\t0\t5.1\t9.el9\tx86_64").unwrap();
        assert_eq!(bash.to_string(), "bash-5.1-9.el9.x86_64");
        let nginx = Package::parse("nginx\t1\t1.20\t1\tx86_64").unwrap();
        assert_eq!(nginx.to_string(), "nginx-1:1.20-1.x86_64");
        assert_eq!(Package::parse("words"), None);
    }

    #[test]
    fn an_update_is_one_that_came_and_one_that_went() {
        let before = [package("a", "1.0", "noarch"), package("b", "1.0", "noarch")];
        let key = package("gpg-pubkey", "1", "(none)");
        let after = [package("a", "1.1", "noarch"), package("b", "1.0", "noarch"), key];
        assert_eq!(
            changes(&before, &after),
            ["Installed: a-1.1-1.noarch", "Removed: a-1.0-1.noarch"]
        );
    }

    #[test]
    fn a_newer_one_is_of_the_same_architecture() {
        let installed = [package("a", "1.1", "x86_64")];
        assert!(has_newer(&installed, &package("a", "1.0", "x86_64")));
        assert!(!has_newer(&installed, &package("a", "1.1", "x86_64")));
        assert!(!has_newer(&installed, &package("a", "1.0", "i686")));
    }
}
