//! The plan of a ClusterDeployment, by table.

use std::{collections::BTreeSet, sync::Arc};

use kube::ResourceExt;
use serde_json::json;
use slipway_api::{
    Cluster, ClusterDeployment, ClusterPhase, ClusterSpec, ClusterStatus, Machine, MachineRole, MachineSet,
    PlaybookRun,
    cluster::Installed,
    cluster_deployment::ComponentConfig,
    conditions::{
        self, CONTROL_PLANE_INITIALIZED, ETCD_HEALTHY, MACHINES_CLAIMED, NewCondition, READY, SUPPORTED,
        TRUST_READY, reasons,
    },
    names::ClusterSecrets,
    references::Endpoint,
};

use super::{
    observe::Observed,
    plan::{Plan, Step, plan},
};
use crate::controllers::fixtures;

fn nothing_yet(deployment: ClusterDeployment) -> Observed {
    Observed {
        deployment: Arc::new(deployment),
        cluster: None,
        sets: Vec::new(),
        machines: Vec::new(),
        runs: Vec::new(),
        secrets: BTreeSet::new(),
    }
}

fn planned(observed: &Observed) -> Plan {
    plan(observed, &fixtures::time(0))
}

fn control_plane_machine() -> Arc<Machine> {
    let mut machine = fixtures::claimed("m1", "shop-control-plane", 0);
    machine.spec.claim_ref.as_mut().unwrap().role = MachineRole::ControlPlane;
    Arc::new(machine)
}

/// The names of what the plan does, in order.
fn steps(plan: &Plan) -> Vec<String> {
    let name = |step: &Step| match step {
        Step::AddFinalizer => "finalizer".to_owned(),
        Step::ApplyCluster(_) => "cluster".to_owned(),
        Step::ApplyMachineSet(set) => format!("set {}", set.name_any()),
        Step::DeleteMachineSet(name) => format!("delete set {name}"),
        Step::MakeTrust(missing) => format!("trust {}", missing.len()),
        Step::MakeKubeconfig(endpoint) => format!("kubeconfig {endpoint}"),
        Step::CancelRun(name) => format!("cancel {name}"),
        Step::DeleteRun(name) => format!("delete run {name}"),
        Step::DeleteSecret(name) => format!("delete secret {name}"),
        Step::DeleteCluster => "delete cluster".to_owned(),
        Step::RemoveFinalizer => "let go".to_owned(),
    };
    plan.steps.iter().map(name).collect()
}

/// Carries out what a plan says on the observed objects, as the API server would.
fn carry_out(observed: &mut Observed, plan: &Plan) {
    for step in &plan.steps {
        match step {
            Step::ApplyCluster(cluster) => {
                let mut cluster = Cluster::clone(cluster);
                cluster.metadata.uid = Some("uid-cluster".to_owned());
                observed.cluster = Some(Arc::new(cluster));
            }
            Step::ApplyMachineSet(set) => {
                let mut set = MachineSet::clone(set);
                set.metadata.uid = Some(format!("uid-{}", set.name_any()));
                observed.sets.retain(|other| other.name_any() != set.name_any());
                observed.sets.push(Arc::new(set));
            }
            Step::MakeTrust(missing) => observed.secrets.extend(missing.iter().cloned()),
            Step::MakeKubeconfig(_) => {
                observed.secrets.insert(ClusterSecrets::of("shop").kubeconfig);
            }
            _ => {}
        }
    }
    if let (Some(cluster), Some(status)) = (&observed.cluster, &plan.cluster_status) {
        let mut cluster = Cluster::clone(cluster);
        cluster.status = Some(status.clone());
        observed.cluster = Some(Arc::new(cluster));
    }
}

/// A cluster that was installed with v1.35.4.
fn installed() -> Observed {
    let mut observed = nothing_yet(fixtures::deployment());
    observed.machines.push(control_plane_machine());
    for _ in 0..4 {
        let plan = planned(&observed);
        carry_out(&mut observed, &plan);
    }
    let mut cluster = Cluster::clone(observed.cluster.as_ref().unwrap());
    let status = cluster.status.get_or_insert_default();
    status.phase = Some(ClusterPhase::Ready);
    status.installed = Some(Installed {
        kubernetes_version: "v1.35.4".to_owned(),
        control_planes: 1,
        component_config: ComponentConfig::default(),
    });
    let condition = NewCondition {
        kind: CONTROL_PLANE_INITIALIZED,
        status: Some(true),
        reason: reasons::AS_WANTED,
        message: "",
        observed_generation: None,
    };
    conditions::set(&mut status.conditions, &condition, &fixtures::time(0));
    observed.cluster = Some(Arc::new(cluster));
    observed
}

fn changed(observed: &Observed, patch: &serde_json::Value) -> Observed {
    let mut deployment = ClusterDeployment::clone(&observed.deployment);
    let mut spec = serde_json::to_value(&deployment.spec).unwrap();
    for (key, value) in patch.as_object().unwrap() {
        spec[key] = value.clone();
    }
    deployment.spec = serde_json::from_value(spec).unwrap();
    Observed {
        deployment: Arc::new(deployment),
        ..observed.clone()
    }
}

fn message(plan: &Plan, kind: &str) -> (String, String) {
    let condition = conditions::get(&plan.status.conditions, kind).unwrap();
    (condition.status.clone(), condition.message.clone())
}

#[test]
fn a_new_cluster_is_made_step_by_step_until_nothing_is_left_to_do() {
    let mut observed = nothing_yet(fixtures::deployment());
    let first = planned(&observed);
    assert_eq!(
        steps(&first),
        ["cluster", "set shop-control-plane", "set shop-worker", "trust 5"]
    );
    assert_eq!(first.status.phase, Some(ClusterPhase::Pending));
    carry_out(&mut observed, &first);

    let second = planned(&observed);
    assert_eq!(
        steps(&second),
        Vec::<String>::new(),
        "waits for the control plane's address"
    );
    assert!(
        message(&second, TRUST_READY).1.contains("address"),
        "{:?}",
        message(&second, TRUST_READY)
    );

    observed.machines.push(control_plane_machine());
    let third = planned(&observed);
    assert_eq!(steps(&third), ["kubeconfig https://192.0.2.1:6443"]);
    carry_out(&mut observed, &third);

    let fourth = planned(&observed);
    assert_eq!(steps(&fourth), Vec::<String>::new());
    assert_eq!(message(&fourth, TRUST_READY).0, "True");
    let status = fourth.cluster_status.unwrap();
    assert_eq!(status.kubeconfig_secret_ref.unwrap().name, "shop-kubeconfig");
    assert_eq!(status.endpoint.unwrap().host, "192.0.2.1");
}

#[test]
fn a_known_endpoint_never_changes() {
    let mut observed = installed();
    observed.machines.clear();
    let mut moved = Machine::clone(&control_plane_machine());
    moved.spec.address = "192.0.2.99".to_owned();
    observed.machines.push(Arc::new(moved));
    let endpoint = planned(&observed).cluster_status.unwrap().endpoint.unwrap();
    assert_eq!(
        endpoint,
        Endpoint {
            host: "192.0.2.1".to_owned(),
            port: 6443
        }
    );
}

#[test]
fn lost_keys_of_an_installed_cluster_are_not_replaced_by_others() {
    let mut observed = installed();
    observed.secrets.remove("shop-ca");
    let plan = planned(&observed);
    assert_eq!(steps(&plan), Vec::<String>::new());
    let (status, message) = message(&plan, TRUST_READY);
    assert!(
        status == "False" && message.contains("restore them: shop-ca"),
        "{message}"
    );
}

#[test]
fn changes_that_are_not_supported_are_named_and_the_old_is_kept() {
    let base = installed();
    let rows = [
        (
            json!({"kubernetesVersion": "v1.35.5"}),
            "the cluster stays at v1.35.4",
        ),
        (
            json!({"componentConfig": {"kubelet": {"maxPods": 1}}}),
            "componentConfig",
        ),
        (
            json!({"machineSets": [{"name": "control-plane", "role": "ControlPlane", "replicas": 3},
                {"name": "worker", "role": "Worker", "replicas": 2}]}),
            "3 control planes: the cluster keeps 1",
        ),
        (
            json!({"machineSets": [{"name": "other", "role": "ControlPlane", "replicas": 1},
                {"name": "worker", "role": "Worker", "replicas": 2}]}),
            "shop-control-plane is kept",
        ),
    ];
    for (patch, expected) in rows {
        let plan = planned(&changed(&base, &patch));
        let (status, message) = message(&plan, SUPPORTED);
        assert!(status == "False" && message.contains(expected), "{message}");
        assert_eq!(steps(&plan), Vec::<String>::new(), "{expected}");
        assert_eq!(
            plan.notices
                .iter()
                .filter(|notice| notice.reason == "NotSupported")
                .count(),
            1
        );
    }
    let workers = json!({"machineSets": [{"name": "control-plane", "role": "ControlPlane", "replicas": 1},
        {"name": "worker", "role": "Worker", "replicas": 5}]});
    assert_eq!(
        steps(&planned(&changed(&base, &workers))),
        ["set shop-worker"],
        "workers may be more"
    );
}

#[test]
fn what_cannot_be_installed_gets_no_machines() {
    let endpoint = json!({"host": "api.example", "port": 6443});
    let rows = [
        json!({"controlPlaneEndpoint": endpoint, "machineSets": [{"name": "cp", "role": "ControlPlane", "replicas": 3}]}),
        json!({"componentConfig": {"scheduler": {"parallelism": 1}}}),
        json!({"etcd": {"topology": "Stacked", "backup": {"schedule": "0 0 * * *"}}}),
        json!({"loadBalancer": {"type": "Machines"}}),
    ];
    for patch in rows {
        let plan = planned(&changed(&nothing_yet(fixtures::deployment()), &patch));
        assert_eq!(message(&plan, SUPPORTED).0, "False", "{patch}");
        assert!(
            !steps(&plan).iter().any(|step| step.starts_with("set ")),
            "{patch}: {:?}",
            steps(&plan)
        );
    }
}

#[test]
fn a_set_taken_out_of_the_spec_is_deleted_and_a_count_left_open_stays() {
    let base = installed();
    let one = json!({"machineSets": [{"name": "control-plane", "role": "ControlPlane", "replicas": 1}]});
    assert_eq!(steps(&planned(&changed(&base, &one))), ["delete set shop-worker"]);
    let open = json!({"machineSets": [{"name": "control-plane", "role": "ControlPlane", "replicas": 1},
        {"name": "worker", "role": "Worker", "labels": {"a": "b"}}]});
    let plan = planned(&changed(&base, &open));
    let [Step::ApplyMachineSet(set)] = plan.steps.as_slice() else {
        panic!("{:?}", plan.steps)
    };
    assert_eq!(set.spec.replicas, Some(2));
}

#[test]
fn a_deletion_goes_stage_by_stage() {
    let run: PlaybookRun = serde_json::from_value(json!({
        "apiVersion": "slipway.io/v1alpha1", "kind": "PlaybookRun", "metadata": {"name": "install-1"},
        "spec": {"clusterRef": {"name": "shop"}, "operation": "Install"},
    }))
    .unwrap();
    let mut observed = installed();
    let mut deployment = ClusterDeployment::clone(&observed.deployment);
    deployment.metadata.deletion_timestamp = Some(fixtures::time(1));
    observed.deployment = Arc::new(deployment);
    observed.runs = vec![Arc::new(run.clone())];
    assert_eq!(steps(&planned(&observed)), ["cancel install-1"]);
    assert_eq!(planned(&observed).status.phase, Some(ClusterPhase::Deleting));

    let mut cancelled = run;
    cancelled.spec.cancel = true;
    observed.runs = vec![Arc::new(cancelled.clone())];
    assert_eq!(
        steps(&planned(&observed)),
        Vec::<String>::new(),
        "waits for it to stop"
    );
    cancelled.status = Some(serde_json::from_value(json!({"phase": "Cancelled"})).unwrap());
    observed.runs = vec![Arc::new(cancelled)];
    assert_eq!(
        steps(&planned(&observed)),
        ["delete set shop-control-plane", "delete set shop-worker"]
    );

    observed.sets.clear();
    assert_eq!(
        steps(&planned(&observed)),
        Vec::<String>::new(),
        "a machine is still claimed"
    );
    observed.machines.clear();
    let last = steps(&planned(&observed));
    assert!(
        last.contains(&"delete run install-1".to_owned())
            && last.contains(&"delete secret shop-ca".to_owned())
    );
    observed.runs.clear();
    observed.secrets.clear();
    assert_eq!(steps(&planned(&observed)), ["delete cluster"]);
    observed.cluster = None;
    assert_eq!(steps(&planned(&observed)), ["let go"]);

    let paused = changed(&installed(), &json!({"paused": true}));
    let mut deployment = ClusterDeployment::clone(&paused.deployment);
    deployment.metadata.deletion_timestamp = Some(fixtures::time(1));
    let paused = Observed {
        deployment: Arc::new(deployment),
        ..paused
    };
    assert_eq!(
        steps(&planned(&paused)),
        Vec::<String>::new(),
        "a paused cluster starts no reset either"
    );
}

#[test]
fn a_cluster_that_is_not_new_tells_the_same_again_and_says_it_once() {
    let mut observed = installed();
    let first = planned(&observed);
    let mut deployment = ClusterDeployment::clone(&observed.deployment);
    deployment.status = Some(first.status.clone());
    observed.deployment = Arc::new(deployment);
    let second = plan(&observed, &fixtures::time(60));
    assert_eq!(second.status, first.status);
    assert!(second.notices.is_empty(), "{:?}", second.notices);
    let before = observed
        .cluster
        .as_ref()
        .and_then(|cluster| cluster.status.clone());
    assert_eq!(second.cluster_status, before);
}

#[test]
fn a_cluster_whose_etcd_is_not_well_is_not_ready_and_says_why() {
    let mut observed = installed();
    let is_claimed = NewCondition {
        kind: MACHINES_CLAIMED,
        status: Some(true),
        reason: reasons::AS_WANTED,
        message: "",
        observed_generation: None,
    };
    for set in &mut observed.sets {
        let set = Arc::make_mut(set);
        let status = set.status.get_or_insert_default();
        status.observed_generation = set.metadata.generation;
        conditions::set(&mut status.conditions, &is_claimed, &fixtures::time(0));
    }
    let mut cluster = Cluster::clone(observed.cluster.as_ref().unwrap());
    let sick = NewCondition {
        kind: ETCD_HEALTHY,
        status: Some(false),
        reason: reasons::UNHEALTHY,
        message: "etcd failed",
        observed_generation: None,
    };
    let status = cluster.status.as_mut().unwrap();
    conditions::set(&mut status.conditions, &sick, &fixtures::time(0));
    observed.cluster = Some(Arc::new(cluster));
    assert_eq!(
        message(&planned(&observed), READY),
        ("False".to_owned(), "etcd is not healthy: etcd failed".to_owned())
    );
}

#[test]
fn a_cluster_object_keeps_its_owner_and_its_finalizer() {
    let mut observed = installed();
    let stripped = Cluster {
        metadata: fixtures::metadata("shop"),
        spec: ClusterSpec {},
        status: Some(ClusterStatus::default()),
    };
    observed.cluster = Some(Arc::new(stripped));
    assert_eq!(steps(&planned(&observed))[0], "cluster");
}
