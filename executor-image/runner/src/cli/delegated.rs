//! Programs of Ansible's, and what a program of Ansible's does, that are not part of this one: those of the ansible-core that is
//! installed on this machine are run.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode},
};

use crate::foreign::{Core, HOW_TO_INSTALL};

/// Programs, and ansible-core's modules that are them.
const PROGRAMS: &[(&str, &str)] = &[
    ("ansible-config", "config"),
    ("ansible-console", "console"),
    ("ansible-doc", "doc"),
    ("ansible-galaxy", "galaxy"),
    ("ansible-inventory", "inventory"),
    ("ansible-pull", "pull"),
];

/// Becomes the program.
pub fn run(program: &str, arguments: Vec<OsString>) -> ExitCode {
    let refuse = |why: String| {
        eprintln!("ERROR! {why}");
        ExitCode::from(5)
    };
    let Some((_, module)) = PROGRAMS.iter().find(|(known, _)| *known == program) else {
        return refuse(format!(
            "{program} is not part of this program: use the one that comes with ansible-core"
        ));
    };
    let Some(core) = Core::find() else {
        return refuse(format!(
            "what is asked of {program} is left to ansible-core, which is not installed on this machine: {HOW_TO_INSTALL}"
        ));
    };
    let library = core.directory.parent().unwrap_or(&core.directory).to_path_buf();
    let paths = std::env::var_os("PYTHONPATH");
    let paths = paths.iter().flat_map(std::env::split_paths).chain([library]);
    let python = core.python();
    let error = Command::new(&python)
        .arg("-c")
        .arg(format!(
            "import sys; sys.argv.pop(0); from ansible.cli.{module} import main; main()"
        ))
        .arg(program)
        .args(arguments.into_iter().skip(1))
        .env("PYTHONPATH", std::env::join_paths(paths).unwrap_or_default())
        .exec();
    refuse(format!(
        "what is asked of {program} is left to ansible-core, which does not start with {python}: {error}"
    ))
}
