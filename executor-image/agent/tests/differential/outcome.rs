//! What one side has done, and where two sides differ.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{files, normalise};

/// A key of a result with the two values.
pub type Difference = (String, Value, Value);

/// What one side has answered and left behind.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct Outcome {
    /// The result of each row.
    pub results: Vec<Value>,
    /// The files, each with what it is.
    pub files: BTreeMap<String, String>,
}

impl Outcome {
    /// Results, and the files in the directory that they worked in, without what is of the run.
    pub fn new(results: &[Value], directory: &Path, url: &str) -> Self {
        Self {
            results: results
                .iter()
                .map(|result| normalise::result(result, directory, url))
                .collect(),
            files: files::describe(directory),
        }
    }
}

/// The keys of two results whose values differ; `.` goes down into mappings and lists.
pub fn compare(theirs: &Value, ours: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    add(String::new(), theirs, ours, &mut differences);
    differences
}

fn add(key: String, theirs: &Value, ours: &Value, differences: &mut Vec<Difference>) {
    let below = |name: &str| {
        if key.is_empty() {
            name.to_owned()
        } else {
            format!("{key}.{name}")
        }
    };
    match (theirs, ours) {
        (Value::Object(one), Value::Object(other)) => {
            for (name, value) in one {
                let matching = other.get(name).unwrap_or(&normalise::ABSENT);
                add(below(name), value, matching, differences);
            }
            for (name, value) in other.iter().filter(|(name, _)| !one.contains_key(*name)) {
                add(below(name), &normalise::ABSENT, value, differences);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                add(below(&index.to_string()), one, other, differences);
            }
        }
        _ if theirs == ours => {}
        _ => differences.push((key, theirs.clone(), ours.clone())),
    }
}
