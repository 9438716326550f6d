//! `list`: packages and repositories that dnf knows.

use serde_json::Value;

use super::database::Package;
use super::{Dnf, refusal};
use crate::answer::{Answer, Failure, Outcome, answer};

/// Fields of a package, with a tab between two of them.
const FORMAT: &str = "%{name}\\t%{epoch}\\t%{version}\\t%{release}\\t%{arch}\\t%{reponame}\\n";

/// Lists what is asked for: `installed`, `updates`, `available`, `repos`, or packages by name.
pub(super) fn list(dnf: &Dnf<'_>, wanted: &str) -> Outcome {
    if matches!(wanted, "repos" | "repositories") {
        let process = dnf.process().args(["--quiet", "repolist", "--enabled"]);
        let output = refusal::must(process.run()?, &[])?;
        let repositories: Vec<Value> = output
            .stdout
            .lines()
            .skip(1)
            .filter_map(|line| line.split_whitespace().next())
            .map(|id| serde_json::json!({"repoid": id, "state": "enabled"}))
            .collect();
        return Ok(answer!({"changed": false, "msg": "", "results": repositories}));
    }
    let packages = match wanted {
        "installed" => available(dnf, &["--installed"])?,
        "updates" | "upgrades" => available(dnf, &["--upgrades"])?,
        "available" => available(dnf, &["--available"])?,
        name => {
            let named = everywhere(dnf, &[name])?;
            if named.is_empty() {
                everywhere(dnf, &["--whatprovides", name])?
            } else {
                named
            }
        }
    };
    let packages: Vec<Answer> = packages
        .iter()
        .map(|(package, repository)| shown(package, repository))
        .collect();
    Ok(answer!({"changed": false, "msg": "", "results": packages}))
}

fn everywhere(dnf: &Dnf<'_>, selection: &[&str]) -> Result<Vec<(Package, String)>, Failure> {
    let installed = available(dnf, &[&["--installed"], selection].concat())?;
    Ok([
        installed,
        available(dnf, &[&["--available"], selection].concat())?,
    ]
    .concat())
}

/// Packages that dnf finds, each with the repository that it is in.
pub(super) fn available(dnf: &Dnf<'_>, selection: &[&str]) -> Result<Vec<(Package, String)>, Failure> {
    let output = dnf
        .process()
        .args(["--quiet", "repoquery", "--queryformat", FORMAT])
        .args(selection)
        .run()?;
    let output = refusal::must(output, &[])?;
    Ok(output.stdout.lines().filter_map(parse).collect())
}

fn parse(line: &str) -> Option<(Package, String)> {
    let fields: Vec<&str> = line.split('\t').collect();
    let (repository, fields) = fields.split_last()?;
    Some((Package::of(fields)?, (*repository).to_owned()))
}

/// A package as results show it.
fn shown(package: &Package, repository: &str) -> Answer {
    let Package {
        name,
        epoch,
        version,
        release,
        architecture,
    } = package;
    let envra = format!("{epoch}:{name}-{version}-{release}.{architecture}");
    answer!({
        "name": name,
        "epoch": epoch,
        "version": version,
        "release": release,
        "arch": architecture,
        "repo": repository,
        "envra": envra,
        "nevra": envra,
        "yumstate": if repository.starts_with('@') { "installed" } else { "available" },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_read_from_its_fields() {
        let (package, repository) = parse("bash\t0\t5.1.8\t9.el9\tx86_64\t@System").unwrap();
        let found = shown(&package, &repository);
        assert_eq!(found["yumstate"], "installed");
        assert_eq!(found["envra"], "0:bash-5.1.8-9.el9.x86_64");
        assert!(parse("Last metadata expiration check").is_none());
    }
}
