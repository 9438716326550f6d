//! Callbacks that are written in Python: what happens is told to their process, in terms of Ansible's own objects.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value as Json, json};
use slipway_language::{Node, NodeKind, Span};

use crate::{
    output::{
        Callback, Console, HostLine, HostOutcome, ItemOutcome, PlayHeader, Relay, Stats, TaskHeader, display,
    },
    playbook::{Action, Playbook, Role, Strategy, Task, normalize},
};

/// Passes on what happens.
#[derive(Debug)]
pub struct PythonCallbacks {
    relay: Relay,
    plays: usize,
    /// Whether each host begins a task by itself.
    free: bool,
    /// The tasks that have been told, and their numbers. They are kept, so that no other comes to stand at the same address.
    tasks: HashMap<usize, (Arc<Task>, usize)>,
}

impl PythonCallbacks {
    /// Tells the callbacks behind a relay.
    pub fn new(relay: Relay) -> Self {
        Self {
            relay,
            plays: 0,
            free: false,
            tasks: HashMap::new(),
        }
    }

    fn send(&self, method: &str, arguments: &[Json], named: &Json) {
        self.relay
            .tell(json!({"method": method, "arguments": arguments, "named": named}));
    }

    fn event(&self, method: &str, arguments: &[Json]) {
        self.send(method, arguments, &json!({}));
    }

    /// A task: all of it when it is told for the first time, its number afterwards.
    fn task(&mut self, header: &TaskHeader) -> Json {
        let task = &header.task;
        let address = Arc::as_ptr(task).addr();
        if let Some((_, number)) = self.tasks.get(&address) {
            return json!({"id": number});
        }
        let number = self.tasks.len();
        self.tasks.insert(address, (Arc::clone(task), number));
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
            "place": place(&task.span),
            "role": task.role.as_deref().map(role),
            "implicit": task.implicit,
            "resolved_action": header.module,
        })
    }

    fn result(&mut self, header: &TaskHeader, host: &str, result: &Map<String, Json>, no_log: bool) -> Json {
        let task = self.task(header);
        // What is hidden does not leave this program.
        let result = if no_log {
            let mut left = display::censored(result);
            left.insert("_ansible_no_log".to_owned(), true.into());
            left
        } else {
            let mut left = result.clone();
            if !left.contains_key("results") {
                left.insert("_ansible_no_log".to_owned(), false.into());
            }
            left
        };
        json!({"result": {"task": task, "host": host, "result": result, "keywords": {}}})
    }

    fn begin(&mut self, header: &TaskHeader) {
        let task = json!({"task": self.task(header)});
        if header.prefix == "TASK" {
            self.send(
                "v2_playbook_on_task_start",
                &[task],
                &json!({"is_conditional": false}),
            );
        } else {
            self.event("v2_playbook_on_handler_task_start", &[task]);
        }
    }

    fn host_result(&mut self, header: &TaskHeader, outcome: &HostOutcome<'_>) {
        let result = self.result(header, outcome.host, outcome.result, outcome.no_log);
        match outcome.line {
            HostLine::Ok | HostLine::Changed => self.event("v2_runner_on_ok", &[result]),
            HostLine::Skipped => self.event("v2_runner_on_skipped", &[result]),
            HostLine::Unreachable { .. } => self.event("v2_runner_on_unreachable", &[result]),
            HostLine::Failed { ignored } => {
                // Nobody has said whether: that is neither.
                let said = header.task.settings.ignore_errors.is_some();
                let named = json!({"ignore_errors": said.then_some(ignored)});
                self.send("v2_runner_on_failed", &[result], &named);
            }
        }
    }
}

/// Where something stands.
fn place(span: &Span) -> Json {
    let file = normalize(std::path::Path::new(span.file.as_ref()));
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

/// What a task says, as it is written. What the engine decides by templates for each host is not among it.
fn keywords(header: &TaskHeader) -> Json {
    let task = &header.task;
    let named = task.name.as_ref().is_some_and(|name| name.as_str() != Some(""));
    let name = match &task.role {
        _ if !named => "",
        Some(role) => {
            let own = header.name.strip_prefix(role.name.as_ref());
            own.and_then(|own| own.strip_prefix(" : "))
                .unwrap_or(&header.name)
        }
        None => &header.name,
    };
    let settings = &task.settings;
    let hides = settings
        .no_log
        .as_deref()
        .is_some_and(|node| node.kind != NodeKind::Bool(false));
    let args = task
        .module()
        .filter(|_| !hides)
        .map(|module| written(&module.args));
    json!({
        "name": name,
        "action": task.action_name.as_ref(),
        "args": args.unwrap_or_else(|| json!({})),
        "tags": settings.tags,
        "loop": task.r#loop.as_ref().map(|looping| written(&looping.items)),
        "no_log": settings.no_log.as_deref().map(written),
        "register": task.register,
    })
}

/// A value as it is written.
fn written(node: &Node) -> Json {
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

impl Callback for PythonCallbacks {
    fn playbook_started(&mut self, _: &mut Console, playbook: &Playbook, _: bool) {
        let told = json!({"file": playbook.file, "directory": playbook.directory});
        self.event("v2_playbook_on_start", &[json!({"playbook": told})]);
    }

    fn play_started(&mut self, _: &mut Console, header: &PlayHeader<'_>) {
        self.plays += 1;
        self.free = header.play.strategy != Strategy::Linear;
        let strategies = Strategy::NAMES.iter();
        let mut strategies = strategies.filter(|(_, strategy)| *strategy == header.play.strategy);
        let told = json!({
            "id": self.plays,
            "place": place(&header.play.span),
            "keywords": {
                "name": header.name,
                "hosts": header.patterns,
                "tags": header.play.settings.tags,
                "strategy": strategies.next().map(|(name, _)| name),
            },
        });
        self.event("v2_playbook_on_play_start", &[json!({"play": told})]);
    }

    fn no_hosts_matched(&mut self, _: &mut Console) {
        self.event("v2_playbook_on_no_hosts_matched", &[]);
    }

    fn no_hosts_left(&mut self, _: &mut Console) {
        self.event("v2_playbook_on_no_hosts_remaining", &[]);
    }

    fn task_started(&mut self, _: &mut Console, header: &Arc<TaskHeader>) {
        // Of tasks of its own pace, each host's beginning is told.
        if !self.free {
            self.begin(header);
        }
    }

    fn host_started(&mut self, header: &Arc<TaskHeader>, host: &str) {
        if self.free {
            self.begin(header);
        }
        let task = json!({"task": self.task(header)});
        self.event("v2_runner_on_start", &[json!({"host": host}), task]);
    }

    fn item(&mut self, _: &mut Console, header: &Arc<TaskHeader>, outcome: &ItemOutcome<'_>) {
        let mut result = outcome.result.clone();
        result.insert(
            "_ansible_item_label".to_owned(),
            outcome.line.label.as_str().into(),
        );
        let result = self.result(header, &outcome.line.host, &result, outcome.no_log);
        let method = match outcome.line.status {
            HostLine::Ok | HostLine::Changed => "v2_runner_item_on_ok",
            HostLine::Skipped => "v2_runner_item_on_skipped",
            HostLine::Failed { .. } | HostLine::Unreachable { .. } => "v2_runner_item_on_failed",
        };
        self.event(method, &[result]);
    }

    fn host(&mut self, _: &mut Console, header: &Arc<TaskHeader>, outcome: &HostOutcome<'_>) {
        self.host_result(header, outcome);
    }

    fn asked_to_include(&mut self, header: &Arc<TaskHeader>, outcome: &HostOutcome<'_>) {
        self.host_result(header, outcome);
    }

    fn recap(&mut self, _: &mut Console, stats: &Stats, _: bool) {
        let hosts = stats.hosts.iter().map(|(host, totals)| {
            let totals = json!({
                "ok": totals.ok,
                "changed": totals.changed,
                "dark": totals.unreachable,
                "failures": totals.failed,
                "skipped": totals.skipped,
                "rescued": totals.rescued,
                "ignored": totals.ignored,
            });
            (host.to_string(), totals)
        });
        let hosts: Map<String, Json> = hosts.collect();
        let told = json!({"hosts": hosts, "custom": stats.custom});
        self.event("v2_playbook_on_stats", &[json!({"stats": told})]);
    }
}
