//! What is told of a run, and those that listen: one prints results, others add to it or write files.

use std::sync::Arc;

use serde_json::{Map, Value};
use slipway_language::Node;
use slipway_report::ItemResult;

use super::{Answers, Console, HostLine, ItemLine, Stats, TaskHeader};
use crate::playbook::{Play, Playbook};

/// How a task ended on a host.
#[derive(Debug, Clone, Copy)]
pub struct HostOutcome<'a> {
    /// What is printed before the results of the task; the last one if none.
    pub header: Option<&'a Arc<TaskHeader>>,
    /// Inventory name.
    pub host: &'a str,
    /// The host as printed, if another one did the work.
    pub label: Option<&'a str>,
    /// In one word.
    pub line: HostLine,
    /// What the task returned.
    pub result: &'a Map<String, Value>,
    /// Whether that is hidden.
    pub no_log: bool,
    /// Whether the task looped: then its items have been printed.
    pub looped: bool,
    /// Milliseconds.
    pub took_ms: u64,
    /// The items, for events.
    pub items: &'a [ItemResult],
}

impl<'a> HostOutcome<'a> {
    /// Of something that is no task's result.
    pub fn plain(host: &'a str, line: HostLine, result: &'a Map<String, Value>) -> Self {
        Self {
            header: None,
            host,
            label: None,
            line,
            result,
            no_log: false,
            looped: false,
            took_ms: 0,
            items: &[],
        }
    }
}

impl HostOutcome<'_> {
    /// The host as printed. Ansible does not say who would have done what is skipped.
    pub fn shown_host(&self) -> &str {
        self.label
            .filter(|_| self.line != HostLine::Skipped)
            .unwrap_or(self.host)
    }
}

/// An item of a loop that has ended.
#[derive(Debug, Clone, Copy)]
pub struct ItemOutcome<'a> {
    /// Inventory name.
    pub host: &'a str,
    /// The host as printed, status and label.
    pub line: &'a ItemLine,
    /// What the item returned.
    pub result: &'a Map<String, Value>,
    /// Whether that is hidden.
    pub no_log: bool,
}

/// What is printed when a play, or a batch of it, begins.
#[derive(Clone)]
pub struct PlayHeader<'a> {
    /// The play.
    pub play: &'a Arc<Play>,
    /// Its name, rendered.
    pub name: &'a str,
    /// The line about it.
    pub banner: &'a str,
    /// The patterns of its hosts, rendered.
    pub patterns: &'a [String],
    /// Who answers what others ask of it who listen in another process.
    pub answers: Option<Answers>,
}

/// What a task has included.
#[derive(Debug, Clone, Copy)]
pub struct Included<'a> {
    /// The line about it.
    pub text: &'a str,
    /// The file's or role's name.
    pub file: &'a str,
    /// The hosts that asked for it.
    pub hosts: &'a [Arc<str>],
    /// The item of the loop, as printed.
    pub label: Option<&'a str>,
}

/// How far a task is that goes on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStage {
    /// It was looked at.
    Polled,
    /// It has ended well.
    Done,
    /// It has failed, or takes too long.
    Failed,
}

/// Listens to a run. What a listener does not care for, it leaves out.
pub trait Callback: Send {
    /// A playbook begins.
    fn playbook_started(&mut self, _console: &mut Console, _playbook: &Playbook, _check: bool) {}
    /// A play, or a batch of it, begins.
    fn play_started(&mut self, _console: &mut Console, _header: &PlayHeader<'_>) {}
    /// A play has no hosts.
    fn no_hosts_matched(&mut self, _console: &mut Console) {}
    /// Every host of a play has failed.
    fn no_hosts_left(&mut self, _console: &mut Console) {}
    /// A task begins.
    fn task_started(&mut self, _console: &mut Console, _header: &Arc<TaskHeader>) {}
    /// A task begins on a host.
    fn host_started(&mut self, _header: &Arc<TaskHeader>, _host: &str) {}
    /// A `meta` task begins for a host that does not wait for others.
    fn meta_started(&mut self, _header: &Arc<TaskHeader>) {}
    /// An item of a loop has ended.
    fn item(&mut self, _console: &mut Console, _header: &Arc<TaskHeader>, _outcome: &ItemOutcome<'_>) {}
    /// A task has ended on a host.
    fn host(&mut self, _console: &mut Console, _header: &Arc<TaskHeader>, _outcome: &HostOutcome<'_>) {}
    /// A task that includes something has ended on a host: what it asks for comes later.
    fn asked_to_include(&mut self, _header: &Arc<TaskHeader>, _outcome: &HostOutcome<'_>) {}
    /// The same of an item of its loop.
    fn item_asked_to_include(&mut self, _header: &Arc<TaskHeader>, _outcome: &ItemOutcome<'_>) {}
    /// A file or role was included.
    fn included(&mut self, _console: &mut Console, _header: &Arc<TaskHeader>, _included: &Included<'_>) {}
    /// A handler will run on a host.
    fn notified(&mut self, _header: &Arc<TaskHeader>, _host: &str) {}
    /// A task will be tried again: what it returned, and the line about it.
    fn retry(
        &mut self,
        _console: &mut Console,
        _header: &Arc<TaskHeader>,
        _outcome: &HostOutcome<'_>,
        _text: &str,
    ) {
    }
    /// A task goes on by itself, or has ended: what is known of it, and the line about it.
    fn job(
        &mut self,
        _console: &mut Console,
        _header: &Arc<TaskHeader>,
        _stage: JobStage,
        _outcome: &HostOutcome<'_>,
        _text: &str,
    ) {
    }
    /// A play has a variable that somebody would be asked for.
    fn prompted(&mut self, _prompt: &Node) {}
    /// A playbook has ended.
    fn recap(&mut self, _console: &mut Console, _stats: &Stats, _check: bool) {}
}
