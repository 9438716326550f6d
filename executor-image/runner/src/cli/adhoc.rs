//! `ansible`: one task on hosts, without a playbook.

use std::{path::Path, process::ExitCode, sync::Arc};

use slipway_language::{Node, NodeKind, Plugins as _, Span};

use super::{
    arguments::AdHocArguments,
    listening::Listening,
    passwords::LoginPasswords,
    refusal::{Refusal, exit},
    session::{self, Session},
    start::{Start, tell_settings},
};
use crate::{
    inventory::pattern,
    output::{EventSink, Printer},
    settings::Settings,
};

/// Modules that do nothing without arguments.
const NEED_ARGUMENTS: &[&str] = &["command", "shell", "raw", "script"];

/// Runs the program.
pub fn main(arguments: AdHocArguments, mut settings: Settings) -> ExitCode {
    arguments.lay_over(&mut settings);
    let settings = Arc::new(settings);
    session::block_on(&Arc::clone(&settings), start(arguments, settings))
}

async fn start(arguments: AdHocArguments, settings: Arc<Settings>) -> i32 {
    let printer = Arc::new(Printer::new(&settings, EventSink::nowhere()));
    tell_settings(&settings, &printer);
    let code = match run(&arguments, &settings, &printer).await {
        Ok(code) => code,
        Err(refused) => {
            printer.error(&refused.message);
            refused.exit_code
        }
    };
    printer.settle();
    code
}

/// Lets callbacks listen.
fn listen(
    arguments: &AdHocArguments,
    settings: &Settings,
    start: &Start,
    directory: &Path,
) -> Result<(), Refusal> {
    let stdout = match (arguments.one_line, settings.bin_ansible_callbacks) {
        (true, _) => "oneline",
        (false, true) if settings.stdout_callback != "default" => settings.stdout_callback.as_str(),
        (false, _) => "minimal",
    };
    let mut settings = settings.clone();
    if !settings.bin_ansible_callbacks {
        settings.callbacks_enabled.clear();
    }
    if let Some(directory) = &arguments.tree {
        settings.callback_tree_dir.clone_from(directory);
        settings.callbacks_enabled.push("tree".to_owned());
    }
    let listening = Listening {
        program: "ansible",
        stdout,
        additional: settings.bin_ansible_callbacks,
        settings: &settings,
        directory,
    };
    listening.begin(start)
}

async fn run(
    arguments: &AdHocArguments,
    settings: &Arc<Settings>,
    printer: &Arc<Printer>,
) -> Result<i32, Refusal> {
    let start = Start::new(settings, printer, &arguments.vault, &arguments.run.extra_vars)?;
    let directory = match &settings.playbook_dir {
        Some(directory) => std::path::absolute(directory).unwrap_or_else(|_| directory.clone()),
        None => std::env::current_dir().unwrap_or_default(),
    };
    let request = start.hosts(&arguments.inventory, &directory);
    let mut inventory = request.load()?;
    let limit = request.limit(&mut inventory, &arguments.pattern)?;
    let mut hosts = pattern::select(&inventory, std::slice::from_ref(&arguments.pattern))?.hosts;
    if let Some(limit) = &limit {
        hosts.retain(|host| limit.contains(host));
    }
    if arguments.list_hosts {
        printer.say(&format!("  hosts ({}):", hosts.len()));
        for host in &hosts {
            printer.say(&format!("    {host}"));
        }
        return Ok(0);
    }
    let play = play(arguments, settings)?;
    if hosts.is_empty() {
        printer.warning("No hosts matched, nothing to do");
        return Ok(0);
    }
    // Without a folder of a playbook there are no callbacks beside one.
    if settings.playbook_dir.is_some() {
        start.plugins.add_folder(&directory);
    }
    listen(arguments, settings, &start, &directory)?;
    let mut loader = start.loader(&directory);
    let playbook = loader
        .playbook_of(&[play], &directory)
        .map_err(|error| Refusal::new(exit::PARSER, error))?;
    let session = Session {
        start,
        passwords: LoginPasswords::gather(settings)?,
        check: arguments.run.check,
        step: false,
        start_at_task: None,
        limit: arguments.inventory.limit.clone(),
        known_hosts: arguments.connection.known_hosts.clone(),
        keep_agent: true,
        reaches_hosts: true,
    };
    let (run, stop) = session.prepare(inventory, limit)?;
    let summary = session.play(&run, stop, &[(playbook, loader)]).await;
    Ok(summary.exit_code)
}

/// The play with the one task.
fn play(arguments: &AdHocArguments, settings: &Settings) -> Result<Node, Refusal> {
    let span = Span::start_of("the command line");
    let text = |value: &str| Node::text(span.clone(), value);
    let map = |entries: Vec<(&str, Node)>| {
        let entries = entries.into_iter().map(|(key, value)| (text(key), value));
        Node::new(span.clone(), NodeKind::Map(entries.collect()))
    };
    let list = |nodes: Vec<Node>| Node::new(span.clone(), NodeKind::List(nodes.into()));
    let module = arguments.module_name.as_deref().unwrap_or(&settings.module_name);
    let given = arguments
        .module_args
        .as_deref()
        .or(settings.module_args.as_deref());
    let given = given.unwrap_or_default().trim();
    let short = module.strip_prefix("ansible.builtin.").unwrap_or(module);
    if given.is_empty() && NEED_ARGUMENTS.contains(&short) {
        let is_file = std::path::Path::new(&arguments.pattern).extension();
        let hint = if is_file.is_some_and(|extension| extension == "yml") {
            " (did you mean to run ansible-playbook?)"
        } else {
            ""
        };
        return Err(Refusal::new(
            exit::OPTIONS,
            format!("No argument passed to {module} module{hint}"),
        ));
    }
    if short == "import_playbook" {
        return Err(Refusal::new(
            exit::OPTIONS,
            format!("'{module}' is not a valid action for ad-hoc commands"),
        ));
    }
    let options = if given.starts_with('{') {
        let document = slipway_language::yaml::parse(given, "--args")
            .map_err(|error| Refusal::new(exit::OPTIONS, error))?;
        document.root.unwrap_or_else(|| text(""))
    } else {
        text(given)
    };
    let mut task = vec![(module, options)];
    let number = |value: u64| {
        Node::new(
            span.clone(),
            NodeKind::Int(i64::try_from(value).unwrap_or(i64::MAX)),
        )
    };
    if let Some(seconds) = arguments.background {
        task.push(("async", number(seconds)));
        task.push(("poll", number(settings.poll_interval)));
    }
    if settings.task_timeout > 0 {
        task.push(("timeout", number(settings.task_timeout)));
    }
    Ok(map(vec![
        ("name", text("Ansible Ad-Hoc")),
        ("hosts", text(&arguments.pattern)),
        ("gather_facts", Node::new(span.clone(), NodeKind::Bool(false))),
        ("tasks", list(vec![map(task)])),
    ]))
}
