//! The ways in which controllers write: server-side apply for what they own, a status only where it differs.

use std::fmt::Debug;

use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
    core::NamespaceResourceScope,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::error::{Doing, Error};

/// Applies `object` (with apiVersion, kind, name, namespace and the fields that `manager` owns) by server-side apply.
pub async fn apply<K>(client: &Client, manager: &str, object: &K) -> Result<K, Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    let namespace = object.namespace().unwrap_or_default();
    let name = object.name_any();
    Api::<K>::namespaced(client.clone(), &namespace)
        .patch(
            &name,
            &PatchParams::apply(&field_manager(manager)).force(),
            &Patch::Apply(object),
        )
        .await
        .doing(|| format!("apply {} {namespace}/{name}", K::kind(&())))
}

/// The field manager of the controller called `controller`.
pub fn field_manager(controller: &str) -> String {
    format!("slipway-{controller}")
}

/// Writes what differs between `current`'s status and `next`, and nothing where they are the same. Refused with a
/// conflict if the object was changed since `current` was read: the decision is then made again. Returns whether
/// anything was written.
pub async fn status<K, S>(client: &Client, current: &K, before: Option<&S>, next: &S) -> Result<bool, Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    S: Serialize,
{
    let namespace = current.namespace().unwrap_or_default();
    let name = current.name_any();
    let to_json = |status: &S| {
        serde_json::to_value(status).map_err(|error| {
            Error::other(
                format!("write the status of {} {namespace}/{name}", K::kind(&())),
                error,
            )
        })
    };
    let old = before
        .map(to_json)
        .transpose()?
        .unwrap_or_else(|| Value::Object(Map::new()));
    let Some(difference) = merge_difference(&old, &to_json(next)?) else {
        return Ok(false);
    };
    let patch = json!({
        "metadata": {"resourceVersion": current.resource_version(), "uid": current.uid()},
        "status": difference,
    });
    Api::<K>::namespaced(client.clone(), &namespace)
        .patch_status(&name, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .doing(|| format!("write the status of {} {namespace}/{name}", K::kind(&())))?;
    Ok(true)
}

/// Puts `finalizer` on `object`, refused if the object was changed since it was read. Returns the object as it is then.
pub async fn add_finalizer<K>(client: &Client, object: &K, finalizer: &str) -> Result<K, Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let mut finalizers = object.finalizers().to_vec();
    finalizers.push(finalizer.to_owned());
    set_finalizers(client, object, &finalizers).await
}

/// Takes `finalizer` from `object`, refused if the object was changed since it was read. An object that is gone already
/// is as good.
pub async fn remove_finalizer<K>(client: &Client, object: &K, finalizer: &str) -> Result<(), Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let mut finalizers = object.finalizers().to_vec();
    finalizers.retain(|name| name != finalizer);
    match set_finalizers(client, object, &finalizers).await {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

async fn set_finalizers<K>(client: &Client, object: &K, finalizers: &[String]) -> Result<K, Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let namespace = object.namespace().unwrap_or_default();
    let name = object.name_any();
    let patch = json!({"metadata": {
        "resourceVersion": object.resource_version(),
        "uid": object.uid(),
        "finalizers": finalizers,
    }});
    Api::<K>::namespaced(client.clone(), &namespace)
        .patch(&name, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .doing(|| format!("write the finalizers of {} {namespace}/{name}", K::kind(&())))
}

/// Deletes the object `namespace`/`name`; one that is gone already is as good.
pub async fn delete<K>(client: &Client, namespace: &str, name: &str) -> Result<(), Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let deleted = Api::<K>::namespaced(client.clone(), namespace)
        .delete(name, &DeleteParams::background())
        .await
        .doing(|| format!("delete {} {namespace}/{name}", K::kind(&())));
    match deleted {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}

/// Creates `object`; one that is there already is left as it is. Says whether it was created.
pub async fn create_once<K>(client: &Client, object: &K) -> Result<bool, Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    let namespace = object.namespace().unwrap_or_default();
    let created = Api::<K>::namespaced(client.clone(), &namespace)
        .create(&PostParams::default(), object)
        .await
        .doing(|| format!("create {} {namespace}/{}", K::kind(&()), object.name_any()));
    match created {
        Ok(_) => Ok(true),
        Err(error) if error.is_already_there() => Ok(false),
        Err(error) => Err(error),
    }
}

/// The JSON merge patch that turns `old` into `new`; nothing if they are the same.
fn merge_difference(old: &Value, new: &Value) -> Option<Value> {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let mut difference = Map::new();
            for key in old.keys().filter(|key| !new.contains_key(*key)) {
                difference.insert(key.clone(), Value::Null);
            }
            for (key, value) in new {
                match old.get(key) {
                    None => {
                        difference.insert(key.clone(), value.clone());
                    }
                    Some(before) => {
                        if let Some(change) = merge_difference(before, value) {
                            difference.insert(key.clone(), change);
                        }
                    }
                }
            }
            (!difference.is_empty()).then_some(Value::Object(difference))
        }
        (old, new) => (old != new).then(|| new.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_no_difference() {
        let value = json!({"phase": "Ready", "conditions": [{"type": "Ready"}], "nodes": {"total": 1}});
        assert_eq!(merge_difference(&value, &value), None);
    }

    #[test]
    fn a_difference_holds_only_what_changed_and_null_for_what_went() {
        let old = json!({"phase": "Ready", "nodes": {"total": 1, "ready": 1}, "list": [1, 2], "gone": true});
        let new =
            json!({"phase": "Ready", "nodes": {"total": 2, "ready": 1}, "list": [1], "added": {"a": 1}});
        let expected = json!({"gone": null, "nodes": {"total": 2}, "list": [1], "added": {"a": 1}});
        assert_eq!(merge_difference(&old, &new), Some(expected));
    }
}
