//! Tasks, blocks and handlers.

use std::sync::Arc;

use slipway_language::{Node, NodeKind};

use super::{
    action::{Written, canonical},
    error::Problem,
    keyword::Keyword,
    keywords::{self, Place},
    loader::{LoadContext, Loader, is_identifier},
    model::{Action, Block, Handler, Item, Loop, LoopControl, Task},
    play::PlayParts,
};

/// What Ansible says of it.
const BLOCK_AS_HANDLER: &str = "Using a block as a handler is not supported.";

impl Loader {
    /// Loads a list of tasks and blocks.
    pub(super) fn items(
        &mut self,
        node: &Node,
        context: &LoadContext,
        parts: &mut PlayParts,
    ) -> Result<Vec<Item>, Problem> {
        let entries = match &node.kind {
            NodeKind::List(entries) => entries,
            NodeKind::Null => return Ok(Vec::new()),
            _ => {
                return Err(Problem::new(
                    &node.span,
                    format!("a list of tasks was expected, this is {}", node.type_name()),
                ));
            }
        };
        let mut items = Vec::with_capacity(entries.len());
        for entry in entries.iter() {
            if !matches!(entry.kind, NodeKind::Map(_)) {
                self.problem(Problem::new(
                    &entry.span,
                    format!("a task must be a mapping, this is {}", entry.type_name()),
                ));
                continue;
            }
            // One wrong task does not hide what is wrong with the next.
            let loaded = if entry.get("block").is_some() {
                self.block(entry, context, parts)
                    .map(|block| vec![Item::Block(Arc::new(block))])
            } else {
                self.task_items(entry, context, parts)
            };
            match loaded {
                Ok(loaded) => items.extend(loaded),
                Err(problem) => self.problem(problem),
            }
        }
        Ok(items)
    }

    /// Loads handlers, flat.
    pub(super) fn handlers(
        &mut self,
        node: &Node,
        context: &LoadContext,
        parts: &mut PlayParts,
    ) -> Result<Vec<Handler>, Problem> {
        let context = LoadContext {
            handlers: true,
            ..context.clone()
        };
        let mut handlers = Vec::new();
        let NodeKind::List(entries) = &node.kind else {
            return if node.is_null() {
                Ok(handlers)
            } else {
                Err(Problem::new(
                    &node.span,
                    format!("a list of handlers was expected, this is {}", node.type_name()),
                ))
            };
        };
        for entry in entries.iter() {
            if entry.get("block").is_some() {
                self.problem(Problem::new(&entry.span, BLOCK_AS_HANDLER));
                continue;
            }
            let listen = match entry.get("listen") {
                None => Vec::new(),
                // Topics are names as they are written: a template is none.
                Some(topics) if topics.has_templates() => super::settings::list(topics)
                    .iter()
                    .filter_map(|topic| topic.as_str().map(Arc::from))
                    .collect(),
                Some(topics) => super::settings::names(topics)?,
            };
            match self.task_items(entry, &context, parts) {
                Ok(items) => flatten(items, &listen, &mut handlers),
                Err(problem) => self.problem(problem),
            }
        }
        Ok(handlers)
    }

    fn block(&mut self, node: &Node, context: &LoadContext, parts: &mut PlayParts) -> Result<Block, Problem> {
        for (key, value) in node.entries() {
            if let Some(problem) = keywords::check(key, value, Place::Block, context.may_fail, |_| false) {
                self.problem(problem);
            }
        }
        if let Some(when) = node.get("when") {
            self.check_condition(when);
        }
        if let Some(tags) = node.get("tags") {
            self.check_templates(tags);
        }
        let vars = self.vars(node.get("vars"));
        let inner = LoadContext {
            settings: self.settings(&context.settings, node)?.with_vars(vars),
            ..context.clone()
        };
        let rescued = node.get("rescue").is_some_and(|rescue| !rescue.is_null());
        let mut section = |key: &str| -> Result<Arc<[Item]>, Problem> {
            let inner = LoadContext {
                is_sure: inner.is_sure && key == "block",
                may_fail: inner.may_fail || rescued && key == "block",
                ..inner.clone()
            };
            let tasks = node.get(key);
            // A block at the top of a file of handlers stands for its tasks; inside of one there is none.
            let nested = tasks.and_then(Node::as_list).into_iter().flatten();
            if let Some(block) = nested
                .filter(|_| inner.handlers)
                .find(|task| task.get("block").is_some())
            {
                return Err(Problem::new(&block.span, BLOCK_AS_HANDLER));
            }
            match tasks {
                Some(tasks) => Ok(self.items(tasks, &inner, parts)?.into()),
                None => Ok(Arc::from([])),
            }
        };
        Ok(Block {
            main: section("block")?,
            rescue: section("rescue")?,
            always: section("always")?,
        })
    }

    fn task_items(
        &mut self,
        node: &Node,
        context: &LoadContext,
        parts: &mut PlayParts,
    ) -> Result<Vec<Item>, Problem> {
        let place = if context.handlers {
            Place::Handler
        } else {
            Place::Task
        };
        let written = Written::of(node, place, &self.modules, context)?;
        let place = match canonical(&written.name) {
            "include_tasks" | "include_role" => Place::Include,
            _ => place,
        };
        let may_fail = context.may_fail
            || node.get("failed_when").is_some()
            || node.get("ignore_errors").is_some_and(super::settings::is_true);
        for (key, value) in node.entries() {
            if key.as_str() != Some(written.key.as_ref())
                && let Some(problem) =
                    keywords::check(key, value, place, may_fail, |name| self.is_lookup_plugin(name))
            {
                self.problem(problem);
            }
        }
        match canonical(&written.name) {
            "import_tasks" => self.import_tasks(node, &written, context, parts),
            "import_role" => self.import_role(node, &written, context, parts),
            "import_playbook" => Err(Problem::new(
                &node.span,
                "import_playbook stands among the plays, not among tasks",
            )),
            _ => Ok(vec![Item::Task(Arc::new(self.task(node, &written, context)?))]),
        }
    }

    fn task(&mut self, node: &Node, written: &Written, context: &LoadContext) -> Result<Task, Problem> {
        for key in ["when", "changed_when", "failed_when", "until"] {
            if let Some(condition) = node.get(key) {
                self.check_condition(condition);
            }
        }
        for key in [
            "name",
            "environment",
            "loop_control",
            "become_user",
            "become_exe",
            "become_flags",
            "become_method",
            "delegate_to",
            "module_defaults",
            "async",
            "poll",
            "delay",
            "retries",
            "notify",
            "tags",
        ] {
            if let Some(value) = node.get(key) {
                self.check_templates(value);
            }
        }
        let vars = self.vars(node.get("vars"));
        let register = match node.get("register") {
            None => None,
            Some(name) => match name.as_str().filter(|text| is_identifier(text)) {
                Some(text) => Some(Arc::from(text)),
                None => {
                    return Err(Problem::new(
                        &name.span,
                        format!(
                            "Invalid variable name in 'register' specified: '{}'",
                            name.as_str()
                                .map_or_else(|| name.type_name().to_owned(), str::to_owned)
                        ),
                    )
                    .hint("register must be the name of a variable"));
                }
            },
        };
        let mut settings = self.settings(&context.settings, node)?;
        if written.is_local() {
            settings.delegate_to = Some(Keyword::text(written.span.clone(), "localhost"));
        }
        let ignored = settings
            .ignore_errors
            .as_ref()
            .is_some_and(|ignored| !matches!(ignored.kind, NodeKind::Bool(false)));
        let may_fail = context.may_fail || ignored || node.get("failed_when").is_some();
        let action = match canonical(&written.name) {
            "include_tasks" | "include_role" => {
                let conditional = !settings.when.is_empty() || is_looping(node);
                let ahead = self.thorough && context.is_sure && !conditional && !may_fail;
                if canonical(&written.name) == "include_tasks" {
                    self.include_tasks(written, context, ahead)?
                } else {
                    self.include_role(written, context, ahead)?
                }
            }
            "meta" => Action::Meta(written.meta(context)?),
            _ if written.is_templated() => {
                self.check_templates(&written.name_template());
                Action::Templated(Box::new(written.clone()))
            }
            _ => {
                let has_defaults = !settings.module_defaults.is_empty();
                Action::Module(self.module(written, may_fail, has_defaults)?)
            }
        };
        Ok(Task {
            name: node.get("name").cloned(),
            span: node.span.clone(),
            action_name: written.name.clone(),
            action,
            settings,
            vars: Arc::new(vars),
            r#loop: self.task_loop(node)?,
            register,
            changed_when: node.get("changed_when").cloned(),
            failed_when: node.get("failed_when").cloned(),
            until: node.get("until").cloned(),
            retries: node.get("retries").cloned(),
            delay: node.get("delay").cloned(),
            r#async: node.get("async").cloned(),
            poll: node.get("poll").cloned(),
            role: context.role.clone(),
            include_vars: context.include_vars.clone(),
            implicit: false,
        })
    }

    fn task_loop(&mut self, node: &Node) -> Result<Option<Loop>, Problem> {
        let mut found = None;
        for (key, value) in node.entries() {
            let name = key.as_str().unwrap_or_default();
            let lookup = match name.strip_prefix("with_") {
                Some(lookup) => Some(Arc::from(lookup)),
                None if name == "loop" => None,
                None => continue,
            };
            if found.is_some() {
                return Err(Problem::new(&key.span, "a task has only one loop"));
            }
            self.check_templates(value);
            if lookup.is_none() && !value.has_templates() && !matches!(value.kind, NodeKind::List(_)) {
                return Err(Problem::new(
                    &value.span,
                    format!("loop must be a list, this is {}", value.type_name()),
                ));
            }
            found = Some((lookup, value.clone()));
        }
        let Some((lookup, items)) = found else {
            return Ok(None);
        };
        let control = node.get("loop_control");
        for (key, _) in control.map(Node::entries).unwrap_or_default() {
            let name = key.as_str().unwrap_or_default();
            if !LoopControl::KEYWORDS.contains(&name) {
                self.problem(
                    Problem::new(&key.span, format!("{name:?} is not a keyword of loop_control"))
                        .nearest(name, LoopControl::KEYWORDS.iter().copied()),
                );
            }
        }
        let option = |key: &str| control.and_then(|control| control.get(key)).cloned();
        let variable = |key: &str| option(key).and_then(|node| node.as_str().map(Arc::from));
        if let Some(condition) = option("break_when") {
            self.check_condition(&condition);
        }
        Ok(Some(Loop {
            lookup,
            items,
            control: LoopControl {
                loop_var: variable("loop_var").unwrap_or_else(|| Arc::from("item")),
                index_var: variable("index_var"),
                label: option("label"),
                pause: option("pause"),
                extended: option("extended"),
                extended_allitems: option("extended_allitems"),
                break_when: option("break_when"),
            },
        }))
    }
}

fn flatten(items: Vec<Item>, listen: &[Arc<str>], handlers: &mut Vec<Handler>) {
    for item in items {
        match item {
            Item::Task(task) => handlers.push(Handler {
                task,
                listen: listen.to_vec(),
            }),
            Item::Block(block) => flatten(block.main.to_vec(), listen, handlers),
        }
    }
}

fn is_looping(node: &Node) -> bool {
    let is_loop = |name: &str| name == "loop" || name.starts_with("with_");
    node.entries()
        .iter()
        .any(|(key, _)| key.as_str().is_some_and(is_loop))
}
