//! Packages of Debian and its kin.

use std::collections::HashMap;

use crate::answer::{Answer, Failure, answer};
use crate::context::Context;
use crate::process::Process;

/// Every installed package, with the section that its repository has it in and the origin of that.
pub(super) fn packages(context: &Context) -> Result<Vec<Answer>, Failure> {
    let output = Process::tool(context, "dpkg-query")
        .args([
            "-W",
            "-f",
            "${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\t${Section}\n",
        ])
        .run()?;
    let installed: Vec<[&str; 4]> = output.stdout.lines().filter_map(installed).collect();
    let origins = origins(context, &installed)?;
    let sections = sections(context, &installed)?;
    let native = Process::tool(context, "dpkg").arg("--print-architecture").run()?;
    Ok(installed
        .into_iter()
        .map(|[name, version, architecture, section]| {
            let key = (name.to_owned(), architecture.to_owned());
            let section = sections.get(&key).map_or(section, String::as_str);
            let origin = origins.get(&key).map_or("", String::as_str);
            let shown = if ["all", native.stdout.trim()].contains(&architecture) {
                name.to_owned()
            } else {
                qualified(name, architecture)
            };
            answer!({
                "name": shown, "version": version, "arch": architecture, "category": section, "origin": origin,
            })
        })
        .collect())
}

/// A package's name as apt's programs understand it.
fn qualified(name: &str, architecture: &str) -> String {
    match architecture {
        "all" => name.to_owned(),
        architecture => format!("{name}:{architecture}"),
    }
}

/// The section of every package's installed version, by name and architecture: a repository may have it in another one than it was
/// built for.
fn sections(
    context: &Context,
    installed: &[[&str; 4]],
) -> Result<HashMap<(String, String), String>, Failure> {
    let versions = installed
        .iter()
        .map(|[name, version, architecture, _]| format!("{}={version}", qualified(name, architecture)));
    let output = Process::tool(context, "apt-cache")
        .arg("show")
        .args(versions)
        .run()?;
    Ok(output.stdout.split("\n\n").filter_map(section).collect())
}

/// Name, architecture and section of a package's record.
fn section(record: &str) -> Option<((String, String), String)> {
    let field = |name: &str| {
        let value = record.lines().find_map(|line| line.strip_prefix(name))?;
        Some(value.trim().to_owned())
    };
    Some(((field("Package:")?, field("Architecture:")?), field("Section:")?))
}

fn installed(line: &str) -> Option<[&str; 4]> {
    let mut fields = line.split('\t');
    // A package that is half configured is there all the same.
    let is_there = !matches!(fields.next()?, "not-installed" | "config-files");
    let package = [fields.next()?, fields.next()?, fields.next()?, fields.next()?];
    is_there.then_some(package)
}

/// The origin of every package's installed version, by name and architecture.
fn origins(context: &Context, installed: &[[&str; 4]]) -> Result<HashMap<(String, String), String>, Failure> {
    let sources = Process::tool(context, "apt-cache").arg("policy").run()?;
    let releases = releases(&sources.stdout);
    let names = installed
        .iter()
        .map(|[name, _, architecture, _]| qualified(name, architecture));
    let output = Process::tool(context, "apt-cache")
        .arg("policy")
        .args(names)
        .run()?;
    let mut origins = HashMap::new();
    // What is asked for is answered in the same order, an unknown package not at all.
    let mut asked = installed.iter();
    for (heading, source) in installed_sources(&output.stdout) {
        let name = heading.split(':').next().unwrap_or(heading);
        let architecture = heading.split_once(':').map(|(_, architecture)| architecture);
        let Some([_, _, found, _]) = asked.find(|[known, _, known_architecture, _]| {
            *known == name && architecture.is_none_or(|architecture| architecture == *known_architecture)
        }) else {
            break;
        };
        let origin = source.and_then(|source| releases.get(source)).cloned();
        origins.insert((name.to_owned(), (*found).to_owned()), origin.unwrap_or_default());
    }
    Ok(origins)
}

/// Origins by source, as `apt-cache policy` lists them: a line of the source, then one of its release.
fn releases(policy: &str) -> HashMap<&str, String> {
    let mut releases = HashMap::new();
    let mut source = "";
    for line in policy.lines() {
        let text = line.trim();
        if let Some(release) = text.strip_prefix("release ") {
            let origin = release
                .split(',')
                .find_map(|field| field.strip_prefix("o="))
                .unwrap_or_default();
            releases.entry(source).or_insert_with(|| origin.to_owned());
        } else if let Some((priority, rest)) = text.split_once(' ')
            && priority.parse::<i32>().is_ok()
        {
            source = rest.trim();
        }
    }
    releases
}

/// For every package of `apt-cache policy NAME…` its heading and the first source of the installed version.
fn installed_sources(policy: &str) -> Vec<(&str, Option<&str>)> {
    let mut sources: Vec<(&str, Option<&str>)> = Vec::new();
    let mut in_installed = false;
    for line in policy.lines() {
        if !line.starts_with(' ') {
            sources.push((line.trim_end_matches(':'), None));
            in_installed = false;
        } else if line.starts_with(" ***") {
            in_installed = true;
        } else if line.starts_with("        ") {
            if let (true, Some((_, source @ None))) = (in_installed, sources.last_mut()) {
                *source = line.trim().split_once(' ').map(|(_, source)| source.trim());
            }
        } else {
            in_installed = false;
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCES: &str = "\
Package files:
 100 /var/lib/dpkg/status
     release a=now
 500 http://deb.debian.org/debian bookworm/main amd64 Packages
     release v=12.8,o=Debian,a=stable,n=bookworm,l=Debian,c=main,b=amd64
     origin deb.debian.org
Pinned packages:
";

    const PACKAGES: &str = "\
bash:
  Installed: 5.2
  Candidate: 5.3
  Version table:
     5.3 500
        500 http://other.example stable/main amd64 Packages
 *** 5.2 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
local:
  Installed: 1
  Version table:
 *** 1 100
        100 /var/lib/dpkg/status
";

    #[test]
    fn the_origin_is_that_of_the_source_of_the_installed_version() {
        let releases = releases(SOURCES);
        let sources = installed_sources(PACKAGES);
        assert_eq!(sources.len(), 2);
        assert_eq!(releases[sources[0].1.unwrap()], "Debian");
        assert_eq!(releases[sources[1].1.unwrap()], "");
    }

    #[test]
    fn a_section_is_that_of_the_record() {
        let record =
            "Package: debugedit\nArchitecture: amd64\nDescription: x\n Section: none\nSection: admin\n";
        let key = ("debugedit".to_owned(), "amd64".to_owned());
        assert_eq!(section(record), Some((key, "admin".to_owned())));
        assert_eq!(section(""), None);
    }

    #[test]
    fn removed_packages_are_not_installed() {
        assert_eq!(
            installed("installed\tbash\t5.2\tamd64\tshells"),
            Some(["bash", "5.2", "amd64", "shells"])
        );
        assert_eq!(installed("config-files\tx\t1\tall\tmisc"), None);
    }
}
