//! Roles: where they are, what is in them, what they depend on.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use slipway_language::{Layer, Node, NodeKind, Span, Templar, Variable};

use crate::inventory::Vars;

use super::{
    collections::FoundRole,
    error::Problem,
    keywords::{self, Place},
    loader::{LoadContext, Loader, normalize},
    model::{Action, Item, Role, Task},
    play::PlayParts,
    settings::Settings,
};

/// A loaded role with its dependencies.
#[derive(Debug, Default)]
pub struct LoadedRole {
    /// Tasks of the dependencies, then its own.
    pub items: Vec<Item>,
    /// Handlers in the same order.
    pub handlers: Vec<Arc<Task>>,
    /// Dependencies, then the role.
    pub roles: Vec<Arc<Role>>,
    /// The role's name.
    pub name: Option<Arc<str>>,
    /// The names of the roles that its tasks import.
    pub used: Vec<Arc<str>>,
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
    /// Whether it may run again with the same parameters; where the use does not say, the role does.
    pub allow_duplicates: Option<bool>,
    /// Parameters that must be among those that the role says it takes.
    pub provided: Vars,
    /// Whether they are checked at all.
    pub validate: bool,
    /// `public`: whether the rest of the play sees the role's variables.
    pub public: Option<bool>,
    /// The use's own tags and conditions, as they are written: uses that differ in them are different uses.
    pub keywords: String,
}

impl Loader {
    /// An entry of `roles:` or of `dependencies:`.
    pub(super) fn role_entry(&mut self, entry: &Node, context: &LoadContext) -> Result<LoadedRole, Problem> {
        let mut provided = Vars::new();
        if let Some(text) = entry.as_str().filter(|text| text.contains(',')) {
            return Err(Problem::new(
                &entry.span,
                format!("Invalid old style role requirement: {text}"),
            ));
        }
        let (name, params, settings) = match &entry.kind {
            NodeKind::Str(_) => (
                self.static_text(entry, &[])?,
                Vars::new(),
                context.settings.clone(),
            ),
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
                    // A parameter may have the name of what only plays have: `user`, for one.
                    if keywords::is_keyword(text) && !keywords::is_of_plays_alone(text) {
                        if let Some(problem) = keywords::check(key, value, Place::Role, false, |_| false) {
                            self.problem(problem);
                        }
                        if text == "when" {
                            self.within(context.outcome(), |loader| loader.check_when(Some(value)));
                        }
                    } else {
                        self.check_templates(value);
                        provided.insert(Arc::from(text), Variable::Template(value.clone()));
                    }
                }
                params.extend(provided.clone());
                (name, params, self.settings(&context.settings, entry)?)
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
            allow_duplicates: None,
            provided,
            validate: true,
            public: None,
            keywords: ["tags", "when"]
                .iter()
                .filter_map(|keyword| entry.get(keyword))
                .map(node_text)
                .collect::<Vec<_>>()
                .join("|"),
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
        let found = self.find_role(usage.name, context, usage.span)?;
        self.add_folder(&found.path);
        if self.roles_in_progress.iter().any(|name| name == usage.name) && self.roles_in_progress.len() > 30 {
            return Err(Problem::new(
                usage.span,
                format!("the role {} uses itself without end", usage.name),
            ));
        }
        self.roles_in_progress.push(usage.name.to_owned());
        let loaded = self.role_at(usage, settings, context, &found);
        self.roles_in_progress.pop();
        loaded
    }

    fn role_at(
        &mut self,
        usage: &RoleUse<'_>,
        settings: Settings,
        context: &LoadContext,
        found: &FoundRole,
    ) -> Result<LoadedRole, Problem> {
        let path = found.path.as_path();
        let meta = match main_file(&path.join("meta"), "main") {
            Some(file) => self.read(&file)?,
            None => None,
        };
        // Roles do not search the collections of what uses them, but their own and those of their `meta/main.yml`.
        let settings = Settings {
            collections: role_collections(found, meta.as_ref(), &settings),
            ..settings
        };
        let own_defaults = Arc::new(self.role_vars(&path.join("defaults"), &usage.files.defaults, usage)?);
        let own_vars = Arc::new(self.role_vars(&path.join("vars"), &usage.files.vars, usage)?);
        let parent = context.role.as_deref();

        // Dependencies see this role as their parent, with what it has so far.
        let as_parent = Arc::new(Role {
            name: Arc::from(found.name.as_str()),
            collection: found.collection.clone(),
            path: path.to_path_buf(),
            defaults: layered(parent.map(|role| &role.defaults), &[], &own_defaults),
            vars: layered(parent.map(|role| &role.vars), &[], &own_vars),
            params: with_params(parent, &usage.params),
            parents: with_parent(parent, |role| &role.parents, |role| Arc::clone(&role.name)),
            parent_paths: with_parent(parent, |role| &role.parent_paths, |role| role.path.clone()),
            identity: String::new(),
            allow_duplicates: false,
            public: usage.public,
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
            .is_some_and(super::settings::is_true);
        let identity = format!(
            "{}|{}|{:?}|{:?}|{}",
            usage.name,
            usage.files.tasks,
            usage
                .params
                .iter()
                .map(|(name, value)| format!("{name}={}", written(value)))
                .collect::<Vec<_>>(),
            usage.provided.keys().collect::<Vec<_>>(),
            usage.keywords,
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
            name: Arc::from(found.name.as_str()),
            collection: found.collection.clone(),
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
            allow_duplicates: usage.allow_duplicates.unwrap_or(meta_duplicates),
            public: usage.public,
            path: path.to_path_buf(),
        });
        loaded.roles.extend(dependency_roles);
        loaded.name = Some(Arc::clone(&role.name));
        loaded.roles.push(Arc::clone(&role));

        let inner = LoadContext {
            settings,
            role: Some(Arc::clone(&role)),
            directory: path.join("tasks"),
            include_vars: context.include_vars.clone(),
            handlers: context.handlers,
            is_sure: context.is_sure,
            may_fail: context.may_fail,
        };
        let validation = self.validation_task(usage, meta.as_ref(), &inner)?;
        loaded
            .items
            .extend(validation.map(|task| Item::Task(Arc::new(task))));
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
        loaded.used.extend(parts.used);
        Ok(loaded)
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
            if root.is_null() {
                continue;
            }
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
            if !normalize(&file).starts_with(normalize(directory)) {
                return Err(Problem::new(
                    usage.span,
                    format!(
                        "Failed loading '{}' for role ({}) as it is not inside the expected role path: '{}'",
                        file.display(),
                        usage.name,
                        directory.display()
                    ),
                ));
            }
            return Ok(Some(file));
        }
        if from == "main" {
            return Ok(None);
        }
        Err(Problem::new(
            usage.span,
            format!(
                "Could not find specified file in role: {}/{from}",
                directory.file_name().unwrap_or_default().to_string_lossy()
            ),
        ))
    }
}

/// Where the tasks of a role look for modules and roles that are named without their collection: in the role's, in that of the playbook,
/// and in those of the role's meta file.
fn role_collections(found: &FoundRole, meta: Option<&Node>, around: &Settings) -> Vec<Arc<str>> {
    let mut collections: Vec<Arc<str>> = found.collection.iter().cloned().collect();
    let listed = match meta.and_then(|meta| meta.get("collections")) {
        Some(listed) => around.searched(listed),
        None => around.playbook_collection.iter().cloned().collect(),
    };
    for collection in listed {
        if !collections.contains(&collection) {
            collections.push(collection);
        }
    }
    collections
}

/// A value as it is written, without its place.
fn node_text(node: &Node) -> String {
    match &node.kind {
        NodeKind::Null => "null".to_owned(),
        NodeKind::Bool(value) => value.to_string(),
        NodeKind::Int(value) => value.to_string(),
        NodeKind::Float(value) => value.to_string(),
        NodeKind::Str(value) | NodeKind::Unsafe(value) => format!("{value:?}"),
        NodeKind::Vault(value) => format!("{value:?}"),
        NodeKind::Bytes(value) => format!("{value:?}"),
        NodeKind::List(items) => format!("{:?}", items.iter().map(node_text).collect::<Vec<_>>()),
        NodeKind::Map(entries) => {
            format!(
                "{:?}",
                entries
                    .iter()
                    .map(|(key, value)| (node_text(key), node_text(value)))
                    .collect::<Vec<_>>()
            )
        }
    }
}

/// A variable as it is written, without its place: two uses with the same parameters are the same use.
fn written(variable: &Variable) -> String {
    match variable {
        Variable::Template(node) => node_text(node),
        other => other.value(&Templar::new()).unwrap_or_default().to_string(),
    }
}

/// `name`, `name.yml`, `name.yaml` or `name.json` in a directory.
pub(super) fn main_file(directory: &Path, name: &str) -> Option<PathBuf> {
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
    let mut task = Task::made("meta", Action::RoleComplete(Arc::clone(role)), context, span);
    task.implicit = true;
    task
}
