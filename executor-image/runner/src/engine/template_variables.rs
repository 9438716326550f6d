//! What a template file is told of itself: `template_path`, `ansible_managed`, … Nothing that a playbook sets counts before them.

use std::{os::unix::fs::MetadataExt, path::Path, sync::Arc, time::SystemTime};

use minijinja::Value;
use slipway_language::{Node, Span, Variable, format_local, local_time};

use crate::inventory::Vars;

/// The variables for the template at `path`, which the playbook calls `name`; `managed` is the setting `ansible_managed`.
pub fn template_variables(name: &str, path: &Path, destination: Option<&str>, managed: &str) -> Vars {
    let metadata = path.metadata().ok();
    let modified = metadata
        .as_ref()
        .and_then(|metadata| metadata.modified().ok())
        .unwrap_or(SystemTime::UNIX_EPOCH);
    let managed = managed_text(managed, modified);
    let managed = Node::text(Span::start_of("the setting ansible_managed"), managed);
    let text = |text: &str| Variable::Data(Value::from(text));
    [
        ("template_path", text(name)),
        ("template_fullpath", text(&path.display().to_string())),
        (
            "template_destpath",
            Variable::Data(destination.map_or(Value::from(()), Value::from)),
        ),
        ("template_host", text(&host())),
        (
            "template_uid",
            Variable::Data(metadata.map_or_else(Value::default, |metadata| owner(metadata.uid()))),
        ),
        ("template_mtime", Variable::Data(local_time(modified))),
        ("template_run_date", Variable::Data(local_time(SystemTime::now()))),
        ("ansible_managed", Variable::Template(managed)),
    ]
    .into_iter()
    .map(|(name, value)| (Arc::from(name), value))
    .collect()
}

/// The setting as a template: fields in braces name variables, doubled braces are braces, and `%Y` and the like tell when the template
/// was changed. What is no format of a time stays as it is.
fn managed_text(setting: &str, modified: SystemTime) -> String {
    let mut template = String::new();
    let mut rest = setting;
    while let Some(at) = rest.find(['{', '}']) {
        template.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = [
            ("{{", "{"),
            ("}}", "}"),
            ("{file}", "{{ template_path }}"),
            ("{host}", "{{ template_host }}"),
            ("{uid}", "{{ template_uid }}"),
        ];
        let found = known
            .iter()
            .find_map(|(written, meant)| Some((rest.strip_prefix(written)?, *meant)));
        let (after, meant) = found.unwrap_or((&rest[1..], &rest[..1]));
        template.push_str(meant);
        rest = after;
    }
    template.push_str(rest);
    format_local(modified, &template).unwrap_or(template)
}

/// The name of this machine.
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The name of a user of this machine; its number if it has none.
fn owner(uid: u32) -> Value {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.map_or_else(|| Value::from(uid), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_managed_text_names_variables_and_the_time_of_the_template() {
        let written = "by {uid} of {file} on {host}, %Y 100%% {{{{ 1 + 1 }}}} {{x}} {other} {";
        let text = managed_text(
            written,
            SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(3_455_999),
        );
        assert_eq!(
            text,
            "by {{ template_uid }} of {{ template_path }} on {{ template_host }}, 1970 100% {{ 1 + 1 }} {x} {other} {"
        );
        assert_eq!(managed_text("100% mine", SystemTime::UNIX_EPOCH), "100% mine");
    }
}
