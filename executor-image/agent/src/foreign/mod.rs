//! Modules that are not the agent's own: Python modules with Ansible's library, and programs of any language.
//!
//! [`worker`] runs Python modules in processes that have the library imported already, [`script`] starts everything else,
//! [`answer`] reads what either has printed.

mod answer;
pub(crate) mod interpreter;
mod script;
mod worker;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use slipway_protocol::{Call, Foreign, ForeignStyle, ModuleResult};

use crate::answer::Failure;
use crate::control::Control;
use crate::process::Output;
use crate::store::Store;

pub use answer::STDERR;

/// A module's arguments by name.
type Arguments = Map<String, Value>;

/// Carries out a call of a foreign module.
#[must_use]
pub fn carry_out(call: &Call, foreign: &Foreign, store: &Store, control: &Arc<Control>) -> ModuleResult {
    match run(call, foreign, store, control) {
        Ok(output) => ModuleResult(answer::read(&output)),
        Err(Failure(mut fields)) => {
            fields.insert("failed".to_owned(), Value::Bool(true));
            fields.entry("changed").or_insert(Value::Bool(false));
            ModuleResult(fields)
        }
    }
}

fn run(call: &Call, foreign: &Foreign, store: &Store, control: &Arc<Control>) -> Result<Output, Failure> {
    let file = |key: &str| -> Result<Option<PathBuf>, Failure> {
        call.files
            .get(key)
            .map(|sha256| {
                store.find(sha256).ok_or_else(|| {
                    Failure::new(format!(
                        "the {key} of the module {} ({sha256}) was not sent to the agent",
                        call.module
                    ))
                })
            })
            .transpose()
    };
    let program = file(Foreign::PROGRAM)?
        .ok_or_else(|| Failure::new(format!("the module {} was not sent to the agent", call.module)))?;
    let directory = tempfile::Builder::new()
        .prefix("module-")
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(store.directory())
        .map_err(|error| Failure::io("making a directory for the module", &error))?;
    let mut arguments = call.args.clone();
    if let Some(place) = arguments.get_mut("_ansible_tmpdir") {
        *place = Value::from(format!("{}/", directory.path().display()));
    }
    let ForeignStyle::Python(name) = &foreign.style else {
        return script::run(
            call,
            &foreign.style,
            &foreign.interpreter,
            &program,
            arguments,
            directory.path(),
            control,
        );
    };
    let interpreter = match foreign.interpreter.split_first() {
        Some((first, rest)) => std::iter::once(interpreter::expand(first, &call.environment))
            .chain(rest.iter().cloned())
            .collect(),
        None => vec![
            interpreter::discover(&call.environment)?
                .to_string_lossy()
                .into_owned(),
        ],
    };
    let setup = worker::Setup {
        interpreter,
        common: file(Foreign::COMMON)?,
    };
    let request = json!({
        "archive": program,
        "module": name,
        "environment": call.environment,
        "arguments": arguments,
    });
    worker::run(
        &setup,
        request.to_string().as_bytes(),
        &call.environment,
        store,
        control,
    )
}
