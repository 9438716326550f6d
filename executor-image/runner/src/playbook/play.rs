//! Plays and the import of playbooks.

use std::{path::Path, sync::Arc};

use slipway_language::{Node, NodeKind, Span};

use crate::inventory::Vars;

use super::{
    error::{LoadError, Problem},
    keywords::{self, Place},
    loader::{LoadContext, Loader, normalize},
    model::{Action, Block, GatherFacts, Handler, Item, Meta, ModuleAction, Play, Playbook, Role, Task},
    settings::{Settings, list},
};

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
        self.plays(&path, &Imported::default(), &mut plays)?;
        self.finish()?;
        Ok(Playbook {
            file: file.to_owned(),
            directory,
            plays,
        })
    }

    fn plays(
        &mut self,
        path: &Path,
        imported: &Imported,
        plays: &mut Vec<Arc<Play>>,
    ) -> Result<(), LoadError> {
        let name = super::loader::display_path(path);
        let Some(root) = self.read(path)? else {
            return Err(Problem::new(
                &Span::start_of(name),
                "the playbook is empty: it must be a list of plays",
            )
            .into());
        };
        let NodeKind::List(entries) = &root.kind else {
            return Err(Problem::new(
                &root.span,
                format!("a playbook must be a list of plays, this is {}", root.type_name()),
            )
            .into());
        };
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
        if let Some(when) = entry.get("when") {
            self.check_condition(when);
        }
        let mut below = imported.clone();
        below.settings = below.settings.with(entry)?;
        below.vars.extend(self.vars(entry.get("vars")));
        let file = self.static_text(target, &[Arc::new(below.vars.clone())])?;
        let resolved = normalize(&path.parent().unwrap_or(Path::new("/")).join(&file));
        if !resolved.is_file() {
            return Err(Problem::new(
                &target.span,
                format!("the imported playbook {} does not exist", resolved.display()),
            )
            .into());
        }
        self.plays(&resolved, &below, plays)
    }

    fn play(&mut self, node: &Node, path: &Path, imported: &Imported) -> Result<Play, LoadError> {
        for (key, value) in node.entries() {
            if let Some(problem) = keywords::check(key, value, Place::Play) {
                self.problem(problem);
            } else if !matches!(
                key.as_str(),
                Some("tasks" | "pre_tasks" | "post_tasks" | "handlers" | "roles" | "vars")
            ) {
                self.check_templates(value);
            }
        }
        let Some(hosts) = node.get("hosts").filter(|hosts| !hosts.is_null()) else {
            return Err(Problem::new(
                &node.span,
                "a play needs \"hosts\": the hosts or groups that it runs on",
            )
            .into());
        };
        let hosts_are_names = match &hosts.kind {
            NodeKind::List(items) => !items.is_empty() && items.iter().all(|item| item.as_str().is_some()),
            _ => hosts.as_str().is_some_and(|text| !text.trim().is_empty()),
        };
        if !hosts_are_names {
            return Err(Problem::new(
                &hosts.span,
                "\"hosts\" must be the name of a host or group, or a list of them",
            )
            .into());
        }
        if let Some(strategy) = node.get("strategy")
            && !matches!(strategy.as_str(), Some("linear" | "ansible.builtin.linear"))
        {
            self.problem(Problem::new(
                &strategy.span,
                "only the strategy linear is supported yet",
            ));
        }
        if let Some(order) = node.get("order")
            && !matches!(
                order.as_str(),
                Some("inventory" | "reverse_inventory" | "sorted" | "reverse_sorted")
            )
        {
            self.problem(Problem::new(&order.span, "this order is not supported yet (supported: inventory, reverse_inventory, sorted, reverse_sorted)"));
        }
        let mut vars = imported.vars.clone();
        vars.extend(self.vars(node.get("vars")));
        let vars = Arc::new(vars);
        self.play_vars = Arc::clone(&vars);
        let settings = imported.settings.with(node)?;
        let context = LoadContext {
            settings: settings.clone(),
            role: None,
            directory: path.parent().unwrap_or(Path::new("/")).to_path_buf(),
            include_vars: Vec::new(),
            handlers: false,
        };

        let mut parts = PlayParts::default();
        for entry in node.get("roles").map(list).unwrap_or_default() {
            let loaded = self.role_entry(&entry, &context)?;
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
            items.push(flush_handlers(node, &settings));
        }
        if let Some(handlers) = node.get("handlers") {
            let handlers = self.handlers(handlers, &context, &mut parts)?;
            parts.handlers.extend(handlers);
        }
        self.check_notifications(&items, &parts.handlers);
        let gather_facts = GatherFacts {
            wanted: node.get("gather_facts").cloned(),
            task: Arc::new(gather_task(node, &settings)?),
        };
        Ok(Play {
            name: node.get("name").cloned(),
            span: node.span.clone(),
            hosts: list(hosts),
            settings,
            gather_facts: Some(gather_facts),
            vars,
            vars_files: node.get("vars_files").map(list).unwrap_or_default(),
            serial: node.get("serial").cloned(),
            max_fail_percentage: node.get("max_fail_percentage").cloned(),
            force_handlers: node.get("force_handlers").cloned(),
            order: node.get("order").cloned(),
            items: items.into(),
            handlers: parts.handlers,
            roles: parts.roles,
        })
    }
}

impl Loader {
    /// Whether every handler that a task names is there. Names that depend on templates, and plays that include roles (which
    /// bring handlers of their own), are checked when they run.
    fn check_notifications(&mut self, items: &[Item], handlers: &[Handler]) {
        let mut known: Vec<String> = Vec::new();
        let mut certain = true;
        for handler in handlers {
            if let Some(name) = &handler.task.name {
                certain &= !name.has_templates();
                let name = name.as_str().unwrap_or_default();
                known.push(name.to_owned());
                known.extend(
                    handler
                        .task
                        .role
                        .as_ref()
                        .map(|role| format!("{} : {name}", role.name)),
                );
            }
            known.extend(handler.listen.iter().map(ToString::to_string));
            certain &= handler.task.module().is_some();
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
                    Problem::new(&node.span, format!("there is no handler {name:?}"))
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
    pub handlers: Vec<Handler>,
    pub roles: Vec<Arc<Role>>,
}

impl PlayParts {
    pub(super) fn add_roles(&mut self, roles: Vec<Arc<Role>>) {
        for role in roles {
            if !self.roles.iter().any(|known| known.identity == role.identity) {
                self.roles.push(role);
            }
        }
    }
}

/// A task that the engine makes itself.
fn implicit_task(node: &Node, settings: &Settings, name: &str, action: Action) -> Task {
    Task {
        name: None,
        span: node.span.clone(),
        action_name: Arc::from(name),
        action,
        settings: settings.clone(),
        vars: Arc::default(),
        r#loop: None,
        register: None,
        changed_when: None,
        failed_when: None,
        until: None,
        retries: None,
        delay: None,
        role: None,
        include_vars: Vec::new(),
        implicit: true,
    }
}

fn flush_handlers(node: &Node, settings: &Settings) -> Item {
    // A block of its own, so that a handler that fails here fails the host as a task would.
    let task = implicit_task(node, settings, "meta", Action::Meta(Meta::FlushHandlers));
    Item::Block(Arc::new(Block {
        main: Arc::from([Item::Task(Arc::new(task))]),
        ..Block::default()
    }))
}

fn gather_task(node: &Node, settings: &Settings) -> Result<Task, Problem> {
    let spec = slipway_protocol::spec::find("gather_facts")
        .ok_or_else(|| Problem::new(&node.span, "the module gather_facts is not known to this build"))?;
    let args = ["gather_subset", "gather_timeout"]
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
        args,
        whole: None,
    });
    let mut task = implicit_task(node, settings, "gather_facts", action);
    task.name = Some(Node::text(node.span.clone(), "Gathering Facts"));
    task.implicit = false;
    task.settings.when = Vec::new();
    if task.settings.tags.is_empty() {
        task.settings.tags.push(Arc::from("always"));
    }
    Ok(task)
}
