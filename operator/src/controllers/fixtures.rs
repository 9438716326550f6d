//! Objects for tests of plans.
#![allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
    jiff::Timestamp,
};
use slipway_api::{
    ClaimRef, ClusterDeployment, Machine, MachineRole, MachineSet, MachineSetSpec, MachineSpec,
    MachineStatus, Operation, RunPhase, labels,
    machine::{HostKeyPolicy, LastRun, Ssh},
    references::NameReference,
};

/// Namespace of every fixture.
pub const NAMESPACE: &str = "fleet";

/// A point in time.
pub fn time(second: i64) -> Time {
    Time(Timestamp::from_second(second).unwrap())
}

/// Metadata of an object that exists: its uid is made from its name.
pub fn metadata(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(NAMESPACE.to_owned()),
        uid: Some(format!("uid-{name}")),
        generation: Some(1),
        resource_version: Some("1".to_owned()),
        creation_timestamp: Some(time(0)),
        ..ObjectMeta::default()
    }
}

/// A machine that nobody has looked at yet.
pub fn machine(name: &str) -> Machine {
    Machine {
        metadata: metadata(name),
        spec: MachineSpec {
            address: "192.0.2.1".to_owned(),
            ssh: Ssh {
                port: 22,
                user: "slipway".to_owned(),
                key_secret_ref: NameReference::new("key"),
                host_keys: Vec::new(),
                host_key_policy: HostKeyPolicy::TrustOnFirstUse,
            },
            claim_ref: None,
            claim_epoch: 0,
            unschedulable: false,
            force_release: false,
        },
        status: None,
    }
}

/// A machine that may be claimed.
pub fn idle(name: &str) -> Machine {
    let mut machine = machine(name);
    machine.status = Some(MachineStatus {
        phase: Some(slipway_api::MachinePhase::Idle),
        cleaned_epoch: Some(0),
        ..MachineStatus::default()
    });
    machine
}

/// A machine that the MachineSet `set` of the cluster `shop` has claimed for `slot`.
pub fn claimed(name: &str, set: &str, slot: i32) -> Machine {
    let mut machine = idle(name);
    machine.spec.claim_epoch = 1;
    machine.spec.claim_ref = Some(ClaimRef {
        uid: format!("uid-{set}"),
        name: set.to_owned(),
        cluster_name: "shop".to_owned(),
        role: MachineRole::Worker,
        slot,
        epoch: 1,
    });
    machine.status.as_mut().unwrap().phase = Some(slipway_api::MachinePhase::Claimed);
    machine
}

/// A run as a Machine's status records it.
pub fn last_run(operation: Operation, phase: RunPhase) -> LastRun {
    LastRun {
        name: "run".to_owned(),
        operation,
        phase,
        finished_at: None,
        message: None,
    }
}

/// A MachineSet `shop-<name>` of the cluster `shop`, which has its finalizer.
pub fn set(name: &str, role: MachineRole, replicas: i32) -> MachineSet {
    let mut metadata = metadata(&format!("shop-{name}"));
    metadata.finalizers = Some(vec![labels::MACHINE_SET_FINALIZER.to_owned()]);
    MachineSet {
        metadata,
        spec: MachineSetSpec {
            cluster_name: "shop".to_owned(),
            role,
            replicas: Some(replicas),
            selector: None,
            labels: BTreeMap::new(),
            taints: Vec::new(),
        },
        status: None,
    }
}

/// The ClusterDeployment `shop` with one control plane and two workers, which has its finalizer.
pub fn deployment() -> ClusterDeployment {
    let spec = serde_json::json!({
        "kubernetesVersion": "v1.35.4",
        "machineSets": [
            {"name": "control-plane", "role": "ControlPlane", "replicas": 1},
            {"name": "worker", "role": "Worker", "replicas": 2},
        ],
    });
    let mut metadata = metadata("shop");
    metadata.finalizers = Some(vec![labels::CLUSTER_DEPLOYMENT_FINALIZER.to_owned()]);
    ClusterDeployment {
        metadata,
        spec: serde_json::from_value(spec).unwrap(),
        status: None,
    }
}
