//! What dnf says that it would do: the table of a transaction.

use super::database::Package;

/// What a section of the table does to its packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// They come.
    Install,
    /// They come, and other versions of them go.
    Replace,
    /// They go.
    Remove,
}

/// Beginnings of the headings of sections.
const SECTIONS: [(&str, Kind); 5] = [
    ("Installing", Kind::Install),
    ("Upgrading", Kind::Replace),
    ("Downgrading", Kind::Replace),
    ("Reinstalling", Kind::Install),
    ("Removing", Kind::Remove),
];

/// Packages by what would be done to them: `Installed: bash-5.1.8-9.el9.x86_64`. What is replaced is looked up among the
/// packages that are there.
pub(super) fn parse(output: &str, installed: &[Package]) -> Vec<String> {
    let mut results = Vec::new();
    let mut section = None;
    // A name that leaves no space for the rest has a line of its own.
    let mut long_name: Option<&str> = None;
    for line in output.lines() {
        if line.starts_with("Transaction Summary") {
            break;
        }
        if !line.starts_with(' ') {
            section = section_of(line);
            continue;
        }
        let Some(kind) = section else { continue };
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (name, architecture, version) = match (long_name.take(), columns.as_slice()) {
            (None, ["replacing", rest @ ..]) => {
                results.extend(replaced(rest).map(|package| format!("Removed: {package}")));
                continue;
            }
            (None, [name]) => {
                long_name = Some(*name);
                continue;
            }
            (Some(name), [architecture, version, ..]) => (name, *architecture, *version),
            (None, [name, architecture, version, ..]) => (*name, *architecture, *version),
            _ => continue,
        };
        let word = if kind == Kind::Remove {
            "Removed"
        } else {
            "Installed"
        };
        results.push(format!("{word}: {}", shown(name, version, architecture)));
        if kind == Kind::Replace {
            let before = replaced_by(installed, name, architecture);
            results.extend(before.map(|package| format!("Removed: {package}")));
        }
    }
    results
}

/// Results of a transaction that is only downloaded.
pub(super) fn as_downloads(results: Vec<String>) -> Vec<String> {
    results
        .into_iter()
        .map(|result| match result.strip_prefix("Installed: ") {
            Some(package) => format!("Downloaded: {package}"),
            None => result,
        })
        .collect()
}

/// The section that a heading begins. Groups and modules are no packages.
fn section_of(heading: &str) -> Option<Kind> {
    if heading.ends_with("roups:") || heading.contains(" module ") && heading.ends_with("profiles:") {
        return None;
    }
    SECTIONS
        .iter()
        .find(|(start, _)| heading.starts_with(start))
        .map(|(_, kind)| *kind)
}

/// A package as results show it; an epoch of nothing is not shown.
fn shown(name: &str, version: &str, architecture: &str) -> String {
    format!(
        "{name}-{}.{architecture}",
        version.strip_prefix("0:").unwrap_or(version)
    )
}

/// The package of a line `replacing name.architecture version`, as dnf writes it, or `replacing name architecture version`, as dnf5 does.
fn replaced(columns: &[&str]) -> Option<String> {
    match columns {
        [name, version] => {
            let (name, architecture) = name.rsplit_once('.')?;
            Some(shown(name, version, architecture))
        }
        [name, architecture, version, ..] => Some(shown(name, version, architecture)),
        _ => None,
    }
}

/// The package that a new version replaces: that of the same architecture, or the only one.
fn replaced_by<'a>(installed: &'a [Package], name: &str, architecture: &str) -> Option<&'a Package> {
    let mut same_name = installed.iter().filter(|package| package.name == name);
    let same_architecture = same_name
        .clone()
        .find(|package| package.architecture == architecture);
    same_architecture.or_else(|| same_name.next())
}

#[cfg(test)]
mod tests {
    use super::super::database::tests::package;
    use super::*;

    const PLAN: &str = "\
Dependencies resolved.
================================================================================
 Package          Architecture   Version              Repository           Size
================================================================================
Installing:
 nginx            x86_64         1:1.20.1-14.el9      appstream            36 k
     replacing  httpd-tools.x86_64 2.4-1
Installing dependencies:
 nginx-with-a-very-long-name-of-its-own
                  x86_64         1:1.20.1-14.el9      appstream           566 k
Upgrading:
 bash             x86_64         5.2-1                baseos              1.7 M
Installing Groups:
 Web Server                                                                    
Removing:
 httpd            x86_64         2.4.57-5.el9         @appstream           59 k

Transaction Summary
================================================================================
Install  2 Packages
";

    #[test]
    fn a_plan_is_read_from_its_table() {
        let installed = [package("bash", "5.0", "i686"), package("bash", "5.1", "x86_64")];
        assert_eq!(
            parse(&format!("{PLAN}Operation aborted.\n"), &installed),
            [
                "Installed: nginx-1:1.20.1-14.el9.x86_64",
                "Removed: httpd-tools-2.4-1.x86_64",
                "Installed: nginx-with-a-very-long-name-of-its-own-1:1.20.1-14.el9.x86_64",
                "Installed: bash-5.2-1.x86_64",
                "Removed: bash-5.1-1.x86_64",
                "Removed: httpd-2.4.57-5.el9.x86_64",
            ]
        );
        assert!(parse("Dependencies resolved.\nNothing to do.\nComplete!\n", &installed).is_empty());
    }

    #[test]
    fn what_is_only_downloaded_is_not_installed() {
        let results = vec!["Installed: a-1-1.noarch".to_owned()];
        assert_eq!(as_downloads(results), ["Downloaded: a-1-1.noarch"]);
    }
}
