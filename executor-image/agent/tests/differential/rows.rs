//! The table of calls.

use std::path::Path;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::keys;

/// One call.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Row {
    /// Name of the module, as the table has it.
    pub module: String,
    /// Its arguments, with `{dir}`, `{url}` and names of keys in them.
    pub args: Map<String, Value>,
    /// Check mode.
    pub check: bool,
    /// Diff mode.
    pub diff: bool,
    /// Environment of the task.
    pub environment: IndexMap<String, String>,
}

impl Row {
    /// The arguments with the directory and address put in.
    pub fn arguments(&self, directory: &Path, url: &str) -> Map<String, Value> {
        self.args
            .iter()
            .map(|(name, value)| (name.clone(), fill(value, &directory.to_string_lossy(), url)))
            .collect()
    }

    /// The environment with the directory and address put in.
    pub fn environment(&self, directory: &Path, url: &str) -> IndexMap<String, String> {
        self.environment
            .iter()
            .map(|(name, value)| {
                let value = value
                    .replace("{dir}", &directory.to_string_lossy())
                    .replace("{url}", url);
                (name.clone(), value)
            })
            .collect()
    }

    /// Whether the row asks the web server of the test.
    pub fn asks_server(&self) -> bool {
        serde_json::to_string(self).unwrap().contains("{url}")
    }

    /// The row for a person.
    pub fn describe(&self) -> String {
        let mode = match (self.check, self.diff) {
            (true, true) => " (check, diff)",
            (true, false) => " (check)",
            (false, true) => " (diff)",
            (false, false) => "",
        };
        format!("{}: {}{mode}", self.module, Value::Object(self.args.clone()))
    }
}

fn fill(value: &Value, directory: &str, url: &str) -> Value {
    match value {
        Value::String(text) => text
            .replace("{dir}", directory)
            .replace("{url}", url)
            .replace("{key}", keys::ONE)
            .replace("{other key}", keys::TWO)
            .into(),
        Value::Array(items) => items.iter().map(|item| fill(item, directory, url)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), fill(value, directory, url)))
            .collect(),
        other => other.clone(),
    }
}

/// The files of the table.
const TABLE: [&str; 9] = [
    include_str!("rows.yml"),
    include_str!("rows/apt.yml"),
    include_str!("rows/edits.yml"),
    include_str!("rows/kernel.yml"),
    include_str!("rows/keys.yml"),
    include_str!("rows/network.yml"),
    include_str!("rows/packages.yml"),
    include_str!("rows/repositories.yml"),
    include_str!("rows/software.yml"),
];

/// Every section of the table.
fn table() -> IndexMap<String, Vec<Map<String, Value>>> {
    TABLE
        .iter()
        .flat_map(|text| serde_yaml::from_str::<IndexMap<String, Vec<Map<String, Value>>>>(text).unwrap())
        .collect()
}

/// The rows of a section of the table.
pub fn section(name: &str) -> Vec<Row> {
    let rows = table()
        .shift_remove(name)
        .unwrap_or_else(|| panic!("the table has no section {name}"));
    rows.into_iter().map(row).collect()
}

/// Names of every section.
pub fn sections() -> Vec<String> {
    table().into_keys().collect()
}

fn row(mut fields: Map<String, Value>) -> Row {
    let flag = |value: Option<Value>| value.is_some_and(|value| value == true);
    let check = flag(fields.shift_remove("check"));
    let diff = flag(fields.shift_remove("diff"));
    let environment = fields
        .shift_remove("environment")
        .map(|value| serde_json::from_value(value).unwrap())
        .unwrap_or_default();
    assert_eq!(fields.len(), 1, "a row has one module: {fields:?}");
    let (module, args) = fields.into_iter().next().unwrap();
    let args = args.as_object().unwrap().clone();
    Row {
        module,
        args,
        check,
        diff,
        environment,
    }
}
