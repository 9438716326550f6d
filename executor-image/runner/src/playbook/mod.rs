//! The model of a playbook, and its loading.
//!
//! Loading resolves everything that does not depend on a host: imports, roles and their dependencies, inherited keywords,
//! module names and parameters, filters and tests. What is wrong or not supported is refused here, with its place.
//! What depends on a host (conditions, loops, includes) stays as it was written, for the engine.

mod action;
mod argument_specs;
mod collections;
mod defaults;
mod error;
mod includes;
mod keyword;
mod keywords;
mod loader;
mod model;
mod module_defaults;
mod play;
mod prompts;
mod roles;
mod settings;
mod tags;
mod tasks;

pub use action::{Written, canonical};
pub use collections::playbook_of_collection;
pub use error::{IncludeFailure, LoadError, Problem, nearest};
pub use keyword::{Candidates, Keyword};
pub(crate) use keywords::{Place, is_supported, plugins};
pub(crate) use loader::normalize;
pub use loader::{LoadContext, Loader};
pub use model::{
    Action, Block, IncludeRole, IncludeTasks, Item, Loop, LoopControl, Meta, ModuleAction, Play, Playbook,
    Role, Strategy, Task,
};
pub use module_defaults::ModuleDefaults;
pub use roles::{LoadedRole, RoleFiles, RoleUse};
pub use settings::{Settings, is_true, list, split as split_names};
pub use tags::TagSelection;
