//! Handlers: who notified which, and running them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use slipway_language::{Scope, TemplateError};

use super::{
    HostState,
    batch::{Batch, BatchEnd},
    play::PlayRun,
    run::Fatal,
};
use crate::{
    output::HostLine,
    playbook::{Action, Role, Task},
};

/// The handlers of a play in the order in which they are defined, and who has notified them.
#[derive(Debug, Default)]
pub(super) struct HandlerTable {
    entries: Vec<Entry>,
    /// Names and topics that hosts have notified, by host: which handlers they mean is known when the host flushes.
    saved: HashMap<Arc<str>, Vec<String>>,
    /// Handlers that are to run, by host.
    notified: HashMap<Arc<str>, BTreeSet<usize>>,
    /// Roles whose handlers are in the table already.
    roles: Vec<String>,
    /// The handler that runs now.
    running: usize,
    /// The handler that comes next, by host, for hosts that flush on their own.
    flushing: HashMap<Arc<str>, usize>,
}

#[derive(Debug)]
struct Entry {
    handler: Arc<Task>,
    /// What it listens to.
    topics: Vec<Arc<str>>,
    /// Empty without a name, and where the name is a template that has no value.
    name: String,
    /// Why it cannot be notified by its name.
    unusable: Option<String>,
    /// Handlers of one role, or of the play itself, belong together: of equal names in one section the first counts,
    /// of equal names in several sections the last.
    section: usize,
}

impl Entry {
    /// Whether `own`, its name or a topic, is what is notified: by itself, or with the role's name before it.
    fn is_called(&self, own: &str, notified: &str) -> bool {
        let role = self.handler.role.as_ref();
        own == notified
            || role.is_some_and(|role| {
                let short = role
                    .collection
                    .as_ref()
                    .and_then(|_| role.name.rsplit('.').next());
                let called = |role: &str| notified == format!("{role} : {own}");
                called(&role.name) || short.is_some_and(called)
            })
    }
}

/// What Ansible says of a handler whose name has no value.
fn unusable(name: &str, error: &TemplateError) -> String {
    format!(
        "Handler '{name}' is unusable because it has no listen topics and the name could not be templated (host-specific \
         variables are not supported in handler names). The error: {error}"
    )
}

impl HandlerTable {
    pub(super) fn new(play: &Arc<PlayRun>, scope: &Scope) -> Self {
        let mut table = Self::default();
        table.add(&play.play.handlers, play, scope);
        table
    }

    /// Adds handlers that an included role brought.
    pub(super) fn add(&mut self, handlers: &[Arc<Task>], play: &Arc<PlayRun>, scope: &Scope) {
        let mut last_role: Option<Option<Arc<Role>>> = None;
        let mut section = self.entries.last().map_or(0, |entry| entry.section + 1);
        for handler in handlers {
            let role = handler.role.clone();
            let same = match (&last_role, &role) {
                (Some(Some(last)), Some(role)) => Arc::ptr_eq(last, role),
                (Some(None), None) | (None, _) => true,
                _ => false,
            };
            if !same {
                section += 1;
            }
            last_role = Some(role);
            let rendered = handler.name.as_ref().map(|name| {
                let value = play.run.templar.render(name, scope);
                value.map_err(|error| unusable(name.as_str().unwrap_or_default(), &error))
            });
            let (name, unusable) = match rendered {
                None => (String::new(), None),
                Some(Ok(value)) => (slipway_language::to_text(&value), None),
                Some(Err(reason)) => (String::new(), Some(reason)),
            };
            self.entries.push(Entry {
                handler: Arc::clone(handler),
                topics: handler.listen.clone(),
                name,
                unusable,
                section,
            });
        }
    }

    /// Adds the handlers of an included role, once.
    pub(super) fn add_role(
        &mut self,
        role: &Role,
        handlers: &[Arc<Task>],
        play: &Arc<PlayRun>,
        scope: &Scope,
    ) {
        if !self.roles.contains(&role.identity) {
            self.roles.push(role.identity.clone());
            self.add(handlers, play, scope);
        }
    }

    /// What to warn of when a name is notified: the handlers that are looked at before the one of this name, and have a name
    /// without a value and no topics.
    pub(super) fn warnings(&self, name: &str) -> Vec<&str> {
        let place = |index: usize| (self.entries[index].section, std::cmp::Reverse(index));
        let found = self.named(name);
        self.entries
            .iter()
            .enumerate()
            .filter(|(index, _)| found.is_none_or(|found| place(*index) > place(found)))
            .filter(|(_, entry)| entry.topics.is_empty())
            .filter_map(|(_, entry)| entry.unusable.as_deref())
            .collect()
    }

    /// Notes that a host notifies the handlers of a name or topic: they run when the host flushes, or in this flush if the
    /// host is in one. Those that run now and would not have.
    ///
    /// # Errors
    /// The known names, if there is none of this name.
    pub(super) fn notify(
        &mut self,
        name: &str,
        host: &Arc<str>,
        is_flushing: bool,
    ) -> Result<Vec<usize>, Vec<String>> {
        let found = self.find(name);
        if found.is_empty() {
            return Err(self
                .entries
                .iter()
                .map(|entry| entry.name.clone())
                .filter(|name| !name.is_empty())
                .collect());
        }
        if is_flushing {
            return Ok(self.add_notified(host, found));
        }
        let saved = self.saved.entry(Arc::clone(host)).or_default();
        if !saved.iter().any(|known| known == name) {
            saved.push(name.to_owned());
        }
        Ok(Vec::new())
    }

    /// Notes that these handlers are to run on a host; those that were not to run before.
    fn add_notified(&mut self, host: &Arc<str>, mut found: Vec<usize>) -> Vec<usize> {
        let notified = self.notified.entry(Arc::clone(host)).or_default();
        found.retain(|index| notified.insert(*index));
        found
    }

    /// Puts included tasks behind the handler that runs now; each is to run on its host.
    pub(super) fn insert_next(&mut self, tasks: &[(Arc<Task>, Arc<str>)]) {
        let next = self.running + 1;
        let mut distinct: Vec<Arc<Task>> = Vec::new();
        for (task, _) in tasks {
            if !distinct.iter().any(|known| Arc::ptr_eq(known, task)) {
                distinct.push(Arc::clone(task));
            }
        }
        for waiting in self.notified.values_mut() {
            *waiting = waiting
                .iter()
                .map(|index| {
                    if *index >= next {
                        index + distinct.len()
                    } else {
                        *index
                    }
                })
                .collect();
        }
        for index in self.flushing.values_mut().filter(|index| **index > next) {
            *index += distinct.len();
        }
        let section = self.entries.get(self.running).map_or(0, |entry| entry.section);
        for (offset, task) in distinct.into_iter().enumerate() {
            for (_, host) in tasks.iter().filter(|(wanted, _)| Arc::ptr_eq(wanted, &task)) {
                self.notified
                    .entry(Arc::clone(host))
                    .or_default()
                    .insert(next + offset);
            }
            // Without a name and topics: it is notified by its include alone.
            self.entries.insert(
                next + offset,
                Entry {
                    handler: task,
                    topics: Vec::new(),
                    name: String::new(),
                    unusable: None,
                    section,
                },
            );
        }
    }

    /// The handlers that a host has notified are known from now on.
    fn resolve(&mut self, host: &Arc<str>) -> Vec<usize> {
        let mut notified = Vec::new();
        for name in self.saved.remove(host).unwrap_or_default() {
            let found = self.find(&name);
            notified.extend(self.add_notified(host, found));
        }
        notified
    }

    fn find(&self, name: &str) -> Vec<usize> {
        let mut found: Vec<usize> = self.named(name).into_iter().collect();
        let mut listening: Vec<usize> = (0..self.entries.len())
            .filter(|index| {
                let entry = &self.entries[*index];
                let mut topics = entry.topics.iter();
                topics.any(|topic| entry.is_called(topic, name))
            })
            .collect();
        // Of those of one name, one: as if it were notified by its name.
        listening.sort_by_key(|index| (std::cmp::Reverse(self.entries[*index].section), *index));
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for index in listening {
            let own = self.entries[index].name.as_str();
            if (own.is_empty() || seen.insert(own)) && !found.contains(&index) {
                found.push(index);
            }
        }
        found
    }

    /// The handler of this name.
    fn named(&self, name: &str) -> Option<usize> {
        (0..self.entries.len())
            .filter(|index| {
                let entry = &self.entries[*index];
                !entry.name.is_empty() && entry.is_called(&entry.name, name)
            })
            .max_by_key(|index| (self.entries[*index].section, std::cmp::Reverse(*index)))
    }

    fn task(&self, index: usize) -> Option<Arc<Task>> {
        self.entries.get(index).map(|entry| Arc::clone(&entry.handler))
    }

    /// A host begins to run what it has notified.
    pub(super) fn begin_flush(&mut self, host: &Arc<str>) {
        self.flushing.insert(Arc::clone(host), 0);
    }

    /// A host runs no more handlers of this flush.
    pub(super) fn end_flush(&mut self, host: &Arc<str>) {
        self.flushing.remove(host);
    }

    /// A host has no handlers to run any more.
    pub(super) fn forget(&mut self, host: &Arc<str>) {
        self.end_flush(host);
        self.notified.remove(host);
        self.saved.remove(host);
    }

    /// The next handler of a host that flushes.
    pub(super) fn next_flushed(&mut self, host: &Arc<str>) -> Option<(usize, Arc<Task>)> {
        let from = *self.flushing.get(host)?;
        for index in from..self.entries.len() {
            if self.take(index, host) {
                self.flushing.insert(Arc::clone(host), index + 1);
                return self.task(index).map(|task| (index, task));
            }
        }
        self.end_flush(host);
        None
    }

    /// This handler has run: what it includes comes after it.
    pub(super) fn running(&mut self, index: usize) {
        self.running = index;
    }

    /// Whether a host has this handler to run; it has no more after the answer.
    fn take(&mut self, index: usize, host: &Arc<str>) -> bool {
        self.notified
            .get_mut(host)
            .is_some_and(|waiting| waiting.remove(&index))
    }
}

impl Batch {
    /// Runs the handlers that these hosts have notified, in the order of their definition.
    pub(super) async fn flush_handlers(&mut self, hosts: &[Arc<HostState>]) -> Result<(), Fatal> {
        let mut alive: Vec<Arc<HostState>> = hosts.to_vec();
        for host in hosts {
            self.notify_saved(&host.name);
        }
        let mut index = 0;
        // A handler may notify a later one: that runs in the same flush. Included roles may add handlers at the end.
        while let Some(task) = self.handlers.task(index) {
            if self.play.run.stop.is_requested() {
                return Ok(());
            }
            let chosen: Vec<Arc<HostState>> = alive
                .iter()
                .filter(|host| self.handlers.take(index, &host.name))
                .cloned()
                .collect();
            if chosen.is_empty() {
                index += 1;
                continue;
            }
            if let Action::Meta(meta) = task.action {
                // On the heap: a handler that flushes handlers is refused when the playbook is loaded, but its type knows no end.
                Box::pin(self.meta_handler(meta, &task, chosen)).await?;
            } else {
                self.handlers.running = index;
                let results = self.run_on(&task, &chosen, true).await?;
                let lost = |host: &Arc<HostState>| {
                    results.iter().any(|result| {
                        result.host == host.name
                            && matches!(
                                result.line(),
                                HostLine::Failed { ignored: false }
                                    | HostLine::Unreachable { ignored: false }
                            )
                    })
                };
                let before = alive.len();
                alive.retain(|host| !lost(host));
                if alive.len() < before
                    && self.end != BatchEnd::Break
                    && self.follow_up(&task, &chosen, &results)
                {
                    return Ok(());
                }
            }
            index += 1;
        }
        Ok(())
    }

    /// What a host has notified is known from now on.
    pub(super) fn notify_saved(&mut self, host: &Arc<str>) {
        let notified = self.handlers.resolve(host);
        self.tell_notified(&notified, host);
    }

    /// Tells of handlers that will run on a host.
    pub(super) fn tell_notified(&self, handlers: &[usize], host: &Arc<str>) {
        if handlers.is_empty() || !self.play.run.printer.is_heard_elsewhere() {
            return;
        }
        let scope = self.play.scope(&HostState::nobody(), None);
        for task in handlers.iter().filter_map(|index| self.handlers.task(*index)) {
            let header = self.header(&task, &scope, true);
            self.play.run.printer.notified(&header, host);
        }
    }

    /// These hosts and those that failed, in the batch's order: with `force_handlers`, all run what they have notified.
    pub(super) fn with_failed_hosts(&self, hosts: &[Arc<HostState>]) -> Vec<Arc<HostState>> {
        let failed = |host: &&Arc<HostState>| {
            !self.unreachable.contains(&host.name) && self.cursors[&host.name].is_failed()
                || hosts.iter().any(|known| known.name == host.name)
        };
        self.hosts.iter().filter(failed).cloned().collect()
    }
}
