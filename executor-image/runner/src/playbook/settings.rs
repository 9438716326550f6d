//! Keywords that a task inherits from its blocks and its play.

use std::sync::Arc;

use slipway_language::{Node, NodeKind};

use crate::inventory::Vars;

use super::{error::Problem, keyword::Keyword, module_defaults::ModuleDefaults};

/// The inherited keywords of a task, already merged: the nearest one wins, lists grow from the outside in.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `become`
    pub r#become: Option<Keyword>,
    /// `become_user`
    pub become_user: Option<Keyword>,
    /// `become_method`
    pub become_method: Option<Keyword>,
    /// `become_exe`
    pub become_exe: Option<Keyword>,
    /// `become_flags`
    pub become_flags: Option<Keyword>,
    /// `delegate_to`
    pub delegate_to: Option<Keyword>,
    /// `delegate_facts`
    pub delegate_facts: Option<Keyword>,
    /// `module_defaults`, outermost first.
    pub module_defaults: Vec<ModuleDefaults>,
    /// `collections`: where roles and modules are looked for that are named without their collection.
    pub collections: Vec<Arc<str>>,
    /// The collection that the playbook belongs to: what names no collection of its own searches it first.
    pub playbook_collection: Option<Arc<str>>,
    /// `connection`
    pub connection: Option<Keyword>,
    /// `remote_user`
    pub remote_user: Option<Keyword>,
    /// `port`
    pub port: Option<Keyword>,
    /// `environment`, outermost first.
    pub environment: Vec<Node>,
    /// `no_log`
    pub no_log: Option<Keyword>,
    /// `ignore_errors`
    pub ignore_errors: Option<Keyword>,
    /// `ignore_unreachable`
    pub ignore_unreachable: Option<Keyword>,
    /// `check_mode`
    pub check_mode: Option<Keyword>,
    /// `diff`
    pub diff: Option<Keyword>,
    /// `run_once`
    pub run_once: Option<Keyword>,
    /// `any_errors_fatal`
    pub any_errors_fatal: Option<Keyword>,
    /// `throttle`
    pub throttle: Option<Keyword>,
    /// `timeout`
    pub timeout: Option<Keyword>,
    /// `when`, outermost first; all must hold.
    pub when: Vec<Node>,
    /// `tags`
    pub tags: Vec<Arc<str>>,
    /// Those among `tags` that are templates: rendered when the play begins, or the include is expanded.
    pub tag_templates: Vec<Node>,
    /// `notify`
    pub notify: Vec<Node>,
    /// `vars` of the blocks around, outermost first.
    pub vars: Vec<Arc<Vars>>,
}

impl Settings {
    /// These settings with the keywords of a block, task or role laid over them. `vars` are the caller's business: they have
    /// different precedence by place; so are `module_defaults`, for which modules are looked up.
    ///
    /// # Errors
    /// When `tags` is not text.
    pub fn with(&self, node: &Node) -> Result<Self, Problem> {
        let mut settings = self.clone();
        for (key, value) in node.entries() {
            let slot = match key.as_str().unwrap_or_default() {
                "become" => &mut settings.r#become,
                "become_user" => &mut settings.become_user,
                "become_method" => &mut settings.become_method,
                "become_exe" => &mut settings.become_exe,
                "become_flags" => &mut settings.become_flags,
                "delegate_to" => &mut settings.delegate_to,
                "delegate_facts" => &mut settings.delegate_facts,
                "connection" => &mut settings.connection,
                // Of plays, an older name.
                "remote_user" | "user" => &mut settings.remote_user,
                "port" => &mut settings.port,
                "no_log" => &mut settings.no_log,
                "ignore_errors" => &mut settings.ignore_errors,
                "ignore_unreachable" => &mut settings.ignore_unreachable,
                "check_mode" => &mut settings.check_mode,
                "diff" => &mut settings.diff,
                "run_once" => &mut settings.run_once,
                "any_errors_fatal" => &mut settings.any_errors_fatal,
                "throttle" => &mut settings.throttle,
                "timeout" => &mut settings.timeout,
                "environment" => {
                    settings.environment.extend(list(value));
                    continue;
                }
                "collections" => {
                    settings.collections = settings.searched(value);
                    continue;
                }
                "when" => {
                    settings.when.extend(list(value));
                    continue;
                }
                "notify" => {
                    settings.notify = list(value);
                    continue;
                }
                "tags" => {
                    let (templates, fixed): (Vec<Node>, Vec<Node>) =
                        list(value).into_iter().partition(Node::has_templates);
                    settings.tag_templates.extend(templates);
                    for tag in fixed {
                        settings.add_tags(names(&tag)?);
                    }
                    continue;
                }
                _ => continue,
            };
            *slot = Some(Keyword::before(value.clone(), slot.take()));
        }
        Ok(settings)
    }

    /// The names of a `collections`, with that of the playbook.
    pub fn searched(&self, node: &Node) -> Vec<Arc<str>> {
        let mut searched = collections(node);
        if let Some(own) = &self.playbook_collection
            && !searched.contains(own)
        {
            searched.insert(0, Arc::clone(own));
        }
        searched
    }

    /// More tags; those that are there already stay once.
    pub fn add_tags(&mut self, tags: Vec<Arc<str>>) {
        for tag in tags {
            if !self.tags.contains(&tag) {
                self.tags.push(tag);
            }
        }
    }

    /// These settings inside a block with variables.
    #[must_use]
    pub fn with_vars(mut self, vars: Vars) -> Self {
        if !vars.is_empty() {
            self.vars.push(Arc::new(vars));
        }
        self
    }
}

/// The names of a `collections`.
pub fn collections(node: &Node) -> Vec<Arc<str>> {
    let names = list(node);
    names
        .iter()
        .filter_map(|name| name.as_str().map(Arc::from))
        .collect()
}

/// Whether a value that is no template says yes.
pub fn is_true(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Bool(true))
        || node
            .as_str()
            .is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "yes" | "true" | "on" | "1"))
}

/// A list, or a single value as a list of one; null is none.
pub fn list(node: &Node) -> Vec<Node> {
    match &node.kind {
        NodeKind::List(items) => items.to_vec(),
        NodeKind::Null => Vec::new(),
        _ => vec![node.clone()],
    }
}

/// The names in a value such as that of `tags`: a list, or text with commas.
pub fn names(node: &Node) -> Result<Vec<Arc<str>>, Problem> {
    let mut found = Vec::new();
    for item in list(node) {
        match &item.kind {
            NodeKind::Str(text) if item.has_templates() => {
                return Err(Problem::new(
                    &item.span,
                    format!("a template ({text}) is not supported here"),
                ));
            }
            NodeKind::Str(text) => found.extend(split(text)),
            NodeKind::Int(number) => found.push(Arc::from(number.to_string())),
            _ => {
                return Err(Problem::new(
                    &item.span,
                    format!("a tag must be a string, it is {}", item.type_name()),
                ));
            }
        }
    }
    Ok(found)
}

/// The names in a text with commas.
pub fn split(text: &str) -> impl Iterator<Item = Arc<str>> + '_ {
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(Arc::from)
}
