//! `pause`, without a person at the keyboard: a prompt is printed and not waited for.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ActionContext, Arguments, ResultMap, failure, map, text};

pub(super) async fn run(context: &ActionContext<'_>, args: &Arguments) -> ResultMap {
    let number = |name: &str| -> Result<Option<f64>, String> {
        match args.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            Some(other) => {
                let text = other.as_str().unwrap_or_default();
                text.trim()
                    .parse()
                    .map(Some)
                    .map_err(|_| format!("{name} must be a number, it is {text:?}"))
            }
        }
    };
    let (seconds, minutes) = match (number("seconds"), number("minutes")) {
        (Ok(seconds), Ok(minutes)) => (seconds, minutes),
        (Err(message), _) | (_, Err(message)) => return failure(message),
    };
    let (duration, unit, amount) = match (seconds, minutes) {
        (Some(seconds), _) => (seconds.max(1.0), "seconds", seconds),
        (None, Some(minutes)) => (minutes.max(0.0) * 60.0, "minutes", minutes),
        (None, None) => (0.0, "seconds", 0.0),
    };
    let printer = &context.item.play.run.printer;
    if duration > 0.0 {
        printer.say(&format!("Pausing for {duration} seconds"));
    }
    if let Some(prompt) = text(args, "prompt") {
        printer.say(&format!("[{}]\n{prompt}:", context.item.name));
    }
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs_f64(duration)) => {}
        () = context.item.play.run.stop.wait() => {}
    }
    #[expect(clippy::cast_possible_truncation, reason = "seconds of a pause")]
    let delta = duration as i64;
    map(
        json!({"changed": false, "delta": delta, "echo": true, "rc": 0, "stderr": "", "user_input": "", "stdout": format!("Paused for {amount:?} {unit}")}),
    )
}
