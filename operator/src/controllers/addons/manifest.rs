//! Rendered text becomes objects, in the order in which they are applied.

use serde::Deserialize as _;
use serde_json::{Map, Value};
use slipway_api::{cluster::AppliedObject, labels, names};

/// The most objects that an addon may have: as many as the status can hold.
pub const MAXIMUM_OBJECTS: usize = 256;

/// An object to be applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Which object it is.
    pub object: AppliedObject,
    /// All of it, with our labels.
    pub content: Value,
}

/// The objects in the rendered templates of `addon`: Namespaces and definitions of kinds first, then as written.
///
/// # Errors
/// A sentence that names the template.
pub fn parse(addon: &str, rendered: &[(String, String)]) -> Result<Vec<Manifest>, String> {
    let mut manifests: Vec<Manifest> = Vec::new();
    for (key, text) in rendered {
        for document in serde_yaml::Deserializer::from_str(text) {
            let value = Value::deserialize(document)
                .map_err(|error| format!("template {addon}/{key}: what it renders is not YAML: {error}"))?;
            add(addon, key, value, &mut manifests)?;
        }
    }
    if manifests.len() > MAXIMUM_OBJECTS {
        return Err(format!(
            "addon {addon} has {} objects, more than the {MAXIMUM_OBJECTS} that it may have: make two addons of it",
            manifests.len()
        ));
    }
    // Stable: what is alike keeps its order.
    manifests.sort_by_key(|manifest| rank(&manifest.object.kind));
    Ok(manifests)
}

/// Identifies what is applied.
pub fn hash(manifests: &[Manifest]) -> String {
    let texts: Vec<String> = manifests
        .iter()
        .map(|manifest| manifest.content.to_string())
        .collect();
    names::full_hash(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

fn add(addon: &str, key: &str, value: Value, manifests: &mut Vec<Manifest>) -> Result<(), String> {
    let mut content = match value {
        // A document that holds nothing, such as one that a condition left empty.
        Value::Null => return Ok(()),
        Value::Object(content) => content,
        other => {
            return Err(format!(
                "template {addon}/{key}: {other} is not an object of Kubernetes"
            ));
        }
    };
    if content.get("kind").and_then(Value::as_str) == Some("List") {
        let items = content.remove("items").and_then(|items| match items {
            Value::Array(items) => Some(items),
            _ => None,
        });
        return items
            .unwrap_or_default()
            .into_iter()
            .try_for_each(|item| add(addon, key, item, manifests));
    }
    let text = |value: Option<&Value>| {
        value
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let metadata = content.get("metadata");
    let missing = |what: &str| {
        let kind = text(content.get("kind")).unwrap_or_else(|| "an object".to_owned());
        format!("template {addon}/{key}: {kind} has no {what}")
    };
    let object = AppliedObject {
        kind: text(content.get("kind")).ok_or_else(|| missing("kind"))?,
        api_version: text(content.get("apiVersion")).ok_or_else(|| missing("apiVersion"))?,
        name: text(metadata.and_then(|metadata| metadata.get("name")))
            .ok_or_else(|| missing("metadata.name"))?,
        namespace: text(metadata.and_then(|metadata| metadata.get("namespace"))),
    };
    if manifests.iter().any(|manifest| manifest.object == object) {
        return Err(format!(
            "template {addon}/{key}: {} is there twice",
            describe(&object)
        ));
    }
    label(&mut content, addon);
    manifests.push(Manifest {
        object,
        content: Value::Object(content),
    });
    Ok(())
}

/// `Kind namespace/name`, for messages.
pub fn describe(object: &AppliedObject) -> String {
    match &object.namespace {
        Some(namespace) => format!("{} {namespace}/{}", object.kind, object.name),
        None => format!("{} {}", object.kind, object.name),
    }
}

fn rank(kind: &str) -> u8 {
    match kind {
        "Namespace" => 0,
        "CustomResourceDefinition" => 1,
        _ => 2,
    }
}

fn label(content: &mut Map<String, Value>, addon: &str) {
    let mut metadata = take_mapping(content, "metadata");
    let mut labels = take_mapping(&mut metadata, "labels");
    for (name, value) in [
        (labels::ADDON, addon),
        (labels::MANAGED_BY, labels::MANAGED_BY_SLIPWAY),
    ] {
        labels.insert(name.to_owned(), value.into());
    }
    metadata.insert("labels".to_owned(), Value::Object(labels));
    content.insert("metadata".to_owned(), Value::Object(metadata));
}

/// The mapping under `key`; an empty one where there is none.
fn take_mapping(map: &mut Map<String, Value>, key: &str) -> Map<String, Value> {
    match map.remove(key) {
        Some(Value::Object(mapping)) => mapping,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<Manifest>, String> {
        parse("demo", &[("app.yaml".to_owned(), text.to_owned())])
    }

    #[test]
    fn namespaces_and_definitions_come_first_and_empty_documents_are_left_out() {
        let manifests = parsed(
            "# a comment\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: x}\n---\n---\n\
             apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: b}\n---\n\
             apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: x}}\n",
        )
        .unwrap();
        let names: Vec<String> = manifests
            .iter()
            .map(|manifest| describe(&manifest.object))
            .collect();
        assert_eq!(
            names,
            ["Namespace x", "CustomResourceDefinition b", "ConfigMap x/a"]
        );
    }

    #[test]
    fn every_object_is_labelled_and_keeps_its_own_labels() {
        let manifests =
            parsed("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: x\n  labels: {own: label}\n")
                .unwrap();
        let labels = &manifests[0].content["metadata"]["labels"];
        assert_eq!(labels["own"], "label");
        assert_eq!(labels["slipway.io/addon"], "demo");
        assert_eq!(labels["app.kubernetes.io/managed-by"], "slipway");
    }

    #[test]
    fn what_is_no_object_is_refused_with_its_template() {
        let rows = [
            (
                "kind: ConfigMap\nmetadata: {name: a}",
                "ConfigMap has no apiVersion",
            ),
            ("apiVersion: v1\nmetadata: {name: a}", "an object has no kind"),
            (
                "apiVersion: v1\nkind: Namespace",
                "Namespace has no metadata.name",
            ),
            ("just text", "is not an object of Kubernetes"),
            ("a: [", "is not YAML"),
            (
                "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: x}",
                "Namespace x is there twice",
            ),
        ];
        for (text, expected) in rows {
            let error = parsed(text).unwrap_err();
            assert!(
                error.starts_with("template demo/app.yaml: ") && error.contains(expected),
                "{error}"
            );
        }
    }
}
