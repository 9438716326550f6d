//! The variables of a task on a host, in Ansible's order of precedence.

use std::sync::Arc;

use slipway_language::{Layer, LookupHost, NodeKind, Scope, TemplateError};

use super::{
    HostState,
    files::TaskFiles,
    magic::{OfHost, OfTask},
    merged::Merged,
    play::PlayRun,
};
use crate::{
    playbook::{Candidates, Task},
    settings::HashBehaviour,
};

impl PlayRun {
    /// Everything that a task may see on a host. Layers are shared: making a scope copies no variables.
    pub fn scope(self: &Arc<Self>, host: &Arc<HostState>, task: Option<&Arc<Task>>) -> Scope {
        let below = self.variables(host, task);
        let magic = OfTask {
            host: OfHost {
                play: Arc::downgrade(self),
                host: Arc::clone(host),
            },
            task: task.cloned(),
            below: below.clone(),
        };
        below.with(Arc::new(magic))
    }

    /// The variables that people set, without those that Ansible sets.
    pub(super) fn variables(self: &Arc<Self>, host: &Arc<HostState>, task: Option<&Arc<Task>>) -> Scope {
        let files: Arc<dyn LookupHost> = match task {
            Some(task) => TaskFiles::new(
                Some(task),
                &self.directory,
                &self.run.options.vault,
                Some(&self.run),
            ),
            None => Arc::clone(&self.files),
        };
        let role = task.and_then(|task| task.role.as_ref());
        let mut layers: Vec<Arc<dyn Layer>> = Vec::with_capacity(24);
        layers.push(Arc::clone(&self.role_defaults) as Arc<dyn Layer>);
        layers.extend(role.iter().flat_map(|role| role.defaults.iter().cloned()));
        layers.extend(host.layers().iter().cloned());
        layers.push(Arc::clone(&host.facts) as Arc<dyn Layer>);
        layers.push(Arc::clone(&self.play.vars) as Arc<dyn Layer>);
        if let Some(files) = self.vars_files.get(&host.name) {
            layers.extend(files.iter().map(|vars| Arc::clone(vars) as Arc<dyn Layer>));
        }
        layers.push(Arc::clone(&self.role_vars) as Arc<dyn Layer>);
        layers.extend(role.iter().flat_map(|role| role.vars.iter().cloned()));
        if let Some(task) = task {
            layers.extend(
                task.settings
                    .vars
                    .iter()
                    .map(|vars| Arc::clone(vars) as Arc<dyn Layer>),
            );
            if !task.vars.is_empty() {
                layers.push(Arc::clone(&task.vars) as Arc<dyn Layer>);
            }
        }
        layers.push(Arc::clone(&host.included) as Arc<dyn Layer>);
        layers.push(Arc::clone(&host.set) as Arc<dyn Layer>);
        layers.extend(
            role.iter()
                .flat_map(|role| role.params.iter().map(|vars| Arc::clone(vars) as Arc<dyn Layer>)),
        );
        if let Some(task) = task {
            layers.extend(
                task.include_vars
                    .iter()
                    .map(|vars| Arc::clone(vars) as Arc<dyn Layer>),
            );
        }
        layers.push(Arc::clone(&self.run.options.extra_vars) as Arc<dyn Layer>);
        Scope::new(self.laid_over(layers), files)
    }

    /// Layers as a scope has them: one over the other, or their mappings merged.
    pub(super) fn laid_over(&self, layers: Vec<Arc<dyn Layer>>) -> Vec<Arc<dyn Layer>> {
        match self.run.options.settings.hash_behaviour {
            HashBehaviour::Replace => layers,
            HashBehaviour::Merge => vec![Arc::new(Merged(layers))],
        }
    }

    /// A setting that is true or false; none if it is not set.
    pub fn boolean<'a>(
        &self,
        written: impl Into<Candidates<'a>>,
        scope: &Scope,
    ) -> Result<Option<bool>, TemplateError> {
        for node in written.into() {
            if let NodeKind::Bool(value) = node.kind {
                return Ok(Some(value));
            }
            let value = self.run.templar.render(node, scope)?;
            if slipway_language::is_omit(&value) {
                continue;
            }
            if let Some(text) = value.as_str().map(str::trim)
                && !text.is_empty()
                && !BOOLEANS.contains(&text.to_ascii_lowercase().as_str())
            {
                return Err(TemplateError::new(format!(
                    "The value '{text}' is not a valid boolean.  Valid booleans include: {}",
                    BOOLEANS.join(", ")
                ))
                .at(&node.span));
            }
            return Ok(truth(&value));
        }
        Ok(None)
    }

    /// A setting that is a number; none if it is not set.
    pub fn number<'a>(
        &self,
        written: impl Into<Candidates<'a>>,
        scope: &Scope,
    ) -> Result<Option<f64>, TemplateError> {
        for node in written.into() {
            if let NodeKind::Int(value) = node.kind {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "retries, seconds and percentages are small"
                )]
                return Ok(Some(value as f64));
            }
            let value = self.run.templar.render(node, scope)?;
            if slipway_language::is_omit(&value) {
                continue;
            }
            let text = slipway_language::to_text(&value);
            let text = text.trim().trim_end_matches('%');
            if text.is_empty() {
                return Ok(None);
            }
            return text
                .parse()
                .map(Some)
                .map_err(|_| TemplateError::new(format!("{text:?} is not a number")).at(&node.span));
        }
        Ok(None)
    }

    /// A setting that is text; none if it is not set or empty.
    pub fn text<'a>(
        &self,
        written: impl Into<Candidates<'a>>,
        scope: &Scope,
    ) -> Result<Option<String>, TemplateError> {
        for node in written.into() {
            let value = self.run.templar.render(node, scope)?;
            if !slipway_language::is_omit(&value) {
                return Ok(Some(slipway_language::to_text(&value)).filter(|text| !text.is_empty()));
            }
        }
        Ok(None)
    }

    /// A variable that is text; none if it has no value or is empty.
    pub fn variable_text(&self, name: &str, scope: &Scope) -> Result<Option<String>, TemplateError> {
        let value = scope.get(&self.run.templar, name)?;
        Ok(value
            .map(|value| slipway_language::to_text(&value))
            .filter(|text| !text.is_empty()))
    }
}

/// The words that are booleans.
const BOOLEANS: &[&str] = &[
    "y", "yes", "on", "1", "true", "t", "1.0", "n", "no", "off", "0", "false", "f", "0.0",
];

/// What Ansible takes a value for where it wants yes or no; none for nothing.
pub fn truth(value: &minijinja::Value) -> Option<bool> {
    if value.is_undefined() || value.is_none() || slipway_language::is_omit(value) {
        return None;
    }
    if let Some(text) = value.as_str() {
        let text = text.trim().to_ascii_lowercase();
        return (!text.is_empty()).then_some(matches!(
            text.as_str(),
            "yes" | "true" | "on" | "1" | "1.0" | "y" | "t"
        ));
    }
    Some(value.is_true())
}
