//! Inventory plugins that are written in Python: the installed ansible-core carries them out, one process for each source.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use slipway_language::{Encrypted, Node, NodeKind, Span, Variable, VaultSecrets};

use super::{Context, Inventory, InventoryError, Vars};
use crate::foreign::{Core, HOW_TO_INSTALL};

/// What the process does.
const PLUGIN: &str = include_str!("plugin.py");

/// How a plugin took a source.
pub(super) enum Taken {
    /// It has read it.
    Read,
    /// It is for others than this source.
    Passed,
    /// There is no such plugin, for this reason if one is known.
    Unknown(Option<String>),
}

/// What the process says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", tag = "taken")]
enum Answer {
    Unknown,
    Passed,
    Failed {
        why: String,
    },
    Read {
        hosts: Vec<(String, Json)>,
        groups: Vec<Members>,
    },
}

/// A group that the plugin has left.
#[derive(Debug, Deserialize)]
struct Members {
    name: String,
    hosts: Vec<String>,
    children: Vec<String>,
    vars: Json,
    priority: i64,
}

/// Has the plugin of a name read a source.
pub(super) fn read(
    plugin: &str,
    source: &str,
    inventory: &mut Inventory,
    context: &Context<'_>,
) -> Result<Taken, InventoryError> {
    let Some(core) = Core::find() else {
        return Ok(Taken::Unknown(Some(format!(
            "a plugin in Python needs ansible-core on this machine, which is not installed: {HOW_TO_INSTALL}"
        ))));
    };
    let failed =
        |what: String| InventoryError::Plugin(format!("the inventory plugin {plugin} in Python {what}"));
    let question = question(plugin, source, inventory, context).to_string();
    let answer = ask(&core, &question, context).map_err(|error| failed(format!("does not run: {error}")))?;
    let answer: Answer =
        serde_json::from_str(&answer).map_err(|error| failed(format!("gave no inventory: {error}")))?;
    match answer {
        Answer::Unknown => Ok(Taken::Unknown(None)),
        Answer::Passed => Ok(Taken::Passed),
        Answer::Failed { why } => Err(InventoryError::Plugin(why)),
        Answer::Read { hosts, groups } => {
            add(hosts, groups, source, inventory)?;
            Ok(Taken::Read)
        }
    }
}

/// What the process asks for while it runs.
#[derive(Debug, Deserialize)]
struct Wish {
    decrypt: String,
}

/// Runs the process, decrypts for it, and returns the last line that it prints.
fn ask(core: &Core, question: &str, context: &Context<'_>) -> std::io::Result<String> {
    let library = core.directory.parent().unwrap_or(&core.directory);
    let paths = |paths: &[std::path::PathBuf]| std::env::join_paths(paths).unwrap_or_default();
    let mut library = vec![library.to_path_buf()];
    library.splice(
        0..0,
        std::env::var_os("PYTHONPATH")
            .iter()
            .flat_map(std::env::split_paths),
    );
    let mut collections = vec![context.directory.join("collections")];
    collections.extend(context.settings.collections_path.iter().cloned());
    let mut child = Command::new(core.python())
        .args(["-c", PLUGIN])
        .env("PYTHONPATH", paths(&library))
        .env("ANSIBLE_COLLECTIONS_PATH", paths(&collections))
        .env(
            "ANSIBLE_INVENTORY_PLUGINS",
            paths(&context.settings.inventory_plugins),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(std::io::Error::other("it has no input or output"));
    };
    writeln!(input, "{question}")?;
    let mut answer = String::new();
    for line in BufReader::new(output).lines() {
        answer = line?;
        let Ok(Wish { decrypt }) = serde_json::from_str(&answer) else {
            continue;
        };
        let said = match context.vault.decrypt(decrypt.as_bytes()) {
            Ok(plain) => json!({"plain": STANDARD.encode(&plain)}),
            Err(error) => json!({"error": error.to_string()}),
        };
        writeln!(input, "{said}")?;
    }
    let status = child.wait()?;
    if !status.success() {
        return Err(std::io::Error::other(status.to_string()));
    }
    Ok(answer)
}

fn question(plugin: &str, source: &str, inventory: &Inventory, context: &Context<'_>) -> Json {
    let vars = |vars: &Vars| encode_vars(vars, &context.vault);
    let hosts = inventory.hosts.iter().filter(|(_, host)| !host.implicit);
    let hosts: serde_json::Map<String, Json> = hosts
        .map(|(name, host)| (name.to_string(), json!({"vars": vars(&host.vars)})))
        .collect();
    let groups: serde_json::Map<String, Json> = inventory
        .groups
        .iter()
        .map(|(name, group)| {
            let about = json!({
                "vars": vars(&group.vars),
                "priority": group.priority,
                "hosts": group.hosts.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "children": group.children.iter().map(ToString::to_string).collect::<Vec<_>>(),
            });
            (name.to_string(), about)
        })
        .collect();
    json!({
        "plugin": plugin,
        "source": source,
        "sources": inventory.sources,
        "directory": context.directory,
        "extra_vars": vars(&context.extra_vars),
        "verbosity": context.settings.verbosity,
        "cache": context.cache,
        "hosts": hosts,
        "groups": groups,
    })
}

/// Adds what a plugin has left behind.
fn add(
    hosts: Vec<(String, Json)>,
    groups: Vec<Members>,
    source: &str,
    inventory: &mut Inventory,
) -> Result<(), InventoryError> {
    let span = Span::start_of(source);
    for (host, vars) in hosts {
        inventory.set_host_variables(&host, variables(vars, &span));
    }
    for group in groups {
        let known = inventory.group(&group.name);
        known.priority = group.priority;
        for (name, variable) in variables(group.vars, &span) {
            inventory.set_group_variable(&group.name, &name, variable);
        }
        for host in &group.hosts {
            inventory.add_to_group(host, &group.name);
        }
        for child in &group.children {
            inventory.add_child(&group.name, child)?;
        }
    }
    Ok(())
}

fn variables(vars: Json, span: &Span) -> Vec<(Arc<str>, Variable)> {
    let node = node(vars, span);
    let entries = node.entries().iter();
    entries
        .filter_map(|(key, value)| Some((Arc::from(key.as_str()?), Variable::Template(value.clone()))))
        .collect()
}

/// What the process has written, as if it had been written as YAML.
fn node(value: Json, span: &Span) -> Node {
    let kind = match value {
        Json::Array(items) => NodeKind::List(items.into_iter().map(|item| node(item, span)).collect()),
        Json::Object(entries) => match entries.into_iter().next() {
            Some((kind, Json::String(text))) if kind == "v" => NodeKind::Vault(Encrypted::new(text)),
            Some((_, Json::String(text))) => NodeKind::Unsafe(Arc::from(text)),
            Some((_, Json::Array(pairs))) => NodeKind::Map(
                pairs
                    .into_iter()
                    .filter_map(|pair| match pair {
                        Json::Array(pair) => <[Json; 2]>::try_from(pair).ok(),
                        _ => None,
                    })
                    .map(|[key, value]| (node(key, span), node(value, span)))
                    .collect(),
            ),
            _ => NodeKind::Null,
        },
        plain => return Node::from_json(span, &plain),
    };
    Node::new(span.clone(), kind)
}

fn encode_vars(vars: &Vars, secrets: &VaultSecrets) -> Json {
    let pairs: Vec<Json> = vars
        .iter()
        .filter_map(|(name, variable)| match variable {
            Variable::Template(node) => Some(json!([name.as_ref(), encode(node, secrets)])),
            // Sources of inventories have templates alone.
            _ => None,
        })
        .collect();
    json!({"m": pairs})
}

/// A value for the process. What is encrypted and cannot be decrypted is left empty.
fn encode(node: &Node, secrets: &VaultSecrets) -> Json {
    match &node.kind {
        NodeKind::Null => Json::Null,
        NodeKind::Bool(value) => (*value).into(),
        NodeKind::Int(number) => (*number).into(),
        NodeKind::Float(number) => (*number).into(),
        NodeKind::Str(text) => text.as_ref().into(),
        NodeKind::Unsafe(text) => json!({"x": text.as_ref()}),
        NodeKind::Vault(text) => match text.decrypt(secrets) {
            Ok(plain) => json!({"x": plain.as_ref()}),
            Err(_) => Json::Null,
        },
        NodeKind::Bytes(bytes) => json!({"x": String::from_utf8_lossy(bytes)}),
        NodeKind::List(items) => items.iter().map(|item| encode(item, secrets)).collect(),
        NodeKind::Map(entries) => {
            let pairs: Vec<Json> = entries
                .iter()
                .map(|(key, value)| json!([encode(key, secrets), encode(value, secrets)]))
                .collect();
            json!({"m": pairs})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plugin_says_is_templates_but_for_what_it_calls_unsafe() {
        let said = json!({"m": [["a", "{{ b }}"], ["b", {"x": "{{ c }}"}], [1, [null, {"m": []}]]]});
        let read = node(said.clone(), &Span::start_of("source"));
        assert_eq!(read.get("a").unwrap().kind, NodeKind::Str(Arc::from("{{ b }}")));
        assert_eq!(
            read.get("b").unwrap().kind,
            NodeKind::Unsafe(Arc::from("{{ c }}"))
        );
        assert_eq!(encode(&read, &VaultSecrets::new()), said);
    }
}
