//! Plays and the import of playbooks.

use std::{path::Path, sync::Arc};

use slipway_language::{Node, NodeKind, Span};

use crate::inventory::Vars;

use super::{
    error::{LoadError, Problem},
    keywords::{self, Place},
    loader::{LoadContext, Loader, normalize},
    model::{Action, Block, GatherFacts, Item, Meta, ModuleAction, Play, Playbook, Role, Strategy, Task},
    prompts::unanswered,
    settings::{Settings, list},
};

/// The orders in which a play may take its hosts.
const ORDERS: &[&str] = &[
    "inventory",
    "reverse_inventory",
    "sorted",
    "reverse_sorted",
    "shuffle",
];

/// What an `import_playbook` hands to the plays below it.
#[derive(Debug, Clone, Default)]
struct Imported {
    settings: Settings,
    vars: Vars,
}

impl Loader {
    /// Loads a playbook with everything that it imports.
    ///
    /// # Errors
    /// Everything that is wrong with it or not supported, each with its place.
    pub fn playbook(&mut self, file: &str) -> Result<Playbook, LoadError> {
        let path = normalize(Path::new(file));
        let directory = path.parent().unwrap_or(Path::new("/")).to_path_buf();
        self.playbook_directory.clone_from(&directory);
        let mut plays = Vec::new();
        let outermost = self.outermost();
        if let Err(error) = self.plays(&path, &outermost, &mut plays) {
            // What was found before is likely to be the cause.
            error
                .problems
                .into_iter()
                .for_each(|problem| self.problem(problem));
        }
        self.finish()?;
        Ok(Playbook {
            file: file.to_owned(),
            directory,
            plays,
        })
    }

    /// A playbook that is in no file, for programs that make their plays themselves.
    ///
    /// # Errors
    /// Everything that is wrong with it or not supported.
    pub fn playbook_of(&mut self, plays: &[Node], directory: &Path) -> Result<Playbook, LoadError> {
        self.playbook_directory = directory.to_path_buf();
        let path = directory.join("plays");
        let outermost = self.outermost();
        let load = |play: &Node| self.play(play, &path, &outermost).map(Arc::new);
        let plays = plays.iter().map(load).collect::<Result<_, _>>()?;
        self.finish()?;
        Ok(Playbook {
            file: String::new(),
            directory: directory.to_path_buf(),
            plays,
        })
    }

    /// What no import hands down: the defaults of the settings.
    fn outermost(&self) -> Imported {
        Imported {
            settings: self.defaults.keywords.clone(),
            vars: Vars::new(),
        }
    }

    fn plays(
        &mut self,
        path: &Path,
        imported: &Imported,
        plays: &mut Vec<Arc<Play>>,
    ) -> Result<(), LoadError> {
        let name = super::loader::display_path(path);
        let Some(root) = self.read(path)? else {
            return Err(
                Problem::new(&Span::start_of(name), "A playbook must contain at least one play").into(),
            );
        };
        let NodeKind::List(entries) = &root.kind else {
            return Err(Problem::new(
                &root.span,
                format!("a playbook must be a list of plays, this is {}", root.type_name()),
            )
            .into());
        };
        if entries.is_empty() {
            return Err(Problem::new(&root.span, "A playbook must contain at least one play").into());
        }
        for entry in entries.iter() {
            if !matches!(entry.kind, NodeKind::Map(_)) {
                return Err(Problem::new(
                    &entry.span,
                    format!("a play must be a mapping, this is {}", entry.type_name()),
                )
                .into());
            }
            let import = entry
                .get("ansible.builtin.import_playbook")
                .or_else(|| entry.get("import_playbook"));
            match import {
                Some(target) => self.import_playbook(entry, target, path, imported, plays)?,
                None => plays.push(Arc::new(self.play(entry, path, imported)?)),
            }
        }
        Ok(())
    }

    fn import_playbook(
        &mut self,
        entry: &Node,
        target: &Node,
        path: &Path,
        imported: &Imported,
        plays: &mut Vec<Arc<Play>>,
    ) -> Result<(), LoadError> {
        for (key, _) in entry.entries() {
            let name = key.as_str().unwrap_or_default();
            let known = ["name", "vars", "tags", "when"];
            if !known.contains(&name) && !name.ends_with("import_playbook") {
                self.problem(
                    Problem::new(&key.span, format!("{name:?} is not a keyword of import_playbook"))
                        .nearest(name, known),
                );
            }
        }
        self.check_when(entry.get("when"));
        let mut below = imported.clone();
        below.settings = self.settings(&below.settings, entry)?;
        below.vars = self.vars(entry.get("vars"));
        below.vars.extend(imported.vars.clone());
        let file = self.static_text(target, &[Arc::new(below.vars.clone())])?;
        let resolved = self
            .collection_playbook(&file)
            .unwrap_or_else(|| normalize(&path.parent().unwrap_or(Path::new("/")).join(&file)));
        if !resolved.is_file() {
            return Err(Problem::new(
                &target.span,
                format!("the imported playbook {} does not exist", resolved.display()),
            )
            .into());
        }
        // Its roles, modules and files are beside it.
        let directory = resolved.parent().unwrap_or(Path::new("/")).to_path_buf();
        self.add_folder(&directory);
        let outer = std::mem::replace(&mut self.playbook_directory, directory);
        let loaded = self.plays(&resolved, &below, plays);
        self.playbook_directory = outer;
        loaded
    }

    fn play(&mut self, node: &Node, path: &Path, imported: &Imported) -> Result<Play, LoadError> {
        for (key, value) in node.entries() {
            if let Some(problem) = keywords::check(key, value, Place::Play, false, |_| false) {
                self.problem(problem);
            } else if !matches!(
                key.as_str(),
                Some("tasks" | "pre_tasks" | "post_tasks" | "handlers" | "roles" | "vars")
            ) {
                self.check_templates(value);
            }
        }
        if let (Some(user), Some(_)) = (node.get("user"), node.get("remote_user")) {
            return Err(Problem::new(
                &user.span,
                "both 'user' and 'remote_user' are set for this play. The use of 'user' is deprecated, and should be removed",
            )
            .into());
        }
        let is_empty = |hosts: &Node| match &hosts.kind {
            NodeKind::Null => true,
            NodeKind::List(items) => items.is_empty(),
            _ => hosts.as_str().is_some_and(|text| text.trim().is_empty()),
        };
        let Some(hosts) = node.get("hosts") else {
            // A keyword that does not belong here is the cause more often than not.
            self.finish()?;
            return Err(Problem::new(&node.span, "the field 'hosts' is required but was not set").into());
        };
        if is_empty(hosts) {
            return Err(Problem::new(
                &hosts.span,
                "Hosts list cannot be empty. Please check your playbook",
            )
            .into());
        }
        let hosts_are_names = match &hosts.kind {
            NodeKind::List(items) => items.iter().all(|item| item.as_str().is_some()),
            _ => hosts.as_str().is_some(),
        };
        if !hosts_are_names {
            return Err(Problem::new(
                &hosts.span,
                "\"hosts\" must be the name of a host or group, or a list of them",
            )
            .into());
        }
        let mut vars = self.vars(node.get("vars"));
        let prompts = self.prompts(node)?;
        vars.extend(unanswered(&prompts));
        // What the import says wins.
        vars.extend(imported.vars.clone());
        let vars = Arc::new(vars);
        self.play_vars = Arc::clone(&vars);
        let strategy = self.strategy(node)?;
        if let Some(order) = node.get("order")
            && !order.has_templates()
            && !order.as_str().is_some_and(|order| ORDERS.contains(&order))
        {
            self.problem(Problem::new(
                &order.span,
                format!("order must be one of {}", ORDERS.join(", ")),
            ));
        }
        // A condition of the import comes with its tasks; a play has none.
        let own = self.collection_around(path);
        let around = Settings {
            collections: own.iter().cloned().collect(),
            playbook_collection: own,
            ..imported.settings.clone()
        };
        let settings = self.settings(&around, node)?;
        let context = LoadContext {
            settings: settings.clone(),
            role: None,
            directory: path.parent().unwrap_or(Path::new("/")).to_path_buf(),
            include_vars: Vec::new(),
            handlers: false,
            is_sure: true,
            may_fail: false,
        };

        let mut parts = PlayParts::default();
        for entry in node.get("roles").map(list).unwrap_or_default() {
            let loaded = self.role_entry(&entry, &context)?;
            parts.used.extend(loaded.name);
            parts.used.extend(loaded.used);
            parts.items.extend(loaded.items);
            parts.handlers.extend(loaded.handlers);
            parts.add_roles(loaded.roles);
        }
        let role_items = std::mem::take(&mut parts.items);
        let mut items = Vec::new();
        for (section, key) in [(0, "pre_tasks"), (1, "tasks"), (2, "post_tasks")] {
            if section == 1 {
                items.extend(role_items.iter().cloned());
            }
            if let Some(tasks) = node.get(key) {
                let loaded = self.items(tasks, &context, &mut parts)?;
                items.extend(loaded);
            }
            items.push(flush_handlers(node, &context));
        }
        if let Some(handlers) = node.get("handlers") {
            let handlers = self.handlers(handlers, &context, &mut parts)?;
            parts.handlers.extend(handlers);
        }
        if self.thorough {
            self.check_notifications(&items, &parts.handlers);
        }
        let gather_facts = GatherFacts {
            wanted: node.get("gather_facts").cloned(),
            task: Arc::new(gather_task(node, &context, imported)?),
        };
        Ok(Play {
            name: node.get("name").cloned(),
            span: node.span.clone(),
            directory: self.playbook_directory.clone(),
            hosts: list(hosts),
            settings,
            gather_facts: Some(gather_facts),
            vars,
            prompts,
            vars_files: node.get("vars_files").map(list).unwrap_or_default(),
            serial: node.get("serial").cloned(),
            max_fail_percentage: node.get("max_fail_percentage").cloned(),
            force_handlers: node.get("force_handlers").cloned(),
            order: node.get("order").cloned(),
            strategy,
            items: items.into(),
            handlers: parts.handlers,
            roles: parts.roles,
            used_roles: parts.used,
        })
    }
}

impl Loader {
    fn strategy(&mut self, node: &Node) -> Result<Strategy, Problem> {
        let written = match node.get("strategy") {
            Some(written) => written,
            None => &Node::text(Span::start_of("the settings"), self.defaults.strategy.as_str()),
        };
        let text = self.static_text(written, &[])?;
        let name = text.strip_prefix("ansible.builtin.").unwrap_or(&text);
        let found = Strategy::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, strategy)| *strategy).ok_or_else(|| {
            Problem::new(&written.span, format!("the strategy {text:?} is not supported"))
                .nearest(name, Strategy::NAMES.iter().map(|(known, _)| *known))
        })
    }

    /// Whether every handler that a task names is there. Names that depend on templates, and plays that include roles (which
    /// bring handlers of their own), are checked when they run.
    fn check_notifications(&mut self, items: &[Item], handlers: &[Arc<Task>]) {
        let mut known: Vec<String> = Vec::new();
        let mut certain = self.defaults.error_on_missing_handler;
        for handler in handlers {
            if let Some(name) = &handler.name {
                certain &= !name.has_templates();
            }
            let name = handler.name.as_ref().and_then(Node::as_str);
            for own in name.into_iter().chain(handler.listen.iter().map(AsRef::as_ref)) {
                known.push(own.to_owned());
                // By the role's name too, with its collection and without.
                if let Some(role) = &handler.role {
                    known.push(format!("{} : {own}", role.name));
                    if role.collection.is_some()
                        && let Some((_, short)) = role.name.rsplit_once('.')
                    {
                        known.push(format!("{short} : {own}"));
                    }
                }
            }
            certain &= handler.module().is_some();
        }
        let mut named: Vec<Node> = Vec::new();
        crate::engine::walk_tasks(items, &mut |task| {
            certain &= !matches!(task.action, Action::IncludeRole(_));
            named.extend(
                task.settings
                    .notify
                    .iter()
                    .filter(|node| !node.has_templates())
                    .cloned(),
            );
        });
        for node in named.iter().filter(|_| certain) {
            let name = node.as_str().unwrap_or_default();
            if !known.iter().any(|known| known == name) {
                self.problem(
                    Problem::new(&node.span, crate::engine::unknown_handler(name))
                        .nearest(name, known.iter().map(String::as_str)),
                );
            }
        }
    }
}

/// What loading the tasks of a play brings to light besides tasks.
#[derive(Debug, Default)]
pub(super) struct PlayParts {
    pub items: Vec<Item>,
    pub handlers: Vec<Arc<Task>>,
    pub roles: Vec<Arc<Role>>,
    /// The names of the roles that the play itself uses.
    pub used: Vec<Arc<str>>,
}

impl PlayParts {
    pub(super) fn add_roles(&mut self, roles: Vec<Arc<Role>>) {
        for role in roles {
            let same = |known: &Arc<Role>| known.identity == role.identity && known.public == role.public;
            if !self.roles.iter().any(same) {
                self.roles.push(role);
            }
        }
    }
}

/// A task that the engine makes itself.
fn implicit_task(node: &Node, context: &LoadContext, name: &str, action: Action) -> Task {
    let mut task = Task::made(name, action, context, &node.span);
    task.implicit = true;
    task
}

fn flush_handlers(node: &Node, context: &LoadContext) -> Item {
    // A block of its own, so that a handler that fails here fails the host as a task would.
    let task = implicit_task(node, context, "meta", Action::Meta(Meta::FlushHandlers));
    Item::Block(Arc::new(Block {
        main: Arc::from([Item::Task(Arc::new(task))]),
        ..Block::default()
    }))
}

fn gather_task(node: &Node, context: &LoadContext, imported: &Imported) -> Result<Task, Problem> {
    let spec = slipway_protocol::spec::find("gather_facts")
        .ok_or_else(|| Problem::new(&node.span, "the module gather_facts is not known to this build"))?;
    let args = ["gather_subset", "gather_timeout", "fact_path"]
        .into_iter()
        .filter_map(|key| {
            let value = node.get(key)?.clone();
            Some((Node::text(value.span.clone(), key), value))
        })
        .collect::<Vec<(Node, Node)>>();
    let args = Node::new(node.span.clone(), NodeKind::Map(args.into()));
    let action = Action::Module(ModuleAction {
        spec,
        foreign: None,
        plugin: None,
        args,
        whole: None,
    });
    let mut task = implicit_task(node, context, "gather_facts", action);
    task.name = Some(Node::text(node.span.clone(), "Gathering Facts"));
    task.implicit = false;
    // A play that runs once has facts of every host all the same.
    task.settings.run_once = None;
    // Of a playbook that is imported under a condition, no facts are gathered in vain.
    task.settings.when.clone_from(&imported.settings.when);
    if task.settings.tags.is_empty() && task.settings.tag_templates.is_empty() {
        task.settings.tags.push(Arc::from("always"));
    }
    Ok(task)
}
