//! What one needs to make a cluster of machines from the command line: an inventory for the playbooks, with the cluster's
//! certificate authorities in it, and the administrator's kubeconfig.
//!
//! In a real installation the operator hands all this to the executor; here it is kept in the lab's state folder, so that a
//! second run of the playbooks finds the same cluster.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use slipway_trust::{ADMINISTRATOR_GROUP, CLIENT_VALIDITY, ClusterTrust};

use crate::error::{Error, FileContext, Result};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::services::{FILES_URL, IMAGE_REGISTRY};
use crate::state;

/// kubeadm's port of the API server.
const API_PORT: u16 = 6443;

/// What every kubelet of a lab is told beside the playbooks' own configuration: all machines share the disk of the host, and a share
/// of a large and well-used disk says nothing about whether a lab may go on.
pub fn kubelet_configuration() -> Value {
    json!({
        "evictionHard": {
            "imagefs.available": "1Gi",
            "imagefs.inodesFree": "1%",
            "memory.available": "100Mi",
            "nodefs.available": "1Gi",
            "nodefs.inodesFree": "1%",
        },
        "imageGCHighThresholdPercent": 100,
    })
}

/// Which machines a cluster is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterOptions {
    /// The cluster's name.
    pub name: String,
    /// Machines of the control plane; the first one starts the cluster.
    pub control_plane: Vec<String>,
    /// Workers. A machine that is also in the control plane takes any pod.
    pub workers: Vec<String>,
    /// Such as `v1.35.4`; the playbooks' default if it is not given.
    pub kubernetes_version: Option<String>,
}

/// Files of a cluster of lab machines. All are secret: they hold the keys of its authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterFiles {
    /// For `slipway-playbook` and `ansible-playbook`.
    pub inventory: PathBuf,
    /// The administrator's; works once the cluster is there, and inside the lab's network.
    pub kubeconfig: PathBuf,
}

/// What is made once for a cluster and kept.
#[derive(Serialize, Deserialize)]
struct Secrets {
    #[serde(flatten)]
    trust: ClusterTrust,
    bootstrap_token: String,
}

impl Lab {
    /// Writes the files of a cluster. The authorities and the token are made the first time and kept from then on.
    pub fn cluster_files(&self, options: &ClusterOptions) -> Result<ClusterFiles> {
        state::check_name(&options.name, "cluster")?;
        let control_plane = self.named(&options.control_plane)?;
        let workers = self.named(&options.workers)?;
        let first = control_plane.first().ok_or_else(|| Error::Name {
            name: options.name.clone(),
            what: "cluster without a control plane",
            rule: "name at least one machine of the control plane",
        })?;
        let endpoint = format!("https://{}:{API_PORT}", first.address());

        let folder = self.folders().cluster(&options.name);
        state::create_folder(&folder)?;
        let secrets = secrets(&folder)?;
        let files = ClusterFiles {
            inventory: folder.join("inventory.yml"),
            kubeconfig: folder.join("kubeconfig"),
        };
        state::write_secret(
            &files.inventory,
            inventory(self, options, &control_plane, &workers, &secrets)?,
        )?;
        if !names_endpoint(&files.kubeconfig, &endpoint) {
            let (authority, user) = (&secrets.trust.cluster_ca, "kubernetes-admin");
            let kubeconfig = slipway_trust::admin_kubeconfig(
                authority,
                &endpoint,
                &options.name,
                user,
                ADMINISTRATOR_GROUP,
                CLIENT_VALIDITY,
            );
            state::write_secret(&files.kubeconfig, kubeconfig.map_err(trust_error)?)?;
        }
        Ok(files)
    }

    fn named(&self, names: &[String]) -> Result<Vec<Machine>> {
        names.iter().map(|name| self.machine(name)).collect()
    }
}

fn secrets(folder: &Path) -> Result<Secrets> {
    let file = folder.join("trust.json");
    if file.exists() {
        return state::read_json(&file);
    }
    let secrets = Secrets {
        trust: ClusterTrust::generate().map_err(trust_error)?,
        bootstrap_token: slipway_trust::bootstrap_token().map_err(trust_error)?.reveal(),
    };
    let text = serde_json::to_string(&secrets).map_err(|error| Error::State {
        path: file.clone(),
        reason: error.to_string(),
    })?;
    // The name appears when the whole content is there.
    let partial = file.with_extension("partial");
    state::write_secret(&partial, text)?;
    std::fs::rename(&partial, &file).file("write", &file)?;
    Ok(secrets)
}

fn inventory(
    lab: &Lab,
    options: &ClusterOptions,
    control_plane: &[Machine],
    workers: &[Machine],
    secrets: &Secrets,
) -> Result<String> {
    let folders = lab.folders();
    let mut variables = json!({
        "ansible_user": "slipway",
        "ansible_ssh_private_key_file": folders.ssh_key(),
        // For ansible-playbook; slipway-playbook takes --known-hosts.
        "ansible_ssh_common_args": format!("-o UserKnownHostsFile={} -o IdentitiesOnly=yes", folders.known_hosts().display()),
        "cluster_name": options.name,
        "files_url": FILES_URL,
        "image_registry": IMAGE_REGISTRY,
        "control_plane_endpoint_port": API_PORT,
        "kubelet_configuration": kubelet_configuration(),
    });
    if let Some(first) = control_plane.first() {
        variables["control_plane_endpoint_host"] = json!(first.address());
    }
    if let Some(version) = &options.kubernetes_version {
        variables["kubernetes_version"] = json!(version);
    }
    let path = folders.cluster(&options.name).join("inventory.yml");
    let broken = |reason: String| Error::State {
        path: path.clone(),
        reason,
    };
    if let (Some(variables), Value::Object(secret)) = (
        variables.as_object_mut(),
        serde_json::to_value(secrets).map_err(|error| broken(error.to_string()))?,
    ) {
        variables.extend(secret);
    }
    let hosts: Map<String, Value> = control_plane
        .iter()
        .chain(workers)
        .map(|machine| {
            (
                machine.name().to_owned(),
                json!({"ansible_host": machine.address()}),
            )
        })
        .collect();
    let value = json!({"all": {
        "hosts": hosts,
        "vars": variables,
        "children": {
            "kube_control_plane": group(control_plane),
            "first_control_plane": group(control_plane.get(..1).unwrap_or_default()),
            "kube_worker": group(workers),
            "etcd": {"children": {"kube_control_plane": null}},
        },
    }});
    serde_yaml::to_string(&value).map_err(|error| broken(error.to_string()))
}

fn group(machines: &[Machine]) -> Value {
    let hosts: Map<String, Value> = machines
        .iter()
        .map(|machine| (machine.name().to_owned(), Value::Null))
        .collect();
    json!({ "hosts": hosts })
}

/// Whether a kubeconfig was already made for this address. A new one each time would be as good, but a program that
/// reads it just then would find half of it.
fn names_endpoint(kubeconfig: &Path, endpoint: &str) -> bool {
    std::fs::read_to_string(kubeconfig).is_ok_and(|text| text.contains(endpoint))
}

fn trust_error(error: slipway_trust::TrustError) -> Error {
    Error::Kubernetes {
        action: "make the cluster's certificates",
        source: Box::new(error),
    }
}
