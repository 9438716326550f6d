//! The rows carried out by real Ansible: one playbook, every row a task whose result is registered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::rows::Row;
use crate::{Outcome, files, keys, normalise, private};

/// Slipway's cache of what takes long to make.
fn cache() -> PathBuf {
    std::env::var_os("SLIPWAY_CACHE").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache/slipway"),
        PathBuf::from,
    )
}

/// Real Ansible's program.
///
/// # Panics
/// When it is not there, with what makes it.
pub fn playbook_program() -> PathBuf {
    let environment = cache().join("ansible");
    let program = environment.join("bin/ansible-playbook");
    assert!(
        program.exists(),
        "real Ansible is not at {}: make it by\n    python3 -m venv {} && {}/bin/pip install -r playbooks/requirements.txt",
        program.display(),
        environment.display(),
        environment.display()
    );
    program
}

/// What Ansible has answered and left behind, as it was.
#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    directory: PathBuf,
    url: String,
    results: Vec<Value>,
    files: BTreeMap<String, String>,
}

/// What Ansible does with the rows of a section. It takes Ansible a second for each row, so it is kept in Slipway's cache until
/// the rows, the web server, Ansible or the machine change.
pub fn outcome(section: &str, rows: &[Row], url: &str) -> Outcome {
    let program = playbook_program();
    let mut digest = Sha256::new();
    if rows.iter().any(Row::asks_server) {
        digest.update(include_str!("server.rs"));
    }
    digest.update([keys::ONE, keys::TWO].concat());
    digest.update(private::digest(section));
    digest.update(serde_json::to_vec(rows).unwrap());
    digest.update(version(&program));
    // Facts are of this machine.
    digest.update(rustix::system::uname().release().to_bytes());
    digest.update(std::fs::read("/etc/machine-id").unwrap_or_default());
    if section == "setup" {
        digest.update(block_devices());
    }
    if section == "package_facts" {
        digest.update(installed_packages());
    }
    let folder = cache().join("modules-of-ansible");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{section}-{}.json", hex::encode(&digest.finalize()[..8])));
    let kept: Kept = if let Ok(text) = std::fs::read(&file) {
        serde_json::from_slice(&text).unwrap()
    } else {
        let work = tempfile::tempdir().unwrap();
        let directory = work.path().join("dir");
        std::fs::create_dir(&directory).unwrap();
        let results = run(section, rows, &directory, url, work.path());
        let files = files::describe(&directory);
        let kept = Kept {
            directory,
            url: url.to_owned(),
            results,
            files,
        };
        std::fs::write(&file, serde_json::to_vec_pretty(&kept).unwrap()).unwrap();
        kept
    };
    Outcome {
        results: kept
            .results
            .iter()
            .map(|result| normalise::result(result, &kept.directory, &kept.url))
            .collect(),
        files: kept.files,
    }
}

/// The block devices and their sizes: facts that come and go.
fn block_devices() -> String {
    let mut sizes: Vec<String> = glob::glob("/sys/block/*/size")
        .unwrap()
        .flatten()
        .map(|path| {
            format!(
                "{} {}",
                path.display(),
                std::fs::read_to_string(&path).unwrap_or_default()
            )
        })
        .collect();
    sizes.sort();
    sizes.concat()
}

/// The installed packages, and the lists of repositories that they are from.
fn installed_packages() -> Vec<u8> {
    let mut state = std::fs::read("/var/lib/dpkg/status").unwrap();
    let mut lists: Vec<String> = glob::glob("/var/lib/apt/lists/*Packages*")
        .unwrap()
        .flatten()
        .map(|path| {
            let size = path.metadata().map_or(0, |metadata| metadata.len());
            format!("{} {size}", path.display())
        })
        .collect();
    lists.sort();
    state.extend(lists.concat().into_bytes());
    state
}

/// The version of Ansible, by its installed packages.
fn version(program: &Path) -> String {
    let library = program.parent().and_then(Path::parent).unwrap().join("lib");
    let mut names: Vec<String> = glob::glob(&format!(
        "{}/python*/site-packages/ansible*.dist-info",
        library.display()
    ))
    .unwrap()
    .flatten()
    .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
    .collect();
    names.sort();
    names.join(" ")
}

/// Runs every row and returns their results.
fn run(section: &str, rows: &[Row], directory: &Path, url: &str, work: &Path) -> Vec<Value> {
    let program = playbook_program();
    let mut tasks: Vec<Value> = rows
        .iter()
        .enumerate()
        .map(|(index, row)| task(index, row, directory, url))
        .collect();
    let out = work.join("results.json");
    let names: Vec<String> = (0..rows.len()).map(|index| format!("row{index}")).collect();
    tasks.push(json!({
        "name": "results",
        "ansible.builtin.copy": {
            "content": format!("{{{{ [{}] | to_json }}}}", names.join(", ")),
            "dest": out.to_string_lossy(),
        },
    }));
    let playbook = json!([{
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": false,
        "vars": {
            "ansible_python_interpreter": python(section, &program),
            "ansible_async_dir": directory.join("async").to_string_lossy(),
        },
        "tasks": tasks,
    }]);
    let path = work.join("playbook.json");
    std::fs::write(&path, serde_json::to_vec_pretty(&playbook).unwrap()).unwrap();
    let output = private::command(section, program)
        .args(["-i", "localhost,"])
        .arg(&path)
        .current_dir(work)
        .env("ANSIBLE_LOCALHOST_WARNING", "false")
        .env("ANSIBLE_NOCOLOR", "true")
        .env("ANSIBLE_PIPELINING", "true")
        .env("ANSIBLE_DEPRECATION_WARNINGS", "false")
        .output()
        .expect("ansible-playbook starts");
    assert!(
        out.exists(),
        "ansible-playbook did not come to the end:\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&std::fs::read(out).unwrap()).unwrap()
}

/// The Python that runs Ansible's modules: Ansible's own, but for a module that needs a library of Debian's and does not look for it
/// elsewhere.
fn python(section: &str, program: &Path) -> PathBuf {
    if section == "deb822_repository" {
        return "/usr/bin/python3".into();
    }
    program.with_file_name("python3")
}

fn task(index: usize, row: &Row, directory: &Path, url: &str) -> Value {
    let mut args = row.arguments(directory, url);
    let mut task = Map::new();
    task.insert("name".to_owned(), format!("row {index}").into());
    // Free-form text is the module's value, its other arguments are under `args`.
    match args.shift_remove("_raw_params") {
        Some(text) => {
            task.insert(row.module.clone(), text);
            task.insert("args".to_owned(), Value::Object(args));
        }
        None => {
            task.insert(row.module.clone(), Value::Object(args));
        }
    }
    task.insert("register".to_owned(), format!("row{index}").into());
    task.insert("ignore_errors".to_owned(), true.into());
    task.insert("check_mode".to_owned(), row.check.into());
    task.insert("diff".to_owned(), row.diff.into());
    if !row.environment.is_empty() {
        task.insert("environment".to_owned(), json!(row.environment(directory, url)));
    }
    Value::Object(task)
}
