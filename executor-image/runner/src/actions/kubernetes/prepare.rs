//! What modules of `kubernetes.core` need of this machine before they run: files that are found beside the playbook, templates
//! that are rendered.

use serde_json::{Map, Value};
use slipway_language::{FileKind, TemplateOptions, yaml};

use super::super::{ActionContext, Arguments, ResultMap, boolean, failure, text};
use crate::transport::ConnectionKind;

type Prepared<T> = Result<T, ResultMap>;

/// Arguments in which everything is a path or a value that the module itself can use.
///
/// # Errors
/// The task's failure: a file that is not there, a template that cannot be rendered.
pub fn prepare(context: &ActionContext<'_>, name: &str, mut args: Arguments) -> Prepared<Arguments> {
    let target = context
        .item
        .target()
        .map_err(|error| failure(error.to_string()))?;
    // Files of a host that is elsewhere are that host's business.
    let here = target.options.kind == ConnectionKind::Local;
    let short = name.rsplit('.').next().unwrap_or(name);
    match args.get("kubeconfig") {
        Some(Value::String(paths)) if here && !paths.is_empty() => {
            let found = kubeconfig(context, paths)?;
            args.insert("kubeconfig".to_owned(), found);
        }
        None | Some(Value::String(_) | Value::Object(_) | Value::Null) => {}
        Some(other) => {
            return Err(failure(format!(
                "Error while reading kubeconfig parameter - a string or dict expected, but got {other} instead"
            )));
        }
    }
    if let Some(source) = text(&args, "src").filter(|source| here && !is_address(source)) {
        let path = context.find(&source, FileKind::Files).map_err(failure)?;
        args.insert("src".to_owned(), path.display().to_string().into());
    }
    if let Some(template) = args.get("template").filter(|template| !template.is_null()) {
        if short != "k8s" {
            return Err(failure(
                "'template' is only a supported parameter for the 'k8s' module.",
            ));
        }
        let rendered = templates(context, template)?;
        args.shift_remove("template");
        args.insert("definition".to_owned(), Value::Array(rendered));
    }
    if let Some(path) = text(&args, "local_path")
        && short == "k8s_cp"
        && here
        && text(&args, "state").is_none_or(|state| state == "to_pod")
    {
        let path = context.find(&path, FileKind::Files).map_err(failure)?;
        args.insert("local_path".to_owned(), path.display().to_string().into());
    }
    Ok(args)
}

fn is_address(source: &str) -> bool {
    ["http://", "https://", "ftp://"]
        .iter()
        .any(|scheme| source.starts_with(scheme))
}

/// The kubeconfigs that are named, as paths. One that ansible-vault encrypted is given as its content, which no file keeps.
fn kubeconfig(context: &ActionContext<'_>, paths: &str) -> Prepared<Value> {
    let mut found = Vec::new();
    for name in paths.split(':') {
        let path = context.find(name, FileKind::Files).map_err(failure)?;
        let files = context.item.scope.host();
        let unreadable = |error| failure(format!("cannot read the kubeconfig {}: {error}", path.display()));
        let content = files.read(&path).map_err(unreadable)?;
        let decrypted = files.read_decrypted(&path).map_err(unreadable)?;
        if content == decrypted {
            found.push(path.display().to_string());
            continue;
        }
        let shown = path.display().to_string();
        let content = String::from_utf8_lossy(&decrypted);
        return documents(&content, &shown)?
            .into_iter()
            .next()
            .ok_or_else(|| failure(format!("the kubeconfig {shown} is empty")));
    }
    Ok(Value::from(found.join(":")))
}

/// The objects of one template or several.
fn templates(context: &ActionContext<'_>, template: &Value) -> Prepared<Vec<Value>> {
    let mut objects = Vec::new();
    let several = template.as_array().cloned();
    for one in several.unwrap_or_else(|| vec![template.clone()]) {
        let (path, options) = match &one {
            Value::String(path) => (path.clone(), TemplateOptions::default()),
            Value::Object(given) => (
                text(given, "path").ok_or_else(|| failure("Please specify path for template."))?,
                options(given)?,
            ),
            other => {
                return Err(failure(format!(
                    "Error while reading template file - a string or dict for template expected, but got {other} instead"
                )));
            }
        };
        let path = context.find(&path, FileKind::Templates).map_err(failure)?;
        let shown = path.display().to_string();
        let content = context
            .item
            .scope
            .host()
            .read_decrypted(&path)
            .map_err(|error| failure(format!("cannot read the template {shown}: {error}")))?;
        let content =
            String::from_utf8(content).map_err(|_| failure("Template source files must be utf-8 encoded"))?;
        let templar = context.item.play.run.templar.textual();
        let rendered = templar
            .template_file(&content, &shown, &options, &context.item.scope)
            .map_err(|error| failure(format!("the template {shown} cannot be rendered: {error}")))?;
        objects.extend(documents(&rendered, &shown)?);
    }
    Ok(objects)
}

/// The documents of a text in YAML.
pub fn documents(text: &str, file: &str) -> Prepared<Vec<Value>> {
    yaml::values(text, file)
        .map(|values| values.iter().map(slipway_language::to_json).collect())
        .map_err(|error| failure(format!("{file} is not YAML: {error}")))
}

fn options(given: &Map<String, Value>) -> Prepared<TemplateOptions> {
    let mut options = TemplateOptions::default();
    for (name, slot) in [
        ("trim_blocks", &mut options.trim_blocks),
        ("lstrip_blocks", &mut options.lstrip_blocks),
    ] {
        *slot = boolean(given, name).unwrap_or(*slot);
    }
    for (name, slot) in [
        ("block_start_string", &mut options.block_start_string),
        ("block_end_string", &mut options.block_end_string),
        ("variable_start_string", &mut options.variable_start_string),
        ("variable_end_string", &mut options.variable_end_string),
    ] {
        if let Some(value) = text(given, name) {
            *slot = value;
        }
    }
    if let Some(newline) = text(given, "newline_sequence") {
        let newline = newline.replace("\\n", "\n").replace("\\r", "\r");
        if !["\n", "\r", "\r\n"].contains(&newline.as_str()) {
            return Err(failure("newline_sequence needs to be one of: \n, \r or \r\n"));
        }
        options.newline_sequence = newline;
    }
    Ok(options)
}
