//! `delegate_to`: another host does the work of a task, in the name of the task's own host.

use std::sync::Arc;

use minijinja::Value;
use slipway_language::{Layer, Scope, TemplateError, Variable, is_omit, to_text};

use super::{
    HostState, ItemContext, connection::Target, hostvars::VariablesOf, play::PlayRun,
    restricted_facts::is_restricted,
};
use crate::{
    inventory::Vars,
    playbook::Task,
    transport::{AgentClient, Connection, TransportError},
};

/// The host that does the work.
#[derive(Debug, Clone)]
pub(crate) struct Delegate {
    pub host: Arc<HostState>,
    /// The variables that say how it is reached.
    pub scope: Scope,
}

impl PlayRun {
    /// The host that a task delegates to, if it does.
    ///
    /// # Errors
    /// When its name cannot be known.
    pub(super) fn delegate(
        self: &Arc<Self>,
        task: &Arc<Task>,
        own: &HostState,
        scope: &Scope,
        item: Option<&Arc<Vars>>,
    ) -> Result<Option<Delegate>, TemplateError> {
        let Some(node) = &task.settings.delegate_to else {
            return Ok(None);
        };
        let name = self.run.templar.render(node, scope);
        let name = name.map_err(|error| error.at(&node.span))?;
        if is_omit(&name) {
            return Ok(None);
        }
        let name = to_text(&name);
        if name.is_empty() {
            let written = node.as_str().unwrap_or_default();
            let said = format!("Empty hostname produced from delegate_to: \"{written}\"");
            return Err(TemplateError::new(said).at(&node.span));
        }
        let host = self.run.roster.delegate(&name);
        let mut scope = self.scope(&host, Some(task));
        if let Some(item) = item {
            scope = scope.with(Arc::clone(item) as Arc<dyn Layer>);
        }
        // The task is still its own host's.
        let names = Vars::from_iter([(Arc::from("inventory_hostname"), self.name_of(own))]);
        let scope = scope.with(Arc::new(names) as Arc<dyn Layer>);
        Ok(Some(Delegate { host, scope }))
    }

    fn name_of(&self, host: &HostState) -> Variable {
        Variable::data(Value::from(host.name.as_ref()), self.run.roster.trusts_names())
    }

    /// The scope of a delegated task: its own, with `ansible_delegated_vars`.
    pub(super) fn with_delegated_vars(&self, delegate: &Delegate, scope: &Scope) -> Scope {
        let mut names = Vars::new();
        if delegate.scope.variable("ansible_host").is_none() {
            names.insert(Arc::from("ansible_host"), self.name_of(&delegate.host));
        }
        let variables = Value::from_object(VariablesOf {
            templar: self.run.templar.clone(),
            scope: delegate.scope.with(Arc::new(names) as Arc<dyn Layer>),
        });
        let by_host = Value::from_pairs([(delegate.host.name.to_string(), variables)]);
        let layer = Vars::from_iter([(Arc::from("ansible_delegated_vars"), Variable::Answer(by_host))]);
        scope.with(Arc::new(layer) as Arc<dyn Layer>)
    }
}

impl ItemContext<'_> {
    /// The host that does the work.
    pub fn worker(&self) -> &Arc<HostState> {
        match &self.delegate {
            Some(delegate) => &delegate.host,
            None => self.host,
        }
    }

    /// How the host that does the work is reached.
    ///
    /// # Errors
    /// When that cannot be known: the task fails.
    pub fn target(&self) -> Result<Target, TransportError> {
        self.play.target(self.task, &self.worker().name, self.reaching())
    }

    /// The variables that say how the host that does the work is reached.
    pub fn reaching(&self) -> &Scope {
        self.delegate
            .as_ref()
            .map_or(&self.set, |delegate| &delegate.scope)
    }

    /// The agent that does the work.
    pub async fn agent(&self, target: &Target) -> Result<Arc<AgentClient>, TransportError> {
        self.play.agent(&self.worker().name, target).await
    }

    /// The bare connection to the host that does the work.
    pub async fn connection(&self, target: &Target) -> Result<Arc<dyn Connection>, TransportError> {
        self.play.connection(&self.worker().name, target).await
    }

    /// The hosts that learn facts: those that share the result, or the one that did the work with `delegate_facts`.
    pub fn fact_receivers(&self) -> Vec<Arc<HostState>> {
        let delegates = matches!(
            self.play
                .boolean(self.task.settings.delegate_facts.as_ref(), &self.scope),
            Ok(Some(true))
        );
        match &self.delegate {
            Some(delegate) if delegates => vec![Arc::clone(&delegate.host)],
            _ => self.receivers.to_vec(),
        }
    }

    /// A host learns facts. A cache that cannot keep them is only warned of: this run knows them.
    pub fn learn(&self, host: &HostState, facts: &serde_json::Map<String, serde_json::Value>) {
        for name in facts.keys().filter(|name| is_restricted(name)) {
            self.play
                .run
                .printer
                .warning(&format!("Removed restricted key from module data: {name}"));
        }
        if let Err(error) = host.add_facts(facts) {
            self.play
                .run
                .printer
                .warning(&format!("the facts of {} cannot be kept: {error}", host.name));
        }
    }

    /// The host as printed: with the one that does the work, and its address if that has another name.
    pub fn label(&self) -> Option<String> {
        let Some(delegate) = &self.delegate else {
            // What cannot be known is told as it is written.
            let written = self.task.settings.delegate_to.as_ref()?.as_str()?;
            return self
                .undecided
                .as_ref()
                .map(|_| format!("{} -> {written}", self.host.name));
        };
        let name = &delegate.host.name;
        if *name == self.host.name {
            return None;
        }
        let address = delegate.scope.get(&self.play.run.templar, "ansible_host");
        let address = address.ok().flatten().map(|address| to_text(&address));
        let address = address
            .filter(|address| !address.is_empty() && *address != **name)
            .map(|address| format!("({address})"));
        Some(format!(
            "{} -> {name}{}",
            self.host.name,
            address.unwrap_or_default()
        ))
    }
}
