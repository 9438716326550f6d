//! Zip archives.

use std::path::{Path, PathBuf};

use super::{Archive, Comparison};
use crate::answer::Failure;
use crate::context::Context;
use crate::process::{Output, Process, find_program};

pub(super) struct Zip {
    source: PathBuf,
    destination: PathBuf,
    include: Vec<String>,
    exclude: Vec<String>,
}

/// A file in the archive.
struct Entry {
    name: String,
    size: u64,
    checksum: u32,
}

impl Zip {
    pub(super) fn new(context: &Context, source: &Path, destination: &Path) -> Self {
        Self {
            source: source.to_owned(),
            destination: destination.to_owned(),
            include: context.args.list("include"),
            exclude: context.args.list("exclude"),
        }
    }

    fn entries(&self, context: &Context) -> Result<Vec<Entry>, Failure> {
        if find_program("unzip".as_ref(), &context.environment).is_none() {
            return Err(Failure::new(
                "Unable to find required 'unzip' binary in the path.",
            ));
        }
        let mut process = Process::tool(context, "unzip")
            .arg("-v")
            .arg(&self.source)
            .args(&self.include);
        if !self.exclude.is_empty() {
            process = process.arg("-x").args(&self.exclude);
        }
        let output = process.run()?;
        if output.code > 1 {
            return Err(Failure::new(format!(
                "Unable to list files in the archive: {}",
                output.stderr.trim()
            )));
        }
        Ok(output.stdout.lines().filter_map(parse).collect())
    }

    fn is_there(&self, entry: &Entry) -> bool {
        let path = self.destination.join(&entry.name);
        if entry.name.ends_with('/') {
            return path.is_dir();
        }
        let Ok(content) = std::fs::read(&path) else {
            return false;
        };
        let mut checksum = flate2::Crc::new();
        checksum.update(&content);
        content.len() as u64 == entry.size && checksum.sum() == entry.checksum
    }
}

/// A line of `unzip -v`: length, method, size, ratio, date, time, CRC-32, name.
fn parse(line: &str) -> Option<Entry> {
    let mut rest = line.trim_start();
    let mut fields = Vec::with_capacity(7);
    for _ in 0..7 {
        let end = rest.find(char::is_whitespace)?;
        fields.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    Some(Entry {
        size: fields[0].parse().ok()?,
        checksum: u32::from_str_radix(fields[6], 16).ok()?,
        name: rest.to_owned(),
    })
}

impl Archive for Zip {
    fn handler(&self) -> &'static str {
        "ZipArchive"
    }

    fn files(&self, context: &Context) -> Result<Vec<String>, Failure> {
        Ok(self
            .entries(context)?
            .into_iter()
            .map(|entry| entry.name)
            .collect())
    }

    fn compare(&self, context: &Context) -> Result<Comparison, Failure> {
        let entries = self.entries(context)?;
        let missing: Vec<&str> = entries
            .iter()
            .filter(|entry| !self.is_there(entry))
            .map(|entry| entry.name.as_str())
            .collect();
        Ok(Comparison {
            same: missing.is_empty(),
            differences: missing.join("\n"),
            output: Output::default(),
            command: vec![
                "unzip".to_owned(),
                "-v".to_owned(),
                self.source.to_string_lossy().into_owned(),
            ],
        })
    }

    fn unpack(&self, context: &Context) -> Result<(Vec<String>, Output), Failure> {
        let mut arguments = vec!["-o".to_owned()];
        arguments.extend(context.args.list("extra_opts"));
        if context.args.flag("keep_newer") {
            arguments.push("-u".to_owned());
        }
        arguments.push(self.source.to_string_lossy().into_owned());
        arguments.extend(self.include.iter().cloned());
        if !self.exclude.is_empty() {
            arguments.push("-x".to_owned());
            arguments.extend(self.exclude.iter().cloned());
        }
        arguments.extend(["-d".to_owned(), self.destination.to_string_lossy().into_owned()]);
        let output = Process::tool(context, "unzip").args(&arguments).run()?;
        // 1 is a warning: everything was unpacked.
        let code = if output.code == 1 { 0 } else { output.code };
        let command = std::iter::once("unzip".to_owned()).chain(arguments).collect();
        Ok((command, Output { code, ..output }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_listing_are_read_and_its_rules_passed_over() {
        let entry = parse("      12  Defl:N        9  25% 2024-01-02 03:04 0a1b2c3d  a dir/b c.txt").unwrap();
        assert_eq!(
            (entry.size, entry.checksum, entry.name.as_str()),
            (12, 0x0a1b_2c3d, "a dir/b c.txt")
        );
        assert!(parse("--------          -------  ---                            -------").is_none());
        assert!(parse(" Length   Method    Size  Cmpr    Date    Time   CRC-32   Name").is_none());
    }
}
