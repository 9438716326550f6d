//! What a task does, as it is written: the module's name, its arguments, and whether both are known.

use std::sync::Arc;

use slipway_language::{Node, NodeKind, Span};
use slipway_protocol::spec::{self, Kind, ModuleSpec};

use crate::foreign::{self, Catalog, Module};

use super::{
    error::{LoadError, Problem},
    keywords::{self, Place},
    loader::{LoadContext, Loader, Outcome},
    model::{Meta, ModuleAction},
};

/// The entries of a mapping.
type Entries = Vec<(Node, Node)>;

/// Modules whose free text is a command line.
const COMMANDS: &[&str] = &["command", "raw", "script", "shell"];

/// The action of a task as it is written.
#[derive(Debug, Clone)]
pub struct Written {
    /// The key that holds the action: the module's name or `action`.
    pub(super) key: Arc<str>,
    /// The module's name.
    pub(super) name: Arc<str>,
    /// Where the name stands.
    pub(super) span: Span,
    /// Where the task begins.
    task: Span,
    /// The module of that name.
    module: Module,
    /// Where it was looked for, having no collection in its name.
    collections: Arc<[Arc<str>]>,
    /// What stands behind the name.
    value: Node,
    /// The task's `args`.
    args: Option<Node>,
}

/// A module's name without the collections that are always searched.
pub fn canonical(name: &str) -> &str {
    name.strip_prefix("ansible.builtin.")
        .or_else(|| name.strip_prefix("ansible.legacy."))
        .unwrap_or(name)
}

impl Written {
    /// Finds the action of a task.
    pub(super) fn of(
        node: &Node,
        place: Place,
        modules: &Catalog,
        around: &LoadContext,
    ) -> Result<Self, Problem> {
        let collections: Arc<[Arc<str>]> = match node.get("collections") {
            Some(own) => around.settings.searched(own).into(),
            None => around.settings.collections.as_slice().into(),
        };
        let is_known = |key: &Node| is_known(key, modules, &collections);
        let mut found: Vec<(&Node, &Node)> = Vec::new();
        for (key, value) in node.entries() {
            match key.as_str() {
                Some("action" | "local_action") => found.push((key, value)),
                Some(name) if !keywords::is_keyword(name) => found.push((key, value)),
                // Keywords of plays that are modules of tasks.
                Some("gather_facts" | "user") => found.push((key, value)),
                Some(_) => {}
                None => return Err(Problem::new(&key.span, "a keyword of a task must be a string")),
            }
        }
        // Of several, those that no module is called are misspelled keywords.
        if found.len() > 1 && found.iter().any(|(key, _)| is_known(key)) {
            if let Some((key, _)) = found.iter().find(|(key, _)| !is_known(key)) {
                let name = key.as_str().unwrap_or_default();
                let known = keywords::names(place);
                return Err(Problem::new(
                    &key.span,
                    format!("{name:?} is neither a keyword of a task nor a module"),
                )
                .nearest(name, known));
            }
            let names: Vec<&str> = found.iter().filter_map(|(key, _)| key.as_str()).collect();
            return Err(Problem::new(
                &found[1].0.span,
                format!("a task has one action, this has several: {}", names.join(", ")),
            ));
        }
        let Some((key, value)) = found.first() else {
            return Err(Problem::new(
                &node.span,
                "no module or action was found in this task",
            ));
        };
        let key_text = key.as_str().unwrap_or_default();
        let mut written = Self {
            key: Arc::from(key_text),
            name: Arc::from(key_text),
            span: key.span.clone(),
            task: node.span.clone(),
            module: Module::Native(&foreign::SPEC),
            collections: Arc::clone(&collections),
            value: (*value).clone(),
            args: node.get("args").cloned(),
        };
        if matches!(key_text, "action" | "local_action") {
            written.unfold_action()?;
        }
        if !written.is_templated() {
            written.module = written.find_module(modules)?;
        }
        Ok(written)
    }

    /// The module of its name.
    fn find_module(&self, modules: &Catalog) -> Result<Module, Problem> {
        let name = self.name.as_ref();
        match modules.find(name, &self.collections) {
            Ok(Some(module)) => Ok(module),
            Ok(None) => {
                let problem = Problem::new(
                    &self.span,
                    format!("the module {name:?} is not known or not supported yet"),
                );
                if let Some(why) = modules.why_not(name) {
                    return Err(problem.hint(why));
                }
                let found = modules.names_like(name);
                let mut known: Vec<&str> = spec::names().collect();
                known.extend(found.iter().map(String::as_str));
                Err(problem.nearest(name, known))
            }
            Err(error) => {
                let problem = Problem::new(&self.span, error.to_string());
                Err(match error.hint() {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                })
            }
        }
    }

    /// Whether the module is known only when the task runs.
    pub(super) fn is_templated(&self) -> bool {
        self.name_template().has_templates()
    }

    /// The module's name, to be rendered.
    pub fn name_template(&self) -> Node {
        Node::text(self.span.clone(), self.name.as_ref())
    }

    /// What the table says of the module.
    fn spec(&self) -> &'static ModuleSpec {
        match &self.module {
            Module::Native(spec) => spec,
            Module::Action(plugin) if plugin.free_form => &foreign::FREE_FORM,
            Module::Foreign(_) | Module::Action(_) => &foreign::SPEC,
        }
    }

    /// `action: copy src=a dest=b`, or a mapping with `module`.
    fn unfold_action(&mut self) -> Result<(), Problem> {
        let span = self.value.span.clone();
        match &self.value.kind {
            NodeKind::Str(text) | NodeKind::Unsafe(text) => {
                let (name, rest) = text.trim().split_at(first_word(text.trim()));
                self.name = Arc::from(name);
                self.value = Node::text(span, rest.trim());
            }
            NodeKind::Map(entries) => {
                let Some(module) = self.value.get("module").and_then(Node::as_str) else {
                    return Err(Problem::new(&span, "the mapping of action needs \"module\""));
                };
                self.name = Arc::from(module);
                let rest: Vec<(Node, Node)> = entries
                    .iter()
                    .filter(|(key, _)| key.as_str() != Some("module"))
                    .cloned()
                    .collect();
                self.value = Node::new(span, NodeKind::Map(rest.into()));
            }
            _ => return Err(Problem::new(&span, "action must be a string or a mapping")),
        }
        Ok(())
    }

    /// The arguments as one mapping (free text under `_raw_params`), and a template that gives all of them.
    fn arguments(&self) -> Result<(Entries, Option<Node>), Problem> {
        let mut entries: Vec<(Node, Node)> = Vec::new();
        let mut whole = None;
        match &self.args {
            None => {}
            Some(args) => match &args.kind {
                NodeKind::Map(written) => entries.extend(written.iter().cloned()),
                NodeKind::Null => {}
                NodeKind::Str(_) if args.has_templates() => whole = Some(args.clone()),
                _ => {
                    return Err(Problem::new(
                        &args.span,
                        format!("args must be a mapping, this is {}", args.type_name()),
                    ));
                }
            },
        }
        let span = &self.value.span;
        let mut add = |key: Node, value: Node| {
            entries.retain(|(known, _)| known.as_str() != key.as_str());
            entries.push((key, value));
        };
        match &self.value.kind {
            NodeKind::Null => {}
            NodeKind::Map(written) => written
                .iter()
                .for_each(|(key, value)| add(key.clone(), value.clone())),
            NodeKind::Str(text) => {
                let free_form = self.spec().free_form;
                // A command's own arguments look like options; the name of a file does not, unless a template makes it.
                let is_command = COMMANDS.contains(&canonical(&self.name));
                let parsed = if free_form && (is_command || text.trim_start().starts_with("{{")) {
                    slipway_language::arguments::split_free_form(text)
                } else {
                    slipway_language::arguments::parse_key_values(text)
                };
                let parsed = parsed.map_err(|error| Problem::new(span, error.to_string()))?;
                for (key, value) in parsed.options {
                    add(Node::text(span.clone(), key), Node::text(span.clone(), value));
                }
                let rest = parsed.free_form;
                if free_form && !rest.is_empty() {
                    add(
                        Node::text(span.clone(), "_raw_params"),
                        Node::text(span.clone(), rest),
                    );
                } else if canonical(&self.name) == "add_host" && !rest.is_empty() {
                    // It refuses what is no mapping only when it runs.
                    add(
                        Node::text(span.clone(), "_raw_params"),
                        Node::text(span.clone(), rest),
                    );
                } else if slipway_language::looks_like_template(&rest) {
                    whole = Some(Node::text(span.clone(), rest));
                } else if !rest.is_empty() {
                    return Err(Problem::new(
                        span,
                        format!(
                            "{} takes its arguments as key=value or as a mapping, this is {rest:?}",
                            self.name
                        ),
                    ));
                }
            }
            _ => {
                return Err(Problem::new(
                    span,
                    format!(
                        "the arguments of {} must be a mapping, this is {}",
                        self.name,
                        self.value.type_name()
                    ),
                ));
            }
        }
        Ok((entries, whole))
    }

    /// Whether the machine that runs the playbook does it.
    pub(super) fn is_local(&self) -> bool {
        self.key.as_ref() == "local_action"
    }

    /// An argument by name.
    pub(super) fn option(&self, name: &str) -> Option<Node> {
        let (entries, _) = self.arguments().ok()?;
        entries
            .into_iter()
            .find(|(key, _)| key.as_str() == Some(name))
            .map(|(_, value)| value)
    }

    pub(super) fn required(&self, name: &str, aliases: &[&str]) -> Result<Node, Problem> {
        std::iter::once(&name)
            .chain(aliases)
            .find_map(|name| self.option(name))
            .ok_or_else(|| Problem::new(&self.span, format!("{} needs {name:?}", self.name)))
    }

    /// The file of an include: free text or an argument.
    pub(super) fn file(&self, names: &[&str]) -> Result<Node, Problem> {
        self.required("_raw_params", names)
            .map_err(|_| Problem::new(&self.task, format!("No file specified for {}", self.name)))
    }

    /// An option of a role that names one of its files.
    pub(super) fn file_of_role(&self, name: &str) -> Result<Option<Node>, Problem> {
        let option = self.option(name);
        if let Some(node) = option.as_ref().filter(|node| node.as_str().is_none()) {
            let said = format!(
                "Expected a string for {name} but got {} instead",
                node.type_name()
            );
            return Err(Problem::new(&node.span, said));
        }
        Ok(option)
    }

    pub(super) fn no_loop(&self, node: &Node) -> Result<(), Problem> {
        for (key, _) in node.entries() {
            if key
                .as_str()
                .is_some_and(|name| name == "loop" || name.starts_with("with_"))
            {
                return Err(Problem::new(
                    &key.span,
                    format!("{} cannot loop: it is resolved before anything runs", self.name),
                )
                .hint("use include_tasks or include_role"));
            }
        }
        Ok(())
    }

    /// The action of `meta`.
    pub(super) fn meta(&self, context: &LoadContext) -> Result<Meta, Problem> {
        let known = Meta::NAMES;
        let text = self.value.as_str().unwrap_or_default().trim();
        let Some((_, meta)) = known.iter().find(|(name, _)| *name == text) else {
            return Err(Problem::new(
                &self.value.span,
                format!("meta: {text:?} is not known or not supported yet"),
            )
            .nearest(text, known.iter().map(|(name, _)| *name)));
        };
        if *meta == Meta::FlushHandlers && context.handlers {
            return Err(Problem::new(
                &self.value.span,
                "flush_handlers cannot be used as a handler",
            ));
        }
        let misplaced = match meta {
            Meta::EndRole if context.handlers => "from a handler",
            Meta::EndRole if context.role.is_none() => "from outside of a role",
            _ => return Ok(*meta),
        };
        Err(Problem::new(
            &self.value.span,
            format!("Cannot execute 'end_role' {misplaced}"),
        ))
    }
}

/// The length of the first word; a template is one word.
fn first_word(text: &str) -> usize {
    let mut depth = 0_usize;
    for (index, letter) in text.char_indices() {
        if text[index..].starts_with("{{") {
            depth += 1;
        } else if text[index..].starts_with("}}") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && letter.is_whitespace() {
            return index;
        }
    }
    text.len()
}

/// What a fixed text should be if it can never be what a parameter takes.
fn misfit(parameter: &spec::Parameter, value: &Node) -> Option<&'static str> {
    let NodeKind::Str(text) = &value.kind else {
        return None;
    };
    if value.has_templates() || !parameter.choices.is_empty() {
        return None;
    }
    let text = text.trim();
    let (fits, expected) = match parameter.kind {
        Kind::Bool => (
            keywords::is_boolean(value) || text.parse::<f64>().is_ok(),
            "a boolean (true or false, yes or no)",
        ),
        Kind::Int => (text.parse::<f64>().is_ok(), "a whole number"),
        Kind::Float => (text.parse::<f64>().is_ok(), "a number"),
        _ => return None,
    };
    (!fits).then_some(expected)
}

fn is_known(key: &Node, modules: &Catalog, collections: &[Arc<str>]) -> bool {
    // A module that cannot be used is known all the same.
    key.as_str().is_some_and(|name| {
        matches!(name, "action" | "local_action") || !matches!(modules.find(name, collections), Ok(None))
    })
}

impl Loader {
    /// The call of a module whose name is known now that the task runs.
    ///
    /// # Errors
    /// When there is no such module.
    pub fn resolve(&mut self, written: &Written, name: &str) -> Result<ModuleAction, LoadError> {
        let mut written = written.clone();
        written.name = Arc::from(name.trim());
        written.module = written.find_module(&self.modules)?;
        let module = self.within(Outcome::Expected, |loader| loader.module(&written, true))?;
        self.finish()?;
        Ok(module)
    }

    /// A module that gathers facts.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn module_of_facts(&self, name: &str) -> Result<Module, String> {
        match self.modules.find(name, &[]) {
            Ok(Some(module)) => Ok(module),
            Ok(None) => Err(format!(
                "The module {name} was not found in configured module paths"
            )),
            Err(error) => Err(error.to_string()),
        }
    }

    /// A call of a module, checked against the table of modules.
    pub(super) fn module(&mut self, written: &Written, has_defaults: bool) -> Result<ModuleAction, Problem> {
        let spec = written.spec();
        let (foreign, plugin) = match &written.module {
            Module::Native(_) => (None, None),
            Module::Foreign(module) => (Some(Arc::clone(module)), None),
            Module::Action(plugin) => (None, Some(Arc::clone(plugin))),
        };
        self.check_parameters(written, has_defaults)?;
        let (entries, whole) = written.arguments()?;
        let args = Node::new(written.value.span.clone(), NodeKind::Map(entries.into()));
        match canonical(spec.name) {
            // `that` holds conditions, `var` an expression: neither is a template.
            "assert" => {
                for (key, value) in args.entries() {
                    if key.as_str() == Some("that") {
                        self.check_condition(value);
                    } else {
                        self.check_templates(value);
                    }
                }
            }
            _ => self.check_templates(&args),
        }
        Ok(ModuleAction {
            spec,
            foreign,
            plugin,
            args,
            whole,
        })
    }

    /// Names and fixed values of the arguments. What is not there may come from `module_defaults`.
    pub(super) fn check_parameters(&mut self, written: &Written, has_defaults: bool) -> Result<(), Problem> {
        let spec = written.spec();
        let (entries, whole) = written.arguments()?;
        let reserved =
            |(key, _): &&(Node, Node)| key.as_str().is_some_and(|name| name.starts_with("_ansible_"));
        if let Some((key, _)) = entries.iter().find(reserved).filter(|_| !spec.free_form) {
            return Err(Problem::new(
                &key.span,
                format!(
                    "Invalid parameter specified beginning with keyword '_ansible_' for action '{}': '{}'. The prefix '_ansible_' is reserved for internal use only.",
                    written.name,
                    key.as_str().unwrap_or_default()
                ),
            ));
        }
        let mut given = Vec::new();
        for (key, value) in &entries {
            let Some(name) = key.as_str() else {
                return Err(Problem::new(
                    &key.span,
                    "the name of a parameter must be a string",
                ));
            };
            // Ansible keeps these names for itself, and tells of them when the task runs.
            if name.starts_with('_') {
                continue;
            }
            let Some(parameter) = spec.parameter(name) else {
                if !spec.takes(name) {
                    let known = spec.parameters.iter().flat_map(|parameter| {
                        std::iter::once(parameter.name).chain(parameter.aliases.iter().copied())
                    });
                    let problem = |said: String| Problem::new(&key.span, said).nearest(name, known);
                    match canonical(spec.name) {
                        "import_tasks" | "import_role" | "include_tasks" | "include_role" => {
                            self.problem(problem(format!("Invalid options for {}: {name}", written.name)));
                        }
                        module => {
                            self.mistake(problem(format!("the module {module} has no parameter {name:?}")));
                        }
                    }
                }
                continue;
            };
            given.push(parameter.name);
            if let Some(expected) = misfit(parameter, value) {
                self.mistake(Problem::new(
                    &value.span,
                    format!(
                        "{name} must be {expected}, this is {:?}",
                        value.as_str().unwrap_or_default()
                    ),
                ));
            }
            if !parameter.choices.is_empty()
                && !value.has_templates()
                && let NodeKind::Str(text) = &value.kind
                && !parameter.choices.contains(&text.as_ref())
            {
                self.mistake(
                    Problem::new(
                        &value.span,
                        format!(
                            "{name} must be one of {}, this is {text:?}",
                            parameter.choices.join(", ")
                        ),
                    )
                    .nearest(text, parameter.choices.iter().copied()),
                );
            }
        }
        let is_raw = |(key, _): &(Node, Node)| key.as_str() == Some("_raw_params");
        if whole.is_none() && !has_defaults && (spec.free_form || !entries.iter().any(is_raw)) {
            for parameter in spec.parameters.iter().filter(|parameter| parameter.required) {
                if !given.contains(&parameter.name) {
                    self.mistake(Problem::new(
                        &written.span,
                        format!(
                            "the module {} needs the parameter {:?}",
                            canonical(spec.name),
                            parameter.name
                        ),
                    ));
                }
            }
        }
        Ok(())
    }
}
