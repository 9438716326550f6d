//! Where modules are found that are not in the runner's own table.

mod unknown;

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use slipway_protocol::spec::{self, ModuleSpec, Side};

use super::{
    action_groups::Groups,
    action_plugin::{self, ActionPlugin},
    collections::{Collections, Routing, split_name},
    core::Core,
    dependencies::{DependencyError, Library},
    error::CatalogError,
    package::{self, Package, Packer},
    rejected::Rejected,
    style::{Style, shebang},
};
use crate::settings::Settings;

/// Names of files beside modules that are none.
const NO_MODULES: [&str; 12] = [
    "pyc", "pyo", "swp", "bak", "rpm", "md", "txt", "rst", "yml", "yaml", "ini", "ps1",
];

/// The action plugin of modules that have none of their own.
const NORMAL: &str = "normal";

/// A module of the runner's table, or one that was found.
#[derive(Debug, Clone)]
pub enum Module {
    /// The agent or the runner carries it out.
    Native(&'static ModuleSpec),
    /// It is sent to hosts.
    Foreign(Arc<ForeignModule>),
    /// An action plugin in Python carries it out.
    Action(Arc<ActionPlugin>),
}

/// A module that somebody else has written.
#[derive(Debug)]
pub struct ForeignModule {
    /// Its name: fully qualified, or short for one that is beside a playbook or in a role.
    pub name: String,
    /// The words of its first line that name an interpreter.
    pub shebang: Option<Vec<String>>,
    /// What this machine does for it before it is sent.
    pub preparation: Option<Preparation>,
    /// What is sent.
    pub package: Package,
    /// Version of the library that it is sent with.
    pub version: String,
}

/// The half of a module that Ansible leaves to an action plugin, where the runner has one of its own in the plugin's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preparation {
    /// What all modules of `kubernetes.core` share: files and templates of this machine.
    Kubernetes,
}

impl Preparation {
    /// What stands in for the action plugin of a module.
    pub(super) fn of(name: &str) -> Option<Self> {
        name.starts_with("kubernetes.core.").then_some(Self::Kubernetes)
    }
}

/// Finds modules by name. Clones share what they have found.
#[derive(Debug, Clone)]
pub struct Catalog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Folders with modules and plugins of their own: the playbook's, then those of roles and imported playbooks as they are
    /// loaded.
    near: Mutex<Vec<PathBuf>>,
    /// Folders of modules that settings name.
    far: Vec<PathBuf>,
    /// Folders of their library code.
    far_code: Vec<PathBuf>,
    /// Folders of action plugins.
    far_actions: Vec<PathBuf>,
    /// Folders of collections without those that are installed with Ansible.
    collection_roots: Vec<PathBuf>,
    /// Whether those that are installed with Ansible count.
    scan_packages: bool,
    installed: OnceLock<Installed>,
    /// Modules by their files.
    found: Mutex<HashMap<PathBuf, Arc<ForeignModule>>>,
    /// Full names that are none: each task whose module is named without a collection asks for them again.
    absent: Mutex<HashSet<String>>,
    groups: Groups,
    rejected: Rejected,
    /// What is wrong with the file that rejects modules.
    warning: Option<String>,
}

/// What is looked for only when a name is not in the table.
#[derive(Debug)]
struct Installed {
    collections: Arc<Collections>,
    core: Option<(Core, Arc<Routing>, Packer)>,
}

/// Where a name leads.
enum Lead {
    Module(Module),
    /// Another name is meant.
    Name(String),
    Nowhere,
}

type Result<T> = std::result::Result<T, CatalogError>;

impl Catalog {
    /// Modules for the playbook in a directory.
    pub fn new(settings: &Settings, playbook_directory: &Path) -> Self {
        let there = |paths: &[PathBuf]| -> Vec<PathBuf> {
            paths.iter().filter(|path| path.is_dir()).cloned().collect()
        };
        let (rejected, warning) = Rejected::read(settings.plugin_filters_cfg.as_deref());
        let mut collection_roots = vec![playbook_directory.join("collections")];
        collection_roots.extend(settings.collections_path.iter().cloned());
        Self(Arc::new(Inner {
            near: Mutex::new(vec![playbook_directory.to_path_buf()]),
            far: there(&settings.library),
            far_code: there(&settings.module_utils),
            far_actions: there(&settings.action_plugins),
            collection_roots,
            scan_packages: settings.collections_scan_sys_path,
            installed: OnceLock::new(),
            found: Mutex::default(),
            absent: Mutex::default(),
            groups: Groups::default(),
            rejected,
            warning,
        }))
    }

    /// What there is to say about the settings of modules.
    pub fn warning(&self) -> Option<&str> {
        self.0.warning.as_deref()
    }

    /// The modules of a role, or beside an imported playbook, can be used from now on.
    pub fn add(&self, directory: &Path) {
        let mut near = self.0.near.lock().unwrap_or_else(PoisonError::into_inner);
        if !near.iter().any(|known| known == directory) {
            near.push(directory.to_path_buf());
        }
    }

    /// The folders of this name beside the playbook and in roles.
    fn near(&self, folder: &str) -> Vec<PathBuf> {
        let near = self.0.near.lock().unwrap_or_else(PoisonError::into_inner);
        near.iter()
            .map(|around| around.join(folder))
            .filter(|path| path.is_dir())
            .collect()
    }

    /// The module of this name; none if there is none. A name without a collection is looked for in these collections, then where
    /// such names are without them.
    pub fn find(&self, name: &str, collections: &[Arc<str>]) -> Result<Option<Module>> {
        if !name.contains('.') {
            for collection in collections {
                if let Some(module) = self.find_in(collection, name)? {
                    return Ok(Some(module));
                }
            }
        }
        self.find_named(name)
    }

    /// The module of a collection that is searched for names without one.
    fn find_in(&self, collection: &str, name: &str) -> Result<Option<Module>> {
        let name = format!("{collection}.{name}");
        let is_absent = {
            let absent = self.0.absent.lock().unwrap_or_else(PoisonError::into_inner);
            absent.contains(&name)
        };
        if is_absent {
            return Ok(None);
        }
        let found = self.find_named(&name)?;
        if found.is_none() {
            let mut absent = self.0.absent.lock().unwrap_or_else(PoisonError::into_inner);
            absent.insert(name);
        }
        Ok(found)
    }

    fn find_named(&self, name: &str) -> Result<Option<Module>> {
        let mut name = name.to_owned();
        for _ in 0..8 {
            self.0.rejected.refuse(&name)?;
            match self.follow(&name)? {
                Lead::Module(module) => return Ok(Some(self.by_normal(&name, module))),
                Lead::Nowhere => return Ok(None),
                Lead::Name(redirect) => name = redirect,
            }
        }
        Err(CatalogError::Endless(name))
    }

    /// A plugin `normal` of the playbook's or of settings carries out every module that has no action of its own.
    fn by_normal(&self, name: &str, module: Module) -> Module {
        let Some(path) = self.near_action(NORMAL) else {
            return module;
        };
        let has_own = match &module {
            Module::Native(spec) => spec.side != Side::Agent || self.has_core_action(spec.short_name()),
            Module::Foreign(_) => false,
            Module::Action(_) => true,
        };
        if has_own {
            return module;
        }
        Module::Action(Arc::new(ActionPlugin::new(name, NORMAL, path)))
    }

    /// Whether ansible-core has an action plugin of this name.
    fn has_core_action(&self, name: &str) -> bool {
        let core = self.installed().core.as_ref();
        core.is_some_and(|(core, ..)| {
            let folder = core.directory.join("plugins/action");
            folder.join(format!("{name}.py")).is_file()
        })
    }

    fn follow(&self, name: &str) -> Result<Lead> {
        let native = spec::find(name);
        if let Some(short) = name.strip_prefix("ansible.builtin.") {
            return match native {
                Some(spec) => Ok(Lead::Module(Module::Native(spec))),
                None => self.in_core(short),
            };
        }
        let short = name
            .strip_prefix("ansible.legacy.")
            .or((!name.contains('.')).then_some(name));
        let Some(short) = short else {
            return match native.filter(|spec| spec.name == name) {
                Some(spec) => Ok(Lead::Module(Module::Native(spec))),
                None => self.in_collection(name),
            };
        };
        if let Some(path) = self.near_action(short) {
            return Ok(lead(ActionPlugin::new(short, short, path)));
        }
        // What the runner does by itself are not modules that could be replaced.
        let replaceable = native.is_none_or(|spec| spec.side != Side::Runner);
        if replaceable && let Some(path) = self.near_file(short) {
            return self.load(short, &format!("ansible.modules.{short}"), &path);
        }
        if let Some(spec) = native {
            return Ok(Lead::Module(Module::Native(spec)));
        }
        match self.in_core(short)? {
            // Its file begins with an underscore where a name is out of use, or another one's.
            Lead::Nowhere => match self.near_file(&format!("_{short}")) {
                Some(path) => self.load(short, &format!("ansible.modules.{short}"), &path),
                None => Ok(Lead::Nowhere),
            },
            lead => Ok(lead),
        }
    }

    /// An action plugin beside the playbook, in a role or in the folders that settings name.
    fn near_action(&self, name: &str) -> Option<PathBuf> {
        let near = self.near("action_plugins");
        let mut files = near
            .iter()
            .chain(&self.0.far_actions)
            .map(|folder| folder.join(format!("{name}.py")));
        files.find(|path| path.is_file())
    }

    /// A module beside the playbook, in a role or in the folders that settings name.
    fn near_file(&self, name: &str) -> Option<PathBuf> {
        let libraries = self.near("library");
        libraries
            .iter()
            .chain(&self.0.far)
            .find_map(|folder| module_file(folder, name))
    }

    /// The full name of a module, wherever it has moved to, whether it can be used or not; none if there is none.
    pub fn full_name(&self, name: &str) -> Option<String> {
        let mut name = name.to_owned();
        for _ in 0..8 {
            let short = name
                .strip_prefix("ansible.legacy.")
                .or((!name.contains('.')).then_some(name.as_str()));
            let native = spec::find(&name);
            if let Some(short) = short {
                let replaceable = native.is_none_or(|spec| spec.side != Side::Runner);
                if self.near_action(short).is_some() || replaceable && self.near_file(short).is_some() {
                    return Some(format!("ansible.legacy.{short}"));
                }
                name = format!("ansible.builtin.{short}");
            }
            if let Some(spec) = native
                && (name.starts_with("ansible.builtin.") || spec.name == name)
            {
                return Some(spec.name.to_owned());
            }
            let (namespace, collection, below) = split_name(&name)?;
            let routing = self.routing_of(namespace, collection)?;
            if let Some(action) = action_plugin::redirected(&routing, &name, below) {
                return Some(action.to_owned());
            }
            let redirect = |kind| routing.of(kind, below)?.redirect.clone();
            name = match redirect("modules") {
                Some(redirect) => redirect,
                None if self.is_installed(namespace, collection, below) => return Some(name),
                None => redirect("action")?,
            };
        }
        None
    }

    /// Whether a collection, or ansible-core as `ansible.builtin`, has a module or an action plugin of this name.
    fn is_installed(&self, namespace: &str, collection: &str, below: &str) -> bool {
        let below = below.replace('.', "/");
        let installed = self.installed();
        let (modules, actions) = if (namespace, collection) == ("ansible", "builtin") {
            let Some((core, ..)) = &installed.core else {
                return false;
            };
            (
                core.directory.join("modules"),
                core.directory.join("plugins/action"),
            )
        } else {
            let Some(directory) = installed.collections.find(namespace, collection) else {
                return false;
            };
            (
                directory.join("plugins/modules"),
                directory.join("plugins/action"),
            )
        };
        module_file(&modules, &below).is_some() || actions.join(format!("{below}.py")).is_file()
    }

    /// What a collection says of its plugins, `ansible.builtin` being ansible-core; none if it is not installed.
    pub(super) fn routing_of(&self, namespace: &str, collection: &str) -> Option<Arc<Routing>> {
        let installed = self.installed();
        if (namespace, collection) == ("ansible", "builtin") {
            return installed.core.as_ref().map(|(_, routing, _)| Arc::clone(routing));
        }
        let directory = installed.collections.find(namespace, collection)?;
        Some(installed.collections.routing(&directory))
    }

    /// Groups of modules that were looked up.
    pub(super) fn groups(&self) -> &Groups {
        &self.0.groups
    }

    /// The module of this fully qualified name as its collection has it, whatever the table says.
    pub fn of_collection(&self, name: &str) -> Result<Option<Arc<ForeignModule>>> {
        Ok(match self.in_collection(name)? {
            Lead::Module(Module::Foreign(module)) => Some(module),
            _ => None,
        })
    }

    fn in_core(&self, name: &str) -> Result<Lead> {
        let Some((core, routing, _)) = &self.installed().core else {
            return Ok(Lead::Nowhere);
        };
        let file = format!("{name}.py");
        let path = core.directory.join("modules").join(&file);
        if !path.is_file() {
            let redirect = routing
                .of("modules", name)
                .and_then(|route| route.redirect.clone());
            return Ok(redirect.map_or(Lead::Nowhere, Lead::Name));
        }
        let full = format!("ansible.builtin.{name}");
        let action = core.directory.join("plugins/action").join(file);
        if action.is_file() {
            return Ok(lead(ActionPlugin::new(&full, &full, action)));
        }
        self.load(&full, &format!("ansible.modules.{name}"), &path)
    }

    fn in_collection(&self, name: &str) -> Result<Lead> {
        let collections = &self.installed().collections;
        let found = split_name(name).and_then(|(namespace, collection, below)| {
            Some((collections.find(namespace, collection)?, below))
        });
        let Some((directory, below)) = found else {
            return Ok(Lead::Nowhere);
        };
        let routing = collections.routing(&directory);
        let redirected = action_plugin::redirected(&routing, name, below);
        if let Some(route) = routing.of("modules", below) {
            if let Some(notice) = &route.tombstone {
                return Err(CatalogError::Removed {
                    name: name.to_owned(),
                    why: notice.warning_text.clone().unwrap_or_default().trim().to_owned(),
                });
            }
            if let Some(handler) = &route.action_plugin {
                return Ok(lead(ActionPlugin::new(name, handler, PathBuf::from(handler))));
            }
            if let (Some(redirect), None) = (&route.redirect, redirected) {
                return Ok(Lead::Name(redirect.clone()));
            }
        }
        if let Some(action) = redirected {
            return Ok(lead(ActionPlugin::new(action, action, PathBuf::from(action))));
        }
        let relative = below.replace('.', "/");
        let action = directory.join("plugins/action").join(format!("{relative}.py"));
        let has_moved = || {
            let route = routing.of("action", below);
            route.is_some_and(|route| route.redirect.is_some())
        };
        let preparation = Preparation::of(name).filter(|_| action.is_file() || has_moved());
        if action.is_file() && preparation.is_none() {
            return Ok(lead(ActionPlugin::new(name, name, action)));
        }
        let Some(path) = module_file(&directory.join("plugins/modules"), &relative) else {
            return Ok(Lead::Nowhere);
        };
        let (package, _) = name.split_at(name.len() - below.len() - 1);
        let entry = format!("ansible_collections.{package}.plugins.modules.{below}");
        self.load_prepared(name, &entry, &path, preparation)
    }

    fn load(&self, name: &str, entry: &str, path: &Path) -> Result<Lead> {
        self.load_prepared(name, entry, path, None)
    }

    fn load_prepared(
        &self,
        name: &str,
        entry: &str,
        path: &Path,
        preparation: Option<Preparation>,
    ) -> Result<Lead> {
        let mut found = self.0.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = found.get(path) {
            return Ok(Lead::Module(Module::Foreign(Arc::clone(module))));
        }
        let named = || (name.to_owned(), path.to_path_buf());
        let dependency = |source| CatalogError::Dependency {
            name: name.to_owned(),
            source,
        };
        let content = std::fs::read(path).map_err(|source| {
            dependency(DependencyError::Read {
                path: path.to_path_buf(),
                source,
            })
        })?;
        let Some(style) = Style::of(&content) else {
            let (name, path) = named();
            return Err(CatalogError::PowerShell { name, path });
        };
        // What is no text is started by the system itself.
        let is_text = !content.contains(&0);
        let shebang = shebang(&content).filter(|_| is_text);
        let core = &self.installed().core;
        let package = if style == Style::Python {
            let Some((_, _, packer)) = core else {
                let (name, path) = named();
                return Err(CatalogError::NoCore { name, path });
            };
            packer
                .python(entry, path, &content, &self.code())
                .map_err(dependency)?
        } else {
            if is_text && shebang.is_none() {
                let (name, path) = named();
                return Err(CatalogError::NoInterpreter { name, path });
            }
            package::program(style, content)
        };
        let module = Arc::new(ForeignModule {
            name: name.to_owned(),
            shebang,
            preparation,
            package,
            version: core
                .as_ref()
                .map_or("2.18.19", |(_, _, packer)| packer.version())
                .to_owned(),
        });
        found.insert(path.to_path_buf(), Arc::clone(&module));
        Ok(Lead::Module(Module::Foreign(module)))
    }

    /// Folders of library code before ansible-core's.
    fn code(&self) -> Vec<PathBuf> {
        let mut folders = self.near("module_utils");
        folders.extend(self.0.far_code.iter().cloned());
        folders
    }

    fn installed(&self) -> &Installed {
        self.0.installed.get_or_init(|| {
            let core = Core::find();
            let mut roots = self.0.collection_roots.clone();
            // The package of Ansible installs collections beside ansible-core.
            roots.extend(
                core.as_ref()
                    .filter(|_| self.0.scan_packages)
                    .and_then(|core| Some(core.directory.parent()?.to_path_buf())),
            );
            let collections = Arc::new(Collections::new(roots));
            let core = core.map(|core| {
                let routing = Arc::new(Routing::read(
                    &core.directory.join("config/ansible_builtin_runtime.yml"),
                ));
                let library = Library::new(core.clone(), Arc::clone(&routing), Arc::clone(&collections));
                (core, routing, Packer::new(library))
            });
            Installed { collections, core }
        })
    }
}

fn lead(plugin: ActionPlugin) -> Lead {
    Lead::Module(Module::Action(Arc::new(plugin)))
}

/// The file of a module in a folder: `NAME.py`, `NAME`, or `NAME` with another extension.
fn module_file(folder: &Path, name: &str) -> Option<PathBuf> {
    let python = folder.join(format!("{name}.py"));
    let plain = folder.join(name);
    if let Some(path) = [python, plain.clone()].into_iter().find(|path| path.is_file()) {
        return Some(path);
    }
    let stem = plain.file_name()?.to_owned();
    let mut others: Vec<PathBuf> = std::fs::read_dir(plain.parent()?)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.file_stem() == Some(&stem) && path.is_file())
        .filter(|path| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|extension| !NO_MODULES.contains(&extension) && !extension.ends_with('~'))
        })
        .collect();
    others.sort();
    others.into_iter().next()
}
