//! Filters: Ansible's own, Jinja's where minijinja's differ, and the names of those that minijinja has right.

mod aggregate;
pub(crate) mod call;
mod collections;
mod combine;
mod compare;
mod defaults;
mod encode;
mod json;
mod numbers;
mod paths;
mod printf;
pub(crate) mod regular;
mod select;
mod sets;
mod sizes;
mod text;
mod yaml;

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, State, Value};

use call::Call;
pub(crate) use collections::subelement_pairs;
pub(crate) use compare::{order, same};
pub(crate) use numbers::chance_below;
pub(crate) use printf::format_text;

/// Filters of one file: the name and what it does.
type Table = &'static [(&'static str, fn(&mut Call<'_, '_, '_>) -> Result<Value, Error>)];

/// Ansible's own filters: known by their short and by their full name.
const ANSIBLE: &[Table] = &[
    collections::FILTERS,
    combine::FILTERS,
    defaults::FILTERS,
    encode::FILTERS,
    json::FILTERS,
    numbers::FILTERS,
    paths::FILTERS,
    regular::FILTERS,
    sets::FILTERS,
    sizes::FILTERS,
    text::FILTERS,
    yaml::FILTERS,
];

/// Jinja's filters whose behaviour in minijinja is not quite Jinja's.
const JINJA: &[Table] = &[
    aggregate::FILTERS,
    collections::JINJA_FILTERS,
    defaults::JINJA_FILTERS,
    json::JINJA_FILTERS,
    numbers::JINJA_FILTERS,
    select::FILTERS,
    text::JINJA_FILTERS,
];

/// Jinja's filters that minijinja has.
const NATIVE: &[&str] = &[
    "attr", "batch", "count", "dictsort", "first", "items", "last", "length", "reverse", "safe", "slice",
];

/// Puts the filters into the environment.
pub(crate) fn register(environment: &mut Environment<'static>) {
    for (tables, has_full_name) in [(ANSIBLE, true), (JINJA, false)] {
        for (name, filter) in tables.iter().copied().flatten() {
            let run = move |state: &mut State<'_, '_>, arguments: Rest<Value>, named: Kwargs| {
                let mut call = Call::new(name, state, &arguments, named);
                filter(&mut call)
            };
            environment.add_filter(*name, run);
            if has_full_name {
                environment.add_filter(format!("ansible.builtin.{name}"), run);
            }
        }
    }
}

/// The names of all filters.
pub(crate) fn names() -> Vec<String> {
    let ansible = ANSIBLE.iter().copied().flatten().map(|(name, _)| *name);
    let jinja = JINJA
        .iter()
        .copied()
        .flatten()
        .map(|(name, _)| *name)
        .chain(NATIVE.iter().copied());
    let full = ansible.clone().map(|name| format!("ansible.builtin.{name}"));
    ansible.chain(jinja).map(str::to_owned).chain(full).collect()
}
