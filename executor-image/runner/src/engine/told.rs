//! What callbacks in another process are told beside results, and what they ask of a play.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use slipway_language::to_json;

use super::{
    HostState, ItemContext,
    play::PlayRun,
    result::{ResultMap, flag},
};
use crate::output::{Answers, TOLD};

/// What the task says for this host.
pub(super) fn beside_result(item: &ItemContext<'_>, map: &mut ResultMap) {
    if !item.play.run.printer.is_heard_elsewhere() || item.task.settings.delegate_to.is_none() {
        return;
    }
    let told = map.entry(TOLD).or_insert_with(|| json!({}));
    let Some(delegate) = &item.delegate else {
        if item.undecided.is_none() {
            told["delegate_to"] = Json::Null;
        }
        return;
    };
    told["delegate_to"] = delegate.host.name.as_ref().into();
    if flag(map, "skipped") {
        return;
    }
    let name = delegate.host.name.as_ref();
    let mut vars = json!({"ansible_delegated_host": name, "ansible_host": name});
    for name in [
        "ansible_host",
        "ansible_port",
        "ansible_user",
        "ansible_connection",
    ] {
        if let Ok(Some(value)) = delegate.scope.get(&item.play.run.templar, name) {
            vars[name] = to_json(&value);
        }
    }
    map.insert("_ansible_delegated_vars".to_owned(), vars);
}

/// Answers what is asked of a play, for as long as it goes on.
pub(super) fn answers(play: &Arc<PlayRun>) -> Answers {
    let play = Arc::downgrade(play);
    Arc::new(move |question| play.upgrade().map_or(Json::Null, |play| answer(&play, question)))
}

fn answer(play: &Arc<PlayRun>, question: &Json) -> Json {
    if question.get("inventory").is_some() {
        let roster = &play.run.roster;
        return json!({"hosts": roster.names(), "groups": to_json(&roster.groups())});
    }
    let host = question.get("variables").and_then(Json::as_str);
    let host = host.and_then(|name| play.run.roster.host(name));
    let scope = play.scope(&host.unwrap_or_else(HostState::nobody), None);
    let mut variables = Map::new();
    // The variables of all other hosts are not what is asked for.
    for name in scope
        .names()
        .iter()
        .filter(|name| !matches!(name.as_ref(), "hostvars" | "vars"))
    {
        // What has no value here cannot be told.
        if let Ok(Some(value)) = scope.get(&play.run.templar, name) {
            variables.insert(name.to_string(), to_json(&value));
        }
    }
    Json::Object(variables)
}
