//! `docs/compatibility.md`: what of ansible-core there is, what differs and what is missing, made from the tables that the
//! code itself uses and from the names that the installed Ansible has (`ansible.json`, checked by a test).

mod keywords;
mod language;
mod modules;
mod plugins;
mod programs;
mod reference;
mod remarks;
mod settings;

use std::fmt::Write as _;

use clap::Command;

use reference::Reference;
use remarks::Kind;

const HEAD: &str = "\
# Compatibility with ansible-core VERSION

This page is generated: `cargo compatibility > docs/compatibility.md` prints it, and a test fails when it is not what the code's tables
say. What Ansible has is asked of an installed ansible-core VERSION; what is here comes from the tables by which the runner accepts or
refuses. **Whatever is not listed as supported is refused with its file, line and column when the playbook is loaded**, not passed over;
the few exceptions say so. [runner.md](runner.md) is the guide, [modules.md](modules.md) tells how other people's modules run.

In tables *yes* is supported, *no* is not, *differs* is explained beside it, and `–` is where Ansible has it not either.
";

/// The whole page. `programs` are the command lines, by the names of Ansible's programs.
///
/// # Errors
/// The list of names is not what it should be.
pub fn page(programs: &[(&str, Command)]) -> Result<String, serde_json::Error> {
    let reference = Reference::read()?;
    let mut page = HEAD.replace("VERSION", &reference.version);
    for section in [
        keywords::section(&reference),
        modules::section(&reference),
        language::section(&reference),
        plugins::section(&reference),
        programs::section(&reference, programs),
        settings::section(&reference),
    ] {
        page.push('\n');
        page.push_str(section.trim_end());
        page.push('\n');
    }
    Ok(page)
}

/// The full names of the modules that have a Rust implementation, for the program that asks Ansible for its names.
pub fn modules() -> impl Iterator<Item = &'static str> {
    slipway_protocol::spec::modules().map(|module| module.name)
}

/// A table in Markdown.
fn table<const COLUMNS: usize>(
    head: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> String {
    let line = |cells: &[String]| {
        let cell = |cell: &String| match cell.as_str() {
            "" => " |".to_owned(),
            text => format!(" {} |", text.replace('|', "\\|")),
        };
        format!("|{}\n", cells.iter().map(cell).collect::<String>())
    };
    let mut text = line(&head.map(str::to_owned));
    let _ = writeln!(text, "|{}", "---|".repeat(COLUMNS));
    for row in rows {
        text.push_str(&line(&row));
    }
    text
}

/// Names as code, with commas between them.
fn list<Name: AsRef<str>>(names: impl IntoIterator<Item = Name>) -> String {
    let quoted: Vec<String> = names
        .into_iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    quoted.join(", ")
}

/// A table of the differences of one kind; nothing if there are none.
fn differences(kind: Kind, head: &str) -> String {
    let rows: Vec<[String; 2]> = remarks::of(kind)
        .map(|remark| [format!("`{}`", remark.name), remark.text.to_owned()])
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("{}\n", table([head, "differs"], rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_keeps_its_columns_when_a_cell_holds_a_bar() {
        assert_eq!(
            table(["a", "b"], [["x|y".to_owned(), String::new()]]),
            "| a | b |\n|---|---|\n| x\\|y | |\n"
        );
    }
}
