//! A whole run: playbooks one after the other, totals, the end.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use indexmap::IndexSet;
use slipway_language::{Span, Templar, VaultSecrets};
use slipway_report::RunOutcome;

use super::{
    Stop,
    fact_cache::FactCache,
    host::FactKeeping,
    play::{self, PlayEnd},
    roster::Roster,
    ssh_arguments::Understood,
};
use crate::{
    actions::LargeFiles,
    inventory::{Inventory, InventoryError, Vars},
    output::{Printer, Stats},
    playbook::{Item, Loader, Playbook, TagSelection},
    plugins::PythonPlugins,
    settings::Settings,
    transport::{HostKeyChecking, Hosts, Password},
};

/// What the command line asks for.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct RunOptions {
    /// `--check`
    pub check: bool,
    /// `--diff`
    pub diff: bool,
    /// `--forks`
    pub forks: usize,
    /// `--tags`, `--skip-tags`
    pub tags: TagSelection,
    /// `--start-at-task`
    pub start_at_task: Option<String>,
    /// `--limit` as given.
    pub limit: Option<String>,
    /// `-e`
    pub extra_vars: Arc<Vars>,
    /// The passwords of ansible-vault.
    pub vault: VaultSecrets,
    /// `--connection`
    pub connection: Option<String>,
    /// `--user`
    pub remote_user: Option<String>,
    /// `--private-key`
    pub private_key: Option<PathBuf>,
    /// Whether host keys must be known.
    pub host_key_checking: HostKeyChecking,
    /// Whether `--known-hosts` names the file with them, whatever configuration files of `ssh` say.
    pub names_known_hosts: bool,
    /// `--become`
    pub r#become: bool,
    /// `--step`
    pub step: bool,
    /// `--force-handlers`
    pub force_handlers: bool,
    /// The password to log in with where no variable has one.
    pub connection_password: Option<Password>,
    /// The password to become another user with where no variable has one.
    pub become_password: Option<Password>,
    /// The user that runs the runner.
    pub own_user: String,
    /// Everything that `ansible.cfg`, the environment and the command line say, laid over each other.
    pub settings: Arc<Settings>,
    /// Plugins that are written in Python.
    pub plugins: Arc<PythonPlugins>,
}

/// A run.
#[derive(Debug)]
pub struct Run {
    pub(crate) templar: Templar,
    pub(crate) options: RunOptions,
    pub(crate) roster: Roster,
    /// The hosts of `--limit`.
    pub(crate) limit: Option<IndexSet<Arc<str>>>,
    pub(crate) printer: Arc<Printer>,
    pub(crate) connections: Hosts,
    pub(crate) stop: Stop,
    pub(super) ssh_arguments: Understood,
    pub(crate) large_files: LargeFiles,
    stats: Mutex<Stats>,
    /// Hosts that failed or cannot be reached: they take part in no more plays.
    bad: Mutex<HashMap<Arc<str>, Bad>>,
    started_at_task: Mutex<bool>,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct RunSummary {
    /// As `ansible-playbook` would exit.
    pub exit_code: i32,
    /// In one word.
    pub outcome: RunOutcome,
    /// What went wrong where no host is to blame.
    pub message: Option<String>,
    /// Totals.
    pub stats: Stats,
}

/// Why a host takes part in no more plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    /// A task failed and nothing rescued it.
    Failed,
    /// It could not be reached.
    Unreachable,
}

/// What ends a run at once.
#[derive(Debug, Clone)]
pub struct Fatal {
    /// For a person.
    pub message: String,
    /// The exit code.
    pub exit_code: i32,
}

impl Fatal {
    pub(super) fn invalid(message: String) -> Self {
        Self {
            message,
            exit_code: 1,
        }
    }

    /// A file that is read while the run goes on, and cannot be used.
    pub(super) fn malformed(message: String) -> Self {
        Self {
            message,
            exit_code: 4,
        }
    }

    pub(super) fn unexpected(message: String) -> Self {
        Self {
            message,
            exit_code: 250,
        }
    }

    pub(super) fn at(span: &Span, message: &str) -> Self {
        Self::invalid(crate::playbook::Problem::new(span, message).to_string())
    }

    pub(super) fn unknown_handler(span: &Span, name: &str, known: &[String]) -> Self {
        let message = super::unknown_handler(name);
        let problem =
            crate::playbook::Problem::new(span, message).nearest(name, known.iter().map(String::as_str));
        Self::invalid(problem.to_string())
    }
}

impl Run {
    /// Prepares a run.
    pub fn new(
        templar: Templar,
        options: RunOptions,
        inventory: Inventory,
        limit: Option<IndexSet<Arc<str>>>,
        printer: Arc<Printer>,
        connections: Hosts,
        stop: Stop,
    ) -> Self {
        let cache = FactCache::new(&options.settings).unwrap_or_else(|problem| {
            printer.warning(&problem);
            FactCache::default()
        });
        let keeping = FactKeeping {
            cache,
            inject: options.settings.inject_facts_as_vars,
        };
        Self {
            templar,
            options,
            limit,
            roster: Roster::new(inventory, keeping),
            printer,
            connections,
            stop,
            ssh_arguments: Understood::default(),
            large_files: LargeFiles::default(),
            stats: Mutex::default(),
            bad: Mutex::default(),
            started_at_task: Mutex::new(false),
        }
    }

    /// Forgets the facts that are known or kept of all hosts.
    pub fn forget_facts(&self) {
        self.roster.clear_facts();
    }

    /// The totals, to be changed.
    pub(crate) fn stats(&self) -> MutexGuard<'_, Stats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bad(&self) -> MutexGuard<'_, HashMap<Arc<str>, Bad>> {
        self.bad.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mark_bad(&self, host: &Arc<str>, bad: Bad) {
        self.bad().insert(Arc::clone(host), bad);
    }

    pub(super) fn unmark_bad(&self, host: &Arc<str>) {
        self.bad().remove(host);
    }

    pub(super) fn bad_hosts(&self) -> usize {
        self.bad().len()
    }

    /// Hosts that take part in no more plays.
    pub(super) fn out_of_play(&self) -> Vec<Arc<str>> {
        self.bad().keys().cloned().collect()
    }

    /// The items from the task of `--start-at-task` on.
    pub(super) fn after_start(&self, items: Arc<[Item]>) -> Arc<[Item]> {
        let Some(wanted) = &self.options.start_at_task else {
            return items;
        };
        let mut started = self
            .started_at_task
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let pattern = glob::Pattern::new(wanted).ok();
        super::selected_items(&items, &mut |task| {
            if !*started {
                let name = task
                    .name
                    .as_ref()
                    .and_then(slipway_language::Node::as_str)
                    .unwrap_or_default();
                let shown = task.display_name(name);
                let matches = |text: &str| {
                    text == wanted || pattern.as_ref().is_some_and(|pattern| pattern.matches(text))
                };
                *started = matches(name) || matches(&shown);
            }
            // Facts and flushes of handlers are needed wherever the play starts.
            *started || task.implicit || task.action_name.as_ref() == "gather_facts"
        })
    }

    /// Plays the playbooks.
    pub async fn execute(self: &Arc<Self>, playbooks: &[(Playbook, Loader)]) -> RunSummary {
        let names: Vec<String> = playbooks
            .iter()
            .map(|(playbook, _)| playbook.file.clone())
            .collect();
        self.printer.run_started(
            &names,
            self.limit
                .as_ref()
                .map_or_else(|| self.roster.inventory().hosts.len(), IndexSet::len),
        );
        let mut fatal = None;
        for (playbook, loader) in playbooks {
            self.printer.playbook_started(playbook, self.options.check);
            let plays = format!("{} plays in {}", playbook.plays.len(), playbook.file);
            self.printer.detail(&plays, 2);
            let ended = self.playbook(playbook, loader).await;
            fatal = ended.err();
            if let Some(fatal) = &fatal {
                self.printer.error(&fatal.message);
            }
            let complete = fatal.is_none() && self.bad_hosts() == 0 && !self.stop.is_requested();
            // Where nothing began there is nothing to sum up.
            if fatal.is_none() || !self.stats().hosts.is_empty() {
                self.printer.recap(&self.stats(), complete);
            }
            if !complete {
                break;
            }
        }
        self.summary(fatal)
    }

    async fn playbook(self: &Arc<Self>, playbook: &Playbook, loader: &Loader) -> Result<(), Fatal> {
        self.roster
            .load_variables(&playbook.directory, &self.options.vault, &self.options.settings)
            .map_err(|error| Fatal::malformed(error.to_string()))?;
        for play in &playbook.plays {
            if self.stop.is_requested() {
                break;
            }
            let end = play::run_play(self, play, loader).await;
            match end {
                Ok(PlayEnd::GoOn) => {}
                Ok(PlayEnd::Break) => break,
                Err(fatal) => return Err(fatal),
            }
        }
        Ok(())
    }

    /// Reads the sources of the inventory again.
    pub(super) fn refresh_inventory(&self) -> Result<(), Fatal> {
        let invalid = |error: InventoryError| Fatal::invalid(error.to_string());
        let context = crate::inventory::Context {
            settings: &self.options.settings,
            templar: self.templar.clone(),
            files: super::task_files(std::path::Path::new("/"), &self.options.vault),
            extra_vars: Arc::clone(&self.options.extra_vars),
            directory: self.roster.directory(),
            vault: self.options.vault.clone(),
            cache: false,
        };
        let loaded = crate::inventory::load(&self.roster.inventory().sources, &context).map_err(invalid)?;
        for warning in &loaded.warnings {
            self.printer.warning(warning);
        }
        let mut inventory = loaded.inventory;
        let has_local = inventory
            .hosts
            .keys()
            .any(|name| crate::inventory::pattern::is_local_name(name));
        if !has_local {
            inventory.add_implicit_localhost("localhost");
        }
        self.roster
            .replace(inventory, &self.options.vault, &self.options.settings)
            .map_err(invalid)
    }

    /// Makes what tasks have changed of the inventory visible.
    pub(super) fn refresh_roster(&self) {
        self.roster.refresh();
    }

    /// The tags that were asked for.
    pub fn tags(&self) -> &TagSelection {
        &self.options.tags
    }

    /// The hosts that patterns choose within the limit; none for patterns that cannot be read.
    pub fn select(&self, patterns: &[String]) -> Vec<Arc<str>> {
        self.hosts_of(patterns)
            .map(|hosts| hosts.into_iter().collect())
            .unwrap_or_default()
    }

    /// Tells the agents to stop what they are doing.
    pub async fn cancel_calls(&self) {
        self.connections.cancel_all().await;
    }

    /// Ends all connections without asking.
    pub fn drop_connections(&self) {
        self.connections.abandon();
    }

    /// Ends all connections in order.
    pub async fn close(&self) {
        self.connections.close().await;
    }

    fn summary(&self, fatal: Option<Fatal>) -> RunSummary {
        let stats = self.stats().clone();
        let unreachable = self.bad().values().any(|bad| *bad == Bad::Unreachable);
        let (exit_code, outcome) = match (self.stop.signal(), &fatal) {
            (Some(signal), _) => (128 + signal, RunOutcome::Cancelled),
            (None, Some(fatal)) => (fatal.exit_code, RunOutcome::Invalid),
            (None, None) if unreachable => (4, RunOutcome::Unreachable),
            (None, None) if self.bad_hosts() > 0 => (2, RunOutcome::Failed),
            (None, None) => (0, RunOutcome::Succeeded),
        };
        RunSummary {
            exit_code,
            outcome,
            message: fatal.map(|fatal| fatal.message),
            stats,
        }
    }
}
