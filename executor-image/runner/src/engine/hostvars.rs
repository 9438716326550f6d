//! `hostvars`, `groups` and `vars` as templates see them: looked up when they are used, never copied.

use std::sync::{Arc, Weak};

use minijinja::{
    Value,
    value::{Enumerator, Object, ObjectRepr},
};
use slipway_language::{Layer, Scope, Templar, View};

use super::{HostState, play::PlayRun};

/// What `hostvars` leads to.
#[derive(Debug)]
pub struct AllHosts {
    pub(super) play: Weak<PlayRun>,
}

impl View for AllHosts {
    fn value(&self, templar: &Templar) -> Value {
        Value::from_object(HostVars {
            play: Weak::clone(&self.play),
            templar: templar.clone(),
        })
    }
}

/// `hostvars` of one rendering.
#[derive(Debug)]
struct HostVars {
    play: Weak<PlayRun>,
    templar: Templar,
}

impl Object for HostVars {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let play = self.play.upgrade()?;
        let host = play.run.roster.host(key.as_str()?)?;
        Some(Value::from_object(VariablesOf {
            templar: self.templar.clone(),
            scope: host_scope(&play, &host),
        }))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names = self.play.upgrade().map(|play| {
            if !play.run.roster.trusts_names() {
                self.templar.note_untrusted();
            }
            let mut names = play.run.roster.names();
            // Ansible always knows of this machine.
            if !names.iter().any(|name| name.as_ref() == "localhost") {
                names.push(Arc::from("localhost"));
            }
            names.iter().map(|name| Value::from(name.as_ref())).collect()
        });
        Enumerator::Values(names.unwrap_or_default())
    }
}

/// The variables that other hosts see of a host: inventory, facts, `include_vars`, `set_fact` and results.
fn host_scope(play: &Arc<PlayRun>, host: &Arc<HostState>) -> Scope {
    let mut layers: Vec<Arc<dyn Layer>> = host.layers().to_vec();
    layers.push(Arc::clone(&host.facts) as Arc<dyn Layer>);
    layers.push(Arc::clone(&host.included) as Arc<dyn Layer>);
    layers.push(Arc::clone(&host.set) as Arc<dyn Layer>);
    let mut layers = play.laid_over(layers);
    layers.push(Arc::new(super::magic::OfHost {
        play: Arc::downgrade(play),
        host: Arc::clone(host),
    }));
    Scope::new(layers, Arc::clone(&play.files))
}

/// Every variable of a scope: `hostvars[host]`, or `vars`.
#[derive(Debug)]
pub struct VariablesOf {
    pub(super) templar: Templar,
    pub(super) scope: Scope,
}

impl Object for VariablesOf {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        // Who looks at all variables of a host is not to fail because one is about hosts of another sort.
        self.scope.get_from_afar(&self.templar, key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(
            self.scope
                .names()
                .iter()
                .map(|name| Value::from(name.as_ref()))
                .collect(),
        )
    }
}
