//! What programs that run tasks share: from an inventory and plays to a run and its end.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{
    hosts::Limit,
    passwords::LoginPasswords,
    refusal::{Refusal, exit},
    signals,
    start::Start,
};
use crate::{
    engine::{Run, RunOptions, RunSummary, Stop},
    inventory::Inventory,
    output::Printer,
    playbook::{Loader, Playbook, TagSelection},
    plugins::PluginCarriers,
    settings::Settings,
    transport::{AgentBinary, HostKeyChecking, Hosts, HostsOptions},
};

/// What a run is made of, besides its hosts and plays.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Session {
    /// What the program began with.
    pub start: Start,
    /// Passwords where no variable has one.
    pub passwords: LoginPasswords,
    /// `--check`
    pub check: bool,
    /// `--step`
    pub step: bool,
    /// `--start-at-task`
    pub start_at_task: Option<String>,
    /// `--limit` as given.
    pub limit: Option<String>,
    /// The known-hosts file; the usual one if none.
    pub known_hosts: Option<PathBuf>,
    /// Whether the agent stays on hosts.
    pub keep_agent: bool,
    /// Whether hosts are reached at all.
    pub reaches_hosts: bool,
}

impl Session {
    /// A run that has not begun.
    ///
    /// # Errors
    /// When there is no agent for hosts.
    pub fn prepare(&self, inventory: Inventory, limit: Limit) -> Result<(Arc<Run>, Stop), Refusal> {
        let agent = if self.reaches_hosts {
            Some(AgentBinary::find().map_err(|error| Refusal::new(exit::ERROR, error))?)
        } else {
            None
        };
        let connections = Hosts::new(
            agent,
            HostsOptions {
                known_hosts: self.known_hosts.clone(),
                keep_agent: self.keep_agent,
                carriers: Some(Arc::new(PluginCarriers(Arc::clone(&self.start.plugins)))),
            },
        );
        let stop = Stop::default();
        let run = Run::new(
            self.start.templar.clone(),
            self.options(),
            inventory,
            limit,
            Arc::clone(&self.start.printer),
            connections,
            stop.clone(),
        );
        Ok((Arc::new(run), stop))
    }

    /// Plays to the end, or until a signal.
    pub async fn play(&self, run: &Arc<Run>, stop: Stop, playbooks: &[(Playbook, Loader)]) -> RunSummary {
        let watcher = tokio::spawn(signals::watch(
            Arc::clone(run),
            stop,
            Arc::clone(&self.start.printer),
        ));
        let summary = run.execute(playbooks).await;
        watcher.abort();
        run.close().await;
        summary
    }

    fn options(&self) -> RunOptions {
        let settings = &self.start.settings;
        RunOptions {
            check: self.check,
            step: self.step,
            diff: settings.diff_always,
            forks: settings.forks.max(1),
            tags: TagSelection {
                only: settings.run_tags.clone(),
                skip: settings.skip_tags.clone(),
            },
            start_at_task: self.start_at_task.clone(),
            limit: self.limit.clone(),
            extra_vars: Arc::clone(&self.start.extra_vars),
            vault: self.start.vault.clone(),
            connection: Some(settings.transport.clone()),
            remote_user: settings.remote_user.clone(),
            private_key: settings.private_key_file.clone(),
            host_key_checking: if settings.host_key_checking {
                HostKeyChecking::Pinned
            } else {
                HostKeyChecking::Off
            },
            names_known_hosts: self.known_hosts.is_some(),
            r#become: settings.becomes,
            force_handlers: settings.force_handlers,
            connection_password: self.passwords.connection.clone(),
            become_password: self.passwords.becomes.clone(),
            own_user: own_user(),
            settings: Arc::clone(settings),
            plugins: Arc::clone(&self.start.plugins),
        }
    }
}

/// The name of the user that runs this program; its number if it has none.
fn own_user() -> String {
    let uid = rustix::process::geteuid().as_raw();
    let entries = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    entries
        .lines()
        .map(|line| line.split(':').collect::<Vec<&str>>())
        .find(|fields| fields.get(2).and_then(|field| field.parse().ok()) == Some(uid))
        .and_then(|fields| fields.first().map(|name| (*name).to_owned()))
        .unwrap_or_else(|| uid.to_string())
}

/// Runs a program that needs the asynchronous runtime; its exit code.
pub fn block_on(settings: &Settings, program: impl Future<Output = i32>) -> std::process::ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            Printer::bare(settings).error(&format!("the asynchronous runtime cannot start: {error}"));
            return std::process::ExitCode::from(250);
        }
    };
    let code = runtime.block_on(program);
    // Calls that never answered are not waited for.
    runtime.shutdown_timeout(Duration::from_millis(200));
    std::process::ExitCode::from(u8::try_from(code).unwrap_or(250))
}
