//! `ansible.builtin.async_status`: how a job that was started before goes on.

use serde_json::Value;

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::job::status;

pub(super) fn run(context: &mut Context) -> Outcome {
    context.describes_path = false;
    let id = context.args.required("jid").to_owned();
    let file = status::directory(&context.environment).join(&id);
    let shown = file.to_string_lossy().into_owned();
    let cleans_up = context.args.required("mode") == "cleanup";
    let mut answer = answer!({"ansible_job_id": id, "stdout": "", "stderr": "", "started": 1, "finished": 1});
    answer.insert(
        if cleans_up { "erased" } else { "results_file" }.to_owned(),
        shown.into(),
    );
    // A name of a job has no directory in it: nothing else is read or removed.
    if id.contains('/') || !file.is_file() {
        return Err(Failure::new("could not find job").with_all(answer));
    }
    if cleans_up {
        std::fs::remove_file(&file)
            .map_err(|error| Failure::io(format!("removing {}", file.display()), &error))?;
        answer.insert("started".to_owned(), 0.into());
        answer.insert("finished".to_owned(), 0.into());
        return Ok(answer);
    }
    let text = std::fs::read_to_string(&file)
        .map_err(|error| Failure::io(format!("reading {}", file.display()), &error))?;
    // A program that writes such files another way may be in the middle of it: then the job runs.
    let mut found = match serde_json::from_str(&text) {
        Ok(Value::Object(fields)) => fields,
        _ => status::running(&id),
    };
    // The result of a module says nothing of the job.
    found.entry("finished").or_insert(1.into());
    found.insert("ansible_job_id".to_owned(), id.into());
    for (key, value) in answer {
        found.entry(key).or_insert(value);
    }
    Ok(found)
}
