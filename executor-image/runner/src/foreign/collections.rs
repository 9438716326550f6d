//! Installed collections, and what their `meta/runtime.yml` says about names that have moved.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::Deserialize;

use super::action_groups::Group;

/// Where collections are.
#[derive(Debug, Default)]
pub struct Collections {
    /// Folders that hold a folder `ansible_collections`.
    roots: Vec<PathBuf>,
    routings: Mutex<HashMap<PathBuf, Arc<Routing>>>,
}

/// What a collection says of its plugins, by kind and name.
#[derive(Debug, Default, Deserialize)]
pub struct Routing {
    #[serde(default)]
    plugin_routing: Option<HashMap<String, Option<HashMap<String, Described>>>>,
    #[serde(default)]
    action_groups: Option<HashMap<String, Option<Vec<serde_yaml::Value>>>>,
}

/// An entry, which says something where it is a mapping: collections have others, too.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Described {
    Route(Route),
    Other(serde::de::IgnoredAny),
}

/// What is said of one plugin.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Route {
    /// Its new name.
    #[serde(default)]
    pub redirect: Option<String>,
    /// Of a module, the action plugin that carries it out.
    #[serde(default)]
    pub action_plugin: Option<String>,
    /// It has been removed.
    #[serde(default)]
    pub tombstone: Option<Notice>,
}

/// Why and when.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Notice {
    /// For a person.
    #[serde(default)]
    pub warning_text: Option<String>,
}

impl Routing {
    /// Reads a file; one that is missing or broken says nothing.
    pub fn read(file: &Path) -> Self {
        std::fs::read_to_string(file)
            .ok()
            .and_then(|text| serde_yaml::from_str(&text).ok())
            .unwrap_or_default()
    }

    /// What is said of a plugin.
    pub fn of(&self, kind: &str, name: &str) -> Option<&Route> {
        match self.plugin_routing.as_ref()?.get(kind)?.as_ref()?.get(name)? {
            Described::Route(route) => Some(route),
            Described::Other(_) => None,
        }
    }

    /// What is said of a group of modules, by its full name or by its short one.
    pub fn group(&self, full_name: &str, short_name: &str) -> Option<Group> {
        let groups = self.action_groups.as_ref()?;
        let members = groups.get(full_name).or_else(|| groups.get(short_name))?;
        Some(Group::new(full_name, members.as_deref().unwrap_or_default()))
    }
}

impl Collections {
    /// Collections below these folders, the first of which win.
    pub fn new(roots: Vec<PathBuf>) -> Self {
        // Some name the folder `ansible_collections` itself.
        let roots = roots
            .into_iter()
            .map(|root| match root.file_name() {
                Some(name) if name == "ansible_collections" => {
                    root.parent().map_or_else(PathBuf::new, Path::to_path_buf)
                }
                _ => root,
            })
            .collect();
        Self {
            roots,
            routings: Mutex::default(),
        }
    }

    /// The folders that are searched.
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// The folder of a collection.
    pub fn find(&self, namespace: &str, collection: &str) -> Option<PathBuf> {
        self.roots
            .iter()
            .map(|root| root.join("ansible_collections").join(namespace).join(collection))
            .find(|directory| directory.is_dir())
    }

    /// What a collection says of its plugins.
    pub fn routing(&self, directory: &Path) -> Arc<Routing> {
        let mut routings = self.routings.lock().unwrap_or_else(PoisonError::into_inner);
        let routing = routings
            .entry(directory.to_path_buf())
            .or_insert_with(|| Arc::new(Routing::read(&directory.join("meta/runtime.yml"))));
        Arc::clone(routing)
    }
}

/// `namespace`, `collection` and the rest of a fully qualified name.
pub fn split_name(name: &str) -> Option<(&str, &str, &str)> {
    let (namespace, rest) = name.split_once('.')?;
    let (collection, rest) = rest.split_once('.')?;
    (!namespace.is_empty() && !collection.is_empty() && !rest.is_empty())
        .then_some((namespace, collection, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collection_tells_what_has_moved() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("ansible_collections/a/b");
        std::fs::create_dir_all(directory.join("meta")).unwrap();
        let routing = "plugin_routing:\n  modules:\n    old: {redirect: a.b.new}\n    gone:\n      tombstone: {removal_version: 2.0.0, warning_text: Use x.}\n    odd: a.b.new\n    empty:\n  lookup:\n";
        std::fs::write(directory.join("meta/runtime.yml"), routing).unwrap();
        let collections = Collections::new(vec![root.path().join("ansible_collections")]);
        let found = collections.find("a", "b").unwrap();
        let routing = collections.routing(&found);
        assert_eq!(
            routing.of("modules", "old").unwrap().redirect.as_deref(),
            Some("a.b.new")
        );
        let gone = routing.of("modules", "gone").unwrap().tombstone.clone().unwrap();
        assert_eq!(gone.warning_text.as_deref(), Some("Use x."));
        for name in ["new", "odd", "empty"] {
            assert!(routing.of("modules", name).is_none(), "{name}");
        }
        assert!(collections.find("a", "c").is_none());
    }

    #[test]
    fn fully_qualified_names_have_three_parts_or_more() {
        assert_eq!(split_name("a.b.c.d"), Some(("a", "b", "c.d")));
        assert_eq!(split_name("a.b"), None);
    }
}
