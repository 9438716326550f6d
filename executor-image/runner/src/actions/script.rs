//! `script`: a script of this machine runs on the host.

use indexmap::IndexMap;
use serde_json::Value;
use slipway_language::FileKind;

use super::{ActionContext, Arguments, ResultMap, failure, text};
use crate::transport::TransportError;

pub(super) async fn run(
    context: &ActionContext<'_>,
    mut args: Arguments,
) -> Result<ResultMap, TransportError> {
    let command = text(&args, "_raw_params")
        .or_else(|| text(&args, "cmd"))
        .unwrap_or_default();
    let Some(name) = shlex::split(&command).and_then(|words| words.into_iter().next()) else {
        return Ok(failure("one of the following is required: _raw_params, cmd"));
    };
    let path = match context.find(&name, FileKind::Files) {
        Ok(path) => path,
        Err(message) => return Ok(failure(message)),
    };
    // The argument `decrypt` is in Ansible's documentation, and refused.
    let content = match context.read(&path, &mut args.clone()) {
        Ok(content) => content,
        Err(error) => {
            return Ok(failure(format!(
                "cannot read the script {}: {error}",
                path.display()
            )));
        }
    };
    let sha256 = match context.put(&content).await? {
        Ok(sha256) => sha256,
        Err(reason) => return Ok(failure(reason)),
    };
    if let Some(name) = path.file_name() {
        args.insert(
            "_original_basename".to_owned(),
            Value::from(name.to_string_lossy().into_owned()),
        );
    }
    let files = IndexMap::from([("src".to_owned(), sha256)]);
    let mut result = context.call("ansible.builtin.script", args, files).await?;
    // Under Ansible, no module was called.
    result.shift_remove("invocation");
    Ok(result)
}
