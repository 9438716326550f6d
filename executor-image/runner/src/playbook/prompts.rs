//! `vars_prompt`: the questions of a play, which are asked when it begins.

use std::sync::Arc;

use slipway_language::{Node, NodeKind, Variable};

use super::{error::Problem, loader::Loader, settings::list};
use crate::inventory::Vars;

/// The keywords of an entry.
const KEYWORDS: [&str; 9] = [
    "name",
    "prompt",
    "default",
    "private",
    "confirm",
    "encrypt",
    "salt",
    "salt_size",
    "unsafe",
];

impl Loader {
    /// The entries of `vars_prompt` that the command line does not answer.
    ///
    /// # Errors
    /// When one has no name.
    pub(super) fn prompts(&mut self, node: &Node) -> Result<Vec<Node>, Problem> {
        let mut prompts = Vec::new();
        for prompt in node.get("vars_prompt").map(list).unwrap_or_default() {
            let Some(name) = prompt.get("name").and_then(Node::as_str) else {
                return Err(Problem::new(
                    &prompt.span,
                    "Invalid vars_prompt data structure, missing 'name' key",
                ));
            };
            for (key, _) in prompt.entries() {
                let name = key.as_str().unwrap_or_default();
                if !KEYWORDS.contains(&name) {
                    let said = format!("Invalid vars_prompt data structure, found unsupported key '{name}'");
                    self.problem(Problem::new(&key.span, said).nearest(name, KEYWORDS));
                }
            }
            if !self.extra_vars.contains_key(name) {
                prompts.push(prompt);
            }
        }
        Ok(prompts)
    }
}

/// What variables are before their questions are answered: what is imported may need them.
pub(super) fn unanswered(prompts: &[Node]) -> Vars {
    let named = prompts.iter().filter_map(|prompt| {
        let name = prompt.get("name").and_then(Node::as_str)?;
        let default = prompt.get("default").cloned();
        let value = default.unwrap_or_else(|| Node::new(prompt.span.clone(), NodeKind::Null));
        Some((Arc::from(name), Variable::Template(value)))
    });
    named.collect()
}
