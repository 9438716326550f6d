//! How two states of an object differ, and which of its fields are shown.

use serde_json::{Map, Value};

use super::merge_keys::key_of;

/// What differs: what was, and what is.
pub type Difference = Option<(Value, Value)>;

/// How two objects differ. Lists whose elements have a key are compared element by element.
pub fn difference(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let kind = before
        .get("kind")
        .filter(|kind| after.get("kind") == Some(kind))
        .and_then(Value::as_str);
    maps(before, after, kind)
}

fn maps(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    place: Option<&str>,
) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let only = |of: &Map<String, Value>, other: &Map<String, Value>| -> Map<String, Value> {
        of.iter()
            .filter(|(name, _)| !other.contains_key(*name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    let (mut left, mut right) = (only(before, after), only(after, before));
    for (name, old) in before {
        let Some(new) = after.get(name) else { continue };
        let here = place.map(|place| format!("{place}.{name}"));
        let differs = match (old, new) {
            (Value::Object(old), Value::Object(new)) => {
                maps(old, new, here.as_deref()).map(|(old, new)| (Value::Object(old), Value::Object(new)))
            }
            (Value::Array(old), Value::Array(new)) => lists(old, new, here.as_deref()),
            (old, new) => (old != new).then(|| (old.clone(), new.clone())),
        };
        if let Some((old, new)) = differs {
            left.insert(name.clone(), old);
            right.insert(name.clone(), new);
        }
    }
    (!(left.is_empty() && right.is_empty())).then_some((left, right))
}

fn lists(before: &[Value], after: &[Value], place: Option<&str>) -> Difference {
    let Some(key) = place.and_then(key_of) else {
        return (before != after).then(|| (before.into(), after.into()));
    };
    let find = |list: &[Value], of: &Value| list.iter().find(|item| item[key] == of[key]).cloned();
    let (mut left, mut right) = (Vec::new(), Vec::new());
    left.extend(before.iter().filter(|old| find(after, old).is_none()).cloned());
    right.extend(after.iter().filter(|new| find(before, new).is_none()).cloned());
    for old in before {
        let Some(new) = find(after, old) else { continue };
        if let (Some(one), Some(other)) = (old.as_object(), new.as_object())
            && let Some((mut one, mut other)) = maps(one, other, place)
        {
            // The key says which element it is.
            one.insert(key.to_owned(), old[key].clone());
            other.insert(key.to_owned(), new[key].clone());
            left.push(one.into());
            right.push(other.into());
        }
    }
    (!(left.is_empty() && right.is_empty())).then(|| (left.into(), right.into()))
}

/// Whether nothing differs but what the server counts.
pub fn is_only_counted(before: &Map<String, Value>, after: &Map<String, Value>) -> bool {
    [before, after].iter().all(|side| {
        side.len() == 1
            && side
                .get("metadata")
                .and_then(Value::as_object)
                .is_some_and(|metadata| {
                    metadata
                        .keys()
                        .all(|name| name == "generation" || name == "resourceVersion")
                })
    })
}

/// An object without fields that are not to be shown: `metadata.managedFields`, `spec.containers[0].env`.
pub fn without(mut object: Value, hidden: &[String]) -> Value {
    // Of a list, the last elements first: the places of the others stay.
    let mut paths: Vec<Vec<String>> = hidden.iter().map(|field| path(field)).collect();
    paths.sort_by(|one, other| order(other, one));
    for path in &paths {
        remove(&mut object, path);
    }
    object
}

fn order(one: &[String], other: &[String]) -> std::cmp::Ordering {
    let number = |words: &[String]| -> Vec<(usize, String)> {
        words
            .iter()
            .map(|word| (word.parse().unwrap_or(0), word.clone()))
            .collect()
    };
    number(one).cmp(&number(other))
}

/// The steps of a path. In brackets stands what may have dots.
fn path(field: &str) -> Vec<String> {
    let mut steps = Vec::new();
    let mut rest = field;
    while !rest.is_empty() {
        if let Some((inside, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            steps.push(inside.to_owned());
            rest = after.strip_prefix('.').unwrap_or(after);
            continue;
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        steps.push(rest[..end].to_owned());
        rest = rest[end..].strip_prefix('.').unwrap_or(&rest[end..]);
    }
    steps
}

/// Removes what a path leads to, and what is empty for that.
fn remove(value: &mut Value, path: &[String]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    let index = first.parse::<usize>().ok();
    let inner = match (&mut *value, index) {
        (Value::Object(map), _) => map.get_mut(first),
        (Value::Array(list), Some(index)) => list.get_mut(index),
        _ => None,
    };
    let Some(inner) = inner else { return };
    if !rest.is_empty() {
        remove(inner, rest);
        let is_empty = match inner {
            Value::Object(map) => map.is_empty(),
            Value::Array(list) => list.is_empty(),
            _ => false,
        };
        if !is_empty {
            return;
        }
    }
    match (value, index) {
        (Value::Object(map), _) => {
            map.shift_remove(first);
        }
        (Value::Array(list), Some(index)) => {
            list.remove(index);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(before: &Value, after: &Value) -> Difference {
        difference(before.as_object()?, after.as_object()?)
            .map(|(before, after)| (before.into(), after.into()))
    }

    #[test]
    fn what_differs_is_told_from_both_sides() {
        let before = json!({"kind": "ConfigMap", "data": {"a": "1", "b": "2"}, "x": [1]});
        let after = json!({"kind": "ConfigMap", "data": {"a": "1", "b": "3", "c": "4"}, "x": [1]});
        assert_eq!(
            of(&before, &after),
            Some((json!({"data": {"b": "2"}}), json!({"data": {"c": "4", "b": "3"}})))
        );
        assert_eq!(of(&before, &before), None);
    }

    #[test]
    fn elements_with_a_key_are_compared_with_their_like() {
        let service = |port: u16, name: &str| json!({"kind": "Service", "spec": {"ports": [{"port": 1, "name": "a"}, {"port": port, "name": name}]}});
        assert_eq!(
            of(&service(2, "b"), &service(2, "c")),
            Some((
                json!({"spec": {"ports": [{"name": "b", "port": 2}]}}),
                json!({"spec": {"ports": [{"name": "c", "port": 2}]}})
            ))
        );
    }

    #[test]
    fn counters_alone_are_no_change() {
        let metadata = json!({"metadata": {"resourceVersion": "1"}});
        let more = json!({"metadata": {"resourceVersion": "1", "labels": {}}});
        let map = |value: &Value| value.as_object().cloned().unwrap_or_default();
        assert!(is_only_counted(&map(&metadata), &map(&metadata)));
        assert!(!is_only_counted(&map(&metadata), &map(&more)));
    }

    #[test]
    fn hidden_fields_leave_nothing_empty_behind() {
        let object = json!({"metadata": {"managedFields": [], "annotations": {"a.b/c": "x"}, "name": "n"}, "list": [1, 2, 3]});
        let hidden = [
            "metadata.managedFields",
            "metadata.annotations[a.b/c]",
            "list[0]",
            "list[2]",
        ];
        assert_eq!(
            without(object, &hidden.map(str::to_owned)),
            json!({"metadata": {"name": "n"}, "list": [2]})
        );
    }
}
