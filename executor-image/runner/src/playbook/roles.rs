//! Roles: where they are, what is in them, what they depend on.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use slipway_language::{Layer, Node, NodeKind, Span, Variable};

use crate::inventory::Vars;

use super::{
    error::Problem,
    keywords::{self, Place},
    loader::{LoadContext, Loader, normalize},
    model::{Action, Handler, Item, Role, Task},
    play::PlayParts,
    settings::Settings,
};

/// A loaded role with its dependencies.
#[derive(Debug, Default)]
pub struct LoadedRole {
    /// Tasks of the dependencies, then its own.
    pub items: Vec<Item>,
    /// Handlers in the same order.
    pub handlers: Vec<Handler>,
    /// Dependencies, then the role.
    pub roles: Vec<Arc<Role>>,
}

/// Which files of a role are used.
#[derive(Debug, Clone)]
pub struct RoleFiles {
    /// `tasks_from`
    pub tasks: String,
    /// `vars_from`
    pub vars: String,
    /// `defaults_from`
    pub defaults: String,
    /// `handlers_from`
    pub handlers: String,
}

impl Default for RoleFiles {
    fn default() -> Self {
        let main = || "main".to_owned();
        Self {
            tasks: main(),
            vars: main(),
            defaults: main(),
            handlers: main(),
        }
    }
}

/// How a role is used.
#[derive(Debug, Clone)]
pub struct RoleUse<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it is used.
    pub span: &'a Span,
    /// Parameters and variables given to it.
    pub params: Vars,
    /// Which of its files.
    pub files: RoleFiles,
    /// Whether it may run again with the same parameters.
    pub allow_duplicates: bool,
}

impl Loader {
    /// An entry of `roles:` or of `dependencies:`.
    pub(super) fn role_entry(&mut self, entry: &Node, context: &LoadContext) -> Result<LoadedRole, Problem> {
        let (name, params, settings) = match &entry.kind {
            NodeKind::Str(name) => (name.to_string(), Vars::new(), context.settings.clone()),
            NodeKind::Map(entries) => {
                let Some(name) = entry.get("role").or_else(|| entry.get("name")) else {
                    return Err(Problem::new(
                        &entry.span,
                        "an entry of roles needs \"role\": the name of the role",
                    ));
                };
                let name = self.static_text(name, &[])?;
                let mut params = self.vars(entry.get("vars"));
                for (key, value) in entries.iter() {
                    let text = key.as_str().unwrap_or_default();
                    if keywords::is_keyword(text) {
                        if let Some(problem) = keywords::check(key, value, Place::Role) {
                            self.problem(problem);
                        }
                        if text == "when" {
                            self.check_condition(value);
                        }
                    } else {
                        self.check_templates(value);
                        params.insert(Arc::from(text), Variable::Template(value.clone()));
                    }
                }
                (name, params, context.settings.with(entry)?)
            }
            _ => {
                return Err(Problem::new(
                    &entry.span,
                    format!(
                        "an entry of roles must be a name or a mapping, this is {}",
                        entry.type_name()
                    ),
                ));
            }
        };
        let usage = RoleUse {
            name: &name,
            span: &entry.span,
            params,
            files: RoleFiles::default(),
            allow_duplicates: false,
        };
        self.role(&usage, settings, context)
    }

    /// Loads a role for one use.
    pub fn role(
        &mut self,
        usage: &RoleUse<'_>,
        settings: Settings,
        context: &LoadContext,
    ) -> Result<LoadedRole, Problem> {
        let path = &self.find_role(usage.name, context, usage.span)?;
        self.modules.add_role(path);
        if self.roles_in_progress.iter().any(|name| name == usage.name) && self.roles_in_progress.len() > 30 {
            return Err(Problem::new(
                usage.span,
                format!("the role {} uses itself without end", usage.name),
            ));
        }
        self.roles_in_progress.push(usage.name.to_owned());
        let loaded = self.role_at(usage, settings, context, path);
        self.roles_in_progress.pop();
        loaded
    }

    fn role_at(
        &mut self,
        usage: &RoleUse<'_>,
        settings: Settings,
        context: &LoadContext,
        path: &Path,
    ) -> Result<LoadedRole, Problem> {
        if let Some(file) = main_file(&path.join("meta"), "argument_specs") {
            let span = Span::start_of(super::loader::display_path(&file));
            return Err(Problem::new(
                &span,
                "argument specifications of roles are not supported yet",
            ));
        }
        let meta = match main_file(&path.join("meta"), "main") {
            Some(file) => self.read(&file)?,
            None => None,
        };
        let own_defaults = Arc::new(self.role_vars(&path.join("defaults"), &usage.files.defaults, usage)?);
        let own_vars = Arc::new(self.role_vars(&path.join("vars"), &usage.files.vars, usage)?);
        let parent = context.role.as_deref();

        // Dependencies see this role as their parent, with what it has so far.
        let as_parent = Arc::new(Role {
            name: Arc::from(usage.name),
            path: path.to_path_buf(),
            defaults: layered(parent.map(|role| &role.defaults), &[], &own_defaults),
            vars: layered(parent.map(|role| &role.vars), &[], &own_vars),
            params: with_params(parent, &usage.params),
            parents: with_parent(parent, |role| &role.parents, |role| Arc::clone(&role.name)),
            parent_paths: with_parent(parent, |role| &role.parent_paths, |role| role.path.clone()),
            identity: String::new(),
            allow_duplicates: false,
        });
        let mut loaded = LoadedRole::default();
        let mut dependency_context = context.clone();
        dependency_context.role = Some(as_parent);
        dependency_context.settings = settings.clone();
        let dependencies = meta
            .as_ref()
            .and_then(|meta| meta.get("dependencies"))
            .map(super::settings::list);
        let mut dependency_roles: Vec<Arc<Role>> = Vec::new();
        for dependency in dependencies.unwrap_or_default() {
            let below = self.role_entry(&dependency, &dependency_context)?;
            loaded.items.extend(below.items);
            loaded.handlers.extend(below.handlers);
            dependency_roles.extend(below.roles);
        }
        let meta_duplicates = meta
            .as_ref()
            .and_then(|meta| meta.get("allow_duplicates"))
            .is_some_and(|value| matches!(value.kind, NodeKind::Bool(true)));
        let identity = format!(
            "{}|{}|{:?}|{:?}|{:?}",
            usage.name,
            usage.files.tasks,
            usage
                .params
                .iter()
                .map(|(name, value)| format!("{name}={}", written(value)))
                .collect::<Vec<_>>(),
            settings.tags,
            settings.when.iter().map(Node::as_str).collect::<Vec<_>>(),
        );
        let dependency_defaults: Vec<_> = dependency_roles
            .iter()
            .flat_map(|role| role.defaults.clone())
            .collect();
        let dependency_vars: Vec<_> = dependency_roles
            .iter()
            .flat_map(|role| role.vars.clone())
            .collect();
        let role = Arc::new(Role {
            name: Arc::from(usage.name),
            defaults: layered(
                parent.map(|role| &role.defaults),
                &dependency_defaults,
                &own_defaults,
            ),
            vars: layered(parent.map(|role| &role.vars), &dependency_vars, &own_vars),
            params: with_params(parent, &usage.params),
            parents: with_parent(parent, |role| &role.parents, |role| Arc::clone(&role.name)),
            parent_paths: with_parent(parent, |role| &role.parent_paths, |role| role.path.clone()),
            identity,
            allow_duplicates: meta_duplicates || usage.allow_duplicates,
            path: path.to_path_buf(),
        });
        loaded.roles.extend(dependency_roles);
        loaded.roles.push(Arc::clone(&role));

        let inner = LoadContext {
            settings,
            role: Some(Arc::clone(&role)),
            directory: path.join("tasks"),
            include_vars: context.include_vars.clone(),
            handlers: context.handlers,
        };
        let mut parts = PlayParts::default();
        if let Some(file) = Self::role_file(&path.join("tasks"), &usage.files.tasks, usage)?
            && let Some(root) = self.read(&file)?
        {
            let items = self.items(&root, &inner, &mut parts)?;
            loaded.items.extend(items);
        }
        loaded
            .items
            .push(Item::Task(Arc::new(role_complete(usage.span, &inner, &role))));
        if let Some(file) = Self::role_file(&path.join("handlers"), &usage.files.handlers, usage)?
            && let Some(root) = self.read(&file)?
        {
            let inner = LoadContext {
                directory: path.join("handlers"),
                handlers: true,
                ..inner
            };
            let handlers = self.handlers(&root, &inner, &mut parts)?;
            loaded.handlers.extend(handlers);
        }
        loaded.handlers.extend(parts.handlers);
        loaded.roles.extend(parts.roles);
        Ok(loaded)
    }

    fn find_role(&self, name: &str, context: &LoadContext, span: &Span) -> Result<PathBuf, Problem> {
        let mut candidates = vec![self.playbook_directory.join("roles")];
        candidates.extend(self.roles_path.iter().cloned());
        candidates.push(self.playbook_directory.clone());
        if let Some(role) = &context.role {
            candidates.extend(role.path.parent().map(Path::to_path_buf));
        }
        candidates.push(context.directory.join("roles"));
        let found = candidates
            .iter()
            .map(|directory| directory.join(name))
            .find(|path| path.is_dir());
        if let Some(path) = found {
            return Ok(normalize(&path));
        }
        let known: Vec<String> = candidates
            .iter()
            .filter_map(|directory| std::fs::read_dir(directory).ok())
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        let searched = candidates
            .iter()
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>()
            .join(", ");
        Err(
            Problem::new(span, format!("the role {name:?} was not found in {searched}"))
                .nearest(name, known.iter().map(String::as_str)),
        )
    }

    /// The variables of `defaults/` or `vars/`: one file, or every file of a directory.
    fn role_vars(&mut self, directory: &Path, from: &str, usage: &RoleUse<'_>) -> Result<Vars, Problem> {
        let mut files = Vec::new();
        let inner = directory.join(from);
        if inner.is_dir() {
            let mut entries: Vec<PathBuf> = std::fs::read_dir(&inner)
                .map_err(|error| {
                    Problem::new(usage.span, format!("cannot read {}: {error}", inner.display()))
                })?
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|path| {
                    matches!(
                        path.extension().and_then(|ext| ext.to_str()),
                        Some("yml" | "yaml" | "json")
                    )
                })
                .collect();
            entries.sort();
            files.extend(entries);
        } else {
            files.extend(Self::role_file(directory, from, usage)?);
        }
        let mut vars = Vars::new();
        for file in files {
            let Some(root) = self.read(&file)? else { continue };
            if !matches!(root.kind, NodeKind::Map(_)) {
                return Err(Problem::new(
                    &root.span,
                    format!(
                        "the variables of a role must be a mapping, this is {}",
                        root.type_name()
                    ),
                ));
            }
            vars.extend(self.vars(Some(&root)));
        }
        Ok(vars)
    }

    fn role_file(directory: &Path, from: &str, usage: &RoleUse<'_>) -> Result<Option<PathBuf>, Problem> {
        if let Some(file) = main_file(directory, from) {
            return Ok(Some(file));
        }
        if from == "main" {
            return Ok(None);
        }
        Err(Problem::new(
            usage.span,
            format!(
                "the role {} has no file {}",
                usage.name,
                directory.join(from).display()
            ),
        ))
    }
}

/// A variable as it is written, without its place: two uses with the same parameters are the same use.
fn written(variable: &Variable) -> String {
    fn text(node: &Node) -> String {
        match &node.kind {
            NodeKind::Null => "null".to_owned(),
            NodeKind::Bool(value) => value.to_string(),
            NodeKind::Int(value) => value.to_string(),
            NodeKind::Float(value) => value.to_string(),
            NodeKind::Str(value) | NodeKind::Unsafe(value) => format!("{value:?}"),
            NodeKind::Vault(value) => format!("{value:?}"),
            NodeKind::List(items) => format!("{:?}", items.iter().map(text).collect::<Vec<_>>()),
            NodeKind::Map(entries) => {
                format!(
                    "{:?}",
                    entries
                        .iter()
                        .map(|(key, value)| (text(key), text(value)))
                        .collect::<Vec<_>>()
                )
            }
        }
    }
    match variable {
        Variable::Template(node) => text(node),
        Variable::Data(value) => value.to_string(),
    }
}

/// `name`, `name.yml`, `name.yaml` or `name.json` in a directory.
fn main_file(directory: &Path, name: &str) -> Option<PathBuf> {
    ["", ".yml", ".yaml", ".json"]
        .iter()
        .map(|extension| directory.join(format!("{name}{extension}")))
        .find(|path| path.is_file())
}

fn layered(
    parents: Option<&Vec<Arc<dyn Layer>>>,
    dependencies: &[Arc<dyn Layer>],
    own: &Arc<Vars>,
) -> Vec<Arc<dyn Layer>> {
    let mut layers = parents.cloned().unwrap_or_default();
    layers.extend(dependencies.iter().cloned());
    if !own.is_empty() {
        layers.push(Arc::clone(own) as Arc<dyn Layer>);
    }
    layers
}

fn with_params(parent: Option<&Role>, own: &Vars) -> Vec<Arc<Vars>> {
    let mut params = parent.map(|role| role.params.clone()).unwrap_or_default();
    if !own.is_empty() {
        params.push(Arc::new(own.clone()));
    }
    params
}

fn with_parent<T: Clone>(
    parent: Option<&Role>,
    above: impl Fn(&Role) -> &Vec<T>,
    own: impl Fn(&Role) -> T,
) -> Vec<T> {
    parent.map_or_else(Vec::new, |role| {
        let mut found = vec![own(role)];
        found.extend(above(role).iter().cloned());
        found
    })
}

fn role_complete(span: &Span, context: &LoadContext, role: &Arc<Role>) -> Task {
    Task {
        name: None,
        span: span.clone(),
        action_name: Arc::from("meta"),
        action: Action::RoleComplete(Arc::clone(role)),
        settings: context.settings.clone(),
        vars: Arc::default(),
        r#loop: None,
        register: None,
        changed_when: None,
        failed_when: None,
        until: None,
        retries: None,
        delay: None,
        role: Some(Arc::clone(role)),
        include_vars: context.include_vars.clone(),
        implicit: true,
    }
}
