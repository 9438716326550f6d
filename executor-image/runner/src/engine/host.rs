//! What the run knows of a host: facts, registered results, `set_fact`, `include_vars`.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use indexmap::IndexMap;
use minijinja::Value;
use serde_json::{Map, Value as Json};
use slipway_language::{Layer, Variable};

use super::{fact_cache::FactCache, restricted_facts::is_restricted};
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

    /// Sets a variable that is data, and that others than the playbook have decided unless it is `trusted`.
    pub fn set_answer(&self, name: &str, value: Value, trusted: bool) {
        self.set(Arc::from(name), Variable::data(value, trusted));
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

/// How facts are kept, for all hosts of a run.
#[derive(Debug)]
pub struct FactKeeping {
    /// What outlives the run.
    pub cache: FactCache,
    /// Whether facts are variables by their own names too.
    pub inject: bool,
}

/// What is known of a host's facts. Each is held once, however many names it has: of hundreds of hosts they are most of the memory.
#[derive(Debug, Default)]
struct Gathered {
    /// By their names under `ansible_facts`.
    facts: IndexMap<Arc<str>, Value>,
    /// By the names that modules gave them, as the cache keeps them.
    given: IndexMap<Arc<str>, Value>,
    /// Whether `gather_facts` has run.
    complete: bool,
}

/// What an administrator has put on the host, which alone keeps its prefix under `ansible_facts`.
const LOCAL: &str = "ansible_local";

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
    gathered: Mutex<Gathered>,
    keeping: Arc<FactKeeping>,
    /// Roles of which a task has run in this play.
    begun_roles: Mutex<HashSet<String>>,
    completed_roles: Mutex<HashSet<String>>,
}

impl HostState {
    /// A host of which nothing is known but what the cache has kept.
    pub fn new(name: Arc<str>, keeping: &Arc<FactKeeping>) -> Self {
        let facts = SharedVars::default();
        facts.set_data("ansible_facts", no_facts());
        let host = Self {
            name,
            facts: Arc::new(facts),
            included: Arc::default(),
            set: Arc::default(),
            place: RwLock::default(),
            gathered: Mutex::default(),
            keeping: Arc::clone(keeping),
            begun_roles: Mutex::default(),
            completed_roles: Mutex::default(),
        };
        if let Some(kept) = keeping.cache.load(&host.name) {
            host.learn(&mut lock(&host.gathered), &kept.facts);
            lock(&host.gathered).complete = kept.gathered;
        }
        host
    }

    /// Nobody: for what may use no host's variables.
    pub fn nobody() -> Arc<Self> {
        let keeping = FactKeeping {
            cache: FactCache::default(),
            inject: true,
        };
        Arc::new(Self::new(Arc::from(""), &Arc::new(keeping)))
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

    /// Adds facts that a module returned: under `ansible_facts`, and by their own names unless the settings forbid it.
    ///
    /// # Errors
    /// When the cache cannot keep them.
    pub fn add_facts(&self, facts: &Map<String, Json>) -> std::io::Result<()> {
        let mut gathered = lock(&self.gathered);
        self.learn(&mut gathered, facts);
        let given = || {
            let facts = gathered.given.iter();
            facts
                .map(|(name, value)| (name.to_string(), slipway_language::to_json(value)))
                .collect()
        };
        self.keeping.cache.save(&self.name, given, gathered.complete)
    }

    fn learn(&self, gathered: &mut Gathered, facts: &Map<String, Json>) {
        for (name, value) in facts {
            let short = match name.as_str() {
                LOCAL => name,
                name => name.strip_prefix("ansible_").unwrap_or(name),
            };
            let data = slipway_language::from_json(value.clone());
            gathered.facts.insert(Arc::from(short), data.clone());
            gathered.given.insert(Arc::from(name.as_str()), data.clone());
            // What an administrator has put on the host is always a variable.
            if !self.keeping.inject && name != LOCAL {
                continue;
            }
            let prefixed = (short == name).then(|| format!("ansible_{name}"));
            for name in std::iter::once(name.as_str()).chain(prefixed.as_deref()) {
                if !is_restricted(name) {
                    self.facts.set_answer(name, data.clone(), false);
                }
            }
        }
        let all = gathered.facts.iter();
        let all = Value::from_pairs(all.map(|(name, value)| (Arc::clone(name), value.clone())));
        self.facts.set_answer("ansible_facts", all, false);
    }

    /// Whether `gather_facts` has run, in this run or in one whose facts were kept.
    pub fn has_gathered(&self) -> bool {
        lock(&self.gathered).complete
    }

    /// `gather_facts` has run.
    pub fn set_gathered(&self) {
        lock(&self.gathered).complete = true;
    }

    /// Forgets the facts, the kept ones too.
    pub fn clear_facts(&self) {
        *lock(&self.gathered) = Gathered::default();
        self.facts.clear();
        self.facts.set_data("ansible_facts", no_facts());
        self.keeping.cache.forget(&self.name);
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
