//! A bootstrap token for hosts that join a cluster long after it was made: created through its own API, and gone soon.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta, jiff::SignedDuration,
};
use kube::{Api, ResourceExt as _, api::PostParams};
use slipway_api::{PlaybookRun, names};
use slipway_trust::BootstrapToken;

use crate::runtime::{Context, Doing as _, Error};

const NAMESPACE: &str = "kube-system";
const TYPE: &str = "bootstrap.kubernetes.io/token";
/// Group that kubeadm lets join nodes.
const GROUP: &str = "system:bootstrappers:kubeadm:default-node-token";
/// Time in which hosts join after the run's deadline has begun to count.
const SLACK: SignedDuration = SignedDuration::from_mins(10);

/// Makes the token of `run`: random, valid for as long as the run may take. A second call, after a crash, makes a second one; the
/// first is in no executor and expires.
pub(super) async fn create(
    run: &PlaybookRun,
    namespace: &str,
    cluster: &str,
    context: &Context,
) -> Result<BootstrapToken, Error> {
    if let Some(token) = known(run, namespace, context).await? {
        return Ok(token);
    }
    let Some(client) = context.business_client(namespace, cluster).await? else {
        return Err(Error::Invalid(format!(
            "cluster {namespace}/{cluster} has no kubeconfig Secret, so no host can join it"
        )));
    };
    let token =
        slipway_trust::bootstrap_token().map_err(|error| Error::other("make a bootstrap token", error))?;
    let expiration = context.now().0 + SignedDuration::from_secs(run.spec.limits.deadline_seconds) + SLACK;
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(token.secret_name()),
            namespace: Some(NAMESPACE.to_owned()),
            ..ObjectMeta::default()
        },
        type_: Some(TYPE.to_owned()),
        string_data: Some(BTreeMap::from([
            (
                "description".to_owned(),
                format!("Slipway run {}", run.name_any()),
            ),
            ("token-id".to_owned(), token.id.clone()),
            ("token-secret".to_owned(), token.secret.clone()),
            ("expiration".to_owned(), expiration.to_string()),
            ("usage-bootstrap-authentication".to_owned(), "true".to_owned()),
            ("auth-extra-groups".to_owned(), GROUP.to_owned()),
        ])),
        ..Secret::default()
    };
    let secrets = Api::<Secret>::namespaced(client, NAMESPACE);
    secrets
        .create(&PostParams::default(), &secret)
        .await
        .doing(|| format!("create a bootstrap token in cluster {namespace}/{cluster}"))?;
    Ok(token)
}

/// The token that the run's executor was made with, if a crash came after its Secret.
async fn known(
    run: &PlaybookRun,
    namespace: &str,
    context: &Context,
) -> Result<Option<BootstrapToken>, Error> {
    let name = names::executor_secret(&run.name_any());
    let secrets = Api::<Secret>::namespaced((*context.client).clone(), namespace);
    let found = secrets
        .get_opt(&name)
        .await
        .doing(|| format!("read Secret {namespace}/{name}"))?;
    let variables = found
        .and_then(|secret| secret.data?.remove("secrets.yml"))
        .and_then(|text| serde_yaml::from_slice::<BTreeMap<String, serde_yaml::Value>>(&text.0).ok());
    let token = variables.and_then(|variables| variables.get("bootstrap_token")?.as_str().map(str::to_owned));
    Ok(token.and_then(|token| BootstrapToken::parse(&token).ok()))
}
