//! What two definitions of a variable give where mappings are merged (`hash_behaviour = merge`).

use serde_json::{Map, Value};
use slipway_language::{Node, NodeKind, Variable, from_json, to_json};

/// What becomes of a variable that is defined again at a higher precedence.
pub fn merged(low: Variable, high: Variable) -> Variable {
    match (low, high) {
        (Variable::Template(low), Variable::Template(high)) => Variable::Template(merged_nodes(&low, &high)),
        (Variable::Data(low), Variable::Data(high)) => Variable::Data(merged_data(&low, high)),
        (Variable::Data(low) | Variable::Answer(low), Variable::Data(high) | Variable::Answer(high)) => {
            Variable::Answer(merged_data(&low, high))
        }
        (_, high) => high,
    }
}

fn merged_data(low: &minijinja::Value, high: minijinja::Value) -> minijinja::Value {
    match (to_json(low), to_json(&high)) {
        (Value::Object(low), Value::Object(high)) => from_json(Value::Object(merged_maps(low, high))),
        _ => high,
    }
}

fn merged_nodes(low: &Node, high: &Node) -> Node {
    let (NodeKind::Map(below), NodeKind::Map(above)) = (&low.kind, &high.kind) else {
        return high.clone();
    };
    let mut entries: Vec<(Node, Node)> = below.to_vec();
    for (key, value) in above.iter() {
        let same = |known: &Node| match (&known.kind, &key.kind) {
            (NodeKind::Int(known), NodeKind::Int(key)) => known == key,
            _ => known.as_str().is_some() && known.as_str() == key.as_str(),
        };
        match entries.iter_mut().find(|(known, _)| same(known)) {
            Some((_, known)) => *known = merged_nodes(known, value),
            None => entries.push((key.clone(), value.clone())),
        }
    }
    Node::new(high.span.clone(), NodeKind::Map(entries.into()))
}

/// One mapping with another laid over it, at every depth. What is in both stays at its place, as in Python.
pub fn merged_maps(mut low: Map<String, Value>, high: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in high {
        match (low.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => {
                *below = merged_maps(std::mem::take(below), above);
            }
            (Some(known), value) => *known = value,
            (None, value) => drop(low.insert(key, value)),
        }
    }
    low
}
