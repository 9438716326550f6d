//! The names that ansible-core has.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Names by kind. `tests/compatibility/names.py` asks the installed Ansible for them.
#[derive(Debug, Deserialize)]
pub struct Reference {
    /// Of ansible-core.
    pub version: String,
    /// Keywords by where they stand.
    pub keywords: BTreeMap<String, Vec<String>>,
    /// Actions of `meta`.
    pub meta: Vec<String>,
    /// Names of options, aliases among them, by module.
    pub modules: BTreeMap<String, Vec<String>>,
    /// Filters.
    pub filters: Callables,
    /// Tests.
    pub tests: Callables,
    /// Functions of templates.
    pub functions: Vec<String>,
    /// Plugins by kind.
    pub plugins: BTreeMap<String, Vec<String>>,
    /// Settings.
    pub settings: BTreeMap<String, Setting>,
    /// Options of programs, each under all its names.
    pub programs: BTreeMap<String, Vec<Vec<String>>>,
}

/// Filters or tests.
#[derive(Debug, Deserialize)]
pub struct Callables {
    /// Of Jinja.
    pub jinja: Vec<String>,
    /// Of ansible-core.
    pub ansible: Vec<String>,
    /// Of collections, by full name.
    pub collections: Vec<String>,
}

/// Where a setting is set.
#[derive(Debug, Deserialize)]
pub struct Setting {
    /// Environment variables.
    pub environment: Vec<String>,
    /// `section.key` of `ansible.cfg`.
    pub file: Vec<String>,
}

impl Reference {
    /// The names that are checked in.
    pub fn read() -> Result<Self, serde_json::Error> {
        serde_json::from_str(include_str!("ansible.json"))
    }

    /// Keywords of a place.
    pub fn keywords(&self, place: &str) -> &[String] {
        self.keywords.get(place).map(Vec::as_slice).unwrap_or_default()
    }

    /// Short names of plugins of a kind.
    pub fn plugins(&self, kind: &str) -> Vec<&str> {
        let names = self.plugins.get(kind).map(Vec::as_slice).unwrap_or_default();
        let short = |name: &'_ String| name.rfind('.').map_or(0, |dot| dot + 1);
        names.iter().map(|name| &name[short(name)..]).collect()
    }
}
