//! `ansible.builtin.find`: files below directories, by name, age, size, content.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use fancy_regex::Regex;
use serde_json::{Map, Value};

use super::stat::{of_metadata, seconds};
use crate::answer::{Failure, Outcome, answer};
use crate::checksum::Algorithm;
use crate::context::Context;
use crate::encoding::Encoding;
use crate::path_state::permissions;
use crate::python_regex::{Flags, compile, is_found, is_match_at_start};
use crate::python_text::os_error;
use crate::symbolic_mode::{self, Current};

pub(super) fn run(context: &mut Context) -> Outcome {
    let mut search = Search::new(context)?;
    for root in context.args.list("paths") {
        let path = PathBuf::from(&root);
        if !path.is_dir() {
            search.skip(&root, format!("'{root}' is not a directory"));
            continue;
        }
        search.walk(&path, 1)?;
        if let Some(reason) = search.unreadable.take() {
            search.skip(&root, reason);
        }
        if search.is_full() {
            break;
        }
    }
    let Search {
        files,
        examined,
        skipped,
        warnings,
        limit,
        ..
    } = search;
    for warning in warnings {
        context.warn(warning);
    }
    let message = if limit.is_some_and(|limit| files.len() >= limit) {
        "Limit of matches reached"
    } else if skipped.is_empty() {
        "All paths examined"
    } else {
        "Not all paths examined, check warnings for details"
    };
    Ok(answer!({
        "changed": false,
        "files": files,
        "matched": files.len(),
        "examined": examined,
        "skipped_paths": skipped,
        "msg": message,
    }))
}

/// What is looked for, and what was found.
#[allow(clippy::struct_excessive_bools)] // they are the parameters of the module
struct Search {
    names: Vec<Name>,
    excluded: Vec<Name>,
    kind: String,
    hidden: bool,
    follow: bool,
    recurse: bool,
    depth: Option<u64>,
    age: Option<f64>,
    age_stamp: String,
    size: Option<i64>,
    contains: Option<Regex>,
    encoding: Option<Encoding>,
    encoding_name: String,
    /// Why the rest of a directory is not looked at: a file in it is no text.
    unreadable: Option<String>,
    whole_file: bool,
    mode: Option<(Value, bool)>,
    checksum: Option<Algorithm>,
    limit: Option<usize>,
    now: f64,
    files: Vec<Value>,
    examined: usize,
    skipped: Map<String, Value>,
    warnings: Vec<String>,
}

/// A pattern of names.
enum Name {
    Glob(glob::Pattern),
    Regex(Regex),
}

impl Name {
    fn matches(&self, name: &str) -> Result<bool, Failure> {
        match self {
            Self::Glob(pattern) => Ok(pattern.matches(name)),
            Self::Regex(regex) => is_match_at_start(regex, name),
        }
    }
}

impl Search {
    fn new(context: &Context) -> Result<Self, Failure> {
        let args = &context.args;
        let use_regex = args.flag("use_regex");
        let names = |parameter: &str| {
            args.list(parameter)
                .iter()
                .map(|pattern| {
                    if use_regex {
                        compile(pattern, Flags::default()).map(Name::Regex)
                    } else {
                        glob::Pattern::new(pattern).map(Name::Glob).map_err(|error| {
                            Failure::new(format!("the pattern {pattern:?} is not a shell pattern: {error}"))
                        })
                    }
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let whole_file = args.flag("read_whole_file");
        let flags = Flags::default();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |time| time.as_secs_f64());
        Ok(Self {
            names: names("patterns")?,
            excluded: names("excludes")?,
            kind: args.required("file_type").to_owned(),
            hidden: args.flag("hidden"),
            follow: args.flag("follow"),
            recurse: args.flag("recurse"),
            depth: args.count("depth"),
            age: args.text("age").map(age).transpose()?,
            age_stamp: args.required("age_stamp").to_owned(),
            size: args.text("size").map(size).transpose()?,
            encoding: Encoding::from_name(args.text("encoding").unwrap_or("utf-8")),
            encoding_name: args.text("encoding").unwrap_or("utf-8").to_owned(),
            unreadable: None,
            contains: args
                .text("contains")
                .map(|pattern| compile(pattern, flags))
                .transpose()?,
            whole_file,
            mode: args
                .value("mode")
                .map(|mode| (mode.clone(), args.flag("exact_mode"))),
            checksum: args.flag("get_checksum").then_some(Algorithm::Sha1),
            limit: args.count("limit").and_then(|limit| usize::try_from(limit).ok()),
            now,
            files: Vec::new(),
            examined: 0,
            skipped: Map::new(),
            warnings: Vec::new(),
        })
    }

    fn is_full(&self) -> bool {
        self.unreadable.is_some() || self.limit.is_some_and(|limit| self.files.len() >= limit)
    }

    fn skip(&mut self, path: &str, reason: String) {
        self.warnings.push(format!(
            "Skipped '{path}' path due to this access issue: {reason}\n"
        ));
        self.skipped.insert(path.to_owned(), reason.into());
    }

    /// Looks at a directory: its directories, then its files, then below.
    fn walk(&mut self, directory: &Path, depth: u64) -> Result<(), Failure> {
        let entries = match directory.read_dir() {
            Ok(entries) => entries,
            Err(error) => {
                let path = directory.to_string_lossy().into_owned();
                let reason = format!("{}: '{path}'", os_error(&error));
                self.skip(&path, reason);
                return Ok(());
            }
        };
        let (mut files, mut directories) = (Vec::new(), Vec::new());
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
            } else {
                files.push(path);
            }
        }
        self.examined += files.len() + directories.len();
        // Ansible counts one level more than it looks at.
        if self.depth.is_some_and(|limit| depth > limit) {
            return Ok(());
        }
        for path in files.iter().chain(&directories) {
            if self.is_full() {
                return Ok(());
            }
            self.look_at(path)?;
        }
        if !self.recurse {
            return Ok(());
        }
        for path in directories {
            let descend = self.follow || !path.is_symlink();
            // Hidden directories are not found, but what is in them is.
            if descend && !self.is_full() {
                self.walk(&path, depth + 1)?;
            }
        }
        Ok(())
    }

    fn look_at(&mut self, path: &Path) -> Result<(), Failure> {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if name.starts_with('.') && !self.hidden {
            return Ok(());
        }
        let metadata = match path.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) => {
                let reason = format!("{}: '{}'", os_error(&error), path.display());
                self.skip(&path.to_string_lossy(), reason);
                return Ok(());
            }
        };
        let kind_fits = match self.kind.as_str() {
            "any" => true,
            "directory" => metadata.is_dir(),
            "link" => metadata.is_symlink(),
            _ => metadata.is_file(),
        };
        if !kind_fits || !self.name_fits(&name)? || !self.age_fits(&metadata) || !self.mode_fits(&metadata)? {
            return Ok(());
        }
        let looks_into = metadata.is_file() && self.kind != "directory" && self.kind != "link";
        if looks_into && (!self.size_fits(&metadata) || !self.content_fits(path)?) {
            return Ok(());
        }
        let mut fields = of_metadata(path, &metadata);
        for key in [
            "exists",
            "blocks",
            "block_size",
            "device_type",
            "readable",
            "writeable",
            "executable",
        ] {
            fields.shift_remove(key);
        }
        if let Some(algorithm) = self.checksum.filter(|_| metadata.is_file())
            && let Ok(digest) = algorithm.of_file(path)
        {
            fields.insert("checksum".to_owned(), digest.into());
        }
        self.files.push(Value::Object(fields));
        Ok(())
    }

    fn name_fits(&self, name: &str) -> Result<bool, Failure> {
        let any = |patterns: &[Name]| {
            for pattern in patterns {
                if pattern.matches(name)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        Ok((self.names.is_empty() || any(&self.names)?) && !any(&self.excluded)?)
    }

    fn age_fits(&self, metadata: &Metadata) -> bool {
        let Some(age) = self.age else { return true };
        let stamp = match self.age_stamp.as_str() {
            "atime" => seconds(metadata.atime(), metadata.atime_nsec()),
            "ctime" => seconds(metadata.ctime(), metadata.ctime_nsec()),
            _ => seconds(metadata.mtime(), metadata.mtime_nsec()),
        };
        let elapsed = self.now - stamp;
        if age >= 0.0 {
            elapsed >= age
        } else {
            elapsed <= -age
        }
    }

    fn size_fits(&self, metadata: &Metadata) -> bool {
        let Some(size) = self.size else { return true };
        let actual = i64::try_from(metadata.size()).unwrap_or(i64::MAX);
        if size >= 0 {
            actual >= size
        } else {
            actual <= -size
        }
    }

    fn mode_fits(&self, metadata: &Metadata) -> Result<bool, Failure> {
        let Some((mode, exact)) = &self.mode else {
            return Ok(true);
        };
        let current = Current {
            mode: 0,
            directory: metadata.is_dir(),
            umask: 0,
        };
        let wanted = symbolic_mode::resolve(mode, current)
            .map_err(|error| Failure::new(format!("mode must be in octal or symbolic form: {error}")))?;
        let actual = permissions(metadata);
        Ok(if *exact {
            actual == wanted
        } else {
            actual & wanted == wanted
        })
    }

    fn content_fits(&mut self, path: &Path) -> Result<bool, Failure> {
        let Some(regex) = &self.contains else {
            return Ok(true);
        };
        let Ok(bytes) = std::fs::read(path) else {
            return Ok(false);
        };
        let Some(encoding) = self.encoding else {
            self.unreadable = Some(format!("unknown encoding: {}", self.encoding_name));
            return Ok(false);
        };
        let Some(text) = encoding.decode_strictly(&bytes) else {
            self.unreadable = Some(format!(
                "Failed to read the file {} due to an encoding error. current encoding: {}",
                path.display(),
                self.encoding_name
            ));
            return Ok(false);
        };
        if self.whole_file {
            return is_found(regex, &text);
        }
        for line in text.lines() {
            if is_match_at_start(regex, line)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// `2w`, `-1h`, `3600`: seconds.
fn age(text: &str) -> Result<f64, Failure> {
    let (number, unit) = split_unit(text);
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86400,
        "w" => 604_800,
        _ => return Err(Failure::new("failed to process age").with("age", text)),
    };
    number
        .parse::<i32>()
        .map(|number| f64::from(number) * f64::from(factor))
        .map_err(|_| Failure::new("failed to process age").with("age", text))
}

/// `10m`, `-1k`: bytes.
fn size(text: &str) -> Result<i64, Failure> {
    let (number, unit) = split_unit(text);
    let shift = match unit {
        "" | "b" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(Failure::new("failed to process size").with("size", text)),
    };
    number
        .parse::<i64>()
        .ok()
        .and_then(|number| number.checked_mul(1 << shift))
        .ok_or_else(|| Failure::new("failed to process size").with("size", text))
}

fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|character: char| character.is_ascii_alphabetic())
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes_are_read_with_their_units() {
        for (text, value) in [("60", 60.0), ("-2h", -7200.0), ("1w", 604_800.0)] {
            assert!((age(text).unwrap() - value).abs() < f64::EPSILON, "{text}");
        }
        for (text, value) in [("10", 10), ("1k", 1024), ("-3m", -3_145_728)] {
            assert_eq!(size(text).unwrap(), value, "{text}");
        }
        assert!(age("1y").is_err() && size("x").is_err());
    }
}
