//! A Python process that carries out plugins, one at a time.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value as Json, json};
use slipway_language::{PluginCall, TemplateError, Value};

use super::wire::{decode, encode};

const BRIDGE: &str = include_str!("bridge.py");

/// A process that waits for calls.
#[derive(Debug)]
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    /// Starts one with the library of the ansible-core in `library`, and collections of these folders.
    ///
    /// # Errors
    /// When it cannot be started, or ends at once.
    pub fn start(python: &str, library: &Path, collections: &str) -> Result<Self, String> {
        let path = match std::env::var("PYTHONPATH") {
            Ok(path) if !path.is_empty() => format!("{path}:{}", library.display()),
            _ => library.display().to_string(),
        };
        let mut child = Command::new(python)
            .args(["-c", BRIDGE])
            .env("PYTHONPATH", path)
            .env("ANSIBLE_COLLECTIONS_PATH", collections)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("starting {python}: {error}"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("starting {python}: it has no input or output"));
        };
        let mut process = Self {
            child,
            input: Some(input),
            output: BufReader::new(output),
        };
        process
            .hear()
            .map_err(|error| format!("starting {python}: {error}"))?;
        Ok(process)
    }

    fn tell(&mut self, message: &Json) -> Result<(), String> {
        let Some(input) = &mut self.input else {
            return Err("it has ended".to_owned());
        };
        let mut line = message.to_string();
        line.push('\n');
        input
            .write_all(line.as_bytes())
            .and_then(|()| input.flush())
            .map_err(|error| error.to_string())
    }

    fn hear(&mut self) -> Result<Json, String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) => Err("the process has ended; what it said is above".to_owned()),
            Ok(_) => serde_json::from_str(&line).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Carries out a call. The outer error is that of a process which cannot be used any more.
    ///
    /// # Errors
    /// As said.
    pub fn call(
        &mut self,
        call: &PluginCall<'_>,
        folders: &[String],
    ) -> Result<Result<Value, TemplateError>, String> {
        let named: serde_json::Map<String, Json> = call
            .named
            .iter()
            .map(|(name, value)| (name.clone(), encode(value)))
            .collect();
        self.tell(&json!({
            "kind": call.kind.word(),
            "name": call.name,
            "arguments": call.arguments.iter().map(encode).collect::<Vec<_>>(),
            "named": named,
            "folders": folders,
            "directory": call.directory(),
        }))?;
        loop {
            let mut said = self.hear()?;
            if let Some(name) = said.get("variable").and_then(Json::as_str) {
                let answer = match call.variable(name) {
                    Ok(Some(value)) => json!({"value": encode(&value)}),
                    Ok(None) => json!({}),
                    Err(error) => json!({"error": error.message}),
                };
                self.tell(&answer)?;
            } else if said.get("names").is_some() {
                self.tell(&json!({"value": call.names()}))?;
            } else if let Some(message) = said.get("error").and_then(Json::as_str) {
                let mut error = TemplateError::new(message);
                if said.get("undefined").is_some() {
                    error = error.of_undefined();
                }
                return Ok(Err(error));
            } else {
                return Ok(decode(said["value"].take()));
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The end of its input ends it.
        self.input = None;
        // ok: nobody waits for how it ended.
        let _ = self.child.wait();
    }
}
