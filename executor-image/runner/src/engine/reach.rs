//! The variables that say how a host is reached, where nothing sets them: tasks may use them all the same.

use std::sync::{Arc, Weak};

use minijinja::Value;
use slipway_language::{Layer, Scope, Variable, to_text};

use super::play::PlayRun;
use crate::playbook::{Keyword, Task};

/// The names, each beside the older one that means the same.
const PAIRS: &[(&str, &str)] = &[
    ("ansible_host", "ansible_ssh_host"),
    ("ansible_port", "ansible_ssh_port"),
    ("ansible_user", "ansible_ssh_user"),
    ("ansible_private_key_file", "ansible_ssh_private_key_file"),
    (PASSWORD, "ansible_ssh_pass"),
    ("ansible_timeout", "ansible_ssh_timeout"),
    ("ansible_connection", "ansible_connection"),
    ("ansible_shell_executable", "ansible_shell_executable"),
];

/// Told to who asks for it by its name, not to who asks for all variables.
const PASSWORD: &str = "ansible_password";

/// What the keywords of a task and the command line say of the connection to a host.
#[derive(Debug)]
pub(super) struct Reach {
    pub play: Weak<PlayRun>,
    pub task: Arc<Task>,
    /// Inventory name of the host that does the work.
    pub host: Arc<str>,
    /// What is set of that host: it counts first.
    pub set: Scope,
}

impl Reach {
    fn value(&self, name: &str) -> Option<Value> {
        let play = self.play.upgrade()?;
        let options = &play.run.options;
        let settings = &self.task.settings;
        let keyword = |node: Option<&Keyword>| play.text(node, &self.set).ok().flatten();
        let text = match name {
            "ansible_host" => self.host.to_string(),
            "ansible_user" => {
                keyword(settings.remote_user.as_ref()).or_else(|| options.remote_user.clone())?
            }
            "ansible_port" => keyword(settings.port.as_ref())?,
            "ansible_private_key_file" => options.private_key.as_ref()?.display().to_string(),
            PASSWORD => options.connection_password.as_ref()?.0.clone(),
            "ansible_timeout" => return Some(Value::from(options.settings.timeout)),
            "ansible_connection" => {
                keyword(settings.connection.as_ref()).or_else(|| options.connection.clone())?
            }
            "ansible_shell_executable" => "/bin/sh".to_owned(),
            _ => return None,
        };
        Some(Value::from(text))
    }
}

impl Layer for Reach {
    fn get(&self, name: &str) -> Option<Variable> {
        if !name.starts_with("ansible_") {
            return None;
        }
        let (new, old) = PAIRS.iter().find(|(new, old)| *new == name || *old == name)?;
        if self.set.variable(name).is_some() {
            return None;
        }
        let other = if name == *new { old } else { new };
        let play = self.play.upgrade()?;
        let found = self.set.get(&play.run.templar, other).ok().flatten();
        found
            .filter(|value| !to_text(value).is_empty())
            .or_else(|| self.value(new))
            .map(Variable::Data)
    }

    fn names(&self) -> Vec<Arc<str>> {
        let open = PAIRS.iter().filter(|(new, _)| *new != PASSWORD);
        let names = open.flat_map(|(new, old)| [*new, *old]);
        names
            .filter(|name| self.get(name).is_some())
            .map(Arc::from)
            .collect()
    }
}
