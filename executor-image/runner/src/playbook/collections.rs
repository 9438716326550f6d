//! Where roles are, and playbooks and roles of collections.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use slipway_language::Span;

use super::{
    error::{IncludeFailure, Problem},
    loader::{LoadContext, Loader, is_identifier, normalize},
};

/// A role that was found.
#[derive(Debug)]
pub(super) struct FoundRole {
    /// Its name, with its collection.
    pub name: String,
    /// Its directory.
    pub path: PathBuf,
    /// The collection that it belongs to.
    pub collection: Option<Arc<str>>,
}

/// The parts of `namespace.collection.name`; of a longer name the rest are directories.
fn qualified(name: &str) -> Option<(&str, &str, String)> {
    let mut parts = name.splitn(3, '.');
    let (namespace, collection, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let valid =
        is_identifier(namespace) && is_identifier(collection) && rest.split('.').all(|part| !part.is_empty());
    valid.then(|| (namespace, collection, rest.replace('.', "/")))
}

/// The directory of a collection below one of these.
fn find_collection<'a>(
    roots: impl IntoIterator<Item = &'a PathBuf>,
    namespace: &str,
    name: &str,
) -> Option<PathBuf> {
    roots
        .into_iter()
        .flat_map(|path| [path.join("ansible_collections"), path.clone()])
        .map(|root| root.join(namespace).join(name))
        .find(|path| path.is_dir())
}

/// A playbook of a collection below one of these directories: `namespace.collection.name`, with the file's extension or without.
pub fn playbook_of_collection<'a>(
    roots: impl IntoIterator<Item = &'a PathBuf>,
    name: &str,
) -> Option<PathBuf> {
    let (name, extensions) = match name.rsplit_once('.') {
        Some((stem, "yml")) => (stem, &["yml"][..]),
        Some((stem, "yaml")) => (stem, &["yaml"][..]),
        _ => (name, &["yml", "yaml"][..]),
    };
    let (namespace, collection, rest) = qualified(name)?;
    let folder = find_collection(roots, namespace, collection)?.join("playbooks");
    extensions
        .iter()
        .map(|extension| folder.join(format!("{rest}.{extension}")))
        .find(|path| path.is_file())
}

impl Loader {
    /// The directory of a collection.
    fn collection(&self, namespace: &str, name: &str) -> Option<PathBuf> {
        let beside = self.playbook_directory.join("collections");
        find_collection(
            std::iter::once(&beside).chain(&self.collections_path),
            namespace,
            name,
        )
    }

    /// A playbook of a collection, `namespace.collection.name`.
    pub(super) fn collection_playbook(&self, name: &str) -> Option<PathBuf> {
        let beside = self.playbook_directory.join("collections");
        playbook_of_collection(std::iter::once(&beside).chain(&self.collections_path), name)
    }

    /// The collection that a file belongs to: one that is found by its name, too.
    pub(super) fn collection_around(&self, file: &Path) -> Option<Arc<str>> {
        let directory = file.ancestors().find(|folder| {
            folder
                .ancestors()
                .nth(3)
                .is_some_and(|root| root.ends_with("ansible_collections"))
        })?;
        let collection = directory.parent()?;
        let name = |folder: &Path| folder.file_name()?.to_str().map(str::to_owned);
        let (namespace, name) = (name(collection.parent()?)?, name(collection)?);
        let found = self.collection(&namespace, &name)?;
        (normalize(&found) == normalize(collection)).then(|| Arc::from(format!("{namespace}.{name}")))
    }

    fn collection_role(&self, name: &str) -> Option<FoundRole> {
        let (namespace, collection, rest) = qualified(name)?;
        let path = self.collection(namespace, collection)?.join("roles").join(rest);
        path.is_dir().then(|| FoundRole {
            name: name.to_owned(),
            path: normalize(&path),
            collection: Some(Arc::from(format!("{namespace}.{collection}"))),
        })
    }

    /// The role of this name, in the collections that are searched here, then in the directories of roles.
    pub(super) fn find_role(
        &self,
        name: &str,
        context: &LoadContext,
        span: &Span,
    ) -> Result<FoundRole, Problem> {
        if let Some(found) = self.collection_role(name) {
            return Ok(found);
        }
        for collection in &context.settings.collections {
            if let Some(found) = self.collection_role(&format!("{collection}.{name}")) {
                return Ok(found);
            }
        }
        let mut candidates = vec![self.playbook_directory.join("roles")];
        candidates.extend(self.roles_path.iter().cloned());
        if let Some(role) = &context.role {
            candidates.extend(role.path.parent().map(Path::to_path_buf));
        }
        candidates.push(self.playbook_directory.clone());
        candidates.push(context.directory.join("roles"));
        let found = candidates
            .iter()
            .map(|directory| directory.join(name))
            .find(|path| path.is_dir());
        if let Some(path) = found {
            return Ok(FoundRole {
                name: name.to_owned(),
                path: normalize(&path),
                collection: None,
            });
        }
        // A path from the working directory, or from the person's own.
        let path = match (name.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(name),
        };
        if let Some(base) = path.file_name().filter(|_| path.is_dir()) {
            return Ok(FoundRole {
                name: base.to_string_lossy().into_owned(),
                path: normalize(&path),
                collection: None,
            });
        }
        let known: Vec<String> = candidates
            .iter()
            .filter_map(|directory| std::fs::read_dir(directory).ok())
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        let mut seen = std::collections::HashSet::new();
        let searched = candidates
            .iter()
            .filter(|path| seen.insert(normalize(path)))
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>()
            .join(":");
        Err(
            Problem::new(span, format!("the role '{name}' was not found in {searched}"))
                .nearest(name, known.iter().map(String::as_str))
                .fails_include(IncludeFailure::Placed),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qualified_name_has_a_collection_and_directories() {
        assert_eq!(qualified("a.b.c"), Some(("a", "b", "c".to_owned())));
        assert_eq!(qualified("a.b.c.d"), Some(("a", "b", "c/d".to_owned())));
        assert_eq!(qualified("a.b"), None);
        assert_eq!(qualified("../a.b.c"), None);
    }
}
