//! `ansible.builtin.iptables`: rules, chains and policies of the packet filter.

mod rule;

use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::process::{Output, Process, require_program};

pub(super) fn run(context: &mut Context) -> Outcome {
    let args = &context.args;
    let program = if args.required("ip_version") == "ipv6" {
        "ip6tables"
    } else {
        "iptables"
    };
    check_arguments(context)?;
    let logs = ["log_prefix", "log_level"]
        .iter()
        .any(|parameter| context.args.text(parameter).is_some());
    if logs && context.args.text("jump").is_none() {
        context.args.set("jump", "LOG");
    }
    let args = &context.args;
    let path = require_program(context, program)?;
    let filter = Filter {
        context,
        program: path.to_string_lossy().into_owned(),
        table: args.required("table").to_owned(),
        chain: args.text("chain").map(str::to_owned),
        rule: rule::words(args),
        wait: wait_words(context, program)?,
    };
    let changed = if args.flag("flush") {
        filter.change(&filter.command("-F"))?;
        true
    } else if let Some(policy) = args.text("policy") {
        filter.set_policy(policy)?
    } else if filter.rule.is_empty() && args.flag("chain_management") {
        filter.keep_chain()?
    } else {
        filter.keep_rule()?
    };
    let mut words = filter.wait.clone();
    words.extend(filter.rule.iter().cloned());
    Ok(answer!({
        "changed": changed,
        "failed": false,
        "ip_version": args.required("ip_version"),
        "table": filter.table,
        "chain": filter.chain,
        "flush": args.flag("flush"),
        "rule": words.join(" "),
        "state": args.required("state"),
        "chain_management": args.flag("chain_management"),
    }))
}

fn check_arguments(context: &Context) -> Result<(), Failure> {
    let args = &context.args;
    let exclusive = |one: &str, other: &str, both: bool| {
        if both {
            Err(Failure::new(format!(
                "parameters are mutually exclusive: {one}|{other}"
            )))
        } else {
            Ok(())
        }
    };
    exclusive(
        "flush",
        "policy",
        args.flag("flush") && args.text("policy").is_some(),
    )?;
    exclusive(
        "set_dscp_mark",
        "set_dscp_mark_class",
        args.text("set_dscp_mark").is_some() && args.text("set_dscp_mark_class").is_some(),
    )?;
    if !args.flag("flush") && args.text("chain").is_none() {
        return Err(Failure::new(
            "flush is False but all of the following are missing: chain",
        ));
    }
    let jump = args.text("jump").map(str::to_ascii_lowercase);
    if let Some(jump) = &jump {
        let lacks = |parameter: &str| args.text(parameter).is_none();
        if jump == "tee" && lacks("gateway") {
            return Err(Failure::new(
                "jump is TEE but all of the following are missing: gateway",
            ));
        }
    }
    let logs = args.text("log_prefix").is_some() || args.text("log_level").is_some();
    if logs && args.text("jump").is_some_and(|jump| jump != "LOG") {
        return Err(Failure::new(
            "Logging options can only be used with the LOG jump target.",
        ));
    }
    Ok(())
}

/// `-w`, for versions of the program that know it: before 1.6.0 it takes no time, before 1.4.20 it is not there.
fn wait_words(context: &Context, program: &str) -> Result<Vec<String>, Failure> {
    let Some(wait) = context.args.text("wait") else {
        return Ok(Vec::new());
    };
    let output = Process::tool(context, program).arg("--version").run()?;
    let version: Vec<u32> = output
        .stdout
        .split_whitespace()
        .find_map(|word| word.strip_prefix('v'))
        .unwrap_or_default()
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    Ok(if version < vec![1, 4, 20] {
        Vec::new()
    } else if version < vec![1, 6, 0] {
        vec!["-w".to_owned()]
    } else {
        vec!["-w".to_owned(), wait.to_owned()]
    })
}

/// The packet filter as one call sees it.
struct Filter<'a> {
    context: &'a Context,
    program: String,
    table: String,
    chain: Option<String>,
    rule: Vec<String>,
    wait: Vec<String>,
}

impl Filter<'_> {
    /// A command on the chain.
    fn command(&self, action: &str) -> Vec<String> {
        let mut words = vec!["-t".to_owned(), self.table.clone(), action.to_owned()];
        words.extend(self.chain.clone());
        words
    }

    fn rule_command(&self, action: &str) -> Vec<String> {
        let mut words = self.command(action);
        if action == "-I" {
            words.extend(self.context.args.text("rule_num").map(str::to_owned));
        }
        words.extend(self.wait.iter().cloned());
        words.extend(self.rule.iter().cloned());
        words
    }

    fn run(&self, words: &[String]) -> Result<Output, Failure> {
        Process::tool(self.context, &self.program).args(words).run()
    }

    /// Runs a command that changes something and must succeed.
    fn change(&self, words: &[String]) -> Result<(), Failure> {
        if self.context.check {
            return Ok(());
        }
        let output = self.run(words)?;
        succeeded(&self.program, words, output).map(drop)
    }

    fn list(&self) -> Result<Output, Failure> {
        let mut words = self.command("-L");
        if self.context.args.flag("numeric") {
            words.push("--numeric".to_owned());
        }
        self.run(&words)
    }

    fn set_policy(&self, policy: &str) -> Result<bool, Failure> {
        let words = self.command("-L");
        let listed = succeeded(&self.program, &words, self.list()?)?;
        let header = listed.stdout.lines().next().unwrap_or_default();
        let current = header
            .split_once("(policy ")
            .and_then(|(_, rest)| rest.split([')', ' ']).next());
        let Some(current) = current else {
            return Err(Failure::new("Can't detect current policy"));
        };
        let changed = current != policy;
        if changed {
            let mut words = self.command("-P");
            words.push(policy.to_owned());
            self.change(&words)?;
        }
        Ok(changed)
    }

    fn keep_chain(&self) -> Result<bool, Failure> {
        let exists = self.list()?.code == 0;
        let wanted = self.context.args.required("state") == "present";
        match (exists, wanted) {
            (false, true) => self.change(&self.command("-N"))?,
            (true, false) => self.change(&self.command("-X"))?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn keep_rule(&self) -> Result<bool, Failure> {
        let args = &self.context.args;
        let exists = self.run(&self.rule_command("-C"))?.code == 0;
        let wanted = args.required("state") == "present";
        if exists == wanted {
            return Ok(false);
        }
        if wanted {
            let action = if args.required("action") == "insert" {
                "-I"
            } else {
                "-A"
            };
            self.change(&self.rule_command(action))?;
        } else {
            self.change(&self.rule_command("-D"))?;
        }
        Ok(true)
    }
}

fn succeeded(program: &str, words: &[String], output: Output) -> Result<Output, Failure> {
    if output.code == 0 {
        return Ok(output);
    }
    let message = if output.stderr.is_empty() {
        &output.stdout
    } else {
        &output.stderr
    };
    Err(Failure::new(message.trim_end())
        .with("rc", output.code)
        .with("cmd", format!("{program} {}", words.join(" ")))
        .with("stdout", output.stdout)
        .with("stderr", output.stderr))
}
