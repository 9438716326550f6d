//! `kubernetes.core.k8s_info`: objects as they are.

use serde_json::{Value, json};

use super::{
    super::{Arguments, ResultMap, boolean, failure, map, text, texts},
    cluster::{Cluster, Target},
    difference,
    wait::{Patience, Until, wait},
};

/// Carries out the module.
pub async fn run(cluster: &Cluster, args: &Arguments) -> ResultMap {
    let Some(kind_name) = text(args, "kind") else {
        return failure("missing required arguments: kind");
    };
    let api_version = ["api_version", "api", "version"]
        .iter()
        .find_map(|name| text(args, name))
        .unwrap_or_else(|| "v1".to_owned());
    let kind = match cluster.kind(&kind_name, &api_version).await {
        Ok(Some(kind)) => kind,
        Ok(None) => {
            return map(json!({
                "changed": false, "resources": [], "api_found": false,
                "msg": format!("Failed to find API for resource with apiVersion \"{api_version}\" and kind \"{kind_name}\""),
            }));
        }
        Err(refused) => return failure(refused.said),
    };
    let (name, namespace) = (text(args, "name"), text(args, "namespace"));
    let target = Target {
        name: name.as_deref().filter(|name| !name.is_empty()),
        namespace: namespace.as_deref().filter(|namespace| !namespace.is_empty()),
    };
    let (labels, fields) = (texts(args, "label_selectors"), texts(args, "field_selectors"));
    let hidden = texts(args, "hidden_fields");
    let waits = boolean(args, "wait").unwrap_or(false);
    let patience = Patience::of(args);
    let first_look = Patience {
        limit: if waits {
            patience.limit
        } else {
            std::time::Duration::ZERO
        },
        ..patience
    };
    let empty = map(json!({"changed": false, "resources": [], "api_found": true}));
    let selectors = (labels.as_slice(), fields.as_slice());
    let found = match wait(cluster, &kind, target, selectors, &Until::Exists, first_look).await {
        Ok(found) => found.object,
        Err(refused) if refused.status == Some(400) => return empty,
        Err(refused) => {
            return failure(format!(
                "Exception '{}' raised while trying to get resource using (name={}, namespace={}, label_selectors={labels:?}, field_selectors={fields:?})",
                refused.said,
                name.as_deref().unwrap_or("None"),
                namespace.as_deref().unwrap_or("None"),
            ));
        }
    };
    let is_list = found["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    let objects: Vec<Value> = match found["items"].as_array() {
        Some(items) if is_list => items.clone(),
        _ if found["kind"].is_null() => Vec::new(),
        _ => vec![found],
    };
    let mut resources = Vec::new();
    for object in objects {
        if !waits {
            resources.push(difference::without(object, &hidden));
            continue;
        }
        let until = Until::of(args, false);
        match wait(cluster, &kind, Target::of(&object), (&[], &[]), &until, patience).await {
            Ok(waited) if waited.reached => resources.push(difference::without(waited.object, &hidden)),
            Ok(waited) => {
                return failure(format!(
                    "Failed to gather information about {}(s) even after waiting for {} seconds",
                    kind.name, waited.took
                ));
            }
            Err(refused) => return failure(refused.said),
        }
    }
    map(json!({"changed": false, "resources": resources, "api_found": true}))
}
