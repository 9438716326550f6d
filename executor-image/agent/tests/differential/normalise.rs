//! What differs from run to run is taken out of results: directories, times, numbers of inodes, temporary names.

use std::path::Path;
use std::sync::LazyLock;

use fancy_regex::Regex;
use serde_json::{Map, Value};

/// Stands for a key that is not there.
pub const ABSENT: Value = Value::Null;

/// Keys whose values are times or numbers of this run; that they are there counts.
const OF_THE_RUN: [&str; 21] = [
    "ansible_date_time",
    "ansible_env",
    "ansible_python",
    "ansible_python_version",
    "start",
    "end",
    "delta",
    "inode",
    "dev",
    "atime",
    "mtime",
    "ctime",
    "elapsed",
    "cache_update_time",
    "blocks",
    "date",
    "src_temporary",
    "fingerprint",
    "public_key",
    "ssh_public_key",
    "ssh_fingerprint",
];

/// Keys that only one side can have.
const OF_ANSIBLE: [&str; 5] = [
    "invocation",
    "deprecations",
    "exception",
    "failed_when_result",
    "discovered_interpreter_python",
];

/// Lists without an order: directories are read in that of their file system (and Ansible keeps kinds of virtualization, and
/// packages of a transaction, in a set).
const UNORDERED: &[&str] = &["files", "archived", "results"];

/// A result without what is of the run.
pub fn result(value: &Value, directory: &Path, url: &str) -> Value {
    let mut value = clean("", value, &directory.to_string_lossy(), url);
    if let Some(fields) = value.as_object_mut() {
        // Empty when it held nothing but the interpreter that Ansible found.
        if fields
            .get("ansible_facts")
            .is_some_and(|facts| facts.as_object().is_some_and(Map::is_empty))
        {
            fields.remove("ansible_facts");
        }
        // Ansible registers `failed` for every task.
        fields.entry("failed").or_insert(Value::Bool(false));
    }
    value
}

fn clean(key: &str, value: &Value, directory: &str, url: &str) -> Value {
    match value {
        _ if OF_THE_RUN.contains(&key) && !value.is_null() => "<of the run>".into(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, value)| !OF_ANSIBLE.contains(&key.as_str()) && !value.is_null())
            .map(|(key, value)| {
                // A file's version is that of its inode.
                let is_of_inode = key == "version" && fields.contains_key("inode");
                let value = if is_of_inode {
                    "<of the run>".into()
                } else {
                    clean(key, value, directory, url)
                };
                (clean_text(key, directory, url), value)
            })
            // A temporary file that the content came from is one side's own.
            .filter(|(key, value)| !(key == "src" && value == "<temporary>"))
            .collect(),
        Value::Array(items) if UNORDERED.contains(&key) || key.starts_with("ansible_virtualization_tech") => {
            let mut items: Vec<Value> = items.iter().map(|item| clean("", item, directory, url)).collect();
            items.sort_by_key(|item| {
                item.get("path")
                    .map_or_else(|| item.to_string(), Value::to_string)
            });
            items.into()
        }
        Value::Array(items) => items.iter().map(|item| clean("", item, directory, url)).collect(),
        Value::String(text) => clean_text(text, directory, url).into(),
        other => other.clone(),
    }
}

/// What is of the run within texts, and what stands for it. Compiled once: there are many texts.
static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        // Backups: process and time.
        (r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~", ".<backup>"),
        // Temporary files of either side.
        (r"/root/\.ansible/tmp/[^ '\]]*", "<temporary>"),
        (r"/var/tmp/slipway-agent-store-[^ '\]]*", "<temporary>"),
        (r"/tmp/ansible[^ '\]]*", "<temporary>"),
        // Where this checkout is: answers of Ansible are kept for others too.
        (r#"[^ '"\]:]*/tests/differential/private"#, "<private>"),
        // The directory as pip shows it, which runs beside it.
        (r"\./\.tmp[A-Za-z0-9]{6}/dir", "{dir}"),
        // Names of hosts that ssh has hashed with a random salt.
        (
            r"\|1\|[A-Za-z0-9+/]{27}=\|[A-Za-z0-9+/]{27}=",
            "|1|<salt and hash>",
        ),
        (r"/tmp/crontab[A-Za-z0-9_]+", "<temporary>"),
        // Names of temporary files that are kept.
        (r"\{dir\}/d/(ansible\.|p-)[A-Za-z0-9_]{8}", "{dir}/d/$1<random>"),
    ]
    .map(|(pattern, replacement)| (Regex::new(pattern).unwrap(), replacement))
    .into()
});

fn clean_text(text: &str, directory: &str, url: &str) -> String {
    let text = text.replace(directory, "{dir}").replace(url, "{url}");
    PATTERNS.iter().fold(text, |text, (pattern, replacement)| {
        pattern.replace_all(&text, *replacement).into_owned()
    })
}
