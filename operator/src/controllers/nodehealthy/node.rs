//! One Node: what it says of its host, and what it lacks of its set's labels and taints. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::{
    api::core::v1::{Node, Taint as NodeTaint},
    apimachinery::pkg::api::resource::Quantity,
};
use kube::ResourceExt;
use serde_json::{Map, Value, json};
use slipway_api::{
    MachineSetSpec, Taint,
    machine::{Component, MachineFacts},
};

/// Annotation of a Node: labels and taints that were put there from its MachineSet, so that they can be taken away again.
const APPLIED: &str = "slipway.io/applied";

/// Whether the Node is Ready, and what it says about that. A kubelet that has fallen silent is not.
pub fn readiness(node: &Node) -> (bool, String) {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    match conditions
        .into_iter()
        .flatten()
        .find(|condition| condition.type_ == "Ready")
    {
        Some(ready) => (ready.status == "True", ready.message.clone().unwrap_or_default()),
        None => (false, "the Node has not said anything yet".to_owned()),
    }
}

/// What the Node says of its host.
pub fn facts(node: &Node) -> Option<MachineFacts> {
    let status = node.status.as_ref()?;
    let info = status.node_info.as_ref()?;
    let capacity = |resource: &str| {
        status
            .capacity
            .as_ref()
            .and_then(|capacity| capacity.get(resource))
    };
    let text = |text: &String| (!text.is_empty()).then(|| text.clone());
    Some(MachineFacts {
        operating_system: text(&info.os_image),
        kernel: text(&info.kernel_version),
        architecture: text(&info.architecture),
        cpus: capacity("cpu").and_then(|cpus| cpus.0.parse().ok()),
        memory_bytes: capacity("memory").and_then(bytes),
        system_uuid: text(&info.system_uuid),
    })
}

/// Programs that the Node reports, with their versions.
pub fn components(node: &Node) -> Vec<Component> {
    let Some(info) = node.status.as_ref().and_then(|status| status.node_info.as_ref()) else {
        return Vec::new();
    };
    let kubelet = (!info.kubelet_version.is_empty()).then_some(("kubelet", info.kubelet_version.as_str()));
    let runtime = info.container_runtime_version.split_once("://");
    [runtime, kubelet]
        .into_iter()
        .flatten()
        .map(|(name, version)| Component {
            name: name.to_owned(),
            version: version.to_owned(),
        })
        .collect()
}

/// A quantity of memory in bytes, as kubelets write it: plain or in binary units.
fn bytes(quantity: &Quantity) -> Option<i64> {
    let text = quantity.0.as_str();
    for (suffix, factor) in [
        ("Ki", 1_i64 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
    ] {
        if let Some(number) = text.strip_suffix(suffix) {
            return number.parse::<i64>().ok()?.checked_mul(factor);
        }
    }
    text.parse().ok()
}

/// The merge patch that gives the Node the labels and taints of its set, and takes away those that the set had before.
/// Labels and taints of others stay. Nothing if all is as it should be.
pub fn patch(node: &Node, set: &MachineSetSpec) -> Option<Value> {
    let applied = Applied::read(node);
    let wanted = Applied {
        labels: set.labels.keys().cloned().collect(),
        taints: set.taints.iter().map(taint_key).collect(),
    };
    let mut labels = Map::new();
    for (key, value) in &set.labels {
        if node.labels().get(key) != Some(value) {
            labels.insert(key.clone(), json!(value));
        }
    }
    for key in applied.labels.difference(&wanted.labels) {
        if node.labels().contains_key(key) {
            labels.insert(key.clone(), Value::Null);
        }
    }
    let there = node
        .spec
        .as_ref()
        .and_then(|spec| spec.taints.clone())
        .unwrap_or_default();
    let taints = taints(&there, &set.taints, &applied.taints);
    if labels.is_empty() && taints == there && applied == wanted {
        return None;
    }
    let mut metadata = json!({
        "resourceVersion": node.resource_version(),
        "annotations": {APPLIED: wanted.write()},
    });
    if !labels.is_empty() {
        metadata["labels"] = Value::Object(labels);
    }
    let mut patch = json!({"metadata": metadata});
    if taints != there {
        patch["spec"] = json!({"taints": taints});
    }
    Some(patch)
}

/// The taints that are there, without those of the set as it was, with those of the set as it is.
fn taints(there: &[NodeTaint], wanted: &[Taint], applied: &BTreeSet<String>) -> Vec<NodeTaint> {
    let key = |taint: &NodeTaint| format!("{}:{}", taint.key, taint.effect);
    let wanted: BTreeMap<String, NodeTaint> = wanted
        .iter()
        .map(|taint| {
            let node_taint = NodeTaint {
                key: taint.key.clone(),
                value: taint.value.clone(),
                effect: taint.effect.to_string(),
                time_added: None,
            };
            (taint_key(taint), node_taint)
        })
        .collect();
    let mut taints: Vec<NodeTaint> = there
        .iter()
        .filter(|taint| wanted.contains_key(&key(taint)) || !applied.contains(&key(taint)))
        .map(|taint| match wanted.get(&key(taint)) {
            Some(wanted) if wanted.value != taint.value => wanted.clone(),
            _ => taint.clone(),
        })
        .collect();
    let present: BTreeSet<String> = taints.iter().map(key).collect();
    taints.extend(
        wanted
            .into_iter()
            .filter(|(key, _)| !present.contains(key))
            .map(|(_, taint)| taint),
    );
    taints
}

fn taint_key(taint: &Taint) -> String {
    format!("{}:{}", taint.key, taint.effect)
}

/// What was put on a Node from its set.
#[derive(Debug, Default, PartialEq, Eq)]
struct Applied {
    labels: BTreeSet<String>,
    taints: BTreeSet<String>,
}

impl Applied {
    /// A Node without the annotation, or with one that cannot be read, has nothing of ours.
    fn read(node: &Node) -> Self {
        let value = node
            .annotations()
            .get(APPLIED)
            .and_then(|text| serde_json::from_str::<Value>(text).ok());
        let list = |key: &str| {
            let items = value.as_ref().and_then(|value| value[key].as_array());
            items
                .into_iter()
                .flatten()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect()
        };
        Self {
            labels: list("labels"),
            taints: list("taints"),
        }
    }

    /// Nothing of ours is written as no annotation.
    fn write(&self) -> Value {
        if self.labels.is_empty() && self.taints.is_empty() {
            return Value::Null;
        }
        Value::String(json!({"labels": self.labels, "taints": self.taints}).to_string())
    }
}

#[cfg(test)]
mod tests {
    use slipway_api::{MachineRole, machine_set::TaintEffect};

    use super::*;

    fn node(value: Value) -> Node {
        serde_json::from_value(value).unwrap()
    }

    fn set(labels: &[(&str, &str)], taints: &[&str]) -> MachineSetSpec {
        MachineSetSpec {
            cluster_name: "shop".to_owned(),
            role: MachineRole::Worker,
            replicas: Some(1),
            selector: None,
            labels: labels
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            taints: taints
                .iter()
                .map(|key| Taint {
                    key: (*key).to_owned(),
                    value: Some("yes".to_owned()),
                    effect: TaintEffect::NoSchedule,
                })
                .collect(),
        }
    }

    /// Applies a patch as an API server would.
    fn patched(node: &Node, patch: &Value) -> Node {
        let mut object = serde_json::to_value(node).unwrap();
        merge(&mut object, patch);
        serde_json::from_value(object).unwrap()
    }

    fn merge(object: &mut Value, patch: &Value) {
        let Value::Object(patch) = patch else {
            *object = patch.clone();
            return;
        };
        if !object.is_object() {
            *object = json!({});
        }
        for (key, value) in patch {
            if value.is_null() {
                object.as_object_mut().unwrap().remove(key);
            } else {
                merge(&mut object[key], value);
            }
        }
    }

    #[test]
    fn labels_and_taints_come_and_go_with_the_set_and_those_of_others_stay() {
        let taint = json!([{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]);
        let first =
            node(json!({"metadata": {"name": "m1", "labels": {"theirs": "1"}}, "spec": {"taints": taint}}));
        let with = set(&[("tier", "web")], &["gpu"]);
        let second = patched(&first, &patch(&first, &with).unwrap());
        assert_eq!(second.labels().get("tier").map(String::as_str), Some("web"));
        assert_eq!(second.spec.as_ref().unwrap().taints.as_ref().unwrap().len(), 2);
        assert_eq!(patch(&second, &with), None, "nothing is left to do");

        let third = patched(&second, &patch(&second, &set(&[], &[])).unwrap());
        assert_eq!(third.labels(), first.labels());
        assert_eq!(third.spec, first.spec);
        assert_eq!(patch(&third, &set(&[], &[])), None);
        assert!(!third.annotations().contains_key(APPLIED));
    }

    #[test]
    fn a_label_that_somebody_changed_is_put_back() {
        let with = set(&[("tier", "web")], &["gpu"]);
        let first = node(json!({"metadata": {"name": "m1"}}));
        let second = patched(&first, &patch(&first, &with).unwrap());
        let mut changed = second.clone();
        changed.labels_mut().insert("tier".to_owned(), "other".to_owned());
        let third = patched(&changed, &patch(&changed, &with).unwrap());
        assert_eq!(third.labels(), second.labels());
    }

    #[test]
    fn a_node_tells_of_its_host() {
        let node = node(json!({"metadata": {"name": "m1"}, "status": {
            "capacity": {"cpu": "4", "memory": "8038424Ki"},
            "conditions": [{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}],
            "nodeInfo": {
                "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "containerd://2.1.4",
                "kernelVersion": "6.1.0", "kubeProxyVersion": "", "kubeletVersion": "v1.35.4", "machineID": "",
                "operatingSystem": "linux", "osImage": "Debian GNU/Linux 12 (bookworm)", "systemUUID": "4c4c",
            },
        }}));
        let facts = facts(&node).unwrap();
        assert_eq!(
            (facts.cpus, facts.memory_bytes),
            (Some(4), Some(8_038_424 * 1024))
        );
        assert_eq!(
            facts.operating_system.as_deref(),
            Some("Debian GNU/Linux 12 (bookworm)")
        );
        let names: Vec<String> = components(&node)
            .iter()
            .map(|part| format!("{} {}", part.name, part.version))
            .collect();
        assert_eq!(names, ["containerd 2.1.4", "kubelet v1.35.4"]);
        assert_eq!(
            readiness(&node),
            (false, "Kubelet stopped posting node status.".to_owned())
        );
    }
}
