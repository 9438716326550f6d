//! Modules that are not to be used on this machine: the file that the setting `plugin_filters_cfg` names.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::error::CatalogError;

/// The file that counts where the setting names none.
const DEFAULT: &str = "/etc/ansible/plugin_filters.yml";

/// Names of modules that are not to be used.
#[derive(Debug, Default)]
pub struct Rejected {
    file: PathBuf,
    modules: HashSet<String>,
}

/// What the file holds.
#[derive(Debug, Deserialize)]
struct Filters {
    filter_version: serde_yaml::Value,
    #[serde(default)]
    module_rejectlist: serde_yaml::Value,
}

impl Rejected {
    /// Reads the file; what is wrong with it is told, and then nothing is rejected.
    pub fn read(named: Option<&Path>) -> (Self, Option<String>) {
        let file = named.unwrap_or(Path::new(DEFAULT));
        let warn = |what: &str| {
            let warning = format!("The plugin filter file, {} {what} Skipping.", file.display());
            (Self::default(), Some(warning))
        };
        if !file.exists() {
            return match named {
                Some(_) => warn("does not exist."),
                None => (Self::default(), None),
            };
        }
        let Ok(text) = std::fs::read_to_string(file) else {
            return warn("was not parsable.");
        };
        let filters: Filters = match serde_yaml::from_str(&text) {
            Ok(filters) => filters,
            Err(_) => return warn("was invalid."),
        };
        let version = match &filters.filter_version {
            serde_yaml::Value::String(text) => text.trim().to_owned(),
            serde_yaml::Value::Number(number) => format!("{:?}", number.as_f64().unwrap_or_default()),
            _ => String::new(),
        };
        if version != "1.0" {
            return warn("was a version not recognized by this version of Ansible.");
        }
        let serde_yaml::Value::Sequence(modules) = filters.module_rejectlist else {
            return warn("could not be parsed, as module_rejectlist is not a list.");
        };
        let modules = modules.iter().filter_map(|name| name.as_str().map(str::to_owned));
        let rejected = Self {
            file: file.to_path_buf(),
            modules: modules.collect(),
        };
        (rejected, None)
    }

    /// Refuses a module that is not to be used, by whichever of its names.
    pub fn refuse(&self, name: &str) -> Result<(), CatalogError> {
        if self.modules.contains("stat") {
            return Err(CatalogError::StatRejected(self.file.clone()));
        }
        let short = name
            .strip_prefix("ansible.builtin.")
            .or_else(|| name.strip_prefix("ansible.legacy."))
            .unwrap_or(name);
        if self.modules.contains(name) || self.modules.contains(short) {
            return Err(CatalogError::Rejected {
                name: name.to_owned(),
                file: self.file.clone(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Rejected, Option<String>) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("filters.yml");
        std::fs::write(&file, text).unwrap();
        Rejected::read(Some(&file))
    }

    #[test]
    fn a_module_of_the_list_is_refused_by_each_of_its_names() {
        let (rejected, warning) = read("filter_version: 1.0\nmodule_rejectlist: [copy, a.b.c]\n");
        assert_eq!(warning, None);
        for name in ["copy", "ansible.builtin.copy", "ansible.legacy.copy", "a.b.c"] {
            assert!(rejected.refuse(name).is_err(), "{name}");
        }
        assert!(rejected.refuse("file").is_ok());
    }

    #[test]
    fn without_stat_nothing_works() {
        let (rejected, _) = read("filter_version: '1.0'\nmodule_rejectlist: [stat]\n");
        let error = rejected.refuse("copy").unwrap_err().to_string();
        assert!(
            error.contains("will not function without the stat module"),
            "{error}"
        );
    }

    #[test]
    fn what_is_wrong_with_the_file_is_told_and_rejects_nothing() {
        for (text, said) in [
            ("filter_version: 1.0\nmodule_rejectlist:\n", "is not a list"),
            ("module_rejectlist: [copy]\n", "was invalid"),
            (
                "filter_version: 2.0\nmodule_rejectlist: [copy]\n",
                "a version not recognized",
            ),
        ] {
            let (rejected, warning) = read(text);
            assert!(warning.unwrap().contains(said), "{text}");
            assert!(rejected.refuse("copy").is_ok());
        }
        let (_, warning) = Rejected::read(Some(Path::new("/nowhere")));
        assert!(warning.unwrap().contains("does not exist"));
    }
}
