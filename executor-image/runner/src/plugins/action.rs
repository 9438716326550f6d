//! Action plugins: the process has a task, variables and a connection as Ansible's own has, and asks for what is behind them.

use std::{path::Path, sync::Arc};

use serde_json::{Value as Json, json};
use slipway_language::Value;

use super::{
    Answers, Named, PythonPlugins,
    connection::{becoming, described},
    field,
};
use crate::{
    foreign::ActionPlugin,
    transport::{Become, ConnectionKind, ConnectionOptions, PluginUse, TransportError},
};

/// One use of an action plugin.
#[derive(Debug)]
pub struct ActionCall<'call> {
    /// The plugin.
    pub plugin: &'call ActionPlugin,
    /// What the task says.
    pub task: Json,
    /// The host that does the work.
    pub host: &'call str,
    /// How it is reached.
    pub options: &'call ConnectionOptions,
    /// The connection plugin in whose place the runner's own connection is.
    pub stands_for: Option<PluginUse>,
    /// The user that the task becomes.
    pub other: Option<&'call Become>,
    /// The folder of the playbook.
    pub directory: &'call Path,
    /// How much is to be told.
    pub verbosity: u8,
}

/// What came of it.
#[derive(Debug)]
pub struct ActionResult {
    /// What the plugin returned.
    pub result: Value,
    /// Whether it was ended by an error, of which nothing more is made.
    pub is_settled: bool,
}

impl Named {
    fn action(plugin: &ActionPlugin) -> Self {
        Self {
            kind: "action",
            name: plugin.name.clone(),
            file: Some(plugin.path.clone()),
        }
    }
}

impl PythonPlugins {
    /// Whether action plugins can be carried out on this machine.
    ///
    /// # Errors
    /// When they cannot: the task fails.
    pub fn can_act(&self, plugin: &ActionPlugin) -> Result<(), TransportError> {
        let core = self.core_for(&Named::action(plugin));
        core.map(|_| ()).map_err(TransportError::Failed)
    }

    /// Carries out an action plugin; `answers` is for variables, and for what it does on the host.
    ///
    /// # Errors
    /// When it fails or cannot be carried out, or the host is lost.
    pub async fn act(
        self: &Arc<Self>,
        call: &ActionCall<'_>,
        answers: &dyn Answers,
    ) -> Result<ActionResult, TransportError> {
        let named = Named::action(call.plugin);
        let (plugin, other) = match (&call.options.kind, &call.stands_for) {
            (ConnectionKind::Plugin(plugin), _) => (Some(plugin.as_ref()), call.other.cloned()),
            // The runner becomes the other user by itself, and keeps the password to itself.
            (_, stands_for) => (stands_for.as_ref(), call.other.map(Become::without_password)),
        };
        let request = json!({
            "kind": "action",
            "name": call.plugin.handler,
            "task": call.task,
            "connection": plugin.map(|plugin| described(call.host, plugin, call.options)),
            "stands_for": call.stands_for.is_some(),
            "become": other.as_ref().map(becoming),
            "verbosity": call.verbosity,
            "folders": self.folders.near(),
            "directory": call.directory,
        });
        let said = self.ask_aside(named, request, answers).await?;
        Ok(ActionResult {
            result: field(&said, "result"),
            is_settled: field(&said, "settled").is_true(),
        })
    }
}
