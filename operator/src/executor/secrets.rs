//! The secret variables: only what the hosts of this run need, so that a run of workers holds no private key of the
//! cluster, and a reset holds nothing.

use std::fmt;

use serde_json::{Map, Value, json};
use slipway_api::{Operation, machine_set::MachineRole};

use super::{BuildError, Inputs, installs, run_name};

/// A certificate or public key and its private key, in PEM.
#[derive(Clone, Default)]
pub struct KeyPairPem {
    /// Certificate, or public key of the service accounts.
    pub cert: String,
    /// Private key.
    pub key: String,
}

/// The trust of a cluster in PEM, as its Secrets hold it.
#[derive(Clone, Default)]
pub struct ClusterTrustPem {
    /// Certificate authority of the cluster.
    pub cluster_ca: KeyPairPem,
    /// Certificate authority of etcd.
    pub etcd_ca: KeyPairPem,
    /// Certificate authority of the front proxy.
    pub front_proxy_ca: KeyPairPem,
    /// Keys that sign service-account tokens.
    pub service_account: KeyPairPem,
    /// `id.secret`.
    pub bootstrap_token: String,
}

impl fmt::Debug for KeyPairPem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyPairPem(..)")
    }
}

impl fmt::Debug for ClusterTrustPem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ClusterTrustPem(..)")
    }
}

/// Secret extra variables for the run.
pub(super) fn variables(inputs: &Inputs<'_>) -> Result<Value, BuildError> {
    let mut variables = Map::new();
    let Some(cluster) = inputs.cluster.as_ref().filter(|_| installs(inputs.run.spec.operation)) else {
        return Ok(Value::Object(variables));
    };
    let trust = cluster.trust.ok_or_else(|| BuildError::NoTrust {
        run: run_name(inputs).to_owned(),
    })?;
    let has_control_plane = inputs.hosts.iter().any(|host| {
        let claim = host.machine.spec.claim_ref.as_ref();
        claim.is_some_and(|claim| claim.role == MachineRole::ControlPlane)
    });
    let mut set = |name: &str, value: Value| variables.insert(name.to_owned(), value);
    if has_control_plane {
        set("cluster_ca", pair(&trust.cluster_ca));
        set("etcd_ca", pair(&trust.etcd_ca));
        set("front_proxy_ca", pair(&trust.front_proxy_ca));
        set(
            "service_account_key",
            json!({ "key": trust.service_account.key, "pub": trust.service_account.cert }),
        );
    } else {
        set("cluster_ca", json!({ "cert": trust.cluster_ca.cert }));
    }
    if matches!(inputs.run.spec.operation, Operation::Install | Operation::ScaleOut) {
        set("bootstrap_token", json!(trust.bootstrap_token));
    }
    Ok(Value::Object(variables))
}

fn pair(pair: &KeyPairPem) -> Value {
    json!({ "cert": pair.cert, "key": pair.key })
}
