//! A batch of hosts on its way through a play, and the linear strategy: one task after the other, each on all hosts that
//! have come to it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use futures::{StreamExt, stream};
use slipway_language::Scope;

use super::{
    HostState, TaskResult,
    cursor::Cursor,
    executor,
    handlers::HandlerTable,
    play::PlayRun,
    row::{Order, Row},
    run::Fatal,
    select::{by_tags, count_tasks, selected_items, walk_tasks, with_tags},
};
use crate::{
    output::{TaskHeader, prompt},
    playbook::{Action, Item, Strategy, Task, normalize},
    settings::Gathering,
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
    pub(super) max_fail: Option<f64>,
    pub(super) end: BatchEnd,
    /// Whether a person is asked before each task.
    pub(super) asks: bool,
    pub(super) row: Row,
}

/// A task's identity: its address, which is never followed.
pub(super) fn id(task: &Arc<Task>) -> usize {
    Arc::as_ptr(task).addr()
}

/// Whether one host does the task for all, whatever the play says: it is about no host.
pub(super) fn for_all_hosts(task: &Task) -> bool {
    task.module().is_some_and(|module| match &module.plugin {
        Some(plugin) => plugin.bypasses_hosts,
        None => matches!(
            module.spec.name,
            "ansible.builtin.add_host" | "ansible.builtin.pause"
        ),
    })
}

/// Whether a host has done the task's role already and is not to do it again.
pub(super) fn passes_over(host: &HostState, task: &Task) -> bool {
    let role = task.role.as_ref().filter(|role| !role.allow_duplicates);
    role.is_some_and(|role| host.has_completed(&role.identity))
}

impl Batch {
    pub(super) fn new(play: &Arc<PlayRun>) -> Result<Self, Fatal> {
        let hosts: Vec<Arc<HostState>> = play
            .batch
            .iter()
            .filter_map(|name| play.run.roster.host(name))
            .collect();
        let nobody = HostState::nobody();
        let scope = play.scope(&nobody, None);
        let failed = |error| Fatal::at(&play.play.span, &format!("the play cannot start: {error}"));
        let max_fail = play
            .number(play.play.max_fail_percentage.as_ref(), &scope)
            .map_err(failed)?;
        let mut items: Vec<Item> = Vec::new();
        let gathering = play.run.options.settings.gathering;
        if let Some(gather) = &play.play.gather_facts
            && play
                .boolean(gather.wanted.as_ref(), &scope)
                .map_err(failed)?
                .unwrap_or(gathering != Gathering::Explicit)
        {
            items.push(Item::Task(Arc::clone(&gather.task)));
        }
        items.extend(play.play.items.iter().cloned());
        let items = with_tags(&items, &play.run.templar, &scope).map_err(failed)?;
        let selected = selected_items(&items, &mut by_tags(&play.run.options.tags));
        let selected = play.run.after_start(selected);
        let mut order = Vec::new();
        walk_tasks(&selected, &mut |task| order.push(id(task)));
        let check = play.boolean(play.play.settings.check_mode.as_ref(), &scope);
        let check = check.ok().flatten().unwrap_or(play.run.options.check);
        play.tell(hosts.len(), count_tasks(&selected), check);
        let unreadable = play
            .batch
            .iter()
            .find_map(|name| play.run.roster.unreadable(name));
        if let Some(why) = unreadable {
            return Err(Fatal::malformed(why.to_string()));
        }
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
            asks: play.run.options.step,
            row: Row::default(),
        };
        if gathering == Gathering::Smart {
            batch.pass_over_known_facts();
        }
        for host in play.run.out_of_play() {
            if let Some(cursor) = batch.cursors.get_mut(&host) {
                cursor.end();
                batch.unreachable.insert(host);
            }
        }
        Ok(batch)
    }

    /// Hosts whose facts are known gather none.
    fn pass_over_known_facts(&mut self) {
        let Some(gather) = &self.play.play.gather_facts else {
            return;
        };
        for host in self.hosts.iter().filter(|host| host.has_gathered()) {
            if let Some(cursor) = self.cursors.get_mut(&host.name)
                && cursor
                    .current()
                    .is_some_and(|task| Arc::ptr_eq(&task, &gather.task))
            {
                cursor.advance();
            }
        }
    }

    /// Runs the batch to its end.
    pub(super) async fn run(mut self) -> Result<BatchEnd, Fatal> {
        match self.play.play.strategy {
            Strategy::Linear => self.linear().await?,
            Strategy::Free => self.free(false).await?,
            Strategy::HostPinned => self.free(true).await?,
        }
        if self.force_handlers() && !self.play.run.stop.is_requested() {
            let failed = self.with_failed_hosts(&[]);
            self.flush_handlers(&failed).await?;
        }
        Ok(self.end)
    }

    async fn linear(&mut self) -> Result<(), Fatal> {
        while !self.play.run.stop.is_requested() || self.row.has_begun().await {
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
        Ok(())
    }

    pub(super) fn force_handlers(&self) -> bool {
        let nobody = HostState::nobody();
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
        hosts.retain(|host| !passes_over(host, task));
        if hosts.is_empty() {
            return Ok(());
        }
        if let Some(first) = hosts.first() {
            self.play.warn_of_reserved(first, task);
        }
        match &task.action {
            Action::Meta(meta) => {
                let chosen = self.chosen_for_meta(*meta, task, hosts, false)?;
                self.meta(*meta, task, chosen).await
            }
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
        let prepared = self.row.next(task);
        let header = prepared.unwrap_or_else(|| self.header(task, &scope, handler));
        if self.asks && !self.is_wanted(&header.name).await {
            return Ok(Vec::new());
        }
        self.play.run.printer.task_started(&header);
        let chosen = if run_once || for_all_hosts(task) {
            std::slice::from_ref(first)
        } else {
            hosts
        };
        let everybody: Vec<Arc<HostState>> = if run_once { self.reachable() } else { Vec::new() };
        let forks = self.play.run.options.forks.max(1);
        let limit = self
            .throttle(task, &scope)
            .map_or(forks, |throttle| throttle.min(forks));
        let mut results = Vec::with_capacity(chosen.len());
        if let [host] = chosen {
            let receivers = if run_once {
                everybody.clone()
            } else {
                vec![Arc::clone(host)]
            };
            self.play.run.printer.host_started(&header, &host.name);
            let order = Order {
                play: Arc::clone(&self.play),
                host: Arc::clone(host),
                task: Arc::clone(task),
                header: Arc::clone(&header),
                receivers,
            };
            let result = self.run_alone(order, handler).await;
            self.settle(task, &result, run_once, handler)?;
            results.push(result);
        } else {
            let play = Arc::clone(&self.play);
            let jobs = chosen.iter().cloned().map(|host| {
                let (play, task, header) = (Arc::clone(&play), Arc::clone(task), Arc::clone(&header));
                // Spawned, so that templates of many hosts use all processors.
                async move {
                    play.run.printer.host_started(&header, &host.name);
                    let job = tokio::spawn(async move {
                        let receivers = [Arc::clone(&host)];
                        executor::run_task(&play, &host, &task, &header, &receivers).await
                    });
                    job.await
                }
            });
            let mut running = stream::iter(jobs).buffer_unordered(limit);
            while let Some(result) = running.next().await {
                let result = result.map_err(|error| {
                    Fatal::unexpected(format!("a task of the engine ended early: {error}"))
                })?;
                self.settle(task, &result, false, handler)?;
                results.push(result);
            }
        }
        // In the order of the hosts, whoever was first.
        results.sort_by_key(|result| hosts.iter().position(|host| host.name == result.host));
        self.play.run.refresh_roster();
        self.expand_includes(task, &mut results, handler)?;
        self.play.run.printer.task_finished(self.play.run.bad_hosts());
        Ok(results)
    }

    /// Asks whether a task is to run (`--step`). Nobody there means no.
    async fn is_wanted(&mut self, name: &str) -> bool {
        let question = format!("Perform task: TASK: {name} (N)o/(y)es/(c)ontinue: ");
        let asked = question.clone();
        self.play.run.printer.settle();
        let answer = tokio::task::spawn_blocking(move || prompt::line(&asked));
        let answer = tokio::select! {
            answer = answer => answer.ok().and_then(Result::ok).flatten(),
            () = self.play.run.stop.wait() => None,
        };
        let answer = answer.unwrap_or_default().to_lowercase();
        self.play.run.printer.banner(&question);
        self.asks &= !matches!(answer.as_str(), "c" | "continue");
        matches!(answer.as_str(), "y" | "yes" | "c" | "continue")
    }

    /// How many hosts may do a task at once, if it says so.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of hosts"
    )]
    pub(super) fn throttle(&self, task: &Task, scope: &Scope) -> Option<usize> {
        let throttle = self.play.number(task.settings.throttle.as_ref(), scope);
        throttle
            .ok()
            .flatten()
            .filter(|throttle| *throttle >= 1.0)
            .map(|throttle| throttle as usize)
    }

    pub(super) fn runs_once(&self, task: &Task, scope: &Scope) -> bool {
        matches!(
            self.play.boolean(task.settings.run_once.as_ref(), scope),
            Ok(Some(true))
        )
    }

    /// What is printed before the results of a task.
    pub(super) fn header(&self, task: &Arc<Task>, scope: &Scope, handler: bool) -> Arc<TaskHeader> {
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
        // Of a module that each host chooses, the first host's.
        let module = match &task.action {
            Action::Templated(written) => {
                let name = self.play.run.templar.render(&written.name_template(), scope);
                name.map_or(module, |name| {
                    let name = slipway_language::to_text(&name);
                    slipway_protocol::spec::find(&name).map_or(name, |spec| spec.name.to_owned())
                })
            }
            _ => module,
        };
        let check = self.play.boolean(task.settings.check_mode.as_ref(), scope);
        Arc::new(TaskHeader {
            prefix: if handler { "RUNNING HANDLER" } else { "TASK" },
            name,
            is_debug: module == "ansible.builtin.debug",
            module,
            source: format!(
                "{}:{}",
                normalize(std::path::Path::new(task.span.file.as_ref())).display(),
                task.span.line
            ),
            play: self.play.name.clone(),
            check: check.ok().flatten().unwrap_or(self.play.run.options.check),
            task: Arc::clone(task),
        })
    }

    pub(super) fn reachable(&self) -> Vec<Arc<HostState>> {
        self.hosts
            .iter()
            .filter(|host| !self.unreachable.contains(&host.name))
            .cloned()
            .collect()
    }
}
