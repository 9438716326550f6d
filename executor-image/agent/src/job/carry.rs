//! The job's side: one call is carried out, apart from whoever asked for it.

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use slipway_protocol::ModuleResult;

use super::{Order, status};
use crate::answer::{Answer, Failure, answer};
use crate::call::carry_out;
use crate::control::Control;
use crate::foreign;
use crate::store::Store;

/// How long a module whose time is over may take to end.
const GRACE: Duration = Duration::from_secs(1);

/// Carries out the call on standard input. The first and only line on standard output is the answer for whoever asked: that the
/// job was started, or why not.
///
/// # Errors
/// When the streams break or the call cannot be read.
pub fn carry_out_from_standard_input() -> anyhow::Result<()> {
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .context("making the job's memory private")?;
    // Out of the session that ends with the connection.
    rustix::process::setsid().context("making a session for the job")?;
    let mut text = Vec::new();
    std::io::stdin()
        .read_to_end(&mut text)
        .context("reading the call")?;
    let order: Order = serde_json::from_slice(&text).context("understanding the call")?;
    let (job, started) = match Job::prepare(&order) {
        Ok(job) => {
            let started = answer!({
                "started": 1, "finished": 0, "changed": true, "failed": 0,
                "ansible_job_id": job.id, "results_file": job.file.to_string_lossy(),
            });
            (Some(job), ModuleResult(started))
        }
        Err(failure) => (None, ModuleResult::failure(failure.message())),
    };
    let mut line = serde_json::to_vec(&started).context("encoding the answer")?;
    line.push(b'\n');
    let mut output = std::io::stdout();
    output
        .write_all(&line)
        .and_then(|()| output.flush())
        .context("answering that the job was started")?;
    if let Some(job) = job {
        job.carry_out(order);
    }
    Ok(())
}

struct Job {
    id: String,
    file: PathBuf,
    store: Arc<Store>,
}

impl Job {
    /// Takes over the contents of the call's files, and writes that the job runs.
    fn prepare(order: &Order) -> Result<Self, Failure> {
        let store =
            Store::create().map_err(|error| Failure::io("making the job's temporary directory", &error))?;
        for (argument, sha256) in &order.call.files {
            store
                .adopt(sha256, &order.contents)
                .map_err(|error| Failure::io(format!("taking the content of {argument}"), &error))?;
        }
        let directory = status::directory(&order.call.environment);
        make_directory(&directory)
            .map_err(|error| Failure::io(format!("could not create: {}", directory.display()), &error))?;
        let id = new_id();
        let file = directory.join(&id);
        status::write(&file, status::running(&id))?;
        Ok(Self {
            id,
            file,
            store: Arc::new(store),
        })
    }

    /// Carries out the call; when its time is over, what it has started is killed and the job ends.
    fn carry_out(self, order: Order) {
        let control = Control::new();
        let (sender, receiver) = mpsc::channel();
        let (store, call_control) = (Arc::clone(&self.store), Arc::clone(&control));
        let limit = Duration::from_secs(order.limit);
        std::thread::spawn(move || {
            let result = carry_out(&order.call, &store, &call_control);
            call_control.finish();
            drop(store);
            // Nobody listens any more when the time is over.
            let _ = sender.send(result);
        });
        let status = if let Ok(ModuleResult(result)) = receiver.recv_timeout(limit) {
            kept(result)
        } else {
            control.stop("Timeout exceeded");
            // The module has the time to notice, so that its temporary files go, and whoever waits for as long as the job may
            // take is told so by his own clock, as under Ansible.
            std::thread::sleep(GRACE);
            answer!({
                "changed": false, "failed": true, "msg": "Timeout exceeded", "child_pid": std::process::id(),
            })
        };
        // A status that cannot be written has nobody to be told to: the file stays at `started`.
        let _ = status::write(&self.file, status);
    }
}

/// A result as the file of a job has it: lines are made of the texts when they are read, and what a module printed besides its result
/// is part of it.
fn kept(mut result: Answer) -> Answer {
    for key in ["stdout_lines", "stderr_lines"] {
        result.shift_remove(key);
    }
    for (key, name) in [
        ("module_stdout", "data"),
        ("module_stderr", "stderr"),
        (foreign::STDERR, "stderr"),
    ] {
        if let Some(printed) = result.shift_remove(key) {
            result.insert(name.to_owned(), printed);
        }
    }
    if let Some(Value::Array(more)) = result.shift_remove("_ansible_warnings") {
        let mut warnings = match result.shift_remove("warnings") {
            Some(Value::Array(warnings)) => warnings,
            Some(Value::Null) | None => Vec::new(),
            Some(only) => vec![only],
        };
        warnings.extend(more);
        result.insert("warnings".to_owned(), Value::Array(warnings));
    }
    result
}

fn make_directory(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    // Results may say what only this user may know.
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}

/// A name that no other job has: a random number and the job's process, as Ansible's.
fn new_id() -> String {
    let random = RandomState::new().hash_one(std::process::id()) % 1_000_000_000_000;
    format!("j{random}.{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_job_keeps_what_the_module_printed_besides_its_result() {
        let result = answer!({
            "changed": true, "warnings": ["its own"], "stderr_lines": ["x"],
            "_ansible_warnings": ["junk"], "_ansible_stderr": "printed\n",
        });
        let expected = answer!({ "changed": true, "stderr": "printed\n", "warnings": ["its own", "junk"] });
        assert_eq!(kept(result), expected);
    }
}
