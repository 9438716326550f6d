//! `include_vars`

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use regex::Regex;
use serde_json::{Value, json};
use slipway_language::{FileKind, Node, NodeKind, Span, Templar, Variable};

use super::{ActionContext, Arguments, ResultMap, boolean, error, large_file::is_encrypted, map, text};
use crate::inventory::{Vars, read_vars_file};

pub(super) fn run(context: &ActionContext<'_>, args: &Arguments) -> ResultMap {
    if let Some(message) = refuse(args) {
        return error(message);
    }
    let files = match files(context, args) {
        Ok(files) => files,
        Err(message) if message.starts_with(WRONG_EXPRESSION) => return error(message),
        Err(message) => return not_included(args, &message),
    };
    let mut vars = Vars::new();
    for file in &files {
        match read_vars_file(file, &context.item.play.files.vault()) {
            Ok(read) => vars.extend(read),
            Err(error) => return not_included(args, &error.to_string()),
        }
    }
    if let Some(name) = text(args, "name") {
        vars = nested(&name, vars, &context.item.task.span);
    }
    if text(args, "hash_behaviour").as_deref() == Some("merge") {
        vars = match merged(context, &vars) {
            Ok(vars) => vars,
            Err(message) => return not_included(args, &message),
        };
    }
    let shown: serde_json::Map<String, Value> = vars
        .iter()
        .map(|(name, variable)| {
            (
                name.to_string(),
                written(variable, &context.item.play.run.templar),
            )
        })
        .collect();
    for name in vars.keys() {
        context.item.play.warn_if_reserved(name);
    }
    for receiver in &context.item.fact_receivers() {
        for (name, variable) in &vars {
            receiver.included.set(Arc::clone(name), variable.clone());
        }
    }
    // What was encrypted is not shown; nor is it if that cannot be told any more.
    let secret = files.iter().any(|file| is_encrypted(file).unwrap_or(true));
    let paths: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    map(json!({
        "changed": false, "ansible_facts": shown, "ansible_included_var_files": paths, "_ansible_facts_kept": true,
        "_ansible_no_log": secret,
    }))
}

/// The arguments that are about a directory.
const OF_DIRECTORIES: &[&str] = &[
    "dir",
    "depth",
    "files_matching",
    "ignore_files",
    "extensions",
    "ignore_unknown_extensions",
];

/// What is wrong with the arguments whatever files there are.
fn refuse(args: &Arguments) -> Option<String> {
    let (mut of_directories, mut of_files) = (false, false);
    for name in args.keys() {
        match name.as_str() {
            name if OF_DIRECTORIES.contains(&name) => of_directories = true,
            "file" | "_raw_params" => of_files = true,
            "name" | "hash_behaviour" => {}
            other => return Some(format!("{other} is not a valid option in include_vars")),
        }
    }
    if of_directories && of_files {
        return Some("You are mixing file only and dir only arguments, these are incompatible".to_owned());
    }
    match args.get("extensions") {
        None | Some(Value::Array(_) | Value::String(_)) => None,
        Some(_) => Some("Invalid type for \"extensions\" option, it must be a list".to_owned()),
    }
}

const WRONG_EXPRESSION: &str = "Invalid regular expression: ";

/// What Ansible says of a file without a name.
const NO_NAME: &str = "Could not find file on the Ansible Controller.\nIf you are using a module and expect the file to exist on the remote, see the remote_src option";

/// Why nothing is included, under Ansible's name for it.
fn not_included(args: &Arguments, message: &str) -> ResultMap {
    let facts = match text(args, "name") {
        Some(name) => json!({name: {}}),
        None => json!({}),
    };
    map(json!({
        "failed": true, "changed": false, "message": message, "ansible_facts": facts, "ansible_included_var_files": [],
    }))
}

fn files(context: &ActionContext<'_>, args: &Arguments) -> Result<Vec<PathBuf>, String> {
    if let Some(directory) = text(args, "dir") {
        return Wanted::of(args)?.below(context, &directory);
    }
    let name = text(args, "file")
        .or_else(|| text(args, "_raw_params"))
        .unwrap_or_default();
    let name = name.trim_end_matches('\n');
    if name.is_empty() {
        return Err(NO_NAME.to_owned());
    }
    Ok(vec![context.find(name, FileKind::Vars)?])
}

/// Which files of a directory are read.
struct Wanted {
    /// How many directories, in their order; all if zero.
    depth: u64,
    matching: Option<Regex>,
    ignored: Vec<Regex>,
    extensions: Vec<String>,
    ignore_unknown: bool,
}

impl Wanted {
    fn of(args: &Arguments) -> Result<Self, String> {
        let expression =
            |pattern: &str, said: &str| Regex::new(pattern).map_err(|_| format!("{WRONG_EXPRESSION}{said}"));
        let list = |name: &str| -> Option<Vec<String>> {
            match args.get(name)? {
                Value::Array(items) => Some(texts(items)),
                Value::String(text) => Some(text.split_whitespace().map(str::to_owned).collect()),
                _ => None,
            }
        };
        let ignored = list("ignore_files").unwrap_or_default();
        Ok(Self {
            depth: super::number(args, "depth").map_or(0, |depth| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a depth is small and not negative"
                )]
                let depth = depth.max(0.0) as u64;
                depth
            }),
            matching: text(args, "files_matching")
                .map(|pattern| expression(&pattern, &pattern))
                .transpose()?,
            ignored: ignored
                .iter()
                .map(|pattern| expression(&format!("{pattern}$"), pattern))
                .collect::<Result<_, _>>()?,
            extensions: extensions(args.get("extensions"))
                .unwrap_or_else(|| ["yaml", "yml", "json"].map(str::to_owned).to_vec()),
            ignore_unknown: boolean(args, "ignore_unknown_extensions").unwrap_or(false),
        })
    }

    /// The files below a directory: beside the role's variables, or beside the tasks.
    fn below(&self, context: &ActionContext<'_>, name: &str) -> Result<Vec<PathBuf>, String> {
        let task = context.item.task;
        let directory = match &task.role {
            Some(role) if !Path::new(name).is_absolute() => {
                let inside = role.path.join(name);
                if name.split('/').next() == Some("vars") && inside.is_dir() {
                    inside
                } else {
                    role.path.join("vars").join(name)
                }
            }
            _ => {
                let file = std::path::absolute(task.span.file.as_ref()).unwrap_or_default();
                file.parent().unwrap_or(Path::new("/")).join(name)
            }
        };
        let shown = directory.display();
        if !directory.exists() {
            return Err(format!("{shown} directory does not exist"));
        }
        if !directory.is_dir() {
            return Err(format!("{shown} is not a directory"));
        }
        let mut directories = Vec::new();
        walk(&directory, &mut directories).map_err(|error| format!("cannot read {shown}: {error}"))?;
        directories.sort();
        if self.depth > 0 {
            // The directory itself is the first.
            let depth = |inner: &Path| {
                inner
                    .strip_prefix(&directory)
                    .map_or(0, |below| below.components().count())
                    + 1
            };
            directories.retain(|inner| u64::try_from(depth(inner)).is_ok_and(|depth| depth <= self.depth));
        }
        // A role reads this one by itself.
        let main = task.role.as_ref().map(|role| role.path.join("vars/main.yml"));
        let mut found = Vec::new();
        for directory in directories {
            for file in entries(&directory).map_err(|error| format!("cannot read {shown}: {error}"))? {
                if file.is_file() && Some(&file) != main.as_ref() && self.takes(&file)? {
                    found.push(file);
                }
            }
        }
        Ok(found)
    }

    fn takes(&self, file: &Path) -> Result<bool, String> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if self
            .matching
            .as_ref()
            .is_some_and(|matching| !matching.is_match(&name))
            || self.ignored.iter().any(|ignored| ignored.is_match(&name))
        {
            return Ok(false);
        }
        // The empty extension is one, too.
        let extension = file.extension().unwrap_or_default().to_str();
        if extension.is_some_and(|extension| self.extensions.iter().any(|known| known == extension)) {
            return Ok(true);
        }
        if self.ignore_unknown {
            return Ok(false);
        }
        Err(format!(
            "{} does not have a valid extension: {}",
            file.display(),
            self.extensions.join(", ")
        ))
    }
}

/// The items of a list as texts, whatever they are.
fn texts(items: &[Value]) -> Vec<String> {
    items
        .iter()
        .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
        .collect()
}

/// The extensions that are wanted. Ansible takes a text for its letters.
fn extensions(given: Option<&Value>) -> Option<Vec<String>> {
    match given? {
        Value::Array(items) => Some(texts(items)),
        Value::String(text) => Some(text.chars().map(String::from).collect()),
        _ => None,
    }
}

fn entries(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    entries.sort();
    Ok(entries)
}

fn walk(directory: &Path, directories: &mut Vec<PathBuf>) -> std::io::Result<()> {
    directories.push(directory.to_path_buf());
    for entry in entries(directory)? {
        if entry.is_dir() {
            walk(&entry, directories)?;
        }
    }
    Ok(())
}

/// The variables laid into those of the same names that are there already, mapping by mapping.
fn merged(context: &ActionContext<'_>, vars: &Vars) -> Result<Vars, String> {
    let item = context.item;
    let mut merged = Vars::new();
    for (name, variable) in vars {
        let (templar, watch) = item.play.run.templar.watched();
        let new = match variable {
            Variable::Template(node) => templar.render(node, &item.scope),
            other => Ok(other.value(&templar).unwrap_or_default()),
        };
        let trusted = !matches!(item.scope.variable(name), Some(Variable::Answer(_)));
        let old = item.scope.get(&templar, name);
        let (new, old) = match (new, old) {
            (Ok(new), Ok(old)) => (new, old),
            (Err(error), _) | (_, Err(error)) => return Err(error.to_string()),
        };
        let mut value = old.map_or(Value::Null, |old| slipway_language::to_json(&old));
        let new = slipway_language::to_json(&new);
        if !value.is_object() || !new.is_object() {
            return Err(format!(
                "failed to combine variables, expected dicts for {name} but got {value} and {new}"
            ));
        }
        lay_over(&mut value, new);
        merged.insert(
            Arc::clone(name),
            Variable::data(
                slipway_language::from_json(value),
                trusted && !watch.saw_untrusted(),
            ),
        );
    }
    Ok(merged)
}

fn lay_over(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                lay_over(below.entry(key).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above,
    }
}

/// All variables as one mapping under a name.
fn nested(name: &str, vars: Vars, span: &Span) -> Vars {
    let entries: Vec<(Node, Node)> = vars
        .into_iter()
        .filter_map(|(key, variable)| match variable {
            Variable::Template(node) => Some((Node::text(node.span.clone(), key), node)),
            _ => None,
        })
        .collect();
    let mapping = Node::new(span.clone(), NodeKind::Map(entries.into()));
    Vars::from_iter([(Arc::from(name), Variable::Template(mapping))])
}

/// A variable as it is written, for the result.
fn written(variable: &Variable, templar: &Templar) -> Value {
    fn of(node: &Node) -> Value {
        match &node.kind {
            NodeKind::Null => Value::Null,
            NodeKind::Bool(value) => Value::Bool(*value),
            NodeKind::Int(value) => Value::from(*value),
            NodeKind::Float(value) => Value::from(*value),
            NodeKind::Str(text) | NodeKind::Unsafe(text) => Value::from(text.as_ref()),
            NodeKind::Vault(encrypted) => Value::from(encrypted.text().as_ref()),
            NodeKind::Bytes(bytes) => Value::from(String::from_utf8_lossy(bytes)),
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
        other => slipway_language::to_json(&other.value(templar).unwrap_or_default()),
    }
}
