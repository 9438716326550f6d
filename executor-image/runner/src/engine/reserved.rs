//! Names that variables had better not have: those of keywords and of functions of templates. Ansible warns of each once.

use std::sync::Arc;

use super::{HostState, play::PlayRun};
use crate::playbook::Task;

/// The fields of plays, roles, blocks and tasks, and the functions of templates, as ansible-core 2.18.19 names them.
const RESERVED: &[&str] = &[
    "action",
    "always",
    "any_errors_fatal",
    "args",
    "async",
    "async_val",
    "become",
    "become_exe",
    "become_flags",
    "become_method",
    "become_user",
    "block",
    "changed_when",
    "check_mode",
    "collections",
    "connection",
    "cycler",
    "debugger",
    "delay",
    "delegate_facts",
    "delegate_to",
    "dict",
    "diff",
    "environment",
    "fact_path",
    "failed_when",
    "force_handlers",
    "gather_facts",
    "gather_timeout",
    "handlers",
    "hosts",
    "ignore_errors",
    "ignore_unreachable",
    "joiner",
    "lipsum",
    "local_action",
    "lookup",
    "loop",
    "loop_control",
    "loop_with",
    "max_fail_percentage",
    "module_defaults",
    "name",
    "namespace",
    "no_log",
    "notify",
    "now",
    "order",
    "poll",
    "port",
    "post_tasks",
    "pre_tasks",
    "q",
    "query",
    "range",
    "register",
    "remote_user",
    "rescue",
    "retries",
    "roles",
    "run_once",
    "serial",
    "strategy",
    "tags",
    "tasks",
    "throttle",
    "timeout",
    "undef",
    "until",
    "vars_files",
    "vars_prompt",
    "when",
    "with_",
];

impl PlayRun {
    /// Warns of a variable that a task sets.
    pub fn warn_if_reserved(&self, name: &str) {
        if RESERVED.contains(&name) {
            let printer = &self.run.printer;
            printer.warning(&format!("Found variable using reserved name: {name}"));
        }
    }

    /// Warns of the variables that a task of a host sees.
    pub fn warn_of_reserved(self: &Arc<Self>, host: &Arc<HostState>, task: &Arc<Task>) {
        let variables = self.variables(host, Some(task));
        for name in RESERVED {
            if variables.variable(name).is_some() {
                self.warn_if_reserved(name);
            }
        }
    }
}
