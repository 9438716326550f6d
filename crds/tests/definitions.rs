//! The definitions that are checked in are the ones that the types make, and every part of them is fit for use.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may panic, in its helpers too"
)]

use std::{collections::BTreeSet, fs, path::Path};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use slipway_api::manifest;

#[test]
fn the_yaml_files_are_what_the_types_make() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("yaml");
    let mut expected = BTreeSet::new();
    for (name, text) in manifest::files().unwrap() {
        let path = folder.join(&name);
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == text,
            "{} is not what the types make; run `cargo run -p slipway-api -- --dir crds/yaml`",
            path.display()
        );
        expected.insert(name);
    }
    let found: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        found,
        expected,
        "{} holds a file that no type makes",
        folder.display()
    );
}

#[test]
fn every_field_is_explained_and_bounded_and_every_rule_has_a_message() {
    let mut complaints = Vec::new();
    for definition in manifest::custom_resource_definitions() {
        let schema = definition.spec.versions[0]
            .schema
            .as_ref()
            .unwrap()
            .open_api_v3_schema
            .as_ref()
            .unwrap();
        inspect(schema, &definition.spec.names.kind, &mut complaints);
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

fn inspect(schema: &JSONSchemaProps, path: &str, complaints: &mut Vec<String>) {
    for rule in schema.x_kubernetes_validations.iter().flatten() {
        if rule.message.as_deref().unwrap_or_default().is_empty() {
            complaints.push(format!("{path}: the rule {} has no message", rule.rule));
        }
    }
    let bounded = match schema.type_.as_deref() {
        Some("string") => {
            schema.max_length.is_some()
                || schema.enum_.is_some()
                || schema.format.as_deref() == Some("date-time")
        }
        Some("array") => schema.max_items.is_some(),
        Some("object") if schema.additional_properties.is_some() => schema.max_properties.is_some(),
        _ => true,
    };
    if !bounded {
        complaints.push(format!("{path}: has no bound"));
    }
    if schema.nullable == Some(true) {
        complaints.push(format!("{path}: may be null"));
    }
    for (name, property) in schema.properties.iter().flatten() {
        let path = format!("{path}.{name}");
        if property.description.as_deref().unwrap_or_default().is_empty() {
            complaints.push(format!("{path}: has no description"));
        }
        inspect(property, &path, complaints);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(item)) = &schema.items {
        inspect(item, &format!("{path}[]"), complaints);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = &schema.additional_properties {
        inspect(value, &format!("{path}{{}}"), complaints);
    }
}
