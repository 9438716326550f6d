//! `apply: true` without the server's help: what was applied last, what is there and what is wanted make one merge patch.

use serde_json::{Map, Value, json};

use super::merge_keys::key_of;

/// Where an object keeps what was applied last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The object with a note of itself, as it is made when there is none yet.
pub fn noted(wanted: &Value) -> Value {
    let note = sorted(wanted).to_string();
    merged(
        wanted.clone(),
        json!({"metadata": {"annotations": {LAST_APPLIED: note}}}),
    )
}

/// The merge patch that leads from what is there to what is wanted; none if nothing is to be done.
pub fn patch(actual: &Value, wanted: &Value) -> Option<Value> {
    let note = actual["metadata"]["annotations"][LAST_APPLIED].as_str();
    let Some(last) = note.and_then(|note| serde_json::from_str::<Value>(note).ok()) else {
        return Some(noted(wanted));
    };
    let (last, wanted) = (noted(&last), noted(wanted));
    let map = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let place = wanted["kind"].as_str().unwrap_or_default();
    let patch = three_way(&map(&last), &map(&wanted), &map(actual), place);
    (!patch.is_empty()).then_some(Value::Object(patch))
}

fn three_way(
    last: &Map<String, Value>,
    wanted: &Map<String, Value>,
    actual: &Map<String, Value>,
    place: &str,
) -> Map<String, Value> {
    let deleted = Value::Object(deletions(last, wanted));
    match merged(deleted, Value::Object(additions(last, wanted, actual, place))) {
        Value::Object(patch) => patch,
        _ => Map::new(),
    }
}

/// What was applied and is so no more: the new value, or null.
fn deletions(last: &Map<String, Value>, wanted: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (name, old) in last {
        match (old, wanted.get(name)) {
            (Value::Object(old), Some(Value::Object(new))) => {
                let inner = deletions(old, new);
                if !inner.is_empty() {
                    patch.insert(name.clone(), inner.into());
                }
            }
            (old, new) if Some(old) != new => {
                patch.insert(name.clone(), new.cloned().unwrap_or_default());
            }
            _ => {}
        }
    }
    patch
}

/// What is wanted and not there.
fn additions(
    last: &Map<String, Value>,
    wanted: &Map<String, Value>,
    actual: &Map<String, Value>,
    place: &str,
) -> Map<String, Value> {
    let mut patch = Map::new();
    for (name, wanted) in wanted {
        let here = format!("{place}.{name}");
        match (wanted, actual.get(name).filter(|value| !value.is_null())) {
            (wanted, None) => {
                patch.insert(name.clone(), wanted.clone());
            }
            (Value::Object(wanted), Some(Value::Object(there))) => {
                let none = Map::new();
                let last = last.get(name).and_then(Value::as_object).unwrap_or(&none);
                let inner = additions(last, wanted, there, &here);
                if !inner.is_empty() {
                    patch.insert(name.clone(), inner.into());
                }
            }
            (Value::Array(wanted), Some(Value::Array(there))) => {
                let last = last.get(name).and_then(Value::as_array);
                let list = list(last.map(Vec::as_slice), wanted, there, &here);
                if list != *there {
                    patch.insert(name.clone(), list.into());
                }
            }
            (wanted, Some(there)) if wanted != there => {
                patch.insert(name.clone(), wanted.clone());
            }
            _ => {}
        }
    }
    patch
}

/// A list as it shall be. Elements with a key keep what others have set in them, and elements that others have added stay.
fn list(last: Option<&[Value]>, wanted: &[Value], actual: &[Value], place: &str) -> Vec<Value> {
    let (Some(key), Some(last)) = (key_of(place), last.filter(|last| !last.is_empty())) else {
        return wanted.to_vec();
    };
    let find = |list: &[Value], of: &Value| list.iter().find(|item| item[key] == of[key]).cloned();
    let mut list: Vec<Value> = wanted
        .iter()
        .map(|item| match (find(last, item), find(actual, item)) {
            (Some(Value::Object(before)), Some(there)) => {
                let map = |value: &Value| value.as_object().cloned().unwrap_or_default();
                let patch = three_way(&before, &map(item), &map(&there), place);
                merged(there, Value::Object(patch))
            }
            _ => item.clone(),
        })
        .collect();
    let of_others = |item: &&Value| find(wanted, item).is_none() && find(last, item).is_none();
    list.extend(actual.iter().filter(of_others).cloned());
    list
}

/// A mapping with another laid over it, in depth.
pub fn merged(below: Value, above: Value) -> Value {
    match (below, above) {
        (Value::Object(mut below), Value::Object(above)) => {
            for (name, value) in above {
                let value = match below.shift_remove(&name) {
                    Some(known) => merged(known, value),
                    None => value,
                };
                below.insert(name, value);
            }
            Value::Object(below)
        }
        (_, above) => above,
    }
}

/// A value with the keys of its mappings in order: the same note for the same object.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(name, _)| *name);
            entries
                .into_iter()
                .map(|(name, value)| (name.clone(), sorted(value)))
                .collect::<Map<String, Value>>()
                .into()
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_applied_and_is_not_wanted_any_more_goes() {
        let before = json!({"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1", "b": "2"}});
        let mut there = noted(&before);
        there["data"]["of_others"] = "x".into();
        let wanted = json!({"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "3"}});
        let patch = patch(&there, &wanted).unwrap_or_default();
        assert_eq!(patch["data"], json!({"b": null, "a": "3"}));
        assert_eq!(super::patch(&there, &before), None);
    }

    #[test]
    fn elements_of_a_list_with_a_key_keep_what_others_set() {
        let service =
            |ports: Value| json!({"kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": ports}});
        let mut there = noted(&service(
            json!([{"port": 1, "name": "a"}, {"port": 2, "name": "b"}]),
        ));
        there["spec"]["ports"][0]["nodePort"] = 30000.into();
        let wanted = service(json!([{"port": 1, "name": "c"}]));
        let patch = patch(&there, &wanted).unwrap_or_default();
        assert_eq!(
            patch["spec"]["ports"],
            json!([{"port": 1, "nodePort": 30000, "name": "c"}])
        );
    }
}
