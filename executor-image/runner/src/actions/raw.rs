//! `raw`: a command through the connection alone, for hosts on which nothing can be started yet.

use serde_json::json;

use super::{ActionContext, Arguments, ResultMap, failure, map, text};
use crate::transport::{ConnectionKind, TransportError, quote};

pub(super) async fn run(context: &ActionContext<'_>, args: &Arguments) -> Result<ResultMap, TransportError> {
    let item = context.item;
    let Some(command) = text(args, "_raw_params") else {
        return Ok(failure("no command given"));
    };
    if item.check {
        return Ok(map(json!({"changed": false, "skipped": true})));
    }
    let target = item.target()?;
    let shell = match text(args, "executable") {
        Some(shell) => shell,
        None => match item.play.variable_text("ansible_shell_executable", &item.scope) {
            Ok(shell) => shell.unwrap_or_else(|| item.play.run.options.settings.executable.clone()),
            Err(error) => return Ok(failure(error.to_string())),
        },
    };
    let exports: Vec<String> = context
        .environment
        .iter()
        .map(|(name, value)| format!("export {name}={}; ", quote(value)))
        .collect();
    let command = format!("{}{command}", exports.concat());
    // A plugin is told the command alone, and may have no shell at all.
    let is_bare =
        matches!(target.options.kind, ConnectionKind::Plugin(_)) && !args.contains_key("executable");
    let line = if is_bare {
        command
    } else {
        format!("{} -c {}", quote(&shell), quote(&command))
    };
    let connection = item.connection(&target).await?;
    let output = connection.execute(line, target.launch.r#become.clone()).await?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<String>>();
    let mut result = map(json!({
        "changed": true, "rc": output.status, "stdout": stdout, "stderr": stderr,
        "stdout_lines": lines(&stdout), "stderr_lines": lines(&stderr),
    }));
    if output.status != 0 {
        result.insert("failed".to_owned(), true.into());
        result.insert("msg".to_owned(), "non-zero return code".into());
    }
    Ok(result)
}
