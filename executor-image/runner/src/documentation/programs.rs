//! Options of the programs.

use std::fmt::Write as _;

use clap::{Arg, Command};

use super::{Kind, Reference, list, remarks, table};

pub fn section(reference: &Reference, programs: &[(&str, Command)]) -> String {
    let mut text = String::from(
        "## Programs\n\nOne binary, `slipway-playbook`, is several programs: by the name it is called by (a link), or by its first argument, as in \
         `slipway-playbook ansible-inventory --list`. Long options may be shortened as far as they stay unambiguous.\n",
    );
    for (name, theirs) in &reference.programs {
        let found = programs.iter().find(|(known, _)| known == name);
        let Some((_, command)) = found else {
            let _ = writeln!(text, "\n### `{name}`\n\nNot supported.");
            continue;
        };
        let mut ours = Vec::new();
        collect(&mut command.clone(), "", &mut ours);
        let has = |option: &String| ours.contains(option);
        let rows = theirs.iter().map(|names| {
            let supported = names.iter().filter(|option| has(option)).count();
            let remark = remarks::find(Kind::Option, names.last().map_or("", String::as_str));
            let word = match (supported, remark) {
                (0, _) => "no".to_owned(),
                (count, _) if count < names.len() => {
                    format!("but {}", list(names.iter().filter(|name| !has(name))))
                }
                (_, Some(_)) => "differs".to_owned(),
                _ => "yes".to_owned(),
            };
            [
                list(names),
                word,
                remark.map(|remark| remark.text.to_owned()).unwrap_or_default(),
            ]
        });
        let _ = write!(
            text,
            "\n### `{name}`\n\n{}",
            table(["option", "supported", "differs"], rows)
        );
        let known: Vec<&String> = theirs.iter().flatten().collect();
        let own: Vec<&String> = ours.iter().filter(|option| !known.contains(option)).collect();
        if !own.is_empty() {
            let _ = writeln!(text, "\nNot in Ansible: {}.", list(own));
        }
    }
    text
}

/// Every name of every option of a command, with the subcommand before it.
fn collect(command: &mut Command, before: &str, found: &mut Vec<String>) {
    command.build();
    for argument in command.get_arguments() {
        found.extend(names(argument).into_iter().map(|name| format!("{before}{name}")));
    }
    for sub in command.get_subcommands_mut() {
        if sub.get_name() != "help" {
            let before = format!("{} ", sub.get_name());
            collect(sub, &before, found);
        }
    }
}

fn names(argument: &Arg) -> Vec<String> {
    let short = argument.get_short_and_visible_aliases().unwrap_or_default();
    let long = argument
        .get_long()
        .into_iter()
        .chain(argument.get_all_aliases().unwrap_or_default());
    short
        .into_iter()
        .map(|name| format!("-{name}"))
        .chain(long.map(|name| format!("--{name}")))
        .collect()
}
