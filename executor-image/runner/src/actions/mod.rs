//! What the runner itself does for a task: everything for modules such as `debug`, the half that reads files of this machine for
//! modules such as `copy`. All other modules go to the agent as they are.

mod argument_spec;
mod assemble;
mod assertion;
mod copy;
mod debug;
mod facts;
mod fetch;
mod gather_facts;
mod host;
mod include_vars;
mod inventory;
mod kubernetes;
mod large_file;
mod package;
mod pause;
mod plugin;
mod raw;
mod reboot;
mod script;
mod statistics;
mod stray_bytes;
mod synchronize;
mod template;
mod unarchive;
mod values;
mod wait_for_connection;

pub(crate) use large_file::LargeFiles;
pub use synchronize::answer_askpass;

use indexmap::IndexMap;
use large_file::LargeFile;
use serde_json::{Map, Value, json};
use slipway_language::{FileKind, Node, Part, Span};
use slipway_protocol::spec::{ModuleSpec, Side};
use std::path::{Path, PathBuf};

use crate::{engine::ItemContext, foreign, playbook::ModuleAction, transport::TransportError};

pub(crate) use facts::SET_FACT;
pub(crate) use plugin::SETTLED;
pub(crate) use values::{boolean, number, text, texts};

/// What a result says of which the playbook alone decides all.
const TRUSTED: &str = "_ansible_trusted";

/// What a result says that is an error of which Ansible says nothing else.
pub(crate) const RAISED: &str = "_ansible_raised";

/// Arguments by name.
pub type Arguments = Map<String, Value>;
/// A result.
pub type ResultMap = Map<String, Value>;

/// One call of a module for one item of a task on a host.
pub(crate) struct ActionContext<'a> {
    pub item: &'a ItemContext<'a>,
    pub spec: &'static ModuleSpec,
    pub environment: &'a IndexMap<String, String>,
    /// Whether the playbook alone decides what the arguments are: those of others are never taken for expressions.
    pub trusted: bool,
    /// The arguments of `set_fact`, text by text.
    pub facts: &'a IndexMap<String, Part>,
    /// Seconds.
    pub timeout: Option<f64>,
    /// The most seconds that the module may take by itself, if it is not waited for.
    pub background: Option<u64>,
}

/// Whether an argument is the source of an expression, which the action evaluates itself.
pub(crate) fn takes_source(spec: &ModuleSpec, argument: &str) -> bool {
    spec.name == "ansible.builtin.assert" && argument == "that"
}

/// Whether the playbook alone decides what a result says. No host has a part in those of `set_fact`, which say so themselves, and of
/// `include_vars`; but a result does not tell which texts of a file were marked unsafe, and one with templates is not trusted.
pub(crate) fn is_trusted(module: Option<&ModuleAction>, result: &ResultMap) -> bool {
    module.is_some_and(|module| match module.spec.name {
        facts::SET_FACT => result.get(TRUSTED) == Some(&Value::Bool(true)),
        "ansible.builtin.include_vars" => {
            let nowhere = Span::start_of("");
            let holds_templates = |value| Node::from_json(&nowhere, value).has_templates();
            !result.values().any(holds_templates)
        }
        _ => false,
    })
}

/// Whether carrying out the module is one call of the agent and nothing else.
pub(crate) fn is_one_call(module: &ModuleAction) -> bool {
    module.foreign.is_none()
        && module.plugin.is_none()
        && module.spec.side == Side::Agent
        && module.spec.short_name() != "async_status"
}

/// Whether hosts may learn facts from the module.
pub(crate) fn brings_facts(spec: &ModuleSpec) -> bool {
    matches!(
        spec.short_name(),
        "setup" | "service_facts" | "package_facts" | "getent" | "hostname"
    )
}

/// Whether nothing can be told of what the module would do: a check passes it over.
pub(crate) fn is_not_for_checks(spec: &ModuleSpec) -> bool {
    matches!(spec.name, "ansible.builtin.assemble" | "ansible.builtin.uri")
}

/// Carries out the task's module.
///
/// # Errors
/// When the host cannot be reached.
pub(crate) async fn execute(
    context: &ActionContext<'_>,
    args: Arguments,
) -> Result<ResultMap, TransportError> {
    let module = context.item.task.module();
    if let Some(plugin) = module.and_then(|module| module.plugin.as_ref()) {
        return Box::pin(plugin::run(context, plugin, args)).await;
    }
    if let Some(refused) = refuse_background(context) {
        return Ok(refused);
    }
    if let Some(module) = context
        .item
        .task
        .module()
        .and_then(|module| module.foreign.as_ref())
    {
        let args = match module.preparation {
            None => Ok(args),
            Some(foreign::Preparation::Kubernetes) => kubernetes::prepare(context, &module.name, args),
        };
        return match args {
            Ok(args) => foreign::run(context, module, args).await,
            Err(failed) => Ok(failed),
        };
    }
    if let Some(refused) = refuse_options(context, &args) {
        return Ok(refused);
    }
    match context.spec.short_name() {
        "assert" => Ok(assertion::run(context, &args)),
        "debug" => Ok(debug::run(context, &args)),
        "fail" => Ok(fail(&args)),
        "validate_argument_spec" => Ok(argument_spec::run(context, &args)),
        "add_host" => Ok(inventory::add_host(context, args)),
        "group_by" => Ok(inventory::group_by(context, &args)),
        "set_stats" => Ok(statistics::run(args)),
        "set_fact" => Ok(facts::set_fact(context, args)),
        "include_vars" => Ok(include_vars::run(context, &args)),
        "pause" => Ok(pause::run(context, &args).await),
        "gather_facts" => Box::pin(gather_facts::run(context, args)).await,
        "k8s" | "k8s_info" => kubernetes::run(context, args).await,
        "fetch" => fetch::run(context, &args).await,
        "synchronize" => synchronize::run(context, &args).await,
        "reboot" => reboot::run(context, &args).await,
        "wait_for_connection" => Ok(wait_for_connection::run(context, &args).await),
        "assemble" => assemble::run(context, args).await,
        // On the heap: its future is larger than all others.
        "copy" => Box::pin(copy::run(context, args)).await,
        "template" => template::run(context, args).await,
        "script" => script::run(context, args).await,
        "unarchive" => unarchive::run(context, args).await,
        "package" => package::run(context, args).await,
        "raw" => raw::run(context, &args).await,
        // The module is that of `command`, which has an argument more.
        "shell" if args.contains_key("expand_argument_vars") => Ok(failure(format!(
            "Unsupported parameters for ({}) module: expand_argument_vars",
            context.item.task.action_name
        ))),
        _ => context.call_in_background(context.spec.name, args).await,
    }
}

/// What is said of arguments that such an action does not know.
fn refuse_options(context: &ActionContext<'_>, args: &Arguments) -> Option<ResultMap> {
    if !matches!(
        context.spec.short_name(),
        "assert" | "fail" | "group_by" | "reboot" | "wait_for_connection"
    ) {
        return None;
    }
    let unknown: Vec<&str> = args
        .keys()
        .map(String::as_str)
        .filter(|name| context.spec.parameter(name).is_none())
        .collect();
    (!unknown.is_empty()).then(|| {
        failure(format!(
            "Invalid options for {}: {}",
            context.item.task.action_name,
            unknown.join(",")
        ))
    })
}

/// Why the module cannot go on by itself, if it is asked to and cannot.
fn refuse_background(context: &ActionContext<'_>) -> Option<ResultMap> {
    context.background?;
    let foreign = context
        .item
        .task
        .module()
        .is_some_and(|module| module.foreign.is_some());
    let able = foreign
        || context.spec.side == Side::Agent && context.spec.short_name() != "raw"
        || context.spec.short_name() == "package";
    (!able).then(|| {
        failure(format!(
            "This action ({}) does not support async.",
            context.item.task.action_name
        ))
    })
}

fn fail(args: &Arguments) -> ResultMap {
    let message = args
        .get("msg")
        .cloned()
        .unwrap_or_else(|| Value::from("Failed as requested from task"));
    map(json!({"changed": false, "failed": true, "msg": message}))
}

/// The map of a JSON object.
pub(crate) fn map(value: Value) -> ResultMap {
    match value {
        Value::Object(map) => map,
        _ => ResultMap::new(),
    }
}

/// A failure with a message.
pub(crate) fn failure(message: impl Into<String>) -> ResultMap {
    map(json!({"changed": false, "failed": true, "msg": message.into()}))
}

/// A failure that Ansible raises as an error: its result does not say whether something was changed.
pub(crate) fn error(message: impl Into<String>) -> ResultMap {
    map(json!({"failed": true, "msg": message.into(), RAISED: true}))
}

impl ActionContext<'_> {
    /// The argument as it is written in the playbook.
    pub(crate) fn source(&self, name: &str) -> Option<&Node> {
        self.item.task.module()?.args.get(name)
    }

    /// The content of a file of this machine, decrypted if ansible-vault encrypted it, unless the task says `decrypt: false`.
    pub(crate) fn read(&self, path: &Path, args: &mut Arguments) -> std::io::Result<Vec<u8>> {
        let files = self.item.scope.host();
        let decrypt = boolean(args, "decrypt").unwrap_or(true);
        args.shift_remove("decrypt");
        if decrypt {
            files.read_decrypted(path)
        } else {
            files.read(path)
        }
    }

    /// A file of this machine that the task names, searched in its role and beside its playbook.
    pub(crate) fn find(&self, name: &str, kind: FileKind) -> Result<PathBuf, String> {
        let files = self.item.scope.host();
        files
            .find_file(name, kind)
            .ok_or_else(|| not_found(name, kind, &files.search_path()))
    }
}

/// What is said of a file of this machine that is nowhere, in Ansible's words.
fn not_found(name: &str, kind: FileKind, folders: &[PathBuf]) -> String {
    let mut lines = vec![format!("Could not find or access '{name}'")];
    if Path::new(name).is_relative() && !name.starts_with('~') {
        lines.push("Searched in:".to_owned());
        let inner = Path::new(kind.folder());
        let named = Path::new(name).starts_with(inner);
        for folder in folders {
            let inner = Some(folder.join(inner).join(name)).filter(|_| !named);
            let searched = inner.into_iter().chain([folder.join(name)]);
            lines.extend(searched.map(|path| format!("\t{}", path.display())));
        }
    }
    lines.join("\n") + ON_CONTROLLER
}

/// Files of this machine are often taken for those of the host.
const ON_CONTROLLER: &str = " on the Ansible Controller.\nIf you are using a module and expect the file to exist on the remote, see \
    the remote_src option";
