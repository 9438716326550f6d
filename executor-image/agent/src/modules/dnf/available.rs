//! `list`: packages and repositories that dnf knows.

use serde_json::Value;

use super::{check, options};
use crate::answer::{Answer, Outcome, answer};
use crate::context::Context;
use crate::process::Process;

/// Fields of a package, with a tab between two of them.
const FORMAT: &str = "%{name}\\t%{epoch}\\t%{version}\\t%{release}\\t%{arch}\\t%{reponame}\\n";

/// Lists what is asked for: `installed`, `updates`, `available`, `repos`, or packages by name.
pub(super) fn list(context: &Context, program: &str, wanted: &str) -> Outcome {
    let process = Process::tool(context, program)
        .args(options(context))
        .arg("--quiet");
    if wanted == "repos" || wanted == "repositories" {
        let output = process.args(["repolist", "--enabled"]).run()?;
        check(&output, "Failed to list repositories")?;
        let repositories: Vec<Value> = output
            .stdout
            .lines()
            .skip(1)
            .filter_map(|line| line.split_whitespace().next())
            .map(|id| serde_json::json!({"repoid": id, "state": "enabled"}))
            .collect();
        return Ok(answer!({"changed": false, "msg": "", "results": repositories}));
    }
    let selection: &[&str] = match wanted {
        "installed" => &["--installed"],
        "updates" | "upgrades" => &["--upgrades"],
        "available" => &["--available"],
        name => &["--available", name],
    };
    let output = process
        .args(["repoquery", "--queryformat", FORMAT])
        .args(selection)
        .run()?;
    check(&output, &format!("Failed to list {wanted}"))?;
    let mut packages: Vec<Answer> = output.stdout.lines().filter_map(package).collect();
    if !wanted.starts_with("installed") && selection.len() > 1 {
        let output = Process::tool(context, program)
            .args(options(context))
            .args([
                "--quiet",
                "repoquery",
                "--queryformat",
                FORMAT,
                "--installed",
                wanted,
            ])
            .run()?;
        packages.extend(output.stdout.lines().filter_map(package));
    }
    Ok(answer!({"changed": false, "msg": "", "results": packages}))
}

fn package(line: &str) -> Option<Answer> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, epoch, version, release, architecture, repository] = fields.as_slice() else {
        return None;
    };
    let is_installed = repository.starts_with('@');
    let nevra = format!("{epoch}:{name}-{version}-{release}.{architecture}");
    Some(answer!({
        "name": name, "epoch": epoch, "version": version, "release": release, "arch": architecture, "repo": repository,
        "nevra": format!("{name}-{epoch}:{version}-{release}.{architecture}"), "envra": nevra,
        "yumstate": if is_installed { "installed" } else { "available" },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_read_from_its_fields() {
        let found = package("bash\t0\t5.1.8\t9.el9\tx86_64\t@System").unwrap();
        assert_eq!(found["yumstate"], "installed");
        assert_eq!(found["envra"], "0:bash-5.1.8-9.el9.x86_64");
        assert!(package("Last metadata expiration check").is_none());
    }
}
