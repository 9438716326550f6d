//! Clients of business clusters, made from their kubeconfig Secrets and kept while the Secret does not change.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, Config, ResourceExt,
    config::{KubeConfigOptions, Kubeconfig},
};
use slipway_api::names::ClusterSecrets;

use super::{
    error::{Doing, Error},
    watches::Watches,
};

/// Key of a kubeconfig Secret, as Cluster API names it.
pub const KUBECONFIG_KEY: &str = "value";
/// How long a connection to a business cluster may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a business cluster may take to answer.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// A client and the version of the Secret that it was made from.
struct Cached {
    version: String,
    client: Client,
}

/// Clients by namespace and name of the cluster. Connections and keys are used again from one reconcile to the next.
#[derive(Default)]
pub struct BusinessClients {
    clients: Mutex<HashMap<(String, String), Cached>>,
}

impl BusinessClients {
    /// A client of the cluster `namespace`/`cluster`; nothing if it has no kubeconfig Secret (yet, or any more).
    ///
    /// # Errors
    /// When the Secret cannot be read or holds no kubeconfig.
    pub async fn client(
        &self,
        metadata: &Client,
        watches: &Watches,
        namespace: &str,
        cluster: &str,
    ) -> Result<Option<Client>, Error> {
        let name = ClusterSecrets::of(cluster).kubeconfig;
        let key = (namespace.to_owned(), cluster.to_owned());
        let seen = watches.secrets.get(namespace, &name);
        let Some(version) = seen.and_then(|secret| secret.resource_version()) else {
            self.lock().remove(&key);
            return Ok(None);
        };
        if let Some(cached) = self.lock().get(&key).filter(|cached| cached.version == version) {
            return Ok(Some(cached.client.clone()));
        }
        let secrets: Api<Secret> = Api::namespaced(metadata.clone(), namespace);
        let doing = || format!("read Secret {namespace}/{name}");
        let Some(secret) = secrets.get_opt(&name).await.doing(doing)? else {
            return Ok(None);
        };
        let client = Client::try_from(config(&secret).await?)
            .map_err(|_| invalid(&secret, "names no usable server or credentials"))?;
        let version = secret.resource_version().unwrap_or_default();
        self.lock().insert(
            key,
            Cached {
                version,
                client: client.clone(),
            },
        );
        Ok(Some(client))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Cached>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the cluster of a kubeconfig Secret is reached. Errors never quote the kubeconfig.
///
/// # Errors
/// When the Secret holds no kubeconfig.
pub async fn config(secret: &Secret) -> Result<Config, Error> {
    let bytes = secret
        .data
        .as_ref()
        .and_then(|data| data.get(KUBECONFIG_KEY))
        .ok_or_else(|| invalid(secret, &format!("key `{KUBECONFIG_KEY}` is missing")))?;
    let text = std::str::from_utf8(&bytes.0).map_err(|_| invalid(secret, "is not text"))?;
    let kubeconfig = Kubeconfig::from_yaml(text).map_err(|_| invalid(secret, "is not a kubeconfig"))?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|_| invalid(secret, "has no usable current context"))?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    // "Too many requests" is what a PodDisruptionBudget answers: it is to be told, not to be slept over.
    config.default_retry = false;
    Ok(config)
}

fn invalid(secret: &Secret, why: &str) -> Error {
    let namespace = secret.namespace().unwrap_or_default();
    Error::Invalid(format!(
        "the kubeconfig in Secret {namespace}/{}: {why}",
        secret.name_any()
    ))
}

impl std::fmt::Debug for BusinessClients {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BusinessClients").finish_non_exhaustive()
    }
}
