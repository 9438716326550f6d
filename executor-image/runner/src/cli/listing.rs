//! `--list-hosts`, `--list-tasks`, `--list-tags`.

use std::{collections::BTreeSet, fmt::Write, sync::Arc};

use slipway_language::Node;

use super::arguments::PlaybookArguments;
use crate::{
    engine::{Run, selected_items, walk_tasks},
    output::Printer,
    playbook::{Play, Playbook},
};

/// Prints what is asked for.
pub fn print(run: &Run, playbooks: &[Playbook], arguments: &PlaybookArguments, printer: &Printer) {
    for playbook in playbooks {
        printer.say(&format!("\nplaybook: {}", playbook.file));
        for (index, play) in playbook.plays.iter().enumerate() {
            printer.say(&play_text(run, play, index + 1, arguments));
        }
    }
}

fn play_text(run: &Run, play: &Play, number: usize, arguments: &PlaybookArguments) -> String {
    let patterns: Vec<String> = play
        .hosts
        .iter()
        .filter_map(|host| host.as_str().map(str::to_owned))
        .collect();
    let pattern = patterns.join(",");
    let name = play.name.as_ref().and_then(Node::as_str).unwrap_or(&pattern);
    let tags = |tags: &[Arc<str>]| tags.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(",");
    let mut text = format!(
        "\n  play #{number} ({pattern}): {name}\tTAGS: [{}]\n",
        tags(&play.settings.tags)
    );
    if arguments.list_hosts {
        let hosts = run.select(&patterns);
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
        let selection = run.tags();
        let items = selected_items(&play.items, &mut |task| {
            !task.implicit && selection.allows(&task.settings.tags)
        });
        let mut lines = String::new();
        let mut all_tags: BTreeSet<Arc<str>> = BTreeSet::new();
        walk_tasks(&items, &mut |task| {
            let name = task.name.as_ref().and_then(Node::as_str).unwrap_or_default();
            let mut own = task.settings.tags.clone();
            own.sort();
            let _ = writeln!(
                lines,
                "      {}\tTAGS: [{}]",
                task.display_name(name),
                own.join(", ")
            );
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
    text.trim_end_matches('\n').to_owned()
}
