//! `--list-hosts`, `--list-tasks`, `--list-tags`.

use std::{collections::BTreeSet, fmt::Write, sync::Arc};

use slipway_language::{Node, Scope};

use super::{
    arguments::PlaybookArguments,
    refusal::{Refusal, exit},
};
use crate::{
    engine::{PlayRun, Run, scope_without_host, selected_items, with_tags},
    output::Printer,
    playbook::{Item, Loader, Play, Playbook, Task},
};

/// `--syntax-check`: what could be loaded is named; patterns without hosts are warned of.
///
/// # Errors
/// When the hosts of a play cannot be known.
pub fn check(run: &Arc<Run>, playbooks: &[(Playbook, Loader)], printer: &Printer) -> Result<(), Refusal> {
    for (playbook, loader) in playbooks {
        for play in &playbook.plays {
            title(run, play, loader)?;
        }
        printer.say(&format!("\nplaybook: {}", playbook.file));
    }
    Ok(())
}

/// A play's name, its patterns and its hosts, and with them what variables it has without a host.
fn title(run: &Arc<Run>, play: &Arc<Play>, loader: &Loader) -> Result<Title, Refusal> {
    let (header, scope) = scope_without_host(run, play, loader);
    let (name, patterns) = header.title(&scope).map_err(|error| {
        let message = format!("{}: the play cannot be listed: {}", play.span, error.message);
        Refusal::new(exit::ERROR, message)
    })?;
    Ok(Title {
        name,
        hosts: run.select(&patterns),
        patterns,
        header,
        scope,
    })
}

struct Title {
    name: String,
    patterns: Vec<String>,
    hosts: Vec<Arc<str>>,
    header: Arc<PlayRun>,
    scope: Scope,
}

/// Prints what is asked for.
///
/// # Errors
/// When the tags of a task cannot be known.
pub fn print(
    run: &Arc<Run>,
    playbooks: &[(Playbook, Loader)],
    arguments: &PlaybookArguments,
    printer: &Printer,
) -> Result<(), Refusal> {
    for (playbook, loader) in playbooks {
        printer.say(&format!("\nplaybook: {}", playbook.file));
        for (index, play) in playbook.plays.iter().enumerate() {
            printer.say(&play_text(run, play, loader, index + 1, arguments)?);
        }
    }
    Ok(())
}

fn play_text(
    run: &Arc<Run>,
    play: &Arc<Play>,
    loader: &Loader,
    number: usize,
    arguments: &PlaybookArguments,
) -> Result<String, Refusal> {
    let Title {
        name,
        patterns,
        hosts,
        header,
        scope,
    } = title(run, play, loader)?;
    let pattern = patterns.join(",");
    let written = play.settings.tag_templates.iter().filter_map(Node::as_str);
    let tags: Vec<&str> = play
        .settings
        .tags
        .iter()
        .map(AsRef::as_ref)
        .chain(written)
        .collect();
    let mut text = format!(
        "\n  play #{number} ({pattern}): {name}\tTAGS: [{}]\n",
        tags.join(",")
    );
    if arguments.list_hosts {
        let shown: Vec<String> = patterns.iter().map(|pattern| format!("'{pattern}'")).collect();
        let _ = writeln!(
            text,
            "    pattern: [{}]\n    hosts ({}):",
            shown.join(", "),
            hosts.len()
        );
        for host in hosts {
            let _ = writeln!(text, "      {host}");
        }
    }
    if arguments.list_tasks || arguments.list_tags {
        let items = with_tags(&play.items, &header.run.templar, &scope).map_err(|error| {
            let place = error
                .span
                .as_ref()
                .map(|span| format!("{span}: "))
                .unwrap_or_default();
            Refusal::new(
                exit::ERROR,
                format!("{place}a tag cannot be known: {}", error.message),
            )
        })?;
        let selection = run.tags();
        let items = selected_items(&items, &mut |task| {
            !task.implicit && selection.allows(&task.settings.tags)
        });
        let mut lines = String::new();
        let mut all_tags: BTreeSet<Arc<str>> = BTreeSet::new();
        listed(&items, &mut |task| {
            let mut own = task.settings.tags.clone();
            own.sort();
            let _ = writeln!(lines, "      {}\tTAGS: [{}]", shown(task), own.join(", "));
            all_tags.extend(task.settings.tags.iter().cloned());
        });
        if arguments.list_tasks {
            let _ = write!(text, "    tasks:\n{lines}");
        }
        if arguments.list_tags {
            let all: Vec<&str> = all_tags.iter().map(AsRef::as_ref).collect();
            let _ = writeln!(text, "      TASK TAGS: [{}]", all.join(", "));
        }
    }
    Ok(text.trim_end_matches('\n').to_owned())
}

/// The tasks that a list shows: not those that only run when something fails, or after.
fn listed(items: &[Item], visit: &mut dyn FnMut(&Task)) {
    for item in items {
        match item {
            Item::Task(task) => visit(task),
            Item::Block(block) => listed(&block.main, visit),
        }
    }
}

/// A task as a list names it: nothing is rendered, and the role is named only before a name.
fn shown(task: &Task) -> String {
    match task.name.as_ref().and_then(Node::as_str) {
        None | Some("") => task.action_name.to_string(),
        Some(name) => task.display_name(name),
    }
}
