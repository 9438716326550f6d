//! When the certificates of a cluster expire: those that the operator made, and the one that the cluster's API server
//! shows. kubeadm makes and renews the certificates of a control plane together, so that one stands for all of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use k8s_openapi::{
    api::core::v1::Secret,
    apimachinery::pkg::apis::meta::v1::Time,
    jiff::{SignedDuration, Timestamp},
};
use kube::{Api, Config, ResourceExt, client::ConfigExt as _};
use slipway_api::{Cluster, names::ClusterSecrets};
use slipway_trust::{certificate_expiry, der_certificate_expiry, kubeconfig_expiry};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use crate::runtime::{Context, Doing as _, Error, business};

/// How often they are looked at.
const EVERY: SignedDuration = SignedDuration::from_hours(1);
/// How long an API server may take to show its certificate.
const LIMIT: Duration = Duration::from_secs(10);
/// Key of a certificate in a Secret of type `kubernetes.io/tls`.
const CERTIFICATE_KEY: &str = "tls.crt";

/// What was seen last of each cluster and when, by uid of the Cluster.
#[derive(Debug, Default)]
pub struct Expiries(Mutex<HashMap<String, Seen>>);

#[derive(Clone, Debug)]
struct Seen {
    at: Time,
    earliest: Time,
}

impl Expiries {
    /// When the first certificate of `cluster` expires; nothing where that cannot be told now.
    pub async fn earliest(&self, cluster: &Cluster, context: &Context) -> Option<Time> {
        let uid = cluster.uid().unwrap_or_default();
        let now = context.now();
        let known = self.lock().get(&uid).cloned();
        if let Some(known) = known.filter(|known| now.0.duration_since(known.at.0) < EVERY) {
            return Some(known.earliest);
        }
        match look(cluster, context).await {
            Ok(earliest) => {
                let seen = Seen {
                    at: now,
                    earliest: earliest.clone(),
                };
                self.lock().insert(uid, seen);
                Some(earliest)
            }
            Err(error) => {
                tracing::debug!("{error}");
                None
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn look(cluster: &Cluster, context: &Context) -> Result<Time, Error> {
    let namespace = cluster.namespace().unwrap_or_default();
    let names = ClusterSecrets::of(&cluster.name_any());
    let secrets = Api::<Secret>::namespaced(context.client.0.clone(), &namespace);
    let kubeconfig = read(&secrets, &names.kubeconfig).await?;
    let config = business::config(&kubeconfig).await?;
    let mut earliest = serving(&config).await.map_err(|error| {
        Error::other(
            format!("look at the certificate of {}", config.cluster_url),
            error,
        )
    })?;
    // A kubeconfig that somebody else made may hold a token instead of a certificate.
    if let Some(expiry) = kubeconfig_expiry(text(&kubeconfig, business::KUBECONFIG_KEY)?)
        .map_err(|error| unreadable(&kubeconfig, error))?
    {
        earliest = earliest.min(expiry);
    }
    for name in [&names.cluster_ca, &names.etcd_ca, &names.front_proxy_ca] {
        let secret = read(&secrets, name).await?;
        let expiry = certificate_expiry(text(&secret, CERTIFICATE_KEY)?)
            .map_err(|error| unreadable(&secret, error))?;
        earliest = earliest.min(expiry);
    }
    let earliest = Timestamp::try_from(earliest)
        .and_then(|time| Timestamp::from_second(time.as_second()))
        .map_err(|error| Error::other("tell when a certificate expires", error))?;
    Ok(Time(earliest))
}

async fn read(secrets: &Api<Secret>, name: &str) -> Result<Secret, Error> {
    secrets.get(name).await.doing(|| format!("read Secret {name}"))
}

/// When the certificate expires that the API server shows to whoever connects.
async fn serving(config: &Config) -> Result<SystemTime, Box<dyn std::error::Error + Send + Sync>> {
    let url = &config.cluster_url;
    let host = url.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let name = config.tls_server_name.as_deref().unwrap_or(address);
    let server = ServerName::try_from(name.to_owned())?;
    let connector = TlsConnector::from(Arc::new(config.rustls_client_config()?));
    let port = url.port_u16().unwrap_or(443);
    let shake_hands = async {
        let connection = TcpStream::connect((address, port)).await?;
        connector.connect(server, connection).await
    };
    let stream = tokio::time::timeout(LIMIT, shake_hands).await??;
    let (_, session) = stream.get_ref();
    let certificate = session
        .peer_certificates()
        .and_then(<[_]>::first)
        .ok_or("it shows none")?;
    Ok(der_certificate_expiry(certificate)?)
}

fn text<'a>(secret: &'a Secret, key: &str) -> Result<&'a str, Error> {
    let bytes = secret.data.as_ref().and_then(|data| data.get(key));
    bytes
        .and_then(|bytes| std::str::from_utf8(&bytes.0).ok())
        .ok_or_else(|| Error::Invalid(format!("Secret {} has no text under {key}", secret.name_any())))
}

fn unreadable(secret: &Secret, error: slipway_trust::TrustError) -> Error {
    Error::other(
        format!("read the certificate in Secret {}", secret.name_any()),
        error,
    )
}
