//! One watch for each kind, shared by every controller.
//!
//! A [`Watch`] keeps a store of its kind, pruned of what no controller reads, and tells whoever asks which object was
//! touched: written or deleted. Following the news is no obligation: a controller that is slow, or a replica that does not
//! lead, never holds the watch up. Whoever falls behind is told so, and then looks at everything.

use std::{fmt::Debug, sync::Arc};

use futures::{Stream, StreamExt, TryStreamExt, stream};
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{Pod, Secret},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::PartialObjectMeta,
    core::{DeserializeGuard, NamespaceResourceScope},
    runtime::{
        WatchStreamExt,
        reflector::{self, ObjectRef, Store},
        watcher::{self, Event},
    },
};
use serde::de::DeserializeOwned;
use slipway_api::{Cluster, ClusterDeployment, Machine, MachineSet, PlaybookRun, labels};
use tokio::{sync::broadcast, task::JoinSet};

/// How far a reader of touched objects may fall behind before it is told to look at everything.
const BACKLOG: usize = 1024;
/// What `kubectl apply` notes about itself; as large as the object and read by no controller.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What happened to objects of a kind.
#[derive(Clone, Debug)]
pub enum Touched<K> {
    /// This object was created, changed or deleted.
    One(Arc<K>),
    /// Any object may have been: the watch was started anew, or the reader fell behind.
    Any,
}

/// The one watch of a kind.
#[derive(Debug)]
pub struct Watch<K>
where
    K: Resource<DynamicType = ()> + 'static,
{
    store: Store<K>,
    news: broadcast::Sender<Touched<K>>,
}

impl<K> Clone for Watch<K>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            news: self.news.clone(),
        }
    }
}

impl<K> Watch<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
{
    /// Starts to watch `api` in a task of `tasks`. An object that cannot be read is logged and left out, so that one
    /// bad object does not stop its kind.
    pub fn start(api: Api<DeserializeGuard<K>>, config: watcher::Config, tasks: &mut JoinSet<()>) -> Self
    where
        K: DeserializeOwned,
    {
        let readable = watcher::watcher(api, config).try_filter_map(|event| {
            std::future::ready(Ok(match event {
                Event::Apply(guard) => readable(guard).map(Event::Apply),
                Event::Delete(guard) => readable(guard).map(Event::Delete),
                Event::InitApply(guard) => readable(guard).map(Event::InitApply),
                Event::Init => Some(Event::Init),
                Event::InitDone => Some(Event::InitDone),
            }))
        });
        Self::follow(readable, tasks)
    }

    /// Follows a stream of watch events in a task of `tasks`.
    pub fn follow(
        events: impl Stream<Item = watcher::Result<Event<K>>> + Send + 'static,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let (store, writer) = reflector::store();
        let (news, _) = broadcast::channel(BACKLOG);
        let sender = news.clone();
        tasks.spawn(async move {
            let kind = K::kind(&());
            let reflected = events.default_backoff().modify(prune).reflect(writer);
            futures::pin_mut!(reflected);
            while let Some(event) = reflected.next().await {
                let touched = match event {
                    Ok(Event::Apply(object) | Event::Delete(object)) => Touched::One(Arc::new(object)),
                    Ok(Event::InitDone) => Touched::Any,
                    Ok(Event::Init | Event::InitApply(_)) => continue,
                    Err(error) => {
                        tracing::warn!(%kind, "the watch is interrupted and starts again: {error}");
                        continue;
                    }
                };
                // An error means that nobody listens now.
                let _ = sender.send(touched);
            }
        });
        Self { store, news }
    }

    /// The objects as last seen.
    pub fn store(&self) -> &Store<K> {
        &self.store
    }

    /// The object `namespace`/`name` as last seen.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.store.get(&ObjectRef::new(name).within(namespace))
    }

    /// The objects of `namespace` that `wanted` says yes to.
    pub fn in_namespace(&self, namespace: &str, wanted: impl Fn(&K) -> bool) -> Vec<Arc<K>> {
        self.store
            .state_filter(|object| object.meta().namespace.as_deref() == Some(namespace) && wanted(object))
    }

    /// Whether everything there is was listed once.
    pub fn is_ready(&self) -> bool {
        use futures::FutureExt;
        self.store.wait_until_ready().now_or_never().is_some()
    }

    /// What is touched from now on, beginning with [`Touched::Any`].
    pub fn touched(&self) -> impl Stream<Item = Touched<K>> + Send + use<K> {
        let first = stream::once(std::future::ready(Touched::Any));
        first.chain(stream::unfold(self.news.subscribe(), |mut news| async move {
            match news.recv().await {
                Ok(touched) => Some((touched, news)),
                Err(broadcast::error::RecvError::Lagged(_)) => Some((Touched::Any, news)),
                Err(broadcast::error::RecvError::Closed) => None,
            }
        }))
    }
}

fn readable<K: Resource<DynamicType = ()>>(guard: DeserializeGuard<K>) -> Option<K> {
    match guard.0 {
        Ok(object) => Some(object),
        Err(invalid) => {
            let kind = K::kind(&());
            let name = invalid.metadata.name.unwrap_or_default();
            tracing::warn!(
                "{kind} {name} cannot be read and is left alone: {}",
                invalid.error
            );
            None
        }
    }
}

fn prune<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
    if let Some(annotations) = object.meta_mut().annotations.as_mut() {
        annotations.remove(LAST_APPLIED);
    }
}

/// The API of `K` in one namespace, or in all.
pub fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// Every watch of the operator. Of Jobs, Pods and Secrets only those that Slipway made, and of Secrets only their
/// metadata: nothing secret is kept in memory.
#[derive(Debug)]
pub struct Watches {
    /// Every ClusterDeployment.
    pub cluster_deployments: Watch<ClusterDeployment>,
    /// Every Cluster.
    pub clusters: Watch<Cluster>,
    /// Every MachineSet.
    pub machine_sets: Watch<MachineSet>,
    /// Every Machine.
    pub machines: Watch<Machine>,
    /// Every PlaybookRun.
    pub playbook_runs: Watch<PlaybookRun>,
    /// Jobs of executors.
    pub jobs: Watch<Job>,
    /// Pods of executors.
    pub pods: Watch<Pod>,
    /// Secrets of clusters and executors, their metadata only.
    pub secrets: Watch<PartialObjectMeta<Secret>>,
    // The watches end with this.
    _tasks: JoinSet<()>,
}

impl Watches {
    /// Starts every watch, in one namespace or in all.
    pub fn start(client: &Client, namespace: Option<&str>) -> Self {
        let mut tasks = JoinSet::new();
        let all = watcher::Config::default;
        let ours = || all().labels(&format!("{}={}", labels::MANAGED_BY, labels::MANAGED_BY_SLIPWAY));
        let secrets = watcher::watcher(api::<PartialObjectMeta<Secret>>(client, namespace), ours());
        Self {
            cluster_deployments: Watch::start(api(client, namespace), all(), &mut tasks),
            clusters: Watch::start(api(client, namespace), all(), &mut tasks),
            machine_sets: Watch::start(api(client, namespace), all(), &mut tasks),
            machines: Watch::start(api(client, namespace), all(), &mut tasks),
            playbook_runs: Watch::start(api(client, namespace), all(), &mut tasks),
            jobs: Watch::start(api(client, namespace), ours(), &mut tasks),
            pods: Watch::start(api(client, namespace), ours(), &mut tasks),
            secrets: Watch::follow(secrets, &mut tasks),
            _tasks: tasks,
        }
    }

    /// The kinds that were not listed yet: their definitions are missing, or the operator may not read them.
    pub fn waiting_for(&self) -> Vec<&'static str> {
        [
            ("ClusterDeployment", self.cluster_deployments.is_ready()),
            ("Cluster", self.clusters.is_ready()),
            ("MachineSet", self.machine_sets.is_ready()),
            ("Machine", self.machines.is_ready()),
            ("PlaybookRun", self.playbook_runs.is_ready()),
            ("Job", self.jobs.is_ready()),
            ("Pod", self.pods.is_ready()),
            ("Secret", self.secrets.is_ready()),
        ]
        .into_iter()
        .filter_map(|(kind, ready)| (!ready).then_some(kind))
        .collect()
    }
}

/// The name and namespace of `object` as a reference to an object of kind `K` in the same namespace.
pub fn beside<R: Resource, K: Resource<DynamicType = ()>>(object: &R, name: &str) -> ObjectRef<K> {
    ObjectRef::new(name).within(&object.namespace().unwrap_or_default())
}
