//! apt's lists of sources, as they are on the host.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::source::Source;
use crate::answer::Failure;
use crate::context::Context;
use crate::process::Process;

/// Every list.
pub(super) struct Sources {
    /// Where lists of their own go.
    directory: PathBuf,
    files: BTreeMap<PathBuf, Vec<Line>>,
}

/// A line of a list.
enum Line {
    Source(Source, String),
    Other(String),
}

impl Line {
    fn parse(line: &str) -> Self {
        match Source::parse(line) {
            Some(source) => Self::Source(source, line.to_owned()),
            None => Self::Other(line.to_owned()),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Source(_, text) | Self::Other(text) => text,
        }
    }

    fn source(&self) -> Option<&Source> {
        match self {
            Self::Source(source, _) => Some(source),
            Self::Other(_) => None,
        }
    }
}

impl Sources {
    pub(super) fn read(context: &Context) -> Result<Self, Failure> {
        let (main, directory) = places(context)?;
        let mut paths = vec![main];
        if let Ok(entries) = std::fs::read_dir(&directory) {
            paths.extend(
                entries
                    .flatten()
                    .map(|entry| entry.path())
                    .filter(|path| path.extension().is_some_and(|extension| extension == "list")),
            );
        }
        let mut files = BTreeMap::new();
        for path in paths {
            match std::fs::read(&path) {
                Ok(bytes) => {
                    let text = String::from_utf8_lossy(&bytes);
                    let lines = text.split_inclusive('\n').map(Line::parse).collect();
                    files.insert(path, lines);
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Failure::io(format!("reading {}", path.display()), &error)),
            }
        }
        Ok(Self { directory, files })
    }

    /// The lists' contents; one that has nothing in it is none.
    pub(super) fn texts(&self) -> BTreeMap<PathBuf, String> {
        self.files
            .iter()
            .map(|(path, lines)| (path.clone(), lines.iter().map(Line::text).collect::<String>()))
            .filter(|(_, text)| !text.is_empty())
            .collect()
    }

    /// Adds a repository, unless it is in a list; one that is commented out is put in force again.
    pub(super) fn add(&mut self, source: &Source, file_name: Option<&str>) {
        let mut is_there = false;
        for line in self.files.values_mut().flatten() {
            if let Line::Source(known, text) = line
                && known.text == source.text
            {
                is_there = true;
                if !known.is_enabled {
                    known.is_enabled = true;
                    *text = known.line();
                }
            }
        }
        if is_there {
            return;
        }
        let name = match file_name {
            Some(name) => format!("{}.list", name.strip_suffix(".list").unwrap_or(name)),
            None => source.file_name(),
        };
        let lines = self.files.entry(self.directory.join(name)).or_default();
        if let Some(Line::Source(_, text) | Line::Other(text)) = lines.last_mut()
            && !text.ends_with('\n')
        {
            text.push('\n');
        }
        lines.push(Line::Source(source.clone(), source.line()));
    }

    /// Removes a repository from every list.
    pub(super) fn remove(&mut self, source: &Source) {
        for lines in self.files.values_mut() {
            lines.retain(|line| {
                line.source()
                    .is_none_or(|known| known.text != source.text || !known.is_enabled)
            });
        }
    }
}

/// The main list and the directory of the others, as apt is configured.
fn places(context: &Context) -> Result<(PathBuf, PathBuf), Failure> {
    let output = Process::tool(context, "apt-config")
        .args([
            "shell",
            "MAIN",
            "Dir::Etc::sourcelist/f",
            "PARTS",
            "Dir::Etc::sourceparts/d",
        ])
        .run()?;
    let place = |name: &str, default: &str| {
        let named = output.stdout.lines().find_map(|line| {
            let value = line.strip_prefix(name)?.strip_prefix('=')?;
            Some(PathBuf::from(value.trim_matches('\'')))
        });
        named.unwrap_or_else(|| Path::new(default).to_owned())
    };
    Ok((
        place("MAIN", "/etc/apt/sources.list"),
        place("PARTS", "/etc/apt/sources.list.d"),
    ))
}
