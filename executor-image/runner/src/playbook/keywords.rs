//! The table of keywords: where each may stand, what it holds, and whether it is supported.

use slipway_language::{Node, NodeKind};

use super::error::Problem;

/// Where a keyword stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A play.
    Play,
    /// A block.
    Block,
    /// A task.
    Task,
    /// A handler.
    Handler,
    /// `include_tasks` or `include_role`.
    Include,
    /// An entry of `roles:` or of `dependencies:`.
    Role,
}

impl Place {
    const fn bit(self) -> u8 {
        match self {
            Self::Play => PLAY,
            Self::Block => BLOCK,
            Self::Task => TASK,
            Self::Handler => HANDLER,
            Self::Include => INCLUDE,
            Self::Role => ROLE,
        }
    }

    /// The class of Ansible's that has the keywords of this place.
    const fn class(self) -> &'static str {
        match self {
            Self::Play => "Play",
            Self::Block => "Block",
            Self::Task => "Task",
            Self::Handler => "Handler",
            Self::Include => "TaskInclude",
            Self::Role => "RoleInclude",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Play => "play",
            Self::Block => "block",
            Self::Task => "task",
            Self::Handler => "handler",
            Self::Include => "task that includes",
            Self::Role => "role",
        }
    }
}

const PLAY: u8 = 1;
const BLOCK: u8 = 2;
const TASK: u8 = 4;
const HANDLER: u8 = 8;
const ROLE: u8 = 16;
const INCLUDE: u8 = 32;
const TASKS: u8 = TASK | HANDLER;
const BELOW_PLAY: u8 = BLOCK | TASKS | ROLE;
const EVERYWHERE: u8 = PLAY | BELOW_PLAY;

/// The keywords that an include takes; all others belong to what is included, by `apply`.
static OF_INCLUDES: &[&str] = &[
    "action",
    "args",
    "collections",
    "debugger",
    "ignore_errors",
    "listen",
    "local_action",
    "loop",
    "loop_control",
    "name",
    "no_log",
    "register",
    "run_once",
    "tags",
    "timeout",
    "vars",
    "when",
];

/// What a keyword holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Anything,
    Boolean,
    Number,
    Mapping,
    List,
}

struct Keyword {
    name: &'static str,
    places: u8,
    holds: Holds,
    supported: bool,
}

const fn known(name: &'static str, places: u8, holds: Holds) -> Keyword {
    Keyword {
        name,
        places,
        holds,
        supported: true,
    }
}

const fn unsupported(name: &'static str, places: u8) -> Keyword {
    Keyword {
        name,
        places,
        holds: Holds::Anything,
        supported: false,
    }
}

static KEYWORDS: &[Keyword] = &[
    known("action", TASKS, Holds::Anything),
    known("always", BLOCK, Holds::List),
    known("any_errors_fatal", EVERYWHERE, Holds::Boolean),
    known("args", TASKS, Holds::Anything),
    known("async", TASKS, Holds::Number),
    known("become", EVERYWHERE, Holds::Boolean),
    known("become_exe", EVERYWHERE, Holds::Anything),
    known("become_flags", EVERYWHERE, Holds::Anything),
    known("become_method", EVERYWHERE, Holds::Anything),
    known("become_user", EVERYWHERE, Holds::Anything),
    known("block", BLOCK, Holds::List),
    known("changed_when", TASKS, Holds::Anything),
    known("check_mode", EVERYWHERE, Holds::Boolean),
    known("collections", EVERYWHERE, Holds::Anything),
    known("connection", EVERYWHERE, Holds::Anything),
    unsupported("debugger", EVERYWHERE),
    known("delay", TASKS, Holds::Number),
    known("delegate_facts", BELOW_PLAY, Holds::Boolean),
    known("delegate_to", BELOW_PLAY, Holds::Anything),
    known("diff", EVERYWHERE, Holds::Boolean),
    known("environment", EVERYWHERE, Holds::Anything),
    known("fact_path", PLAY, Holds::Anything),
    known("failed_when", TASKS, Holds::Anything),
    known("force_handlers", PLAY, Holds::Boolean),
    known("gather_facts", PLAY, Holds::Boolean),
    known("gather_subset", PLAY, Holds::Anything),
    known("gather_timeout", PLAY, Holds::Number),
    known("handlers", PLAY, Holds::List),
    known("hosts", PLAY, Holds::Anything),
    known("ignore_errors", EVERYWHERE, Holds::Boolean),
    known("ignore_unreachable", EVERYWHERE, Holds::Boolean),
    known("listen", HANDLER, Holds::Anything),
    known("local_action", TASKS, Holds::Anything),
    known("loop", TASKS, Holds::Anything),
    known("loop_control", TASKS, Holds::Mapping),
    known("max_fail_percentage", PLAY, Holds::Number),
    known("module_defaults", EVERYWHERE, Holds::Anything),
    known("name", EVERYWHERE, Holds::Anything),
    known("no_log", EVERYWHERE, Holds::Boolean),
    known("notify", BLOCK | TASKS, Holds::Anything),
    known("order", PLAY, Holds::Anything),
    known("poll", TASKS, Holds::Number),
    known("port", EVERYWHERE, Holds::Number),
    known("post_tasks", PLAY, Holds::List),
    known("pre_tasks", PLAY, Holds::List),
    known("register", TASKS, Holds::Anything),
    known("remote_user", EVERYWHERE, Holds::Anything),
    known("rescue", BLOCK, Holds::List),
    known("retries", TASKS, Holds::Number),
    known("role", ROLE, Holds::Anything),
    known("roles", PLAY, Holds::List),
    known("run_once", EVERYWHERE, Holds::Boolean),
    known("serial", PLAY, Holds::Anything),
    known("strategy", PLAY, Holds::Anything),
    known("tags", EVERYWHERE, Holds::Anything),
    known("tasks", PLAY, Holds::List),
    known("throttle", EVERYWHERE, Holds::Number),
    known("timeout", EVERYWHERE, Holds::Number),
    known("user", PLAY, Holds::Anything),
    known("until", TASKS, Holds::Anything),
    known("vars", EVERYWHERE, Holds::Mapping),
    known("vars_files", PLAY, Holds::Anything),
    known("vars_prompt", PLAY, Holds::Anything),
    known("when", BELOW_PLAY, Holds::Anything),
];

/// Keywords whose values are names of plugins, and the plugins that there are.
static PLUGINS: &[(&str, &[&str])] = &[
    ("become_method", &["sudo", "su"]),
    (
        "connection",
        &["ssh", "smart", "local", "paramiko", "paramiko_ssh"],
    ),
];

/// The plugins that there are of a kind, by the keyword that names one.
pub(crate) fn plugins(keyword: &str) -> &'static [&'static str] {
    PLUGINS
        .iter()
        .find(|(name, _)| *name == keyword)
        .map_or(&[], |(_, known)| known)
}

/// What is wrong with the name of a plugin.
fn unknown_plugin(keyword: &str, value: &Node) -> Option<Problem> {
    // A connection may be a plugin that a role brings.
    let (_, known) = PLUGINS
        .iter()
        .find(|(name, _)| *name == keyword && keyword != "connection")?;
    let text = value.as_str().filter(|_| !value.has_templates())?;
    let name = text.strip_prefix("ansible.builtin.").unwrap_or(text);
    (!known.contains(&name)).then(|| {
        Problem::new(
            &value.span,
            format!(
                "the {keyword} {text:?} is not supported (supported: {})",
                known.join(", ")
            ),
        )
        .nearest(name, known.iter().copied())
    })
}

/// Whether this is a keyword anywhere.
pub fn is_keyword(name: &str) -> bool {
    name.starts_with("with_") || KEYWORDS.iter().any(|keyword| keyword.name == name)
}

/// Whether this is a keyword of plays and of nothing else.
pub fn is_of_plays_alone(name: &str) -> bool {
    KEYWORDS
        .iter()
        .any(|keyword| keyword.name == name && keyword.places == PLAY)
}

/// The names of the keywords of a place, for the nearest one.
pub fn names(place: Place) -> impl Iterator<Item = &'static str> {
    KEYWORDS
        .iter()
        .filter(move |keyword| {
            if place == Place::Include {
                OF_INCLUDES.contains(&keyword.name)
            } else {
                keyword.places & place.bit() != 0
            }
        })
        .map(|keyword| keyword.name)
}

/// Whether a keyword may stand at a place and is heeded there.
pub(crate) fn is_supported(name: &str, place: Place) -> bool {
    let supported = |keyword: &Keyword| keyword.name == name && keyword.supported;
    names(place).any(|known| known == name) && KEYWORDS.iter().any(supported)
}

/// What is wrong with this key and value at this place, if anything. Whether a boolean of a task that may fail is one is found out
/// when it runs. `is_plugin` knows lookups that are not built in.
pub fn check(
    key: &Node,
    value: &Node,
    place: Place,
    may_fail: bool,
    is_plugin: impl Fn(&str) -> bool,
) -> Option<Problem> {
    let name = key.as_str()?;
    if let Some(lookup) = name.strip_prefix("with_") {
        let loops = matches!(place, Place::Task | Place::Handler | Place::Include);
        let is_known = || slipway_language::loops::is_known(lookup) || is_plugin(lookup);
        return (!loops || !is_known())
            .then(|| Problem::new(&key.span, format!("{name} is not a loop that is known here")));
    }
    let Some(keyword) = KEYWORDS.iter().find(|keyword| keyword.name == name) else {
        return Some(
            Problem::new(
                &key.span,
                format!("'{name}' is not a valid attribute for a {}", place.class()),
            )
            .nearest(name, names(place)),
        );
    };
    if place == Place::Include {
        if !OF_INCLUDES.contains(&name) {
            return Some(
                Problem::new(
                    &key.span,
                    format!("the keyword {name:?} does not belong in a {}", place.name()),
                )
                .hint("what is included takes it from \"apply\" or from a block around the include"),
            );
        }
    } else if keyword.places & place.bit() == 0 {
        return Some(
            Problem::new(
                &key.span,
                format!("the keyword {name:?} does not belong in a {}", place.name()),
            )
            .hint(format!("it may stand in: {}", places(keyword.places))),
        );
    }
    // Without a value, or with the one that it has where nobody writes it, it asks for nothing.
    let is_idle = value.is_null() || name == "debugger" && value.as_str() == Some("never");
    if !keyword.supported && !is_idle {
        return Some(Problem::new(
            &key.span,
            format!("the keyword {name:?} is not supported"),
        ));
    }
    let expected = match keyword.holds {
        Holds::Anything => return unknown_plugin(name, value),
        Holds::Boolean => (!is_boolean(value) && !may_fail).then_some("a boolean or a template"),
        Holds::Number => (!is_number(value)).then_some("a number or a template"),
        Holds::Mapping => (!matches!(value.kind, NodeKind::Map(_) | NodeKind::Null)).then_some("a mapping"),
        Holds::List => (!matches!(value.kind, NodeKind::List(_) | NodeKind::Null)).then_some("a list"),
    }?;
    let said = match name {
        "roles" => "A malformed role declaration was encountered.".to_owned(),
        "tasks" | "pre_tasks" | "post_tasks" | "handlers" => {
            format!(
                "A malformed block was encountered while loading {name}: {} should be a list or None",
                written(value)
            )
        }
        _ => format!("{name} must be {expected}, it is {}", value.type_name()),
    };
    Some(Problem::new(&value.span, said))
}

/// A value as messages show it.
fn written(value: &Node) -> String {
    match &value.kind {
        NodeKind::Str(text) | NodeKind::Unsafe(text) => text.to_string(),
        NodeKind::Int(number) => number.to_string(),
        NodeKind::Float(number) => number.to_string(),
        NodeKind::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
        _ => value.type_name().to_owned(),
    }
}

fn places(bits: u8) -> String {
    [
        Place::Play,
        Place::Role,
        Place::Block,
        Place::Task,
        Place::Handler,
    ]
    .into_iter()
    .filter(|place| bits & place.bit() != 0)
    .map(|place| format!("a {}", place.name()))
    .collect::<Vec<String>>()
    .join(", ")
}

pub(super) fn is_boolean(value: &Node) -> bool {
    match &value.kind {
        NodeKind::Bool(_) | NodeKind::Null => true,
        NodeKind::Int(number) => matches!(number, 0 | 1),
        NodeKind::Str(text) => {
            value.has_templates()
                || matches!(
                    text.to_ascii_lowercase().as_str(),
                    "yes" | "no" | "true" | "false" | "on" | "off" | "1" | "0" | "y" | "n" | "t" | "f"
                )
        }
        _ => false,
    }
}

fn is_number(value: &Node) -> bool {
    match &value.kind {
        NodeKind::Int(_) | NodeKind::Float(_) | NodeKind::Null => true,
        NodeKind::Str(text) => {
            value.has_templates() || text.trim_end_matches('%').trim().parse::<f64>().is_ok()
        }
        _ => false,
    }
}
