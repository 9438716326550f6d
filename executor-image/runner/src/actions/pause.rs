//! `pause`, without a person at the keyboard: a prompt is printed and not waited for.

use std::time::{Duration, Instant};

use chrono::Local;
use serde_json::{Value, json};

use super::{ActionContext, Arguments, ResultMap, argument_spec, map, text};

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
    let echo = args.get("echo") != Some(&Value::Bool(false));
    let hidden = if echo { "" } else { " (output is hidden)" };
    let printer = &context.item.play.run.printer;
    if let Some(seconds) = seconds {
        printer.say(&format!("Pausing for {seconds} seconds{hidden}"));
    }
    if let Some(prompt) = text(&args, "prompt") {
        printer.say(&format!("[{}]\n{prompt}{hidden}:", context.item.name));
    }
    let (started, start) = (Instant::now(), Local::now());
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs(seconds.unwrap_or(0))) => {}
        () = context.item.play.run.stop.wait() => {}
    }
    let passed = started.elapsed();
    let amount = (passed.as_secs_f64() / in_unit * 100.0).round() / 100.0;
    map(json!({
        "changed": false, "delta": passed.as_secs(), "echo": echo, "rc": 0, "stderr": "", "user_input": "",
        "stdout": format!("Paused for {amount:?} {unit}"),
        "start": start.format(TIME).to_string(), "stop": Local::now().format(TIME).to_string(),
    }))
}
