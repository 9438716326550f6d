//! Carries out a foreign module on a host.

use indexmap::IndexMap;
use serde_json::{Value, json};
use slipway_protocol::{Foreign, ForeignStyle};

use super::catalog::ForeignModule;
use crate::{
    actions::{ActionContext, Arguments, ResultMap, failure},
    engine::ItemContext,
    transport::TransportError,
};

/// Carries out the module.
///
/// # Errors
/// When the host cannot be reached.
pub(crate) async fn run(
    context: &ActionContext<'_>,
    module: &ForeignModule,
    args: Arguments,
) -> Result<ResultMap, TransportError> {
    let interpreter = match interpreter(context, module) {
        Ok(interpreter) => interpreter,
        Err(message) => return Ok(failure(message)),
    };
    let package = &module.package;
    let contents = [
        (Foreign::PROGRAM, Some(&package.program)),
        (Foreign::COMMON, package.common.as_ref()),
    ];
    let mut files = IndexMap::new();
    for (key, content) in contents {
        let Some(content) = content else { continue };
        if let Err(reason) = context.put_program(&content.bytes, &content.sha256).await? {
            return Ok(failure(reason));
        }
        files.insert(key.to_owned(), content.sha256.clone());
    }
    let foreign = Foreign {
        style: package.style.clone(),
        interpreter,
    };
    context
        .call_foreign(&module.name, with_settings(context, module, args), files, foreign)
        .await
}

/// The arguments with those that Ansible gives to every module.
fn with_settings(context: &ActionContext<'_>, module: &ForeignModule, mut args: Arguments) -> Arguments {
    let item = context.item;
    let defaults = &item.play.run.options.settings;
    let no_log = item.play.boolean(item.task.settings.no_log.as_ref(), &item.scope);
    let variable = |name: &str, default: &str| {
        let text = item.play.variable_text(name, &item.scope);
        text.ok().flatten().unwrap_or_else(|| default.to_owned())
    };
    // A module names itself as its task does; what is called for another one has its own name.
    let own = item.task.module().and_then(|own| own.foreign.as_ref());
    let is_own = own.is_some_and(|own| std::ptr::eq(own.as_ref(), module));
    let called = if is_own {
        &item.task.action_name
    } else {
        module.name.as_str()
    };
    let settings = json!({
        "_ansible_check_mode": item.check,
        "_ansible_no_log": no_log.map_or(true, |value| value.unwrap_or(false)),
        "_ansible_debug": false,
        "_ansible_diff": item.diff,
        "_ansible_verbosity": item.play.run.printer.verbosity,
        "_ansible_version": module.version,
        "_ansible_module_name": called,
        "_ansible_syslog_facility": "LOG_USER",
        "_ansible_selinux_special_fs": defaults.special_context_filesystems,
        "_ansible_string_conversion_action": "warn",
        "_ansible_socket": null,
        "_ansible_shell_executable": variable("ansible_shell_executable", &defaults.executable),
        "_ansible_keep_remote_files": false,
        // The agent makes it.
        "_ansible_tmpdir": null,
        "_ansible_remote_tmp": variable("ansible_remote_tmp", &defaults.remote_tmp),
        "_ansible_ignore_unknown_opts": false,
        "_ansible_target_log_info": null,
    });
    if let Value::Object(settings) = settings {
        args.extend(settings);
    }
    args
}

/// The words that start the module's interpreter; none for Python that the agent is to find, and for binaries.
fn interpreter(context: &ActionContext<'_>, module: &ForeignModule) -> Result<Vec<String>, String> {
    let default = || vec!["/usr/bin/python".to_owned()];
    let words = match (&module.shebang, &module.package.style) {
        (Some(words), _) => words.clone(),
        (None, ForeignStyle::Python(_)) => default(),
        (None, _) => return Ok(Vec::new()),
    };
    let Some((program, arguments)) = words.split_first() else {
        return Ok(Vec::new());
    };
    let name = program.rsplit('/').next().unwrap_or(program);
    // Scripts do not need the library, and so no certain version.
    let any_python = || match module.package.style {
        ForeignStyle::Python(_) => Vec::new(),
        _ => vec!["python3".to_owned()],
    };
    match named_interpreter(context.item, name)? {
        Some(mut named) => {
            named.extend(arguments.iter().cloned());
            Ok(named)
        }
        None if name == "python" => Ok(any_python()),
        None => Ok(words),
    }
}

/// The words of `ansible_NAME_interpreter`, or of the setting for Python; nothing where it is to be looked for.
///
/// # Errors
/// A variable that cannot be rendered, or is no command line.
pub fn named_interpreter(item: &ItemContext<'_>, name: &str) -> Result<Option<Vec<String>>, String> {
    let variable = format!("ansible_{name}_interpreter");
    let settings = &item.play.run.options.settings;
    let set = item
        .play
        .variable_text(&variable, item.reaching())
        .map_err(|error| format!("{variable} cannot be known: {}", error.message))?
        .or_else(|| (name == "python").then(|| settings.interpreter_python.clone()));
    match set.map(|set| set.trim().to_owned()).filter(|set| !set.is_empty()) {
        Some(set) if name != "python" || !set.starts_with("auto") => shlex::split(&set)
            .map(Some)
            .ok_or_else(|| format!("{variable} has an open quotation: {set}")),
        _ => Ok(None),
    }
}
