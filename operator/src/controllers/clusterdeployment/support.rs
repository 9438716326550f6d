//! Which parts of a spec this version of the operator can carry out.

use slipway_api::{
    ClusterDeploymentSpec, ClusterStatus, MachineRole, MachineSet,
    cluster::Installed,
    cluster_deployment::{EtcdTopology, LoadBalancerType},
    conditions::{self, CONTROL_PLANE_INITIALIZED},
};

/// What the cluster was installed with, once its control plane is there.
pub fn installed(status: Option<&ClusterStatus>) -> Option<&Installed> {
    let status = status?;
    conditions::is_true(&status.conditions, CONTROL_PLANE_INITIALIZED)
        .then_some(status.installed.as_ref())
        .flatten()
}

/// What of `spec` cannot be carried out, each with what happens instead; nothing where all can.
///
/// `control_plane` is the MachineSet that holds the control plane now.
pub fn unsupported(
    spec: &ClusterDeploymentSpec,
    installed: Option<&Installed>,
    control_plane: Option<&MachineSet>,
    control_plane_name: &str,
) -> Vec<String> {
    match installed {
        None => unsupported_at_installation(spec),
        Some(installed) => unsupported_changes(spec, installed, control_plane, control_plane_name),
    }
}

fn unsupported_at_installation(spec: &ClusterDeploymentSpec) -> Vec<String> {
    let mut problems = Vec::new();
    let control_planes = wanted_control_planes(spec);
    if control_planes != 1 {
        problems.push(format!("{control_planes} control planes: one is supported"));
    }
    if spec.etcd.topology == EtcdTopology::External {
        problems.push("etcd.topology External: Stacked is supported".to_owned());
    }
    if spec.etcd.backup.is_some() {
        problems.push("etcd.backup: leave it out".to_owned());
    }
    if spec.load_balancer.kind == LoadBalancerType::Machines {
        problems.push("loadBalancer.type Machines: External is supported".to_owned());
    }
    let config = &spec.component_config;
    for (name, patch) in [
        ("apiServer", &config.api_server),
        ("controllerManager", &config.controller_manager),
        ("scheduler", &config.scheduler),
    ] {
        if !patch.is_empty() {
            problems.push(format!(
                "componentConfig.{name}: kubelet and kubeProxy are supported"
            ));
        }
    }
    problems
}

fn unsupported_changes(
    spec: &ClusterDeploymentSpec,
    installed: &Installed,
    control_plane: Option<&MachineSet>,
    control_plane_name: &str,
) -> Vec<String> {
    let mut problems = Vec::new();
    if spec.kubernetes_version != installed.kubernetes_version {
        problems.push(format!(
            "kubernetesVersion {}: the cluster stays at {}",
            spec.kubernetes_version, installed.kubernetes_version
        ));
    }
    if spec.component_config != installed.component_config {
        problems.push("componentConfig: the cluster keeps what it was installed with".to_owned());
    }
    let control_planes = wanted_control_planes(spec);
    if control_planes != installed.control_planes {
        problems.push(format!(
            "{control_planes} control planes: the cluster keeps {}",
            installed.control_planes
        ));
    }
    if let Some(set) = control_plane.and_then(|set| set.metadata.name.as_deref())
        && set != control_plane_name
    {
        problems.push(format!(
            "another machine set for the control plane: {set} is kept"
        ));
    }
    problems
}

/// How many control planes the spec asks for; an entry that leaves it open asks for one.
fn wanted_control_planes(spec: &ClusterDeploymentSpec) -> i32 {
    spec.control_plane().and_then(|set| set.replicas).unwrap_or(1)
}

/// The MachineSet of `sets` that holds the control plane.
pub fn control_plane<'a>(mut sets: impl Iterator<Item = &'a MachineSet>) -> Option<&'a MachineSet> {
    sets.find(|set| set.spec.role == MachineRole::ControlPlane)
}
