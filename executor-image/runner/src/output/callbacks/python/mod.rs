//! Callbacks that are written in Python: what happens is told to their process, in terms of Ansible's own objects.

mod task;

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value as Json, json};
use slipway_language::Node;

use crate::{
    output::{
        Callback, Console, HostLine, HostOutcome, Included, ItemOutcome, JobStage, PlayHeader, Relay, Stats,
        TOLD, TaskHeader, display,
    },
    playbook::{Action, Play, Playbook, Strategy, Task, is_true},
    plugins::Wants,
};

/// Passes on what happens.
#[derive(Debug)]
pub struct PythonCallbacks {
    relay: Relay,
    /// What they make something of.
    wants: Wants,
    /// Whether differences are wanted of all tasks.
    diff: bool,
    plays: Vec<Arc<Play>>,
    /// Whether each host begins a task by itself.
    free: bool,
    /// The tasks that have been told, and their numbers. They are kept, so that no other comes to stand at the same address.
    tasks: HashMap<usize, (Arc<Task>, usize)>,
}

impl PythonCallbacks {
    /// Tells the callbacks behind a relay.
    pub fn new(relay: Relay, wants: Wants, diff: bool) -> Self {
        Self {
            relay,
            wants,
            diff,
            plays: Vec::new(),
            free: false,
            tasks: HashMap::new(),
        }
    }

    fn send(&self, method: &str, arguments: &[Json], named: &Json) {
        self.relay
            .tell(json!({"method": method, "arguments": arguments, "named": named}));
    }

    /// Whether anybody makes something of an event.
    fn wants(&self, method: &str) -> bool {
        self.wants.get().is_none_or(|wants| wants.contains(method))
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
        task::told(header, number)
    }

    fn result(&mut self, header: &TaskHeader, host: &str, result: &Map<String, Json>, no_log: bool) -> Json {
        let task = self.task(header);
        let mut keywords = json!({});
        // What is hidden does not leave this program.
        let result = if no_log {
            let mut left = display::censored(result);
            for key in ["failed", "skipped", "unreachable", "_ansible_delegated_vars"] {
                left.extend(result.get(key).map(|value| (key.to_owned(), value.clone())));
            }
            left.insert("_ansible_no_log".to_owned(), true.into());
            left
        } else {
            let mut left = result.clone();
            if !left.contains_key("results") {
                left.insert("_ansible_no_log".to_owned(), false.into());
            }
            keywords = left.shift_remove(TOLD).unwrap_or(keywords);
            left
        };
        if header
            .task
            .settings
            .no_log
            .as_ref()
            .is_some_and(|said| said.has_templates())
        {
            keywords["no_log"] = no_log.into();
        }
        json!({"result": {"task": task, "host": host, "result": result, "keywords": keywords}})
    }

    fn tell_result(&mut self, method: &str, header: &TaskHeader, outcome: &HostOutcome<'_>) {
        if self.wants(method) {
            let result = self.result(header, outcome.host, outcome.result, outcome.no_log);
            self.event(method, &[result]);
        }
    }

    fn item_result(&mut self, header: &TaskHeader, outcome: &ItemOutcome<'_>) -> Json {
        let mut result = outcome.result.clone();
        result.insert(
            "_ansible_item_label".to_owned(),
            outcome.line.label.as_str().into(),
        );
        self.result(header, outcome.host, &result, outcome.no_log)
    }

    fn begin(&mut self, header: &TaskHeader) {
        let (method, named) = if header.prefix == "TASK" {
            ("v2_playbook_on_task_start", json!({"is_conditional": false}))
        } else {
            ("v2_playbook_on_handler_task_start", json!({}))
        };
        if self.wants(method) {
            let task = json!({"task": self.task(header)});
            self.send(method, &[task], &named);
        }
    }

    fn host_result(&mut self, header: &TaskHeader, outcome: &HostOutcome<'_>) {
        let has = |key: &str| outcome.result.contains_key(key);
        let (method, has_diff) = match outcome.line {
            HostLine::Ok | HostLine::Changed => (
                "v2_runner_on_ok",
                has("diff") && (self.diff || has("_ansible_diff")) && self.wants("v2_on_file_diff"),
            ),
            HostLine::Skipped => ("v2_runner_on_skipped", false),
            HostLine::Unreachable { .. } => ("v2_runner_on_unreachable", false),
            HostLine::Failed { .. } => ("v2_runner_on_failed", false),
        };
        if !has_diff && !self.wants(method) {
            return;
        }
        let result = self.result(header, outcome.host, outcome.result, outcome.no_log);
        if has_diff {
            self.event("v2_on_file_diff", std::slice::from_ref(&result));
        }
        let named = if let HostLine::Failed { ignored } = outcome.line {
            // Nobody has said whether: that is neither.
            let said = header.task.settings.ignore_errors.is_some();
            json!({"ignore_errors": said.then_some(ignored)})
        } else {
            json!({})
        };
        self.send(method, &[result], &named);
    }
}

impl Callback for PythonCallbacks {
    fn playbook_started(&mut self, _: &mut Console, playbook: &Playbook, _: bool) {
        let told = json!({"file": playbook.file, "directory": playbook.directory});
        self.event("v2_playbook_on_start", &[json!({"playbook": told})]);
    }

    fn play_started(&mut self, _: &mut Console, header: &PlayHeader<'_>) {
        if let Some(answers) = &header.answers {
            self.relay.answer(Arc::clone(answers));
        }
        // Batches of one play are one play.
        let same = |play: &Arc<Play>| Arc::ptr_eq(play, header.play);
        let number = self.plays.iter().position(same).unwrap_or_else(|| {
            self.plays.push(Arc::clone(header.play));
            self.plays.len() - 1
        });
        self.free = header.play.strategy != Strategy::Linear;
        let strategies = Strategy::NAMES.iter();
        let mut strategies = strategies.filter(|(_, strategy)| *strategy == header.play.strategy);
        let mut keywords = Map::new();
        task::inherited(&header.play.settings, &mut |name, value| {
            keywords.insert(name.to_owned(), value);
        });
        keywords.insert("name".to_owned(), header.name.into());
        keywords.insert("hosts".to_owned(), json!(header.patterns));
        keywords.insert(
            "strategy".to_owned(),
            json!(strategies.next().map(|(name, _)| name)),
        );
        let told = json!({
            "id": number,
            "place": task::place(&header.play.span),
            "keywords": keywords,
            "vars": task::vars(&header.play.vars),
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
        if !self.wants("v2_runner_on_start") {
            return;
        }
        let task = json!({"task": self.task(header)});
        self.event("v2_runner_on_start", &[json!({"host": host}), task]);
    }

    fn meta_started(&mut self, header: &Arc<TaskHeader>) {
        self.begin(header);
    }

    fn item(&mut self, _: &mut Console, header: &Arc<TaskHeader>, outcome: &ItemOutcome<'_>) {
        let (method, has_diff) = match outcome.line.status {
            HostLine::Ok | HostLine::Changed => (
                "v2_runner_item_on_ok",
                outcome.result.contains_key("_ansible_diff") && self.wants("v2_on_file_diff"),
            ),
            HostLine::Skipped => ("v2_runner_item_on_skipped", false),
            HostLine::Failed { .. } | HostLine::Unreachable { .. } => ("v2_runner_item_on_failed", false),
        };
        if !has_diff && !self.wants(method) {
            return;
        }
        let result = self.item_result(header, outcome);
        if has_diff {
            self.event("v2_on_file_diff", std::slice::from_ref(&result));
        }
        self.event(method, &[result]);
    }

    fn item_asked_to_include(&mut self, header: &Arc<TaskHeader>, outcome: &ItemOutcome<'_>) {
        let result = self.item_result(header, outcome);
        self.event("v2_runner_item_on_ok", &[result]);
    }

    fn host(&mut self, _: &mut Console, header: &Arc<TaskHeader>, outcome: &HostOutcome<'_>) {
        self.host_result(header, outcome);
    }

    fn asked_to_include(&mut self, header: &Arc<TaskHeader>, outcome: &HostOutcome<'_>) {
        self.host_result(header, outcome);
    }

    fn included(&mut self, _: &mut Console, header: &Arc<TaskHeader>, included: &Included<'_>) {
        let told = json!({
            "file": included.file,
            "hosts": included.hosts,
            "vars": included.label.map_or_else(|| json!({}), |label| json!({"item": label, "_ansible_item_label": label})),
            "task": self.task(header),
            "is_role": matches!(header.task.action, Action::IncludeRole(_)),
        });
        self.event("v2_playbook_on_include", &[json!({"included": told})]);
    }

    fn notified(&mut self, header: &Arc<TaskHeader>, host: &str) {
        let task = json!({"task": self.task(header)});
        self.event("v2_playbook_on_notify", &[task, json!({"host": host})]);
    }

    fn retry(&mut self, _: &mut Console, header: &Arc<TaskHeader>, outcome: &HostOutcome<'_>, _: &str) {
        self.tell_result("v2_runner_retry", header, outcome);
    }

    fn job(
        &mut self,
        _: &mut Console,
        header: &Arc<TaskHeader>,
        stage: JobStage,
        outcome: &HostOutcome<'_>,
        _: &str,
    ) {
        let method = match stage {
            JobStage::Polled => "v2_runner_on_async_poll",
            JobStage::Done => "v2_runner_on_async_ok",
            JobStage::Failed => "v2_runner_on_async_failed",
        };
        self.tell_result(method, header, outcome);
    }

    fn prompted(&mut self, prompt: &Node) {
        let said = |key: &str| json!({"value": prompt.get(key).map(task::written)});
        let flag = |key: &str, default: bool| json!({"value": prompt.get(key).map_or(default, is_true)});
        let question = if prompt.get("prompt").is_some() {
            "prompt"
        } else {
            "name"
        };
        let arguments = [
            said("name"),
            flag("private", true),
            said(question),
            said("encrypt"),
            flag("confirm", false),
            said("salt_size"),
            said("salt"),
            said("default"),
            flag("unsafe", false),
        ];
        self.event("v2_playbook_on_vars_prompt", &arguments);
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
