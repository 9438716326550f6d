//! `ansible.builtin.cron`: jobs and variables of crontabs.

mod table;

use std::path::{Path, PathBuf};

use serde_json::json;

use self::table::{Change, Table};
use crate::accounts::current_user_name;
use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::context::Context;
use crate::process::{Process, require_program};

/// Where crontabs of the system are.
const DIRECTORY: &str = "/etc/cron.d";
/// The time fields, in their order in a line.
const TIMES: [&str; 5] = ["minute", "hour", "day", "month", "weekday"];

pub(super) fn run(context: &mut Context) -> Outcome {
    let program = require_program(context, "crontab")?;
    let crontab = Crontab {
        context,
        program,
        file: context
            .args
            .text("cron_file")
            .map(|file| Path::new(DIRECTORY).join(file)),
        user: context.args.text("user").map(str::to_owned),
    };
    check_arguments(context)?;
    let text = crontab.read()?;
    let mut table = Table::parse(&text);
    let removes = context.args.required("state") == "absent";
    let mut changed = change(context, &mut table)? == Change::Made;
    let mut diff = json!({"before": text, "before_header": crontab.name()});
    let given_file = context.args.text("cron_file");
    let removed_last_job = removes && changed && table.is_blank() && !context.args.flag("env");
    if let Some(file) = crontab.file.as_ref().filter(|_| removed_last_job) {
        return remove_file(context, file, diff);
    }
    // cron passes over a last line without an end.
    changed |= !text.is_empty() && !text.ends_with(['\n', '\r']);
    let mut answer = answer!({
        "changed": changed, "jobs": table.job_names(), "envs": table.variable_names(),
    });
    if let Some(file) = given_file {
        answer.insert("cron_file".to_owned(), file.into());
    }
    if changed {
        if context.args.flag("backup") && !context.check {
            answer.insert("backup_file".to_owned(), back_up(&text)?.into());
        }
        let new = table.render();
        if !context.check {
            crontab.write(&new)?;
        }
        if context.diff {
            diff["after"] = new.into();
            diff["after_header"] = crontab.name().into();
            answer.insert("diff".to_owned(), diff);
        }
    }
    if let Some(job) = context.args.text("job").filter(|_| !removes)
        && job.trim_matches(['\r', '\n']).contains(['\r', '\n'])
    {
        context.warn("Job should not contain line breaks");
    }
    Ok(answer)
}

fn check_arguments(context: &Context) -> Result<(), Failure> {
    let args = &context.args;
    if args.text("cron_file") == Some("/etc/crontab") {
        return Err(Failure::new(
            "Will not manage /etc/crontab via cron_file, see documentation.",
        ));
    }
    let installs = args.required("state") == "present";
    let has_times = TIMES.iter().any(|field| args.required(field) != "*");
    if args.text("special_time").is_some() && has_times {
        return Err(Failure::new(
            "You must specify time and date fields or special time.",
        ));
    }
    if installs && args.text("cron_file").is_some() && args.text("user").is_none() {
        return Err(Failure::new(
            "To use cron_file=... parameter you must specify user=... as well",
        ));
    }
    if installs && args.text("job").is_none() {
        return Err(Failure::new(
            "You must specify 'job' to install a new cron job or variable",
        ));
    }
    let places = args.text("insertafter").is_some() || args.text("insertbefore").is_some();
    if installs && places && !args.flag("env") {
        return Err(Failure::new(
            "Insertafter and insertbefore parameters are valid only with env=yes",
        ));
    }
    if args.flag("env") && args.required("name").contains(' ') {
        return Err(Failure::new("Invalid name for environment variable"));
    }
    Ok(())
}

fn change(context: &Context, table: &mut Table) -> Result<Change, Failure> {
    let args = &context.args;
    let name = args.required("name");
    match (args.required("state"), args.flag("env")) {
        ("absent", true) => Ok(table.remove_variable(name)),
        ("absent", false) => Ok(table.remove_job(name)),
        (_, true) => {
            let declaration = format!("{name}=\"{}\"", args.required("job"));
            table.set_variable(
                name,
                &declaration,
                args.text("insertafter"),
                args.text("insertbefore"),
            )
        }
        (_, false) => Ok(table.set_job(name, &job_line(context))),
    }
}

/// The line of the job that is asked for.
fn job_line(context: &Context) -> String {
    let args = &context.args;
    let off = if args.flag("disabled") { "#" } else { "" };
    let time = args.text("special_time").map_or_else(
        || TIMES.map(|field| args.required(field)).join(" "),
        |special| format!("@{special}"),
    );
    let job = args.required("job").trim_matches(['\r', '\n']);
    match (args.text("cron_file"), args.text("user")) {
        (Some(_), Some(user)) => format!("{off}{time} {user} {job}"),
        _ => format!("{off}{time} {job}"),
    }
}

/// A file of which nothing is left is removed.
fn remove_file(context: &Context, file: &Path, mut diff: serde_json::Value) -> Outcome {
    let changed = file.is_file();
    if changed && !context.check {
        std::fs::remove_file(file)
            .map_err(|error| Failure::io(format!("Could not remove {}", file.display()), &error))?;
    }
    if context.diff {
        diff["after"] = "".into();
        diff["after_header"] = "/dev/null".into();
    } else {
        diff = json!({});
    }
    Ok(answer!({
        "changed": changed, "cron_file": context.args.text("cron_file"), "state": "absent", "diff": diff,
    }))
}

/// Keeps the crontab as it was; returns the file's name.
fn back_up(text: &str) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::io("keeping the crontab as it was", &error);
    let file = tempfile::Builder::new()
        .prefix("crontab")
        .tempfile()
        .map_err(failed)?;
    std::fs::write(file.path(), text).map_err(failed)?;
    let (_, path) = file.keep().map_err(|error| failed(error.error))?;
    Ok(path.to_string_lossy().into_owned())
}

/// One crontab: a file of the system, or a user's, which the program `crontab` keeps.
struct Crontab<'a> {
    context: &'a Context,
    program: PathBuf,
    file: Option<PathBuf>,
    user: Option<String>,
}

impl Crontab<'_> {
    /// What it is called in differences.
    fn name(&self) -> String {
        match (&self.file, &self.user) {
            (Some(file), _) => file.to_string_lossy().into_owned(),
            (None, Some(user)) => format!("crontab for user \"{user}\""),
            (None, None) => "crontab".to_owned(),
        }
    }

    fn program(&self) -> Process {
        let process = Process::tool(self.context, &self.program.to_string_lossy());
        match &self.user {
            Some(user) if *user != current_user_name() => process.args(["-u", user]),
            _ => process,
        }
    }

    fn read(&self) -> Result<String, Failure> {
        if let Some(file) = &self.file {
            return match std::fs::read_to_string(file) {
                Ok(text) => Ok(text),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
                Err(error) => Err(Failure::io(format!("reading {}", file.display()), &error)),
            };
        }
        let output = self.program().arg("-l").run()?;
        // 1: there is no crontab yet.
        if output.code != 0 && output.code != 1 {
            return Err(Failure::new("Unable to read crontab").with("rc", output.code));
        }
        Ok(without_header(&output.stdout))
    }

    fn write(&self, text: &str) -> Result<(), Failure> {
        if let Some(file) = &self.file {
            return replace(Content::Bytes(text.as_bytes()), file, false);
        }
        let failed = |error: std::io::Error| Failure::io("writing the new crontab", &error);
        let file = tempfile::NamedTempFile::new_in(&self.context.temporary).map_err(failed)?;
        std::fs::write(file.path(), text).map_err(failed)?;
        let output = self.program().arg(file.path()).run()?;
        if output.code != 0 {
            return Err(Failure::new(output.stderr));
        }
        Ok(())
    }
}

/// Some systems print a header of up to three lines that is not part of the crontab.
fn without_header(text: &str) -> String {
    let is_header = |line: &str| {
        line.starts_with("# DO NOT EDIT THIS FILE - edit the master and reinstall")
            || line.starts_with("# (/tmp/") && line.contains("installed on")
            || line.starts_with("# (") && line.contains("version")
    };
    text.split_inclusive('\n')
        .enumerate()
        .filter(|(index, line)| *index > 2 || !is_header(line))
        .map(|(_, line)| line)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_some_systems_is_not_part_of_the_crontab() {
        let text = "# DO NOT EDIT THIS FILE - edit the master and reinstall.\n# (/tmp/x installed on Mon)\n# (Cron version 1)\n# mine\n* * * * * a\n";
        assert_eq!(without_header(text), "# mine\n* * * * * a\n");
        assert_eq!(without_header("# mine"), "# mine");
    }
}
