//! `template`: rendered here, written by the agent.

use std::sync::Arc;

use serde_json::Value;
use slipway_language::{Encoding, FileKind, Layer, TemplateOptions};

use super::{ActionContext, Arguments, ON_CONTROLLER, ResultMap, boolean, copy, failure, stray_bytes, text};
use crate::{engine::template_variables, transport::TransportError};

pub(super) async fn run(
    context: &ActionContext<'_>,
    mut args: Arguments,
) -> Result<ResultMap, TransportError> {
    if let Some(problem) = problem(&args) {
        return Ok(failure(problem));
    }
    let source = text(&args, "src").unwrap_or_default();
    let path = match context.find(&source, FileKind::Templates) {
        Ok(path) => path,
        Err(message) => return Ok(failure(message)),
    };
    let shown = path.display().to_string();
    if path.is_dir() {
        return Ok(failure(format!(
            "could not find src={shown}, Could not find or access '{shown}'{ON_CONTROLLER}"
        )));
    }
    let template = match context.read(&path, &mut args) {
        Ok(content) => stray_bytes::decode(content),
        Err(error) => return Ok(failure(format!("cannot read the template {shown}: {error}"))),
    };
    let options = options(&mut args);
    let output = text(&args, "output_encoding")
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "utf-8".to_owned());
    args.shift_remove("output_encoding");
    let Some(encoding) = Encoding::of(&output) else {
        return Ok(failure(format!("output_encoding: there is no encoding {output}")));
    };
    let managed = &context.item.play.run.options.settings.ansible_managed;
    let vars = template_variables(&source, &path, text(&args, "dest").as_deref(), managed);
    let scope = context.item.scope.of_file(&path);
    let scope = scope.with(Arc::new(vars) as Arc<dyn Layer>);
    // A file is text, whatever types values keep elsewhere.
    let templar = context.item.play.run.templar.textual();
    let rendered = match templar.template_file(&template, &shown, &options, &scope) {
        Ok(rendered) => rendered,
        Err(error) => {
            return Ok(failure(format!(
                "the template {shown} cannot be rendered: {error}"
            )));
        }
    };
    if text(&args, "mode").as_deref() == Some("preserve") {
        use std::os::unix::fs::PermissionsExt;
        if let Ok(metadata) = path.metadata() {
            args.insert(
                "mode".to_owned(),
                Value::from(format!("0{:03o}", metadata.permissions().mode() & 0o7777)),
            );
        }
    }
    let Some(bytes) = stray_bytes::encode(&rendered, encoding) else {
        return Ok(failure(format!(
            "the template {shown} has characters that the output_encoding {output} has not"
        )));
    };
    copy::send(context, args, bytes, &path).await
}

/// What is wrong with the arguments, in Ansible's words.
fn problem(args: &Arguments) -> Option<&'static str> {
    let newline = text(args, "newline_sequence");
    let is_newline = |newline: &str| matches!(newline, "\n" | "\r" | "\r\n" | "\\n" | "\\r" | "\\r\\n");
    let is_given = |name: &str| args.get(name).is_some_and(|value| !value.is_null());
    if is_given("state") {
        Some("'state' cannot be specified on a template")
    } else if !is_given("src") || !is_given("dest") {
        Some("src and dest are required")
    } else if !newline.is_none_or(|newline| is_newline(&newline)) {
        Some("newline_sequence needs to be one of: \n, \r or \r\n")
    } else if is_given("content") {
        Some("src and content are mutually exclusive")
    } else if text(args, "dest").is_some_and(|destination| destination.is_empty()) {
        Some("dest is required")
    } else {
        None
    }
}

/// The options of the template's syntax, taken out of the arguments.
fn options(args: &mut Arguments) -> TemplateOptions {
    let mut options = TemplateOptions::default();
    // Whatever is no boolean is false.
    if let Some(follow) = boolean(args, "follow") {
        args.insert("follow".to_owned(), follow.into());
    }
    let flags = [
        ("trim_blocks", &mut options.trim_blocks),
        ("lstrip_blocks", &mut options.lstrip_blocks),
    ];
    for (name, slot) in flags {
        if let Some(value) = boolean(args, name) {
            *slot = value;
        }
        args.shift_remove(name);
    }
    let texts = [
        ("block_start_string", &mut options.block_start_string),
        ("block_end_string", &mut options.block_end_string),
        ("variable_start_string", &mut options.variable_start_string),
        ("variable_end_string", &mut options.variable_end_string),
        ("comment_start_string", &mut options.comment_start_string),
        ("comment_end_string", &mut options.comment_end_string),
    ];
    for (name, slot) in texts {
        if let Some(Value::String(value)) = args.shift_remove(name) {
            *slot = value;
        }
    }
    if let Some(Value::String(newline)) = args.shift_remove("newline_sequence") {
        options.newline_sequence = newline.replace("\\n", "\n").replace("\\r", "\r");
    }
    options
}
