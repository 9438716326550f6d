//! Tests: what may stand after `is`.

mod files;
mod results;
mod texts;
mod values;
mod versions;

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, State, Value};

use crate::filters::call::Call;

/// Tests of one file: the name and what it asks.
type Table = &'static [(&'static str, fn(&mut Call<'_, '_, '_>) -> Result<bool, Error>)];

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

/// Puts the tests into the environment.
pub(crate) fn register(environment: &mut Environment<'static>) {
    for (tables, has_full_name) in [(ANSIBLE, true), (JINJA, false)] {
        for (name, test) in tables.iter().copied().flatten() {
            let run = move |state: &mut State<'_, '_>, arguments: Rest<Value>, named: Kwargs| {
                let mut call = Call::new(name, state, &arguments, named);
                test(&mut call)
            };
            environment.add_test(*name, run);
            if has_full_name {
                environment.add_test(format!("ansible.builtin.{name}"), run);
            }
        }
    }
}

/// The names of all tests.
pub(crate) fn names() -> Vec<String> {
    let ansible = ANSIBLE.iter().copied().flatten().map(|(name, _)| *name);
    let jinja = JINJA.iter().copied().flatten().map(|(name, _)| *name);
    let full = ansible.clone().map(|name| format!("ansible.builtin.{name}"));
    ansible.chain(jinja).map(str::to_owned).chain(full).collect()
}
