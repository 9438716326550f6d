//! Connection plugins: each request says all of the connection, so that any process can carry it out.

use std::{path::PathBuf, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;
use serde_json::{Value as Json, json};
use slipway_language::{TemplateError, Value};

use super::{Named, NoAnswers, PythonPlugins, field, lock};
use crate::transport::{
    Become, Carrier, Carriers, ConnectionKind, ConnectionOptions, ExecOutput, Input, PluginUse,
    TransportError,
};

/// The kind of these plugins.
const CONNECTION: &str = "connection";

impl PythonPlugins {
    /// Whether a connection is a plugin of somebody's own.
    pub fn is_connection(&self, name: &str) -> bool {
        self.folders.file(CONNECTION, name).is_some()
    }

    fn connection_named(&self, name: &str) -> Named {
        Named {
            kind: CONNECTION,
            name: name.to_owned(),
            file: self.folders.file(CONNECTION, name),
        }
    }

    /// The variables that a connection plugin documents.
    ///
    /// # Errors
    /// When it is not there or cannot be loaded.
    pub fn connection_variables(&self, name: &str) -> Result<Arc<[String]>, TemplateError> {
        if let Some(known) = lock(&self.documented).get(name) {
            return Ok(Arc::clone(known));
        }
        let named = self.connection_named(name);
        if named.file.is_none() && self.folders.core().is_none() {
            return Err(TemplateError::new(format!(
                "the connection plugin '{name}' was not found"
            )));
        }
        let request = json!({
            "kind": CONNECTION, "do": "variables", "name": name, "folders": self.folders.near(), "directory": ".",
        });
        let said = self.ask(&named, &request, &mut |_| Json::Null);
        let names = said.map_err(TemplateError::new)?.map_err(TemplateError::from)?;
        let names: Arc<[String]> = names
            .try_iter()
            .into_iter()
            .flatten()
            .map(|name| name.to_string())
            .collect();
        lock(&self.documented).insert(name.to_owned(), Arc::clone(&names));
        Ok(names)
    }
}

/// The plugins of a run, for its connections.
#[derive(Debug)]
pub struct PluginCarriers(pub Arc<PythonPlugins>);

impl Carriers for PluginCarriers {
    fn open(&self, host: &str, options: &ConnectionOptions) -> Arc<dyn Carrier> {
        let ConnectionKind::Plugin(plugin) = &options.kind else {
            return Arc::new(PluginCarrier::new(&self.0, "", Json::Null));
        };
        Arc::new(PluginCarrier::new(
            &self.0,
            &plugin.name,
            described(host, plugin, options),
        ))
    }
}

/// What a plugin is told of a connection.
pub(super) fn described(host: &str, plugin: &PluginUse, options: &ConnectionOptions) -> Json {
    json!({
        "name": plugin.name,
        "host": host,
        "address": options.address,
        // The usual one is for the plugin to choose.
        "port": (options.port != 22).then_some(options.port),
        "user": options.user,
        "password": options.password.as_ref().map(|password| &password.0),
        "private_key": options.private_key,
        "timeout": options.timeout,
        "executable": plugin.executable,
        "variables": serde_json::from_str::<Json>(&plugin.variables).unwrap_or_default(),
    })
}

/// A host that a plugin reaches.
#[derive(Debug)]
struct PluginCarrier {
    plugins: Arc<PythonPlugins>,
    named: Named,
    connection: Secret,
}

/// What is not to be shown: passwords are in it.
struct Secret(Json);

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret")
    }
}

impl PluginCarrier {
    fn new(plugins: &Arc<PythonPlugins>, name: &str, connection: Json) -> Self {
        Self {
            named: plugins.connection_named(name),
            plugins: Arc::clone(plugins),
            connection: Secret(connection),
        }
    }

    async fn ask(&self, what: &str, with: Json) -> Result<Value, TransportError> {
        let request = json!({
            "kind": CONNECTION,
            "do": what,
            "connection": self.connection.0,
            "with": with,
            "folders": self.plugins.folders.near(),
            "directory": ".",
        });
        self.plugins
            .ask_aside(self.named.clone(), request, &NoAnswers)
            .await
    }
}

impl PluginCarrier {
    async fn carry_out(&self, with: Json) -> Result<ExecOutput, TransportError> {
        let said = self.ask("execute", with).await?;
        let bytes = |name| field(&said, name).as_bytes().unwrap_or_default().to_vec();
        Ok(ExecOutput {
            status: field(&said, "status").as_i64().unwrap_or(-1),
            stdout: bytes("stdout"),
            stderr: bytes("stderr"),
        })
    }
}

/// What the plugin for becoming another user is told.
pub(super) fn becoming(other: &Become) -> Json {
    json!({
        "method": other.method.name(),
        "options": {
            "become_user": other.user,
            "become_exe": other.executable,
            "become_flags": other.flags,
            "become_pass": other.password.as_ref().map(|password| &password.0),
        },
    })
}

impl Carrier for PluginCarrier {
    fn execute(
        &self,
        command: String,
        input: Option<Input>,
        other: Option<Become>,
    ) -> BoxFuture<'_, Result<ExecOutput, TransportError>> {
        let with = json!({
            "command": command,
            "input": input.as_ref().map(|input| STANDARD.encode(&input.bytes)),
            "folder": input.as_ref().map(|input| &input.folder),
            "become": other.as_ref().map(becoming),
            "bare": false,
        });
        Box::pin(self.carry_out(with))
    }

    fn execute_bare(
        &self,
        command: String,
        other: Option<Become>,
    ) -> BoxFuture<'_, Result<ExecOutput, TransportError>> {
        let with = json!({
            "command": command,
            "input": null,
            "folder": null,
            "become": other.as_ref().map(becoming),
            "bare": true,
        });
        Box::pin(self.carry_out(with))
    }

    fn put_file(&self, here: PathBuf, there: String) -> BoxFuture<'_, Result<(), TransportError>> {
        Box::pin(async move {
            self.ask("put_file", json!({"here": here, "there": there}))
                .await?;
            Ok(())
        })
    }

    fn reset(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // ok: what cannot be reset is made anew.
            let _ = self.ask("reset", Json::Null).await;
        })
    }
}
