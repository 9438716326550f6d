//! `community.general.alternatives`: which of several programs a common name leads to.

mod display;

use std::path::Path;

use serde_json::{Value, json};

use self::display::{Alternatives, Subcommand};
use crate::answer::{Answer, Failure, Outcome, answer};
use crate::context::Context;
use crate::process::{Process, find_program};

/// The priority of an alternative that nobody gave one.
const PRIORITY: i64 = 50;

pub(super) fn run(context: &mut Context) -> Outcome {
    let program = ["update-alternatives", "alternatives"]
        .into_iter()
        .find(|program| find_program(program.as_ref(), &context.environment).is_some())
        .ok_or_else(|| {
            Failure::new(
                "Failed to find required executable \"update-alternatives\" in paths: /sbin:/usr/sbin",
            )
        })?;
    let args = &context.args;
    let name = args.required("name").to_owned();
    let now = Process::tool(context, program).args(["--display", &name]).run()?;
    let alternatives = if now.code == 0 {
        Alternatives::parse(&now.stdout)
    } else {
        Alternatives::default()
    };
    let state = args.required("state").to_owned();
    let path = args.text("path").map(str::to_owned);
    if path.is_none() && args.text("family").is_none() {
        return Err(Failure::new("one of the following is required: path, family"));
    }
    let mut plan = Plan {
        context,
        program,
        name,
        path: path.clone().unwrap_or_default(),
        messages: Vec::new(),
        after: answer!({}),
    };
    let before = alternatives.describe(&plan.path);
    if state == "absent" {
        if alternatives.find(&plan.path).is_some() {
            plan.remove()?;
        }
    } else {
        let wanted = wanted_subcommands(plan.context);
        if path.is_some() && plan.must_install(&alternatives, wanted.as_deref()) {
            plan.install(&alternatives, wanted.as_deref())?;
        }
        match state.as_str() {
            "selected" if !plan.is_selected(&alternatives) => plan.select()?,
            "auto" if alternatives.is_manual => plan.make_automatic()?,
            _ => {}
        }
    }
    let changed = !plan.messages.is_empty();
    let mut answer = answer!({"changed": changed, "msg": plan.messages.join(" ")});
    let diff = if plan.context.diff {
        let after = if changed {
            Value::Object(plan.after)
        } else {
            before.clone()
        };
        json!({"before": before, "after": after})
    } else {
        json!({"before": {}, "after": {}})
    };
    answer.insert("diff".to_owned(), diff);
    Ok(answer)
}

fn wanted_subcommands(context: &Context) -> Option<Vec<Subcommand>> {
    let items = context.args.value("subcommands")?.as_array()?;
    Some(items.iter().map(Subcommand::of).collect())
}

/// What is to be done, and what was.
struct Plan<'a> {
    context: &'a Context,
    program: &'static str,
    name: String,
    path: String,
    messages: Vec<String>,
    after: Answer,
}

impl Plan<'_> {
    fn must_install(&self, alternatives: &Alternatives, wanted: Option<&[Subcommand]>) -> bool {
        let Some(now) = alternatives.find(&self.path) else {
            return true;
        };
        let priority = self.context.args.integer("priority");
        let is_other_set = |wanted: &[Subcommand]| {
            wanted.len() != now.subcommands.len()
                || wanted
                    .iter()
                    .any(|subcommand| !now.subcommands.contains(subcommand))
        };
        priority.is_some_and(|priority| priority != now.priority) || wanted.is_some_and(is_other_set)
    }

    fn install(&mut self, alternatives: &Alternatives, wanted: Option<&[Subcommand]>) -> Result<(), Failure> {
        if !Path::new(&self.path).exists() {
            return Err(Failure::new(format!(
                "Specified path {} does not exist",
                self.path
            )));
        }
        let Some(link) = self
            .context
            .args
            .text("link")
            .map(str::to_owned)
            .or_else(|| alternatives.link.clone())
        else {
            return Err(Failure::new(
                "Needed to install the alternative, but unable to do so as we are missing the link",
            ));
        };
        let priority = self
            .context
            .args
            .integer("priority")
            .or_else(|| alternatives.find(&self.path).map(|now| now.priority))
            .unwrap_or(PRIORITY);
        let mut arguments = vec![
            "--install".to_owned(),
            link.clone(),
            self.name.clone(),
            self.path.clone(),
            priority.to_string(),
        ];
        for subcommand in wanted.unwrap_or_default() {
            arguments.extend([
                "--slave".to_owned(),
                subcommand.link.clone(),
                subcommand.name.clone(),
                subcommand.path.clone(),
            ]);
        }
        self.run(&arguments)?;
        self.messages.push(format!(
            "Install alternative '{}' for '{}'.",
            self.path, self.name
        ));
        self.after.extend(answer!({
            "state": "present", "path": self.path, "family": null, "link": link, "priority": priority,
        }));
        if let Some(subcommands) = wanted.filter(|subcommands| !subcommands.is_empty()) {
            let shown: Vec<Value> = subcommands.iter().map(Subcommand::describe).collect();
            self.after.insert("subcommands".to_owned(), shown.into());
        }
        Ok(())
    }

    fn is_selected(&self, alternatives: &Alternatives) -> bool {
        let Some(current) = &alternatives.current else {
            return false;
        };
        let family = self.context.args.text("family");
        *current == self.path
            || family.is_some_and(|family| {
                alternatives.find(current).and_then(|now| now.family.as_deref()) == Some(family)
            })
    }

    fn select(&mut self) -> Result<(), Failure> {
        let target = if self.path.is_empty() {
            self.context.args.required("family").to_owned()
        } else {
            self.path.clone()
        };
        self.run(&["--set".to_owned(), self.name.clone(), target.clone()])?;
        self.messages
            .push(format!("Set alternative '{target}' for '{}'.", self.name));
        self.after.insert("state".to_owned(), "selected".into());
        Ok(())
    }

    fn make_automatic(&mut self) -> Result<(), Failure> {
        self.run(&["--auto".to_owned(), self.name.clone()])?;
        self.messages
            .push(format!("Set alternative to auto for '{}'.", self.name));
        self.after.insert("state".to_owned(), "present".into());
        Ok(())
    }

    fn remove(&mut self) -> Result<(), Failure> {
        self.run(&["--remove".to_owned(), self.name.clone(), self.path.clone()])?;
        self.messages.push(format!(
            "Remove alternative '{}' from '{}'.",
            self.path, self.name
        ));
        self.after.insert("state".to_owned(), "absent".into());
        Ok(())
    }

    fn run(&self, arguments: &[String]) -> Result<(), Failure> {
        if self.context.check {
            return Ok(());
        }
        let output = Process::tool(self.context, self.program).args(arguments).run()?;
        if output.code == 0 {
            return Ok(());
        }
        let command: Vec<&str> = std::iter::once(self.program)
            .chain(arguments.iter().map(String::as_str))
            .collect();
        let message = if output.stderr.is_empty() {
            output.stdout.clone()
        } else {
            output.stderr.clone()
        };
        Err(Failure::new(message)
            .with("rc", output.code)
            .with("cmd", command.join(" "))
            .with("stdout", output.stdout)
            .with("stderr", output.stderr))
    }
}
