//! The objects that a task describes: in its definition, in a file, or by its other arguments.

use serde_json::{Map, Value, json};

use super::super::{Arguments, text};

/// The objects, with what the arguments say where they say nothing themselves. Lists are taken apart.
///
/// # Errors
/// When a definition is not YAML, or not a mapping.
pub async fn definitions(args: &Arguments) -> Result<Vec<Value>, String> {
    let given = ["resource_definition", "definition", "inline"]
        .iter()
        .find_map(|name| args.get(*name).filter(|value| !value.is_null()));
    let written = match (given, text(args, "src")) {
        (Some(value), _) => from(value)?,
        (None, Some(source)) if source.contains("://") => {
            documents(&download(source.clone()).await?, &source)?
        }
        (None, Some(source)) => {
            let content =
                std::fs::read_to_string(&source).map_err(|error| format!("cannot read {source}: {error}"))?;
            documents(&content, &source)?
        }
        (None, None) => vec![json!({})],
    };
    let mut all = Vec::new();
    for definition in written {
        let Value::Object(definition) = definition else {
            return Err(format!("an object must be a mapping, this is {definition}"));
        };
        let definition = with_arguments(definition, args);
        match definition["kind"]
            .as_str()
            .and_then(|kind| kind.strip_suffix("List"))
        {
            Some(kind) => {
                for item in definition["items"].as_array().into_iter().flatten() {
                    let mut item = item.as_object().cloned().unwrap_or_default();
                    item.entry("kind").or_insert_with(|| kind.into());
                    item.entry("apiVersion")
                        .or_insert_with(|| definition["apiVersion"].clone());
                    all.push(with_arguments(item, args));
                }
            }
            None => all.push(definition),
        }
    }
    Ok(all)
}

fn from(value: &Value) -> Result<Vec<Value>, String> {
    Ok(match value {
        Value::String(text) => documents(text, "the definition")?,
        Value::Array(items) => {
            let mut all = Vec::new();
            for item in items {
                all.extend(from(item)?);
            }
            all
        }
        Value::Object(map) if map.is_empty() => Vec::new(),
        Value::Null => Vec::new(),
        other => vec![other.clone()],
    })
}

/// The documents of a text that are not empty.
fn documents(text: &str, name: &str) -> Result<Vec<Value>, String> {
    let values = slipway_language::yaml::values(text, name).map_err(|error| error.to_string())?;
    Ok(values
        .iter()
        .map(slipway_language::to_json)
        .filter(|value| !value.is_null())
        .collect())
}

async fn download(address: String) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("cannot download the definition: {error}");
    let fetched = tokio::task::spawn_blocking(move || {
        let mut answer = ureq::get(&address).call().map_err(|error| failed(&error))?;
        answer.body_mut().read_to_string().map_err(|error| failed(&error))
    });
    fetched.await.map_err(|error| failed(&error))?
}

/// What a definition says counts before what the arguments say.
fn with_arguments(mut definition: Map<String, Value>, args: &Arguments) -> Value {
    let api_version = ["api_version", "api", "version"]
        .iter()
        .find_map(|name| text(args, name))
        .unwrap_or_else(|| "v1".to_owned());
    definition
        .entry("kind")
        .or_insert_with(|| text(args, "kind").map_or(Value::Null, Value::from));
    definition
        .entry("apiVersion")
        .or_insert_with(|| api_version.into());
    let metadata = definition.entry("metadata").or_insert_with(|| json!({}));
    if metadata.is_null() {
        *metadata = json!({});
    }
    if let Some(metadata) = metadata.as_object_mut() {
        for (argument, name) in [
            ("namespace", "namespace"),
            ("name", "name"),
            ("generate_name", "generateName"),
        ] {
            if let Some(value) = text(args, argument).filter(|value| !value.is_empty()) {
                metadata.entry(name).or_insert_with(|| value.into());
            }
        }
    }
    Value::Object(definition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn arguments_fill_what_definitions_leave_out_and_lists_are_taken_apart() {
        let args = json!({
            "definition": "kind: A\nmetadata: {name: own}\n---\n---\nkind: BList\napiVersion: x/v2\nitems: [{metadata: {name: b}}]\n",
            "name": "n", "namespace": "s",
        });
        let found = definitions(args.as_object().unwrap_or(&Map::new())).await;
        let expected = vec![
            json!({"kind": "A", "metadata": {"name": "own", "namespace": "s"}, "apiVersion": "v1"}),
            json!({"metadata": {"name": "b", "namespace": "s"}, "kind": "B", "apiVersion": "x/v2"}),
        ];
        assert_eq!(found, Ok(expected));
    }
}
