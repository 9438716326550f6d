//! From arguments to exit code.

use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use clap::Parser;
use indexmap::IndexSet;
use slipway_language::{Templar, VaultSecrets};
use slipway_report::{RunOutcome, RunResult, SCHEMA_VERSION};

use super::{arguments::Arguments, extra_vars, listing, signals};
use crate::{
    engine::{Run, RunOptions, Stop, task_files},
    inventory::{self, Inventory, pattern},
    output::{EventSink, Printer},
    playbook::{Loader, Playbook, TagSelection},
    transport::{AgentBinary, HostKeyChecking, Hosts, HostsOptions},
};

/// The hosts of `--limit`, if it is given.
type Limit = Option<IndexSet<Arc<str>>>;

/// A run that cannot start: exit code and message.
struct Refusal {
    exit_code: i32,
    message: String,
}

fn refusal(exit_code: i32, message: impl std::fmt::Display) -> Refusal {
    Refusal {
        exit_code,
        message: format!("{message}"),
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // ok: help goes to standard output, mistakes to standard error; nobody may be there to read.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            Printer::standard(0, EventSink::nowhere())
                .error(&format!("the asynchronous runtime cannot start: {error}"));
            return ExitCode::from(250);
        }
    };
    let code = runtime.block_on(start(arguments));
    // Calls that never answered are not waited for.
    runtime.shutdown_timeout(Duration::from_millis(200));
    ExitCode::from(u8::try_from(code).unwrap_or(250))
}

async fn start(arguments: Arguments) -> i32 {
    let started = Utc::now();
    let events = match &arguments.events {
        None => Ok(EventSink::nowhere()),
        Some(None) => Ok(EventSink::output()),
        Some(Some(file)) => EventSink::file(file)
            .map_err(|error| format!("cannot write events to {}: {error}", file.display())),
    };
    let (events, problem) = match events {
        Ok(events) => (events, None),
        Err(problem) => (EventSink::nowhere(), Some(problem)),
    };
    let printer = Arc::new(Printer::standard(arguments.verbose, events));
    let outcome = match problem {
        Some(problem) => Err(refusal(5, problem)),
        None => run(&arguments, &printer, started).await,
    };
    let result = match outcome {
        Ok(result) => result,
        Err(refused) => {
            printer.error(&refused.message);
            RunResult {
                slipway: SCHEMA_VERSION,
                outcome: RunOutcome::Invalid,
                exit_code: refused.exit_code,
                started,
                finished: Utc::now(),
                message: Some(refused.message),
                hosts: Vec::new(),
                hosts_omitted: 0,
            }
        }
    };
    if !is_listing(&arguments) {
        printer.run_finished(&result);
        if let Some(file) = &arguments.result_file
            && let Err(error) = std::fs::write(file, result.to_compact_json())
        {
            printer.error(&format!("cannot write the result to {}: {error}", file.display()));
        }
    }
    result.exit_code
}

fn is_listing(arguments: &Arguments) -> bool {
    arguments.syntax_check || arguments.list_hosts || arguments.list_tasks || arguments.list_tags
}

async fn run(
    arguments: &Arguments,
    printer: &Arc<Printer>,
    started: DateTime<Utc>,
) -> Result<RunResult, Refusal> {
    let vault = VaultSecrets::new();
    let extra_vars =
        Arc::new(extra_vars::parse(&arguments.extra_vars, &vault).map_err(|message| refusal(1, message))?);
    let templar = Templar::new();
    let playbooks = load_playbooks(arguments, printer, &templar, &extra_vars, &vault)?;
    let (inventory, limit) = load_inventory(arguments, printer, &playbooks, &vault)?;
    let agent = if is_listing(arguments) {
        None
    } else {
        Some(AgentBinary::find().map_err(|error| refusal(1, error))?)
    };
    let connections = Hosts::new(
        agent,
        HostsOptions {
            known_hosts: arguments.known_hosts.clone(),
            timeout: Duration::from_secs(arguments.timeout.max(1)),
            keep_agent: !arguments.no_agent_cache,
        },
    );
    let stop = Stop::default();
    let options = options(arguments, extra_vars, vault);
    let run = Arc::new(Run::new(
        templar,
        options,
        inventory,
        limit,
        Arc::clone(printer),
        connections,
        stop.clone(),
    ));
    if is_listing(arguments) {
        let books: Vec<Playbook> = playbooks.iter().map(|(playbook, _)| playbook.clone()).collect();
        if arguments.syntax_check {
            for book in &books {
                printer.say(&format!("\nplaybook: {}", book.file));
            }
        } else {
            listing::print(&run, &books, arguments, printer);
        }
        return Ok(RunResult {
            slipway: SCHEMA_VERSION,
            outcome: RunOutcome::Succeeded,
            exit_code: 0,
            started,
            finished: Utc::now(),
            message: None,
            hosts: Vec::new(),
            hosts_omitted: 0,
        });
    }
    let watcher = tokio::spawn(signals::watch(Arc::clone(&run), stop, Arc::clone(printer)));
    let summary = run.execute(&playbooks).await;
    watcher.abort();
    run.close().await;
    Ok(RunResult {
        slipway: SCHEMA_VERSION,
        outcome: summary.outcome,
        exit_code: summary.exit_code,
        started,
        finished: Utc::now(),
        message: summary.message,
        hosts: summary.stats.results(),
        hosts_omitted: 0,
    })
}

fn load_playbooks(
    arguments: &Arguments,
    printer: &Printer,
    templar: &Templar,
    extra_vars: &Arc<inventory::Vars>,
    vault: &VaultSecrets,
) -> Result<Vec<(Playbook, Loader)>, Refusal> {
    let mut playbooks = Vec::new();
    for file in &arguments.playbooks {
        let path = Path::new(file);
        if !path.is_file() {
            return Err(refusal(1, format!("the playbook: {file} could not be found")));
        }
        let directory = std::path::absolute(path)
            .ok()
            .and_then(|path| path.parent().map(Path::to_path_buf))
            .unwrap_or_default();
        let files = task_files(&directory, vault);
        let mut loader = Loader::new(templar.clone(), files, Arc::clone(extra_vars), directory);
        let playbook = loader.playbook(file);
        for warning in loader.take_warnings() {
            printer.warning(&warning);
        }
        playbooks.push((playbook.map_err(|error| refusal(4, error))?, loader));
    }
    Ok(playbooks)
}

fn load_inventory(
    arguments: &Arguments,
    printer: &Printer,
    playbooks: &[(Playbook, Loader)],
    vault: &VaultSecrets,
) -> Result<(Inventory, Limit), Refusal> {
    let mut inventory =
        inventory::load::load(&arguments.inventory, vault).map_err(|error| refusal(4, error))?;
    let named: Vec<&str> = playbooks
        .iter()
        .flat_map(|(playbook, _)| &playbook.plays)
        .flat_map(|play| &play.hosts)
        .filter_map(slipway_language::Node::as_str)
        .collect();
    let wants_local = named
        .iter()
        .copied()
        .chain(arguments.limit.as_deref())
        .flat_map(pattern::split)
        .find(|name| pattern::is_local_name(name) && !inventory.hosts.contains_key(name.as_str()));
    if inventory.hosts.is_empty() {
        if arguments.inventory.is_empty() {
            printer.warning("No inventory was parsed, only implicit localhost is available");
        }
        let all_local = named
            .iter()
            .flat_map(|name| pattern::split(name))
            .all(|name| pattern::is_local_name(&name));
        if !arguments.inventory.is_empty() && !all_local {
            return Err(refusal(
                1,
                format!(
                    "the inventory {} names no hosts: there is nothing to run on",
                    arguments.inventory.join(", ")
                ),
            ));
        }
    }
    if let Some(name) = wants_local {
        inventory.add_implicit_localhost(&name);
    }
    let Some(limit) = &arguments.limit else {
        return Ok((inventory, None));
    };
    let patterns = inventory::load::limit_patterns(limit).map_err(|error| refusal(1, error))?;
    let selection = pattern::select(&inventory, &patterns).map_err(|error| refusal(1, error))?;
    for term in &selection.unmatched {
        printer.warning(&format!(
            "Could not match supplied host pattern, ignoring: {term}"
        ));
    }
    if selection.hosts.is_empty() {
        return Err(refusal(
            1,
            "Specified inventory, host pattern and/or --limit leaves us with no hosts to target.",
        ));
    }
    Ok((inventory, Some(selection.hosts)))
}

fn options(arguments: &Arguments, extra_vars: Arc<inventory::Vars>, vault: VaultSecrets) -> RunOptions {
    let checking = match std::env::var("ANSIBLE_HOST_KEY_CHECKING").as_deref() {
        Ok("False" | "false" | "no" | "0" | "off") => HostKeyChecking::Off,
        _ => HostKeyChecking::Pinned,
    };
    RunOptions {
        check: arguments.check,
        diff: arguments.diff,
        forks: arguments.forks.max(1),
        tags: TagSelection {
            only: arguments.tags.clone(),
            skip: arguments.skip_tags.clone(),
        },
        start_at_task: arguments.start_at_task.clone(),
        limit: arguments.limit.clone(),
        extra_vars,
        vault,
        connection: arguments.connection.clone(),
        remote_user: arguments.user.clone(),
        private_key: arguments.private_key.clone(),
        host_key_checking: checking,
        r#become: arguments.r#become,
        become_user: arguments.become_user.clone(),
        force_handlers: arguments.force_handlers,
        own_user: own_user(),
    }
}

/// The name of the user that runs this program; its number if it has none.
fn own_user() -> String {
    let uid = rustix::process::geteuid().as_raw();
    let entries = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    entries
        .lines()
        .map(|line| line.split(':').collect::<Vec<&str>>())
        .find(|fields| fields.get(2).and_then(|field| field.parse().ok()) == Some(uid))
        .and_then(|fields| fields.first().map(|name| (*name).to_owned()))
        .unwrap_or_else(|| uid.to_string())
}
