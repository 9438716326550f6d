//! The secret variables: only what the hosts of this run need, so that a run of workers holds no private key of the
//! cluster, and a reset holds nothing.

use serde_json::{Map, Value, json};
use slipway_api::machine_set::MachineRole;
use slipway_trust::KeyPairPem;

use super::{BuildError, Inputs, installs, run_name};

/// Secret extra variables for the run.
pub(super) fn variables(inputs: &Inputs<'_>) -> Result<Value, BuildError> {
    let mut variables = Map::new();
    let Some(cluster) = inputs
        .cluster
        .as_ref()
        .filter(|_| installs(inputs.run.spec.operation))
    else {
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
            json!({ "key": trust.service_account.key, "pub": trust.service_account.public }),
        );
    } else {
        set("cluster_ca", json!({ "cert": trust.cluster_ca.cert }));
    }
    if let Some(token) = cluster.bootstrap_token {
        set("bootstrap_token", json!(token.reveal()));
    }
    Ok(Value::Object(variables))
}

fn pair(pair: &KeyPairPem) -> Value {
    json!({ "cert": pair.cert, "key": pair.key })
}
