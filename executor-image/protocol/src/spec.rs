//! The table of modules and their parameters.

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
    /// Whether it takes any argument at all (`set_fact`, `debug` no; `include_vars` no).
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

/// The module of this name, by its full name (`ansible.builtin.copy`, `ansible.legacy.copy`) or its short one (`copy`).
#[must_use]
pub fn find(name: &str) -> Option<&'static ModuleSpec> {
    let name = name
        .strip_prefix("ansible.builtin.")
        .or_else(|| name.strip_prefix("ansible.legacy."))
        .unwrap_or(name);
    MODULES
        .iter()
        .find(|module| module.name == name || module.name.strip_prefix("ansible.builtin.") == Some(name))
}

/// Every module.
pub static MODULES: &[ModuleSpec] = &[];
