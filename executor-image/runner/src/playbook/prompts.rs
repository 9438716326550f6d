//! `vars_prompt`: nobody is asked, so that each variable that `-e` does not give has its default.

use std::sync::Arc;

use slipway_language::{Node, NodeKind, Variable, encrypt_password};

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
    pub(super) fn prompts(&self, node: &Node) -> Vec<Node> {
        let mut prompts = node.get("vars_prompt").map(list).unwrap_or_default();
        let name = |prompt: &Node| prompt.get("name").and_then(Node::as_str).map(str::to_owned);
        prompts
            .retain(|prompt| !name(prompt).is_some_and(|name| self.extra_vars.contains_key(name.as_str())));
        prompts
    }

    /// The variables of `vars_prompt`.
    ///
    /// # Errors
    /// When an entry is not understood, or its value cannot be encrypted as it wants.
    pub(super) fn prompted(&mut self, node: &Node) -> Result<Vars, Problem> {
        let mut vars = Vars::new();
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
                    self.problem(
                        Problem::new(&key.span, format!("{name:?} is not a keyword of vars_prompt"))
                            .nearest(name, KEYWORDS),
                    );
                }
            }
            if self.extra_vars.contains_key(name) {
                continue;
            }
            self.warnings.push(format!(
                "{}: Not prompting as we are not in interactive mode",
                prompt.span
            ));
            let default = prompt.get("default").map(text).transpose()?.flatten();
            let answer = match prompt.get("encrypt").map(text).transpose()?.flatten() {
                None => default.unwrap_or_else(|| "None".to_owned()),
                Some(kind) => encrypted(&prompt, &kind, default)?,
            };
            let value = Node::new(prompt.span.clone(), NodeKind::Unsafe(Arc::from(answer)));
            vars.insert(Arc::from(name), Variable::Template(value));
        }
        Ok(vars)
    }
}

/// The hash of an answer.
fn encrypted(prompt: &Node, kind: &str, answer: Option<String>) -> Result<String, Problem> {
    let place = |keyword: &str| prompt.get(keyword).map_or(&prompt.span, |node| &node.span);
    let answer = answer.ok_or_else(|| {
        Problem::new(
            place("encrypt"),
            "there is nobody to ask, and no default to encrypt",
        )
        .hint("give the encrypted value with -e, or a default")
    })?;
    let salt = prompt.get("salt").map(text).transpose()?.flatten();
    let size = match prompt.get("salt_size").map(text).transpose()?.flatten() {
        None => None,
        Some(size) => Some(size.parse().map_err(|_| {
            Problem::new(
                place("salt_size"),
                format!("salt_size must be a number of letters, it is {size:?}"),
            )
        })?),
    };
    encrypt_password(&answer, kind, salt.as_deref(), size)
        .map_err(|error| Problem::new(place("encrypt"), error))
}

/// The text of a keyword; none if it is null.
fn text(node: &Node) -> Result<Option<String>, Problem> {
    Ok(Some(match &node.kind {
        NodeKind::Null => return Ok(None),
        NodeKind::Str(text) | NodeKind::Unsafe(text) => text.to_string(),
        NodeKind::Int(number) => number.to_string(),
        NodeKind::Float(number) => number.to_string(),
        NodeKind::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
        _ => {
            return Err(Problem::new(
                &node.span,
                format!("what a prompt says must be text, this is {}", node.type_name()),
            ));
        }
    }))
}
