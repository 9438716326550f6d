//! One task on one host: its loop, its conditions, what is kept of its results.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use minijinja::Value;
use serde_json::Value as Json;
use slipway_language::{Layer, Part, Scope, TemplateError, Variable, from_json, to_json};
use slipway_report::ItemResult;

use super::{
    HostState,
    attempt::{self, ItemOutcome},
    delegation::Delegate,
    ignoring::Ignoring,
    loop_variables::{label, loop_variables, named},
    play::PlayRun,
    reach::Reach,
    result::{self, Include, ResultMap, TaskResult, failure, flag},
    told,
};
use crate::{
    actions, early,
    inventory::Vars,
    output::{self, HostLine, ItemLine, PLACE, TOLD, TaskHeader},
    playbook::{Action, Loop, Task},
};

/// What stands in the place of a hidden item.
const HIDDEN_ITEM: &str = "None";

/// One item of a task on a host, or the task itself if it does not loop.
#[derive(Debug)]
pub(crate) struct ItemContext<'a> {
    pub play: &'a Arc<PlayRun>,
    pub host: &'a Arc<HostState>,
    pub task: &'a Arc<Task>,
    /// The task's name as printed.
    pub name: &'a str,
    /// What is printed before its results.
    pub header: &'a Arc<TaskHeader>,
    /// All variables, those of the item included.
    pub scope: Scope,
    /// The same without those that only tell how the host is reached.
    pub set: Scope,
    /// The host that does the work in its place.
    pub delegate: Option<Delegate>,
    /// Why that host cannot be known: told if the task is to run.
    pub undecided: Option<TemplateError>,
    /// Whether nothing may be changed.
    pub check: bool,
    /// Whether differences are wanted.
    pub diff: bool,
    /// Hosts that get facts and variables of this task: all of the batch for `run_once`, else the one it runs on.
    pub receivers: &'a [Arc<HostState>],
    /// The loop variable and its value.
    pub item: Vec<(Arc<str>, Variable)>,
}

/// What the items of a task on a host have in common.
#[derive(Debug, Clone, Copy)]
struct OnHost<'a> {
    play: &'a Arc<PlayRun>,
    host: &'a Arc<HostState>,
    task: &'a Arc<Task>,
    header: &'a Arc<TaskHeader>,
    receivers: &'a [Arc<HostState>],
    check: bool,
    diff: bool,
}

impl<'a> OnHost<'a> {
    /// The task itself, or one item of it with the variables of its loop.
    fn item(
        self,
        scope: Scope,
        vars: Option<&Arc<Vars>>,
        item: Vec<(Arc<str>, Variable)>,
    ) -> ItemContext<'a> {
        let (delegate, undecided) = match self.play.delegate(self.task, self.host, &scope, vars) {
            Ok(delegate) => (delegate, None),
            Err(error) => (None, Some(error)),
        };
        let scope = match &delegate {
            Some(delegate) => self.play.with_delegated_vars(delegate, &scope),
            None => scope,
        };
        let reach = Reach {
            play: Arc::downgrade(self.play),
            task: Arc::clone(self.task),
            host: delegate.as_ref().map_or_else(
                || Arc::clone(&self.host.name),
                |delegate| Arc::clone(&delegate.host.name),
            ),
            set: delegate
                .as_ref()
                .map_or_else(|| scope.clone(), |delegate| delegate.scope.clone()),
        };
        ItemContext {
            play: self.play,
            host: self.host,
            task: self.task,
            name: &self.header.name,
            header: self.header,
            scope: scope.with(Arc::new(reach) as Arc<dyn Layer>),
            set: scope,
            delegate,
            undecided,
            check: self.check,
            diff: self.diff,
            receivers: self.receivers,
            item,
        }
    }
}

/// Runs a task on a host, printing items as they end.
pub(super) async fn run_task(
    play: &Arc<PlayRun>,
    host: &Arc<HostState>,
    task: &Arc<Task>,
    header: &Arc<TaskHeader>,
    receivers: &[Arc<HostState>],
) -> TaskResult {
    let started = Instant::now();
    let scope = play.scope(host, Some(task));
    let (task, unresolved) = match resolved(play, task, &scope) {
        Ok(task) => (task, None),
        Err(error) => (Arc::clone(task), Some(error)),
    };
    let task = &task;
    let mut outcome = TaskResult {
        host: Arc::clone(&host.name),
        header: Arc::clone(header),
        label: None,
        map: ResultMap::new(),
        no_log: false,
        ignore_errors: false,
        ignore_unreachable: false,
        looped: task.r#loop.is_some(),
        notify: Vec::new(),
        includes: Vec::new(),
        took_ms: 0,
        items: Vec::new(),
    };
    let no_log = play.boolean(task.settings.no_log.as_ref(), &scope);
    // A no_log that cannot be known hides: a secret shown cannot be taken back.
    outcome.no_log = no_log.as_ref().map_or(true, |value| value.unwrap_or(false));
    let options = &play.run.options;
    let modes = play
        .boolean(task.settings.check_mode.as_ref(), &scope)
        .and_then(|check| Ok((check, play.boolean(task.settings.diff.as_ref(), &scope)?)));
    let mut last_scope = scope.clone();
    let modes = unresolved.map_or(modes, Err);
    match modes {
        Err(error) => outcome.map = template_failure(&error),
        Ok((check, diff)) => {
            let on_host = OnHost {
                play,
                host,
                task,
                header,
                receivers,
                check: check.unwrap_or(options.check),
                diff: diff.unwrap_or(options.diff),
            };
            match &task.r#loop {
                None => {
                    let item = on_host.item(scope, None, Vec::new());
                    let mut done = attempt::run_item(&item, outcome.no_log).await;
                    told::beside_result(&item, &mut done.map);
                    notify(&item, &done.map, &mut outcome.notify);
                    outcome.label = item.label();
                    outcome.map = done.map;
                    outcome.no_log |= flag(&outcome.map, "_ansible_no_log");
                    outcome.includes.extend(done.include);
                    last_scope = item.scope;
                }
                Some(looping) => last_scope = run_loop(on_host, looping, scope, &mut outcome).await,
            }
        }
    }
    early::turn().await;
    finish(play, task, receivers, &last_scope, &mut outcome);
    outcome.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    outcome
}

/// The task with the module that its action names on this host.
fn resolved(play: &Arc<PlayRun>, task: &Arc<Task>, scope: &Scope) -> Result<Arc<Task>, TemplateError> {
    let Action::Templated(written) = &task.action else {
        return Ok(Arc::clone(task));
    };
    let name = play.run.templar.render(&written.name_template(), scope)?;
    let name = slipway_language::to_text(&name);
    let module = play
        .loader
        .clone()
        .resolve(written, &name)
        .map_err(|error| TemplateError::new(error.to_string()))?;
    Ok(Arc::new(Task {
        action_name: Arc::from(name.trim()),
        action: Action::Module(module),
        ..(**task).clone()
    }))
}

/// What follows once the result is there: who ignores it, who remembers it.
fn finish(
    play: &Arc<PlayRun>,
    task: &Task,
    receivers: &[Arc<HostState>],
    scope: &Scope,
    outcome: &mut TaskResult,
) {
    if !outcome.looped {
        let mut ignoring = Ignoring::default();
        ignoring.add(play, task, scope, &outcome.map);
        ignoring.tell(outcome);
    }
    if let Some(register) = &task.register {
        play.warn_if_reserved(register);
        let value = from_json(result::public(&outcome.map));
        let trusted = actions::is_trusted(task.module(), &outcome.map);
        for receiver in receivers {
            receiver.set.set_answer(register, value.clone(), trusted);
        }
    }
}

async fn run_loop(on_host: OnHost<'_>, looping: &Loop, scope: Scope, outcome: &mut TaskResult) -> Scope {
    let base = on_host.item(scope.clone(), None, Vec::new());
    let templar = &base.play.run.templar;
    let items = match &looping.lookup {
        None => slipway_language::loops::items(templar, &looping.items, &scope),
        Some(lookup) => {
            let action = &base.task.action_name;
            slipway_language::loops::with(templar, lookup, &looping.items, &scope, action)
        }
    };
    let looping = &named(&base, looping, &scope);
    let items = match items {
        Ok(items) => items,
        // A loop that cannot be known does not matter to a task that is skipped anyway.
        Err(error) => {
            outcome.looped = false;
            outcome.map = attempt::skipped_by_condition(&base).unwrap_or_else(|| template_failure(&error));
            return scope;
        }
    };
    if items.is_empty() {
        outcome.map = result::to_map(serde_json::json!({
            "changed": false, "skipped": true, "skipped_reason": "No items in the list", "results": [],
        }));
        return scope;
    }
    let parts = items;
    let items: Vec<Value> = parts
        .iter()
        .map(|part| slipway_language::loops::as_variable(part.value()))
        .collect();
    let count = items.len();
    let trusted = parts.iter().all(Part::is_trusted);
    let mut results: Vec<Json> = Vec::with_capacity(count);
    let mut previous: Option<Variable> = None;
    let mut last_scope = scope.clone();
    let mut ignoring = Ignoring::default();
    for (index, value) in items.iter().enumerate() {
        if index > 0 {
            pause(&base, looping, &scope).await;
        }
        let vars = Arc::new(loop_variables(
            looping,
            &parts[index],
            &items,
            index,
            &base,
            &scope,
            trusted,
        ));
        let mut item_scope = scope.clone();
        if let (Some(register), Some(previous)) = (&base.task.register, previous.take()) {
            let layer = Vars::from_iter([(Arc::clone(register), previous)]);
            item_scope = item_scope.with(Arc::new(layer) as Arc<dyn Layer>);
        }
        item_scope = item_scope.with(Arc::clone(&vars) as Arc<dyn Layer>);
        // What is included sees these, too.
        let bound = vars
            .iter()
            .map(|(name, variable)| (Arc::clone(name), variable.clone()));
        let item = on_host.item(item_scope, Some(&vars), bound.collect());
        last_scope = item.scope.clone();
        let ItemOutcome {
            mut map,
            include,
            is_unknown,
        } = attempt::run_item(&item, outcome.no_log).await;
        told::beside_result(&item, &mut map);
        if is_unknown {
            outcome.looped = false;
            outcome.map = map;
            return last_scope;
        }
        notify(&item, &map, &mut outcome.notify);
        map.insert(looping.control.loop_var.to_string(), to_json(value));
        map.insert(
            "ansible_loop_var".to_owned(),
            Json::from(looping.control.loop_var.as_ref()),
        );
        if let Some(Variable::Data(extended)) = vars.get("ansible_loop") {
            map.insert("ansible_loop".to_owned(), to_json(extended));
        }
        if let Some(name) = &looping.control.index_var {
            map.insert(name.to_string(), Json::from(index));
            map.insert("ansible_index_var".to_owned(), Json::from(name.as_ref()));
        }
        let label = match label(&base, looping, value, &item.scope, &map) {
            Ok(label) => label,
            Err(error) => {
                map.insert("failed".to_owned(), Json::Bool(true));
                map.insert("msg".to_owned(), Json::from(error));
                map.get("item").map_or_else(|| "None".to_owned(), text_of)
            }
        };
        if !flag(&map, "failed") {
            outcome.includes.extend(include.map(|include| Include {
                label: Some(label.clone()),
                ..include
            }));
        }
        // A result may ask for it itself: one of `include_vars` that was encrypted.
        let no_log = outcome.no_log || flag(&map, "_ansible_no_log");
        let shown = if no_log { HIDDEN_ITEM.to_owned() } else { label };
        let status = result::item_line(&map);
        // Ansible does not say who would have done what is skipped.
        let delegated = item.label().filter(|_| status != HostLine::Skipped);
        let line = ItemLine {
            host: delegated.map_or_else(|| Arc::clone(&outcome.host), Arc::from),
            status,
            label: shown.clone(),
        };
        // The items of an include are told by what is included.
        let is_include =
            base.task.module().is_none() && matches!(line.status, HostLine::Ok | HostLine::Changed);
        let told = output::ItemOutcome {
            host: &outcome.host,
            line: &line,
            result: &map,
            no_log,
        };
        if is_include {
            base.play.run.printer.item_asked_to_include(base.header, &told);
        } else {
            base.play.run.printer.item(base.header, &told);
        }
        map.shift_remove(TOLD);
        outcome.items.push(ItemResult {
            label: (!no_log).then_some(shown),
            status: crate::output::status(line.status),
        });
        ignoring.add(base.play, base.task, &last_scope, &map);
        if flag(&map, "unreachable") {
            map.shift_remove("changed");
        }
        if base.task.register.is_some() || looping.control.break_when.is_some() {
            previous = Some(Variable::Answer(from_json(result::public(&map))));
        }
        results.push(Json::Object(map));
        if should_break(&base, looping, &last_scope, previous.as_ref()) {
            break;
        }
    }
    let hides = |result: &Json| {
        result
            .as_object()
            .is_some_and(|result| flag(result, "_ansible_no_log"))
    };
    let hidden = outcome.no_log || results.iter().any(hides);
    ignoring.tell(outcome);
    outcome.map = summarize(results);
    // Hidden as a whole, and not only for one of its items.
    if outcome.no_log {
        outcome.map.insert("_ansible_no_log".to_owned(), Json::Bool(true));
    }
    outcome.no_log = hidden;
    last_scope
}

fn should_break(base: &ItemContext<'_>, looping: &Loop, scope: &Scope, result: Option<&Variable>) -> bool {
    let Some(condition) = &looping.control.break_when else {
        return false;
    };
    let mut vars = Vars::new();
    if let (Some(register), Some(result)) = (&base.task.register, result) {
        vars.insert(Arc::clone(register), result.clone());
    }
    let scope = scope.with(Arc::new(vars) as Arc<dyn Layer>);
    base.play
        .run
        .templar
        .condition_near(condition, &base.task.span, &scope)
        .is_ok_and(|verdict| verdict.is_true())
}

async fn pause(base: &ItemContext<'_>, looping: &Loop, scope: &Scope) {
    if let Ok(Some(seconds)) = base.play.number(looping.control.pause.as_ref(), scope)
        && seconds > 0.0
    {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    }
}

fn text_of(value: &Json) -> String {
    slipway_language::to_text(&from_json(value.clone()))
}

/// The result of a loop, from those of its items.
fn summarize(mut results: Vec<Json>) -> ResultMap {
    let remarks = ["warnings", "deprecations"].map(|key| {
        let of_items = results
            .iter_mut()
            .filter_map(|item| item.as_object_mut()?.shift_remove(key));
        let all = of_items.filter_map(|remarks| match remarks {
            Json::Array(remarks) => Some(remarks),
            _ => None,
        });
        (key, all.flatten().collect::<Vec<Json>>())
    });
    let any = |key: &str| {
        results
            .iter()
            .filter_map(Json::as_object)
            .any(|map| flag(map, key))
    };
    let all_skipped = results
        .iter()
        .filter_map(Json::as_object)
        .all(|map| flag(map, "skipped"));
    let mut map = ResultMap::new();
    map.insert("changed".to_owned(), Json::Bool(any("changed")));
    if any("unreachable") {
        map.insert("unreachable".to_owned(), Json::Bool(true));
    }
    if any("failed") {
        map.insert("failed".to_owned(), Json::Bool(true));
        map.insert("msg".to_owned(), Json::from("One or more items failed"));
    } else if all_skipped {
        map.insert("msg".to_owned(), Json::from("All items skipped"));
    } else {
        map.insert("msg".to_owned(), Json::from("All items completed"));
    }
    map.insert("skipped".to_owned(), Json::Bool(all_skipped));
    map.insert("results".to_owned(), Json::Array(results));
    for (key, remarks) in remarks {
        if !remarks.is_empty() {
            map.insert(key.to_owned(), Json::Array(remarks));
        }
    }
    map
}

/// Handlers that this item names; they are notified if the task as a whole changed something.
fn notify(item: &ItemContext<'_>, map: &ResultMap, names: &mut Vec<String>) {
    if item.task.settings.notify.is_empty() || flag(map, "skipped") {
        return;
    }
    for node in &item.task.settings.notify {
        let Ok(value) = item.play.run.templar.render(node, &item.scope) else {
            continue;
        };
        let mut add = |value: &Value| {
            let name = slipway_language::to_text(value);
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        };
        match value.try_iter() {
            Ok(values) if value.as_str().is_none() => values.for_each(|value| add(&value)),
            _ => add(&value),
        }
    }
}

/// A failure because of a template. Where Ansible's message has no place, ours has none either, for playbooks compare messages: the
/// place is told beside it. Unless it is an error of Python's, Ansible does not say of it whether something changed.
pub(super) fn template_failure(error: &TemplateError) -> ResultMap {
    let belongs = error.is_placed || error.undefined.is_some() || error.exception().is_some();
    let place = error.span.as_ref().map(ToString::to_string);
    let (place, beside) = if belongs { (place, None) } else { (None, place) };
    let bracketed = |place: Option<String>| place.map(|place| format!(" ({place})")).unwrap_or_default();
    if let Some(exception) = error.exception() {
        let mut map = failure(format!(
            "Unexpected failure during module execution: {}{}",
            error.message,
            bracketed(place)
        ));
        map.insert(
            "exception".to_owned(),
            Json::from(format!("{exception}: {}", error.message)),
        );
        map.insert("stdout".to_owned(), Json::from(""));
        return map;
    }
    let mut map = failure(match &error.undefined {
        // An empty line ends the error, as in Ansible's message: playbooks look for it.
        Some(_) => format!(
            "The task includes an option with an undefined variable. The error was: {}{}{}",
            error.message,
            place.map_or_else(String::new, |place| format!("\n\nThe error is at {place}")),
            error.hint()
        ),
        None => format!("{}{}", error.message, bracketed(place)),
    });
    map.shift_remove("changed");
    if let Some(place) = beside {
        map.insert(PLACE.to_owned(), Json::from(place));
    }
    map
}
