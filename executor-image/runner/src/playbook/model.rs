//! Plays, blocks, tasks, handlers and roles as the engine runs them.

use std::{borrow::Cow, path::PathBuf, sync::Arc};

use slipway_language::{Layer, Node, Span};
use slipway_protocol::spec::ModuleSpec;

use crate::{
    foreign::{ActionPlugin, ForeignModule},
    inventory::Vars,
};

use super::{action::Written, loader::LoadContext, settings::Settings};

/// A playbook file with its imports resolved.
#[derive(Debug, Clone)]
pub struct Playbook {
    /// The file as named on the command line.
    pub file: String,
    /// Its directory.
    pub directory: PathBuf,
    /// Plays in order.
    pub plays: Vec<Arc<Play>>,
}

/// One play.
#[derive(Debug, Clone)]
pub struct Play {
    /// `name`, or none.
    pub name: Option<Node>,
    /// Where it stands.
    pub span: Span,
    /// Directory of the playbook that it stands in.
    pub directory: PathBuf,
    /// `hosts`: patterns.
    pub hosts: Vec<Node>,
    /// Keywords that tasks inherit.
    pub settings: Settings,
    /// The implicit task that gathers facts, unless the play says no.
    pub gather_facts: Option<GatherFacts>,
    /// `vars`, with those of `import_playbook` below them.
    pub vars: Arc<Vars>,
    /// `vars_prompt`
    pub prompts: Vec<Node>,
    /// `vars_files`
    pub vars_files: Vec<Node>,
    /// `serial`
    pub serial: Option<Node>,
    /// `max_fail_percentage`
    pub max_fail_percentage: Option<Node>,
    /// `force_handlers`
    pub force_handlers: Option<Node>,
    /// `order`
    pub order: Option<Node>,
    /// `strategy`
    pub strategy: Strategy,
    /// Tasks before, roles, tasks, tasks after, with the flushes of handlers between them.
    pub items: Arc<[Item]>,
    /// Handlers in the order in which they are defined: those of roles first.
    pub handlers: Vec<Arc<Task>>,
    /// Static roles, whose defaults and variables every task of the play sees.
    pub roles: Vec<Arc<Role>>,
    /// The names of the roles that are used other than as dependencies, one for each use.
    pub used_roles: Vec<Arc<str>>,
}

/// How a play gathers facts.
#[derive(Debug, Clone)]
pub struct GatherFacts {
    /// The setting as written; none is the default, yes.
    pub wanted: Option<Node>,
    /// The task.
    pub task: Arc<Task>,
}

/// A task or a block of them.
#[derive(Debug, Clone)]
pub enum Item {
    /// A task.
    Task(Arc<Task>),
    /// A block.
    Block(Arc<Block>),
}

/// Tasks that fail together.
#[derive(Debug, Clone, Default)]
pub struct Block {
    /// `block`
    pub main: Arc<[Item]>,
    /// `rescue`
    pub rescue: Arc<[Item]>,
    /// `always`
    pub always: Arc<[Item]>,
}

/// A task.
#[derive(Debug, Clone)]
pub struct Task {
    /// `name`
    pub name: Option<Node>,
    /// Where it stands.
    pub span: Span,
    /// The module's name as it is written.
    pub action_name: Arc<str>,
    /// What it does.
    pub action: Action,
    /// Inherited keywords with its own laid over them.
    pub settings: Settings,
    /// Its own `vars`.
    pub vars: Arc<Vars>,
    /// `loop`, `with_…`
    pub r#loop: Option<Loop>,
    /// `register`
    pub register: Option<Arc<str>>,
    /// `changed_when`
    pub changed_when: Option<Node>,
    /// `failed_when`
    pub failed_when: Option<Node>,
    /// `until`
    pub until: Option<Node>,
    /// `retries`
    pub retries: Option<Node>,
    /// `delay`
    pub delay: Option<Node>,
    /// `async`: seconds that it may run on its own.
    pub r#async: Option<Node>,
    /// `poll`: seconds between looks at it; zero for never.
    pub poll: Option<Node>,
    /// The role that it belongs to.
    pub role: Option<Arc<Role>>,
    /// Variables of the `include_tasks` around it, outermost first.
    pub include_vars: Vec<Arc<Vars>>,
    /// `listen`, of a handler.
    pub listen: Vec<Arc<str>>,
    /// Whether the engine made it (facts, flushes): no tags choose it.
    pub implicit: bool,
}

/// What a task does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Calls a module.
    Module(ModuleAction),
    /// Calls a module whose name is a template.
    Templated(Box<Written>),
    /// `include_tasks`
    IncludeTasks(Box<IncludeTasks>),
    /// `include_role`
    IncludeRole(Box<IncludeRole>),
    /// `meta`
    Meta(Meta),
    /// The end of a role: from here on it counts as run.
    RoleComplete(Arc<Role>),
}

/// A module and its arguments.
#[derive(Debug, Clone)]
pub struct ModuleAction {
    /// What is known of the module.
    pub spec: &'static ModuleSpec,
    /// The module itself if it is not one of the runner's own.
    pub foreign: Option<Arc<ForeignModule>>,
    /// The action plugin in Python that carries it out, if one does.
    pub plugin: Option<Arc<ActionPlugin>>,
    /// Arguments as written, a mapping; free text is under `_raw_params`.
    pub args: Node,
    /// A template that gives all arguments, below the written ones.
    pub whole: Option<Node>,
}

impl ModuleAction {
    /// The module's full name.
    pub fn name(&self) -> &str {
        match (&self.foreign, &self.plugin) {
            (Some(module), _) => &module.name,
            (None, Some(plugin)) => &plugin.name,
            (None, None) => self.spec.name,
        }
    }

    /// The name by which defaults are set for it: its full one, or one in `ansible.legacy` if it is in no collection.
    pub fn full_name(&self) -> Cow<'_, str> {
        let name = self.name();
        if name.contains('.') {
            Cow::Borrowed(name)
        } else {
            Cow::Owned(format!("ansible.legacy.{name}"))
        }
    }
}

/// A dynamic inclusion of tasks.
#[derive(Debug, Clone)]
pub struct IncludeTasks {
    /// The file's name.
    pub file: Node,
    /// What the included tasks inherit: the settings around the include and those of `apply`, not those of the include itself.
    pub inherited: Settings,
    /// Directory of the file that the include stands in.
    pub directory: PathBuf,
    /// Whether the include is a handler.
    pub handler: bool,
}

/// A dynamic inclusion of a role.
#[derive(Debug, Clone)]
pub struct IncludeRole {
    /// The role's name.
    pub name: Node,
    /// `tasks_from`
    pub tasks_from: Option<Node>,
    /// `vars_from`
    pub vars_from: Option<Node>,
    /// `defaults_from`
    pub defaults_from: Option<Node>,
    /// `handlers_from`
    pub handlers_from: Option<Node>,
    /// `public`
    pub public: Option<Node>,
    /// `rolespec_validate`
    pub validate: Option<Node>,
    /// `allow_duplicates`
    pub allow_duplicates: Option<Node>,
    /// What the role's tasks inherit.
    pub inherited: Settings,
    /// Directory of the file that the include stands in.
    pub directory: PathBuf,
}

/// The actions of `meta`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meta {
    /// Does nothing.
    Noop,
    /// Runs the notified handlers now.
    FlushHandlers,
    /// Ends the play for one host.
    EndHost,
    /// Ends the play.
    EndPlay,
    /// Ends the batch.
    EndBatch,
    /// Ends the role for one host.
    EndRole,
    /// Closes the connection, so that the next task opens a new one.
    ResetConnection,
    /// Forgets facts.
    ClearFacts,
    /// Lets failed hosts take part again.
    ClearHostErrors,
    /// Reads the inventory again.
    RefreshInventory,
}

impl Meta {
    /// Every action by its name.
    pub const NAMES: &[(&str, Self)] = &[
        ("noop", Self::Noop),
        ("flush_handlers", Self::FlushHandlers),
        ("end_host", Self::EndHost),
        ("end_play", Self::EndPlay),
        ("end_batch", Self::EndBatch),
        ("end_role", Self::EndRole),
        ("reset_connection", Self::ResetConnection),
        ("clear_facts", Self::ClearFacts),
        ("clear_host_errors", Self::ClearHostErrors),
        ("refresh_inventory", Self::RefreshInventory),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(_, meta)| *meta == self)
            .map_or("", |(name, _)| name)
    }
}

/// Who goes on when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strategy {
    /// All hosts do a task before any does the next.
    #[default]
    Linear,
    /// Each host goes on as fast as it can.
    Free,
    /// The same, and a host that has begun ends before another begins.
    HostPinned,
}

impl Strategy {
    /// Every strategy by its name.
    pub const NAMES: &[(&str, Self)] = &[
        ("linear", Self::Linear),
        ("free", Self::Free),
        ("host_pinned", Self::HostPinned),
    ];
}

/// How a task repeats.
#[derive(Debug, Clone)]
pub struct Loop {
    /// `None` for `loop`, else the lookup's name: `items` for `with_items`.
    pub lookup: Option<Arc<str>>,
    /// The items.
    pub items: Node,
    /// `loop_control`
    pub control: LoopControl,
}

/// `loop_control`.
#[derive(Debug, Clone)]
pub struct LoopControl {
    /// Name of the variable that holds the item.
    pub loop_var: Arc<str>,
    /// Name of the variable that holds the index.
    pub index_var: Option<Arc<str>>,
    /// What is printed of the item.
    pub label: Option<Node>,
    /// Seconds between items.
    pub pause: Option<Node>,
    /// Whether `ansible_loop` is there.
    pub extended: Option<Node>,
    /// Whether it has all items.
    pub extended_allitems: Option<Node>,
    /// Ends the loop when true.
    pub break_when: Option<Node>,
}

impl LoopControl {
    /// Its keywords.
    pub const KEYWORDS: &[&str] = &[
        "loop_var",
        "index_var",
        "label",
        "pause",
        "extended",
        "extended_allitems",
        "break_when",
    ];
}

/// A role as one play uses it.
#[derive(Debug)]
pub struct Role {
    /// Its name as used.
    pub name: Arc<str>,
    /// Its directory.
    pub path: PathBuf,
    /// Defaults of its parents, its dependencies and itself, lowest first.
    pub defaults: Vec<Arc<dyn Layer>>,
    /// Variables of its parents, its dependencies and itself, lowest first.
    pub vars: Vec<Arc<dyn Layer>>,
    /// Parameters given where it is used, outermost first.
    pub params: Vec<Arc<Vars>>,
    /// Names of the roles that depend on or include this one, nearest first.
    pub parents: Vec<Arc<str>>,
    /// Directories of those roles, nearest first.
    pub parent_paths: Vec<PathBuf>,
    /// What makes two uses the same; a second use of the same is skipped.
    pub identity: String,
    /// Whether it may run again.
    pub allow_duplicates: bool,
    /// Whether the rest of the play sees its variables; as the settings say if none.
    pub public: Option<bool>,
    /// The collection that it belongs to.
    pub collection: Option<Arc<str>>,
}

impl Task {
    /// A task that stands in no playbook.
    pub(super) fn made(name: &str, action: Action, context: &LoadContext, span: &Span) -> Self {
        Self {
            name: None,
            span: span.clone(),
            action_name: Arc::from(name),
            action,
            settings: context.settings.clone(),
            vars: Arc::default(),
            r#loop: None,
            register: None,
            changed_when: None,
            failed_when: None,
            until: None,
            retries: None,
            delay: None,
            r#async: None,
            poll: None,
            role: context.role.clone(),
            include_vars: context.include_vars.clone(),
            listen: Vec::new(),
            implicit: false,
        }
    }

    /// A task that does nothing.
    #[cfg(test)]
    pub fn example() -> Self {
        let span = Span::start_of("site.yml");
        let context = LoadContext {
            settings: Settings::default(),
            role: None,
            directory: PathBuf::new(),
            include_vars: Vec::new(),
            handlers: false,
            is_sure: false,
            may_fail: false,
        };
        Self::made("meta", Action::Meta(Meta::Noop), &context, &span)
    }

    /// The name as printed when nothing is templated: with the role before it, the module's name if it has none.
    pub fn display_name(&self, name: &str) -> String {
        // What includes a role names that one, not the one that it stands in.
        if let Action::IncludeRole(include) = &self.action {
            return if name.is_empty() {
                let role = include.name.as_str().unwrap_or_default();
                format!("{} : {role}", self.action_name)
            } else {
                name.to_owned()
            };
        }
        let name = if name.is_empty() {
            self.action_name.as_ref()
        } else {
            name
        };
        match &self.role {
            Some(role) if !name.starts_with(&format!("{} : ", role.name)) => {
                format!("{} : {name}", role.name)
            }
            _ => name.to_owned(),
        }
    }

    /// The arguments, if it calls a module.
    pub fn module(&self) -> Option<&ModuleAction> {
        match &self.action {
            Action::Module(module) => Some(module),
            _ => None,
        }
    }
}
