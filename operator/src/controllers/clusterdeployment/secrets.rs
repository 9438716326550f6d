//! The Secrets that make a business cluster trusted. Made once with `create`, so that what exists is never overwritten.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{Api, Client, Resource, ResourceExt};
use slipway_api::{ClusterDeployment, names::ClusterSecrets, references::Endpoint};
use slipway_trust::{
    ADMINISTRATOR_GROUP, CLIENT_VALIDITY, ClusterTrust, KeyPairPem, TrustError, admin_kubeconfig,
    bootstrap_token,
};

use crate::runtime::{Doing, Error, business::KUBECONFIG_KEY, write};

/// User of the kubeconfig that the operator and the administrator share.
const ADMINISTRATOR: &str = "slipway-administrator";
const CERTIFICATE_KEY: &str = "tls.crt";
const PRIVATE_KEY: &str = "tls.key";
const TLS_TYPE: &str = "kubernetes.io/tls";
const OPAQUE_TYPE: &str = "Opaque";

/// The Secrets without which no cluster can be installed, but for the kubeconfig.
pub fn trust_names(cluster: &str) -> Vec<String> {
    let names = ClusterSecrets::of(cluster);
    vec![
        names.cluster_ca,
        names.etcd_ca,
        names.front_proxy_ca,
        names.service_account,
        names.bootstrap_token,
    ]
}

/// Makes those Secrets of `missing` that are not there yet.
///
/// # Errors
/// When a key cannot be made or a Secret cannot be written.
pub async fn make_trust(
    client: &Client,
    deployment: &ClusterDeployment,
    missing: &[String],
) -> Result<(), Error> {
    let doing = || format!("make the keys of ClusterDeployment {}", deployment.name_any());
    // Making keys is work for the processor: other objects go on meanwhile.
    let trust = tokio::task::spawn_blocking(ClusterTrust::generate)
        .await
        .map_err(|error| Error::other(doing(), error))?
        .map_err(|error| Error::other(doing(), error))?;
    let token = bootstrap_token().map_err(|error| Error::other(doing(), error))?;
    let names = ClusterSecrets::of(&deployment.name_any());
    let pair = |pair: &KeyPairPem| {
        vec![
            (CERTIFICATE_KEY, pair.cert.clone()),
            (PRIVATE_KEY, pair.key.clone()),
        ]
    };
    let service_account = vec![
        (CERTIFICATE_KEY, trust.service_account.public.clone()),
        (PRIVATE_KEY, trust.service_account.key.clone()),
    ];
    let token = vec![
        ("token-id", token.id.clone()),
        ("token-secret", token.secret.clone()),
    ];
    for (name, kind, data) in [
        (names.cluster_ca, TLS_TYPE, pair(&trust.cluster_ca)),
        (names.etcd_ca, TLS_TYPE, pair(&trust.etcd_ca)),
        (names.front_proxy_ca, TLS_TYPE, pair(&trust.front_proxy_ca)),
        (names.service_account, OPAQUE_TYPE, service_account),
        (names.bootstrap_token, OPAQUE_TYPE, token),
    ] {
        if missing.contains(&name) {
            write::create_once(client, &secret(deployment, &name, kind, data)).await?;
        }
    }
    Ok(())
}

/// Makes the administrator's kubeconfig for `endpoint`, signed by the cluster's authority.
///
/// # Errors
/// When the authority's Secret cannot be read or holds no authority, or the kubeconfig cannot be written.
pub async fn make_kubeconfig(
    client: &Client,
    deployment: &ClusterDeployment,
    endpoint: &Endpoint,
) -> Result<(), Error> {
    let namespace = deployment.namespace().unwrap_or_default();
    let cluster = deployment.name_any();
    let names = ClusterSecrets::of(&cluster);
    let authority: Secret = Api::<Secret>::namespaced(client.clone(), &namespace)
        .get(&names.cluster_ca)
        .await
        .doing(|| format!("read Secret {namespace}/{}", names.cluster_ca))?;
    let authority = KeyPairPem {
        cert: text(&authority, CERTIFICATE_KEY)?,
        key: text(&authority, PRIVATE_KEY)?,
    };
    let kubeconfig = sign(&authority, endpoint, &cluster).map_err(|error| {
        Error::other(
            format!("make the kubeconfig of cluster {namespace}/{cluster}"),
            error,
        )
    })?;
    let data = vec![(KUBECONFIG_KEY, kubeconfig)];
    write::create_once(client, &secret(deployment, &names.kubeconfig, OPAQUE_TYPE, data)).await?;
    Ok(())
}

fn sign(authority: &KeyPairPem, endpoint: &Endpoint, cluster: &str) -> Result<String, TrustError> {
    let endpoint = endpoint.to_string();
    admin_kubeconfig(
        authority,
        &endpoint,
        cluster,
        ADMINISTRATOR,
        ADMINISTRATOR_GROUP,
        CLIENT_VALIDITY,
    )
}

fn secret(deployment: &ClusterDeployment, name: &str, kind: &str, data: Vec<(&str, String)>) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: deployment.namespace(),
            labels: Some(super::plan::labels(&deployment.name_any())),
            owner_references: deployment.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        type_: Some(kind.to_owned()),
        data: Some(
            data.into_iter()
                .map(|(key, value)| (key.to_owned(), ByteString(value.into_bytes())))
                .collect::<BTreeMap<_, _>>(),
        ),
        ..Secret::default()
    }
}

fn text(secret: &Secret, key: &str) -> Result<String, Error> {
    let name = secret.name_any();
    let bytes = secret
        .data
        .as_ref()
        .and_then(|data| data.get(key))
        .ok_or_else(|| {
            Error::Invalid(format!(
                "Secret {name} has no key {key}: restore it from a backup"
            ))
        })?;
    String::from_utf8(bytes.0.clone())
        .map_err(|_| Error::Invalid(format!("key {key} of Secret {name} is not text")))
}
