//! Reaching a machine as an administrator does: over SSH, with the lab's key and the known host keys.

use std::time::{Duration, Instant};

use super::Machine;
use crate::command::{last_lines, run};
use crate::error::{Error, Result};

const BOOT_LIMIT: Duration = Duration::from_secs(90);

impl Machine {
    /// The words of an `ssh` command to this machine, to be run from anywhere on the host: it enters the lab's namespace.
    pub fn ssh_command(&self, remote: &[String]) -> Vec<String> {
        let folders = self.lab.folders();
        let mut command = self.lab.inside();
        command.extend(["ssh", "-F", "/dev/null", "-i"].map(str::to_owned));
        command.push(folders.ssh_key().display().to_string());
        for option in [
            "IdentitiesOnly=yes",
            "BatchMode=yes",
            "LogLevel=ERROR",
            "ConnectTimeout=5",
            "GSSAPIAuthentication=no",
        ] {
            command.extend(["-o".to_owned(), option.to_owned()]);
        }
        command.extend([
            "-o".to_owned(),
            format!("UserKnownHostsFile={}", folders.known_hosts().display()),
        ]);
        command.push(format!("slipway@{}", self.address()));
        command.extend(remote.iter().cloned());
        command
    }

    /// Runs a shell command on the machine as user `slipway` and returns what it printed.
    pub async fn run(&self, shell_command: &str) -> Result<String> {
        run(&self.ssh_command(&[shell_command.to_owned()])).await
    }

    pub(super) async fn wait_for_ssh(&self) -> Result<()> {
        let deadline = Instant::now() + BOOT_LIMIT;
        loop {
            let Err(error) = self.run("true").await else {
                return Ok(());
            };
            let stopped = crate::process::recorded(&self.process_record())?.is_none();
            if stopped || Instant::now() > deadline {
                let console = std::fs::read_to_string(self.console_log()).unwrap_or_default();
                return Err(Error::Timeout {
                    what: format!("SSH on machine `{}`", self.name),
                    seconds: BOOT_LIMIT.as_secs(),
                    reason: format!("{error}; its console said:\n{}", last_lines(&console, 15)),
                });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
