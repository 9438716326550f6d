//! Tests: what may stand after `is`.

use minijinja::value::Rest;
use minijinja::{Environment, Error, State, Value};

use crate::filters::call::Call;

type Table = &'static [(&'static str, fn(&mut Call<'_, '_, '_>) -> Result<bool, Error>)];

const TABLES: &[Table] = &[&[
    ("defined", |call| Ok(!call.input()?.is_undefined())),
    ("undefined", |call| Ok(call.input()?.is_undefined())),
]];

/// Puts the tests into the environment, each also under its full name.
pub(crate) fn register(environment: &mut Environment<'static>) {
    for (name, test) in TABLES.iter().copied().flatten() {
        let run = move |state: &mut State<'_, '_>, arguments: Rest<Value>| {
            let mut call = Call::new(name, state, &arguments)?;
            test(&mut call)
        };
        environment.add_test(*name, run);
        environment.add_test(format!("ansible.builtin.{name}"), run);
    }
}

/// The names of all tests.
pub(crate) fn names() -> Vec<String> {
    TABLES
        .iter()
        .copied()
        .flatten()
        .flat_map(|(name, _)| [(*name).to_owned(), format!("ansible.builtin.{name}")])
        .collect()
}
