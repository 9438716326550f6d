//! Gives a PlaybookRun whose turn it is its executor: inventory, secrets, Job.
//!
//! Every object has a name that follows from the run and is made with `create`, so that a crash after any of them, or a
//! second operator, finds them there and goes on.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, ResourceExt as _, api::PostParams, core::NamespaceResourceScope, runtime::controller::Action,
};
use serde::{Serialize, de::DeserializeOwned};
use slipway_api::{
    ClusterDeployment, ClusterDeploymentSpec, Machine, MachineRole, Operation, PlaybookRun,
    PlaybookRunStatus, RunPhase, Taint,
    conditions::{self, NewCondition, reasons},
    labels,
    names::{self, ClusterSecrets},
    playbook_run::{RunCode, RunResultStatus},
    references::ObjectReference,
};
use slipway_trust::{BootstrapToken, ClusterTrust, KeyPairPem, ServiceAccountKeyPem};

use super::{bootstrap_token, queue::Admitted};
use crate::{
    executor::{self, ClusterInputs, HostInputs, Inputs},
    runtime::{Context, Doing as _, Error, Notice, write},
};

/// Key of a Secret of type `kubernetes.io/ssh-auth`.
const SSH_KEY: &str = "ssh-privatekey";

/// Starts `run` if it waits and its turn has come.
pub(super) async fn reconcile(
    run: Arc<PlaybookRun>,
    admitted: Arc<Admitted>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let waits = run.phase() == RunPhase::Pending
        && run.status.as_ref().is_none_or(|status| status.job_ref.is_none())
        && run.metadata.deletion_timestamp.is_none();
    if !waits {
        return Ok(Action::await_change());
    }
    if run.spec.cancel {
        let cancelled = RunResultStatus {
            code: RunCode::Cancelled,
            exit_code: None,
            message: Some("cancelled before it began".to_owned()),
            hosts_omitted: 0,
        };
        finish(&run, RunPhase::Cancelled, cancelled, &context).await?;
        return Ok(Action::await_change());
    }
    let namespace = run.namespace().unwrap_or_default();
    let others = context
        .watches
        .playbook_runs
        .in_namespace(&namespace, |other| !other.phase().is_finished());
    if is_paused(&run, &namespace, &context) || !admitted.admit(&run, &others) {
        return Ok(Action::await_change());
    }
    match start(&run, &namespace, &context).await {
        Ok(()) => Ok(Action::await_change()),
        // What the run refers to is wrong: it ends, with the reason, and the plan decides what is next.
        Err(Error::Invalid(message)) => {
            let invalid = RunResultStatus {
                code: RunCode::ExecutorFailed,
                exit_code: None,
                message: Some(message),
                hosts_omitted: 0,
            };
            finish(&run, RunPhase::Failed, invalid, &context).await?;
            Ok(Action::await_change())
        }
        Err(error) => {
            if !error.is_conflict() {
                say_what_it_waits_for(&run, &error.to_string(), &context).await?;
            }
            Err(error)
        }
    }
}

/// Whether the run's cluster is paused. Machines that leave it are reset all the same.
fn is_paused(run: &PlaybookRun, namespace: &str, context: &Context) -> bool {
    let reference = run.spec.cluster_ref.as_ref();
    let deployments = &context.watches.cluster_deployments;
    let deployment = reference.and_then(|reference| deployments.get(namespace, &reference.name));
    run.spec.operation != Operation::Reset && deployment.is_some_and(|deployment| deployment.spec.paused)
}

/// Records why a run whose turn it is cannot begin yet, such as a cluster that does not answer and is to be joined.
async fn say_what_it_waits_for(run: &PlaybookRun, why: &str, context: &Context) -> Result<(), Error> {
    let mut status = run.status.clone().unwrap_or_default();
    let waits = NewCondition {
        kind: conditions::JOB_CREATED,
        status: Some(false),
        reason: reasons::WAITING,
        message: why,
        observed_generation: run.metadata.generation,
    };
    conditions::set(&mut status.conditions, &waits, &context.now());
    write::status(&context.client, run, run.status.as_ref(), &status).await?;
    Ok(())
}

async fn start(run: &PlaybookRun, namespace: &str, context: &Context) -> Result<(), Error> {
    let deployment = deployment(run, namespace, context)?;
    let machines = machines(run, deployment.as_deref(), namespace, context)?;
    let mut ssh_keys = BTreeMap::new();
    for machine in &machines {
        let name = &machine.spec.ssh.key_secret_ref.name;
        if !ssh_keys.contains_key(name) {
            let secret = secret(namespace, name, context).await?;
            if let Some(key) = text(&secret, SSH_KEY) {
                ssh_keys.insert(name.clone(), key);
            }
        }
    }
    let prepared = match &deployment {
        Some(deployment) => Some(prepare(run, deployment, namespace, context).await?),
        None => None,
    };
    let sets = context.watches.machine_sets.in_namespace(namespace, |_| true);
    let nothing: (BTreeMap<String, String>, Vec<Taint>) = Default::default();
    let hosts = machines.iter().map(|machine| {
        let claim = machine.spec.claim_ref.as_ref();
        let set = claim.and_then(|claim| {
            sets.iter()
                .find(|set| set.metadata.name.as_deref() == Some(claim.name.as_str()))
        });
        HostInputs {
            machine,
            epoch: epoch(run, machine),
            first_control_plane: claim
                .is_some_and(|claim| claim.role == MachineRole::ControlPlane && claim.slot == 0),
            labels: set.map_or(&nothing.0, |set| &set.spec.labels),
            taints: set.map_or(&nothing.1, |set| &set.spec.taints),
        }
    });
    let image = deployment
        .as_ref()
        .and_then(|deployment| deployment.spec.executor.image.clone());
    let cluster = deployment.as_ref().zip(prepared.as_ref());
    let endpoint = deployment
        .as_ref()
        .and_then(|deployment| endpoint(deployment, namespace, context));
    let names = cluster.map(|(deployment, _)| (deployment.name_any(), deployment.uid().unwrap_or_default()));
    let inputs = Inputs {
        run,
        cluster: cluster
            .zip(names.as_ref())
            .map(|((_, prepared), (name, uid))| ClusterInputs {
                name,
                uid,
                spec: &prepared.spec,
                endpoint: endpoint.as_ref(),
                trust: prepared.trust.as_ref(),
                bootstrap_token: prepared.token.as_ref(),
            }),
        hosts: hosts.collect(),
        ssh_keys,
        image: image.as_deref().unwrap_or(&context.settings.executor_image),
        resources: deployment
            .as_ref()
            .and_then(|deployment| deployment.spec.executor.resources.clone()),
    };
    let executor = executor::build(&inputs).map_err(|error| Error::Invalid(error.to_string()))?;
    // From here on the run does not go before its result was read.
    let held = if run
        .finalizers()
        .iter()
        .any(|finalizer| finalizer == labels::PLAYBOOK_RUN_FINALIZER)
    {
        run.clone()
    } else {
        write::add_finalizer(&context.client, run, labels::PLAYBOOK_RUN_FINALIZER).await?
    };
    create(namespace, &executor.config_map, run, context).await?;
    create(namespace, &executor.secret, run, context).await?;
    let job = create(namespace, &executor.job, run, context).await?;
    let mut status = run.status.clone().unwrap_or_default();
    status.observed_generation = run.metadata.generation;
    status.phase = Some(RunPhase::Pending);
    status.job_ref = Some(ObjectReference {
        name: names::job(&run.name_any()),
        uid: job.uid(),
    });
    let created = NewCondition {
        kind: conditions::JOB_CREATED,
        status: Some(true),
        reason: reasons::AS_WANTED,
        message: "the executor's Job exists",
        observed_generation: run.metadata.generation,
    };
    conditions::set(&mut status.conditions, &created, &context.now());
    write::status(&context.client, &held, run.status.as_ref(), &status).await?;
    Ok(())
}

/// What the executor needs of the cluster and what it takes to get it.
struct Prepared {
    spec: ClusterDeploymentSpec,
    trust: Option<ClusterTrust>,
    token: Option<BootstrapToken>,
}

async fn prepare(
    run: &PlaybookRun,
    deployment: &ClusterDeployment,
    namespace: &str,
    context: &Context,
) -> Result<Prepared, Error> {
    let mut spec = deployment.spec.clone();
    let name = deployment.name_any();
    let cluster = context.watches.clusters.get(namespace, &name);
    // A change that is not supported leaves the cluster what it is.
    if let Some(installed) = cluster.and_then(|cluster| cluster.status.as_ref()?.installed.clone()) {
        spec.kubernetes_version = installed.kubernetes_version;
        spec.component_config = installed.component_config;
    }
    let operation = run.spec.operation;
    if !executor::installs(operation) {
        return Ok(Prepared {
            spec,
            trust: None,
            token: None,
        });
    }
    let secrets = ClusterSecrets::of(&name);
    let trust = ClusterTrust {
        cluster_ca: key_pair(namespace, &secrets.cluster_ca, context).await?,
        etcd_ca: key_pair(namespace, &secrets.etcd_ca, context).await?,
        front_proxy_ca: key_pair(namespace, &secrets.front_proxy_ca, context).await?,
        service_account: {
            let pair = key_pair(namespace, &secrets.service_account, context).await?;
            ServiceAccountKeyPem {
                key: pair.key,
                public: pair.cert,
            }
        },
    };
    let token = match operation {
        Operation::Install => {
            let secret = secret(namespace, &secrets.bootstrap_token, context).await?;
            let part = |key| required(&secret, namespace, &secrets.bootstrap_token, key);
            Some(BootstrapToken {
                id: part("token-id")?,
                secret: part("token-secret")?,
            })
        }
        Operation::ScaleOut => Some(bootstrap_token::create(run, namespace, &name, context).await?),
        _ => None,
    };
    Ok(Prepared {
        spec,
        trust: Some(trust),
        token,
    })
}

/// The ClusterDeployment of the run; none for a run of no cluster.
fn deployment(
    run: &PlaybookRun,
    namespace: &str,
    context: &Context,
) -> Result<Option<Arc<ClusterDeployment>>, Error> {
    let Some(reference) = &run.spec.cluster_ref else {
        return Ok(None);
    };
    let found = context
        .watches
        .cluster_deployments
        .get(namespace, &reference.name);
    let Some(found) = found.filter(|found| reference.uid.is_none() || reference.uid == found.uid()) else {
        return Err(Error::Invalid(format!(
            "the ClusterDeployment {namespace}/{} of this run does not exist",
            reference.name
        )));
    };
    Ok(Some(found))
}

/// The machines of the run: those it names, or every machine of the cluster.
fn machines(
    run: &PlaybookRun,
    deployment: Option<&ClusterDeployment>,
    namespace: &str,
    context: &Context,
) -> Result<Vec<Arc<Machine>>, Error> {
    let cluster = deployment.map(kube::ResourceExt::name_any);
    let claimed_by = |machine: &Machine| {
        machine
            .spec
            .claim_ref
            .as_ref()
            .map(|claim| claim.cluster_name.clone())
    };
    if run.spec.hosts.is_empty() {
        let mut all = context
            .watches
            .machines
            .in_namespace(namespace, |machine| claimed_by(machine) == cluster);
        all.sort_by_key(|machine| machine.name_any());
        return Ok(all);
    }
    let mut machines = Vec::with_capacity(run.spec.hosts.len());
    for host in &run.spec.hosts {
        let Some(machine) = context.watches.machines.get(namespace, &host.machine) else {
            return Err(Error::Invalid(format!(
                "Machine {namespace}/{} of this run does not exist",
                host.machine
            )));
        };
        let epoch = machine.spec.claim_epoch;
        if host.epoch.is_some_and(|wanted| wanted != epoch) {
            return Err(Error::Invalid(format!(
                "this run was made for another claim of Machine {namespace}/{}: its claim epoch is {epoch} now",
                host.machine
            )));
        }
        if cluster.is_some() && claimed_by(&machine) != cluster {
            return Err(Error::Invalid(format!(
                "Machine {namespace}/{} does not belong to cluster {}",
                host.machine,
                cluster.unwrap_or_default()
            )));
        }
        machines.push(machine);
    }
    Ok(machines)
}

fn epoch(run: &PlaybookRun, machine: &Machine) -> i64 {
    let name = machine.name_any();
    let named = run.spec.hosts.iter().find(|host| host.machine == name);
    named
        .and_then(|host| host.epoch)
        .unwrap_or(machine.spec.claim_epoch)
}

fn endpoint(
    deployment: &ClusterDeployment,
    namespace: &str,
    context: &Context,
) -> Option<slipway_api::references::Endpoint> {
    let cluster = context.watches.clusters.get(namespace, &deployment.name_any());
    let recorded = cluster.and_then(|cluster| cluster.status.as_ref()?.endpoint.clone());
    recorded.or_else(|| deployment.spec.control_plane_endpoint.clone())
}

async fn key_pair(namespace: &str, name: &str, context: &Context) -> Result<KeyPairPem, Error> {
    let secret = secret(namespace, name, context).await?;
    Ok(KeyPairPem {
        cert: required(&secret, namespace, name, "tls.crt")?,
        key: required(&secret, namespace, name, "tls.key")?,
    })
}

async fn secret(namespace: &str, name: &str, context: &Context) -> Result<Secret, Error> {
    let secrets = Api::<Secret>::namespaced((*context.client).clone(), namespace);
    let found = secrets
        .get_opt(name)
        .await
        .doing(|| format!("read Secret {namespace}/{name}"))?;
    found.ok_or_else(|| Error::Invalid(format!("Secret {namespace}/{name} does not exist")))
}

fn required(secret: &Secret, namespace: &str, name: &str, key: &str) -> Result<String, Error> {
    text(secret, key).ok_or_else(|| Error::Invalid(format!("Secret {namespace}/{name} has no key {key}")))
}

fn text(secret: &Secret, key: &str) -> Option<String> {
    let bytes = secret.data.as_ref()?.get(key)?;
    String::from_utf8(bytes.0.clone()).ok()
}

/// Creates an object of the executor, or takes the one that is there, if it is this run's.
async fn create<K>(namespace: &str, object: &K, run: &PlaybookRun, context: &Context) -> Result<K, Error>
where
    K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned,
{
    let api = Api::<K>::namespaced((*context.client).clone(), namespace);
    let name = object.name_any();
    let doing = || format!("create {} {namespace}/{name}", K::kind(&()));
    match api.create(&PostParams::default(), object).await {
        Err(kube::Error::Api(status)) if status.code == 409 => {
            let there = api.get(&name).await.doing(doing)?;
            if there.labels().get(labels::RUN_UID) == run.metadata.uid.as_ref() {
                Ok(there)
            } else {
                Err(Error::Invalid(format!(
                    "{} {namespace}/{name} exists and is not of this run; delete it",
                    K::kind(&())
                )))
            }
        }
        result => result.doing(doing),
    }
}

/// Ends a run that never had an executor.
async fn finish(
    run: &PlaybookRun,
    phase: RunPhase,
    result: RunResultStatus,
    context: &Context,
) -> Result<(), Error> {
    let message = result.message.clone().unwrap_or_default();
    let now = context.now();
    let mut status: PlaybookRunStatus = run.status.clone().unwrap_or_default();
    status.observed_generation = run.metadata.generation;
    status.phase = Some(phase);
    status.finished_at = Some(now.clone());
    status.result = Some(result);
    let succeeded = NewCondition {
        kind: conditions::SUCCEEDED,
        status: Some(false),
        reason: if phase == RunPhase::Cancelled {
            reasons::CANCELLED
        } else {
            reasons::INVALID_REFERENCE
        },
        message: &message,
        observed_generation: run.metadata.generation,
    };
    conditions::set(&mut status.conditions, &succeeded, &now);
    if write::status(&context.client, run, run.status.as_ref(), &status).await? && phase == RunPhase::Failed {
        context
            .events
            .publish(run, &Notice::warning("RunFailed", message))
            .await;
    }
    Ok(())
}
