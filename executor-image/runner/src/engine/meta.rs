//! `meta` tasks: what they do to hosts, handlers and connections.

use std::sync::Arc;

use super::{
    HostState,
    batch::{Batch, BatchEnd},
    result::skipped,
    run::Fatal,
};
use crate::{
    output::{HostLine, HostOutcome},
    playbook::{Action, Meta, Task},
};

impl Batch {
    /// The hosts that the conditions of a `meta` task choose.
    pub(super) fn chosen_for_meta(
        &mut self,
        meta: Meta,
        task: &Arc<Task>,
        hosts: Vec<Arc<HostState>>,
    ) -> Result<Vec<Arc<HostState>>, Fatal> {
        if task.implicit {
            return Ok(hosts);
        }
        let unconditional = matches!(
            meta,
            Meta::Noop | Meta::FlushHandlers | Meta::RefreshInventory | Meta::ResetConnection
        );
        if unconditional && !task.settings.when.is_empty() {
            self.play
                .run
                .printer
                .warning(&format!("{} task does not support when conditional", meta.name()));
        }
        let mut chosen = Vec::new();
        for host in hosts {
            let scope = self.play.scope(&host, Some(task));
            let header = self.header(task, &scope, false);
            self.play.run.printer.task_started(&header);
            let conditions = task.settings.when.iter().filter(|_| !unconditional);
            let mut verdicts = conditions.map(|condition| self.play.run.templar.condition(condition, &scope));
            let failed = verdicts.find_map(|verdict| match verdict {
                Ok(verdict) if verdict.is_true() => None,
                Ok(_) => Some(None),
                Err(error) => Some(Some(error)),
            });
            let once = matches!(
                meta,
                Meta::EndPlay
                    | Meta::EndBatch
                    | Meta::ClearFacts
                    | Meta::ClearHostErrors
                    | Meta::RefreshInventory
            );
            let done = once && failed.is_none();
            match failed {
                None => chosen.push(host),
                Some(None) => {
                    self.play.run.printer.host(&HostOutcome::plain(
                        &host.name,
                        HostLine::Skipped,
                        &skipped(""),
                    ));
                }
                Some(Some(error)) => return Err(Fatal::at(&task.span, &error.to_string())),
            }
            if done {
                break;
            }
        }
        Ok(chosen)
    }

    /// Carries out a `meta` task for these hosts.
    pub(super) async fn meta(
        &mut self,
        meta: Meta,
        task: &Arc<Task>,
        mut chosen: Vec<Arc<HostState>>,
    ) -> Result<(), Fatal> {
        if chosen.is_empty() {
            return Ok(());
        }
        match meta {
            Meta::Noop => {}
            Meta::FlushHandlers => {
                if task.implicit && self.force_handlers() {
                    chosen = self.with_failed_hosts(&chosen);
                }
                self.flush_handlers(&chosen).await?;
            }
            Meta::EndHost => self.end_hosts(&chosen),
            Meta::EndBatch | Meta::EndPlay => {
                let everybody = self.hosts.clone();
                self.end_hosts(&everybody);
                if meta == Meta::EndPlay {
                    self.end = BatchEnd::EndPlay;
                }
            }
            Meta::EndRole => self.end_role(task, &chosen),
            Meta::ResetConnection => {
                for host in &chosen {
                    self.play.run.connections.reset(&host.name).await;
                }
            }
            Meta::RefreshInventory => self.play.run.refresh_inventory()?,
            Meta::ClearFacts => self.hosts.iter().for_each(|host| host.clear_facts()),
            Meta::ClearHostErrors => {
                for host in &self.hosts {
                    self.play.run.unmark_bad(&host.name);
                    self.unreachable.remove(&host.name);
                    if let Some(cursor) = self.cursors.get_mut(&host.name) {
                        cursor.clear_failure();
                    }
                }
            }
        }
        Ok(())
    }

    fn end_hosts(&mut self, hosts: &[Arc<HostState>]) {
        for host in hosts {
            if let Some(cursor) = self.cursors.get_mut(&host.name) {
                cursor.end();
            }
        }
    }

    fn end_role(&mut self, task: &Task, hosts: &[Arc<HostState>]) {
        let Some(role) = &task.role else { return };
        for host in hosts {
            let Some(cursor) = self.cursors.get_mut(&host.name) else {
                continue;
            };
            while let Some(next) = cursor.current() {
                if matches!(&next.action, Action::RoleComplete(ended) if Arc::ptr_eq(ended, role)) {
                    break;
                }
                cursor.advance();
            }
        }
    }
}
