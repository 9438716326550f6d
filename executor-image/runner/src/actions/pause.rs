//! `pause`: for a time, or until the person at the terminal goes on. Where nobody is there, only times are waited for.

use std::time::{Duration, Instant};

use chrono::Local;
use serde_json::{Value, json};

use super::{ActionContext, Arguments, ResultMap, argument_spec, error, map, text};
use crate::{
    engine::Run,
    output::keys::{self, Keys, Pressed},
};

/// What a person can do while a time passes.
const WAYS_ON: &str = "(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)\r";

/// How Python prints a time.
const TIME: &str = "%Y-%m-%d %H:%M:%S%.6f";

pub(super) async fn run(context: &ActionContext<'_>, args: &Arguments) -> ResultMap {
    let spec = json!({
        "echo": {"type": "bool", "default": true}, "minutes": {"type": "int()"}, "prompt": {"type": "str"}, "seconds": {"type": "int()"},
    });
    let rules = json!({"mutually_exclusive": [["minutes", "seconds"]]});
    let args = match argument_spec::validated(context, spec, rules, args) {
        Ok(args) => args,
        Err(failed) => return failed,
    };
    let number = |name: &str| args.get(name).and_then(Value::as_i64);
    let (seconds, unit, in_unit) = match (number("minutes"), number("seconds")) {
        (Some(minutes), _) => (Some(minutes.saturating_mul(60)), "minutes", 60.0),
        (None, Some(seconds)) => (Some(seconds), "seconds", 1.0),
        (None, None) => (None, "minutes", 60.0),
    };
    // At least one, where any are said.
    let seconds = seconds.map(|seconds| u64::try_from(seconds.max(1)).unwrap_or(1));
    let pause = Pause {
        name: context.item.name,
        seconds,
        prompt: text(&args, "prompt").filter(|prompt| !prompt.is_empty()),
        echo: args.get("echo") != Some(&Value::Bool(false)),
    };
    let (started, start) = (Instant::now(), Local::now());
    let Some(typed) = pause.wait(&context.item.play.run).await else {
        return error("user requested abort!");
    };
    let passed = started.elapsed();
    let amount = (passed.as_secs_f64() / in_unit * 100.0).round() / 100.0;
    map(json!({
        "changed": false, "delta": passed.as_secs(), "echo": pause.echo, "rc": 0, "stderr": "", "user_input": typed,
        "stdout": format!("Paused for {amount:?} {unit}"),
        "start": start.format(TIME).to_string(), "stop": Local::now().format(TIME).to_string(),
    }))
}

/// What is waited for.
struct Pause<'a> {
    name: &'a str,
    /// How long; for a line if nothing is said.
    seconds: Option<u64>,
    prompt: Option<String>,
    /// Whether the terminal shows what is typed.
    echo: bool,
}

impl Pause<'_> {
    /// Waits for the time or the person; what the person has typed, or nothing if the play is to end.
    async fn wait(&self, run: &Run) -> Option<String> {
        let hidden = if self.echo { "" } else { " (output is hidden)" };
        let prompt = self
            .prompt
            .as_deref()
            .unwrap_or("Press enter to continue, Ctrl+C to interrupt");
        let question = format!("[{}]\n{prompt}{hidden}:", self.name);
        if let Some(seconds) = self.seconds {
            run.printer.say(&format!("Pausing for {seconds} seconds{hidden}"));
            if self.prompt.is_some() {
                run.printer.say(WAYS_ON);
            }
        }
        if !keys::is_somebody_there() {
            match self.seconds {
                None => run
                    .printer
                    .warning("Not waiting for response to prompt as stdin is not interactive"),
                Some(seconds) => tokio::select! {
                    () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
                    () = run.stop.wait() => {}
                },
            }
            return Some(String::new());
        }
        let is_timed = self.seconds.is_some();
        let question = if is_timed && self.prompt.is_none() {
            WAYS_ON
        } else {
            &question
        };
        let keys = Keys {
            limit: self.seconds.map(Duration::from_secs),
            // What is typed does not shorten a time.
            end: if is_timed { b"" } else { b"\r\n" },
            interrupt: b"\x03",
            shown: self.echo && !is_timed,
            last: keys::CLEAR_LINE,
        };
        match ask(run, question, keys).await {
            Pressed::End(typed) => return Some(typed),
            Pressed::Nothing => return Some(String::new()),
            Pressed::Interrupt => {}
        }
        let keys = Keys {
            limit: None,
            end: b"c",
            interrupt: b"a",
            ..keys
        };
        match ask(run, "Press 'C' to continue the play or 'A' to abort \r", keys).await {
            Pressed::End(typed) => Some(typed),
            Pressed::Nothing => Some(String::new()),
            Pressed::Interrupt => None,
        }
    }
}

async fn ask(run: &Run, question: &str, keys: Keys) -> Pressed {
    run.printer.say(question);
    run.printer.settle();
    keys.ask("", run.stop.asked()).await
}
