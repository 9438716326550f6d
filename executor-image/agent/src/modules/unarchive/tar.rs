//! Archives of `tar`, compressed or not.

use std::path::{Path, PathBuf};

use super::{Archive, Comparison};
use crate::answer::Failure;
use crate::context::Context;
use crate::process::{Output, Process, require_program};

pub(super) struct Tar {
    handler: &'static str,
    compression: &'static [&'static str],
    source: PathBuf,
    destination: PathBuf,
}

impl Tar {
    pub(super) fn new(magic: &[u8], source: &Path, destination: &Path) -> Self {
        let (handler, compression): (_, &'static [&'static str]) = match magic {
            [0x1f, 0x8b, ..] => ("TgzArchive", &["-z"]),
            // Every other compression tar finds out itself.
            _ => ("TarArchive", &[]),
        };
        Self {
            handler,
            compression,
            source: source.to_owned(),
            destination: destination.to_owned(),
        }
    }

    /// The arguments of tar for one operation.
    fn arguments(&self, context: &Context, operation: &[&str], with_ownership: bool) -> Vec<String> {
        let args = &context.args;
        let mut arguments: Vec<String> = operation.iter().map(|word| (*word).to_owned()).collect();
        arguments.push("-C".to_owned());
        arguments.push(self.destination.to_string_lossy().into_owned());
        arguments.extend(self.compression.iter().map(|word| (*word).to_owned()));
        let extra = args.list("extra_opts");
        if !extra.is_empty() {
            // Names as `--strip-components` and its like leave them.
            arguments.push("--show-transformed-names".to_owned());
        }
        arguments.extend(extra);
        if with_ownership {
            arguments.extend(args.text("owner").map(|owner| format!("--owner={owner}")));
            arguments.extend(args.text("group").map(|group| format!("--group={group}")));
        }
        if args.flag("keep_newer") {
            arguments.push("--keep-newer-files".to_owned());
        }
        arguments.extend(
            args.list("exclude")
                .iter()
                .map(|pattern| format!("--exclude={pattern}")),
        );
        arguments.push("-f".to_owned());
        arguments.push(self.source.to_string_lossy().into_owned());
        arguments.extend(args.list("include"));
        arguments
    }

    fn run(context: &Context, arguments: &[String]) -> Result<(Vec<String>, Output), Failure> {
        let program = require_program(context, "tar")?.to_string_lossy().into_owned();
        let output = Process::tool(context, &program).args(arguments).run()?;
        let command = std::iter::once(program)
            .chain(arguments.iter().cloned())
            .collect();
        Ok((command, output))
    }
}

impl Archive for Tar {
    fn handler(&self) -> &'static str {
        self.handler
    }

    fn files(&self, context: &Context) -> Result<Vec<String>, Failure> {
        let arguments = self.arguments(context, &["--list", "--quoting-style=literal"], false);
        let (_, output) = Self::run(context, &arguments)?;
        if output.code != 0 {
            return Err(Failure::new(format!(
                "Unable to list files in the archive: {}",
                output.stderr.trim()
            )));
        }
        Ok(output
            .stdout
            .lines()
            .map(|line| line.trim_start_matches('/').to_owned())
            .filter(|name| name != "./")
            .collect())
    }

    fn compare(&self, context: &Context) -> Result<Comparison, Failure> {
        let arguments = self.arguments(context, &["--diff"], true);
        let (command, output) = Self::run(context, &arguments)?;
        let asks = |name: &str| context.args.value(name).is_some();
        let is_root = rustix::process::geteuid().is_root();
        let counts = |line: &&str| {
            if line.contains(": : Warning: Cannot stat") {
                return false;
            }
            // What the call sets itself is not what the archive says.
            if line.ends_with(": Uid differs") {
                return is_root && !asks("owner");
            }
            if line.ends_with(": Gid differs") {
                return is_root && !asks("group");
            }
            if line.ends_with(": Mode differs") {
                return !asks("mode");
            }
            [
                "differs",
                "differ",
                "Cannot stat",
                "No such file or directory",
                "Not linked to",
                "File type",
            ]
            .iter()
            .any(|sign| line.contains(sign))
        };
        let text = format!("{}\n{}", output.stdout, output.stderr);
        let differences: Vec<&str> = text.lines().filter(counts).collect();
        let same = differences.is_empty();
        let differences = differences.join("\n");
        Ok(Comparison {
            same,
            differences,
            output,
            command,
        })
    }

    fn unpack(&self, context: &Context) -> Result<(Vec<String>, Output), Failure> {
        Self::run(context, &self.arguments(context, &["--extract"], true))
    }
}
