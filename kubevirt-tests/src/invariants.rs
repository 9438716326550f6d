//! What must be true at every moment, whatever a scenario does (design: I1, I2, I4, I6, I8, I9).

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use slipway_api::{MachinePhase, RunPhase, labels};

use crate::state::State;

/// The shortest secret that is looked for; shorter ones are found by chance in any text.
const SHORTEST_SECRET: usize = 16;

/// Asserts what one moment can show.
pub fn hold(state: &State) -> Result<()> {
    no_machine_is_in_two_clusters(state)?;
    one_run_at_a_time(state)?;
    no_dirty_machine_is_idle(state)
}

/// I1: a slot of a set has one machine, and a machine is in one slot.
fn no_machine_is_in_two_clusters(state: &State) -> Result<()> {
    let mut slots = BTreeMap::new();
    for machine in &state.machines {
        let Some(claim) = &machine.spec.claim_ref else {
            continue;
        };
        ensure!(
            claim.epoch == machine.spec.claim_epoch,
            "I1: {} is claimed with epoch {}, its own is {}",
            machine.name_any(),
            claim.epoch,
            machine.spec.claim_epoch
        );
        if let Some(other) = slots.insert((claim.uid.clone(), claim.slot), machine.name_any()) {
            anyhow::bail!(
                "I1: {other} and {} fill slot {} of {}",
                machine.name_any(),
                claim.slot,
                claim.name
            );
        }
    }
    Ok(())
}

/// I2: at most one run works on a cluster, and one on a host; a run has one Job, and a Job one living pod.
fn one_run_at_a_time(state: &State) -> Result<()> {
    let mut clusters = BTreeMap::new();
    let mut hosts = BTreeMap::new();
    for run in state.runs.iter().filter(|run| run.phase() == RunPhase::Running) {
        if let Some(cluster) = &run.spec.cluster_ref
            && let Some(other) = clusters.insert(cluster.name.clone(), run.name_any())
        {
            anyhow::bail!(
                "I2: {other} and {} work on cluster {} at once",
                run.name_any(),
                cluster.name
            );
        }
        for host in &run.spec.hosts {
            if let Some(other) = hosts.insert(host.machine.clone(), run.name_any()) {
                anyhow::bail!(
                    "I2: {other} and {} work on host {} at once",
                    run.name_any(),
                    host.machine
                );
            }
        }
    }
    let mut jobs = BTreeMap::new();
    for job in &state.jobs {
        let Some(run) = job.labels().get(labels::RUN_UID) else {
            continue;
        };
        if let Some(other) = jobs.insert(run.clone(), job.name_any()) {
            anyhow::bail!("I2: {other} and {} are Jobs of one run", job.name_any());
        }
    }
    let mut pods = BTreeMap::new();
    for pod in &state.pods {
        let Some(run) = pod.labels().get(labels::RUN_UID) else {
            continue;
        };
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        if !matches!(phase, Some("Succeeded" | "Failed"))
            && let Some(other) = pods.insert(run.clone(), pod.name_any())
        {
            anyhow::bail!("I2: {other} and {} carry out one run at once", pod.name_any());
        }
    }
    Ok(())
}

/// I4: what may be claimed was reset since its last claim. A machine that was claimed this moment still shows the phase Idle.
fn no_dirty_machine_is_idle(state: &State) -> Result<()> {
    for machine in state
        .machines
        .iter()
        .filter(|machine| machine.phase() == Some(MachinePhase::Idle) && machine.spec.claim_ref.is_none())
    {
        ensure!(
            machine.is_clean(),
            "I4: {} is Idle and was not cleaned",
            machine.name_any()
        );
    }
    Ok(())
}

/// I6: no part of a Secret stands in any other object, or in the output of an executor.
pub fn no_secret_is_told(state: &State, logs: &BTreeMap<String, String>) -> Result<()> {
    let mut texts: Vec<(String, String)> = Vec::new();
    let mut add = |what: String, object: serde_json::Result<serde_json::Value>| -> Result<()> {
        // Compared without JSON's escapes: a key in PEM has several lines.
        texts.push((what, unescaped(&object?)));
        Ok(())
    };
    for one in &state.config_maps {
        add(format!("ConfigMap {}", one.name_any()), serde_json::to_value(one))?;
    }
    for one in &state.runs {
        add(
            format!("PlaybookRun {}", one.name_any()),
            serde_json::to_value(one),
        )?;
    }
    for one in &state.machines {
        add(format!("Machine {}", one.name_any()), serde_json::to_value(one))?;
    }
    for one in &state.clusters {
        add(format!("Cluster {}", one.name_any()), serde_json::to_value(one))?;
    }
    for one in &state.deployments {
        add(
            format!("ClusterDeployment {}", one.name_any()),
            serde_json::to_value(one),
        )?;
    }
    for one in &state.events {
        add(format!("Event {}", one.name_any()), serde_json::to_value(one))?;
    }
    for one in &state.jobs {
        add(format!("Job {}", one.name_any()), serde_json::to_value(one))?;
    }
    for one in &state.pods {
        add(format!("Pod {}", one.name_any()), serde_json::to_value(one))?;
    }
    texts.extend(
        logs.iter()
            .map(|(pod, log)| (format!("the log of {pod}"), log.clone())),
    );
    for secret in &state.secrets {
        for (key, needle) in needles(secret) {
            for (what, text) in &texts {
                ensure!(
                    !text.contains(&needle),
                    "I6: {what} holds a part of {key} of Secret {}",
                    secret.name_any()
                );
            }
        }
    }
    Ok(())
}

/// Every string in a value, one after the other.
fn unescaped(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => format!("{text}\n"),
        serde_json::Value::Array(items) => items.iter().map(unescaped).collect(),
        serde_json::Value::Object(fields) => fields.values().map(unescaped).collect(),
        _ => String::new(),
    }
}

/// What would give a Secret away: a line from the middle of each private key, and whole tokens.
fn needles(secret: &Secret) -> Vec<(String, String)> {
    let mut needles = Vec::new();
    for (key, value) in secret.data.iter().flatten() {
        let text = String::from_utf8_lossy(&value.0);
        let mut private = false;
        for line in text.lines() {
            if line.contains("-----BEGIN") {
                private = line.contains("PRIVATE KEY");
            } else if private && !line.contains("-----") && line.trim().len() >= SHORTEST_SECRET {
                needles.push((key.clone(), line.trim().to_owned()));
            }
        }
        if key.contains("token-secret") && text.trim().len() >= SHORTEST_SECRET {
            needles.push((key.clone(), text.trim().to_owned()));
        }
    }
    needles
}

/// I8: nothing of a deleted cluster is there.
pub fn nothing_is_left(state: &State, cluster: &str) -> Result<()> {
    fn left<K: ResourceExt>(what: &str, objects: &[K], cluster: &str) -> Result<()> {
        let of_cluster = |one: &&K| {
            one.labels()
                .get(labels::CLUSTER)
                .is_some_and(|name| name == cluster)
        };
        let names: Vec<String> = objects
            .iter()
            .filter(of_cluster)
            .map(ResourceExt::name_any)
            .collect();
        ensure!(
            names.is_empty(),
            "I8: {what} of cluster {cluster} are left: {}",
            names.join(", ")
        );
        Ok(())
    }
    ensure!(
        state.deployment(cluster).is_none(),
        "I8: ClusterDeployment {cluster} is left"
    );
    ensure!(
        !state.clusters.iter().any(|one| one.name_any() == cluster),
        "I8: Cluster {cluster} is left"
    );
    left("MachineSets", &state.sets, cluster)?;
    left("PlaybookRuns", &state.runs, cluster)?;
    left("Jobs", &state.jobs, cluster)?;
    left("pods", &state.pods, cluster)?;
    left("Secrets", &state.secrets, cluster)?;
    left("ConfigMaps", &state.config_maps, cluster)?;
    let claimed = state.machines_of(cluster);
    ensure!(
        claimed.is_empty(),
        "I8: {} machines are still claimed by {cluster}",
        claimed.len()
    );
    Ok(())
}
