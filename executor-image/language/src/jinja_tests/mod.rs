//! Tests: what may stand after `is`.

mod files;
mod network;
mod pep440;
mod results;
mod texts;
mod values;
mod versions;

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, State, Value};

use crate::filters::call::Call;

pub(crate) use versions::loose as loose_order;

/// What a test asks.
type Test = fn(&mut Call<'_, '_, '_>) -> Result<bool, Error>;
/// Tests of one file: the name and what it asks.
type Table = &'static [(&'static str, Test)];

/// Ansible's own tests: known by their short and by their full name.
const ANSIBLE: &[Table] = &[
    files::TESTS,
    results::TESTS,
    texts::TESTS,
    values::TESTS,
    versions::TESTS,
];

/// Jinja's tests.
const JINJA: &[Table] = &[values::JINJA_TESTS, texts::JINJA_TESTS];

/// Every name of every test, and the test.
fn all() -> impl Iterator<Item = (String, &'static str, Test)> {
    let plain = JINJA
        .iter()
        .copied()
        .flatten()
        .map(|(name, test)| ((*name).to_owned(), *name, *test));
    let ansible = ANSIBLE.iter().copied().flatten().flat_map(|(name, test)| {
        [(*name).to_owned(), format!("ansible.builtin.{name}")].map(|known| (known, *name, *test))
    });
    let utils = network::TESTS
        .iter()
        .map(|(name, test)| (format!("ansible.utils.{name}"), *name, *test));
    plain.chain(ansible).chain(utils)
}

/// Puts the tests into the environment.
pub(crate) fn register(environment: &mut Environment<'static>) {
    for (known, name, test) in all() {
        environment.add_test(
            known,
            move |state: &mut State<'_, '_>, arguments: Rest<Value>, named: Kwargs| {
                let mut call = Call::new(name, state, &arguments, named);
                test(&mut call)
            },
        );
    }
}

/// Tests that are minijinja's own.
const NATIVE: &[&str] = &["escaped", "filter", "test"];

/// The names of all tests.
pub(crate) fn names() -> Vec<String> {
    all()
        .map(|(known, ..)| known)
        .chain(NATIVE.iter().copied().map(str::to_owned))
        .collect()
}
