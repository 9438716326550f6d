//! Zip archives.

mod listing;

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use self::listing::{Kind, Listed};
use super::{Archive, Comparison};
use crate::accounts;
use crate::answer::Failure;
use crate::context::Context;
use crate::path_state::permissions;
use crate::process::{Output, Process, find_program};
use crate::symbolic_mode::{self, Current};

pub(super) struct Zip {
    source: PathBuf,
    destination: PathBuf,
    include: Vec<String>,
    exclude: Vec<String>,
}

/// A file in the archive.
struct Entry {
    name: String,
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

    /// The files with what unzip tells of them besides: kinds, modes and times.
    fn listed(&self, context: &Context) -> Result<Vec<Listed>, Failure> {
        let mut process = Process::tool(context, "unzip")
            .args(["-Z", "-T", "-s"])
            .arg(&self.source);
        if !self.exclude.is_empty() {
            process = process.arg("-x").args(&self.exclude);
        }
        let output = process.args(&self.include).run()?;
        Ok(output.stdout.lines().filter_map(listing::parse).collect())
    }

    /// What differs between a file of the archive and what is there, as rsync itemizes it.
    fn difference(
        &self,
        context: &Context,
        listed: &Listed,
        checksum: Option<&u32>,
    ) -> Result<Option<String>, Failure> {
        let letter = listed.kind.letter();
        let path = self.destination.join(&listed.name);
        let Ok(metadata) = path.symlink_metadata() else {
            return Ok(Some(format!(">{letter}++++++.??")));
        };
        let is_same_kind = match listed.kind {
            Kind::Directory => metadata.is_dir(),
            Kind::File => metadata.is_file(),
            Kind::Link => metadata.is_symlink(),
        };
        if !is_same_kind {
            return Ok(Some(format!("c{letter}++++++.??")));
        }
        let [mut content, mut size, mut time, mut mode, mut owner] = ['.'; 5];
        if metadata.is_file() {
            let is_older = listed.time > metadata.mtime();
            let is_newer = listed.time < metadata.mtime() || metadata.mtime_nsec() != 0;
            if context.args.flag("keep_newer") && is_newer && !is_older {
                return Ok(None);
            }
            if is_older || is_newer {
                time = 't';
            }
            if listed.size != metadata.len() {
                size = 's';
            }
            if checksum != checksum_of(&path).as_ref() {
                content = 'c';
            }
        }
        if listed.kind != Kind::Link {
            let current = Current {
                mode: permissions(&metadata),
                directory: metadata.is_dir(),
                umask: crate::file_attributes::umask(),
            };
            let wanted = match context.args.value("mode") {
                Some(mode) => {
                    symbolic_mode::resolve(mode, current).map_err(|error| Failure::new(error.to_string()))?
                }
                None => listed.mode,
            };
            if wanted != current.mode {
                mode = 'p';
            }
        }
        if metadata.uid() != wanted_user(context) || metadata.gid() != wanted_group(context) {
            owner = if metadata.gid() == wanted_group(context) {
                'o'
            } else {
                'g'
            };
        }
        let marks = [content, size, time, mode, owner];
        let differs = marks.iter().any(|mark| *mark != '.');
        Ok(differs.then(|| format!(".{letter}{}..??", String::from_iter(marks))))
    }
}

fn checksum_of(path: &Path) -> Option<u32> {
    let content = std::fs::read(path).ok()?;
    let mut checksum = flate2::Crc::new();
    checksum.update(&content);
    Some(checksum.sum())
}

/// Who is to own what is unpacked: whom the call names, else who unpacks.
fn wanted_user(context: &Context) -> u32 {
    let named = context.args.text("owner").and_then(|name| {
        accounts::user_by_name(name)
            .map(|user| user.uid)
            .or_else(|| name.parse().ok())
    });
    named.unwrap_or_else(|| rustix::process::geteuid().as_raw())
}

fn wanted_group(context: &Context) -> u32 {
    let named = context.args.text("group").and_then(|name| {
        accounts::group_by_name(name)
            .map(|group| group.gid)
            .or_else(|| name.parse().ok())
    });
    named.unwrap_or_else(|| rustix::process::getegid().as_raw())
}

/// A line of `unzip -v`: length, method, size, ratio, date, time, CRC-32, name.
fn parse(line: &str) -> Option<Entry> {
    let (fields, name) = fields(line)?;
    Some(Entry {
        checksum: u32::from_str_radix(fields[6], 16).ok()?,
        name: name.to_owned(),
    })
}

/// The seven fields before a name, and the name, which may have spaces.
fn fields(line: &str) -> Option<([&str; 7], &str)> {
    let mut rest = line.trim_start();
    let mut fields = [""; 7];
    for field in &mut fields {
        let end = rest.find(char::is_whitespace)?;
        *field = &rest[..end];
        rest = rest[end..].trim_start();
    }
    Some((fields, rest))
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
        let checksums: HashMap<String, u32> = self
            .entries(context)?
            .into_iter()
            .map(|entry| (entry.name, entry.checksum))
            .collect();
        let mut differences = String::new();
        for listed in self.listed(context)? {
            let checksum = checksums.get(&listed.name);
            if let Some(difference) = self.difference(context, &listed, checksum)? {
                differences.extend([difference.as_str(), " ", &listed.name, "\n"]);
            }
        }
        Ok(Comparison {
            same: differences.is_empty(),
            differences,
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
        let program = find_program("unzip".as_ref(), &context.environment);
        let program = program.map_or_else(
            || "unzip".to_owned(),
            |program| program.to_string_lossy().into_owned(),
        );
        let command = std::iter::once(program).chain(arguments).collect();
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
            (entry.checksum, entry.name.as_str()),
            (0x0a1b_2c3d, "a dir/b c.txt")
        );
        assert!(parse("--------          -------  ---                            -------").is_none());
        assert!(parse(" Length   Method    Size  Cmpr    Date    Time   CRC-32   Name").is_none());
    }
}
