//! `ansible.builtin.package_facts`: what packages are installed.

mod dpkg;
mod others;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::answer::{Answer, Failure, Outcome, answer};
use crate::context::Context;
use crate::process::require_program;

/// Installed packages by name; a name may be there in several versions or architectures.
type Packages = Map<String, Value>;

/// A package manager whose packages can be listed.
struct Manager {
    name: &'static str,
    aliases: &'static [&'static str],
    /// The program that lists them.
    program: &'static str,
    list: fn(&Context) -> Result<Vec<Answer>, Failure>,
}

/// In the order in which they are tried.
const MANAGERS: [Manager; 4] = [
    Manager {
        name: "rpm",
        aliases: &["dnf", "dnf5", "yum", "zypper"],
        program: "rpm",
        list: others::rpm,
    },
    Manager {
        name: "apt",
        aliases: &[],
        program: "dpkg-query",
        list: dpkg::packages,
    },
    Manager {
        name: "apk",
        aliases: &[],
        program: "apk",
        list: others::apk,
    },
    Manager {
        name: "pacman",
        aliases: &[],
        program: "pacman",
        list: others::pacman,
    },
];

/// Package managers that Ansible knows and that no Linux distribution has which is managed here.
const ELSEWHERE: [&str; 6] = ["openbsd_pkg", "pkg", "pkg5", "pkg_info", "pkgng", "portage"];

pub(super) fn run(context: &mut Context) -> Outcome {
    let given = context.args.list("manager");
    let asked: Vec<String> = given.iter().map(|name| name.to_lowercase()).collect();
    let unknown: BTreeSet<&str> = asked
        .iter()
        .map(String::as_str)
        .filter(|name| *name != "auto" && find(name).is_none() && !ELSEWHERE.contains(name))
        .collect();
    if !unknown.is_empty() {
        let message = if given.iter().any(|name| name == "auto") {
            "Could not auto detect a usable package manager, check warnings for details.".to_owned()
        } else {
            let unknown: Vec<&str> = unknown.into_iter().collect();
            format!("Unsupported package managers requested: {}", unknown.join(", "))
        };
        return Err(Failure::new(message));
    }
    let mut wanted: Vec<&Manager> = asked.iter().filter_map(|name| find(name)).collect();
    if asked.iter().any(|name| name == "auto") {
        wanted.extend(&MANAGERS);
    }
    let mut seen = BTreeSet::new();
    wanted.retain(|manager| seen.insert(manager.name));
    let only_first = context.args.required("strategy") == "first";
    let mut packages = Packages::new();
    let mut found_one = false;
    for manager in wanted {
        let is_asked = asked.iter().any(|name| name == manager.name);
        if let Err(absent) = require_program(context, manager.program) {
            if is_asked {
                context.warn(format!(
                    "Requested package manager {} was not usable by this module: {}",
                    manager.name,
                    absent.message()
                ));
            }
            continue;
        }
        let listed = match (manager.list)(context) {
            Ok(listed) => listed,
            Err(failure) => {
                found_one = true;
                context.warn(format!(
                    "Failed to retrieve packages with {}: {}",
                    manager.name,
                    failure.message()
                ));
                continue;
            }
        };
        // A program without a database of its own (rpm on Debian) lists nothing: where nobody has asked for it, it is passed over.
        if listed.is_empty() && !is_asked {
            continue;
        }
        found_one = true;
        for package in listed {
            add(&mut packages, package, manager.name);
        }
        if only_first {
            break;
        }
    }
    if !found_one {
        let asked = Value::from(asked);
        return Err(Failure::new(format!(
            "Could not detect a supported package manager from the following list: {}, or the required Python library is \
             not installed. Check warnings for details.",
            crate::python_text::repr(&asked)
        )));
    }
    Ok(answer!({"changed": false, "ansible_facts": {"packages": packages}}))
}

fn find(name: &str) -> Option<&'static Manager> {
    MANAGERS
        .iter()
        .find(|manager| manager.name == name || manager.aliases.contains(&name))
}

fn add(packages: &mut Packages, mut package: Answer, source: &str) {
    let Some(name) = package.get("name").and_then(Value::as_str).map(str::to_owned) else {
        return;
    };
    package.insert("source".to_owned(), source.into());
    let versions = packages.entry(name).or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(versions) = versions {
        versions.push(Value::Object(package));
    }
}
