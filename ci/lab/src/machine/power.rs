//! The power button, the network cable, and time standing still.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use super::Machine;
use crate::cgroup::Hierarchies;
use crate::error::{Error, FileContext, Result};
use crate::process;

/// An orderly power-off that takes longer than this is cut short, as a person would hold the button.
const PATIENCE: Duration = Duration::from_secs(30);

impl Machine {
    /// Powers it off in good order: its services stop, its disk is kept.
    pub async fn stop(&self) -> Result<()> {
        let _lock = self.lock().await?;
        if let Some(machine) = process::recorded(&self.process_record())? {
            Hierarchies::detect()?.freeze(&self.cgroup(), false)?;
            // systemd-nspawn passes this on to the machine's systemd as the request to power off.
            machine.signal(Signal::TERM);
            if !machine.ended_within(PATIENCE).await {
                tracing::warn!(
                    "machine {} did not stop within {} s: power cut",
                    self.name,
                    PATIENCE.as_secs()
                );
            }
        }
        self.clean_up().await
    }

    /// Pulls the plug: everything in it ends at once; what was written to its disk is kept.
    pub async fn kill(&self) -> Result<()> {
        let _lock = self.lock().await?;
        self.clean_up().await
    }

    /// Lets no process in it run until [`Machine::thaw`]: it hangs, and the network still knows its address.
    pub fn freeze(&self) -> Result<()> {
        self.must_run("cannot be frozen")?;
        Hierarchies::detect()?.freeze(&self.cgroup(), true)
    }

    /// Lets its processes go on.
    pub fn thaw(&self) -> Result<()> {
        self.must_run("cannot be thawed")?;
        Hierarchies::detect()?.freeze(&self.cgroup(), false)
    }

    /// Pulls its network cable: it runs, and nobody reaches it.
    pub async fn partition(&self) -> Result<()> {
        self.must_run("cannot be cut off")?;
        self.lab.network().set_cable(self.record.index, false).await
    }

    /// Plugs its network cable in again.
    pub async fn heal(&self) -> Result<()> {
        self.must_run("cannot be connected")?;
        self.lab.network().set_cable(self.record.index, true).await
    }

    /// Powers it off at once and removes its disk.
    pub async fn remove(&self) -> Result<()> {
        self.kill().await?;
        {
            let _lock = self.lab.folders().lock("lab").await?;
            let folder = self.folder();
            std::fs::remove_dir_all(&folder).file("remove the machine's folder", &folder)?;
        }
        self.lab.write_known_hosts().await
    }

    fn must_run(&self, what: &str) -> Result<()> {
        match process::recorded(&self.process_record())? {
            Some(_) => Ok(()),
            None => Err(Error::Machine {
                machine: self.name.clone(),
                reason: format!(
                    "{what}: it is powered off; start it with `slipway-lab machine start {}`",
                    self.name
                ),
            }),
        }
    }

    /// Ends whatever still runs in it and removes all that it has on the host but its disk.
    pub(super) async fn clean_up(&self) -> Result<()> {
        let hierarchies = Hierarchies::detect()?;
        if let Some(machine) = process::recorded(&self.process_record())? {
            hierarchies.freeze(&self.cgroup(), false)?;
            // The end of its first process is the end of all in it; systemd-nspawn then tidies up and ends by itself.
            for child in machine.children() {
                child.signal(Signal::KILL);
            }
            if !machine.ended_within(Duration::from_secs(5)).await {
                machine.signal(Signal::KILL);
                machine.ended_within(Duration::from_secs(5)).await;
            }
        }
        hierarchies.kill(&self.cgroup()).await?;
        process::remove_record(&self.process_record())?;
        remove_nspawn_folder(self.lab.name(), &self.name)?;
        self.lab
            .network()
            .disconnect(&self.name, self.record.index)
            .await?;
        self.unmount().await?;
        // In every hierarchy, systemd's own included: kubelet must not meet pods of an earlier boot.
        hierarchies.remove(&self.cgroup()).await
    }
}

/// A systemd-nspawn that was killed leaves this folder of its own behind.
pub(crate) fn remove_nspawn_folder(lab: &str, machine: &str) -> Result<()> {
    let folder = Path::new("/run/systemd/nspawn/propagate").join(format!("{lab}-{machine}"));
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).file("remove", &folder),
        _ => Ok(()),
    }
}
