//! What the run knows of a host: facts, registered results, `set_fact`, `include_vars`.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use indexmap::IndexMap;
use minijinja::Value;
use slipway_language::{Layer, Variable};

use crate::inventory::Layers;

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

/// A host's place in the inventory.
#[derive(Debug, Default)]
struct Place {
    groups: Arc<[Arc<str>]>,
    layers: Arc<[Arc<dyn Layer>]>,
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
    /// What the inventory says of it.
    place: RwLock<Place>,
    gathered: Mutex<serde_json::Map<String, serde_json::Value>>,
    /// Roles of which a task has run in this play.
    begun_roles: Mutex<HashSet<String>>,
    completed_roles: Mutex<HashSet<String>>,
}

impl HostState {
    /// A host of which nothing is known yet.
    pub fn new(name: Arc<str>) -> Self {
        let facts = SharedVars::default();
        facts.set_data("ansible_facts", no_facts());
        Self {
            name,
            facts: Arc::new(facts),
            included: Arc::default(),
            set: Arc::default(),
            place: RwLock::default(),
            gathered: Mutex::default(),
            begun_roles: Mutex::default(),
            completed_roles: Mutex::default(),
        }
    }

    /// Nobody: for what may use no host's variables.
    pub fn nobody() -> Arc<Self> {
        Arc::new(Self::new(Arc::from("")))
    }

    /// Sets what the inventory says of the host: its groups, by name, and its variables.
    pub fn place(&self, groups: Vec<Arc<str>>, layers: Layers) {
        let mut place = self.place.write().unwrap_or_else(PoisonError::into_inner);
        *place = Place {
            groups: groups.into(),
            layers: layers.into(),
        };
    }

    /// The groups of the host, by name.
    pub fn groups(&self) -> Arc<[Arc<str>]> {
        Arc::clone(&self.place.read().unwrap_or_else(PoisonError::into_inner).groups)
    }

    /// Its variables from the inventory, lowest precedence first.
    pub fn layers(&self) -> Arc<[Arc<dyn Layer>]> {
        Arc::clone(&self.place.read().unwrap_or_else(PoisonError::into_inner).layers)
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
        self.facts.set_data("ansible_facts", no_facts());
    }

    /// Whether a role has run to its end on this host in this play.
    pub fn has_completed(&self, role: &str) -> bool {
        lock(&self.completed_roles).contains(role)
    }

    /// A task of a role has run.
    pub fn begin(&self, role: &str) {
        let mut begun = lock(&self.begun_roles);
        if !begun.contains(role) {
            begun.insert(role.to_owned());
        }
    }

    /// A role has come to its end: it counts as run unless everything in it was skipped.
    pub fn complete(&self, role: &str) {
        if lock(&self.begun_roles).contains(role) {
            lock(&self.completed_roles).insert(role.to_owned());
        }
    }

    /// A new play: roles may run again.
    pub fn begin_play(&self) {
        lock(&self.begun_roles).clear();
        lock(&self.completed_roles).clear();
    }
}

/// What is there before any fact is known.
fn no_facts() -> Value {
    slipway_language::from_json(serde_json::json!({}))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
