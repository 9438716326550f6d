//! What differs from Ansible although it is there, in words. What is missing altogether needs no words: the tables show it.

/// What a remark is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A keyword.
    Keyword,
    /// An action of `meta`.
    Meta,
    /// A module, by its full name.
    Module,
    /// Something that Jinja's syntax has.
    Syntax,
    /// A filter.
    Filter,
    /// A test.
    Test,
    /// A lookup.
    Lookup,
    /// A plugin: its kind and its name.
    Plugin,
    /// An option of a program, by the last of its names.
    Option,
    /// A setting, by its field.
    Setting,
}

/// A difference.
#[derive(Debug, Clone, Copy)]
pub struct Remark {
    /// Of what kind of thing.
    pub kind: Kind,
    /// The thing.
    pub name: &'static str,
    /// How it differs.
    pub text: &'static str,
}

const fn differs(kind: Kind, name: &'static str, text: &'static str) -> Remark {
    Remark { kind, name, text }
}

const REMARKS: &[Remark] = &[
    differs(
        Kind::Keyword,
        "tags",
        "may be templates of what is known without a host; `--tags` chooses by what they give",
    ),
    differs(
        Kind::Keyword,
        "vars_prompt",
        "asked at the terminal; without one, `-e` or the default gives the value; `encrypt` may be `bcrypt`, `md5_crypt`, `sha256_crypt`, `sha512_crypt`",
    ),
    differs(
        Kind::Module,
        "ansible.posix.synchronize",
        "gives `ssh` the password of the login itself, without `sshpass`; fails at once where `sudo` or `su` wants one; checks the host's key as the connection does, unless `verify_host` says otherwise",
    ),
    differs(
        Kind::Module,
        "ansible.builtin.include_tasks",
        "of a file that is not there, rescued, is counted as rescued; Ansible counts it as failed, and leaves the host out of later plays",
    ),
    differs(
        Kind::Syntax,
        "{{ list.append(x) }}",
        "values do not change in place, but for lists and mappings that the same template has made with `set`",
    ),
    differs(Kind::Syntax, "{% macro %}", "has no `varargs` and `kwargs`"),
    differs(Kind::Syntax, "{% set name %}", "names are ASCII"),
    differs(
        Kind::Test,
        "vault_encrypted",
        "is true of a variable by its name; what went through a filter, a template or a loop is decrypted before it is tested",
    ),
    differs(
        Kind::Syntax,
        "{% break %}, {% continue %}",
        "are allowed; Ansible needs an extension for them",
    ),
    differs(
        Kind::Syntax,
        "{{ mapping }}",
        "is rendered key by key: a key that cannot be rendered does not make the others undefined, as from ansible-core 2.19 on",
    ),
    differs(
        Kind::Syntax,
        "a template",
        "may take 20 million steps; then it fails and says so",
    ),
    differs(
        Kind::Filter,
        "type_debug",
        "knows where a text is from (`AnsibleUnicode`, `AnsibleUnsafeText`) by the variable's name, not behind a filter",
    ),
    differs(
        Kind::Filter,
        "random, shuffle",
        "with a `seed` as Python's generator; without one by chance, as there",
    ),
    differs(Kind::Filter, "to_json, to_yaml", "a `range` is a list"),
    differs(
        Kind::Lookup,
        "config",
        "settings of plugins are asked of the ansible-core of this machine",
    ),
    differs(
        Kind::Lookup,
        "url",
        "options that are not carried out are refused",
    ),
    differs(
        Kind::Plugin,
        "connection ssh",
        "russh, in the runner: no `ssh` program is run, one connection serves all tasks of a host",
    ),
    differs(Kind::Plugin, "connection paramiko", "the same as `ssh`"),
    differs(
        Kind::Plugin,
        "become sudo",
        "agent and `sudo` are started once for each user, not for each task",
    ),
    differs(
        Kind::Plugin,
        "inventory toml",
        "like every inventory plugin in Python, carried out by the ansible-core of this machine",
    ),
    differs(
        Kind::Plugin,
        "callback default",
        "prints the same lines; hosts of one task may come in another order, as with other `forks`",
    ),
    differs(
        Kind::Option,
        "--syntax-check",
        "finds unknown modules, parameters, filters and files of roles and includes too",
    ),
    differs(Kind::Option, "--forks", "50 unless it is said"),
    differs(
        Kind::Option,
        "--toml",
        "carried out by the ansible-core of this machine",
    ),
    differs(
        Kind::Option,
        "--ssh-common-args",
        "no `ssh` is run: what concerns the connection is carried out, a warning names the rest",
    ),
    differs(
        Kind::Option,
        "--ssh-extra-args",
        "no `ssh` is run: what concerns the connection is carried out, a warning names the rest",
    ),
    differs(
        Kind::Option,
        "--sftp-extra-args",
        "taken without effect: no `sftp` is run",
    ),
    differs(
        Kind::Option,
        "--scp-extra-args",
        "taken without effect: no `scp` is run",
    ),
    differs(Kind::Setting, "forks", "Ansible's default is 5"),
    differs(
        Kind::Setting,
        "jinja2_native",
        "what a macro gives is text, and so is an inline `if` without `else`",
    ),
    differs(
        Kind::Setting,
        "error_on_undefined_vars",
        "a condition that names something undefined fails and names it; Ansible fails with `too many values to unpack`",
    ),
    differs(
        Kind::Setting,
        "hash_behaviour",
        "`ansible-inventory` shows the mapping of the highest precedence alone",
    ),
];

/// The remarks of a kind.
pub fn of(kind: Kind) -> impl Iterator<Item = &'static Remark> {
    REMARKS.iter().filter(move |remark| remark.kind == kind)
}

/// The remark about a thing.
pub fn find(kind: Kind, name: &str) -> Option<&'static Remark> {
    of(kind).find(|remark| remark.name == name)
}

/// The words about a thing; none if it does not differ.
pub fn text(kind: Kind, name: &str) -> String {
    find(kind, name).map_or_else(String::new, |remark| remark.text.to_owned())
}

#[cfg(test)]
mod tests {
    use slipway_protocol::spec;

    use super::*;
    use crate::{
        playbook::{Place, is_supported},
        settings::TABLE,
    };

    #[test]
    fn a_remark_is_about_something_that_is_there() {
        for remark in REMARKS {
            let is_there = match remark.kind {
                Kind::Keyword => [Place::Play, Place::Task]
                    .into_iter()
                    .any(|place| is_supported(remark.name, place)),
                Kind::Module => spec::find(remark.name).is_some_and(|module| module.name == remark.name),
                Kind::Setting => TABLE.iter().any(|row| row.name == remark.name),
                Kind::Filter => known(remark.name, slipway_language::names::filters()),
                Kind::Test => known(remark.name, slipway_language::names::tests()),
                Kind::Lookup => known(remark.name, slipway_language::names::lookups()),
                Kind::Meta | Kind::Syntax | Kind::Plugin | Kind::Option => true,
            };
            assert!(is_there, "{remark:?}");
        }
    }

    fn known(names: &str, all: &[String]) -> bool {
        names
            .split(", ")
            .all(|name| all.iter().any(|known| known == name))
    }
}
