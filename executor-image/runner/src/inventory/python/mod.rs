//! Plugins of inventories that are written in Python: the installed ansible-core carries them out, in a process for each question.

mod source;
mod values;
mod vars;

pub(super) use source::{Taken, read};
pub use vars::Stage;
pub(super) use vars::{Given, given};

use std::{
    io::{BufRead as _, BufReader, Error, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value as Json, json};
use slipway_language::VaultSecrets;

use self::values::encode_vars;
use super::{Inventory, Vars};
use crate::{foreign::Core, settings::Settings};

/// What plugins find around them.
#[derive(Debug)]
struct Around<'a> {
    settings: &'a Settings,
    /// The playbook's.
    directory: &'a Path,
    vault: &'a VaultSecrets,
    extra_vars: &'a Vars,
}

/// What a process asks for while it runs.
#[derive(Debug, Deserialize)]
struct Wish {
    decrypt: String,
}

/// Runs a process that is asked something about an inventory, decrypts for it, and returns what it answers.
fn ask<T: DeserializeOwned>(
    core: &Core,
    script: &str,
    mut question: Json,
    inventory: &Inventory,
    around: &Around<'_>,
) -> Result<T, Error> {
    let library = core.directory.parent().unwrap_or(&core.directory);
    let paths = |paths: &[PathBuf]| std::env::join_paths(paths).unwrap_or_default();
    let mut libraries: Vec<PathBuf> = std::env::var_os("PYTHONPATH")
        .iter()
        .flat_map(std::env::split_paths)
        .collect();
    libraries.push(library.to_path_buf());
    let mut collections = vec![around.directory.join("collections")];
    collections.extend(around.settings.collections_path.iter().cloned());
    let mut child = Command::new(core.python())
        .args(["-c", script])
        .env("PYTHONPATH", paths(&libraries))
        .env("ANSIBLE_COLLECTIONS_PATH", paths(&collections))
        .env(
            "ANSIBLE_INVENTORY_PLUGINS",
            paths(&around.settings.inventory_plugins),
        )
        .env("ANSIBLE_VARS_PLUGINS", paths(&around.settings.vars_plugins))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::other("it has no input or output"));
    };
    if let Json::Object(question) = &mut question {
        question.extend(told(inventory, around));
    }
    writeln!(input, "{question}")?;
    let mut answer = String::new();
    for line in BufReader::new(output).lines() {
        answer = line?;
        let Ok(Wish { decrypt }) = serde_json::from_str(&answer) else {
            continue;
        };
        let said = match around.vault.decrypt(decrypt.as_bytes()) {
            Ok(plain) => json!({"plain": STANDARD.encode(&plain)}),
            Err(error) => json!({"error": error.to_string()}),
        };
        writeln!(input, "{said}")?;
    }
    let status = child.wait()?;
    if !status.success() {
        return Err(Error::other(status.to_string()));
    }
    Ok(serde_json::from_str(&answer)?)
}

/// What every process is told: the inventory so far, and what is around it.
fn told(inventory: &Inventory, around: &Around<'_>) -> Map<String, Json> {
    let vars = |vars: &Vars| encode_vars(vars, around.vault);
    let hosts = inventory.hosts.iter().filter(|(_, host)| !host.implicit);
    let hosts: Map<String, Json> = hosts
        .map(|(name, host)| (name.to_string(), json!({"vars": vars(&host.vars)})))
        .collect();
    let groups: Map<String, Json> = inventory
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
    [
        ("hosts", Json::Object(hosts)),
        ("groups", Json::Object(groups)),
        ("sources", json!(inventory.sources)),
        ("directory", json!(around.directory)),
        ("extra_vars", vars(around.extra_vars)),
        ("verbosity", json!(around.settings.verbosity)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
