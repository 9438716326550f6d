//! Settings that a later version of Ansible does not have: who sets one is told so.

use super::{Surroundings, file::ConfigurationFile};

/// A setting, or one of the places of a setting, that goes.
#[derive(Debug, Clone, Copy)]
pub struct Deprecated {
    /// What it is called when it is told.
    pub name: &'static str,
    /// Environment variables.
    pub environment: &'static [&'static str],
    /// Sections and keys of `ansible.cfg`.
    pub file: &'static [(&'static str, &'static str)],
    /// Environment variables beside which nobody looks at the file.
    stronger: &'static [&'static str],
    why: &'static str,
    instead: &'static str,
    version: &'static str,
}

/// That a setting goes, and in which version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deprecation {
    /// For a person.
    pub text: String,
    /// The version that does not have it.
    pub version: &'static str,
}

const MOVED: &str = "This option was moved to the plugin itself";
const OF_PLUGIN: &str = "Use the option from the plugin itself.";

/// Every setting that goes, in the order in which Ansible tells of them.
pub const DEPRECATED: &[Deprecated] = &[
    Deprecated {
        name: "ANSIBLE_CONNECTION_PATH",
        environment: &["ANSIBLE_CONNECTION_PATH"],
        file: &[("persistent_connection", "ansible_connection_path")],
        stronger: &[],
        why: "This setting has no effect.",
        instead: "none",
        version: "2.22",
    },
    Deprecated {
        name: "ANSIBLE_COLLECTIONS_PATHS",
        environment: &["ANSIBLE_COLLECTIONS_PATHS"],
        file: &[],
        stronger: &[],
        why: "does not fit var naming standard, use the singular form ANSIBLE_COLLECTIONS_PATH instead",
        instead: "none",
        version: "2.19",
    },
    Deprecated {
        name: "[defaults]collections_paths",
        environment: &[],
        file: &[("defaults", "collections_paths")],
        stronger: &["ANSIBLE_COLLECTIONS_PATHS", "ANSIBLE_COLLECTIONS_PATH"],
        why: "does not fit var naming standard, use the singular form collections_path instead",
        instead: "none",
        version: "2.19",
    },
    Deprecated {
        name: "PARAMIKO_HOST_KEY_AUTO_ADD",
        environment: &["ANSIBLE_PARAMIKO_HOST_KEY_AUTO_ADD"],
        file: &[("paramiko_connection", "host_key_auto_add")],
        stronger: &[],
        why: MOVED,
        instead: OF_PLUGIN,
        version: "2.20",
    },
    Deprecated {
        name: "PARAMIKO_LOOK_FOR_KEYS",
        environment: &["ANSIBLE_PARAMIKO_LOOK_FOR_KEYS"],
        file: &[("paramiko_connection", "look_for_keys")],
        stronger: &[],
        why: MOVED,
        instead: OF_PLUGIN,
        version: "2.20",
    },
    Deprecated {
        name: "STRING_CONVERSION_ACTION",
        environment: &["ANSIBLE_STRING_CONVERSION_ACTION"],
        file: &[("defaults", "string_conversion_action")],
        stronger: &[],
        why: "This option is no longer used in the Ansible Core code base.",
        instead: "There is no alternative at the moment. A different mechanism would have to be implemented in the current code base.",
        version: "2.19",
    },
];

/// What is to be told of those that are set.
pub(super) fn found(surroundings: &Surroundings, file: &ConfigurationFile) -> Vec<Deprecation> {
    let is_in_environment = |names: &[&str]| names.iter().any(|name| surroundings.variable(name).is_some());
    let is_in_file = |setting: &Deprecated| {
        !is_in_environment(setting.stronger)
            && setting
                .file
                .iter()
                .any(|(section, key)| file.get(section, key).is_some())
    };
    DEPRECATED
        .iter()
        .filter(|setting| is_in_environment(setting.environment) || is_in_file(setting))
        .map(|setting| Deprecation {
            text: format!(
                "{} option. Reason: {} Alternatives: {}",
                setting.name, setting.why, setting.instead
            ),
            version: setting.version,
        })
        .collect()
}
