//! Action plugins in Python: what they do on the host goes over the runner's own connection, by the agent.

use std::path::Path;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::future::BoxFuture;
use indexmap::IndexMap;
use serde_json::{Value, json};
use slipway_language::{from_json, to_json};
use slipway_protocol::Call;

use super::{ActionContext, Arguments, ResultMap, failure, text};
use crate::{
    engine::{ItemContext, Target},
    foreign::ActionPlugin,
    playbook::Task,
    plugins::{ActionCall, Answers, encode},
    transport::{ConnectionKind, Launch, TransportError, quote},
};

/// In a result: nothing more is to be made of it.
pub(crate) const SETTLED: &str = "_ansible_settled";

pub(super) async fn run(
    context: &ActionContext<'_>,
    plugin: &ActionPlugin,
    args: Arguments,
) -> Result<ResultMap, TransportError> {
    let item = context.item;
    item.play.run.options.plugins.can_act(plugin)?;
    let target = item.target()?;
    let stands_for = match target.options.kind {
        ConnectionKind::Plugin(_) => None,
        ConnectionKind::Ssh => Some("ssh"),
        ConnectionKind::Local | ConnectionKind::Memory => Some("local"),
    };
    let failed = |error: slipway_language::TemplateError| TransportError::Failed(error.to_string());
    let stands_for = stands_for
        .map(|name| item.play.plugin_use(name, item.reaching()))
        .transpose()
        .map_err(failed)?;
    let call = ActionCall {
        plugin,
        task: task(context, args),
        host: &item.worker().name,
        options: &target.options,
        stands_for,
        other: target.launch.r#become.as_ref(),
        directory: &item.play.directory,
        verbosity: item.play.run.printer.verbosity,
    };
    let far = Far {
        item,
        target: &target,
    };
    let done = item.play.run.options.plugins.act(&call, &far).await?;
    let Value::Object(mut result) = to_json(&done.result) else {
        return Ok(failure(format!(
            "the action plugin {} returned no mapping",
            plugin.name
        )));
    };
    if done.is_settled {
        result.insert(SETTLED.to_owned(), true.into());
    }
    Ok(result)
}

/// What the plugin sees of the task.
fn task(context: &ActionContext<'_>, args: Arguments) -> Value {
    let item = context.item;
    let no_log = item.play.boolean(item.task.settings.no_log.as_ref(), &item.scope);
    let search: Vec<String> = item
        .scope
        .host()
        .search_path()
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    json!({
        "name": item.name,
        "action": item.task.action_name.as_ref(),
        "args": encode(&from_json(Value::Object(args))),
        "async_val": context.background.unwrap_or_default(),
        "check_mode": item.check,
        "diff": item.diff,
        "no_log": no_log.map_or(true, |value| value.unwrap_or(false)),
        "environment": context.environment,
        "delegate_to": item.delegate.as_ref().map(|delegate| delegate.host.name.as_ref()),
        "search_path": search,
        "collections": searched(item.task),
    })
}

/// Where Ansible looks for what names no collection: its own modules are always among that. Only a role that searches nothing but its
/// collection passes over those beside playbooks.
fn searched(task: &Task) -> Vec<&str> {
    let mut searched: Vec<&str> = task.settings.collections.iter().map(AsRef::as_ref).collect();
    let own = task.role.as_ref().and_then(|role| role.collection.as_deref());
    if !searched.is_empty() && !searched.contains(&"ansible.builtin") && !searched.contains(&"ansible.legacy")
    {
        let is_own = searched.len() == 1 && own == searched.first().copied();
        searched.push(if is_own {
            "ansible.builtin"
        } else {
            "ansible.legacy"
        });
    }
    searched
}

/// What is behind the variables and the connection of a plugin.
struct Far<'a> {
    item: &'a ItemContext<'a>,
    target: &'a Target,
}

impl Answers for Far<'_> {
    fn answer(&self, question: Value) -> BoxFuture<'_, Value> {
        Box::pin(async move {
            if let Some(name) = question.get("variable").and_then(Value::as_str) {
                let templar = &self.item.play.run.templar;
                return match self.item.scope.get_complete(templar, name) {
                    Ok(Some(value)) => json!({"value": encode(&value)}),
                    Ok(None) => json!({}),
                    Err(error) => json!({"error": error.message}),
                };
            }
            let text = |key| question.get(key).and_then(Value::as_str).unwrap_or_default();
            let done = match text("connection") {
                "execute" => self.execute(&question).await,
                "put_file" => self.put_file(text("here"), text("there")).await,
                "fetch_file" => self.fetch_file(text("there"), text("here")).await,
                _ => return json!({"value": self.item.scope.names()}),
            };
            match done {
                Ok(value) => json!({"value": value}),
                Err(TransportError::Unreachable(reason)) => json!({"error": reason, "kind": "unreachable"}),
                Err(error) => json!({"error": error.to_string(), "kind": "failed"}),
            }
        })
    }
}

impl Far<'_> {
    /// Carries out a module as the user that has logged in, or as the one that the task becomes.
    async fn call(
        &self,
        becomes: bool,
        module: &str,
        args: Value,
        content: Option<&[u8]>,
    ) -> Result<ResultMap, TransportError> {
        let target = if becomes {
            self.target.clone()
        } else {
            Target {
                launch: Launch::default(),
                ..self.target.clone()
            }
        };
        let agent = self.item.agent(&target).await?;
        let mut files = IndexMap::new();
        if let Some(content) = content {
            let stored = agent.put(content).await?;
            files.insert("src".to_owned(), stored.map_err(TransportError::Failed)?);
        }
        let Value::Object(args) = args else {
            return Ok(ResultMap::new());
        };
        let call = Call {
            module: module.to_owned(),
            args,
            files,
            ..Call::default()
        };
        Ok(agent.call(&call).await?.0)
    }

    async fn execute(&self, question: &Value) -> Result<Value, TransportError> {
        let becomes = question.get("becomes") == Some(&Value::Bool(true));
        let mut args = json!({
            "argv": ["/bin/sh", "-c", question.get("command")],
            "expand_argument_vars": false,
            "strip_empty_ends": false,
        });
        if let Some(input) = question.get("input").and_then(Value::as_str) {
            args["stdin"] = input.into();
            args["stdin_add_newline"] = false.into();
        }
        let result = self.call(becomes, "ansible.builtin.command", args, None).await?;
        let said = |key| text(&result, key).unwrap_or_default();
        let status = result.get("rc").cloned().unwrap_or_else(|| 0.into());
        let errors = match said("stderr") {
            errors if errors.is_empty() && status != 0 => said("msg"),
            errors => errors,
        };
        Ok(json!({"status": status, "stdout": said("stdout"), "stderr": errors}))
    }

    async fn put_file(&self, here: &str, there: &str) -> Result<Value, TransportError> {
        let failed =
            |why: String| TransportError::Failed(format!("failed to transfer file to {there}: {why}"));
        let content = tokio::fs::read(here)
            .await
            .map_err(|error| failed(error.to_string()))?;
        let args = json!({"src": here, "dest": there});
        let result = self
            .call(false, "ansible.builtin.copy", args, Some(&content))
            .await?;
        if result.get("failed") == Some(&Value::Bool(true)) {
            return Err(failed(text(&result, "msg").unwrap_or_default()));
        }
        Ok(Value::Null)
    }

    async fn fetch_file(&self, there: &str, here: &str) -> Result<Value, TransportError> {
        let failed = |why: String| TransportError::Failed(format!("failed to fetch the file {there}: {why}"));
        let connection = self.item.connection(self.target).await?;
        let command = format!("base64 {}", quote(there));
        let output = connection.execute(command, None).await?;
        if output.status != 0 {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        let digits: Vec<u8> = output
            .stdout
            .into_iter()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        let content = BASE64_STANDARD
            .decode(digits)
            .map_err(|error| failed(error.to_string()))?;
        tokio::fs::write(Path::new(here), content)
            .await
            .map_err(|error| failed(error.to_string()))?;
        Ok(Value::Null)
    }
}
