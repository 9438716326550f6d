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
mod wait_for_connection;

pub(crate) use large_file::LargeFiles;
pub use synchronize::answer_askpass;

use indexmap::IndexMap;
use large_file::LargeFile;
use serde_json::{Map, Value, json};
use slipway_language::{FileKind, Node, Part, Span};
use slipway_protocol::{
    Call, Foreign,
    spec::{ModuleSpec, Side},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    early::{self, Way},
    engine::ItemContext,
    foreign,
    playbook::ModuleAction,
    transport::TransportError,
};

pub(crate) use facts::SET_FACT;
pub(crate) use plugin::SETTLED;

/// What a result says of which the playbook alone decides all.
const TRUSTED: &str = "_ansible_trusted";

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
        "fail" | "group_by" | "reboot" | "wait_for_connection"
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

/// What a module was called with; secrets are hidden.
fn invocation(call: &Call) -> Value {
    let spec = slipway_protocol::spec::find(&call.module);
    let is_secret = |name: &str| {
        // Of a module that is not known, nobody says which they are.
        spec.is_none_or(|spec| spec.parameter(name).is_some_and(|parameter| parameter.no_log))
    };
    let shown = call
        .args
        .iter()
        .filter(|(name, _)| !name.starts_with("_ansible_"));
    let shown = shown.map(|(name, value)| {
        let value = if is_secret(name) {
            Value::from("VALUE_SPECIFIED_IN_NO_LOG_PARAMETER")
        } else {
            value.clone()
        };
        (name.clone(), value)
    });
    json!({"module_args": shown.collect::<ResultMap>()})
}

/// The agent does not know by which name the playbook calls a module that took too long.
fn name_timed_out(result: &mut ResultMap, seconds: u64, action: &str) {
    let end = format!("action failed to execute in the expected time frame ({seconds}) and was terminated");
    let timed_out = text(result, "msg").is_some_and(|message| message.ends_with(&end));
    if timed_out {
        result.insert("msg".to_owned(), format!("The {action} {end}").into());
        result.insert("timedout".to_owned(), json!({"period": seconds}));
    }
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

/// An argument that is text; numbers and booleans are written out.
pub(crate) fn text(args: &Arguments, name: &str) -> Option<String> {
    match args.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

/// A parameter as a list of texts; a single text may hold several, with commas between.
pub(crate) fn texts(args: &Arguments, name: &str) -> Vec<String> {
    match args.get(name) {
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Some(Value::String(text)) => text.split(',').map(|one| one.trim().to_owned()).collect(),
        _ => Vec::new(),
    }
}

/// An argument that is a number.
pub(crate) fn number(args: &Arguments, name: &str) -> Option<f64> {
    match args.get(name)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// An argument that is true or false.
pub(crate) fn boolean(args: &Arguments, name: &str) -> Option<bool> {
    match args.get(name)? {
        Value::Bool(value) => Some(*value),
        Value::String(text) => Some(matches!(
            text.to_ascii_lowercase().as_str(),
            "yes" | "true" | "on" | "1" | "y" | "t"
        )),
        Value::Number(number) => Some(number.as_f64() != Some(0.0)),
        _ => None,
    }
}

impl ActionContext<'_> {
    /// The argument as it is written in the playbook.
    pub(crate) fn source(&self, name: &str) -> Option<&Node> {
        self.item.task.module()?.args.get(name)
    }

    /// Carries out a module on the host.
    pub(crate) async fn call(
        &self,
        module: &str,
        args: Arguments,
        files: IndexMap<String, String>,
    ) -> Result<ResultMap, TransportError> {
        self.carry_out(module, args, files, None, None).await
    }

    /// Carries out the module that the task is about: with `async`, it goes on by itself.
    async fn call_in_background(&self, module: &str, args: Arguments) -> Result<ResultMap, TransportError> {
        self.carry_out(module, args, IndexMap::new(), None, self.background)
            .await
    }

    /// Carries out a module that is not one of the agent's own; its code is among the files.
    pub(crate) async fn call_foreign(
        &self,
        module: &str,
        args: Arguments,
        files: IndexMap<String, String>,
        foreign: Foreign,
    ) -> Result<ResultMap, TransportError> {
        self.carry_out(module, args, files, Some(foreign), self.background)
            .await
    }

    async fn carry_out(
        &self,
        module: &str,
        args: Arguments,
        files: IndexMap<String, String>,
        foreign: Option<Foreign>,
        background: Option<u64>,
    ) -> Result<ResultMap, TransportError> {
        let item = self.item;
        let target = item.target()?;
        let python = match module {
            "ansible.builtin.setup" | "ansible.builtin.pip" => foreign::named_interpreter(item, "python"),
            _ => Ok(None),
        };
        let python = match python {
            Ok(python) => python.unwrap_or_default(),
            Err(error) => return Ok(failure(error)),
        };
        let way = Way {
            host: Arc::clone(&item.worker().name),
            options: target.options.clone(),
            launch: target.launch.clone(),
        };
        let (agent, after) = match early::behind(&way).await {
            Some((agent, before)) => (agent, Some(before)),
            None => (item.agent(&target).await?, None),
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds of a timeout"
        )]
        let timeout = self
            .timeout
            .filter(|seconds| *seconds >= 1.0)
            .map(|seconds| seconds as u64);
        let call = Call {
            module: module.to_owned(),
            args,
            check: item.check,
            diff: item.diff,
            environment: self.environment.clone(),
            timeout: timeout.filter(|_| background.is_none()),
            background,
            files,
            python,
            foreign,
            after,
        };
        let sent = agent.send_call(&call).await?;
        early::has_sent(way, &agent, sent.stream());
        let done = sent.result().await;
        if after.is_some() && matches!(done, Err(TransportError::Failed(_))) {
            return early::not_begun().await;
        }
        early::turn().await;
        let mut result = done?.0;
        if item.play.run.printer.verbosity > 2 && !result.contains_key("invocation") {
            result.insert("invocation".to_owned(), invocation(&call));
        }
        if let Some(seconds) = timeout {
            name_timed_out(&mut result, seconds, &item.task.action_name);
        }
        if background.is_some() && !result.contains_key("failed") {
            result.insert("changed".to_owned(), true.into());
        }
        Ok(result)
    }

    /// Carries out another module in the place of the task's: its `module_defaults` count too.
    pub(crate) async fn call_instead(
        &self,
        module: &str,
        args: Arguments,
    ) -> Result<ResultMap, TransportError> {
        match self.with_defaults(module, args) {
            Ok(args) => self.call_in_background(module, args).await,
            Err(failed) => Ok(failed),
        }
    }

    /// The arguments with what `module_defaults` says of another module.
    fn with_defaults(&self, module: &str, args: Arguments) -> Result<Arguments, ResultMap> {
        let defaults = crate::engine::defaults(self.item, module, &self.item.play.run.templar);
        let mut all = defaults.map_err(|error| failure(error.to_string()))?;
        all.extend(args);
        Ok(all)
    }

    /// Gives a file's content to the host, for one call; the inner error is for the task.
    pub(crate) async fn put(&self, content: &[u8]) -> Result<Result<String, String>, TransportError> {
        let target = self.item.target()?;
        self.item.agent(&target).await?.put(content).await
    }

    /// The same for a program, which stays for further calls.
    pub(crate) async fn put_program(
        &self,
        content: &[u8],
        sha256: &str,
    ) -> Result<Result<String, String>, TransportError> {
        let item = self.item;
        let target = item.target()?;
        let agent = item.agent(&target).await?;
        agent.put_program(content, sha256).await
    }

    /// The same for a large file.
    async fn put_large(&self, large: &LargeFile) -> Result<Result<String, String>, TransportError> {
        let item = self.item;
        let target = item.target()?;
        let agent = item.agent(&target).await?;
        agent
            .put_file(&large.path, &large.digests.sha256, large.size)
            .await
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
