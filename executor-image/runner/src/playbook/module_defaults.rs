//! `module_defaults`: which modules each of its entries is about.

use std::sync::Arc;

use slipway_language::{Node, NodeKind};
use slipway_protocol::spec;

use crate::foreign::ActionGroup;

use super::{error::Problem, loader::Loader, settings::list};

/// An entry of `module_defaults`.
#[derive(Debug, Clone)]
pub struct ModuleDefaults {
    about: About,
    /// The arguments as they are written: a mapping, or a template that gives one.
    pub arguments: Node,
}

/// What an entry is about.
#[derive(Debug, Clone)]
enum About {
    /// A module, by the full names that its name stands for.
    Module(Arc<[String]>),
    /// A group of modules.
    Group { name: Arc<str>, group: Arc<ActionGroup> },
}

impl ModuleDefaults {
    /// Whether it sets arguments of the module of this full name.
    pub fn concerns(&self, module: &str) -> bool {
        match &self.about {
            About::Module(names) => names.iter().any(|name| name == module),
            About::Group { group, .. } => group.modules.contains(module),
        }
    }

    /// The full name of the group that it is about, if it is about one.
    pub fn group(&self) -> Option<&str> {
        match &self.about {
            About::Module(_) => None,
            About::Group { name, .. } => Some(name),
        }
    }
}

impl Loader {
    /// The entries of a `module_defaults`.
    ///
    /// # Errors
    /// When it is neither a mapping nor a list of mappings, or one is about a module or group that is not there.
    pub(super) fn module_defaults(&mut self, node: &Node) -> Result<Vec<ModuleDefaults>, Problem> {
        let mut found = Vec::new();
        for mapping in list(node) {
            if !matches!(mapping.kind, NodeKind::Map(_)) {
                return Err(Problem::new(
                    &mapping.span,
                    "The field 'module_defaults' is supposed to be a dictionary or list of dictionaries, the keys of which must be static action, module, or group names. Only the values may contain templates. For example: {'ping': \"{{ ping_defaults }}\"}",
                ));
            }
            for (key, arguments) in mapping.entries() {
                let name = key.as_str().unwrap_or_default();
                let about = match name.strip_prefix("group/") {
                    Some(group) => self.group(key, group)?,
                    None => self.one_module(key, name)?,
                };
                found.push(ModuleDefaults {
                    about,
                    arguments: arguments.clone(),
                });
            }
        }
        Ok(found)
    }

    fn group(&mut self, key: &Node, group: &str) -> Result<About, Problem> {
        let (name, group) = self.modules.action_group(group).ok_or_else(|| {
            let name = if group.splitn(3, '.').count() == 3 {
                group.to_owned()
            } else {
                format!("ansible.builtin.{group}")
            };
            let problem = Problem::new(
                &key.span,
                format!("Error loading module_defaults: could not resolve the module_defaults group {name}"),
            );
            match self.modules.why_not(&name) {
                Some(why) => problem.hint(why),
                None => problem,
            }
        })?;
        if self.defaults.validate_action_group_metadata {
            self.warnings.extend(group.warnings.iter().cloned());
        }
        Ok(About::Group {
            name: Arc::from(name),
            group,
        })
    }

    /// A name without a collection, or in `ansible.legacy`, is that of ansible-core's module too.
    fn one_module(&self, key: &Node, name: &str) -> Result<About, Problem> {
        let name = if name.splitn(3, '.').count() == 3 {
            name.to_owned()
        } else {
            format!("ansible.legacy.{name}")
        };
        let names: Vec<String> = match self.modules.full_name(&name) {
            None => {
                let problem = Problem::new(
                    &key.span,
                    format!("Could not resolve action {name} in module_defaults"),
                );
                return Err(match self.modules.why_not(&name) {
                    Some(why) => problem.hint(why),
                    None => problem.nearest(key.as_str().unwrap_or_default(), spec::names()),
                });
            }
            Some(own) => std::iter::once(own)
                .chain(
                    name.strip_prefix("ansible.legacy.")
                        .and_then(|short| self.modules.full_name(&format!("ansible.builtin.{short}"))),
                )
                .collect(),
        };
        Ok(About::Module(names.into()))
    }
}
