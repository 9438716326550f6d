//! `async` and `poll`: a module that goes on by itself on its host, and looking after it.

use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Value as Json, json};
use slipway_language::TemplateError;

use super::{
    ItemContext,
    result::{ResultMap, flag, to_map},
};
use crate::{
    actions::{self, ActionContext},
    output::{HostLine, HostOutcome, JobStage},
    transport::TransportError,
};

/// The environment variable by which the agent knows where the state of jobs is.
const ASYNC_DIRECTORY: &str = "ANSIBLE_ASYNC_DIR";

/// How a task goes on by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Background {
    /// The most seconds that it may take.
    pub seconds: u64,
    /// Seconds between looks at it; none if nobody waits for it.
    poll: Option<Duration>,
}

impl Background {
    /// What the task says; none if it is to be waited for as usual.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of seconds"
    )]
    pub(super) fn of(item: &ItemContext<'_>) -> Result<Option<Self>, TemplateError> {
        let seconds = item.play.number(item.task.r#async.as_ref(), &item.scope)?;
        let Some(seconds) = seconds.filter(|seconds| *seconds >= 1.0) else {
            return Ok(None);
        };
        #[expect(clippy::cast_precision_loss, reason = "a number of seconds")]
        let default = item.play.run.options.settings.poll_interval as f64;
        let poll = item
            .play
            .number(item.task.poll.as_ref(), &item.scope)?
            .unwrap_or(default);
        Ok(Some(Self {
            seconds: seconds as u64,
            poll: (poll > 0.0).then(|| Duration::from_secs_f64(poll)),
        }))
    }

    /// Tells a call where the state of jobs is, whatever the task's own environment says of it.
    pub(super) fn tell_directory(
        item: &ItemContext<'_>,
        environment: &mut IndexMap<String, String>,
    ) -> Result<(), TemplateError> {
        let set = item.play.variable_text("ansible_async_dir", &item.scope)?;
        let directory = set.unwrap_or_else(|| item.play.run.options.settings.async_dir.clone());
        environment.insert(ASYNC_DIRECTORY.to_owned(), directory);
        Ok(())
    }

    /// Waits for a job that was started, if the task is to wait.
    pub(super) async fn follow(
        self,
        call: &ActionContext<'_>,
        started: ResultMap,
        no_log: bool,
    ) -> Result<ResultMap, TransportError> {
        let (Some(poll), Some(job)) = (self.poll, started.get("ansible_job_id").cloned()) else {
            return Ok(started);
        };
        if flag(&started, "failed") || flag(&started, "skipped") {
            return Ok(started);
        }
        let item = call.item;
        let shown = job.as_str().unwrap_or_default();
        let told = |stage: JobStage, result: &ResultMap, job: &str, more: &str| {
            let what = match stage {
                JobStage::Polled => "POLL",
                JobStage::Done => "OK",
                JobStage::Failed => "FAILED",
            };
            let text = format!("ASYNC {what} on {}: jid={job}{more}", item.host.name);
            let outcome = HostOutcome {
                no_log,
                ..HostOutcome::plain(&item.host.name, HostLine::Ok, result)
            };
            item.play.run.printer.job(item.header, stage, &outcome, &text);
        };
        let ended = |stage: JobStage, result: &ResultMap| {
            told(stage, result, if no_log { "None" } else { shown }, "");
        };
        let mut left = Duration::from_secs(self.seconds);
        let mut last = started;
        while !left.is_zero() && !flag(&last, "finished") && !item.play.run.stop.is_requested() {
            tokio::time::sleep(poll).await;
            // A host that cannot be reached for a moment is asked again: its job goes on.
            let looked = look(call, &job, "status").await;
            left = left.saturating_sub(poll);
            if let Ok(answer) = looked {
                let number = |key: &str| answer.get(key).and_then(Json::as_i64).unwrap_or_default();
                // Of one that has ended, its end is told.
                if !flag(&answer, "finished") {
                    let more = format!(" started={} finished={}", number("started"), number("finished"));
                    told(JobStage::Polled, &answer, shown, &more);
                }
                last = answer;
            }
        }
        if !flag(&last, "finished") {
            let message = format!(
                "async task did not complete within the requested time - {}s",
                self.seconds
            );
            last.shift_remove("changed");
            let failed =
                to_map(json!({"changed": false, "failed": true, "msg": message, "async_result": last}));
            ended(JobStage::Failed, &failed);
            return Ok(failed);
        }
        // ok: a status file that stays is litter, not a failure of the task.
        let _ = look(call, &job, "cleanup").await;
        let stage = if flag(&last, "failed") {
            JobStage::Failed
        } else {
            JobStage::Done
        };
        ended(stage, &last);
        Ok(last)
    }
}

async fn look(call: &ActionContext<'_>, job: &Json, mode: &str) -> Result<ResultMap, TransportError> {
    let args = actions::map(json!({"jid": job, "mode": mode}));
    call.call("ansible.builtin.async_status", args, IndexMap::new())
        .await
}
