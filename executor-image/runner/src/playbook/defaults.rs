//! What plays are that say nothing of it: keywords whose defaults can be set outside of playbooks.

use slipway_language::{Node, NodeKind, Span};

use super::{keyword::Keyword, settings::Settings};
use crate::settings::{self, DuplicateKey};

/// What plays are that say nothing of it.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// Inherited keywords.
    pub keywords: Settings,
    /// Whether it is a mistake to notify a handler that is not there.
    pub error_on_missing_handler: bool,
    /// What a key leads to that stands twice in a mapping of YAML.
    pub duplicate_key: DuplicateKey,
    /// Whether what is odd about groups of modules is told.
    pub validate_action_group_metadata: bool,
    /// `strategy`
    pub strategy: String,
}

impl Defaults {
    /// Those of the settings.
    pub fn new(settings: &settings::Settings) -> Self {
        let node = |kind: NodeKind| Node::new(Span::start_of("the settings"), kind);
        let yes = |wanted: bool| wanted.then(|| Keyword::from(node(NodeKind::Bool(true))));
        let seconds = i64::try_from(settings.task_timeout).unwrap_or(i64::MAX);
        Self {
            keywords: Settings {
                no_log: yes(settings.no_log),
                any_errors_fatal: yes(settings.any_errors_fatal),
                timeout: (seconds > 0).then(|| Keyword::from(node(NodeKind::Int(seconds)))),
                ..Settings::default()
            },
            error_on_missing_handler: settings.error_on_missing_handler,
            duplicate_key: settings.duplicate_dict_key,
            validate_action_group_metadata: settings.validate_action_group_metadata,
            strategy: settings.strategy.clone(),
        }
    }
}
