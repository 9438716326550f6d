//! Rules about several arguments at once: `mutually_exclusive`, `required_together`, `required_one_of`, `required_if`,
//! `required_by`.

use serde_json::{Map, Value};

use super::types;

type Values = Map<String, Value>;

/// Arguments that exclude each other.
pub(super) fn mutually_exclusive(rules: &Values, values: &Values) -> impl Iterator<Item = String> {
    let both: Vec<String> = groups(rules, "mutually_exclusive")
        .into_iter()
        .filter(|group| count(group, values) > 1)
        .map(|group| group.join("|"))
        .collect();
    (!both.is_empty())
        .then(|| format!("parameters are mutually exclusive: {}", both.join(", ")))
        .into_iter()
}

/// Arguments that need others.
pub(super) fn dependent(rules: &Values, values: &Values) -> impl Iterator<Item = String> {
    let mut errors = Vec::new();
    for group in groups(rules, "required_together") {
        let given = count(&group, values);
        if given > 0 && given < group.len() {
            errors.push(format!("parameters are required together: {}", group.join(", ")));
        }
    }
    for group in groups(rules, "required_one_of") {
        if count(&group, values) == 0 {
            errors.push(format!("one of the following is required: {}", group.join(", ")));
        }
    }
    errors.extend(required_if(rules, values));
    errors.extend(required_by(rules, values));
    errors.into_iter()
}

fn required_if(rules: &Values, values: &Values) -> Vec<String> {
    let mut errors = Vec::new();
    for rule in rules
        .get("required_if")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let Some([key, value, needed, rest @ ..]) = rule.as_array().map(Vec::as_slice) else {
            continue;
        };
        let key = key.as_str().unwrap_or_default();
        if values.get(key) != Some(value) {
            continue;
        }
        let one_of = rest.first().and_then(Value::as_bool).unwrap_or(false);
        let needed = names(needed);
        let missing: Vec<String> = needed
            .iter()
            .filter(|name| !values.contains_key(*name))
            .cloned()
            .collect();
        let wrong = if one_of {
            missing.len() == needed.len()
        } else {
            !missing.is_empty()
        };
        if wrong {
            let amount = if one_of { "any" } else { "all" };
            errors.push(format!(
                "{key} is {} but {amount} of the following are missing: {}",
                types::text(value),
                missing.join(", ")
            ));
        }
    }
    errors
}

fn required_by(rules: &Values, values: &Values) -> Vec<String> {
    let mut errors = Vec::new();
    for (key, needed) in rules
        .get("required_by")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        if !has(values, key) {
            continue;
        }
        let needed = match needed {
            Value::String(name) => vec![name.clone()],
            other => names(other),
        };
        let missing: Vec<String> = needed.into_iter().filter(|name| !has(values, name)).collect();
        if !missing.is_empty() {
            errors.push(format!(
                "missing parameter(s) required by '{key}': {}",
                missing.join(", ")
            ));
        }
    }
    errors
}

/// A list of lists of names; one list stands for a list of it.
fn groups(rules: &Values, rule: &str) -> Vec<Vec<String>> {
    let Some(list) = rules.get(rule).and_then(Value::as_array) else {
        return Vec::new();
    };
    if list.iter().all(Value::is_string) {
        return vec![names(&Value::Array(list.clone()))];
    }
    list.iter().map(names).collect()
}

fn names(list: &Value) -> Vec<String> {
    let names = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    names.map(str::to_owned).collect()
}

fn has(values: &Values, name: &str) -> bool {
    values.get(name).is_some_and(|value| !value.is_null())
}

/// How many of the names are given, be it as null.
fn count(group: &[String], values: &Values) -> usize {
    group.iter().filter(|name| values.contains_key(*name)).count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn errors(rules: Value, values: Value) -> Vec<String> {
        let (Value::Object(rules), Value::Object(values)) = (rules, values) else {
            return Vec::new();
        };
        dependent(&rules, &values).collect()
    }

    #[test]
    fn each_rule_tells_what_is_missing() {
        let cases = [
            (
                json!({"required_together": [["a", "b"]]}),
                json!({"a": 1}),
                "parameters are required together: a, b",
            ),
            (
                json!({"required_one_of": [["a", "b"]]}),
                json!({}),
                "one of the following is required: a, b",
            ),
            (
                json!({"required_if": [["state", "present", ["path"]]]}),
                json!({"state": "present"}),
                "state is present but all of the following are missing: path",
            ),
            (
                json!({"required_by": {"a": "b"}}),
                json!({"a": 1}),
                "missing parameter(s) required by 'a': b",
            ),
        ];
        for (rules, values, expected) in cases {
            assert_eq!(errors(rules, values), [expected]);
        }
        assert!(
            errors(
                json!({"required_if": [["state", "absent", ["path"]]]}),
                json!({"state": "present"})
            )
            .is_empty()
        );
    }
}
