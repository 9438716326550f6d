//! Filters, tests and lookups, for the language.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

use serde_json::{Value as Json, json};
use slipway_language::{PluginCall, PluginKind, Plugins, Replaced, TemplateError, Value, names};

use crate::early::is_too_early;

use super::{InPlace, Named, PythonPlugins, process::Refusal, wire::encode};

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

    fn replaced(&self) -> Option<Arc<Replaced>> {
        if let InPlace::Found(known) = &*self.replaced.read().unwrap_or_else(PoisonError::into_inner) {
            return known.clone();
        }
        let found = self.find_replaced().map(Arc::new);
        let mut known = self.replaced.write().unwrap_or_else(PoisonError::into_inner);
        *known = InPlace::Found(found.clone());
        found
    }

    fn add_folder(&self, folder: &Path) {
        self.folders.add(folder);
        *self.replaced.write().unwrap_or_else(PoisonError::into_inner) = InPlace::Unknown;
    }

    fn call(&self, call: &PluginCall<'_>) -> Result<Value, TemplateError> {
        if is_too_early() {
            return Err(TemplateError::new("plugins are carried out in the task's turn"));
        }
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

impl PythonPlugins {
    /// Looks for plugins that have the name of something that the runner has itself: a name without a collection means them.
    fn find_replaced(&self) -> Option<Replaced> {
        let (filter, test) = (PluginKind::Filter.word(), PluginKind::Test.word());
        let lookup = PluginKind::Lookup.word();
        let lookups = names::lookups().iter().filter(|name| !name.contains('.'));
        Replaced::new(
            self.defined(filter, self.folders.mentioned(filter, names::filters())),
            self.defined(test, self.folders.mentioned(test, names::tests())),
            lookups
                .filter(|name| self.folders.file(lookup, name).is_some())
                .cloned()
                .collect(),
        )
    }

    /// Those of the names that plugins outside of ansible-core define. Where that cannot be known none is: the runner has its own.
    fn defined(&self, kind: &'static str, mut names: Vec<String>) -> Vec<String> {
        let Some(first) = names.first() else {
            return names;
        };
        let named = Named {
            kind,
            name: first.clone(),
            file: None,
        };
        let request = json!({
            "kind": kind, "do": "find elsewhere", "names": names, "folders": self.folders.near(),
            "directory": ".",
        });
        let said = self.ask(&named, &request, &mut |_| Json::Null);
        let defined: Vec<String> = match said {
            Ok(Ok(said)) => said
                .try_iter()
                .map(|names| {
                    names
                        .filter_map(|name| name.as_str().map(str::to_owned))
                        .collect()
                })
                .unwrap_or_default(),
            _ => Vec::new(),
        };
        names.retain(|name| defined.contains(name));
        names
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
