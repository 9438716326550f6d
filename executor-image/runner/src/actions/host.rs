//! What an action has the host do: calls of modules, and the contents of files that they need.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::json;
use slipway_protocol::{Call, Foreign};

use super::{ActionContext, Arguments, LargeFile, ResultMap, failure, text};
use crate::{
    early::{self, Way},
    foreign,
    transport::TransportError,
};

impl ActionContext<'_> {
    /// Carries out a module on the host.
    pub(crate) async fn call(
        &self,
        module: &str,
        args: Arguments,
        files: IndexMap<String, String>,
    ) -> Result<ResultMap, TransportError> {
        self.carry_out(module, args, files, None, None).await
    }

    /// Carries out the module that the task is about: with `async`, it goes on by itself.
    pub(super) async fn call_in_background(
        &self,
        module: &str,
        args: Arguments,
    ) -> Result<ResultMap, TransportError> {
        self.carry_out(module, args, IndexMap::new(), None, self.background)
            .await
    }

    /// Carries out a module that is not one of the agent's own; its code is among the files.
    pub(crate) async fn call_foreign(
        &self,
        module: &str,
        args: Arguments,
        files: IndexMap<String, String>,
        foreign: Foreign,
    ) -> Result<ResultMap, TransportError> {
        self.carry_out(module, args, files, Some(foreign), self.background)
            .await
    }

    async fn carry_out(
        &self,
        module: &str,
        args: Arguments,
        files: IndexMap<String, String>,
        foreign: Option<Foreign>,
        background: Option<u64>,
    ) -> Result<ResultMap, TransportError> {
        let item = self.item;
        let printer = &item.play.run.printer;
        let target = item.target()?;
        let python = match module {
            "ansible.builtin.setup" | "ansible.builtin.pip" => foreign::named_interpreter(item, "python"),
            _ => Ok(None),
        };
        let python = match python {
            Ok(python) => python.unwrap_or_default(),
            Err(error) => return Ok(failure(error)),
        };
        let way = Way {
            host: Arc::clone(&item.worker().name),
            options: target.options.clone(),
            launch: target.launch.clone(),
        };
        let (agent, after) = match early::behind(&way).await {
            Some((agent, before)) => (agent, Some(before)),
            None => (item.agent(&target).await?, None),
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds of a timeout"
        )]
        let timeout = self
            .timeout
            .filter(|seconds| *seconds >= 1.0)
            .map(|seconds| seconds as u64);
        let call = Call {
            module: module.to_owned(),
            args,
            check: item.check,
            diff: item.diff,
            environment: self.environment.clone(),
            timeout: timeout.filter(|_| background.is_none()),
            background,
            files,
            python,
            foreign,
            // Of items, playbooks may ask what each was called with.
            tells_arguments: item.task.r#loop.is_some()
                || printer.verbosity > 2
                || printer.is_heard_elsewhere(),
            after,
        };
        let sent = agent.send_call(&call).await?;
        early::has_sent(way, &agent, sent.stream());
        let done = sent.result().await;
        if after.is_some() && matches!(done, Err(TransportError::Failed(_))) {
            return early::not_begun().await;
        }
        early::turn().await;
        let mut result = done?.0;
        if let Some(seconds) = timeout {
            name_timed_out(&mut result, seconds, &item.task.action_name);
        }
        if background.is_some() && !result.contains_key("failed") {
            result.insert("changed".to_owned(), true.into());
        }
        Ok(result)
    }

    /// Carries out another module in the place of the task's: its `module_defaults` count too.
    pub(crate) async fn call_instead(
        &self,
        module: &str,
        args: Arguments,
    ) -> Result<ResultMap, TransportError> {
        match self.with_defaults(module, args) {
            Ok(args) => self.call_in_background(module, args).await,
            Err(failed) => Ok(failed),
        }
    }

    /// The arguments with what `module_defaults` says of another module.
    pub(super) fn with_defaults(&self, module: &str, args: Arguments) -> Result<Arguments, ResultMap> {
        let defaults = crate::engine::defaults(self.item, module, &self.item.play.run.templar);
        let mut all = defaults.map_err(|error| failure(error.to_string()))?;
        all.extend(args);
        Ok(all)
    }

    /// Gives a file's content to the host, for one call; the inner error is for the task.
    pub(crate) async fn put(&self, content: &[u8]) -> Result<Result<String, String>, TransportError> {
        let target = self.item.target()?;
        self.item.agent(&target).await?.put(content).await
    }

    /// The same for a program, which stays for further calls.
    pub(crate) async fn put_program(
        &self,
        content: &[u8],
        sha256: &str,
    ) -> Result<Result<String, String>, TransportError> {
        let item = self.item;
        let target = item.target()?;
        let agent = item.agent(&target).await?;
        agent.put_program(content, sha256).await
    }

    /// The same for a large file.
    pub(super) async fn put_large(
        &self,
        large: &LargeFile,
    ) -> Result<Result<String, String>, TransportError> {
        let item = self.item;
        let target = item.target()?;
        let agent = item.agent(&target).await?;
        agent
            .put_file(&large.path, &large.digests.sha256, large.size)
            .await
    }
}

/// The agent does not know by which name the playbook calls a module that took too long.
fn name_timed_out(result: &mut ResultMap, seconds: u64, action: &str) {
    let end = format!("action failed to execute in the expected time frame ({seconds}) and was terminated");
    let timed_out = text(result, "msg").is_some_and(|message| message.ends_with(&end));
    if timed_out {
        result.insert("msg".to_owned(), format!("The {action} {end}").into());
        result.insert("timedout".to_owned(), json!({"period": seconds}));
    }
}
