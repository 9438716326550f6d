//! Which addons are rendered to what, and what is to be done about each?
//!
//! 1. Nothing is done while the cluster is not available, is paused or is being deleted.
//! 2. What an addon is about to put into the cluster is recorded first, so that no crash can make it forget an object.
//! 3. An addon whose manifests are as they were applied last is left alone.
//! 4. An addon waits for those that it depends on. One that is wrong holds up only those.
//! 5. Objects that are no longer rendered, and all of an addon that was taken out, are deleted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Map, Value, json};
use slipway_api::{
    Cluster, ClusterDeployment, ClusterStatus,
    cluster::{AddonPhase, AddonStatus, AppliedObject},
    cluster_deployment::Addon,
    conditions::{self, NewCondition, reasons},
};

use super::{
    manifest::{self, Manifest},
    template,
};
use crate::runtime::Notice;

/// Longest message in an addon's status, in bytes.
const MAXIMUM_MESSAGE: usize = 2000;

/// What was observed.
#[derive(Debug)]
pub struct Observed {
    /// The time.
    pub now: Time,
    /// What is wanted.
    pub deployment: Arc<ClusterDeployment>,
    /// What was recorded.
    pub cluster: Arc<Cluster>,
    /// Templates and values of each addon, by its name, or what is the matter with them.
    pub sources: BTreeMap<String, Result<Source, String>>,
}

/// What an addon is made from.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Name and text of each template, in order.
    pub templates: Vec<(String, String)>,
    /// What the templates see as `values`.
    pub values: Map<String, Value>,
}

/// Something to do in the business cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// Name of the addon.
    pub addon: String,
    /// What to apply, in order; nothing for an addon that was taken out.
    pub apply: Vec<Manifest>,
    /// Hash of what is applied; nothing for an addon that was taken out.
    pub hash: Option<String>,
    /// What to delete then, in order.
    pub delete: Vec<AppliedObject>,
}

/// The plan.
#[derive(Debug)]
pub struct Plan {
    /// The Cluster's status before any of the work is done.
    pub status: ClusterStatus,
    /// What to do once the status is written. A status that records new objects is written first, and looked at again.
    pub work: Vec<Work>,
}

/// Decides.
#[must_use]
pub fn plan(observed: &Observed) -> Plan {
    let mut status = observed.cluster.status.clone().unwrap_or_default();
    let before = std::mem::take(&mut status.addons);
    let spec = &observed.deployment.spec;
    let known = |name: &str| before.iter().find(|addon| addon.name == name);
    if spec.paused || observed.deployment.metadata.deletion_timestamp.is_some() {
        status.addons = before;
        return Plan {
            status,
            work: Vec::new(),
        };
    }
    let is_available = conditions::is_true(&status.conditions, conditions::AVAILABLE);
    let rendered: BTreeMap<&str, Result<Vec<Manifest>, String>> = spec
        .addons
        .iter()
        .map(|addon| (addon.name.as_str(), render(observed, addon)))
        .collect();
    let mut work = Vec::new();
    let mut is_recorded = true;
    for addon in &spec.addons {
        let mut next = known(&addon.name)
            .cloned()
            .unwrap_or_else(|| new_status(&addon.name));
        let manifests = match &rendered[addon.name.as_str()] {
            Ok(manifests) => manifests,
            Err(message) => {
                set(&mut next, AddonPhase::Failed, Some(message));
                status.addons.push(next);
                continue;
            }
        };
        let hash = manifest::hash(manifests);
        if next.phase == AddonPhase::Applied && next.applied_hash.as_deref() == Some(&hash) {
            status.addons.push(next);
            continue;
        }
        let waits_for = if is_available {
            waits_for(addon, &rendered, &before)
        } else {
            Some("the cluster is not available yet".to_owned())
        };
        if let Some(reason) = waits_for {
            set(&mut next, AddonPhase::Pending, Some(&format!("waits: {reason}")));
            status.addons.push(next);
            continue;
        }
        let recorded = next.objects.len();
        for manifest in manifests {
            if !next.objects.contains(&manifest.object) {
                next.objects.push(manifest.object.clone());
            }
        }
        if next.objects.len() > manifest::MAXIMUM_OBJECTS {
            let message = "too many of its objects change at once: change them in two steps";
            set(&mut next, AddonPhase::Failed, Some(message));
            next.objects.truncate(recorded);
            status.addons.push(next);
            continue;
        }
        if next.objects.len() > recorded {
            is_recorded = false;
            set(&mut next, AddonPhase::Pending, Some("is being applied"));
        }
        work.push(Work {
            addon: addon.name.clone(),
            apply: manifests.clone(),
            hash: Some(hash),
            delete: Vec::new(),
        });
        status.addons.push(next);
    }
    for gone in before
        .iter()
        .filter(|known| !spec.addons.iter().any(|addon| addon.name == known.name))
    {
        let mut next = gone.clone();
        if gone.objects.is_empty() {
            continue;
        }
        if next.phase != AddonPhase::Removing {
            set(&mut next, AddonPhase::Removing, None);
        }
        if is_available {
            work.push(Work {
                addon: gone.name.clone(),
                apply: Vec::new(),
                hash: None,
                delete: Vec::new(),
            });
        }
        status.addons.push(next);
    }
    let wanted = wanted_by(&rendered, &status);
    for item in &mut work {
        item.delete = superfluous(item, &status, &wanted);
    }
    if !is_recorded {
        work.clear();
    }
    set_condition(observed, &mut status);
    Plan { status, work }
}

/// The status after the work, given what went wrong with each piece of it.
#[must_use]
pub fn after(observed: &Observed, plan: &Plan, failures: &BTreeMap<String, String>) -> ClusterStatus {
    let mut status = plan.status.clone();
    for work in &plan.work {
        let Some(addon) = status.addons.iter_mut().find(|addon| addon.name == work.addon) else {
            continue;
        };
        match (failures.get(&work.addon), &work.hash) {
            (Some(message), Some(_)) => set(addon, AddonPhase::Failed, Some(message)),
            (Some(message), None) => set(addon, AddonPhase::Removing, Some(message)),
            (None, Some(hash)) => {
                addon.objects = work
                    .apply
                    .iter()
                    .map(|manifest| manifest.object.clone())
                    .collect();
                addon.applied_hash = Some(hash.clone());
                set(addon, AddonPhase::Applied, None);
            }
            (None, None) => addon.objects.clear(),
        }
    }
    status
        .addons
        .retain(|addon| addon.phase != AddonPhase::Removing || !addon.objects.is_empty());
    set_condition(observed, &mut status);
    status
}

/// What people are told about the difference between two statuses.
#[must_use]
pub fn notices(before: &[AddonStatus], next: &[AddonStatus]) -> Vec<Notice> {
    let mut notices = Vec::new();
    for addon in next {
        let known = before.iter().find(|known| known.name == addon.name);
        let changed = known.is_none_or(|known| known.phase != addon.phase);
        let upgraded = known.is_some_and(|known| known.applied_hash != addon.applied_hash);
        let message = addon.message.as_deref().unwrap_or_default();
        match addon.phase {
            AddonPhase::Applied if changed || upgraded => notices.push(Notice::normal(
                "AddonApplied",
                format!("addon {} is applied: {} objects", addon.name, addon.objects.len()),
            )),
            AddonPhase::Failed if changed => {
                notices.push(Notice::warning(
                    "AddonFailed",
                    format!("addon {}: {message}", addon.name),
                ));
            }
            _ => {}
        }
    }
    let gone = before
        .iter()
        .filter(|known| !next.iter().any(|addon| addon.name == known.name));
    notices
        .extend(gone.map(|addon| Notice::normal("AddonRemoved", format!("addon {} is removed", addon.name))));
    notices
}

fn new_status(name: &str) -> AddonStatus {
    AddonStatus {
        name: name.to_owned(),
        phase: AddonPhase::Pending,
        applied_hash: None,
        objects: Vec::new(),
        message: None,
    }
}

fn set(addon: &mut AddonStatus, phase: AddonPhase, message: Option<&str>) {
    addon.phase = phase;
    addon.message = message.map(|message| slipway_report::shorten(message, MAXIMUM_MESSAGE));
}

fn render(observed: &Observed, addon: &Addon) -> Result<Vec<Manifest>, String> {
    let source = match observed.sources.get(&addon.name) {
        Some(Ok(source)) => source,
        Some(Err(message)) => return Err(message.clone()),
        None => return Err("its templates were not read".to_owned()),
    };
    if let Some(circle) = circle(&observed.deployment.spec.addons, addon) {
        return Err(format!("addons depend on each other in a circle: {circle}"));
    }
    let data = json!({ "cluster": facts(observed), "values": source.values });
    let rendered = template::render(&addon.name, &source.templates, &data)?;
    manifest::parse(&addon.name, &rendered)
}

/// What templates see as `cluster`.
fn facts(observed: &Observed) -> Value {
    let spec = &observed.deployment.spec;
    let status = observed.cluster.status.as_ref();
    let installed = status.and_then(|status| status.installed.as_ref());
    json!({
        "name": observed.deployment.metadata.name,
        "namespace": observed.deployment.metadata.namespace,
        "kubernetesVersion": installed.map_or(&spec.kubernetes_version, |installed| &installed.kubernetes_version),
        "endpoint": status.and_then(|status| status.endpoint.as_ref()),
        "network": spec.network,
        "artifacts": spec.artifacts,
    })
}

/// The way from `addon` along dependencies back to itself, if there is one.
fn circle(addons: &[Addon], addon: &Addon) -> Option<String> {
    let mut seen = BTreeSet::new();
    let mut paths = vec![vec![addon.name.as_str()]];
    while let Some(path) = paths.pop() {
        let last = path.last().copied().unwrap_or_default();
        let Some(current) = addons.iter().find(|known| known.name == last) else {
            continue;
        };
        for dependency in &current.depends_on {
            let mut longer = path.clone();
            longer.push(dependency);
            if *dependency == addon.name {
                return Some(longer.join(" → "));
            }
            if seen.insert(dependency.as_str()) {
                paths.push(longer);
            }
        }
    }
    None
}

/// What `addon` has to wait for.
fn waits_for(
    addon: &Addon,
    rendered: &BTreeMap<&str, Result<Vec<Manifest>, String>>,
    before: &[AddonStatus],
) -> Option<String> {
    addon.depends_on.iter().find_map(|name| {
        let Some(wanted) = rendered.get(name.as_str()) else {
            return Some(format!("it depends on {name}, which spec.addons does not name"));
        };
        let is_applied = wanted.as_ref().is_ok_and(|manifests| {
            let hash = manifest::hash(manifests);
            before.iter().any(|known| {
                known.name == *name
                    && known.phase == AddonPhase::Applied
                    && known.applied_hash.as_deref() == Some(&hash)
            })
        });
        (!is_applied).then(|| format!("it depends on {name}, which is not applied yet"))
    })
}

/// Which addons want each object: those that render it, and those that cannot be rendered now and have it.
fn wanted_by<'a>(
    rendered: &'a BTreeMap<&str, Result<Vec<Manifest>, String>>,
    status: &'a ClusterStatus,
) -> BTreeSet<&'a AppliedObject> {
    let mut wanted = BTreeSet::new();
    for (name, manifests) in rendered {
        if let Ok(manifests) = manifests {
            wanted.extend(manifests.iter().map(|manifest| &manifest.object));
        } else {
            let known = status.addons.iter().find(|addon| addon.name == *name);
            wanted.extend(known.iter().flat_map(|known| &known.objects));
        }
    }
    wanted
}

/// The objects that the addon has put into the cluster and nobody wants any more; the last applied goes first.
fn superfluous(work: &Work, status: &ClusterStatus, wanted: &BTreeSet<&AppliedObject>) -> Vec<AppliedObject> {
    let recorded = status.addons.iter().find(|addon| addon.name == work.addon);
    let objects = recorded.iter().flat_map(|addon| addon.objects.iter().rev());
    objects
        .filter(|object| !wanted.contains(object))
        .cloned()
        .collect()
}

/// `AddonsAvailable`: every addon is applied and none is left to remove. A cluster that never had one has no condition.
fn set_condition(observed: &Observed, status: &mut ClusterStatus) {
    let is_known = conditions::get(&status.conditions, conditions::ADDONS_AVAILABLE).is_some();
    if status.addons.is_empty() && !is_known {
        return;
    }
    let unfinished: Vec<&AddonStatus> = status
        .addons
        .iter()
        .filter(|addon| addon.phase != AddonPhase::Applied)
        .collect();
    let sentence = |addon: &AddonStatus| match &addon.message {
        Some(message) => format!("{} {}: {message}", addon.name, addon.phase),
        None => format!("{} {}", addon.name, addon.phase),
    };
    let (reason, message) = if unfinished.is_empty() {
        (
            reasons::AS_WANTED,
            format!("{} addons are applied", status.addons.len()),
        )
    } else {
        let failed = unfinished.iter().any(|addon| addon.phase == AddonPhase::Failed);
        let sentences: Vec<String> = unfinished.iter().map(|addon| sentence(addon)).collect();
        let reason = if failed {
            reasons::APPLY_FAILED
        } else {
            reasons::IN_PROGRESS
        };
        (reason, sentences.join("; "))
    };
    let new = NewCondition {
        kind: conditions::ADDONS_AVAILABLE,
        status: Some(unfinished.is_empty()),
        reason,
        message: &message,
        observed_generation: observed.deployment.metadata.generation,
    };
    conditions::set(&mut status.conditions, &new, &observed.now);
}
