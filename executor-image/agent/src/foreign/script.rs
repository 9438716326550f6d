//! Modules that are programs: scripts of any language and binaries, with their arguments in a file or in their own text.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use slipway_protocol::{Call, ForeignStyle};

use super::Arguments;
use super::interpreter::expand;
use crate::answer::Failure;
use crate::control::Control;
use crate::process::{Output, Process};
use crate::python_text::{display, python_json};

/// Runs the module in a directory of its own.
///
/// # Errors
/// When its files cannot be written, it cannot be started, or the call was stopped.
pub fn run(
    call: &Call,
    style: &ForeignStyle,
    interpreter: &[String],
    program: &Path,
    arguments: Arguments,
    directory: &Path,
    control: &Arc<Control>,
) -> Result<Output, Failure> {
    let name = call.module.rsplit('.').next().unwrap_or("module");
    let file = directory.join(name);
    let mut content =
        std::fs::read(program).map_err(|error| Failure::io("reading the module that was sent", &error))?;
    let arguments_file = match style {
        ForeignStyle::JsonInside => {
            let json = python_json(&Value::Object(arguments));
            content = replace(&content, ForeignStyle::JSON_MARK.as_bytes(), json.as_bytes());
            None
        }
        ForeignStyle::WordsFile => Some(write(directory, "args", 0o600, words(&arguments).as_bytes())?),
        ForeignStyle::JsonFile | ForeignStyle::Python(_) => {
            let json = python_json(&Value::Object(arguments));
            Some(write(directory, "args", 0o600, json.as_bytes())?)
        }
    };
    write(directory, name, 0o700, &content)?;
    let process = match interpreter.split_first() {
        Some((first, rest)) => Process::of(expand(first, &call.environment), &call.environment, control)
            .args(rest)
            .arg(&file),
        None => Process::of(&file, &call.environment, control),
    };
    process.args(arguments_file).run()
}

fn write(directory: &Path, name: &str, mode: u32, content: &[u8]) -> Result<PathBuf, Failure> {
    let path = directory.join(name);
    File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&path)
        .and_then(|mut file| file.write_all(content))
        .map_err(|error| Failure::io(format!("writing {}", path.display()), &error))?;
    Ok(path)
}

/// Arguments as old modules read them: a shell's words.
fn words(arguments: &Arguments) -> String {
    let mut words = String::new();
    for (name, value) in arguments {
        for piece in [name, "=", &quote(&display(value)), " "] {
            words.push_str(piece);
        }
    }
    words
}

/// Text as one word of a shell, quoted as Python's `shlex.quote` does.
fn quote(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "_@%+=:,./-".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r#"'"'"'"#))
    }
}

fn replace(content: &[u8], mark: &[u8], with: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(content.len() + with.len());
    let mut rest = content;
    while let Some(place) = rest.windows(mark.len()).position(|window| window == mark) {
        replaced.extend_from_slice(&rest[..place]);
        replaced.extend_from_slice(with);
        rest = &rest[place + mark.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn old_modules_get_words_that_a_shell_can_read() {
        let arguments =
            json!({"name": "it's", "list": ["x", "y z"], "on": true, "none": null, "path": "/a/b"});
        let words = words(arguments.as_object().unwrap());
        assert_eq!(
            words,
            r#"name='it'"'"'s' list='['"'"'x'"'"', '"'"'y z'"'"']' on=True none=None path=/a/b "#
        );
        let read = shlex::split(&words).unwrap();
        assert_eq!(read[0], "name=it's");
        assert_eq!(read[1], "list=['x', 'y z']");
    }

    #[test]
    fn the_mark_is_replaced_wherever_it_stands() {
        assert_eq!(replace(b"a<>b<>", b"<>", b"{}"), b"a{}b{}");
        assert_eq!(replace(b"a", b"<>", b"{}"), b"a");
    }
}
