//! `ansible-playbook`: from arguments to exit code.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use slipway_report::{RunOutcome, RunResult, SCHEMA_VERSION};

use super::{
    arguments::PlaybookArguments,
    hosts::HostsRequest,
    listening::Listening,
    listing,
    passwords::LoginPasswords,
    refusal::{Refusal, exit},
    session::{self, Session},
    start::{Start, tell_settings},
};
use crate::{
    inventory,
    output::{EventSink, Printer},
    playbook::{Loader, Playbook, playbook_of_collection},
    settings::Settings,
};

/// Runs the program.
pub fn main(mut arguments: PlaybookArguments, mut settings: Settings) -> ExitCode {
    arguments.lay_over(&mut settings);
    // Playbooks of collections have names.
    for playbook in &mut arguments.playbooks {
        if let Some(path) = playbook_of_collection(&settings.collections_path, playbook) {
            *playbook = path.display().to_string();
        }
    }
    let settings = Arc::new(settings);
    session::block_on(&Arc::clone(&settings), start(arguments, settings))
}

async fn start(arguments: PlaybookArguments, settings: Arc<Settings>) -> i32 {
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
    let printer = Arc::new(Printer::new(&settings, events));
    tell_settings(&settings, &printer);
    let outcome = match problem {
        Some(problem) => Err(Refusal::new(exit::OPTIONS, problem)),
        None => run(&arguments, &settings, &printer, started).await,
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
    if !arguments.is_listing() {
        printer.run_finished(&result);
        if let Some(file) = &arguments.result_file
            && let Err(error) = std::fs::write(file, result.to_compact_json())
        {
            printer.error(&format!("cannot write the result to {}: {error}", file.display()));
        }
    }
    printer.settle();
    result.exit_code
}

async fn run(
    arguments: &PlaybookArguments,
    settings: &Arc<Settings>,
    printer: &Arc<Printer>,
    started: DateTime<Utc>,
) -> Result<RunResult, Refusal> {
    let start = Start::new(settings, printer, &arguments.vault, &arguments.run.extra_vars)?;
    for file in &arguments.playbooks {
        if !Path::new(file).is_file() {
            return Err(Refusal::new(
                exit::ERROR,
                format!("the playbook: {file} could not be found"),
            ));
        }
    }
    let directory = directory_of(&arguments.playbooks[0]);
    let request = HostsRequest {
        cache: !arguments.flush_cache,
        ..start.hosts(&arguments.inventory, &directory)
    };
    let mut inventory = request.load()?;
    let limit = request.limit(&mut inventory, "all")?;
    let playbooks = load_playbooks(arguments, &start)?;
    for name in named_hosts(&playbooks) {
        inventory.add_implicit_localhost(&name);
    }
    let passwords = if arguments.is_listing() {
        LoginPasswords::default()
    } else {
        LoginPasswords::gather(settings)?
    };
    let session = Session {
        start,
        passwords,
        check: arguments.run.check,
        step: arguments.step,
        start_at_task: arguments.start_at_task.clone(),
        limit: arguments.inventory.limit.clone(),
        known_hosts: arguments.connection.known_hosts.clone(),
        keep_agent: !arguments.no_agent_cache,
        reaches_hosts: !arguments.is_listing(),
    };
    let (run, stop) = session.prepare(inventory, limit)?;
    if arguments.flush_cache {
        run.forget_facts();
    }
    if arguments.is_listing() {
        if arguments.syntax_check {
            listing::check(&run, &playbooks, printer)?;
        } else {
            listing::print(&run, &playbooks, arguments, printer)?;
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
    let listening = Listening {
        program: "ansible-playbook",
        stdout: &settings.stdout_callback,
        additional: true,
        settings,
        directory: &directory,
    };
    listening.begin(&session.start)?;
    let summary = session.play(&run, stop, &playbooks).await;
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

fn directory_of(file: &str) -> PathBuf {
    std::path::absolute(file)
        .ok()
        .and_then(|path| path.parent().map(Path::to_path_buf))
        .unwrap_or_default()
}

fn load_playbooks(arguments: &PlaybookArguments, start: &Start) -> Result<Vec<(Playbook, Loader)>, Refusal> {
    let mut playbooks = Vec::new();
    for file in &arguments.playbooks {
        let mut loader = start
            .loader(&directory_of(file))
            .thorough(arguments.syntax_check)
            .selecting(arguments.selects_tasks(&start.settings));
        let playbook = loader.playbook(file);
        for warning in loader.take_warnings() {
            start.printer.warning(&warning);
        }
        let playbook = playbook.map_err(|error| {
            let code = if error.is_of_files() {
                exit::ERROR
            } else {
                exit::PARSER
            };
            Refusal::new(code, error)
        })?;
        playbooks.push((playbook, loader));
    }
    Ok(playbooks)
}

/// Names in the patterns of plays.
fn named_hosts(playbooks: &[(Playbook, Loader)]) -> Vec<String> {
    playbooks
        .iter()
        .flat_map(|(playbook, _)| &playbook.plays)
        .flat_map(|play| &play.hosts)
        .filter_map(slipway_language::Node::as_str)
        .flat_map(inventory::pattern::split)
        .collect()
}
