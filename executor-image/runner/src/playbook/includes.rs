//! What stands for tasks of other files: imports, loaded in their place, and includes, looked into where they are sure to run.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use slipway_language::{Node, NodeKind};

use crate::inventory::Vars;

use super::{
    action::Written,
    error::{IncludeFailure, LoadError, Problem},
    keywords::{self, Place},
    loader::{LoadContext, Loader, normalize},
    model::{Action, IncludeRole, IncludeTasks, Item, Task},
    play::PlayParts,
    roles::{LoadedRole, RoleFiles, RoleUse},
    settings::Settings,
};

impl Loader {
    pub(super) fn import_tasks(
        &mut self,
        node: &Node,
        written: &Written,
        context: &LoadContext,
        parts: &mut PlayParts,
    ) -> Result<Vec<Item>, Problem> {
        self.within(context.outcome(), |loader| loader.check_when(node.get("when")));
        written.no_loop(node)?;
        self.check_parameters(written, false)?;
        let vars = self.vars(node.get("vars"));
        let settings = self.settings(&context.settings, node)?.with_vars(vars);
        let target = written.file(&["file"])?;
        let file = self.static_text(&target, &settings.vars)?;
        let path = self.find_tasks(&file, context).ok_or_else(|| {
            Problem::new(&target.span, self.absent(&file)).fails_include(IncludeFailure::Bare)
        })?;
        let inner = LoadContext {
            settings,
            directory: path.parent().map_or_else(PathBuf::new, Path::to_path_buf),
            ..context.clone()
        };
        self.guarded(&format!("import {}", path.display()), |loader| {
            let root = loader.read(&path)?;
            root.map_or(Ok(Vec::new()), |root| loader.items(&root, &inner, parts))
        })
        .ok_or_else(|| Problem::new(&target.span, format!("{file} imports itself without end")))?
    }

    pub(super) fn import_role(
        &mut self,
        node: &Node,
        written: &Written,
        context: &LoadContext,
        parts: &mut PlayParts,
    ) -> Result<Vec<Item>, Problem> {
        refuse_as_handler(written, context)?;
        self.within(context.outcome(), |loader| loader.check_when(node.get("when")));
        written.no_loop(node)?;
        self.check_parameters(written, false)?;
        let params = self.vars(node.get("vars"));
        let settings = self.settings(&context.settings, node)?;
        let mut vars = settings.vars.clone();
        vars.push(Arc::new(params.clone()));
        let name = self.static_text(&written.required("name", &["role"])?, &vars)?;
        let from = |key: &str| -> Result<String, Problem> {
            match written.file_of_role(key)? {
                Some(file) => self.static_text(&file, &vars),
                None => Ok("main".to_owned()),
            }
        };
        let switch = |key: &str| self.static_switch(written.option(key), &vars);
        let usage = RoleUse {
            name: &name,
            span: &node.span,
            params,
            files: RoleFiles {
                tasks: from("tasks_from")?,
                vars: from("vars_from")?,
                defaults: from("defaults_from")?,
                handlers: from("handlers_from")?,
            },
            allow_duplicates: Some(switch("allow_duplicates")?.unwrap_or(true)),
            provided: Vars::new(),
            validate: switch("rolespec_validate")?.unwrap_or(true),
            public: switch("public")?,
            keywords: String::new(),
        };
        let loaded = self.role(&usage, settings, context)?;
        parts.handlers.extend(loaded.handlers);
        parts.add_roles(loaded.roles);
        parts.used.extend(loaded.name);
        parts.used.extend(loaded.used);
        Ok(loaded.items)
    }

    /// `ahead`: what is surely included is looked into, so that its mistakes are found now, not when the play comes to it.
    pub(super) fn include_tasks(
        &mut self,
        written: &Written,
        context: &LoadContext,
        ahead: bool,
    ) -> Result<Action, Problem> {
        self.check_parameters(written, false)?;
        let file = written.file(&["file"])?;
        self.check_templates(&file);
        let inherited = self.applied(written, context)?;
        if ahead
            && !file.has_templates()
            && let Some(name) = file.as_str()
        {
            let Some(path) = self.find_tasks(name, context) else {
                return Err(Problem::new(&file.span, self.absent(name)));
            };
            let inner = LoadContext {
                directory: path.parent().map_or_else(PathBuf::new, Path::to_path_buf),
                is_sure: false,
                ..context.clone()
            };
            if self
                .looked_into
                .insert(format!("{} {}", path.display(), context.handlers))
                && let Some(root) = self.read(&path)?
            {
                self.items(&root, &inner, &mut PlayParts::default())?;
            }
        }
        Ok(Action::IncludeTasks(Box::new(IncludeTasks {
            file,
            inherited,
            directory: context.directory.clone(),
            handler: context.handlers,
        })))
    }

    pub(super) fn include_role(
        &mut self,
        written: &Written,
        context: &LoadContext,
        ahead: bool,
    ) -> Result<Action, Problem> {
        refuse_as_handler(written, context)?;
        self.check_parameters(written, false)?;
        let name = written.required("name", &["role"])?;
        self.check_templates(&name);
        let inherited = self.applied(written, context)?;
        let action = IncludeRole {
            name: name.clone(),
            tasks_from: written.file_of_role("tasks_from")?,
            vars_from: written.file_of_role("vars_from")?,
            defaults_from: written.file_of_role("defaults_from")?,
            handlers_from: written.file_of_role("handlers_from")?,
            public: written.option("public"),
            validate: written.option("rolespec_validate"),
            allow_duplicates: written.option("allow_duplicates"),
            inherited,
            directory: context.directory.clone(),
        };
        let from = |node: &Option<Node>| match node {
            None => Some("main".to_owned()),
            Some(node) if node.has_templates() => None,
            Some(node) => node.as_str().map(str::to_owned),
        };
        if let (Some(text), Some(tasks), Some(vars), Some(defaults), Some(handlers)) = (
            name.as_str().filter(|_| !name.has_templates()),
            from(&action.tasks_from),
            from(&action.vars_from),
            from(&action.defaults_from),
            from(&action.handlers_from),
        ) && ahead
            && self
                .looked_into
                .insert(format!("role {text} {tasks} {vars} {defaults} {handlers}"))
        {
            let usage = RoleUse {
                name: text,
                span: &name.span,
                params: Vars::new(),
                files: RoleFiles {
                    tasks,
                    vars,
                    defaults,
                    handlers,
                },
                allow_duplicates: None,
                provided: Vars::new(),
                validate: false,
                public: None,
                keywords: String::new(),
            };
            let inner = LoadContext {
                is_sure: false,
                ..context.clone()
            };
            self.role(&usage, context.settings.clone(), &inner)?;
        }
        Ok(Action::IncludeRole(Box::new(action)))
    }

    /// What included tasks inherit: the settings around the include and those of `apply`.
    fn applied(&mut self, written: &Written, context: &LoadContext) -> Result<Settings, Problem> {
        let Some(apply) = written.option("apply") else {
            return Ok(context.settings.clone());
        };
        for (key, value) in apply.entries() {
            if let Some(problem) = keywords::check(key, value, Place::Block, false, |_| false) {
                self.problem(problem);
            }
        }
        if let Some(tags) = apply.get("tags") {
            self.check_templates(tags);
        }
        let vars = self.vars(apply.get("vars"));
        Ok(self.settings(&context.settings, &apply)?.with_vars(vars))
    }

    /// The file of tasks that `name` means here.
    pub fn find_tasks(&self, name: &str, context: &LoadContext) -> Option<PathBuf> {
        self.find_tasks_as_named(name, context)
            .map(|path| normalize(&path))
    }

    /// The same with the steps up that its name takes, as they are shown.
    pub fn find_tasks_as_named(&self, name: &str, context: &LoadContext) -> Option<PathBuf> {
        let mut candidates = vec![context.directory.join(name)];
        if let Some(role) = &context.role {
            let folder = if context.handlers { "handlers" } else { "tasks" };
            candidates.push(role.path.join(folder).join(name));
            candidates.push(role.path.join("tasks").join(name));
            candidates.push(role.path.join(name));
        }
        candidates.push(self.playbook_directory.join(name));
        candidates.into_iter().find(|path| path.is_file())
    }

    /// What is said of a file of tasks that is nowhere: Ansible names the last place where it has looked.
    pub fn absent(&self, name: &str) -> String {
        let last = normalize(&self.playbook_directory.join(name));
        format!(
            "Could not find or access '{}' on the Ansible Controller.",
            last.display()
        )
    }

    /// Loads the tasks of an included file while the play runs.
    pub fn included_tasks(
        &mut self,
        path: &Path,
        context: &LoadContext,
    ) -> Result<(Vec<Item>, Vec<Arc<Task>>), LoadError> {
        let mut parts = PlayParts::default();
        let items = match self.read(path)? {
            Some(root) if matches!(root.kind, NodeKind::List(_) | NodeKind::Null) => {
                self.items(&root, context, &mut parts)?
            }
            Some(root) => {
                let said = "included task files must contain a list of tasks";
                return Err(Problem::new(&root.span, said)
                    .fails_include(IncludeFailure::Bare)
                    .into());
            }
            None => Vec::new(),
        };
        self.finish()?;
        Ok((items, parts.handlers))
    }

    /// Loads an included role while the play runs.
    pub fn included_role(
        &mut self,
        usage: &RoleUse<'_>,
        context: &LoadContext,
    ) -> Result<LoadedRole, LoadError> {
        let loaded = self.role(usage, context.settings.clone(), context)?;
        self.finish()?;
        Ok(loaded)
    }

    /// Runs `load` unless that is already being done further out, too deep to be meant.
    fn guarded<T>(&mut self, what: &str, load: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.roles_in_progress.iter().filter(|name| *name == what).count() > 20 {
            return None;
        }
        self.roles_in_progress.push(what.to_owned());
        let loaded = load(self);
        self.roles_in_progress.pop();
        Some(loaded)
    }
}

/// Roles are no handlers.
fn refuse_as_handler(written: &Written, context: &LoadContext) -> Result<(), Problem> {
    if context.handlers {
        return Err(Problem::new(
            &written.span,
            format!("Using '{}' as a handler is not supported.", written.name),
        ));
    }
    Ok(())
}
