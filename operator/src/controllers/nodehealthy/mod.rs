//! nodehealthy: watches over the Nodes of each business cluster, and says of each Machine whether its Node is Ready, and of
//! the Cluster whether its API server and etcd answer and when its certificates expire.
//!
//! Nodes are asked for at a steady, spread-out pace and not watched: a thousand clusters would be a thousand connections.
//! Where something is expected to change soon, the pace is quicker. Only transitions are written, no heartbeats.

mod act;
mod certificates;
mod etcd;
mod node;
mod observe;
mod plan;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{
    ResourceExt,
    runtime::{controller::Action, reflector::ObjectRef},
};
use slipway_api::{Cluster, MachinePhase};

use self::{certificates::Expiries, observe::Seen, plan::Pace};
use crate::runtime::{Context, Controller, Error, backoff::with_jitter, watches::beside};

/// Name of this controller in metrics, logs and field managers.
pub const NAME: &str = "nodehealthy";

/// Pace while a Node is about to become Ready.
const QUICK: Duration = Duration::from_secs(2);
/// Pace while all is as it should be.
const STEADY: Duration = Duration::from_secs(15);

/// What is kept in memory only: a new leader looks at every cluster anew.
#[derive(Debug, Default)]
struct Memory {
    silences: Silences,
    expiries: Expiries,
}

/// Since when clusters do not answer, by uid of the Cluster.
#[derive(Debug, Default)]
struct Silences(Mutex<HashMap<String, Time>>);

impl Silences {
    /// Notes whether a cluster has answered; says since when it has not.
    fn note(&self, uid: String, is_silent: bool, now: &Time) -> Option<Time> {
        let mut silences = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_silent {
            Some(silences.entry(uid).or_insert_with(|| now.clone()).clone())
        } else {
            silences.remove(&uid);
            None
        }
    }
}

/// Runs until shutdown.
pub async fn run(context: Arc<Context>) {
    let memory = Arc::new(Memory::default());
    let watches = &context.watches;
    Controller::new(NAME, &context, &watches.clusters)
        .related(&watches.machines, |machine| {
            // A machine that is being installed starts the watching over its cluster; then the pace is enough.
            let is_new = matches!(
                machine.phase(),
                Some(MachinePhase::Deploying | MachinePhase::Deployed)
            );
            let claim = machine.spec.claim_ref.iter().filter(|_| is_new);
            claim.map(|claim| beside(machine, &claim.cluster_name)).collect()
        })
        .related(&watches.machine_sets, |set| -> Vec<ObjectRef<Cluster>> {
            vec![beside(set, &set.spec.cluster_name)]
        })
        .run(move |cluster, context| reconcile(cluster, context, Arc::clone(&memory)))
        .await;
}

async fn reconcile(
    cluster: Arc<Cluster>,
    context: Arc<Context>,
    memory: Arc<Memory>,
) -> Result<Action, Error> {
    let Some(observed) = observe::observe(Arc::clone(&cluster), &memory.expiries, &context).await? else {
        return Ok(Action::await_change());
    };
    let now = context.now();
    let uid = cluster.uid().unwrap_or_default();
    let is_silent = matches!(observed.seen, Seen::Silent(_));
    let silent_since = memory.silences.note(uid.clone(), is_silent, &now);
    let plan = plan::plan(&observed, silent_since.as_ref(), &now);
    let pace = plan.pace;
    act::act(&observed, plan, &context).await?;
    Ok(Action::requeue(match pace {
        Pace::Quick => QUICK,
        Pace::Steady => with_jitter(STEADY, &(uid, now.0.as_second())),
    }))
}
