//! What is installed, and what could be.

use super::command::release;
use super::wish::{Version, Wish, fits};
use crate::answer::Failure;
use crate::context::Context;
use crate::process::Process;

/// What could be installed to fulfil a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Candidate {
    None,
    /// Another version than the installed one.
    Version(String),
    /// What apt-get thinks best: the name is that of no package, but some provide it.
    Any,
}

/// How a wish stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    /// Whether the package is there, in whatever version.
    pub is_installed: bool,
    /// Whether it is there in a version that was wished for.
    pub is_satisfied: bool,
    pub candidate: Candidate,
}

impl Status {
    /// What apt-get is told to install, if anything. A pattern of versions is followed to the newest one that fits.
    pub(super) fn argument(&self, wish: &Wish<'_>, latest: bool) -> Option<String> {
        let Wish { name, version } = wish;
        match (&self.candidate, version) {
            (Candidate::None, _) => None,
            (candidate, version) if !self.is_satisfied || latest => Some(match (candidate, version) {
                (Candidate::Version(found), _) => format!("{name}={found}"),
                (_, Version::Like(version) | Version::AtLeast(version)) => format!("{name}={version}"),
                (_, Version::Any) => (*name).to_owned(),
            }),
            (_, Version::Like(version)) => Some(format!("{name}={version}")),
            _ => None,
        }
    }
}

/// How a wish stands. What could be installed is only looked up where that matters.
pub(super) fn status(context: &Context, wish: &Wish<'_>, latest: bool) -> Result<Status, Failure> {
    let installed = installed_version(context, wish.name)?;
    if installed.is_some() && wish.version == Version::Any && !latest {
        return Ok(Status {
            is_installed: true,
            is_satisfied: true,
            candidate: Candidate::None,
        });
    }
    let policy = Policy::of(context, wish.name)?;
    if policy.versions.is_empty() && installed.is_none() {
        return provided(context, wish, latest);
    }
    let best = policy.best(wish);
    let Some(installed) = installed else {
        return Ok(Status {
            is_installed: false,
            is_satisfied: false,
            candidate: best.map_or(Candidate::None, Candidate::Version),
        });
    };
    let mut candidate = Candidate::None;
    if let Some(best) = best.filter(|best| *best != installed)
        && is_good(context, wish, &best)?
    {
        candidate = Candidate::Version(best);
    }
    Ok(Status {
        is_installed: true,
        is_satisfied: is_good(context, wish, &installed)?,
        candidate,
    })
}

/// How a wish for what no package is, but some provide, stands.
fn provided(context: &Context, wish: &Wish<'_>, latest: bool) -> Result<Status, Failure> {
    let providers = providers(context, wish.name)?;
    if let [only] = providers.as_slice()
        && installed_version(context, only)?.is_some()
    {
        return status(context, &wish.named(only), latest);
    }
    if providers.is_empty() {
        return Err(Failure::new(format!(
            "No package matching '{}' is available",
            wish.name
        )));
    }
    Ok(Status {
        is_installed: false,
        is_satisfied: false,
        candidate: Candidate::Any,
    })
}

/// Whether a version is one that was wished for.
fn is_good(context: &Context, wish: &Wish<'_>, version: &str) -> Result<bool, Failure> {
    match wish.version {
        Version::Any => Ok(true),
        Version::Like(pattern) => Ok(fits(pattern, version)),
        Version::AtLeast(least) => is_at_least(context, version, least),
    }
}

/// Whether a version is this one or a newer one.
pub(super) fn is_at_least(context: &Context, version: &str, least: &str) -> Result<bool, Failure> {
    let output = Process::tool(context, "dpkg")
        .args(["--compare-versions", version, "ge", least])
        .run()?;
    Ok(output.code == 0)
}

/// Whether a package is installed in a version that was wished for.
pub(super) fn is_there(context: &Context, wish: &Wish<'_>) -> Result<bool, Failure> {
    match installed_version(context, wish.name)? {
        Some(version) => is_good(context, wish, &version),
        None => Ok(false),
    }
}

/// The version of a package that is installed.
pub(super) fn installed_version(context: &Context, name: &str) -> Result<Option<String>, Failure> {
    let output = Process::tool(context, "dpkg-query")
        .args(["-W", "-f", "${db:Status-Status} ${Version}\n", name])
        .run()?;
    Ok(output.stdout.lines().find_map(|line| {
        line.strip_prefix("installed ")
            .map(|version| version.trim().to_owned())
    }))
}

/// Whether anything of a package is there, if only its configuration.
pub(super) fn has_files(context: &Context, name: &str) -> Result<bool, Failure> {
    let output = Process::tool(context, "dpkg-query").args(["-L", name]).run()?;
    Ok(output.code == 0 && !output.stdout.trim().is_empty())
}

/// What apt knows of a package's versions.
#[derive(Debug, Default, PartialEq, Eq)]
struct Policy {
    candidate: Option<String>,
    /// Newest first.
    versions: Vec<String>,
}

impl Policy {
    fn of(context: &Context, name: &str) -> Result<Self, Failure> {
        let output = Process::tool(context, "apt-cache")
            .args(release(context))
            .args(["policy", name])
            .run()?;
        Ok(Self::parse(&output.stdout))
    }

    fn parse(text: &str) -> Self {
        let mut policy = Self::default();
        for line in text.lines() {
            if let Some(candidate) = line.strip_prefix("  Candidate: ") {
                policy.candidate = (candidate != "(none)").then(|| candidate.to_owned());
            }
            // ` *** 1.0 500` is the installed version, `     1.0 500` another one.
            let version = line.strip_prefix(" *** ").or_else(|| line.strip_prefix("     "));
            if let Some(version) = version.filter(|version| !version.starts_with(' ')) {
                policy
                    .versions
                    .extend(version.split(' ').next().map(str::to_owned));
            }
        }
        policy
    }

    /// The version that would be installed.
    fn best(&self, wish: &Wish<'_>) -> Option<String> {
        match wish.version {
            Version::Any | Version::AtLeast(_) => self.candidate.clone(),
            Version::Like(pattern) => self
                .versions
                .iter()
                .find(|version| fits(pattern, version))
                .cloned(),
        }
    }
}

/// The packages that provide what a name means.
fn providers(context: &Context, name: &str) -> Result<Vec<String>, Failure> {
    let output = Process::tool(context, "apt-cache")
        .args(["showpkg", name])
        .run()?;
    let mut providers: Vec<String> = output
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with("Reverse Provides:"))
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    providers.sort();
    providers.dedup();
    Ok(providers)
}

/// Names with patterns replaced by the packages that apt knows.
pub(super) fn expand(context: &Context, names: &[String]) -> Result<Vec<String>, Failure> {
    let known = || -> Result<Vec<String>, Failure> {
        let output = Process::tool(context, "apt-cache").arg("pkgnames").run()?;
        Ok(output.stdout.lines().map(str::to_owned).collect())
    };
    expand_among(names, known)
}

fn expand_among(
    names: &[String],
    known: impl FnOnce() -> Result<Vec<String>, Failure>,
) -> Result<Vec<String>, Failure> {
    let is_pattern = |name: &str| Wish::parse(name).name.contains(['*', '?', '[']);
    if !names.iter().any(|name| is_pattern(name)) {
        return Ok(names.to_vec());
    }
    let mut known = known()?;
    known.sort();
    let mut expanded = Vec::new();
    for name in names {
        if !is_pattern(name) {
            expanded.push(name.clone());
            continue;
        }
        let pattern = Wish::parse(name).name;
        let before = expanded.len();
        expanded.extend(known.iter().filter(|known| fits(pattern, known)).cloned());
        if expanded.len() == before {
            return Err(Failure::new(format!(
                "No package(s) matching '{pattern}' available"
            )));
        }
    }
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "\
slipone:
  Installed: 1.1
  Candidate: 2.0
  Version table:
     2.0 500
        500 file:/run/repository ./ Packages
 *** 1.1 100
        100 /var/lib/dpkg/status
     1.0 500
        500 file:/run/repository ./ Packages
";

    #[test]
    fn the_best_version_is_the_candidate_or_the_newest_that_fits() {
        let policy = Policy::parse(POLICY);
        assert_eq!(policy.versions, ["2.0", "1.1", "1.0"]);
        for (wish, best) in [
            ("slipone", Some("2.0")),
            ("slipone=1.*", Some("1.1")),
            ("slipone=3.0", None),
            ("slipone>=1.0", Some("2.0")),
        ] {
            assert_eq!(policy.best(&Wish::parse(wish)).as_deref(), best, "{wish}");
        }
    }

    #[test]
    fn apt_get_is_told_what_is_missing_or_newer() {
        let status = |is_satisfied: bool, candidate: Option<&str>| Status {
            is_installed: true,
            is_satisfied,
            candidate: candidate.map_or(Candidate::None, |version| Candidate::Version(version.to_owned())),
        };
        for (wish, status, latest, argument) in [
            ("a", status(true, None), true, None),
            ("a", status(true, Some("2")), true, Some("a=2")),
            ("a>=1", status(true, Some("2")), false, None),
            ("a>=2", status(false, Some("2")), false, Some("a=2")),
            ("a=1.*", status(true, Some("1.2")), false, Some("a=1.*")),
            ("a=1.1", status(false, Some("1.1")), false, Some("a=1.1")),
        ] {
            let wish = Wish::parse(wish);
            assert_eq!(status.argument(&wish, latest).as_deref(), argument, "{wish:?}");
        }
        let provided = Status {
            is_installed: false,
            is_satisfied: false,
            candidate: Candidate::Any,
        };
        assert_eq!(provided.argument(&Wish::parse("a"), false).as_deref(), Some("a"));
    }

    #[test]
    fn patterns_are_expanded_among_what_is_known() {
        let known = || Ok(vec!["foo-b".to_owned(), "foo-a".to_owned(), "bar".to_owned()]);
        assert_eq!(
            expand_among(&["foo*".to_owned(), "x".to_owned()], known).unwrap(),
            ["foo-a", "foo-b", "x"]
        );
        assert!(expand_among(&["q*".to_owned()], known).is_err());
    }
}
