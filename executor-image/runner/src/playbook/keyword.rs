//! The value of a keyword that tasks inherit, and what it stands in front of.

use std::{ops::Deref, sync::Arc};

use slipway_language::{Node, Span};

/// A value as it is written. Where it turns out to be `omit`, the value of the block, role or play around counts.
#[derive(Debug, Clone)]
pub struct Keyword {
    node: Node,
    outer: Option<Arc<Self>>,
}

impl Keyword {
    /// A value in front of another one.
    #[must_use]
    pub fn before(node: Node, outer: Option<Self>) -> Self {
        // Only a template can turn out to be `omit`.
        let outer = outer.filter(|_| node.has_templates()).map(Arc::new);
        Self { node, outer }
    }

    /// A text.
    pub fn text(span: Span, text: &str) -> Self {
        Self::from(Node::text(span, text))
    }
}

impl From<Node> for Keyword {
    fn from(node: Node) -> Self {
        Self { node, outer: None }
    }
}

impl Deref for Keyword {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}

/// The values that may count, nearest first: the first that is not `omit` does.
#[derive(Debug, Clone)]
pub struct Candidates<'a> {
    node: Option<&'a Node>,
    outer: Option<&'a Keyword>,
}

impl<'a> From<Option<&'a Node>> for Candidates<'a> {
    fn from(node: Option<&'a Node>) -> Self {
        Self { node, outer: None }
    }
}

impl<'a> From<Option<&'a Keyword>> for Candidates<'a> {
    fn from(keyword: Option<&'a Keyword>) -> Self {
        Self {
            node: keyword.map(|keyword| &keyword.node),
            outer: keyword.and_then(|keyword| keyword.outer.as_deref()),
        }
    }
}

impl<'a> Iterator for Candidates<'a> {
    type Item = &'a Node;

    fn next(&mut self) -> Option<&'a Node> {
        let node = self.node;
        *self = Self::from(self.outer);
        node
    }
}
