//! Layers whose mappings are merged instead of replaced (`hash_behaviour = merge`).

use std::sync::Arc;

use slipway_language::{Layer, Variable};

use crate::inventory::merged;

/// Layers, lowest precedence first, as one.
#[derive(Debug)]
pub struct Merged(pub Vec<Arc<dyn Layer>>);

impl Layer for Merged {
    fn get(&self, name: &str) -> Option<Variable> {
        let mut found = self.0.iter().filter_map(|layer| layer.get(name));
        let first = found.next()?;
        Some(found.fold(first, merged))
    }

    fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = self.0.iter().flat_map(|layer| layer.names()).collect();
        names.sort();
        names.dedup();
        names
    }
}
