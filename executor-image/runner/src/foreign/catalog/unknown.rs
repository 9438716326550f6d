//! What can be said of a name that leads to no module.

use std::path::Path;

use super::{Catalog, module_file};
use crate::foreign::collections::split_name;

impl Catalog {
    /// Names that [`Self::find`] would take, for one like `name`.
    pub fn names_like(&self, name: &str) -> Vec<String> {
        let listed = |folder: &Path, prefix: &str| -> Vec<String> {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries
                .filter_map(|entry| {
                    let path = entry.path();
                    let stem = path.file_stem()?.to_str()?.to_owned();
                    module_file(folder, &stem)?;
                    (!stem.starts_with('_')).then(|| format!("{prefix}{stem}"))
                })
                .collect()
        };
        if let Some((namespace, collection, _)) = split_name(name)
            && let Some(directory) = self.installed().collections.find(namespace, collection)
        {
            return listed(
                &directory.join("plugins/modules"),
                &format!("{namespace}.{collection}."),
            );
        }
        let mut names: Vec<String> = self
            .near("library")
            .iter()
            .chain(&self.0.far)
            .flat_map(|folder| listed(folder, ""))
            .collect();
        if let Some((core, _, _)) = &self.installed().core {
            names.extend(listed(&core.directory.join("modules"), ""));
        }
        names
    }

    /// What is known of why a name was not found.
    pub fn why_not(&self, name: &str) -> Option<String> {
        let (namespace, collection, _) = split_name(name)?;
        if matches!(name.rsplit_once('.')?.0, "ansible.builtin" | "ansible.legacy") {
            return None;
        }
        let collections = &self.installed().collections;
        if collections.find(namespace, collection).is_some() {
            return None;
        }
        let roots: Vec<String> = collections
            .roots()
            .iter()
            .map(|root| root.display().to_string())
            .collect();
        Some(format!(
            "the collection {namespace}.{collection} is not installed (looked in {})",
            roots.join(", ")
        ))
    }
}
