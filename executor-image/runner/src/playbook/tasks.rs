//! Tasks, blocks and handlers.

use std::sync::Arc;

use slipway_language::{Node, NodeKind};

use super::{
    action::{Written, canonical},
    error::Problem,
    keyword::Keyword,
    keywords::{self, Place},
    loader::{LoadContext, Loader, Outcome, is_identifier},
    model::{Action, Block, Item, Loop, LoopControl, Task},
    play::PlayParts,
    settings::Settings,
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
    ) -> Result<Vec<Arc<Task>>, Problem> {
        let context = LoadContext {
            handlers: true,
            // Nobody may notify them.
            is_sure: false,
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
            let loaded = match entry.get("block") {
                // It stands for its tasks.
                Some(tasks) => self.block_of_handlers(entry, tasks, &context, parts),
                None => self.handler(entry, &context, parts),
            };
            match loaded {
                Ok(loaded) => handlers.extend(loaded),
                Err(problem) => self.problem(problem),
            }
        }
        Ok(handlers)
    }

    fn block_of_handlers(
        &mut self,
        node: &Node,
        tasks: &Node,
        context: &LoadContext,
        parts: &mut PlayParts,
    ) -> Result<Vec<Arc<Task>>, Problem> {
        let inner = self.block_context(node, context)?;
        let mut handlers = Vec::new();
        for entry in tasks.as_list().into_iter().flatten() {
            if entry.get("block").is_some() {
                return Err(Problem::new(&entry.span, BLOCK_AS_HANDLER));
            }
            handlers.extend(self.handler(entry, &inner, parts)?);
        }
        Ok(handlers)
    }

    fn handler(
        &mut self,
        node: &Node,
        context: &LoadContext,
        parts: &mut PlayParts,
    ) -> Result<Vec<Arc<Task>>, Problem> {
        let mut handlers = Vec::new();
        flatten(self.task_items(node, context, parts)?, &mut handlers);
        Ok(handlers)
    }

    /// What surrounds the tasks of a block.
    fn block_context(&mut self, node: &Node, context: &LoadContext) -> Result<LoadContext, Problem> {
        for (key, value) in node.entries() {
            if let Some(problem) = keywords::check(key, value, Place::Block, context.may_fail, |_| false) {
                self.problem(problem);
            }
        }
        self.within(context.outcome(), |loader| loader.check_when(node.get("when")));
        if let Some(tags) = node.get("tags") {
            self.check_templates(tags);
        }
        let vars = self.vars(node.get("vars"));
        Ok(LoadContext {
            settings: self.settings(&context.settings, node)?.with_vars(vars),
            ..context.clone()
        })
    }

    fn block(&mut self, node: &Node, context: &LoadContext, parts: &mut PlayParts) -> Result<Block, Problem> {
        let inner = self.block_context(node, context)?;
        let rescued = node.get("rescue").is_some_and(|rescue| !rescue.is_null());
        let mut section = |key: &str| -> Result<Arc<[Item]>, Problem> {
            let inner = LoadContext {
                is_sure: inner.is_sure && key != "rescue",
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
        let mut settings = self.settings(&context.settings, node)?;
        if written.is_local() {
            settings.delegate_to = Some(Keyword::text(written.span.clone(), "localhost"));
        }
        let ignored = settings
            .ignore_errors
            .as_ref()
            .is_some_and(|ignored| !matches!(ignored.kind, NodeKind::Bool(false)));
        let may_not_run =
            may_loop_over_nothing(node) || settings.tags.iter().any(|tag| tag.as_ref() == "never");
        let reached = match context.outcome() {
            _ if ignored || node.get("failed_when").is_some() => Outcome::Expected,
            outcome if may_not_run => outcome.doubted(),
            outcome => outcome,
        };
        self.within(reached, |loader| loader.check_when(node.get("when")));
        let outcome = if settings.when.is_empty() {
            reached
        } else {
            reached.doubted()
        };
        self.within(outcome, |loader| {
            loader.task_with(node, written, context, settings)
        })
    }

    fn task_with(
        &mut self,
        node: &Node,
        written: &Written,
        context: &LoadContext,
        settings: Settings,
    ) -> Result<Task, Problem> {
        for key in ["changed_when", "failed_when", "until"] {
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
        let action = match canonical(&written.name) {
            "include_tasks" | "include_role" => {
                let ahead = self.thorough && self.outcome == Outcome::Certain;
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
                Action::Module(self.module(written, has_defaults)?)
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
            listen: topics(node)?,
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
                // An empty one is none.
                label: option("label").filter(|label| label.as_str() != Some("")),
                pause: option("pause"),
                extended: option("extended"),
                extended_allitems: option("extended_allitems"),
                break_when: option("break_when"),
            },
        }))
    }
}

fn flatten(items: Vec<Item>, handlers: &mut Vec<Arc<Task>>) {
    for item in items {
        match item {
            Item::Task(task) => handlers.push(task),
            Item::Block(block) => flatten(block.main.to_vec(), handlers),
        }
    }
}

/// The topics of a handler, as they are written: a template is none.
fn topics(node: &Node) -> Result<Vec<Arc<str>>, Problem> {
    match node.get("listen") {
        None => Ok(Vec::new()),
        Some(topics) if topics.has_templates() => Ok(super::settings::list(topics)
            .iter()
            .filter_map(|topic| topic.as_str().map(Arc::from))
            .collect()),
        Some(topics) => super::settings::names(topics),
    }
}

fn may_loop_over_nothing(node: &Node) -> bool {
    node.entries()
        .iter()
        .any(|(key, items)| match key.as_str().unwrap_or_default() {
            "loop" => items.as_list().is_none_or(<[Node]>::is_empty),
            // What a lookup makes of its terms, it alone knows.
            name => name.starts_with("with_"),
        })
}
