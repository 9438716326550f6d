//! Filters, tests, functions and lookups of templates.

use std::fmt::Write as _;

use slipway_language::names;

use super::reference::Callables;
use super::{Kind, Reference, differences, list};

pub fn section(reference: &Reference) -> String {
    let lookups = reference.plugins("lookup");
    let functions = names::functions();
    let (known, unknown): (Vec<&str>, Vec<&str>) =
        lookups.into_iter().partition(|name| has(names::lookups(), name));
    let (can, cannot): (Vec<&String>, Vec<&String>) = reference
        .functions
        .iter()
        .partition(|name| functions.contains(name));
    format!(
        "## Templates\n\n\
         Jinja as ansible-core 2.18 uses it, with `jinja2_native` and without. A template that is imported sees the variables of the one that imports it, `without context` too. \
         Filters, tests and lookups written in Python (beside a playbook, in a role, in a collection) are carried out by the ansible-core that is installed on this machine; those of the same name as a built-in one are not.\n\n{}\
         ### Filters\n\n{}{}\
         ### Tests\n\n{}{}\
         ### Functions\n\nSupported: {}.\n\nNot supported: {}.\n\n\
         ### Lookups\n\nSupported, as `lookup`, `query` and `with_NAME`: {}.\n\nNot supported: {}.\n\n{}",
        differences(Kind::Syntax, "syntax"),
        callables(&reference.filters, names::filters()),
        differences(Kind::Filter, "filter"),
        callables(&reference.tests, names::tests()),
        differences(Kind::Test, "test"),
        list(can),
        or_none(list(cannot)),
        list(known),
        or_none(list(unknown)),
        differences(Kind::Lookup, "lookup"),
    )
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known == name)
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}

fn callables(theirs: &Callables, ours: &[String]) -> String {
    let mut text = String::from("| of | supported | not supported |\n|---|---|---|\n");
    for (whose, names) in [
        ("Jinja", &theirs.jinja),
        ("ansible-core", &theirs.ansible),
        ("collections", &theirs.collections),
    ] {
        let (yes, no): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| has(ours, name));
        let _ = writeln!(text, "| {whose} | {} | {} |", list(yes), or_none(list(no)));
    }
    text.push('\n');
    text
}
