//! Whether failures are ignored, and hosts that cannot be reached: of the items of a loop, each one that is bad must be.

use slipway_language::Scope;

use super::{
    play::PlayRun,
    result::{ResultMap, TaskResult, flag},
};
use crate::playbook::{Keyword, Task};

/// What the results so far say of it.
#[derive(Debug, Default)]
pub(super) struct Ignoring {
    errors: Option<bool>,
    unreachable: Option<bool>,
}

impl Ignoring {
    /// Takes in a result, with the variables that its keywords see.
    pub fn add(&mut self, play: &PlayRun, task: &Task, scope: &Scope, map: &ResultMap) {
        let settings = &task.settings;
        let says = |keyword: Option<&Keyword>| matches!(play.boolean(keyword, scope), Ok(Some(true)));
        let all = |so_far: Option<bool>, keyword| Some(says(keyword) && so_far.unwrap_or(true));
        if flag(map, "failed") {
            self.errors = all(self.errors, settings.ignore_errors.as_ref());
        }
        if flag(map, "unreachable") {
            self.unreachable = all(self.unreachable, settings.ignore_unreachable.as_ref());
        }
    }

    /// Tells the task's result.
    pub fn tell(&self, outcome: &mut TaskResult) {
        outcome.ignore_errors = self.errors.unwrap_or(false);
        outcome.ignore_unreachable = self.unreachable.unwrap_or(false);
    }
}
