//! `ansible-inventory`: shows what an inventory says.

mod graph;
mod list;
mod variables;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use super::{
    arguments::InventoryProgramArguments,
    hosts::tell_unmatched,
    refusal::{Refusal, exit},
    start::{Start, tell_settings},
};
use crate::{
    inventory::{HostVariables, Stage, pattern},
    output::Printer,
    settings::Settings,
};

use variables::Shown;

/// Runs the program.
pub fn main(arguments: &InventoryProgramArguments, mut settings: Settings) -> ExitCode {
    settings.verbosity = settings.verbosity.saturating_add(arguments.verbose);
    settings.inventory_export |= arguments.export;
    let settings = Arc::new(settings);
    let printer = Arc::new(Printer::bare(&settings));
    tell_settings(&settings, &printer);
    match text(arguments, &settings, &printer) {
        Ok(text) => match &arguments.output {
            None => printer.say(&text),
            Some(file) => {
                if let Err(error) = std::fs::write(file, &text) {
                    printer.error(&format!(
                        "Unable to write to destination file ({}): {error}",
                        file.display()
                    ));
                    return ExitCode::from(1);
                }
            }
        },
        Err(refusal) => {
            printer.error(&refusal.message);
            return ExitCode::from(u8::try_from(refusal.exit_code).unwrap_or(250));
        }
    }
    ExitCode::SUCCESS
}

fn text(
    arguments: &InventoryProgramArguments,
    settings: &Arc<Settings>,
    printer: &Arc<Printer>,
) -> Result<String, Refusal> {
    let options = |message: &str| Refusal::new(exit::OPTIONS, message);
    match u8::from(arguments.list) + u8::from(arguments.graph) + u8::from(arguments.host.is_some()) {
        0 => {
            return Err(options(
                "No action selected, at least one of --host, --graph or --list needs to be specified.",
            ));
        }
        1 => {}
        _ => {
            return Err(options(
                "Conflicting options used, only one of --host, --graph or --list can be used at the same time.",
            ));
        }
    }
    let start = Start::new(settings, printer, &arguments.vault, &arguments.extra_vars)?;
    let directory = arguments
        .playbook_dir
        .clone()
        .or_else(|| settings.playbook_dir.clone());
    // Without a playbook's directory, nothing is beside a playbook.
    let directory = directory.unwrap_or_else(|| PathBuf::from("/nonexistent"));
    let request = start.hosts(&arguments.inventory, &directory);
    let mut inventory = request.load()?;
    if let Some(host) = &arguments.host {
        inventory.add_implicit_localhost(host);
    }
    let available = match &arguments.inventory.limit {
        Some(limit) if arguments.list => {
            let terms = pattern::limit(limit)?;
            pattern::select(&inventory, &terms)?.hosts
        }
        _ => inventory.hosts_of("all"),
    };
    let variables = HostVariables::load(&inventory, &directory, &start.vault, &start.settings, Stage::All)
        .map_err(|error| Refusal::new(exit::PARSER, error))?;
    let shown = Shown {
        inventory: &inventory,
        variables: &variables,
        extra_vars: &start.extra_vars,
        export: settings.inventory_export,
        available,
    };
    if let Some(host) = &arguments.host {
        let selection = pattern::select(&inventory, std::slice::from_ref(host))?;
        tell_unmatched(&selection, settings, printer)?;
        let mut hosts = selection.hosts.iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(options("You must pass a single valid host to --host parameter"));
        };
        return Ok(variables::dump(&shown.of_host(host)?, arguments.yaml));
    }
    if arguments.graph {
        let group = arguments.group.as_deref().unwrap_or("all");
        if !inventory.groups.contains_key(group) {
            return Err(options("Pattern must be valid group name when using --graph"));
        }
        return Ok(graph::text(&shown, group, arguments.vars)?);
    }
    let whole = if arguments.yaml {
        list::yaml(&shown)?
    } else {
        list::json(&shown)?
    };
    Ok(variables::dump(&whole, arguments.yaml))
}
