//! A task in Ansible's terms: its keywords as they are written, its place, its role.

use std::path::Path;

use serde_json::{Map, Value as Json, json};
use slipway_language::{Node, NodeKind, Span, Variable, to_json};

use crate::{
    inventory::Vars,
    output::TaskHeader,
    playbook::{Action, Keyword, Loop, Role, Settings, Task, list, normalize},
};

/// Everything that is told of a task under its number.
pub fn told(header: &TaskHeader, number: usize) -> Json {
    let task = &header.task;
    let handler = header.prefix != "TASK";
    let kind = match &task.action {
        Action::IncludeTasks(_) if handler => "include_tasks handler",
        Action::IncludeTasks(_) => "include_tasks",
        Action::IncludeRole(_) => "include_role",
        _ if handler => "handler",
        _ => "task",
    };
    json!({
        "id": number,
        "kind": kind,
        "keywords": keywords(header),
        "vars": vars(&task.vars),
        "place": place(&task.span),
        "role": task.role.as_deref().map(role),
        "implicit": task.implicit && matches!(task.action, Action::Meta(_)),
        "resolved_action": header.module,
    })
}

/// Where something stands.
pub fn place(span: &Span) -> Json {
    let file = normalize(Path::new(span.file.as_ref()));
    json!([file, span.line, span.column])
}

fn role(role: &Role) -> Json {
    let (collection, name) = match &role.collection {
        Some(collection) => {
            let short = role.name.strip_prefix(&format!("{collection}."));
            (Some(collection.as_ref()), short.unwrap_or(&role.name))
        }
        None => (None, role.name.as_ref()),
    };
    json!({"name": name, "collection": collection, "path": role.path})
}

/// The name without that of its role; empty if it has none.
fn own_name<'a>(header: &'a TaskHeader, task: &Task) -> &'a str {
    if task.name.as_ref().is_none_or(|name| name.as_str() == Some("")) {
        return "";
    }
    let role = task.role.as_ref().map_or("", |role| &role.name);
    let own = header
        .name
        .strip_prefix(role)
        .and_then(|own| own.strip_prefix(" : "));
    own.unwrap_or(&header.name)
}

/// The keywords that a task or what is around it has.
fn keywords(header: &TaskHeader) -> Json {
    let task = &header.task;
    let mut all = Map::new();
    let mut set = |name: &str, value: Json| {
        all.insert(name.to_owned(), value);
    };
    set("name", own_name(header, task).into());
    set("action", task.action_name.as_ref().into());
    set("args", arguments(task));
    inherited(&task.settings, &mut set);
    let own = [
        ("async_val", &task.r#async),
        ("poll", &task.poll),
        ("retries", &task.retries),
        ("delay", &task.delay),
    ];
    for (name, node) in own {
        if let Some(node) = node {
            set(name, written(node));
        }
    }
    let conditions = [
        ("until", &task.until),
        ("changed_when", &task.changed_when),
        ("failed_when", &task.failed_when),
    ];
    for (name, node) in conditions {
        if let Some(node) = node {
            set(name, list(node).iter().map(written).collect());
        }
    }
    if let Some(register) = &task.register {
        set("register", register.as_ref().into());
    }
    if let Some(looping) = &task.r#loop {
        set("loop", written(&looping.items));
        set("loop_with", json!(looping.lookup));
        set("loop_control", loop_control(looping));
    }
    Json::Object(all)
}

/// The keywords that tasks have from what is around them, and that plays have, too.
pub fn inherited(settings: &Settings, set: &mut impl FnMut(&str, Json)) {
    set("tags", json!(settings.tags));
    set("collections", json!(settings.collections));
    let inherited = [
        ("become", &settings.r#become),
        ("become_user", &settings.become_user),
        ("become_method", &settings.become_method),
        ("become_exe", &settings.become_exe),
        ("become_flags", &settings.become_flags),
        ("delegate_to", &settings.delegate_to),
        ("delegate_facts", &settings.delegate_facts),
        ("connection", &settings.connection),
        ("remote_user", &settings.remote_user),
        ("port", &settings.port),
        ("no_log", &settings.no_log),
        ("ignore_errors", &settings.ignore_errors),
        ("ignore_unreachable", &settings.ignore_unreachable),
        ("check_mode", &settings.check_mode),
        ("diff", &settings.diff),
        ("run_once", &settings.run_once),
        ("any_errors_fatal", &settings.any_errors_fatal),
        ("throttle", &settings.throttle),
        ("timeout", &settings.timeout),
    ];
    for (name, keyword) in inherited {
        if let Some(keyword) = keyword {
            set(name, written(keyword));
        }
    }
    let lists = [
        ("when", &settings.when),
        ("notify", &settings.notify),
        ("environment", &settings.environment),
    ];
    for (name, nodes) in lists.into_iter().filter(|(_, nodes)| !nodes.is_empty()) {
        set(name, nodes.iter().map(written).collect());
    }
}

fn loop_control(looping: &Loop) -> Json {
    let control = &looping.control;
    let written = |node: &Option<Node>| node.as_ref().map(written);
    json!({
        "loop_var": control.loop_var,
        "index_var": control.index_var,
        "label": written(&control.label),
        "pause": written(&control.pause),
        "extended": written(&control.extended),
        "extended_allitems": written(&control.extended_allitems),
    })
}

/// The arguments as they are written, unless results are hidden: they are no less secret.
fn arguments(task: &Task) -> Json {
    let hides = |keyword: &Keyword| keyword.kind != NodeKind::Bool(false);
    if task.settings.no_log.as_ref().is_some_and(hides) {
        return json!({});
    }
    match &task.action {
        Action::Module(module) => written(&module.args),
        Action::IncludeTasks(include) => json!({"_raw_params": written(&include.file)}),
        Action::IncludeRole(include) => json!({"name": written(&include.name)}),
        Action::Meta(meta) => json!({"_raw_params": meta.name()}),
        Action::Templated(_) | Action::RoleComplete(_) => json!({}),
    }
}

/// Variables as they are written.
pub fn vars(vars: &Vars) -> Json {
    let written = vars.iter().map(|(name, variable)| {
        let value = match variable {
            Variable::Template(node) => written(node),
            Variable::Data(value) | Variable::Answer(value) => to_json(value),
            Variable::View(_) => Json::Null,
        };
        (name.to_string(), value)
    });
    Json::Object(written.collect())
}

/// A value as it is written.
pub fn written(node: &Node) -> Json {
    match &node.kind {
        NodeKind::Null => Json::Null,
        NodeKind::Bool(value) => (*value).into(),
        NodeKind::Int(number) => (*number).into(),
        NodeKind::Float(number) => (*number).into(),
        NodeKind::Str(text) | NodeKind::Unsafe(text) => text.as_ref().into(),
        NodeKind::Vault(encrypted) => encrypted.text().as_ref().into(),
        NodeKind::Bytes(bytes) => String::from_utf8_lossy(bytes).into(),
        NodeKind::List(items) => items.iter().map(written).collect(),
        NodeKind::Map(entries) => {
            let key = |key: &Node| {
                key.as_str()
                    .map_or_else(|| written(key).to_string(), str::to_owned)
            };
            let entries = entries.iter().map(|(name, value)| (key(name), written(value)));
            Json::Object(entries.collect())
        }
    }
}
