//! The inventory: the hosts of the run and no others, so that its size follows the run, not the cluster.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use slipway_api::{machine::HostKeyPolicy, machine_set::MachineRole};

use super::{BuildError, HostInputs, Inputs, SECRET_PATH};

/// Ansible's YAML inventory.
pub(super) fn hosts(inputs: &Inputs<'_>) -> Result<Value, BuildError> {
    let mut hosts = Map::new();
    for host in &inputs.hosts {
        let secret = &host.machine.spec.ssh.key_secret_ref.name;
        if !inputs.ssh_keys.contains_key(secret) {
            return Err(BuildError::NoKey {
                machine: machine_name(host).to_owned(),
                secret: secret.clone(),
            });
        }
        hosts.insert(machine_name(host).to_owned(), host_variables(inputs, host));
    }
    Ok(json!({
        "all": {
            "hosts": hosts,
            "children": {
                "kube_control_plane": { "hosts": members(inputs, |host| role(host) == Some(MachineRole::ControlPlane)) },
                "first_control_plane": { "hosts": members(inputs, |host| host.first_control_plane) },
                "etcd": { "children": { "kube_control_plane": {} } },
                // A machine of no cluster is checked and reset as a worker is: in no group, no play would touch it.
                "kube_worker": { "hosts": members(inputs, |host| role(host).is_none_or(|role| role == MachineRole::Worker)) },
            },
        },
    }))
}

/// OpenSSH's known_hosts: the pinned keys of every host.
pub(super) fn known_hosts(inputs: &Inputs<'_>) -> String {
    let mut text = String::new();
    for host in &inputs.hosts {
        let spec = &host.machine.spec;
        // OpenSSH writes the port only where it is not its own.
        let name = match spec.ssh.port {
            22 => spec.address.clone(),
            port => format!("[{}]:{port}", spec.address),
        };
        for key in &spec.ssh.host_keys {
            let _ = writeln!(text, "{name} {key}");
        }
    }
    text
}

/// Key of the executor's Secret under which the SSH key of the Secret `name` stands.
pub(super) fn key_file(name: &str) -> String {
    format!("ssh-{name}")
}

fn host_variables(inputs: &Inputs<'_>, host: &HostInputs<'_>) -> Value {
    let spec = &host.machine.spec;
    let mut variables = Map::new();
    let mut set = |name: &str, value: Value| variables.insert(name.to_owned(), value);
    set("ansible_host", json!(spec.address));
    set("ansible_port", json!(spec.ssh.port));
    set("ansible_user", json!(spec.ssh.user));
    set(
        "ansible_ssh_private_key_file",
        json!(format!(
            "{SECRET_PATH}/{}",
            key_file(&spec.ssh.key_secret_ref.name)
        )),
    );
    if spec.ssh.host_key_policy == HostKeyPolicy::TrustOnFirstUse && spec.ssh.host_keys.is_empty() {
        set("ansible_ssh_host_key_checking", json!("accept-new"));
    }
    if spec.ssh.user != "root" {
        set("ansible_become", json!(true));
    }
    // A machine of no cluster owns itself.
    let owner = inputs.cluster.as_ref().map(|cluster| cluster.uid);
    set(
        "slipway_fence_owner",
        json!(owner.or(host.machine.metadata.uid.as_deref())),
    );
    set("slipway_fence_epoch", json!(host.epoch));
    set("slipway_fence_run", json!(inputs.run.metadata.name));
    if !host.labels.is_empty() {
        set("node_labels", json!(host.labels));
    }
    if !host.taints.is_empty() {
        set("node_taints", json!(host.taints));
    }
    Value::Object(variables)
}

fn members(inputs: &Inputs<'_>, belongs: impl Fn(&HostInputs<'_>) -> bool) -> Value {
    let names = inputs.hosts.iter().filter(|host| belongs(host));
    Value::Object(
        names
            .map(|host| (machine_name(host).to_owned(), json!({})))
            .collect(),
    )
}

fn role(host: &HostInputs<'_>) -> Option<MachineRole> {
    host.machine.spec.claim_ref.as_ref().map(|claim| claim.role)
}

fn machine_name<'a>(host: &HostInputs<'a>) -> &'a str {
    host.machine.metadata.name.as_deref().unwrap_or_default()
}
