//! What is to be packed.

use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};
use walkdir::WalkDir;

use crate::answer::Failure;
use crate::context::Context;
use crate::glob_paths;

/// The files and trees that a call names.
pub(super) struct Selection {
    /// Paths that the call names, patterns replaced by what they match.
    pub expanded: Vec<PathBuf>,
    /// Those of them that are not excluded.
    pub paths: Vec<PathBuf>,
    /// Paths that are excluded.
    pub excluded: Vec<PathBuf>,
    /// Names that are not there.
    pub missing: Vec<String>,
    /// The directory above all of them, with a slash at its end: names in the archive are below it.
    pub root: String,
    patterns: Vec<Pattern>,
    has_patterns_or_several: bool,
}

impl Selection {
    pub(super) fn of(context: &Context) -> Result<Self, Failure> {
        let args = &context.args;
        let named = args.list("path");
        let excluded = glob_paths::expand(&args.list("exclude_path"));
        let mut missing = Vec::new();
        let mut paths = Vec::new();
        let expanded = glob_paths::expand(&named);
        for path in &expanded {
            if excluded.contains(path) {
                continue;
            }
            if path.symlink_metadata().is_err() {
                missing.push(path.to_string_lossy().into_owned());
            }
            paths.push(path.clone());
        }
        if paths.is_empty() {
            return Err(Failure::new("Error, no source paths were found")
                .with("path", named.join(", "))
                .with("expanded_paths", "")
                .with("expanded_exclude_paths", ""));
        }
        let patterns = args
            .list("exclusion_patterns")
            .iter()
            .map(|pattern| {
                Pattern::new(pattern)
                    .map_err(|error| Failure::new(format!("the pattern {pattern} cannot be read: {error}")))
            })
            .collect::<Result<_, _>>()?;
        let is_pattern = |path: &String| path.contains(['*', '?', '[']);
        Ok(Self {
            root: root(&paths),
            expanded,
            has_patterns_or_several: named.len() > 1 || named.iter().any(is_pattern),
            paths,
            excluded,
            missing,
            patterns,
        })
    }

    /// Whether more than one file can be meant.
    pub(super) fn must_be_archive(&self) -> bool {
        self.has_patterns_or_several || self.paths.len() > 1 || self.paths.iter().any(|path| path.is_dir())
    }

    /// Every file and directory, trees walked through.
    pub(super) fn files(&self, destination: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for path in &self.paths {
            let walk = WalkDir::new(path)
                .sort_by_file_name()
                .into_iter()
                .filter_entry(|entry| !self.excluded.iter().any(|path| path == entry.path()));
            for entry in walk.flatten() {
                let file = entry.path();
                let is_root = entry.depth() == 0 && entry.file_type().is_dir();
                let is_shut_out = self.patterns.iter().any(|pattern| {
                    let options = MatchOptions {
                        require_literal_separator: false,
                        ..MatchOptions::default()
                    };
                    pattern.matches_with(&self.name(file), options)
                });
                if !is_root && !is_shut_out && file != destination {
                    files.push(file.to_owned());
                }
            }
        }
        files
    }

    fn name(&self, file: &Path) -> String {
        let text = file.to_string_lossy();
        text.strip_prefix(&self.root).unwrap_or(&text).to_owned()
    }
}

/// The directory above all paths. A path that ends in a slash is a directory whose contents are meant.
fn root(paths: &[PathBuf]) -> String {
    let parents: Vec<&Path> = paths
        .iter()
        .map(|path| {
            if path.to_string_lossy().ends_with('/') {
                path.as_path()
            } else {
                path.parent().unwrap_or(Path::new("/"))
            }
        })
        .collect();
    let Some((first, others)) = parents.split_first() else {
        return "/".to_owned();
    };
    let common = first
        .ancestors()
        .find(|ancestor| others.iter().all(|other| other.starts_with(ancestor)))
        .unwrap_or(Path::new("/"));
    format!("{}/", common.to_string_lossy().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_above_all_paths() {
        for (paths, expected) in [
            (vec!["/a/b/c"], "/a/b/"),
            (vec!["/a/b/"], "/a/b/"),
            (vec!["/a/b/c", "/a/d"], "/a/"),
            (vec!["/a", "/b"], "/"),
        ] {
            let paths: Vec<PathBuf> = paths.into_iter().map(PathBuf::from).collect();
            assert_eq!(root(&paths), expected, "{paths:?}");
        }
    }
}
