//! Filters, tests and lookups, for the language.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use slipway_language::{PluginCall, PluginKind, Plugins, TemplateError, Value};

use super::{Named, PythonPlugins, process::Refusal, wire::encode};

impl Plugins for PythonPlugins {
    fn find(&self, kind: PluginKind, name: &str) -> Option<PathBuf> {
        match kind {
            // A lookup is its file; a file has several filters or tests.
            PluginKind::Lookup => self.folders.file(kind.word(), name),
            PluginKind::Filter | PluginKind::Test => self.folders.defining(kind.word(), name),
        }
    }

    fn is_there(&self, kind: PluginKind, name: &str) -> bool {
        if self.find(kind, name).is_some() {
            return true;
        }
        // It may have moved to a collection, and a file may import what defines it: only Python can tell then.
        if self.folders.core().is_none() {
            return false;
        }
        let request = json!({
            "kind": kind.word(), "do": "find", "name": name, "folders": self.folders.near(), "directory": ".",
        });
        let named = Named {
            kind: kind.word(),
            name: name.to_owned(),
            file: None,
        };
        let said = self.ask(&named, &request, &mut |_| Json::Null);
        matches!(said, Ok(Ok(value)) if value.is_true())
    }

    fn add_folder(&self, folder: &Path) {
        self.folders.add(folder);
    }

    fn call(&self, call: &PluginCall<'_>) -> Result<Value, TemplateError> {
        let named = Named {
            kind: call.kind.word(),
            name: call.name.to_owned(),
            file: self.find(call.kind, call.name),
        };
        if named.file.is_none() && self.folders.core().is_none() {
            return Err(TemplateError::new(format!(
                "the {} plugin {} was not found",
                named.kind, named.name
            )));
        }
        let arguments: serde_json::Map<String, Json> = call
            .named
            .iter()
            .map(|(name, value)| (name.clone(), encode(value)))
            .collect();
        let request = json!({
            "kind": call.kind.word(),
            "name": call.name,
            "arguments": call.arguments.iter().map(encode).collect::<Vec<_>>(),
            "named": arguments,
            "folders": self.folders.near(),
            "directory": call.directory(),
        });
        let said = self.ask(&named, &request, &mut |question| answer(call, question));
        said.map_err(TemplateError::new)?.map_err(TemplateError::from)
    }
}

/// What a plugin wants to know of variables.
fn answer(call: &PluginCall<'_>, question: &Json) -> Json {
    let Some(name) = question.get("variable").and_then(Json::as_str) else {
        return json!({"value": call.names()});
    };
    match call.variable(name) {
        Ok(Some(value)) => json!({"value": encode(&value)}),
        Ok(None) => json!({}),
        Err(error) => json!({"error": error.message}),
    }
}

impl From<Refusal> for TemplateError {
    fn from(refusal: Refusal) -> Self {
        let error = Self::new(refusal.message);
        if refusal.kind == "undefined" {
            return error.of_undefined();
        }
        error
    }
}
