//! `ansible.builtin.pip`: Python packages, by the host's own pip.

mod requirement;
mod virtualenv;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::requirement::{Requirement, joined};
use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::foreign::interpreter;
use crate::process::{Output, Process, find_program};
use crate::text_edit::exclude;

pub(super) fn run(context: &mut Context) -> Outcome {
    let args = &context.args;
    let names = joined(&args.list("name"));
    let requirements = args.text("requirements");
    if !names.is_empty() && requirements.is_some() {
        return Err(Failure::new(
            "parameters are mutually exclusive: name|requirements",
        ));
    }
    exclude(context, "executable", "virtualenv")?;
    let here = args.text("chdir").map_or_else(PathBuf::new, PathBuf::from);
    let virtualenv = args.text("virtualenv").map(|directory| here.join(directory));
    if args.value("name").is_none() && requirements.is_none() {
        return Err(Failure::new(
            "one of the following is required: name, requirements",
        ));
    }
    let state = args.required("state");
    let version = args.text("version").filter(|version| !version.is_empty());
    if state == "latest" && version.is_some() {
        return Err(Failure::new("version is incompatible with state=latest"));
    }
    if version.is_some() && names.len() > 1 {
        return Err(Failure::new(
            "'version' argument is ambiguous when installing multiple package distributions. Please specify version \
             restrictions next to each package in 'name' argument.",
        ));
    }
    let mut pip = Pip {
        context,
        command: Vec::new(),
        said: Output::default(),
    };
    let mut made = false;
    if let Some(directory) = &virtualenv
        && !directory.join("bin/activate").exists()
    {
        if context.check {
            return Ok(answer!({"changed": true}));
        }
        pip.said = virtualenv::make(context, directory)?;
        made = true;
    }
    pip.command = command(context, virtualenv.as_deref())?;
    let requirements_wanted: Vec<Requirement> = names.iter().map(|name| Requirement::parse(name)).collect();
    let wished = match (requirements_wanted.as_slice(), version) {
        ([only], Some(version)) => vec![only.at(version)?],
        (all, _) => all.to_vec(),
    };
    pip.carry_out(state, &wished, requirements, virtualenv.as_deref(), made)
}

/// pip as the call wants it run.
struct Pip<'a> {
    context: &'a Context,
    /// The program and what comes before its own arguments.
    command: Vec<String>,
    /// What has been printed up to now.
    said: Output,
}

impl Pip<'_> {
    fn run(&self, arguments: &[String]) -> Result<Output, Failure> {
        let words = self.command.iter().chain(arguments);
        let process = if let Some(mask) = self.context.args.text("umask") {
            Process::tool(self.context, "sh")
                .args(["-c", "umask \"$0\" && exec \"$@\"", mask])
                .args(words)
        } else {
            let program = self.command.first().map(String::as_str).unwrap_or_default();
            Process::tool(self.context, program).args(words.skip(1))
        };
        // Away from directories whose files Python would take for packages.
        let directory = self
            .context
            .args
            .text("chdir")
            .map_or_else(std::env::temp_dir, PathBuf::from);
        process.directory(&directory).run()
    }

    fn carry_out(
        mut self,
        state: &str,
        names: &[Requirement],
        requirements: Option<&str>,
        virtualenv: Option<&Path>,
        made: bool,
    ) -> Outcome {
        let args = &self.context.args;
        let mut words: Vec<String> = match state {
            "absent" => vec!["uninstall".to_owned(), "-y".to_owned()],
            "latest" => vec!["install".to_owned(), "-U".to_owned()],
            "forcereinstall" => vec![
                "install".to_owned(),
                "-U".to_owned(),
                "--force-reinstall".to_owned(),
            ],
            _ => vec!["install".to_owned()],
        };
        if args.flag("break_system_packages") {
            words.push("--break-system-packages".to_owned());
        }
        let is_editable = args.flag("editable");
        if let Some(extra) = args.text("extra_args") {
            words.extend(shlex::split(extra).unwrap_or_else(|| vec![extra.to_owned()]));
        }
        if self.context.check {
            return self.look(state, names, requirements);
        }
        if !names.is_empty() {
            if is_editable && state != "absent" {
                words.push("-e".to_owned());
            }
            words.extend(names.iter().map(|name| name.text.clone()));
        } else if let Some(file) = requirements {
            words.extend(["-r".to_owned(), file.to_owned()]);
        }
        let shown = self.command.iter().chain(&words).cloned().collect::<Vec<_>>();
        let mut answer = answer!({
            "changed": made,
            "cmd": shown,
            "name": if names.is_empty() { Value::Null } else { joined(&args.list("name")).into() },
            "version": args.text("version"),
            "state": state,
            "requirements": requirements,
            "virtualenv": virtualenv.map(|directory| directory.to_string_lossy()),
        });
        if names.is_empty() && requirements.is_none() {
            answer.insert("stdout".to_owned(), self.said.stdout.into());
            answer.insert("stderr".to_owned(), self.said.stderr.into());
            return Ok(answer);
        }
        // pip installs a source every time; that counts when something else is there afterwards.
        let compares = requirements.is_some() || names.iter().any(Requirement::is_source);
        let before = if compares && state != "absent" {
            self.installed()?.stdout
        } else {
            String::new()
        };
        let output = self.run(&words)?;
        self.said.stdout.push_str(&output.stdout);
        self.said.stderr.push_str(&output.stderr);
        let nothing_to_remove = state == "absent" && output.stderr.contains("not installed");
        if output.code != 0 && !nothing_to_remove {
            let mut message = format!("stdout: {}", self.said.stdout);
            if !self.said.stderr.is_empty() {
                let _ = write!(message, "\n:stderr: {}", self.said.stderr);
            }
            return Err(Failure::new(message).with("cmd", shown));
        }
        let changed = if state == "absent" {
            output.stdout.contains("Successfully uninstalled")
        } else if output.stdout.contains("Successfully installed") {
            !compares || self.installed()?.stdout != before
        } else {
            false
        };
        answer.insert("changed".to_owned(), (made || changed).into());
        answer.insert("stdout".to_owned(), self.said.stdout.into());
        answer.insert("stderr".to_owned(), self.said.stderr.into());
        Ok(answer)
    }

    /// Says what would change. Where only an installation could tell, it is taken for a change.
    fn look(&self, state: &str, names: &[Requirement], requirements: Option<&str>) -> Outcome {
        let has_extra = self.context.args.value("extra_args").is_some();
        let is_source = names.iter().any(Requirement::is_source);
        let is_sure = state == "latest" || state == "forcereinstall";
        if has_extra || is_source || is_sure || requirements.is_some() || names.is_empty() {
            return Ok(answer!({"changed": true}));
        }
        let output = self.installed()?;
        let installed: Vec<&str> = output.stdout.lines().collect();
        let would_change = if state == "absent" {
            names.iter().any(|name| name.is_named_in(&installed))
        } else {
            !names.iter().all(|name| name.is_satisfied_by(&installed))
        };
        let command = format!("{} list --format=freeze", self.command.join(" "));
        Ok(answer!({
            "changed": would_change, "cmd": command, "stdout": output.stdout, "stderr": output.stderr,
        }))
    }

    /// What is installed, as lines of `name==version`.
    fn installed(&self) -> Result<Output, Failure> {
        let list = ["list".to_owned(), "--format=freeze".to_owned()];
        let output = self.run(&list)?;
        if output.code == 0 {
            return Ok(output);
        }
        Err(Failure::new(output.stderr.trim()).with("rc", output.code))
    }
}

/// How pip is started: that of the virtual environment, the one that the call names, or the system's.
fn command(context: &Context, virtualenv: Option<&Path>) -> Result<Vec<String>, Failure> {
    let found = |program: &Path| program.exists().then(|| program.to_string_lossy().into_owned());
    if let Some(directory) = virtualenv {
        let candidates = ["pip3", "pip"].map(|name| directory.join("bin").join(name));
        return candidates
            .iter()
            .find_map(|program| found(program))
            .map(|program| vec![program])
            .ok_or_else(|| {
                Failure::new(format!(
                    "Unable to find pip in the virtualenv, {}, under any of these names: pip3, pip. Make sure pip is \
                     present in the virtualenv.",
                    directory.display()
                ))
            });
    }
    if let Some(executable) = context.args.text("executable") {
        let path = Path::new(executable);
        if path.is_absolute() {
            return Ok(vec![executable.to_owned()]);
        }
        return find_program(executable.as_ref(), &context.environment)
            .and_then(|program| found(&program))
            .map(|program| vec![program])
            .ok_or_else(|| {
                Failure::new(format!(
                    "Unable to find any of {executable} to use.  pip needs to be installed."
                ))
            });
    }
    // A Python may have pip without a program of that name.
    if let Some(python) = interpreter::of(context) {
        let python = python.to_string_lossy().into_owned();
        let output = Process::tool(context, &python)
            .args(["-m", "pip", "--version"])
            .run()?;
        if output.code == 0 {
            return Ok(vec![python, "-m".to_owned(), "pip".to_owned()]);
        }
    }
    ["pip3", "pip"]
        .into_iter()
        .find_map(|name| find_program(name.as_ref(), &context.environment))
        .map(|program| vec![program.to_string_lossy().into_owned()])
        .ok_or_else(|| Failure::new("Unable to find any of pip3, pip to use.  pip needs to be installed."))
}
