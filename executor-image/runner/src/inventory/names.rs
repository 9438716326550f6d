//! Names of groups: those that are no names of variables work, but not everywhere.

use std::sync::Arc;

use indexmap::IndexSet;

use super::Inventory;
use crate::settings::InvalidGroupName;

/// What is done about names that are no names of variables, and what was said about it.
#[derive(Debug, Clone)]
pub(super) struct Naming {
    pub invalid: InvalidGroupName,
    pub warnings: IndexSet<String>,
}

impl Default for Naming {
    fn default() -> Self {
        Self {
            invalid: InvalidGroupName::Ignore,
            warnings: IndexSet::new(),
        }
    }
}

/// A name with `_` for what no name of a variable may have.
pub(super) fn safe(name: &str) -> String {
    let mut safe = String::with_capacity(name.len());
    for (index, character) in name.chars().enumerate() {
        let fits = character.is_alphanumeric() || character == '_';
        let fits = fits && (index > 0 || !character.is_numeric());
        safe.push(if fits { character } else { '_' });
    }
    safe
}

impl Inventory {
    /// Makes the group of a name that a source writes; returns the name that it has.
    pub(super) fn named_group(&mut self, name: &str) -> Arc<str> {
        let safe = safe(name);
        let mut used = name;
        if safe != name && !self.groups.contains_key(name) {
            let said = match self.naming.invalid {
                InvalidGroupName::Always => Some("automatically replaced"),
                InvalidGroupName::Never => Some("not replaced"),
                InvalidGroupName::Ignore | InvalidGroupName::Silently => None,
            };
            if let Some(said) = said {
                let link = if said.starts_with("not") { "but" } else { "and" };
                self.naming.warnings.insert(format!(
                    "Invalid characters were found in group names {link} {said}, use -vvvv to see details"
                ));
            }
            if matches!(
                self.naming.invalid,
                InvalidGroupName::Always | InvalidGroupName::Silently
            ) {
                used = &safe;
            }
        }
        self.group(used);
        Arc::from(used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_changed_only_if_that_is_set() {
        assert_eq!(safe("1a-b.c_d"), "_a_b_c_d");
        let mut inventory = Inventory::default();
        inventory.naming.invalid = InvalidGroupName::Never;
        assert_eq!(inventory.named_group("a-b").as_ref(), "a-b");
        inventory.naming.invalid = InvalidGroupName::Always;
        assert_eq!(inventory.named_group("c-d").as_ref(), "c_d");
        assert_eq!(inventory.naming.warnings.len(), 2);
    }
}
