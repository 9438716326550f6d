//! One call: arguments checked, the module carried out, its result completed as Ansible completes it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde_json::Value;
use slipway_protocol::spec::{self, Kind, ModuleSpec};
use slipway_protocol::{Call, ModuleResult};

use crate::answer::{Answer, Failure, Outcome};
use crate::arguments;
use crate::context::Context;
use crate::control::Control;
use crate::foreign;
use crate::invocation::invocation;
use crate::modules;
use crate::path_state::add_path_information;
use crate::python_text::split_lines;
use crate::store::Store;

/// What a module says besides its result.
struct Remarks {
    warnings: Vec<String>,
    describes_path: bool,
}

/// Carries out a call.
#[must_use]
pub fn carry_out(call: &Call, store: &Store, control: &Arc<Control>) -> ModuleResult {
    if let Some(foreign) = &call.foreign {
        return foreign::carry_out(call, foreign, store, control);
    }
    let Some(spec) = spec::find(&call.module) else {
        return ModuleResult::failure(format!("the agent does not know the module {}", call.module));
    };
    let mut remarks = Remarks {
        warnings: Vec::new(),
        describes_path: true,
    };
    // A defect in a module must fail one task, not end the agent with every other task on it.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        run_module(call, spec, store, control, &mut remarks)
    }))
    .unwrap_or_else(|_| {
        Err(Failure::new(format!(
            "the module {} failed unexpectedly (a defect in the agent)",
            spec.name
        )))
    });
    let mut answer = match outcome {
        Ok(answer) => answer,
        Err(Failure(mut fields)) => {
            fields.insert("failed".to_owned(), Value::Bool(true));
            fields
        }
    };
    if let Some(reason) = control.stopped() {
        answer = Answer::new();
        answer.insert("failed".to_owned(), Value::Bool(true));
        answer.insert("msg".to_owned(), Value::String(reason));
    }
    complete(&mut answer, remarks);
    if call.tells_arguments {
        answer
            .entry("invocation")
            .or_insert_with(|| invocation(spec, call));
    }
    hide_secrets(&mut answer, spec, call);
    ModuleResult(answer)
}

fn run_module(
    call: &Call,
    spec: &'static ModuleSpec,
    store: &Store,
    control: &Arc<Control>,
    remarks: &mut Remarks,
) -> Outcome {
    let run = modules::find(spec.name).ok_or_else(|| {
        Failure::new(format!(
            "{} is carried out by the runner, not on a host",
            spec.name
        ))
    })?;
    let args = arguments::check(spec, &call.args, &call.environment)?;
    let files = call
        .files
        .iter()
        .map(|(argument, sha256)| {
            let path = store.find(sha256).ok_or_else(|| {
                Failure::new(format!(
                    "the content of {argument} ({sha256}) was not sent to the agent"
                ))
            })?;
            Ok((argument.clone(), path))
        })
        .collect::<Result<_, Failure>>()?;
    let mut context = Context {
        module: spec.name,
        args,
        check: call.check,
        diff: call.diff,
        environment: call.environment.clone(),
        python: call.python.clone(),
        files,
        temporary: store.directory().to_owned(),
        control: Arc::clone(control),
        warnings: Vec::new(),
        describes_path: true,
    };
    let outcome = run(&mut context);
    remarks.warnings.append(&mut context.warnings);
    remarks.describes_path = context.describes_path;
    outcome
}

/// Adds what Ansible adds to every result.
fn complete(answer: &mut Answer, remarks: Remarks) {
    answer.entry("changed").or_insert(Value::Bool(false));
    if remarks.describes_path {
        add_path_information(answer);
    }
    for stream in ["stdout", "stderr"] {
        let lines = format!("{stream}_lines");
        let Some(text) = answer.get(stream).and_then(Value::as_str) else {
            continue;
        };
        if !answer.contains_key(&lines) {
            let split: Vec<Value> = split_lines(text).into_iter().map(Value::from).collect();
            answer.insert(lines, Value::Array(split));
        }
    }
    if !remarks.warnings.is_empty() {
        answer.insert("warnings".to_owned(), remarks.warnings.into());
    }
}

/// What stands where a secret stood.
pub const HIDDEN: &str = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER";

/// Replaces the values of secret parameters wherever the result contains them.
fn hide_secrets(answer: &mut Answer, spec: &ModuleSpec, call: &Call) {
    let secrets: Vec<&str> = spec
        .parameters
        .iter()
        // `content` of `copy` is marked in Ansible only to keep it out of its log of arguments; results show files' diffs.
        .filter(|parameter| parameter.no_log && parameter.kind == Kind::Str && parameter.name != "content")
        .flat_map(|parameter| parameter.aliases.iter().chain([&parameter.name]))
        .filter_map(|name| call.args.get(*name)?.as_str())
        .filter(|secret| !secret.is_empty())
        .collect();
    if !secrets.is_empty() {
        for value in answer.values_mut() {
            hide(value, &secrets);
        }
    }
}

fn hide(value: &mut Value, secrets: &[&str]) {
    match value {
        Value::String(text) => {
            if secrets.contains(&text.as_str()) {
                HIDDEN.clone_into(text);
            } else {
                for secret in secrets {
                    if text.contains(secret) {
                        *text = text.replace(secret, "********");
                    }
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, secrets)),
        Value::Object(fields) => fields.values_mut().for_each(|field| hide(field, secrets)),
        _ => {}
    }
}
