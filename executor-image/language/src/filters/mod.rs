//! Filters: Jinja's own where minijinja's behave the same, and Ansible's.

pub(crate) mod call;
mod defaults;
mod printf;

use minijinja::value::Rest;
use minijinja::{Environment, Error, State, Value};

use call::Call;
pub(crate) use printf::format_text;

/// A filter: the name and what it does.
type Table = &'static [(&'static str, fn(&mut Call<'_, '_, '_>) -> Result<Value, Error>)];

/// The tables of all files here.
const TABLES: &[Table] = &[defaults::FILTERS];

/// Filters of minijinja that behave as Jinja's own do.
const NATIVE: &[&str] = &[
    "attr",
    "batch",
    "capitalize",
    "first",
    "last",
    "length",
    "count",
    "list",
    "lower",
    "upper",
    "title",
    "trim",
    "wordcount",
    "reverse",
    "safe",
    "string",
];

/// Puts the filters into the environment, each also under its full name.
pub(crate) fn register(environment: &mut Environment<'static>) {
    for (name, filter) in TABLES.iter().copied().flatten() {
        let run = move |state: &mut State<'_, '_>, arguments: Rest<Value>| {
            let mut call = Call::new(name, state, &arguments)?;
            filter(&mut call)
        };
        environment.add_filter(*name, run);
        environment.add_filter(format!("ansible.builtin.{name}"), run);
    }
}

/// The names of all filters.
pub(crate) fn names() -> Vec<String> {
    let own = TABLES.iter().copied().flatten().map(|(name, _)| *name);
    own.chain(NATIVE.iter().copied())
        .flat_map(|name| [name.to_owned(), format!("ansible.builtin.{name}")])
        .collect()
}
