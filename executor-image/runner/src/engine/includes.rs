//! `include_tasks` and `include_role`: what is included comes next for the hosts that asked for it.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError},
};

use slipway_language::Layer;

use super::{
    TaskResult,
    batch::Batch,
    play::export,
    result::Include,
    run::Fatal,
    select::{by_tags, count_tasks, selected_items, walk_tasks, with_tags},
};
use crate::{
    inventory::Vars,
    output::{HostLine, HostOutcome, TaskHeader},
    playbook::{
        Action, IncludeFailure, IncludeRole, IncludeTasks, Item, LoadContext, LoadError, Problem, RoleFiles,
        RoleUse, Task, normalize,
    },
};

/// Hosts that include the same thing with the same variables.
struct Group<'a> {
    include: &'a Include,
    header: &'a Arc<TaskHeader>,
    hosts: Vec<Arc<str>>,
}

impl Batch {
    /// Loads what the results ask for and puts it in front of what the hosts have left.
    /// A file or role that is not there makes a failure of its host's result.
    ///
    /// # Errors
    /// When what is included is no playbook's.
    pub(super) fn expand_includes(
        &mut self,
        task: &Arc<Task>,
        results: &mut [TaskResult],
        handler: bool,
    ) -> Result<(), Fatal> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for result in results
            .iter()
            .filter(|result| matches!(result.line(), HostLine::Ok | HostLine::Changed))
        {
            for include in &result.includes {
                let same = |group: &&mut Group<'_>| {
                    group.include.target == include.target
                        && group.include.from == include.from
                        && group.include.switches == include.switches
                        && group.include.item == include.item
                        && !group.hosts.contains(&result.host)
                };
                match groups.iter_mut().find(same) {
                    Some(group) => group.hosts.push(Arc::clone(&result.host)),
                    None => groups.push(Group {
                        include,
                        header: &result.header,
                        hosts: vec![Arc::clone(&result.host)],
                    }),
                }
            }
        }
        let mut items_of: Vec<(Arc<str>, Vec<Item>)> = Vec::new();
        let mut all_items: Vec<Item> = Vec::new();
        // Several items of a loop that cannot be included are one failure of the host.
        let mut failed: Vec<Arc<str>> = Vec::new();
        for group in groups {
            match self.load(task, group.include) {
                Ok((shown, items)) => {
                    let mut stats = self.play.run.stats();
                    group.hosts.iter().for_each(|host| stats.host(host).ok += 1);
                    drop(stats);
                    let label = group.include.label.as_deref();
                    self.play
                        .run
                        .printer
                        .included(group.header, &shown, &group.hosts, label);
                    let items = selected_items(&items, &mut by_tags(&self.play.run.options.tags)).to_vec();
                    self.play.run.printer.more_tasks(count_tasks(&items));
                    for host in &group.hosts {
                        match items_of.iter_mut().find(|(name, _)| name == host) {
                            Some((_, known)) => known.extend(items.iter().cloned()),
                            None => items_of.push((Arc::clone(host), items.clone())),
                        }
                    }
                    all_items.extend(items);
                }
                Err(error) if error.is_of_files() => {
                    self.include_failed(task, &group, &error, &mut failed);
                }
                Err(error) => return Err(Fatal::malformed(error.told())),
            }
        }
        for result in results.iter_mut().filter(|result| failed.contains(&result.host)) {
            result
                .map
                .insert("failed".to_owned(), serde_json::Value::Bool(true));
        }
        if handler {
            // What a handler includes runs as handlers right after it, for the hosts that notified it.
            let mut tasks = Vec::new();
            for (host, items) in items_of {
                walk_tasks(&items, &mut |task| {
                    tasks.push((Arc::clone(task), Arc::clone(&host)));
                });
            }
            self.handlers.insert_next(&tasks);
            return Ok(());
        }
        for (host, items) in items_of {
            if let Some(cursor) = self.cursors.get_mut(&host) {
                cursor.include(items.into());
            }
        }
        self.insert_order(&all_items);
        Ok(())
    }

    fn include_failed(
        &mut self,
        task: &Task,
        group: &Group<'_>,
        error: &LoadError,
        failed: &mut Vec<Arc<str>>,
    ) {
        let printer = &self.play.run.printer;
        printer.error(&error.told());
        let mut map = super::result::to_map(serde_json::json!({
            "changed": false, "failed": true, "reason": error.reason(),
        }));
        if matches!(task.action, Action::IncludeTasks(_)) {
            map.insert("include".to_owned(), group.include.target.as_str().into());
        }
        for host in &group.hosts {
            let line = HostLine::Failed { ignored: false };
            printer.host(&HostOutcome {
                header: Some(group.header),
                looped: task.r#loop.is_some(),
                ..HostOutcome::plain(host, line, &map)
            });
        }
        for host in &group.hosts {
            if failed.contains(host) {
                continue;
            }
            failed.push(Arc::clone(host));
            // A failure even where it is rescued: so Ansible counts what cannot be included.
            let mut stats = self.play.run.stats();
            stats.host(host).failed += 1;
            stats.failed(host, &group.include.target, Some(error.to_string()));
            drop(stats);
            self.fail(host);
        }
    }

    fn load(&mut self, task: &Arc<Task>, include: &Include) -> Result<(String, Vec<Item>), LoadError> {
        let mut vars = (*task.vars).clone();
        vars.extend(include.item.iter().cloned());
        let own = Arc::new(vars.clone());
        let (shown, items) = match &task.action {
            Action::IncludeTasks(action) => self.load_tasks(task, action, include, vars)?,
            Action::IncludeRole(action) => self.load_role(task, action, include, vars)?,
            _ => return Ok((String::new(), Vec::new())),
        };
        let scope = self.play.scope(&super::HostState::nobody(), Some(task));
        let scope = scope.with(own as Arc<dyn Layer>);
        let items = with_tags(&items, &self.play.run.templar, &scope).map_err(|error| {
            let message = format!("a tag of what is included cannot be known: {}", error.message);
            let span = error.span.as_ref().unwrap_or(&task.span);
            LoadError::from(Problem::new(span, message))
        })?;
        Ok((shown, items.to_vec()))
    }

    fn load_tasks(
        &mut self,
        task: &Arc<Task>,
        action: &IncludeTasks,
        include: &Include,
        vars: Vars,
    ) -> Result<(String, Vec<Item>), LoadError> {
        let mut loader = self.play.loader.clone();
        let mut context = LoadContext {
            settings: action.inherited.clone(),
            role: task.role.clone(),
            directory: action.directory.clone(),
            include_vars: task.include_vars.clone(),
            handlers: action.handler,
            is_sure: false,
            may_fail: true,
        };
        let named = loader
            .find_tasks_as_named(&include.target, &context)
            .ok_or_else(|| {
                Problem::new(&action.file.span, loader.absent(&include.target))
                    .fails_include(IncludeFailure::Bare)
            })?;
        let path = normalize(&named);
        context.directory = path
            .parent()
            .map_or_else(PathBuf::new, std::path::Path::to_path_buf);
        if !vars.is_empty() {
            context.include_vars.push(Arc::new(vars));
        }
        let (items, _) = loader.included_tasks(&path, &context)?;
        // Roles name what they include as it is written.
        let shown = if task.role.is_some() { named } else { path };
        Ok((shown.display().to_string(), items))
    }

    fn load_role(
        &mut self,
        task: &Arc<Task>,
        action: &IncludeRole,
        include: &Include,
        vars: Vars,
    ) -> Result<(String, Vec<Item>), LoadError> {
        let mut loader = self.play.loader.clone();
        let context = LoadContext {
            settings: action.inherited.clone(),
            role: task.role.clone(),
            directory: action.directory.clone(),
            include_vars: task.include_vars.clone(),
            handlers: false,
            is_sure: false,
            may_fail: true,
        };
        let [tasks, vars_from, defaults, handlers] = include.from.clone();
        let usage = RoleUse {
            name: &include.target,
            span: &action.name.span,
            params: vars,
            files: RoleFiles {
                tasks,
                vars: vars_from,
                defaults,
                handlers,
            },
            allow_duplicates: Some(include.switches.allow_duplicates),
            provided: Vars::new(),
            validate: include.switches.validate,
            public: include.switches.public,
            keywords: String::new(),
        };
        let loaded = loader.included_role(&usage, &context)?;
        self.play
            .included_roles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(loaded.name.clone());
        let nobody = super::HostState::nobody();
        let scope = self.play.scope(&nobody, None);
        if let Some(role) = loaded.roles.last() {
            if include
                .switches
                .public
                .unwrap_or(self.play.run.options.settings.private_role_vars.0 == Some(false))
            {
                export(&role.defaults, &self.play.role_defaults);
                export(&role.vars, &self.play.role_vars);
            }
            self.handlers.add_role(role, &loaded.handlers, &self.play, &scope);
        }
        Ok((include.target.clone(), loaded.items))
    }
}
