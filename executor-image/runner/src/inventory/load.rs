//! Reads inventory sources.

use std::path::{Path, PathBuf};

use slipway_language::VaultSecrets;

use super::{Inventory, InventoryError, ini, pattern, ranges, vars_files::read_text, yaml};

/// Extensions of files in an inventory directory that are not inventories.
const IGNORED_EXTENSIONS: &[&str] = &[
    "orig", "bak", "ini", "cfg", "retry", "pyc", "pyo", "csv", "md", "txt", "rst", "swp",
];

/// Reads every source: a file, a directory of files, or a list of hosts with a comma in it.
pub fn load(sources: &[String], vault: &VaultSecrets) -> Result<Inventory, InventoryError> {
    let mut inventory = Inventory::default();
    for source in sources {
        if source.contains(',') && !Path::new(source).exists() {
            for host in source.split(',').map(str::trim).filter(|host| !host.is_empty()) {
                for name in ranges::expand(host).map_err(InventoryError::Pattern)? {
                    inventory.host(&name);
                }
            }
        } else {
            load_path(Path::new(source), &mut inventory, vault)?;
        }
        inventory.sources.push(absolute(source));
    }
    inventory
        .reconcile()
        .map_err(|group| InventoryError::Pattern(format!("the inventory group {group} contains itself")))?;
    Ok(inventory)
}

fn absolute(source: &str) -> String {
    std::path::absolute(source).map_or_else(|_| source.to_owned(), |path| path.display().to_string())
}

fn load_path(path: &Path, inventory: &mut Inventory, vault: &VaultSecrets) -> Result<(), InventoryError> {
    let read = |source| InventoryError::Read {
        path: path.to_path_buf(),
        source,
    };
    if path.is_dir() {
        let mut entries = std::fs::read_dir(path)
            .map_err(read)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<PathBuf>, _>>()
            .map_err(read)?;
        entries.sort();
        for entry in entries.iter().filter(|entry| is_inventory(entry)) {
            load_path(entry, inventory, vault)?;
        }
        return Ok(());
    }
    let text = read_text(path, vault)?;
    let file = path.display().to_string();
    let is_yaml = matches!(
        path.extension().and_then(|extension| extension.to_str()),
        Some("yml" | "yaml" | "json")
    );
    if is_yaml {
        yaml::parse(&text, &file, inventory)
    } else {
        ini::parse(&text, &file, inventory)
    }
}

fn is_inventory(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    !name.starts_with('.')
        && !name.ends_with('~')
        && !matches!(name, "group_vars" | "host_vars")
        && !IGNORED_EXTENSIONS.contains(&extension)
}

/// The patterns of `--limit`: `@file` stands for the lines of a file.
pub fn limit_patterns(limit: &str) -> Result<Vec<String>, InventoryError> {
    let mut patterns = Vec::new();
    for part in pattern::split(limit) {
        let Some(file) = part.strip_prefix('@') else {
            patterns.push(part);
            continue;
        };
        let text = std::fs::read_to_string(file).map_err(|source| InventoryError::Read {
            path: PathBuf::from(file),
            source,
        })?;
        patterns.extend(
            text.lines()
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
                .map(str::to_owned),
        );
    }
    Ok(patterns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_with_a_comma_is_hosts() {
        let inventory = load(&["a,b".to_owned()], &VaultSecrets::new()).unwrap();
        assert_eq!(inventory.hosts.len(), 2);
    }

    #[test]
    fn a_missing_source_is_named() {
        let error = load(&["/nonexistent/hosts".to_owned()], &VaultSecrets::new())
            .unwrap_err()
            .to_string();
        assert!(error.contains("/nonexistent/hosts"), "{error}");
    }

    #[test]
    fn a_directory_is_read_in_order_without_variables_and_backups() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("10-web"), "[web]\nw1\n").unwrap();
        std::fs::write(directory.path().join("20-db.yml"), "db: {hosts: {d1: }}\n").unwrap();
        std::fs::write(directory.path().join("old.bak"), "junk =\n").unwrap();
        std::fs::create_dir(directory.path().join("group_vars")).unwrap();
        std::fs::write(directory.path().join("group_vars/web.yml"), "x: 1\n").unwrap();
        let inventory = load(&[directory.path().display().to_string()], &VaultSecrets::new()).unwrap();
        assert_eq!(inventory.hosts.len(), 2);
        let variables =
            super::super::HostVariables::load(&inventory, Path::new("/nonexistent"), &VaultSecrets::new())
                .unwrap();
        let variables = variables.of_all(&inventory);
        assert!(variables["w1"].iter().any(|layer| layer.get("x").is_some()));
        assert!(variables["d1"].iter().all(|layer| layer.get("x").is_none()));
    }

    #[test]
    fn a_limit_file_has_a_pattern_a_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "web\n# comment\n\ndb\n").unwrap();
        let patterns = limit_patterns(&format!("@{},other", file.path().display())).unwrap();
        assert_eq!(patterns, ["web", "db", "other"]);
    }
}
