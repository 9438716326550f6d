//! Booting a machine with systemd-nspawn.

use super::{Machine, kernel_modules};
use crate::cgroup::Hierarchies;
use crate::error::Result;
use crate::process::{self, Launch};

impl Machine {
    /// Powers it on and waits until it answers SSH. One that runs is left as it is.
    pub async fn start(&self) -> Result<()> {
        let lock = self.lock().await?;
        if process::recorded(&self.process_record())?.is_none() {
            // A machine that was killed, or whose host was, leaves things behind that must not be met at boot.
            self.clean_up().await?;
            self.boot().await?;
        }
        drop(lock);
        self.wait_for_ssh().await
    }

    async fn boot(&self) -> Result<()> {
        let hierarchies = Hierarchies::detect()?;
        self.mount().await?;
        let network = self.lab.network();
        network.connect(&self.name, self.record.index).await?;
        let cgroups = hierarchies.create(&self.cgroup())?;
        process::launch(&Launch {
            command: &self.nspawn_command(),
            environment: hierarchies.environment(),
            cgroups: &cgroups,
            record: &self.process_record(),
            log: &self.console_log(),
        })
        .await?;
        Ok(())
    }

    fn nspawn_command(&self) -> Vec<String> {
        let mut command = vec![
            "systemd-nspawn".to_owned(),
            "--quiet".to_owned(),
            "--boot".to_owned(),
            format!("--directory={}", self.root().display()),
            // Machines of two labs may have one name; what the machine itself sees is its hostname.
            format!("--machine={}-{}", self.lab.name(), self.name),
            format!("--hostname={}", self.name),
            "--register=no".to_owned(),
            "--keep-unit".to_owned(),
            format!(
                "--network-namespace-path={}",
                self.lab.network().machine_namespace_file(&self.name).display()
            ),
            // A machine is a whole computer to what runs in it: kubelet, containerd and kube-proxy need all of these.
            "--capability=all".to_owned(),
            "--system-call-filter=@keyring bpf @mount @known".to_owned(),
            "--console=pipe".to_owned(),
            "--resolv-conf=off".to_owned(),
            "--timezone=off".to_owned(),
            "--link-journal=no".to_owned(),
            "--bind=/dev/kmsg".to_owned(),
        ];
        command.extend(
            self.binds()
                .iter()
                .map(|(host, inside)| format!("--bind={}:{inside}", host.display())),
        );
        if let Some(index) = kernel_modules::host_index() {
            command.push(format!("--bind-ro={}", index.display()));
        }
        command
    }
}
