//! One item of a task: condition, arguments, the module itself, and what the task makes of its result.

use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};
use slipway_language::{
    Layer, Node, NodeKind, Scope, TemplateError, Variable, from_json, strip_omit, to_json,
};

use super::{
    ItemContext,
    executor::template_failure,
    result::{self, Include, ResultMap, failure, flag},
};
use crate::{
    actions,
    inventory::Vars,
    playbook::{Action, IncludeRole, ModuleAction},
};

/// What became of an item.
#[derive(Debug)]
pub(super) struct ItemOutcome {
    pub map: ResultMap,
    pub include: Option<Include>,
}

impl From<ResultMap> for ItemOutcome {
    fn from(map: ResultMap) -> Self {
        Self { map, include: None }
    }
}

/// The result of a task whose condition is false or cannot be evaluated.
pub(super) fn skipped_by_condition(item: &ItemContext<'_>) -> Option<ResultMap> {
    for condition in &item.task.settings.when {
        match item.play.run.templar.condition(condition, &item.scope) {
            Ok(slipway_language::Verdict::True) => {}
            Ok(slipway_language::Verdict::False { condition: text }) => {
                return Some(match condition.kind {
                    NodeKind::Bool(value) => result::skipped(value),
                    _ => result::skipped(text),
                });
            }
            Err(error) => {
                let text = condition.as_str().unwrap_or_default();
                let place = condition.span.to_string();
                return Some(failure(format!(
                    "The conditional check '{text}' failed. The error was: {} ({place})",
                    error.message
                )));
            }
        }
    }
    None
}

/// Carries out one item.
pub(super) async fn run_item(item: &ItemContext<'_>, no_log: bool) -> ItemOutcome {
    if let Some(map) = skipped_by_condition(item) {
        return map.into();
    }
    match &item.task.action {
        Action::Module(module) => run_module(item, module, no_log).await.into(),
        Action::IncludeTasks(include) => include_outcome(item, &include.file, None),
        Action::IncludeRole(include) => include_outcome(item, &include.name, Some(include)),
        // The engine carries these out itself.
        Action::Meta(_) | Action::RoleComplete(_) => ResultMap::new().into(),
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
    let target = item
        .play
        .run
        .templar
        .render(target, &item.scope)
        .and_then(|target| Ok((target, from(role)?)));
    let (target, from) = match target {
        Ok(found) => found,
        Err(error) => return template_failure(&error).into(),
    };
    let target = slipway_language::to_text(&target);
    let mut map = ResultMap::new();
    map.insert("changed".to_owned(), Json::Bool(false));
    map.insert("include".to_owned(), Json::from(target.as_str()));
    let include = Include {
        target,
        from,
        item: item.item.clone(),
        label: item.label.clone(),
    };
    ItemOutcome {
        map,
        include: Some(include),
    }
}

async fn run_module(item: &ItemContext<'_>, module: &ModuleAction, no_log: bool) -> ResultMap {
    let task = item.task;
    let play = item.play;
    let prepared = arguments(item, module).and_then(|args| {
        let retries = play.number(task.retries.as_ref(), &item.scope)?;
        let delay = play.number(task.delay.as_ref(), &item.scope)?.unwrap_or(5.0);
        let environment = environment(item)?;
        let timeout = play.number(task.settings.timeout.as_ref(), &item.scope)?;
        Ok((args, retries, delay, environment, timeout))
    });
    let (args, retries, delay, environment, timeout) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return template_failure(&error),
    };
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
    let mut map = ResultMap::new();
    for attempt in 1..=attempts {
        let call = actions::ActionContext {
            item,
            spec: module.spec,
            environment: &environment,
            timeout,
        };
        map = match actions::execute(&call, args.clone()).await {
            Ok(map) => map,
            Err(lost) => return result::unreachable(&lost.to_string()),
        };
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
            Some(until) => match play.run.templar.condition(until, &scope) {
                Ok(verdict) => verdict.is_true(),
                Err(error) => return template_failure(&error.at(&until.span)),
            },
            None => !flag(&map, "failed"),
        };
        if done {
            break;
        }
        if attempt < attempts {
            map.insert("retries".to_owned(), Json::from(attempts));
            play.run
                .printer
                .retry(&item.host.name, item.name, attempts - attempt);
            if stopped_while_waiting(item, delay).await {
                break;
            }
        } else {
            map.insert("attempts".to_owned(), Json::from(attempts - 1));
            map.insert("failed".to_owned(), Json::Bool(true));
        }
    }
    keep_facts(item, &mut map);
    if item.diff && !no_log {
        map.insert("_ansible_diff".to_owned(), Json::Bool(true));
    }
    if no_log {
        map.insert("_ansible_no_log".to_owned(), Json::Bool(true));
    }
    map
}

async fn stopped_while_waiting(item: &ItemContext<'_>, delay: Duration) -> bool {
    let stop = &item.play.run.stop;
    tokio::select! {
        () = tokio::time::sleep(delay) => stop.is_requested(),
        () = stop.wait() => true,
    }
}

/// The arguments, rendered, without those that are omitted.
fn arguments(item: &ItemContext<'_>, module: &ModuleAction) -> Result<Map<String, Json>, TemplateError> {
    let templar = &item.play.run.templar;
    let mut args = Map::new();
    if let Some(whole) = &module.whole {
        let value = strip_omit(&templar.render(whole, &item.scope)?);
        match to_json(&value) {
            Json::Object(map) => args = map,
            other => {
                return Err(TemplateError::new(format!(
                    "the arguments must be a mapping, the template gives {other}"
                ))
                .at(&whole.span));
            }
        }
    }
    for (key, value) in module.args.entries() {
        let Some(name) = key.as_str() else { continue };
        // Conditions and names of variables are not templates: the action evaluates them.
        if actions::takes_source(module.spec, name) {
            continue;
        }
        let rendered = templar
            .render(value, &item.scope)
            .map_err(|error| error.at(&value.span))?;
        if !slipway_language::is_omit(&rendered) {
            args.insert(name.to_owned(), to_json(&strip_omit(&rendered)));
        }
    }
    Ok(args)
}

/// The environment of the module, outer settings first.
fn environment(item: &ItemContext<'_>) -> Result<IndexMap<String, String>, TemplateError> {
    let mut variables = IndexMap::new();
    for node in &item.task.settings.environment {
        let value = item.play.run.templar.render(node, &item.scope)?;
        match to_json(&strip_omit(&value)) {
            Json::Object(map) => variables.extend(map.into_iter().map(|(name, value)| {
                let text = match value {
                    Json::String(text) => text,
                    Json::Bool(value) => if value { "True" } else { "False" }.to_owned(),
                    other => other.to_string(),
                };
                (name, text)
            })),
            Json::Null => {}
            Json::String(text) if text.is_empty() => {}
            other => {
                return Err(
                    TemplateError::new(format!("environment must be a mapping, it is {other}"))
                        .at(&node.span),
                );
            }
        }
    }
    Ok(variables)
}

/// Every result says whether it failed and whether something changed.
fn complete(map: &mut ResultMap) {
    if !map.contains_key("failed") {
        let failed = match map.get("rc") {
            Some(Json::Number(number)) => number.as_i64() != Some(0),
            _ => false,
        };
        map.insert("failed".to_owned(), Json::Bool(failed));
    }
    if !map.contains_key("changed") {
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
            Variable::Data(from_json(result::public(map))),
        );
    }
    if let Some(Json::Object(facts)) = map.get("ansible_facts") {
        for (name, value) in facts {
            vars.insert(Arc::from(name.as_str()), Variable::Data(from_json(value.clone())));
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
        match templar.condition(condition, scope) {
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
    if map.remove("_ansible_facts_kept").is_some() {
        return;
    }
    if let Some(Json::Object(facts)) = map.get("ansible_facts") {
        for receiver in item.receivers {
            receiver.add_facts(facts);
        }
    }
}
