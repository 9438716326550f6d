//! The strategies `free` and `host_pinned`: each host goes on as soon as it can.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use tokio::task::JoinSet;

use super::{
    HostState, TaskResult,
    batch::{Batch, for_all_hosts, id, passes_over},
    executor,
    run::Fatal,
};
use crate::{
    output::{HostLine, TaskHeader},
    playbook::{Action, Meta, Task},
};

/// A task that a host has come to.
struct Step {
    task: Arc<Task>,
    /// Its place in the table of handlers, if it is one.
    handler: Option<usize>,
}

/// A step that a host has done.
struct Done {
    host: Arc<HostState>,
    step: Step,
    result: TaskResult,
}

/// What is under way.
#[derive(Default)]
struct UnderWay {
    jobs: JoinSet<Done>,
    /// How many hosts are at each task.
    at_task: HashMap<usize, usize>,
    /// What is printed before the results of each task.
    headers: HashMap<usize, Arc<TaskHeader>>,
}

impl Batch {
    /// Runs the batch; `pinned` ends with a host before it begins with another.
    pub(super) async fn free(&mut self, pinned: bool) -> Result<(), Fatal> {
        if self.max_fail.is_some() {
            self.play.run.printer.warning("Using max_fail_percentage with the free strategy is not supported, as tasks are executed independently on each host");
        }
        let forks = self.play.run.options.forks.max(1);
        let mut ready: VecDeque<Arc<HostState>> = self.hosts.iter().cloned().collect();
        let mut under_way = UnderWay::default();
        loop {
            // Hosts that a throttle holds back are asked again when something has ended.
            let mut held = Vec::new();
            while under_way.jobs.len() < forks && !self.play.run.stop.is_requested() {
                let Some(host) = ready.pop_front() else { break };
                if let Some(step) = self.next_of(&host).await?
                    && !self.start(&host, step, &mut under_way)?
                {
                    held.push(host);
                }
            }
            ready.extend(held);
            let Some(done) = under_way.jobs.join_next().await else {
                return Ok(());
            };
            let done = done
                .map_err(|error| Fatal::unexpected(format!("a task of the engine ended early: {error}")))?;
            if let Some(count) = under_way.at_task.get_mut(&id(&done.step.task)) {
                *count -= 1;
            }
            let host = Arc::clone(&done.host);
            self.finish(done)?;
            if pinned {
                ready.push_front(host);
            } else {
                ready.push_back(host);
            }
        }
    }

    /// What a host is to do next, past everything that the engine does itself.
    async fn next_of(&mut self, host: &Arc<HostState>) -> Result<Option<Step>, Fatal> {
        loop {
            if let Some((index, task)) = self.handlers.next_flushed(&host.name) {
                if let Action::Meta(meta) = task.action {
                    self.meta_handler(meta, &task, vec![Arc::clone(host)]).await?;
                    continue;
                }
                return Ok(Some(Step {
                    task,
                    handler: Some(index),
                }));
            }
            let Some(cursor) = self.cursors.get_mut(&host.name) else {
                return Ok(None);
            };
            let Some(task) = cursor.current() else {
                if cursor.is_failed() {
                    self.remove(&host.name, false);
                }
                return Ok(None);
            };
            // A throttle may hold the host back: it goes past the task when the task starts.
            if !passes_over(host, &task) && !matches!(task.action, Action::Meta(_) | Action::RoleComplete(_))
            {
                return Ok(Some(Step { task, handler: None }));
            }
            if let Some(cursor) = self.cursors.get_mut(&host.name) {
                cursor.advance();
            }
            match &task.action {
                Action::Meta(meta) if !passes_over(host, &task) => {
                    let chosen = self.chosen_for_meta(*meta, &task, vec![Arc::clone(host)], false)?;
                    if *meta == Meta::FlushHandlers {
                        for host in &chosen {
                            self.notify_saved(&host.name);
                            self.handlers.begin_flush(&host.name);
                        }
                    } else {
                        self.meta(*meta, &task, chosen).await?;
                    }
                }
                Action::RoleComplete(role) => host.complete(&role.identity),
                _ => {}
            }
        }
    }

    /// Starts a step, unless too many hosts are at the same task.
    fn start(&mut self, host: &Arc<HostState>, step: Step, under_way: &mut UnderWay) -> Result<bool, Fatal> {
        let task = &step.task;
        let scope = self.play.scope(host, Some(task));
        if for_all_hosts(task) {
            return Err(Fatal::at(
                &task.span,
                &format!(
                    "The '{}' module bypasses the host loop, which is currently not supported in the free strategy and would instead execute for every host in the inventory list.",
                    task.action_name
                ),
            ));
        }
        let at_task = under_way.at_task.entry(id(task)).or_default();
        let full = self
            .throttle(task, &scope)
            .is_some_and(|throttle| *at_task >= throttle);
        match step.handler {
            Some(_) => {}
            None if full => return Ok(false),
            None => {
                if let Some(cursor) = self.cursors.get_mut(&host.name) {
                    cursor.advance();
                }
            }
        }
        *at_task += 1;
        if self.runs_once(task, &scope) && !under_way.headers.contains_key(&id(task)) {
            self.play.run.printer.warning("Using run_once with the free strategy is not currently supported. This task will still be executed for every host in the inventory list.");
        }
        let header = under_way.headers.entry(id(task)).or_insert_with(|| {
            self.play.warn_of_reserved(host, task);
            self.header(task, &scope, step.handler.is_some())
        });
        let (play, header, host) = (Arc::clone(&self.play), Arc::clone(header), Arc::clone(host));
        play.run.printer.host_started(&header, &host.name);
        under_way.jobs.spawn(async move {
            let receivers = [Arc::clone(&host)];
            let result = executor::run_task(&play, &host, &step.task, &header, &receivers).await;
            Done { host, step, result }
        });
        Ok(true)
    }

    /// What follows from the result of a step.
    fn finish(&mut self, done: Done) -> Result<(), Fatal> {
        let Done { host, step, result } = done;
        self.settle(&step.task, &result, false, step.handler.is_some())?;
        self.play.run.refresh_roster();
        if let Some(index) = step.handler {
            self.handlers.running(index);
            let lost = matches!(
                result.line(),
                HostLine::Failed { ignored: false } | HostLine::Unreachable { ignored: false }
            );
            if lost {
                self.handlers.end_flush(&host.name);
            }
        }
        self.expand_includes(&step.task, &mut [result], step.handler.is_some())?;
        self.play.run.printer.task_finished(self.play.run.bad_hosts());
        Ok(())
    }
}
