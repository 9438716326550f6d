//! Kubeconfigs: for an administrator, and for a host that joins.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

use crate::{BootstrapToken, KeyPairPem, TrustError, certificate_expiry, client_certificate};

/// How long a client certificate is valid: kubeadm's one year.
pub const CLIENT_VALIDITY: Duration = Duration::from_hours(365 * 24);

/// Group whose members may do everything in a cluster.
pub const ADMINISTRATOR_GROUP: &str = "system:masters";

/// Makes a kubeconfig with a new client certificate, signed by the cluster's authority. Secret.
///
/// `endpoint` is the URL of the API server, `https://host:port`.
///
/// # Errors
/// As [`client_certificate`]; [`TrustError::Write`] where there is no YAML of it.
pub fn admin_kubeconfig(
    authority: &KeyPairPem,
    endpoint: &str,
    cluster: &str,
    user: &str,
    group: &str,
    validity: Duration,
) -> Result<String, TrustError> {
    let client = client_certificate(authority, user, group, validity)?;
    let credentials = Credentials {
        client_certificate_data: Some(BASE64.encode(client.cert)),
        client_key_data: Some(BASE64.encode(client.key)),
        token: None,
    };
    write(&authority.cert, endpoint, cluster, user, credentials)
}

/// Makes the kubeconfig by which a host joins: it trusts the authority and shows the bootstrap token
/// (kubeadm's `discovery.file`). Secret.
///
/// # Errors
/// [`TrustError::Write`] where there is no YAML of it.
pub fn join_kubeconfig(
    authority_certificate: &str,
    endpoint: &str,
    token: &BootstrapToken,
) -> Result<String, TrustError> {
    let credentials = Credentials {
        token: Some(token.reveal()),
        ..Credentials::default()
    };
    write(
        authority_certificate,
        endpoint,
        "kubernetes",
        "bootstrap",
        credentials,
    )
}

/// When the client certificate of a kubeconfig stops being valid; nothing where it holds none, but a token, say.
///
/// # Errors
/// [`TrustError::Read`] where `kubeconfig` is none, or its client certificate is none.
pub fn kubeconfig_expiry(kubeconfig: &str) -> Result<Option<SystemTime>, TrustError> {
    let unreadable = |reason: String| TrustError::Read {
        what: "a kubeconfig",
        reason,
    };
    // The parser's own message is left out: it may repeat what it was given.
    let config: Users =
        serde_yaml::from_str(kubeconfig).map_err(|_| unreadable("it is not YAML with users".to_owned()))?;
    let data = config
        .users
        .into_iter()
        .find_map(|named| named.user.client_certificate_data);
    let Some(data) = data else {
        return Ok(None);
    };
    let certificate = BASE64
        .decode(data)
        .map_err(|error| unreadable(error.to_string()))?;
    certificate_expiry(&String::from_utf8_lossy(&certificate)).map(Some)
}

fn write(
    authority_certificate: &str,
    endpoint: &str,
    cluster: &str,
    user: &str,
    credentials: Credentials,
) -> Result<String, TrustError> {
    let context = format!("{user}@{cluster}");
    let config = Config {
        api_version: "v1".to_owned(),
        kind: "Config".to_owned(),
        clusters: vec![NamedCluster {
            name: cluster.to_owned(),
            cluster: ClusterEntry {
                server: endpoint.to_owned(),
                certificate_authority_data: BASE64.encode(authority_certificate),
            },
        }],
        users: vec![NamedUser {
            name: user.to_owned(),
            user: credentials,
        }],
        contexts: vec![NamedContext {
            name: context.clone(),
            context: ContextEntry {
                cluster: cluster.to_owned(),
                user: user.to_owned(),
            },
        }],
        current_context: context,
    };
    serde_yaml::to_string(&config).map_err(TrustError::Write)
}

#[derive(Serialize)]
struct Config {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
    contexts: Vec<NamedContext>,
    #[serde(rename = "current-context")]
    current_context: String,
}

/// The part of any kubeconfig that holds certificates; the rest may be of any form.
#[derive(Deserialize)]
struct Users {
    users: Vec<NamedUser>,
}

#[derive(Serialize)]
struct NamedCluster {
    name: String,
    cluster: ClusterEntry,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ClusterEntry {
    server: String,
    certificate_authority_data: String,
}

#[derive(Serialize, Deserialize)]
struct NamedUser {
    name: String,
    user: Credentials,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Credentials {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_certificate_data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_key_data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

#[derive(Serialize)]
struct NamedContext {
    name: String,
    context: ContextEntry,
}

#[derive(Serialize)]
struct ContextEntry {
    cluster: String,
    user: String,
}
