//! The table of modules and their parameters, as ansible-core 2.18 and its collections document them.
//!
//! A parameter that the agent does not carry out is not in the table, so the runner refuses it when it loads a
//! playbook instead of passing it over.

#[macro_use]
mod parameter;
mod commands;
mod control;
mod edits;
mod files;
mod host;
mod kubernetes;
mod network;
mod packages;
mod repositories;
mod security;
mod services;
mod software;
mod system;

/// What is known of a module before it runs.
#[derive(Debug, Clone, Copy)]
pub struct ModuleSpec {
    /// Fully qualified name.
    pub name: &'static str,
    /// Where it is carried out.
    pub side: Side,
    /// Whether it takes text instead of (or besides) named arguments: `command: echo hello`.
    pub free_form: bool,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// Whether it takes arguments of any name besides its parameters, as `set_fact` does.
    pub any_parameter: bool,
}

/// Where a module is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// By the agent on the host.
    Agent,
    /// By the runner, which reads files or renders templates and then calls the agent.
    Both,
    /// By the runner alone: `set_fact`, `debug`, `include_tasks`.
    Runner,
}

/// A parameter of a module.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What values it takes.
    pub kind: Kind,
    /// What a list's elements are; [`Kind::Str`] for every other kind.
    pub elements: Kind,
    /// Whether it must be given.
    pub required: bool,
    /// The only values it takes; empty for any.
    pub choices: &'static [&'static str],
    /// The value when it is not given, in YAML's form.
    pub default: Option<&'static str>,
    /// Whether its value is a secret.
    pub no_log: bool,
}

/// The type of a parameter, by Ansible's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `str`: numbers and booleans are turned into text.
    Str,
    /// `bool`: yes/no/on/off/1/0/true/false in any case.
    Bool,
    /// `int`: text of digits is taken too.
    Int,
    /// `float`.
    Float,
    /// `list`: a string is split at commas.
    List,
    /// `dict`: JSON text is taken too.
    Dict,
    /// `path`: `~` and environment variables are expanded on the host.
    Path,
    /// `raw`: as it is.
    Raw,
}

impl Kind {
    /// Ansible's name of the type, for messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Str => "str",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::List => "list",
            Self::Dict => "dict",
            Self::Path => "path",
            Self::Raw => "raw",
        }
    }
}

impl ModuleSpec {
    /// The parameter with this name or alias.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters
            .iter()
            .find(|parameter| parameter.name == name || parameter.aliases.contains(&name))
    }

    /// Whether it takes an argument of this name, itself or on behalf of the module that does the work.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        let hands_on = |to: &&str| find(to).is_some_and(|module| module.parameter(name).is_some());
        self.any_parameter
            || self.parameter(name).is_some()
            || HAND_ON
                .iter()
                .any(|(module, others)| *module == self.name && others.iter().any(hands_on))
    }

    /// The name without its collection, `copy` of `ansible.builtin.copy`.
    #[must_use]
    pub fn short_name(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }
}

/// Modules that hand their arguments on to whatever manages the host, which is not known before the host is.
static HAND_ON: &[(&str, &[&str])] = &[
    (
        "ansible.builtin.package",
        &["ansible.builtin.apt", "ansible.builtin.dnf"],
    ),
    (
        "ansible.builtin.service",
        &["ansible.builtin.systemd_service", "ansible.builtin.sysvinit"],
    ),
];

/// Other names of modules, by their short names, as Ansible redirects them.
static REDIRECTS: &[(&str, &str)] = &[("systemd", "systemd_service"), ("yum", "dnf"), ("dnf5", "dnf")];

/// The module of this name: fully qualified (`ansible.builtin.copy`, `ansible.posix.mount`), under `ansible.legacy.`, or
/// short (`copy`, `mount`).
#[must_use]
pub fn find(name: &str) -> Option<&'static ModuleSpec> {
    let name = name
        .strip_prefix("ansible.builtin.")
        .or_else(|| name.strip_prefix("ansible.legacy."))
        .unwrap_or(name);
    let name = REDIRECTS
        .iter()
        .find(|(from, _)| *from == name)
        .map_or(name, |(_, to)| to);
    modules().find(|module| module.name == name || module.short_name() == name)
}

/// Every module.
pub fn modules() -> impl Iterator<Item = &'static ModuleSpec> {
    [
        commands::MODULES,
        control::MODULES,
        edits::MODULES,
        files::MODULES,
        host::MODULES,
        kubernetes::MODULES,
        network::MODULES,
        packages::MODULES,
        repositories::MODULES,
        security::MODULES,
        services::MODULES,
        software::MODULES,
        system::MODULES,
    ]
    .into_iter()
    .flatten()
}

/// Every name that [`find`] takes, for suggestions: full names first, then short ones.
pub fn names() -> impl Iterator<Item = &'static str> {
    modules()
        .map(|module| module.name)
        .chain(modules().map(ModuleSpec::short_name))
        .chain(REDIRECTS.iter().map(|(from, _)| *from))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_module_is_found_by_full_legacy_short_and_redirected_name() {
        for (name, full) in [
            ("ansible.builtin.copy", "ansible.builtin.copy"),
            ("ansible.legacy.copy", "ansible.builtin.copy"),
            ("copy", "ansible.builtin.copy"),
            ("ansible.posix.sysctl", "ansible.posix.sysctl"),
            ("sysctl", "ansible.posix.sysctl"),
            ("community.general.modprobe", "community.general.modprobe"),
            ("ansible.builtin.systemd", "ansible.builtin.systemd_service"),
        ] {
            assert_eq!(find(name).map(|module| module.name), Some(full), "{name}");
        }
        for name in ["copi", "community.general.copy", "ansible.posix.", ""] {
            assert!(find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_module_that_hands_its_arguments_on_takes_those_of_the_others() {
        for (module, argument, taken) in [
            ("package", "cache_valid_time", true),
            ("package", "enablerepo", true),
            ("service", "daemon_reload", true),
            ("service", "daemonise", false),
            ("apt", "enablerepo", false),
            ("set_fact", "anything", true),
        ] {
            let takes = find(module).is_some_and(|module| module.takes(argument));
            assert_eq!(takes, taken, "{module}: {argument}");
        }
    }

    #[test]
    fn short_names_and_parameter_names_are_unambiguous() {
        let mut modules_seen = HashSet::new();
        for module in modules() {
            assert!(modules_seen.insert(module.short_name()), "{}", module.name);
            let mut parameters_seen = HashSet::new();
            for parameter in module.parameters {
                for name in parameter.aliases.iter().chain([&parameter.name]) {
                    assert!(parameters_seen.insert(*name), "{}: {name}", module.name);
                }
            }
        }
    }

    #[test]
    fn a_default_is_one_of_the_choices_and_not_of_a_required_parameter() {
        for module in modules() {
            for parameter in module.parameters {
                let Some(default) = parameter.default else {
                    continue;
                };
                assert!(!parameter.required, "{}: {}", module.name, parameter.name);
                assert!(
                    parameter.choices.is_empty()
                        || parameter.choices.contains(&default)
                        || parameter.kind == Kind::List,
                    "{}: {}",
                    module.name,
                    parameter.name
                );
            }
        }
    }
}
