//! `ansible.builtin.debconf`: answers to the questions that packages of Debian ask.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::process::{Process, require_program};
use crate::python_text::{display, split_lines};

/// Answers by question.
type Answers = BTreeMap<String, String>;

pub(super) fn run(context: &mut Context) -> Outcome {
    let package = context.args.required("name").to_owned();
    let known = answers(context, &package)?;
    let given = [
        context.args.value("question"),
        context.args.value("vtype"),
        context.args.value("value"),
    ];
    let [Some(question), Some(kind), Some(value)] = given else {
        if given.iter().any(Option::is_some) {
            return Err(Failure::new(
                "parameters are required together: question, vtype, value",
            ));
        }
        return Ok(answer!({"changed": false, "msg": "", "current": known}));
    };
    let (question, kind, value) = (display(question), display(kind), value.clone());
    let text = written(&kind, &value)?;
    let before = if kind == "password" {
        password(context, &package, &question)?
    } else {
        known.get(&question).cloned()
    };
    let same = before
        .as_ref()
        .is_some_and(|before| is_same(&kind, before, &text, value.is_array()));
    if same {
        return Ok(answer!({"changed": false, "msg": "", "current": known}));
    }
    let current = json!({question.as_str(): text});
    let mut previous = json!(known);
    previous[question.as_str()] = before.unwrap_or_default().into();
    let diff = if context.diff {
        json!({"before": {question.as_str(): previous[question.as_str()]}, "after": current})
    } else {
        json!({})
    };
    let mut answer = answer!({
        "changed": true, "msg": "", "current": current, "previous": previous, "diff": diff,
    });
    if !context.check {
        let message = set(context, &package, &question, &kind, &text)?;
        answer.insert("msg".to_owned(), message.into());
    }
    Ok(answer)
}

/// What is answered already.
fn answers(context: &Context, package: &str) -> Result<Answers, Failure> {
    require_program(context, "debconf-show")?;
    let output = Process::tool(context, "debconf-show").arg(package).run()?;
    if output.code != 0 {
        return Err(Failure::new(output.stderr.trim_end()).with("rc", output.code));
    }
    Ok(split_lines(&output.stdout)
        .into_iter()
        .filter_map(|line| {
            let (question, answer) = line.split_once(':')?;
            // A star marks a question that was seen.
            let question = question.trim_start_matches(['*', ' ']).trim();
            Some((question.to_owned(), answer.trim().to_owned()))
        })
        .collect())
}

/// A password that is set, which debconf does not show.
fn password(context: &Context, package: &str, question: &str) -> Result<Option<String>, Failure> {
    let output = Process::tool(context, "debconf-communicate")
        .arg(package)
        .input(format!("GET {question}\n"))
        .run()?;
    // The answer is a code, 0 for a question that is known, and the value.
    Ok(output
        .stdout
        .lines()
        .next()
        .and_then(|line| line.strip_prefix('0'))
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty()))
}

/// The value as debconf is told.
fn written(kind: &str, value: &Value) -> Result<String, Failure> {
    match value {
        Value::Array(values) => {
            let values: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
            values
                .map(|values| values.join(", "))
                .ok_or_else(|| Failure::new("Invalid value provided for 'multiselect'."))
        }
        Value::Bool(flag) if kind == "boolean" => Ok(flag.to_string()),
        other if kind == "boolean" => Ok(display(other).to_lowercase()),
        other => Ok(display(other)),
    }
}

/// Whether a question is answered already. The order of a list does not count.
fn is_same(kind: &str, before: &str, wanted: &str, is_list: bool) -> bool {
    match kind {
        "boolean" => before.to_lowercase() == wanted,
        "multiselect" if is_list => {
            let sorted = |text: &str| {
                let mut values: Vec<String> = text.split(',').map(|value| value.trim().to_owned()).collect();
                values.sort();
                values
            };
            sorted(before) == sorted(wanted)
        }
        _ => before == wanted,
    }
}

fn set(context: &Context, package: &str, question: &str, kind: &str, value: &str) -> Result<String, Failure> {
    require_program(context, "debconf-set-selections")?;
    let mut process = Process::tool(context, "debconf-set-selections");
    if context.args.flag("unseen") {
        process = process.arg("-u");
    }
    let output = process
        .input(format!("{package} {question} {kind} {value}"))
        .run()?;
    if output.code == 0 {
        return Ok(output.stdout);
    }
    Err(Failure::new(output.stderr.trim_end())
        .with("rc", output.code)
        .with("stdout", output.stdout)
        .with("stderr", output.stderr))
}
