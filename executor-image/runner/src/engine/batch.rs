//! The linear strategy: one task after the other, each on all hosts of the batch that have come to it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError},
};

use futures::{StreamExt, stream};
use slipway_language::{Node, Scope};

use super::{
    HostState, TaskResult,
    cursor::Cursor,
    executor,
    handlers::HandlerTable,
    play::PlayRun,
    result::flag,
    run::{Bad, Fatal},
    select::{by_tags, count_tasks, selected_items, walk_tasks},
};
use crate::{
    output::{HostLine, HostOutcome, TaskHeader, message_of},
    playbook::{Action, Item, Task},
};

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BatchEnd {
    /// Every host has done what it could.
    Done,
    /// `meta: end_play`.
    EndPlay,
    /// Too many hosts failed: the playbook ends.
    Break,
}

/// The hosts of a batch on their way through the play.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) play: Arc<PlayRun>,
    pub(super) hosts: Vec<Arc<HostState>>,
    pub(super) cursors: HashMap<Arc<str>, Cursor>,
    pub(super) unreachable: HashSet<Arc<str>>,
    /// Every task in the order of the source, to tell which of the hosts' next tasks comes first.
    order: Vec<usize>,
    position: usize,
    pub(super) handlers: HandlerTable,
    max_fail: Option<f64>,
    pub(super) end: BatchEnd,
}

/// A task's identity: its address, which is never followed.
fn id(task: &Arc<Task>) -> usize {
    Arc::as_ptr(task).addr()
}

impl Batch {
    pub(super) fn new(play: &Arc<PlayRun>) -> Result<Self, Fatal> {
        let hosts: Vec<Arc<HostState>> = play
            .batch
            .iter()
            .filter_map(|name| play.run.hosts.get(name).cloned())
            .collect();
        let nobody = Arc::new(HostState::new(Arc::from(""), Vec::new()));
        let scope = play.scope(&nobody, None);
        let failed = |error| Fatal::at(&play.play.span, &format!("the play cannot start: {error}"));
        let max_fail = play
            .number(play.play.max_fail_percentage.as_ref(), &scope)
            .map_err(failed)?;
        let mut items: Vec<Item> = Vec::new();
        if let Some(gather) = &play.play.gather_facts
            && play
                .boolean(gather.wanted.as_ref(), &scope)
                .map_err(failed)?
                .unwrap_or(true)
        {
            items.push(Item::Task(Arc::clone(&gather.task)));
        }
        items.extend(play.play.items.iter().cloned());
        let selected = selected_items(&items, &mut by_tags(&play.run.options.tags));
        let selected = play.run.after_start(selected);
        let mut order = Vec::new();
        walk_tasks(&selected, &mut |task| order.push(id(task)));
        play.run
            .printer
            .play_started(&play.name, hosts.len(), count_tasks(&selected));
        let mut batch = Self {
            play: Arc::clone(play),
            cursors: hosts
                .iter()
                .map(|host| (Arc::clone(&host.name), Cursor::new(Arc::clone(&selected))))
                .collect(),
            hosts,
            unreachable: HashSet::new(),
            order,
            position: 0,
            handlers: HandlerTable::new(play, &scope),
            max_fail,
            end: BatchEnd::Done,
        };
        for host in play.run.out_of_play() {
            if let Some(cursor) = batch.cursors.get_mut(&host) {
                cursor.end();
                batch.unreachable.insert(host);
            }
        }
        Ok(batch)
    }

    /// Runs the batch to its end.
    pub(super) async fn run(mut self) -> Result<BatchEnd, Fatal> {
        while !self.play.run.stop.is_requested() {
            let Some((task, hosts)) = self.next_step() else {
                break;
            };
            for host in &hosts {
                if let Some(cursor) = self.cursors.get_mut(&host.name) {
                    cursor.advance();
                }
            }
            self.step(&task, hosts).await?;
            if self.end == BatchEnd::Break {
                break;
            }
        }
        if self.force_handlers() && !self.play.run.stop.is_requested() {
            let failed = self.with_failed_hosts(&[]);
            self.flush_handlers(&failed).await?;
        }
        Ok(self.end)
    }

    pub(super) fn force_handlers(&self) -> bool {
        let nobody = Arc::new(HostState::new(Arc::from(""), Vec::new()));
        let scope = self.play.scope(&nobody, None);
        let wanted = self.play.boolean(self.play.play.force_handlers.as_ref(), &scope);
        wanted
            .ok()
            .flatten()
            .unwrap_or(self.play.run.options.force_handlers)
    }

    /// The task that comes first, and the hosts that have come to it.
    fn next_step(&mut self) -> Option<(Arc<Task>, Vec<Arc<HostState>>)> {
        let mut waiting: Vec<(Arc<HostState>, Arc<Task>)> = Vec::with_capacity(self.hosts.len());
        let mut failed_late = Vec::new();
        for host in &self.hosts {
            let Some(cursor) = self.cursors.get_mut(&host.name) else {
                continue;
            };
            match cursor.current() {
                Some(task) => waiting.push((Arc::clone(host), task)),
                // A failure that waited for the end of `always`.
                None if cursor.is_failed() => failed_late.push(Arc::clone(&host.name)),
                None => {}
            }
        }
        for host in &failed_late {
            self.remove(host, false);
        }
        let (_, first) = waiting.first()?;
        let ids: HashSet<usize> = waiting.iter().map(|(_, task)| id(task)).collect();
        let found = (self.position..self.order.len())
            .chain(0..self.position)
            .find(|index| ids.contains(&self.order[*index]));
        let chosen = match found {
            Some(index) => {
                self.position = index + 1;
                self.order[index]
            }
            None => id(first),
        };
        let mut step: Option<Arc<Task>> = None;
        let mut hosts = Vec::new();
        for (host, task) in waiting {
            if id(&task) == chosen {
                step.get_or_insert(task);
                hosts.push(host);
            }
        }
        step.map(|task| (task, hosts))
    }

    /// Tasks that were included come next.
    pub(super) fn insert_order(&mut self, items: &[Item]) {
        let mut tasks = Vec::new();
        walk_tasks(items, &mut |task| tasks.push(id(task)));
        let position = self.position;
        self.order.splice(position..position, tasks);
    }

    async fn step(&mut self, task: &Arc<Task>, mut hosts: Vec<Arc<HostState>>) -> Result<(), Fatal> {
        if let Some(role) = task.role.as_ref().filter(|role| !role.allow_duplicates) {
            hosts.retain(|host| !host.has_completed(&role.identity));
            if hosts.is_empty() {
                return Ok(());
            }
        }
        match &task.action {
            Action::Meta(meta) => self.meta(*meta, task, hosts).await,
            Action::RoleComplete(role) => {
                for host in hosts {
                    host.complete(&role.identity);
                }
                Ok(())
            }
            _ => {
                let results = self.run_on(task, &hosts, false).await?;
                self.follow_up(task, &hosts, &results);
                Ok(())
            }
        }
    }

    /// Runs a task or handler on hosts, prints and counts the results, expands includes.
    pub(super) async fn run_on(
        &mut self,
        task: &Arc<Task>,
        hosts: &[Arc<HostState>],
        handler: bool,
    ) -> Result<Vec<TaskResult>, Fatal> {
        let Some(first) = hosts.first() else {
            return Ok(Vec::new());
        };
        let scope = self.play.scope(first, Some(task));
        let run_once = self.runs_once(task, &scope);
        let name = self.announce(task, &scope, handler);
        let chosen = if run_once {
            std::slice::from_ref(first)
        } else {
            hosts
        };
        let everybody: Vec<Arc<HostState>> = if run_once { self.reachable() } else { Vec::new() };
        let throttle = self
            .play
            .number(task.settings.throttle.as_ref(), &scope)
            .ok()
            .flatten();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of hosts"
        )]
        let limit = match throttle {
            Some(throttle) if throttle >= 1.0 => self.play.run.options.forks.min(throttle as usize),
            _ => self.play.run.options.forks,
        };
        let mut results = Vec::with_capacity(chosen.len());
        if let [host] = chosen {
            let receivers = if run_once {
                everybody.clone()
            } else {
                vec![Arc::clone(host)]
            };
            let result = executor::run_task(&self.play, host, task, &name, &receivers).await;
            self.settle(task, &result, &name, run_once, handler)?;
            results.push(result);
        } else {
            let play = Arc::clone(&self.play);
            let jobs = chosen.iter().cloned().map(|host| {
                let (play, task, name) = (Arc::clone(&play), Arc::clone(task), name.clone());
                // Spawned, so that templates of many hosts use all processors.
                async move {
                    let job = tokio::spawn(async move {
                        let receivers = [Arc::clone(&host)];
                        executor::run_task(&play, &host, &task, &name, &receivers).await
                    });
                    job.await
                }
            });
            let mut running = stream::iter(jobs).buffer_unordered(limit.max(1));
            while let Some(result) = running.next().await {
                let result = result.map_err(|error| {
                    Fatal::unexpected(format!("a task of the engine ended early: {error}"))
                })?;
                self.settle(task, &result, &name, false, handler)?;
                results.push(result);
            }
        }
        // In the order of the hosts, whoever was first.
        results.sort_by_key(|result| hosts.iter().position(|host| host.name == result.host));
        self.expand_includes(task, &results, handler);
        self.play.run.printer.task_finished(self.play.run.bad_hosts());
        Ok(results)
    }

    fn runs_once(&self, task: &Task, scope: &Scope) -> bool {
        matches!(
            self.play.boolean(task.settings.run_once.as_ref(), scope),
            Ok(Some(true))
        )
    }

    /// Prints the task's banner; returns its name.
    pub(super) fn announce(&self, task: &Task, scope: &Scope, handler: bool) -> String {
        let name = match &task.name {
            None => String::new(),
            Some(name) => match self.play.run.templar.render(name, scope) {
                Ok(value) => slipway_language::to_text(&value),
                Err(_) => name.as_str().unwrap_or_default().to_owned(),
            },
        };
        let name = task.display_name(name.trim());
        let module = task.module().map_or_else(
            || {
                let short = task.action_name.rsplit('.').next().unwrap_or_default();
                format!("ansible.builtin.{short}")
            },
            |module| module.name().to_owned(),
        );
        self.play.run.printer.task_started(TaskHeader {
            prefix: if handler { "RUNNING HANDLER" } else { "TASK" },
            name: name.clone(),
            is_debug: module == "ansible.builtin.debug",
            module,
            source: format!("{}:{}", task.span.file, task.span.line),
            play: self.play.name.clone(),
        });
        name
    }

    fn reachable(&self) -> Vec<Arc<HostState>> {
        self.hosts
            .iter()
            .filter(|host| !self.unreachable.contains(&host.name))
            .cloned()
            .collect()
    }

    /// Prints and counts one result, moves the host to where it leads, and notes whom it notifies.
    fn settle(
        &mut self,
        task: &Arc<Task>,
        result: &TaskResult,
        name: &str,
        run_once: bool,
        handler: bool,
    ) -> Result<(), Fatal> {
        let run = Arc::clone(&self.play.run);
        let line = result.line();
        let included = !result.includes.is_empty() && matches!(line, HostLine::Ok | HostLine::Changed);
        if !included {
            run.printer.host(&HostOutcome {
                host: &result.host,
                line,
                result: &result.map,
                no_log: result.no_log,
                looped: result.looped,
                took_ms: result.took_ms,
                items: &result.items,
            });
        }
        match line {
            HostLine::Failed { ignored: false } => self.settle_failure(result, name, run_once, handler),
            HostLine::Unreachable { ignored: false } => {
                let message = message_of(&result.map, result.no_log);
                let mut stats = run.stats();
                stats.host(&result.host).unreachable += 1;
                stats.failed(&result.host, name, message);
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
        let receivers: Vec<Arc<str>> = if run_once {
            self.reachable()
                .iter()
                .map(|host| Arc::clone(&host.name))
                .collect()
        } else {
            vec![Arc::clone(&result.host)]
        };
        for name in result.notify.iter().filter(|_| line == HostLine::Changed) {
            self.handlers
                .notify(name, &receivers)
                .map_err(|known| Fatal::unknown_handler(&task.span, name, &known))?;
        }
        Ok(())
    }

    fn settle_failure(&mut self, result: &TaskResult, name: &str, run_once: bool, handler: bool) {
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
            stats.failed(&result.host, name, message_of(&result.map, result.no_log));
        }
        drop(stats);
        if rescued && let Some(host) = run.hosts.get(&result.host) {
            let failed_result = super::result::public(&result.map);
            host.set.set_data(
                "ansible_failed_result",
                slipway_language::from_json(failed_result),
            );
            let failed_task = serde_json::json!({"name": name});
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

    fn remove(&mut self, host: &Arc<str>, unreachable: bool) {
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
                cursor.end();
            }
        }
    }

    /// `any_errors_fatal` and `max_fail_percentage`.
    fn follow_up(&mut self, task: &Arc<Task>, hosts: &[Arc<HostState>], results: &[TaskResult]) {
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
            return;
        }
        let scope = hosts.first().map(|host| self.play.scope(host, Some(task)));
        let fatal = scope.is_some_and(|scope| {
            let set = |node: Option<&Node>| matches!(self.play.boolean(node, &scope), Ok(Some(true)));
            set(task.settings.any_errors_fatal.as_ref()) && !set(task.settings.ignore_errors.as_ref())
        });
        if fatal && !bad.is_empty() {
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
            }
        }
    }
}
