//! What the run knows of a host: facts, registered results, `set_fact`, `include_vars`.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use indexmap::IndexMap;
use minijinja::Value;
use slipway_language::{Layer, Variable};

/// Variables that change while a play runs.
#[derive(Debug, Default)]
pub struct SharedVars(RwLock<IndexMap<Arc<str>, Variable>>);

impl SharedVars {
    /// Sets a variable.
    pub fn set(&self, name: Arc<str>, variable: Variable) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name, variable);
    }

    /// Sets a variable that is data.
    pub fn set_data(&self, name: &str, value: Value) {
        self.set(Arc::from(name), Variable::Data(value));
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Layer for SharedVars {
    fn get(&self, name: &str) -> Option<Variable> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect()
    }
}

/// A host in a run.
#[derive(Debug)]
pub struct HostState {
    /// Inventory name.
    pub name: Arc<str>,
    /// `ansible_facts` and what is injected from it.
    pub facts: Arc<SharedVars>,
    /// `include_vars`
    pub included: Arc<SharedVars>,
    /// `set_fact` and registered results.
    pub set: Arc<SharedVars>,
    /// The groups of the host, by name.
    pub groups: Vec<Arc<str>>,
    gathered: Mutex<serde_json::Map<String, serde_json::Value>>,
    completed_roles: Mutex<HashSet<String>>,
}

impl HostState {
    /// A host of which nothing is known yet.
    pub fn new(name: Arc<str>, groups: Vec<Arc<str>>) -> Self {
        Self {
            name,
            facts: Arc::default(),
            included: Arc::default(),
            set: Arc::default(),
            groups,
            gathered: Mutex::default(),
            completed_roles: Mutex::default(),
        }
    }

    /// Adds facts that a module returned: under `ansible_facts`, and by their own names.
    pub fn add_facts(&self, facts: &serde_json::Map<String, serde_json::Value>) {
        let mut gathered = lock(&self.gathered);
        for (name, value) in facts {
            let short = name.strip_prefix("ansible_").unwrap_or(name);
            gathered.insert(short.to_owned(), value.clone());
            let data = slipway_language::from_json(value.clone());
            self.facts.set_data(name, data.clone());
            if short == name {
                self.facts.set_data(&format!("ansible_{name}"), data);
            }
        }
        let all = serde_json::Value::Object(gathered.clone());
        self.facts
            .set_data("ansible_facts", slipway_language::from_json(all));
    }

    /// Forgets the facts.
    pub fn clear_facts(&self) {
        lock(&self.gathered).clear();
        self.facts.clear();
    }

    /// Whether a role has run to its end on this host in this play.
    pub fn has_completed(&self, role: &str) -> bool {
        lock(&self.completed_roles).contains(role)
    }

    /// A role has run to its end.
    pub fn complete(&self, role: &str) {
        lock(&self.completed_roles).insert(role.to_owned());
    }

    /// A new play: roles may run again.
    pub fn begin_play(&self) {
        lock(&self.completed_roles).clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
