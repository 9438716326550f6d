//! `docs/compatibility.md` is what the tables make, the tables' other half is what Ansible has, and the settings that it calls heeded are.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use slipway_playbook::settings::TABLE;
use support::reference;

fn printed(arguments: &[&str]) -> String {
    let output = Command::new(support::RUNNER)
        .arg("slipway-documentation")
        .args(arguments)
        .env_remove("ANSIBLE_CONFIG")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_page_is_what_the_tables_make() {
    let file = package().join("../../docs/compatibility.md");
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    let expected = printed(&[]);
    assert!(
        found == expected,
        "docs/compatibility.md is not what the tables make: cargo compatibility > docs/compatibility.md\n{}",
        similar::TextDiff::from_lines(&found, &expected).unified_diff()
    );
}

#[test]
fn the_names_are_those_of_the_installed_ansible() {
    let python = reference::ansible("python");
    let modules = printed(&["modules"]);
    let names = package().join("tests/compatibility/names.py");
    let kept = reference::Reference::new("names", &["tests/compatibility"]);
    let (theirs, code) = kept.says(&modules, || {
        let output = Command::new(&python)
            .arg(&names)
            .args(modules.lines())
            .env_remove("ANSIBLE_CONFIG")
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    });
    assert_eq!(code, Some(0));
    let ours = std::fs::read_to_string(package().join("src/documentation/ansible.json")).unwrap();
    assert!(
        ours == theirs,
        "ansible.json is not what Ansible has: tests/compatibility/names.py says how it is made\n{}",
        similar::TextDiff::from_lines(&ours, &theirs).unified_diff()
    );
}

/// A setting is heeded if code outside of the settings themselves reads its field. What is not heeded has a table of its own.
#[test]
fn a_setting_of_the_table_is_read_by_something() {
    let source = package().join("src");
    let code: String = files(&source)
        .into_iter()
        .filter(|file| {
            let name = file.strip_prefix(&source).unwrap().to_str().unwrap();
            !["settings/table", "documentation/", "cli/arguments/"]
                .iter()
                .any(|start| name.starts_with(start))
        })
        .map(|file| {
            let text = std::fs::read_to_string(file).unwrap();
            let program = text.split("#[cfg(test)]").next().unwrap_or_default();
            program.split_whitespace().collect::<String>()
        })
        .collect();
    for row in TABLE {
        // Defaults of others are below it, and the inventory's sources are laid over by the command line.
        if matches!(row.name, "home" | "inventory") {
            continue;
        }
        let pattern =
            regex::Regex::new(&format!(r"(settings|defaults|options|self)\.{}\b", row.name)).unwrap();
        assert!(
            pattern.is_match(&code),
            "nothing reads {}: it belongs into settings/unheeded.rs",
            row.name
        );
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
