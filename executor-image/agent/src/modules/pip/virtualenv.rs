//! Virtual environments.

use std::path::Path;

use crate::answer::Failure;
use crate::context::Context;
use crate::process::{Output, Process, require_program};

/// Makes a virtual environment.
pub(super) fn make(context: &Context, directory: &Path) -> Result<Output, Failure> {
    let args = &context.args;
    let command = args.required("virtualenv_command");
    let mut words = shlex::split(command)
        .filter(|words| !words.is_empty())
        .ok_or_else(|| Failure::new(format!("the virtualenv_command cannot be read: {command}")))?;
    let program = words.remove(0);
    let program = if Path::new(&program).is_absolute() {
        program
    } else {
        require_program(context, &program)?.to_string_lossy().into_owned()
    };
    if args.flag("virtualenv_site_packages") {
        words.push("--system-site-packages".to_owned());
    }
    let is_venv = program.ends_with("pyvenv") || words.windows(2).any(|pair| pair == ["-m", "venv"]);
    if let Some(python) = args.text("virtualenv_python") {
        if is_venv {
            return Err(Failure::new(
                "virtualenv_python should not be used when using the venv module or pyvenv as virtualenv_command",
            ));
        }
        words.push(format!("-p{python}"));
    }
    words.push(directory.to_string_lossy().into_owned());
    let mut process = Process::tool(context, &program).args(&words);
    if let Some(directory) = args.text("chdir") {
        process = process.directory(Path::new(directory));
    }
    let output = process.run()?;
    if output.code == 0 {
        return Ok(output);
    }
    let mut command = vec![program];
    command.extend(words);
    Err(Failure::new(format!("stdout: {}\n:stderr: {}", output.stdout, output.stderr)).with("cmd", command))
}
