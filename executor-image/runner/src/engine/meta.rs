//! `meta` tasks: what they do to hosts, handlers and connections.

use std::sync::Arc;

use super::{
    HostState,
    batch::{Batch, BatchEnd},
    result,
    run::Fatal,
};
use crate::{
    output::{HostLine, HostOutcome},
    playbook::{Action, Meta, Strategy, Task},
};

/// What is said of a `meta` task that is carried out for a host; of the end of a role, nothing.
fn done(meta: Meta, host: &HostState) -> Option<String> {
    let host = &host.name;
    Some(match meta {
        Meta::Noop => "noop".to_owned(),
        Meta::FlushHandlers => format!("triggered running handlers for {host}"),
        Meta::RefreshInventory => "inventory successfully refreshed".to_owned(),
        Meta::ClearFacts => "facts cleared".to_owned(),
        Meta::ClearHostErrors => "cleared host errors".to_owned(),
        Meta::EndBatch => "ending batch".to_owned(),
        Meta::EndPlay => "ending play".to_owned(),
        Meta::EndHost => format!("ending play for {host}"),
        Meta::EndRole => return None,
        Meta::ResetConnection => "reset connection".to_owned(),
    })
}

/// Why a `meta` task is not carried out for a host whose condition is false.
fn not_done(meta: Meta, task: &Task, host: &HostState) -> String {
    let host = &host.name;
    let goes_on = match meta {
        Meta::FlushHandlers => format!(", not running handlers for {host}"),
        Meta::ClearFacts => format!(", not clearing facts and fact cache for {host}"),
        Meta::ClearHostErrors => format!(", not clearing host error state for {host}"),
        Meta::EndBatch => ", continuing current batch".to_owned(),
        Meta::EndPlay => ", continuing play".to_owned(),
        Meta::EndHost => format!(", continuing execution for {host}"),
        // Ansible puts nothing between this and what comes before.
        Meta::EndRole => format!("continuing role {} for {host}", role_name(task)),
        Meta::Noop | Meta::RefreshInventory | Meta::ResetConnection => String::new(),
    };
    format!("{} conditional evaluated to False{goes_on}", meta.name())
}

/// The message of a result of a `meta` task that is not carried out.
fn not_done_message(meta: Meta, host: &HostState) -> String {
    match meta {
        Meta::EndHost => format!(
            "end_host conditional evaluated to false, continuing execution for {}",
            host.name
        ),
        _ => meta.name().to_owned(),
    }
}

fn role_name(task: &Task) -> &str {
    task.role.as_ref().map_or("", |role| &role.name)
}

impl Batch {
    /// The hosts that the conditions of a `meta` task choose; what it does or does not is told of each.
    pub(super) fn chosen_for_meta(
        &mut self,
        meta: Meta,
        task: &Arc<Task>,
        hosts: Vec<Arc<HostState>>,
        handler: bool,
    ) -> Result<Vec<Arc<HostState>>, Fatal> {
        if task.implicit {
            return Ok(hosts);
        }
        let run = Arc::clone(&self.play.run);
        let unconditional = matches!(meta, Meta::Noop | Meta::RefreshInventory | Meta::ResetConnection);
        if unconditional && !task.settings.when.is_empty() {
            run.printer
                .warning(&format!("{} task does not support when conditional", meta.name()));
        }
        let once = matches!(
            meta,
            Meta::EndPlay
                | Meta::EndBatch
                | Meta::ClearFacts
                | Meta::ClearHostErrors
                | Meta::RefreshInventory
        );
        let mut chosen = Vec::new();
        // What concerns everybody is decided by the first host alone.
        for host in hosts.into_iter().take(if once { 1 } else { usize::MAX }) {
            let scope = self.play.scope(&host, Some(task));
            let header = self.header(task, &scope, handler);
            // A host that does not wait for others has its banner with its results.
            if self.play.play.strategy == Strategy::Linear {
                run.printer.task_started(&header);
            } else {
                run.printer.meta_started(&header);
            }
            let conditions = task.settings.when.iter().filter(|_| !unconditional);
            let mut verdicts =
                conditions.map(|condition| run.templar.condition_near(condition, &task.span, &scope));
            let decisive = verdicts.find(|verdict| !matches!(verdict, Ok(verdict) if verdict.is_true()));
            let refused = decisive.transpose();
            let refused = refused.map_err(|error| Fatal::at(&task.span, &error.to_string()))?;
            if refused.is_none() {
                if meta == Meta::FlushHandlers {
                    self.notify_saved(&host.name);
                }
                if let Some(done) = done(meta, &host) {
                    run.printer.detail(&format!("META: {done}"), 2);
                }
                chosen.push(host);
            } else {
                let reason = not_done(meta, task, &host);
                run.printer.detail(&format!("META: {reason}"), 2);
                let map = result::to_map(serde_json::json!({
                    "msg": not_done_message(meta, &host), "skipped": true, "skip_reason": reason,
                }));
                run.printer.host(&HostOutcome {
                    header: Some(&header),
                    ..HostOutcome::plain(&host.name, HostLine::Skipped, &map)
                });
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

    /// Carries out a `meta` task that is a handler. Hosts that leave the play run no more handlers either.
    pub(super) async fn meta_handler(
        &mut self,
        meta: Meta,
        task: &Arc<Task>,
        hosts: Vec<Arc<HostState>>,
    ) -> Result<(), Fatal> {
        let chosen = self.chosen_for_meta(meta, task, hosts, true)?;
        let leaving = match meta {
            Meta::EndHost => chosen.clone(),
            Meta::EndBatch | Meta::EndPlay if !chosen.is_empty() => self.hosts.clone(),
            _ => Vec::new(),
        };
        for host in leaving {
            self.handlers.forget(&host.name);
        }
        self.meta(meta, task, chosen).await
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
