//! The callbacks that there are, by the names that settings give them.

mod default;
mod json;
mod junit;
mod minimal;
mod oneline;
mod profile_tasks;
mod python;
mod timer;
mod tree;

pub use self::python::PythonCallbacks;
use super::Callback;
use crate::settings::Settings;

/// A callback in the table.
pub struct Known {
    /// Its name, and the collection that Ansible has it in.
    pub name: &'static str,
    /// The collection.
    pub collection: &'static str,
    /// Whether it is the one that prints results.
    pub prints: bool,
    make: fn(&Settings) -> Box<dyn Callback>,
}

/// Every callback.
pub const KNOWN: &[Known] = &[
    Known {
        name: "default",
        collection: "ansible.builtin",
        prints: true,
        make: |settings| Box::new(default::DefaultCallback::new(settings)),
    },
    Known {
        name: "minimal",
        collection: "ansible.builtin",
        prints: true,
        make: |settings| Box::new(minimal::MinimalCallback::new(settings)),
    },
    Known {
        name: "oneline",
        collection: "ansible.builtin",
        prints: true,
        make: |settings| Box::new(oneline::OnelineCallback::new(settings)),
    },
    Known {
        name: "json",
        collection: "ansible.posix",
        prints: true,
        make: |_| Box::new(json::JsonCallback::default()),
    },
    Known {
        name: "yaml",
        collection: "community.general",
        prints: true,
        make: |settings| {
            let mut settings = settings.clone();
            "yaml".clone_into(&mut settings.callback_result_format);
            Box::new(default::DefaultCallback::new(&settings))
        },
    },
    Known {
        name: "junit",
        collection: "ansible.builtin",
        prints: false,
        make: |_| Box::new(junit::JunitCallback::of_environment()),
    },
    Known {
        name: "timer",
        collection: "ansible.posix",
        prints: false,
        make: |_| Box::new(timer::TimerCallback::default()),
    },
    Known {
        name: "profile_tasks",
        collection: "ansible.posix",
        prints: false,
        make: |_| Box::new(profile_tasks::ProfileTasksCallback::of_environment()),
    },
    Known {
        name: "tree",
        collection: "ansible.builtin",
        prints: false,
        make: |settings| Box::new(tree::TreeCallback::new(settings)),
    },
];

impl Known {
    /// The callback of a name.
    pub fn find(name: &str) -> Option<&'static Self> {
        let short = name.rsplit_once('.').map_or(name, |(_, short)| short);
        KNOWN.iter().find(|known| {
            let qualified = format!("{}.{}", known.collection, known.name);
            known.name == short
                && (short == name || qualified == name || name == format!("ansible.legacy.{short}"))
        })
    }

    /// Makes one.
    pub fn make(&self, settings: &Settings) -> Box<dyn Callback> {
        (self.make)(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callbacks_are_found_by_short_and_by_qualified_names() {
        for name in [
            "default",
            "ansible.builtin.default",
            "ansible.posix.timer",
            "community.general.yaml",
        ] {
            assert!(Known::find(name).is_some(), "{name}");
        }
        for name in ["defaults", "ansible.posix.default", "x.y.timer"] {
            assert!(Known::find(name).is_none(), "{name}");
        }
    }
}
