//! Lab machines as the pool of a Slipway: what an administrator writes into the metadata cluster for them.

use slipway_api::Machine as MachineObject;
use slipway_api::machine::{HostKeyPolicy, MachineSpec, Ssh};
use slipway_api::references::NameReference;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;

use crate::error::{FileContext, Result};
use crate::lab::Lab;
use crate::machine::Machine;

/// Name of the Secret with the key that opens every machine of a lab.
pub const SSH_KEY_SECRET: &str = "lab-ssh-key";

impl Lab {
    /// The Secret with the key that opens every machine of this lab.
    pub fn ssh_key_secret(&self) -> Result<Secret> {
        let path = self.folders().ssh_key();
        let key = std::fs::read(&path).file("read the SSH key", &path)?;
        Ok(Secret {
            metadata: ObjectMeta {
                name: Some(SSH_KEY_SECRET.to_owned()),
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/ssh-auth".to_owned()),
            data: Some([("ssh-privatekey".to_owned(), ByteString(key))].into()),
            ..Secret::default()
        })
    }
}

impl Machine {
    /// The Machine object for it: its address, its user, and its host key, pinned.
    pub fn object(&self) -> MachineObject {
        MachineObject::new(
            self.name(),
            MachineSpec {
                address: self.address().to_string(),
                ssh: Ssh {
                    port: 22,
                    user: "slipway".to_owned(),
                    key_secret_ref: NameReference::new(SSH_KEY_SECRET),
                    host_keys: vec![self.host_key().to_owned()],
                    host_key_policy: HostKeyPolicy::Pinned,
                },
                claim_ref: None,
                claim_epoch: 0,
                unschedulable: false,
                force_release: false,
            },
        )
    }
}
