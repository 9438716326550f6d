//! Shell patterns for paths, as `creates` and `removes` take them.

use std::path::{Path, PathBuf};

/// Whether a path or pattern names anything; relative ones from this directory.
#[must_use]
pub fn anything_matches(pattern: &str, directory: Option<&Path>) -> bool {
    let full = directory.map_or_else(
        || pattern.to_owned(),
        |directory| {
            let base = glob::Pattern::escape(&directory.to_string_lossy());
            Path::new(&base).join(pattern).to_string_lossy().into_owned()
        },
    );
    match glob::glob_with(&full, options()) {
        Ok(mut paths) => paths.any(|path| path.is_ok()),
        Err(_) => Path::new(&full).symlink_metadata().is_ok(),
    }
}

/// Paths with patterns replaced by what they match, sorted; a pattern that matches nothing is nothing.
#[must_use]
pub fn expand(paths: &[String]) -> Vec<PathBuf> {
    let mut expanded = Vec::new();
    for path in paths {
        if !path.contains(['*', '?', '[']) {
            expanded.push(PathBuf::from(path));
        } else if let Ok(found) = glob::glob_with(path, options()) {
            expanded.extend(found.flatten());
        }
    }
    expanded
}

/// As a shell: hidden files are not matched by `*`.
fn options() -> glob::MatchOptions {
    glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_and_relative_paths_are_matched() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a[1].txt"), "").unwrap();
        std::fs::write(directory.path().join(".hidden"), "").unwrap();
        for (pattern, matches) in [
            ("a*.txt", true),
            ("*.conf", false),
            ("*hidden", false),
            (".hidden", true),
            ("nothing", false),
        ] {
            assert_eq!(
                anything_matches(pattern, Some(directory.path())),
                matches,
                "{pattern}"
            );
        }
    }
}
