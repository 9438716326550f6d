//! `meta` tasks: what they do to hosts, handlers and connections.

use std::sync::{Arc, PoisonError};

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
    /// Carries out a `meta` task for the hosts that its conditions choose.
    pub(super) async fn meta(
        &mut self,
        meta: Meta,
        task: &Arc<Task>,
        hosts: Vec<Arc<HostState>>,
    ) -> Result<(), Fatal> {
        let mut chosen = Vec::new();
        for host in hosts {
            let scope = self.play.scope(&host, Some(task));
            if !task.implicit {
                self.announce(task, &scope, false);
            }
            let mut verdicts = task
                .settings
                .when
                .iter()
                .map(|condition| self.play.run.templar.condition(condition, &scope));
            let failed = verdicts.find_map(|verdict| match verdict {
                Ok(verdict) if verdict.is_true() => None,
                Ok(_) => Some(None),
                Err(error) => Some(Some(error)),
            });
            let once = matches!(
                meta,
                Meta::EndPlay | Meta::EndBatch | Meta::ClearFacts | Meta::ClearHostErrors
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
            Meta::ClearFacts => self.hosts.iter().for_each(|host| host.clear_facts()),
            Meta::ClearHostErrors => {
                for host in &self.hosts {
                    self.play.run.unmark_bad(&host.name);
                    self.play
                        .removed
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .remove(&host.name);
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
