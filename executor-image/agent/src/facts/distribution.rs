//! Which distribution this is.

use std::collections::HashMap;
use std::path::Path;

use super::{Facts, read};
use crate::answer::answer;
use crate::context::Context;

/// Names of distributions in Ansible, by the `ID` of os-release.
const NAMES: [(&str, &str); 22] = [
    ("debian", "Debian"),
    ("ubuntu", "Ubuntu"),
    ("rhel", "RedHat"),
    ("centos", "CentOS"),
    ("rocky", "Rocky"),
    ("almalinux", "AlmaLinux"),
    ("ol", "OracleLinux"),
    ("fedora", "Fedora"),
    ("amzn", "Amazon"),
    ("sles", "SLES"),
    ("opensuse-leap", "openSUSE Leap"),
    ("opensuse-tumbleweed", "openSUSE Tumbleweed"),
    ("alpine", "Alpine"),
    ("arch", "Archlinux"),
    ("openEuler", "openEuler"),
    ("kylin", "Kylin Linux Advanced Server"),
    ("uos", "Uos"),
    ("anolis", "Anolis"),
    ("flatcar", "Flatcar"),
    ("linuxmint", "Linux Mint"),
    ("kali", "Kali"),
    ("gentoo", "Gentoo"),
];

/// Families of distributions, by Ansible's names.
const FAMILIES: [(&str, &[&str]); 8] = [
    ("Debian", &["Debian", "Ubuntu", "Linux Mint", "Kali", "Uos"]),
    (
        "RedHat",
        &[
            "RedHat",
            "CentOS",
            "Rocky",
            "AlmaLinux",
            "OracleLinux",
            "Fedora",
            "Amazon",
            "openEuler",
            "Kylin Linux Advanced Server",
            "Anolis",
        ],
    ),
    ("Suse", &["SLES", "openSUSE Leap", "openSUSE Tumbleweed"]),
    ("Alpine", &["Alpine"]),
    ("Archlinux", &["Archlinux"]),
    ("Flatcar", &["Flatcar"]),
    ("Gentoo", &["Gentoo"]),
    ("NA", &[]),
];

/// The variables of a file of shell assignments.
fn variables(path: impl AsRef<Path>) -> HashMap<String, String> {
    let text = read(path).unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let (key, value) = line.split_once('=')?;
            Some((
                key.trim().to_owned(),
                value.trim().trim_matches(['"', '\'']).to_owned(),
            ))
        })
        .collect()
}

/// The file that says what the distribution is, and its name in Ansible.
fn release_file() -> (&'static str, HashMap<String, String>) {
    ["/etc/os-release", "/usr/lib/os-release"]
        .into_iter()
        .map(|path| (path, variables(path)))
        .find(|(_, variables)| !variables.is_empty())
        .unwrap_or(("/etc/os-release", HashMap::new()))
}

/// The distribution's name and its family, as Ansible calls them.
fn name_and_family(release: &HashMap<String, String>) -> (String, String) {
    let value = |key: &str| release.get(key).cloned().unwrap_or_default();
    let id = value("ID");
    let name = NAMES.iter().find(|(known, _)| *known == id).map_or_else(
        || {
            value("NAME")
                .split_whitespace()
                .next()
                .unwrap_or("Linux")
                .to_owned()
        },
        |(_, name)| (*name).to_owned(),
    );
    let family = FAMILIES
        .iter()
        .find(|(_, members)| members.contains(&name.as_str()))
        .map_or_else(
            || family_like(&value("ID_LIKE"), &name),
            |(family, _)| (*family).to_owned(),
        );
    (name, family)
}

/// The distribution's family: `Debian`, `RedHat`.
pub(crate) fn family() -> String {
    name_and_family(&release_file().1).1
}

pub(super) fn collect(_: &Context) -> Facts {
    let (path, release) = release_file();
    let value = |key: &str| release.get(key).cloned().unwrap_or_default();
    let (name, family) = name_and_family(&release);
    let mut version = value("VERSION_ID");
    // Debian's os-release has no point release; its own file does.
    if name == "Debian"
        && let Some(full) =
            read("/etc/debian_version").filter(|full| full.starts_with(&format!("{version}.")))
    {
        version = full;
    }
    let mut parts = version.split('.');
    let major = parts.next().unwrap_or_default().to_owned();
    let minor = parts.next().map(str::to_owned);
    let release_name = ["VERSION_CODENAME", "UBUNTU_CODENAME"]
        .into_iter()
        .map(value)
        .find(|name| !name.is_empty())
        .or_else(|| code_name(&value("VERSION")))
        .unwrap_or_else(|| "NA".to_owned());
    let mut facts = answer!({
        "distribution": name,
        "distribution_version": if version.is_empty() { "NA".to_owned() } else { version },
        "distribution_major_version": if major.is_empty() { "NA".to_owned() } else { major },
        "distribution_release": release_name,
        "distribution_file_parsed": !release.is_empty(),
        "distribution_file_path": path,
        "distribution_file_variety": family.clone(),
        "os_family": family,
    });
    if name == "Debian"
        && let Some(minor) = minor
    {
        facts.insert("distribution_minor_version".to_owned(), minor.into());
    }
    facts
}

/// `Plow` of `9.4 (Plow)`.
fn code_name(version: &str) -> Option<String> {
    let (_, name) = version.split_once('(')?;
    Some(name.trim_end_matches(')').to_owned())
}

fn family_like(like: &str, name: &str) -> String {
    for (word, family) in [
        ("debian", "Debian"),
        ("rhel", "RedHat"),
        ("fedora", "RedHat"),
        ("suse", "Suse"),
    ] {
        if like.split_whitespace().any(|known| known == word) {
            return family.to_owned();
        }
    }
    name.to_owned()
}

pub(super) fn lsb(_: &Context) -> Facts {
    let lsb = variables("/etc/lsb-release");
    let (_, release) = release_file();
    let value = |key: &str, fallback: &str| {
        lsb.get(key)
            .or_else(|| release.get(fallback))
            .cloned()
            .unwrap_or_default()
    };
    let program = ["/usr/bin/lsb_release", "/bin/lsb_release"]
        .iter()
        .any(|path| Path::new(path).exists());
    if lsb.is_empty() && !program {
        return answer!({"lsb": {}});
    }
    let id = value("DISTRIB_ID", "ID");
    let id = NAMES
        .iter()
        .find(|(known, _)| *known == id)
        .map_or(id.clone(), |(_, name)| (*name).to_owned());
    let number = value("DISTRIB_RELEASE", "VERSION_ID");
    let major = number.split('.').next().unwrap_or_default().to_owned();
    answer!({"lsb": {
        "id": id,
        "release": number,
        "description": value("DISTRIB_DESCRIPTION", "PRETTY_NAME"),
        "codename": value("DISTRIB_CODENAME", "VERSION_CODENAME"),
        "major_release": major,
    }})
}
