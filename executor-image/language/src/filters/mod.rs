//! Filters: Ansible's own, Jinja's where minijinja's differ, and the names of those that minijinja has right.

mod aggregate;
pub(crate) mod call;
mod collections;
mod combine;
mod compare;
mod defaults;
mod encode;
mod general;
mod jmespath;
mod json;
mod keys;
mod links;
mod markup;
mod network;
mod numbers;
mod passwords;
pub(crate) mod paths;
mod printf;
pub(crate) mod regular;
mod select;
mod sets;
mod sizes;
mod spans;
mod text;
mod times;
mod windows;
mod yaml;

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, State, Value};

use crate::template::growth::check_text;
use call::Call;
pub use combine::merge_facts;
pub(crate) use compare::{order, same};
pub(crate) use network::address as network_address;
pub use passwords::encrypt_password;
pub(crate) use passwords::{hash_password, random_salt, salt_length};
pub(crate) use printf::format_text;
pub(crate) use text::WIDEST;

/// What a filter does.
type Filter = fn(&mut Call<'_, '_, '_>) -> Result<Value, Error>;
/// Filters of one file: the name and what it does.
type Table = &'static [(&'static str, Filter)];

/// Ansible's own filters: known by their short and by their full name.
const ANSIBLE: &[Table] = &[
    collections::FILTERS,
    combine::FILTERS,
    defaults::FILTERS,
    encode::FILTERS,
    json::FILTERS,
    numbers::FILTERS,
    passwords::FILTERS,
    paths::FILTERS,
    regular::FILTERS,
    sets::FILTERS,
    sizes::FILTERS,
    text::FILTERS,
    times::FILTERS,
    windows::FILTERS,
    yaml::FILTERS,
];

/// Filters of collections: the collections, the filters, and which of them are also known by their short name.
const COLLECTIONS: &[(&[&str], Table, &[&str])] = &[
    (
        &["ansible.utils", "ansible.netcommon"],
        network::FILTERS,
        network::SHORT,
    ),
    (&["ansible.utils"], keys::DEEP_FILTERS, &[]),
    (&["community.general"], general::FILTERS, &["random_mac"]),
    (&["community.general"], jmespath::FILTERS, &["json_query"]),
    (&["community.general"], keys::ROW_FILTERS, &[]),
    (&["community.general"], spans::FILTERS, &[]),
];

/// Jinja's filters whose behaviour in minijinja is not quite Jinja's.
const JINJA: &[Table] = &[
    aggregate::FILTERS,
    collections::JINJA_FILTERS,
    defaults::JINJA_FILTERS,
    json::JINJA_FILTERS,
    links::JINJA_FILTERS,
    markup::JINJA_FILTERS,
    numbers::JINJA_FILTERS,
    select::FILTERS,
    text::JINJA_FILTERS,
];

/// Jinja's filters that minijinja has.
const NATIVE: &[&str] = &[
    "attr", "batch", "count", "dictsort", "first", "items", "last", "length", "reverse", "safe", "slice",
];

/// Every name of every filter that is written here, and the filter.
fn all() -> impl Iterator<Item = (String, &'static str, Filter)> {
    let plain = JINJA
        .iter()
        .copied()
        .flatten()
        .map(|(name, filter)| ((*name).to_owned(), *name, *filter));
    let ansible = ANSIBLE.iter().copied().flatten().flat_map(|(name, filter)| {
        [(*name).to_owned(), format!("ansible.builtin.{name}")].map(|known| (known, *name, *filter))
    });
    let collections = COLLECTIONS.iter().flat_map(|(collections, table, short)| {
        table.iter().flat_map(move |(name, filter)| {
            collections
                .iter()
                .map(move |collection| format!("{collection}.{name}"))
                .chain(short.contains(name).then(|| (*name).to_owned()))
                .map(move |known| (known, *name, *filter))
        })
    });
    plain.chain(ansible).chain(collections)
}

/// Puts the filters into the environment.
pub(crate) fn register(environment: &mut Environment<'static>) {
    for (known, name, filter) in all() {
        environment.add_filter(
            known,
            move |state: &mut State<'_, '_>, arguments: Rest<Value>, named: Kwargs| {
                let mut call = Call::new(name, state, &arguments, named);
                let outcome = filter(&mut call)?;
                if let Some(text) = outcome.as_str() {
                    check_text(text.len())?;
                }
                Ok::<_, Error>(outcome)
            },
        );
    }
}

/// The names of all filters.
pub(crate) fn names() -> Vec<String> {
    all()
        .map(|(known, ..)| known)
        .chain(NATIVE.iter().copied().map(str::to_owned))
        .collect()
}
