//! The decision: given what is wanted and what is there, what is to be written?

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::{Resource, ResourceExt};
use slipway_api::{
    Cluster, ClusterDeployment, ClusterDeploymentStatus, ClusterSpec, ClusterStatus, MachineRole, MachineSet,
    MachineSetSpec, Operation,
    cluster_deployment::MachineSetTemplate,
    conditions::CONTROL_PLANE_INITIALIZED,
    labels,
    names::{self, ClusterSecrets},
    references::{Endpoint, NameReference},
};

use super::{observe::Observed, secrets, summary, support};
use crate::runtime::Notice;

/// One thing to write.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Hold the ClusterDeployment until its machines are clean.
    AddFinalizer,
    /// Make the Cluster, or put back what was taken from it.
    ApplyCluster(Box<Cluster>),
    /// Make or change a MachineSet.
    ApplyMachineSet(Box<MachineSet>),
    /// Take a MachineSet down; it gives its machines back before it goes.
    DeleteMachineSet(String),
    /// Make those of the Secrets that are missing.
    MakeTrust(Vec<String>),
    /// Make the administrator's kubeconfig.
    MakeKubeconfig(Endpoint),
    /// Stop a run at a task boundary.
    CancelRun(String),
    /// Delete a run that has ended.
    DeleteRun(String),
    /// Delete a Secret of the cluster.
    DeleteSecret(String),
    /// Delete the Cluster and let it go.
    DeleteCluster,
    /// Let the ClusterDeployment go.
    RemoveFinalizer,
}

/// What is to be written, in this order; the status last.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What to write beside the two statuses.
    pub steps: Vec<Step>,
    /// The Cluster's status, with what this controller knows put in.
    pub cluster_status: Option<ClusterStatus>,
    /// The ClusterDeployment's status.
    pub status: ClusterDeploymentStatus,
    /// What to tell.
    pub notices: Vec<Notice>,
}

/// Labels of every object that belongs to `cluster`.
pub fn labels(cluster: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        (labels::CLUSTER.to_owned(), cluster.to_owned()),
        (
            labels::MANAGED_BY.to_owned(),
            labels::MANAGED_BY_SLIPWAY.to_owned(),
        ),
    ])
}

/// Decides what to write.
pub fn plan(observed: &Observed, now: &Time) -> Plan {
    let deployment = &observed.deployment;
    let cluster_status = observed
        .cluster
        .as_ref()
        .and_then(|cluster| cluster.status.as_ref());
    if deployment.metadata.deletion_timestamp.is_some() {
        let (steps, waits_for) = teardown(observed);
        let (status, notices) = summary::of_a_deletion(observed, &waits_for, now);
        return Plan {
            steps,
            cluster_status: None,
            status,
            notices,
        };
    }
    let name = deployment.name_any();
    let endpoint = endpoint(observed);
    let control_plane_name = deployment
        .spec
        .control_plane()
        .map(|set| names::machine_set(&name, &set.name))
        .unwrap_or_default();
    let unsupported = support::unsupported(
        &deployment.spec,
        support::installed(cluster_status),
        support::control_plane(observed.sets.iter().map(|set| &**set)),
        &control_plane_name,
    );
    let trust = trust(observed, endpoint.as_ref());
    let mut steps = Vec::new();
    if !deployment
        .finalizers()
        .iter()
        .any(|name| name == labels::CLUSTER_DEPLOYMENT_FINALIZER)
    {
        steps.push(Step::AddFinalizer);
    }
    if !deployment.spec.paused {
        steps.extend(cluster_step(observed));
        if unsupported.is_empty() || !observed.sets.is_empty() {
            steps.extend(set_steps(observed));
        }
        steps.extend(trust.step.clone());
    }
    let next_cluster_status = observed.cluster.as_ref().map(|cluster| {
        let mut next = cluster.status.clone().unwrap_or_default();
        next.endpoint = next.endpoint.or(endpoint);
        if next.kubeconfig_secret_ref.is_none() && trust.problem.is_none() {
            next.kubeconfig_secret_ref = Some(NameReference::new(ClusterSecrets::of(&name).kubeconfig));
        }
        next
    });
    let (status, notices) = summary::of_a_cluster(
        observed,
        next_cluster_status.as_ref(),
        &unsupported,
        trust.problem.as_deref(),
        now,
    );
    Plan {
        steps,
        cluster_status: next_cluster_status,
        status,
        notices,
    }
}

/// Where the API server is reached: fixed once known; else as the spec says; else the only control plane's own address.
fn endpoint(observed: &Observed) -> Option<Endpoint> {
    let known = observed
        .cluster
        .as_ref()
        .and_then(|cluster| cluster.status.as_ref()?.endpoint.clone());
    known
        .or_else(|| observed.deployment.spec.control_plane_endpoint.clone())
        .or_else(|| {
            let claimed = observed.machines.iter().find(|machine| {
                !super::super::machine_state::is_releasing(machine)
                    && machine
                        .spec
                        .claim_ref
                        .as_ref()
                        .is_some_and(|claim| claim.role == MachineRole::ControlPlane && claim.slot == 0)
            })?;
            Some(Endpoint {
                host: claimed.spec.address.clone(),
                port: Endpoint::DEFAULT_PORT,
            })
        })
}

/// What to do about the Secrets, and what is still the matter with them.
struct Trust {
    step: Option<Step>,
    problem: Option<String>,
}

fn trust(observed: &Observed, endpoint: Option<&Endpoint>) -> Trust {
    let name = observed.deployment.name_any();
    let missing: Vec<String> = secrets::trust_names(&name)
        .into_iter()
        .filter(|secret| !observed.secrets.contains(secret))
        .collect();
    let status = observed
        .cluster
        .as_ref()
        .and_then(|cluster| cluster.status.as_ref());
    let was_installed = status.is_some_and(|status| {
        status.installed.is_some()
            || slipway_api::conditions::is_true(&status.conditions, CONTROL_PLANE_INITIALIZED)
    });
    if !missing.is_empty() && was_installed {
        // New authorities would lock everybody out of the cluster that trusts the old ones.
        let problem = format!(
            "Secrets of an installed cluster are missing, restore them: {}",
            missing.join(", ")
        );
        return Trust {
            step: None,
            problem: Some(problem),
        };
    }
    if !missing.is_empty() {
        return Trust {
            step: Some(Step::MakeTrust(missing)),
            problem: Some("keys are being made".to_owned()),
        };
    }
    if observed.secrets.contains(&ClusterSecrets::of(&name).kubeconfig) {
        return Trust {
            step: None,
            problem: None,
        };
    }
    match endpoint {
        Some(endpoint) => Trust {
            step: Some(Step::MakeKubeconfig(endpoint.clone())),
            problem: Some("the kubeconfig is being made".to_owned()),
        },
        None => Trust {
            step: None,
            problem: Some("waits for the control plane's machine, whose address is the endpoint".to_owned()),
        },
    }
}

fn cluster_step(observed: &Observed) -> Option<Step> {
    let deployment = &observed.deployment;
    let wanted = Cluster {
        metadata: ObjectMeta {
            finalizers: Some(vec![labels::CLUSTER_DEPLOYMENT_FINALIZER.to_owned()]),
            ..owned(deployment, &deployment.name_any())
        },
        spec: ClusterSpec {},
        status: None,
    };
    let is_there = observed.cluster.as_ref().is_some_and(|cluster| {
        cluster.metadata.deletion_timestamp.is_some() || has_metadata(&cluster.metadata, &wanted.metadata)
    });
    (!is_there).then(|| Step::ApplyCluster(Box::new(wanted)))
}

fn set_steps(observed: &Observed) -> Vec<Step> {
    let deployment = &observed.deployment;
    let cluster = deployment.name_any();
    let status = observed
        .cluster
        .as_ref()
        .and_then(|cluster| cluster.status.as_ref());
    let installed = support::installed(status);
    // The control plane of an installed cluster stays where it is, as large as it is.
    let kept = installed
        .and_then(|_| support::control_plane(observed.sets.iter().map(|set| &**set)))
        .map(ResourceExt::name_any);
    let mut steps = Vec::new();
    let mut wanted_names = Vec::new();
    // The control plane first: the other sets wait for its machines.
    let mut templates: Vec<&MachineSetTemplate> = deployment.spec.machine_sets.iter().collect();
    templates.sort_by_key(|template| template.role);
    for template in templates {
        let name = names::machine_set(&cluster, &template.name);
        if template.role == MachineRole::ControlPlane && kept.as_ref().is_some_and(|kept| *kept != name) {
            continue;
        }
        wanted_names.push(name.clone());
        let existing = observed.sets.iter().find(|set| set.name_any() == name);
        let replicas = match installed {
            Some(installed) if template.role == MachineRole::ControlPlane => Some(installed.control_planes),
            _ => template.replicas,
        };
        let wanted = machine_set(deployment, &name, template, replicas, existing.map(|set| &**set));
        let is_there = existing.is_some_and(|set| {
            set.metadata.deletion_timestamp.is_some()
                || (set.spec == wanted.spec && has_metadata(&set.metadata, &wanted.metadata))
        });
        if !is_there {
            steps.push(Step::ApplyMachineSet(Box::new(wanted)));
        }
    }
    for set in &observed.sets {
        let name = set.name_any();
        let is_kept = wanted_names.contains(&name) || kept.as_ref() == Some(&name);
        if !is_kept && set.metadata.deletion_timestamp.is_none() {
            steps.push(Step::DeleteMachineSet(name));
        }
    }
    steps
}

/// The MachineSet of a template. Where nobody gives a count, the one that is there is written again, with the
/// resourceVersion that it was seen at: left out, it would fall back to its default.
fn machine_set(
    deployment: &ClusterDeployment,
    name: &str,
    template: &MachineSetTemplate,
    replicas: Option<i32>,
    existing: Option<&MachineSet>,
) -> MachineSet {
    let mut metadata = owned(deployment, name);
    metadata
        .labels
        .get_or_insert_default()
        .insert(labels::ROLE.to_owned(), template.role.to_string());
    metadata.resource_version = existing.and_then(ResourceExt::resource_version);
    MachineSet {
        metadata,
        spec: MachineSetSpec {
            cluster_name: deployment.name_any(),
            role: template.role,
            replicas: replicas.or_else(|| existing.and_then(|set| set.spec.replicas)),
            selector: template.selector.clone(),
            labels: template.labels.clone(),
            taints: template.taints.clone(),
        },
        status: None,
    }
}

/// Metadata of an object that belongs to `deployment`.
fn owned(deployment: &ClusterDeployment, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: deployment.namespace(),
        labels: Some(labels(&deployment.name_any())),
        owner_references: deployment.controller_owner_ref(&()).map(|owner| vec![owner]),
        ..ObjectMeta::default()
    }
}

/// Whether `there` has all labels, owners and finalizers of `wanted`.
fn has_metadata(there: &ObjectMeta, wanted: &ObjectMeta) -> bool {
    fn has_all<T: PartialEq>(there: Option<&Vec<T>>, wanted: Option<&Vec<T>>) -> bool {
        wanted
            .into_iter()
            .flatten()
            .all(|item| there.is_some_and(|there| there.contains(item)))
    }
    let has_labels = wanted
        .labels
        .iter()
        .flatten()
        .all(|(key, value)| there.labels.as_ref().and_then(|labels| labels.get(key)) == Some(value));
    has_labels
        && has_all(there.owner_references.as_ref(), wanted.owner_references.as_ref())
        && has_all(there.finalizers.as_ref(), wanted.finalizers.as_ref())
}

/// The next steps of taking a cluster down, and what it waits for. Each stage is over before the next begins: runs end,
/// machines are given back, then everything else goes.
fn teardown(observed: &Observed) -> (Vec<Step>, String) {
    let deployment = &observed.deployment;
    if deployment.spec.paused {
        return (
            Vec::new(),
            "it is paused: set spec.paused to false to let the deletion go on".to_owned(),
        );
    }
    let unfinished: Vec<_> = observed
        .runs
        .iter()
        .filter(|run| run.spec.operation != Operation::Reset && !run.phase().is_finished())
        .collect();
    if !unfinished.is_empty() {
        let cancel = unfinished
            .iter()
            .filter(|run| !run.spec.cancel)
            .map(|run| Step::CancelRun(run.name_any()));
        let names: Vec<String> = unfinished.iter().map(|run| run.name_any()).collect();
        return (
            cancel.collect(),
            format!("PlaybookRun {} to stop", names.join(", ")),
        );
    }
    if !observed.sets.is_empty() || !observed.machines.is_empty() {
        let delete = observed
            .sets
            .iter()
            .filter(|set| set.metadata.deletion_timestamp.is_none())
            .map(|set| Step::DeleteMachineSet(set.name_any()));
        return (delete.collect(), summary::machines_to_release(observed));
    }
    let mut steps: Vec<Step> = Vec::new();
    for run in observed
        .runs
        .iter()
        .filter(|run| run.metadata.deletion_timestamp.is_none())
    {
        steps.push(Step::DeleteRun(run.name_any()));
    }
    for secret in &observed.secrets {
        steps.push(Step::DeleteSecret(secret.clone()));
    }
    if !observed.runs.is_empty() {
        return (steps, "the records of its runs to go".to_owned());
    }
    if observed.cluster.is_some() {
        steps.push(Step::DeleteCluster);
    }
    if !observed.secrets.is_empty() || observed.cluster.is_some() {
        return (steps, "its Secrets and its Cluster to go".to_owned());
    }
    if deployment
        .finalizers()
        .iter()
        .any(|name| name == labels::CLUSTER_DEPLOYMENT_FINALIZER)
    {
        steps.push(Step::RemoveFinalizer);
    }
    (steps, "nothing more".to_owned())
}
