//! What follows from the result of a task: lines and totals, where the host goes on, whom it notifies, whom else it takes along.

use std::sync::{Arc, PoisonError};

use super::{
    HostState, TaskResult,
    batch::{Batch, BatchEnd, for_all_hosts},
    cursor::Cursor,
    result::flag,
    run::{Bad, Fatal},
};
use crate::{
    output::{HostLine, HostOutcome, message_of},
    playbook::{Keyword, Task},
};

impl Batch {
    /// Prints and counts one result, moves the host to where it leads, and notes whom it notifies.
    pub(super) fn settle(
        &mut self,
        task: &Arc<Task>,
        result: &TaskResult,
        run_once: bool,
        handler: bool,
    ) -> Result<(), Fatal> {
        let run = Arc::clone(&self.play.run);
        let line = result.line();
        if line == HostLine::Changed {
            self.notify(task, result, handler)?;
        }
        let included = !result.includes.is_empty() && matches!(line, HostLine::Ok | HostLine::Changed);
        let outcome = HostOutcome {
            header: Some(&result.header),
            host: &result.host,
            label: result.label.as_deref(),
            line,
            result: &result.map,
            no_log: result.no_log,
            looped: result.looped,
            took_ms: result.took_ms,
            items: &result.items,
        };
        if included {
            run.printer.asked_to_include(&outcome);
        } else {
            run.printer.host(&outcome);
        }
        if let Some(counted) = result.map.get("ansible_stats") {
            run.stats().count_all(&result.host, counted);
        }
        if let Some(role) = &task.role
            && !matches!(line, HostLine::Skipped | HostLine::Unreachable { .. })
            && let Some(host) = run.roster.host(&result.host)
        {
            host.begin(&role.identity);
        }
        match line {
            HostLine::Failed { ignored: false } => self.settle_failure(task, result, run_once, handler),
            HostLine::Unreachable { ignored: false } => {
                let message = message_of(&result.map, result.no_log);
                let mut stats = run.stats();
                stats.host(&result.host).unreachable += 1;
                stats.failed(&result.host, &result.header.name, message);
                drop(stats);
                self.remove(&result.host, true);
            }
            HostLine::Failed { ignored: true } | HostLine::Unreachable { ignored: true } => {
                let mut stats = run.stats();
                let totals = stats.host(&result.host);
                totals.ok += 1;
                totals.ignored += 1;
                totals.changed += u32::from(flag(&result.map, "changed"));
            }
            HostLine::Skipped => run.stats().host(&result.host).skipped += 1,
            // Counted when what is included has been loaded.
            HostLine::Ok | HostLine::Changed if included => {}
            HostLine::Ok | HostLine::Changed => {
                let mut stats = run.stats();
                let totals = stats.host(&result.host);
                totals.ok += 1;
                totals.changed += u32::from(line == HostLine::Changed);
            }
        }
        Ok(())
    }

    /// Notes whom a host notifies. Of `run_once` too, only the host that did the task runs the handler.
    fn notify(&mut self, task: &Task, result: &TaskResult, handler: bool) -> Result<(), Fatal> {
        let run = Arc::clone(&self.play.run);
        for name in &result.notify {
            for warning in self.handlers.warnings(name) {
                run.printer.warning(warning);
            }
            let known = match self.handlers.notify(name, &result.host, handler) {
                Err(known) => known,
                Ok(notified) => {
                    self.tell_notified(&notified, &result.host);
                    if !handler {
                        run.printer
                            .detail(&format!("Notification for handler {name} has been saved."), 2);
                    }
                    continue;
                }
            };
            let mut written = task.settings.notify.iter();
            let written = written.find(|node| node.as_str() == Some(name));
            let span = written.map_or(&task.span, |node| &node.span);
            let unknown = Fatal::unknown_handler(span, name, &known);
            if run.options.settings.error_on_missing_handler {
                return Err(unknown);
            }
            run.printer.warning(&unknown.message);
        }
        Ok(())
    }

    fn settle_failure(&mut self, task: &Task, result: &TaskResult, run_once: bool, handler: bool) {
        let run = Arc::clone(&self.play.run);
        // A handler's failure is rescued too, but Ansible counts it as a failure.
        let rescued = !handler
            && self
                .cursors
                .get(&result.host)
                .is_some_and(Cursor::would_be_rescued);
        let mut stats = run.stats();
        if rescued {
            stats.host(&result.host).rescued += 1;
        } else {
            stats.host(&result.host).failed += 1;
            stats.failed(
                &result.host,
                &result.header.name,
                message_of(&result.map, result.no_log),
            );
        }
        drop(stats);
        if rescued && let Some(host) = run.roster.host(&result.host) {
            let failed_result = super::result::public(&result.map);
            host.set.set_answer(
                "ansible_failed_result",
                slipway_language::from_json(failed_result),
                false,
            );
            // Without the role before it, unlike as printed.
            let name = match &task.role {
                Some(role) => {
                    let prefix = format!("{} : ", role.name);
                    result
                        .header
                        .name
                        .strip_prefix(&prefix)
                        .unwrap_or(&result.header.name)
                }
                None => &result.header.name,
            };
            let failed_task = serde_json::json!({"name": name, "action": task.action_name.as_ref()});
            host.set
                .set_data("ansible_failed_task", slipway_language::from_json(failed_task));
        }
        let failing: Vec<Arc<str>> = if run_once {
            self.reachable()
                .iter()
                .map(|host| Arc::clone(&host.name))
                .collect()
        } else {
            vec![Arc::clone(&result.host)]
        };
        for host in failing {
            self.fail(&host);
        }
    }

    /// Moves a host to where a failure leads it.
    pub(super) fn fail(&mut self, host: &Arc<str>) {
        let Some(cursor) = self.cursors.get_mut(host) else {
            return;
        };
        cursor.fail();
        if cursor.is_failed() {
            self.remove(host, false);
        }
    }

    pub(super) fn remove(&mut self, host: &Arc<str>, unreachable: bool) {
        self.play
            .removed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(Arc::clone(host));
        self.play.run.mark_bad(
            host,
            if unreachable {
                Bad::Unreachable
            } else {
                Bad::Failed
            },
        );
        if unreachable {
            self.unreachable.insert(Arc::clone(host));
            if let Some(cursor) = self.cursors.get_mut(host) {
                cursor.halt();
            }
        }
    }

    /// `any_errors_fatal` and `max_fail_percentage`. Whether they have ended what all hosts do.
    pub(super) fn follow_up(
        &mut self,
        task: &Arc<Task>,
        hosts: &[Arc<HostState>],
        results: &[TaskResult],
    ) -> bool {
        let bad: Vec<&TaskResult> = results
            .iter()
            .filter(|result| {
                matches!(
                    result.line(),
                    HostLine::Failed { ignored: false } | HostLine::Unreachable { ignored: false }
                )
            })
            .collect();
        // A failure inside `always` shows only when the block ends: where it leads is known then.
        let failed_late = self.cursors.values().any(Cursor::is_failed);
        if bad.is_empty() && !failed_late {
            return false;
        }
        let scope = hosts.first().map(|host| self.play.scope(host, Some(task)));
        let fatal = scope.is_some_and(|scope| {
            let set = |node: Option<&Keyword>| matches!(self.play.boolean(node, &scope), Ok(Some(true)));
            (set(task.settings.any_errors_fatal.as_ref()) || for_all_hosts(task))
                && !set(task.settings.ignore_errors.as_ref())
        });
        let mut ends = fatal && !bad.is_empty();
        if ends {
            for host in self.reachable() {
                if !bad.iter().any(|result| result.host == host.name) && !self.cursors[&host.name].is_failed()
                {
                    self.fail(&host.name);
                }
            }
        }
        if let Some(limit) = self.max_fail {
            let failed = self.cursors.values().filter(|cursor| cursor.is_failed()).count();
            #[expect(clippy::cast_precision_loss, reason = "hosts are few enough")]
            let share = failed as f64 / self.hosts.len() as f64;
            if share > limit / 100.0 {
                for host in self.reachable() {
                    self.fail(&host.name);
                }
                // Twice, as Ansible does: once for the limit, once for the hosts.
                self.play.run.printer.no_hosts_left();
                self.play.run.printer.no_hosts_left();
                self.end = BatchEnd::Break;
                ends = true;
            }
        }
        ends
    }
}
