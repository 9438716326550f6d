//! The variables of the playbooks that are not secret. Their names are the playbooks' (playbooks/README.md).

use serde_json::{Map, Value, json};
use slipway_api::Operation;

use super::{BuildError, Inputs, installs, run_name};

/// Extra variables for the run.
pub(super) fn plain(inputs: &Inputs<'_>) -> Result<Value, BuildError> {
    let mut variables = Map::new();
    let mut set = |name: &str, value: Value| variables.insert(name.to_owned(), value);
    let operation = inputs.run.spec.operation;
    if operation == Operation::Reset || (operation == Operation::Check && inputs.cluster.is_none()) {
        // What is asked of check.yml: nothing of a cluster is left on the host.
        set("expect", json!("clean"));
    }
    let Some(cluster) = &inputs.cluster else {
        return Ok(Value::Object(variables));
    };
    let spec = cluster.spec;
    set("cluster_name", json!(cluster.name));
    set("kubernetes_version", json!(spec.kubernetes_version));
    match cluster.endpoint {
        Some(endpoint) => {
            set("control_plane_endpoint_host", json!(endpoint.host));
            set("control_plane_endpoint_port", json!(endpoint.port));
        }
        None if installs(operation) => {
            return Err(BuildError::NoEndpoint {
                run: run_name(inputs).to_owned(),
            });
        }
        None => {}
    }
    set("pod_cidr", json!(spec.network.pod_cidr));
    set("service_cidr", json!(spec.network.service_cidr));
    set("dns_domain", json!(spec.network.dns_domain));
    set("network_plugin", json!(spec.network.plugin.as_str()));
    set("container_runtime", json!(spec.container_runtime.as_str()));
    set("files_url", json!(spec.artifacts.files_url));
    set("image_registry", json!(spec.artifacts.image_registry));
    set("kubelet_configuration", json!(spec.component_config.kubelet));
    set(
        "kube_proxy_configuration",
        json!(spec.component_config.kube_proxy),
    );
    Ok(Value::Object(variables))
}
