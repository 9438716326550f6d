//! One item of a task: condition, arguments, the module itself, and what the task makes of its result.

use std::{sync::Arc, time::Duration};

use serde_json::{Value as Json, json};
use slipway_language::{Layer, Node, NodeKind, Scope, TemplateError, Variable, from_json};
use slipway_protocol::{is_bad_exit, spec::Side};

use super::{
    ItemContext,
    arguments::{arguments, environment},
    background::Background,
    executor::template_failure,
    result::{self, Include, ResultMap, Switches, failure, flag},
};
use crate::{
    actions,
    inventory::Vars,
    output::{HostLine, HostOutcome, TOLD},
    playbook::{Action, IncludeRole, ModuleAction},
    transport::TransportError,
};

/// What became of an item.
#[derive(Debug)]
pub(super) struct ItemOutcome {
    pub map: ResultMap,
    pub include: Option<Include>,
    /// Whether what the task is to do could not be known. It fails as a whole then, and its further items are left alone.
    pub is_unknown: bool,
}

impl From<ResultMap> for ItemOutcome {
    fn from(map: ResultMap) -> Self {
        Self {
            map,
            include: None,
            is_unknown: false,
        }
    }
}

impl ItemOutcome {
    fn unknown(map: ResultMap) -> Self {
        Self {
            // What is Python's own error in Ansible (a division by zero) is the item's.
            is_unknown: !map.contains_key("exception"),
            ..map.into()
        }
    }
}

/// The result of a task whose condition is false or cannot be evaluated.
pub(super) fn skipped_by_condition(item: &ItemContext<'_>) -> Option<ResultMap> {
    let templar = &item.play.run.templar;
    for condition in &item.task.settings.when {
        match templar.condition_near(condition, &item.task.span, &item.scope) {
            Ok(slipway_language::Verdict::True) => {}
            Ok(slipway_language::Verdict::False { condition: text }) => {
                return Some(match condition.kind {
                    NodeKind::Bool(value) => result::skipped(value),
                    _ => result::skipped(text),
                });
            }
            Err(error) => {
                let said = format!("{} ({}){}", error.message, condition.span, error.hint());
                return Some(failure(said));
            }
        }
    }
    None
}

/// Carries out one item.
pub(super) async fn run_item(item: &ItemContext<'_>, no_log: bool) -> ItemOutcome {
    let undecided = item.undecided.as_ref();
    // What a condition guards may be undefined, but nothing else may be wrong with it.
    if let Some(error) = undecided.filter(|error| error.undefined.is_none()) {
        return ItemOutcome::unknown(template_failure(error));
    }
    if let Some(map) = skipped_by_condition(item) {
        return ItemOutcome {
            is_unknown: flag(&map, "failed"),
            ..map.into()
        };
    }
    if let Some(error) = undecided {
        return ItemOutcome::unknown(template_failure(error));
    }
    match &item.task.action {
        // On the heap: the actions' futures are large, and most tasks wait in this one.
        Action::Module(module) => Box::pin(run_module(item, module, no_log)).await.map_or_else(
            |error| ItemOutcome::unknown(template_failure(&error)),
            ItemOutcome::from,
        ),
        Action::IncludeTasks(include) => include_outcome(item, &include.file, None),
        Action::IncludeRole(include) => include_outcome(item, &include.name, Some(include)),
        // The engine carries these out itself.
        Action::Meta(_) | Action::RoleComplete(_) | Action::Templated(_) => ResultMap::new().into(),
    }
}

fn include_outcome(item: &ItemContext<'_>, target: &Node, role: Option<&IncludeRole>) -> ItemOutcome {
    let render = |node: Option<&Node>| -> Result<String, TemplateError> {
        Ok(item
            .play
            .text(node, &item.scope)?
            .unwrap_or_else(|| "main".to_owned()))
    };
    let from = |role: Option<&IncludeRole>| -> Result<[String; 4], TemplateError> {
        let Some(role) = role else {
            return Ok(Default::default());
        };
        Ok([
            render(role.tasks_from.as_ref())?,
            render(role.vars_from.as_ref())?,
            render(role.defaults_from.as_ref())?,
            render(role.handlers_from.as_ref())?,
        ])
    };
    let switches = |role: Option<&IncludeRole>| -> Result<Switches, TemplateError> {
        let Some(role) = role else {
            return Ok(Switches::default());
        };
        let on = |node: &Option<Node>| item.play.boolean(node.as_ref(), &item.scope);
        Ok(Switches {
            public: on(&role.public)?,
            validate: on(&role.validate)?.unwrap_or(true),
            allow_duplicates: on(&role.allow_duplicates)?.unwrap_or(true),
        })
    };
    let target = item
        .play
        .run
        .templar
        .render(target, &item.scope)
        .and_then(|target| Ok((target, from(role)?, switches(role)?)));
    let (target, from, switches) = match target {
        Ok(found) => found,
        Err(error) => return ItemOutcome::unknown(template_failure(&error)),
    };
    let target = slipway_language::to_text(&target);
    let mut map = ResultMap::new();
    if item.task.r#loop.is_none() {
        map.insert("changed".to_owned(), Json::Bool(false));
    }
    if role.is_some() {
        map.insert("include_args".to_owned(), json!({"name": target}));
    } else {
        map.insert("include".to_owned(), Json::from(target.as_str()));
        map.insert("include_args".to_owned(), json!({}));
    }
    let include = Include {
        target,
        from,
        switches,
        item: item.item.clone(),
        label: None,
    };
    ItemOutcome {
        map,
        include: Some(include),
        is_unknown: false,
    }
}

/// The task's name as it is told of while it is tried again: a name of its own without that of its role.
fn own_name<'a>(item: &ItemContext<'a>) -> &'a str {
    let named = item
        .task
        .name
        .as_ref()
        .is_some_and(|name| name.as_str() != Some(""));
    let role = item.task.role.as_ref().filter(|_| named);
    role.and_then(|role| item.name.strip_prefix(role.name.as_ref())?.strip_prefix(" : "))
        .unwrap_or(item.name)
}

/// The result of a module; an error where it cannot be known what it is to do.
async fn run_module(
    item: &ItemContext<'_>,
    module: &ModuleAction,
    no_log: bool,
) -> Result<ResultMap, TemplateError> {
    let task = item.task;
    let play = item.play;
    let prepared = arguments(item, module).and_then(|args| {
        let retries = play.number(task.retries.as_ref(), &item.scope)?;
        let delay = play.number(task.delay.as_ref(), &item.scope)?.unwrap_or(5.0);
        let mut environment = environment(item)?;
        let timeout = play.number(task.settings.timeout.as_ref(), &item.scope)?;
        let background = Background::of(item)?;
        if background.is_some() || module.spec.short_name() == "async_status" {
            Background::tell_directory(item, &mut environment)?;
        }
        Ok((args, retries, delay, environment, timeout, background))
    });
    let (args, retries, delay, environment, timeout, background) = prepared?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of retries is small and not negative"
    )]
    let attempts = match retries {
        Some(retries) => 1 + retries.max(0.0) as u64,
        None if task.until.is_some() => 4,
        None => 1,
    };
    let delay = Duration::from_secs_f64(if delay < 0.0 { 1.0 } else { delay });
    if item.check && actions::is_not_for_checks(module.spec) {
        // Neither judged nor tried again.
        let message = format!("This action ({}) does not support check mode.", task.action_name);
        return Ok(result::to_map(json!({
            "changed": false, "skipped": true, "msg": message, "_ansible_no_log": no_log,
        })));
    }
    let mut map = ResultMap::new();
    for attempt in 1..=attempts {
        let call = actions::ActionContext {
            item,
            spec: module.spec,
            environment: &environment,
            trusted: args.trusted,
            facts: &args.facts,
            timeout,
            background: background.map(|background| background.seconds),
        };
        let work = async {
            let done = actions::execute(&call, args.values.clone()).await?;
            match background {
                Some(background) => background.follow(&call, done, no_log).await,
                None => Ok(done),
            }
        };
        map = match Box::pin(within(&call, work)).await {
            Ok(map) => map,
            Err(TransportError::Unreachable(reason)) => return Ok(result::unreachable(&reason)),
            // Neither judged nor tried again.
            Err(TransportError::Failed(reason)) => {
                return Ok(result::to_map(json!({"failed": true, "msg": reason})));
            }
            Err(TransportError::NotBecome(reason)) => failure(reason),
            Err(error @ TransportError::TooLarge(_)) => {
                let name = task.name.as_ref().and_then(Node::as_str);
                failure(format!(
                    "the arguments of the task {:?} ({}) are too large: {error}. Put what is large into a file, which copy sends piece by piece",
                    name.unwrap_or(&task.action_name),
                    task.span
                ))
            }
        };
        // What an action plugin ends with an error is neither judged nor tried again.
        if map.remove(actions::SETTLED).is_some() {
            return Ok(map);
        }
        complete(&mut map);
        if attempts > 1 {
            map.insert("attempts".to_owned(), Json::from(attempt));
        }
        let scope = scope_with_result(item, &map);
        if !flag(&map, "skipped") {
            judge(item, &scope, &mut map);
        }
        if attempts == 1 {
            break;
        }
        let scope = scope_with_result(item, &map);
        let done = match &task.until {
            Some(until) => {
                let verdict = play.run.templar.condition_near(until, &task.span, &scope);
                verdict.map_err(|error| error.at(&until.span))?.is_true()
            }
            None => !flag(&map, "failed"),
        };
        if done {
            break;
        }
        if attempt < attempts {
            map.insert("retries".to_owned(), Json::from(attempts));
            let label = item.label();
            let outcome = HostOutcome {
                label: label.as_deref(),
                no_log,
                ..HostOutcome::plain(&item.host.name, HostLine::Failed { ignored: false }, &map)
            };
            let left = attempts - attempt;
            play.run
                .printer
                .retry(item.header, &outcome, own_name(item), left);
            if stopped_while_waiting(item, delay).await {
                break;
            }
        } else {
            map.insert("attempts".to_owned(), Json::from(attempts - 1));
            map.insert("failed".to_owned(), Json::Bool(true));
        }
    }
    keep_facts(item, &mut map);
    if play.run.printer.is_heard_elsewhere() && !no_log {
        map.insert(TOLD.to_owned(), json!({"args": args.values}));
    }
    if item.diff && !no_log {
        map.insert("_ansible_diff".to_owned(), Json::Bool(true));
    }
    if no_log {
        map.insert("_ansible_no_log".to_owned(), Json::Bool(true));
    }
    Ok(map)
}

/// Carries out what this machine does of a module, within the time that the task has. The agent watches its own time.
async fn within(
    call: &actions::ActionContext<'_>,
    work: impl Future<Output = Result<ResultMap, TransportError>>,
) -> Result<ResultMap, TransportError> {
    let seconds = call.timeout.filter(|seconds| *seconds >= 1.0);
    let Some(seconds) = seconds.filter(|_| call.spec.side != Side::Agent) else {
        return work.await;
    };
    if let Ok(done) = tokio::time::timeout(Duration::from_secs_f64(seconds), work).await {
        return done;
    }
    let mut map = failure(format!(
        "The {} action failed to execute in the expected time frame ({seconds}) and was terminated",
        call.item.task.action_name
    ));
    map.insert("timedout".to_owned(), serde_json::json!({"period": seconds}));
    Ok(map)
}

async fn stopped_while_waiting(item: &ItemContext<'_>, delay: Duration) -> bool {
    let stop = &item.play.run.stop;
    tokio::select! {
        () = tokio::time::sleep(delay) => stop.is_requested(),
        () = stop.wait() => true,
    }
}

/// Every result says whether it failed and whether something changed.
fn complete(map: &mut ResultMap) {
    if !map.contains_key("failed") {
        let failed = is_bad_exit(map);
        map.insert("failed".to_owned(), Json::Bool(failed));
    }
    let raised = map.shift_remove(actions::RAISED).is_some();
    if !raised && !map.contains_key("changed") {
        map.insert("changed".to_owned(), Json::Bool(false));
    }
}

/// The scope in which the task judges its result.
fn scope_with_result(item: &ItemContext<'_>, map: &ResultMap) -> Scope {
    let task = item.task;
    let judged = task.changed_when.is_some() || task.failed_when.is_some() || task.until.is_some();
    if !judged {
        return item.scope.clone();
    }
    let mut vars = Vars::new();
    if let Some(register) = &task.register {
        vars.insert(
            Arc::clone(register),
            Variable::Answer(from_json(result::public(map))),
        );
    }
    if let Some(Json::Object(facts)) = map.get("ansible_facts") {
        for (name, value) in facts {
            vars.insert(
                Arc::from(name.as_str()),
                Variable::Answer(from_json(value.clone())),
            );
        }
    }
    item.scope.with(Arc::new(vars) as Arc<dyn Layer>)
}

/// `changed_when` and `failed_when`.
fn judge(item: &ItemContext<'_>, scope: &Scope, map: &mut ResultMap) {
    let templar = &item.play.run.templar;
    let conditions = [
        ("changed", &item.task.changed_when),
        ("failed", &item.task.failed_when),
    ];
    for (key, condition) in conditions {
        let Some(condition) = condition else { continue };
        match templar.condition_near(condition, &item.task.span, scope) {
            Ok(verdict) => {
                map.insert(key.to_owned(), Json::Bool(verdict.is_true()));
                if key == "failed" {
                    map.insert("failed_when_result".to_owned(), Json::Bool(verdict.is_true()));
                }
            }
            Err(error) => {
                map.insert("failed".to_owned(), Json::Bool(true));
                map.insert(format!("{key}_when_result"), Json::from(error.to_string()));
                return;
            }
        }
    }
}

/// Facts that the module returned become facts of the hosts that share the result.
fn keep_facts(item: &ItemContext<'_>, map: &mut ResultMap) {
    // What `debug` shows is no news.
    let is_debug = item
        .task
        .module()
        .is_some_and(|module| module.spec.name == "ansible.builtin.debug");
    if map.remove("_ansible_facts_kept").is_some() || is_debug {
        return;
    }
    if let Some(Json::Object(facts)) = map.get("ansible_facts") {
        for receiver in item.fact_receivers() {
            item.learn(&receiver, facts);
        }
    }
}
