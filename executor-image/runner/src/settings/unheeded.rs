//! Settings of Ansible that nothing here heeds: who sets one is told so.

use super::{Surroundings, file::ConfigurationFile};

/// A setting that is not heeded.
#[derive(Debug, Clone, Copy)]
pub struct Unheeded {
    /// Its name.
    pub name: &'static str,
    /// Environment variables.
    pub environment: &'static [&'static str],
    /// Sections and keys of `ansible.cfg`.
    pub file: &'static [(&'static str, &'static str)],
    /// What Ansible does without it; setting that changes nothing.
    pub default: &'static str,
    /// What is done instead.
    pub instead: &'static str,
}

/// Every setting that is not heeded and would change what a run does.
pub const UNHEEDED: &[Unheeded] = &[
    Unheeded {
        name: "keep_remote_files",
        environment: &["ANSIBLE_KEEP_REMOTE_FILES"],
        file: &[("defaults", "keep_remote_files")],
        default: "false",
        instead: "no file of a module stays on a host",
    },
    Unheeded {
        name: "system_tmpdirs",
        environment: &["ANSIBLE_SYSTEM_TMPDIRS"],
        file: &[("defaults", "system_tmpdirs")],
        default: "/var/tmp,/tmp",
        instead: "the agent chooses where its temporary files are",
    },
    Unheeded {
        name: "run_vars_plugins",
        environment: &["ANSIBLE_RUN_VARS_PLUGINS"],
        file: &[("defaults", "run_vars_plugins")],
        default: "demand",
        instead: "variables files are read where a task needs them",
    },
    Unheeded {
        name: "strategy_plugins",
        environment: &["ANSIBLE_STRATEGY_PLUGINS"],
        file: &[("defaults", "strategy_plugins")],
        default: "{home}/plugins/strategy:/usr/share/ansible/plugins/strategy",
        instead: "strategies in Python are not loaded",
    },
    Unheeded {
        name: "playbook_vars_root",
        environment: &["ANSIBLE_PLAYBOOK_VARS_ROOT"],
        file: &[("defaults", "playbook_vars_root")],
        default: "top",
        instead: "variables files are read beside the playbook that was named",
    },
    Unheeded {
        name: "jinja2_extensions",
        environment: &["ANSIBLE_JINJA2_EXTENSIONS"],
        file: &[("defaults", "jinja2_extensions")],
        default: "",
        instead: "there are no extensions in Python",
    },
    Unheeded {
        name: "string_type_filters",
        environment: &["ANSIBLE_STRING_TYPE_FILTERS"],
        file: &[("jinja2", "dont_type_filters")],
        default: "string,to_json,to_nice_json,to_yaml,to_nice_yaml,ppretty,json",
        instead: "the usual filters keep text as text",
    },
    Unheeded {
        name: "max_diff_size",
        environment: &["ANSIBLE_MAX_DIFF_SIZE"],
        file: &[("defaults", "max_diff_size")],
        default: "104448",
        instead: "the usual limit counts",
    },
    Unheeded {
        name: "display_args_to_stdout",
        environment: &["ANSIBLE_DISPLAY_ARGS_TO_STDOUT"],
        file: &[("defaults", "display_args_to_stdout")],
        default: "false",
        instead: "banners show names alone",
    },
    Unheeded {
        name: "show_per_host_start",
        environment: &["ANSIBLE_SHOW_PER_HOST_START"],
        file: &[("defaults", "show_per_host_start")],
        default: "false",
        instead: "the end of a task is told for each host, not its beginning",
    },
];

/// Warnings of those that are set to something else than their defaults.
pub(super) fn warnings(surroundings: &Surroundings, file: &ConfigurationFile) -> Vec<String> {
    UNHEEDED
        .iter()
        .filter_map(|setting| {
            let from_environment = setting.environment.iter().find_map(|name| {
                let value = surroundings.variable(name)?;
                Some((value, (*name).to_owned()))
            });
            let from_file = || {
                setting.file.iter().find_map(|(section, key)| {
                    let value = file.get(section, key)?;
                    Some((value, format!("[{section}] {key} in {}", file.path.display())))
                })
            };
            let (value, origin) = from_environment.or_else(from_file)?;
            (!value.trim().eq_ignore_ascii_case(setting.default)).then(|| {
                format!(
                    "the setting {} (from {origin}) is not heeded: {}",
                    setting.name, setting.instead
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::TABLE;

    #[test]
    fn a_setting_is_heeded_or_not_but_not_both() {
        for setting in UNHEEDED {
            let environment = setting.environment;
            let heeded = TABLE.iter().find(|row| {
                row.name == setting.name || row.environment.iter().any(|name| environment.contains(name))
            });
            assert!(heeded.is_none(), "{}", setting.name);
        }
    }
}
