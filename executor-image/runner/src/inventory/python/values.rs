//! Values as the processes write them: JSON, in which a mapping with one key says what JSON cannot.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use slipway_language::{Encrypted, Node, NodeKind, Span, Variable, VaultSecrets};

use super::super::Vars;

/// The variables of a mapping, as if it had been written in a source.
pub(super) fn variables(vars: Json, span: &Span) -> Vec<(Arc<str>, Variable)> {
    let node = node(vars, span);
    let entries = node.entries().iter();
    entries
        .filter_map(|(key, value)| Some((Arc::from(key.as_str()?), Variable::Template(value.clone()))))
        .collect()
}

/// What the process has written, as if it had been written as YAML.
pub(super) fn node(value: Json, span: &Span) -> Node {
    let kind = match value {
        Json::Array(items) => NodeKind::List(items.into_iter().map(|item| node(item, span)).collect()),
        Json::Object(entries) => match entries.into_iter().next() {
            Some((kind, Json::String(text))) if kind == "v" => NodeKind::Vault(Encrypted::new(text)),
            Some((_, Json::String(text))) => NodeKind::Unsafe(Arc::from(text)),
            Some((_, Json::Array(pairs))) => NodeKind::Map(
                pairs
                    .into_iter()
                    .filter_map(|pair| match pair {
                        Json::Array(pair) => <[Json; 2]>::try_from(pair).ok(),
                        _ => None,
                    })
                    .map(|[key, value]| (node(key, span), node(value, span)))
                    .collect(),
            ),
            _ => NodeKind::Null,
        },
        plain => return Node::from_json(span, &plain),
    };
    Node::new(span.clone(), kind)
}

pub(super) fn encode_vars(vars: &Vars, secrets: &VaultSecrets) -> Json {
    let pairs: Vec<Json> = vars
        .iter()
        .filter_map(|(name, variable)| match variable {
            Variable::Template(node) => Some(json!([name.as_ref(), encode(node, secrets)])),
            // Sources of inventories have templates alone.
            _ => None,
        })
        .collect();
    json!({"m": pairs})
}

/// A value for the process. What is encrypted and cannot be decrypted is left empty.
pub(super) fn encode(node: &Node, secrets: &VaultSecrets) -> Json {
    match &node.kind {
        NodeKind::Null => Json::Null,
        NodeKind::Bool(value) => (*value).into(),
        NodeKind::Int(number) => (*number).into(),
        NodeKind::Float(number) => (*number).into(),
        NodeKind::Str(text) => text.as_ref().into(),
        NodeKind::Unsafe(text) => json!({"x": text.as_ref()}),
        NodeKind::Vault(text) => match text.decrypt(secrets) {
            Ok(plain) => json!({"x": plain.as_ref()}),
            Err(_) => Json::Null,
        },
        NodeKind::Bytes(bytes) => json!({"x": String::from_utf8_lossy(bytes)}),
        NodeKind::List(items) => items.iter().map(|item| encode(item, secrets)).collect(),
        NodeKind::Map(entries) => {
            let pairs: Vec<Json> = entries
                .iter()
                .map(|(key, value)| json!([encode(key, secrets), encode(value, secrets)]))
                .collect();
            json!({"m": pairs})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plugin_says_is_templates_but_for_what_it_calls_unsafe() {
        let said = json!({"m": [["a", "{{ b }}"], ["b", {"x": "{{ c }}"}], [1, [null, {"m": []}]]]});
        let read = node(said.clone(), &Span::start_of("source"));
        assert_eq!(read.get("a").unwrap().kind, NodeKind::Str(Arc::from("{{ b }}")));
        assert_eq!(
            read.get("b").unwrap().kind,
            NodeKind::Unsafe(Arc::from("{{ c }}"))
        );
        assert_eq!(encode(&read, &VaultSecrets::new()), said);
    }
}
