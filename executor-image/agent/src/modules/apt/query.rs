//! What is installed, and what could be.

use crate::answer::Failure;
use crate::context::Context;
use crate::process::Process;

/// A package as a playbook names it: `name`, `name=1.2`, `name=1.*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish<'a> {
    pub name: &'a str,
    pub version: Option<&'a str>,
}

impl<'a> Wish<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        match text.split_once('=') {
            Some((name, version)) => Self {
                name: name.trim(),
                version: Some(version.trim()),
            },
            None => Self {
                name: text.trim(),
                version: None,
            },
        }
    }

    pub(super) fn is_satisfied_by(&self, installed: Option<&str>) -> bool {
        match (installed, self.version) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(installed), Some(wanted)) => matches_version(wanted, installed),
        }
    }

    /// How apt-get is told: a version pattern is resolved to the newest version that fits it.
    pub(super) fn argument(&self, context: &Context) -> Result<String, Failure> {
        let Some(version) = self.version else {
            return Ok(self.name.to_owned());
        };
        if !version.contains(['*', '?', '[']) {
            return Ok(format!("{}={version}", self.name));
        }
        let output = Process::tool(context, "apt-cache")
            .args(["madison", self.name])
            .run()?;
        let found = output.stdout.lines().find_map(|line| {
            let candidate = line.split('|').nth(1)?.trim();
            matches_version(version, candidate).then(|| candidate.to_owned())
        });
        found
            .map(|found| format!("{}={found}", self.name))
            .ok_or_else(|| {
                Failure::new(format!(
                    "no available installation candidate for {}={version}",
                    self.name
                ))
            })
    }
}

fn matches_version(wanted: &str, version: &str) -> bool {
    glob::Pattern::new(wanted).map_or(wanted == version, |pattern| pattern.matches(version))
}

/// The version of a package that is installed, or that of one that provides it.
pub(super) fn installed_version(context: &Context, name: &str) -> Result<Option<String>, Failure> {
    let output = Process::tool(context, "dpkg-query")
        .args(["-W", "-f", "${db:Status-Status} ${Version}\n", name])
        .run()?;
    let version = output.stdout.lines().find_map(|line| {
        line.strip_prefix("installed ")
            .map(|version| version.trim().to_owned())
    });
    if version.is_some() {
        return Ok(version);
    }
    // A virtual package is there when one that provides it is.
    let providers = Process::tool(context, "apt-cache")
        .args(["showpkg", name])
        .run()?;
    let mut lines = providers.stdout.lines();
    let has_versions = lines
        .by_ref()
        .skip_while(|line| !line.starts_with("Versions:"))
        .nth(1)
        .is_some_and(|line| !line.is_empty());
    if has_versions {
        return Ok(None);
    }
    for line in lines
        .skip_while(|line| !line.starts_with("Reverse Provides:"))
        .skip(1)
    {
        let Some(provider) = line.split_whitespace().next() else {
            continue;
        };
        let output = Process::tool(context, "dpkg-query")
            .args(["-W", "-f", "${db:Status-Status} ${Version}\n", provider])
            .run()?;
        if let Some(version) = output
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix("installed "))
        {
            return Ok(Some(version.trim().to_owned()));
        }
    }
    Ok(None)
}

/// Whether configuration files of a removed package are left.
pub(super) fn has_configuration(context: &Context, name: &str) -> Result<bool, Failure> {
    let output = Process::tool(context, "dpkg-query")
        .args(["-W", "-f", "${db:Status-Status}\n", name])
        .run()?;
    Ok(output.stdout.lines().any(|line| line == "config-files"))
}

/// Whether apt knows a package, or one that provides it.
pub(super) fn is_available(context: &Context, name: &str) -> Result<bool, Failure> {
    let name = name.split(':').next().unwrap_or(name);
    let output = Process::tool(context, "apt-cache")
        .args(["showpkg", name])
        .run()?;
    Ok(output.code == 0 && !output.stdout.trim().is_empty())
}

/// Names with patterns replaced by the packages that apt knows.
pub(super) fn expand(context: &Context, names: &[String]) -> Result<Vec<String>, Failure> {
    let known = || -> Result<Vec<String>, Failure> {
        let output = Process::tool(context, "apt-cache").arg("pkgnames").run()?;
        Ok(output.stdout.lines().map(str::to_owned).collect())
    };
    expand_among(names, known, true)
}

/// Names with patterns replaced by the packages that are installed.
pub(super) fn expand_installed(context: &Context, names: &[String]) -> Result<Vec<String>, Failure> {
    let known = || -> Result<Vec<String>, Failure> {
        let output = Process::tool(context, "dpkg-query")
            .args(["-W", "-f", "${Package}\n"])
            .run()?;
        Ok(output.stdout.lines().map(str::to_owned).collect())
    };
    let names: Vec<String> = names
        .iter()
        .map(|name| Wish::parse(name).name.to_owned())
        .collect();
    expand_among(&names, known, false)
}

fn expand_among(
    names: &[String],
    known: impl FnOnce() -> Result<Vec<String>, Failure>,
    must_match: bool,
) -> Result<Vec<String>, Failure> {
    let is_pattern = |name: &str| Wish::parse(name).name.contains(['*', '?', '[']);
    if !names.iter().any(|name| is_pattern(name)) {
        return Ok(names.to_vec());
    }
    let mut known = known()?;
    known.sort();
    let mut expanded = Vec::new();
    for name in names {
        let pattern = is_pattern(name)
            .then(|| glob::Pattern::new(Wish::parse(name).name).ok())
            .flatten();
        let Some(pattern) = pattern else {
            expanded.push(name.clone());
            continue;
        };
        let before = expanded.len();
        expanded.extend(known.iter().filter(|known| pattern.matches(known)).cloned());
        if must_match && expanded.len() == before {
            return Err(Failure::new(format!("No package(s) matching '{name}' available")));
        }
    }
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_satisfied_by_the_version_they_name() {
        for (wish, installed, satisfied) in [
            ("nginx", Some("1.2-3"), true),
            ("nginx", None, false),
            ("nginx=1.2-3", Some("1.2-3"), true),
            ("nginx=1.*", Some("1.2-3"), true),
            ("nginx=2.*", Some("1.2-3"), false),
        ] {
            assert_eq!(Wish::parse(wish).is_satisfied_by(installed), satisfied, "{wish}");
        }
    }

    #[test]
    fn patterns_are_expanded_among_what_is_known() {
        let known = || Ok(vec!["foo-b".to_owned(), "foo-a".to_owned(), "bar".to_owned()]);
        assert_eq!(
            expand_among(&["foo*".to_owned(), "x".to_owned()], known, true).unwrap(),
            ["foo-a", "foo-b", "x"]
        );
        assert!(expand_among(&["q*".to_owned()], known, true).is_err());
        assert!(expand_among(&["q*".to_owned()], known, false).unwrap().is_empty());
    }
}
