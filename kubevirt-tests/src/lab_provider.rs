//! Machines of a lab on this host.

use anyhow::{Context, Result};
use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Secret;
use slipway_api::Machine;
use slipway_lab::{FILES_URL, IMAGE_REGISTRY, Lab, UpOptions};

use crate::provider::{Artifacts, MachineProvider};

/// Name of the lab that the scenarios share: `$SLIPWAY_SCENARIOS_LAB`, or `scenarios`.
fn lab_name() -> String {
    std::env::var("SLIPWAY_SCENARIOS_LAB").unwrap_or_else(|_| "scenarios".to_owned())
}

/// Machines of a lab.
#[derive(Debug)]
pub struct LabProvider {
    lab: Lab,
}

impl LabProvider {
    /// Brings the lab up, with its metadata cluster and the operator in it. What is there already stays.
    pub async fn up() -> Result<Self> {
        let lab = Lab::up(&UpOptions::named(&lab_name()))
            .await
            .context("bring the lab up")?;
        lab.metadata_up().await.context("build the metadata cluster")?;
        lab.operator_up().await.context("install the operator")?;
        Ok(Self { lab })
    }

    /// The lab.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }
}

impl MachineProvider for LabProvider {
    fn create<'a>(&'a self, names: &'a [String]) -> BoxFuture<'a, Result<Vec<Machine>>> {
        async move {
            let machines = self.lab.machines_add(names).await.context("add machines")?;
            Ok(machines.iter().map(slipway_lab::Machine::object).collect())
        }
        .boxed()
    }

    fn destroy<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        async move { Ok(self.lab.machine(name)?.remove().await?) }.boxed()
    }

    fn power_off<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        async move { Ok(self.lab.machine(name)?.kill().await?) }.boxed()
    }

    fn start<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        async move { Ok(self.lab.machine(name)?.start().await?) }.boxed()
    }

    fn cut_network<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        async move { Ok(self.lab.machine(name)?.partition().await?) }.boxed()
    }

    fn restore_network<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        async move { Ok(self.lab.machine(name)?.heal().await?) }.boxed()
    }

    fn run<'a>(&'a self, name: &'a str, command: &'a str) -> BoxFuture<'a, Result<String>> {
        async move { Ok(self.lab.machine(name)?.run(command).await?) }.boxed()
    }

    fn ssh_key_secret(&self) -> Result<Secret> {
        Ok(self.lab.ssh_key_secret()?)
    }

    fn artifacts(&self) -> Artifacts {
        Artifacts {
            files_url: FILES_URL.to_owned(),
            image_registry: IMAGE_REGISTRY.to_owned(),
            kubelet: slipway_lab::kubelet_configuration(),
        }
    }
}
