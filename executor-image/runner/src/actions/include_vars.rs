//! `include_vars`

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};
use slipway_language::{FileKind, Node, NodeKind, Span, Variable};

use super::{ActionContext, Arguments, ResultMap, failure, map, text};
use crate::inventory::{Vars, read_vars_file};

pub(super) fn run(context: &ActionContext<'_>, args: &Arguments) -> ResultMap {
    let files = match files(context, args) {
        Ok(files) => files,
        Err(message) => return failure(message),
    };
    let mut vars = Vars::new();
    for file in &files {
        match read_vars_file(file, &context.item.play.files.vault()) {
            Ok(read) => vars.extend(read),
            Err(error) => return failure(error.to_string()),
        }
    }
    if let Some(name) = text(args, "name") {
        vars = nested(&name, vars, &context.item.task.span);
    }
    let shown: serde_json::Map<String, Value> = vars
        .iter()
        .map(|(name, variable)| (name.to_string(), written(variable)))
        .collect();
    for receiver in context.item.receivers {
        for (name, variable) in &vars {
            receiver.included.set(Arc::clone(name), variable.clone());
        }
    }
    let paths: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    map(json!({
        "changed": false, "ansible_facts": shown, "ansible_included_var_files": paths, "_ansible_facts_kept": true,
    }))
}

fn files(context: &ActionContext<'_>, args: &Arguments) -> Result<Vec<PathBuf>, String> {
    if let Some(directory) = text(args, "dir") {
        let directory = context.find(&directory, FileKind::Vars)?;
        let mut found = Vec::new();
        collect(&directory, &mut found)
            .map_err(|error| format!("cannot read {}: {error}", directory.display()))?;
        return Ok(found);
    }
    let name = text(args, "file")
        .or_else(|| text(args, "_raw_params"))
        .ok_or("include_vars needs a file or a dir")?;
    Ok(vec![context.find(&name, FileKind::Vars)?])
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            collect(&entry, found)?;
        } else if matches!(
            entry.extension().and_then(|extension| extension.to_str()),
            Some("yml" | "yaml" | "json")
        ) {
            found.push(entry);
        }
    }
    Ok(())
}

/// All variables as one mapping under a name.
fn nested(name: &str, vars: Vars, span: &Span) -> Vars {
    let entries: Vec<(Node, Node)> = vars
        .into_iter()
        .filter_map(|(key, variable)| match variable {
            Variable::Template(node) => Some((Node::text(node.span.clone(), key), node)),
            Variable::Data(_) => None,
        })
        .collect();
    let mapping = Node::new(span.clone(), NodeKind::Map(entries.into()));
    Vars::from_iter([(Arc::from(name), Variable::Template(mapping))])
}

/// A variable as it is written, for the result.
fn written(variable: &Variable) -> Value {
    fn of(node: &Node) -> Value {
        match &node.kind {
            NodeKind::Null => Value::Null,
            NodeKind::Bool(value) => Value::Bool(*value),
            NodeKind::Int(value) => Value::from(*value),
            NodeKind::Float(value) => Value::from(*value),
            NodeKind::Str(text) | NodeKind::Unsafe(text) => Value::from(text.as_ref()),
            NodeKind::Vault(encrypted) => Value::from(encrypted.text().as_ref()),
            NodeKind::List(items) => items.iter().map(of).collect(),
            NodeKind::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| {
                        (
                            key.as_str().map_or_else(|| of(key).to_string(), str::to_owned),
                            of(value),
                        )
                    })
                    .collect(),
            ),
        }
    }
    match variable {
        Variable::Template(node) => of(node),
        Variable::Data(value) => slipway_language::to_json(value),
    }
}
