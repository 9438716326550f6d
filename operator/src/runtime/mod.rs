//! What every controller stands on, and the life of the process.

pub mod admin;
pub mod args;
pub mod backoff;
pub mod business;
pub mod controller;
pub mod error;
pub mod events;
pub mod lease;
pub mod metrics;
pub mod shutdown;
pub mod telemetry;
pub mod watches;
pub mod write;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use kube::Client;
use tokio::{net::TcpListener, task::JoinSet};

pub use self::{
    args::Arguments,
    business::BusinessClients,
    controller::Controller,
    error::{Doing, Error},
    events::{Events, Notice},
    metrics::Metrics,
    shutdown::Shutdown,
    watches::{Watch, Watches},
};
use crate::controllers;

/// How long work that has begun may go on after the operator was told to stop.
const GRACE: Duration = Duration::from_secs(20);
/// How often the watches are asked whether they have listed everything.
const READY_POLL: Duration = Duration::from_millis(50);

/// What the controllers share.
#[derive(Debug)]
pub struct Context {
    /// Client of the metadata cluster.
    pub client: ContextClient,
    /// The command line.
    pub settings: Arguments,
    /// The one watch of each kind.
    pub watches: Watches,
    /// The one recorder of Events.
    pub events: Events,
    /// Clients of business clusters; see [`Context::business_client`].
    pub business: BusinessClients,
    /// The metrics.
    pub metrics: Metrics,
    /// Tells when to stop.
    pub shutdown: Shutdown,
}

/// A kube client that can be shown in a debug print.
#[derive(Clone)]
pub struct ContextClient(pub Client);

impl std::ops::Deref for ContextClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

impl std::fmt::Debug for ContextClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Client")
    }
}

impl Context {
    /// A client of the business cluster `namespace`/`cluster`; nothing while it has no kubeconfig Secret.
    ///
    /// # Errors
    /// When the Secret cannot be read or holds no kubeconfig. Whether the cluster answers is another question.
    pub async fn business_client(&self, namespace: &str, cluster: &str) -> Result<Option<Client>, Error> {
        self.business
            .client(&self.client, &self.watches, namespace, cluster)
            .await
    }

    /// The time, read once by a reconcile and given to its plan.
    pub fn now(&self) -> Time {
        // Kubernetes keeps whole seconds.
        Time(Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default())
    }
}

/// Runs the operator until SIGINT or SIGTERM.
///
/// # Errors
/// When no API server is configured, the admin port is taken, or the Lease is lost.
pub async fn run_process(arguments: Arguments) -> anyhow::Result<()> {
    let client = Client::try_default()
        .await
        .context("find the metadata cluster by in-cluster configuration or KUBECONFIG")?;
    let (handle, shutdown) = shutdown::channel();
    tokio::spawn(async move {
        match shutdown::terminated().await {
            Ok(signal) => tracing::info!("{signal}: finishing the work that has begun"),
            Err(error) => tracing::error!("signals cannot be listened for: {error}"),
        }
        handle.request();
    });
    run(client, arguments, shutdown).await
}

/// Runs the operator against `client` until `shutdown`: watches first, then the Lease, then the controllers.
///
/// # Errors
/// When the admin port is taken or the Lease is lost.
pub async fn run(client: Client, arguments: Arguments, shutdown: Shutdown) -> anyhow::Result<()> {
    let listener = TcpListener::bind(arguments.admin_address)
        .await
        .with_context(|| format!("listen on {} (--admin-address)", arguments.admin_address))?;
    let lease = lease::LeaseManager::new(
        client.clone(),
        &arguments.lease_namespace,
        &arguments.lease_name,
        &arguments.identity,
        arguments.lease_duration,
    );
    let context = Arc::new(Context {
        watches: Watches::start(&client, arguments.namespace.as_deref()),
        events: Events::new(client.clone(), &arguments.identity),
        business: BusinessClients::default(),
        metrics: Metrics::new(),
        settings: arguments,
        shutdown: shutdown.clone(),
        client: ContextClient(client),
    });
    tracing::info!(
        identity = context.settings.identity,
        "started, waiting for the Lease"
    );
    let mut admin = tokio::spawn(admin::serve(listener, Arc::clone(&context), shutdown.clone()));
    let leader = async {
        wait_for_watches(&context.watches).await;
        lease.acquire().await
    };
    tokio::select! {
        () = shutdown.clone().requested() => Ok(()),
        served = &mut admin => served.context("the admin server panicked")?.context("the admin server failed"),
        leadership = leader => lead(leadership, &context).await,
    }
}

/// A watch that has not listed everything would make absent objects of unseen ones.
async fn wait_for_watches(watches: &Watches) {
    while !watches.waiting_for().is_empty() {
        tokio::time::sleep(READY_POLL).await;
    }
}

/// Runs the controllers while the Lease is held.
async fn lead(mut leadership: lease::Leadership, context: &Arc<Context>) -> anyhow::Result<()> {
    tracing::info!(controllers = context.settings.controllers.join(","), "leads");
    context.metrics.set_leader(true);
    let mut running = JoinSet::new();
    for name in &context.settings.controllers {
        running.spawn(controllers::run(name, Arc::clone(context))?);
    }
    tokio::select! {
        lost = leadership.hold() => {
            // Another replica may be at work already: stop at once, without finishing anything.
            running.shutdown().await;
            context.metrics.set_leader(false);
            return Err(lost.into());
        }
        () = finish(&mut running, context.shutdown.clone()) => {}
    }
    leadership.vacate().await;
    context.metrics.set_leader(false);
    Ok(())
}

/// Waits for shutdown, then for the controllers to finish what they have begun.
async fn finish(running: &mut JoinSet<()>, shutdown: Shutdown) {
    shutdown.requested().await;
    let all = async { while running.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all).await.is_err() {
        tracing::warn!(
            "some work did not end within {} seconds and is cut short",
            GRACE.as_secs()
        );
        running.shutdown().await;
    }
}
