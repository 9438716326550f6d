//! The objects that make an API server serve the kinds, as they are installed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt as _;

use crate::{Cluster, ClusterDeployment, Machine, MachineSet, PlaybookRun, admission};

/// First line of every file.
const COMMENT: &str = "# Generated from the types of slipway-api by `cargo run -p slipway-api -- --dir crds/yaml`; do not edit.\n";

/// Longest string where the type does not say otherwise, in characters.
const MAXIMUM_LENGTH: i64 = 1024;
/// Longest list where the type does not say otherwise.
const MAXIMUM_ITEMS: i64 = 64;
/// Most entries of a map where the type does not say otherwise.
const MAXIMUM_PROPERTIES: i64 = 64;

/// The definitions of all kinds, in alphabetical order.
pub fn custom_resource_definitions() -> Vec<CustomResourceDefinition> {
    [
        Cluster::crd(),
        ClusterDeployment::crd(),
        Machine::crd(),
        MachineSet::crd(),
        PlaybookRun::crd(),
    ]
    .into_iter()
    .map(finished)
    .collect()
}

/// Every file that is to be installed, by name, as YAML: one for each kind, and one for the admission policy.
///
/// # Errors
/// Where an object has no YAML form, which would be a fault of its types.
pub fn files() -> Result<Vec<(String, String)>, serde_yaml::Error> {
    let mut files = Vec::new();
    for definition in custom_resource_definitions() {
        let name = format!("{}_{}.yaml", definition.spec.group, definition.spec.names.plural);
        files.push((name, format!("{COMMENT}{}", serde_yaml::to_string(&definition)?)));
    }
    let (policy, binding) = admission::claimed_machines_stay();
    let policy = format!(
        "{COMMENT}{}---\n{}",
        serde_yaml::to_string(&policy)?,
        serde_yaml::to_string(&binding)?
    );
    files.push(("admission-policy.yaml".to_owned(), policy));
    Ok(files)
}

fn finished(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
        if let Some(schema) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        {
            finish(schema);
        }
    }
    definition
}

/// Gives a schema what derived schemas lack.
///
/// - An optional field is left out, never null: a null is dropped before defaults are filled in, so that
///   `has(self.field)` means in a rule what it says.
/// - Descriptions are flowing text: where a line of source ends means nothing to the reader of `kubectl explain`.
/// - Every string, list and map has a bound: the API server refuses rules whose cost has none.
fn finish(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.description = schema.description.as_deref().map(flowing);
    match schema.type_.as_deref() {
        Some("string") if schema.enum_.is_none() && schema.format.as_deref() != Some("date-time") => {
            schema.max_length.get_or_insert(MAXIMUM_LENGTH);
        }
        Some("array") => {
            schema.max_items.get_or_insert(MAXIMUM_ITEMS);
        }
        Some("object") if schema.additional_properties.is_some() => {
            schema.max_properties.get_or_insert(MAXIMUM_PROPERTIES);
        }
        _ => {}
    }
    for property in schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
    {
        finish(property);
    }
    match schema.items.as_mut() {
        Some(JSONSchemaPropsOrArray::Schema(item)) => finish(item),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => items.iter_mut().for_each(finish),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(value)) = schema.additional_properties.as_mut() {
        finish(value);
    }
}

/// `text` with each paragraph on one line.
fn flowing(text: &str) -> String {
    text.split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n\n")
}
