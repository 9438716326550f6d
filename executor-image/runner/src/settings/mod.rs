//! What can be set outside of playbooks, under Ansible's names: `ansible.cfg` and `ANSIBLE_*` in the environment.
//!
//! [`Settings`] has a field for each that the runner knows; `table` is the one list of them. The command line is laid over
//! by whoever reads it. Names that are not in the table are left alone, as other programs may know them.

mod constants;
mod deprecated;
mod file;
mod table;
mod text;
mod unheeded;

use std::path::{Path, PathBuf};

use thiserror::Error;

use file::ConfigurationFile;

pub use deprecated::{DEPRECATED, Deprecated, Deprecation};
pub use table::{Origin, Row, Settings, TABLE};
pub use text::clean_path;
pub use text::{DuplicateKey, Gathering, HashBehaviour, InvalidGroupName, OnMismatch, UnlessSaid};
pub use unheeded::{UNHEEDED, Unheeded};

/// Why settings cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The configuration file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The configuration file is wrong.
    #[error("{}:{line}: {message}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// 1-based.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A value is not of its setting's type.
    #[error("the setting {name} (from {origin}) {message}, it is {value:?}")]
    Value {
        /// The setting.
        name: &'static str,
        /// Where the value is from: an environment variable or the configuration file.
        origin: String,
        /// What it must be.
        message: String,
        /// What it is.
        value: String,
    },
}

/// Where settings are read from: the environment, and where files are looked for.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Environment variables.
    pub environment: Vec<(String, String)>,
    /// The working directory.
    pub directory: PathBuf,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self {
            environment: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.environment
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// `~`, `$NAME` and relative parts resolved, as Ansible does with every path that is set.
    fn path(&self, text: &str, base: &Path) -> PathBuf {
        let text = self.expand_variables(text);
        let text = match text.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                format!("{}{rest}", self.variable("HOME").unwrap_or_default())
            }
            _ => text,
        };
        text::clean_path(&base.join(text))
    }

    fn expand_variables(&self, text: &str) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('$') {
            expanded.push_str(&rest[..start]);
            let after = &rest[start + 1..];
            let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let length = after
                .find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
                .unwrap_or(after.len());
            let (name, next, whole) = match braced {
                Some((name, next)) => (name, next, &rest[start..rest.len() - next.len()]),
                None => (&after[..length], &after[length..], &rest[start..=start + length]),
            };
            // A name that is not set stays as it is written.
            expanded.push_str(self.variable(name).unwrap_or(whole));
            rest = next;
        }
        expanded.push_str(rest);
        expanded
    }
}

/// A path of the command line as Ansible takes it: `~` and `$NAME` are resolved, though the shell did not.
pub fn expanded(path: &Path) -> PathBuf {
    let surroundings = Surroundings::of_process();
    surroundings.path(&path.to_string_lossy(), &surroundings.directory)
}

/// What is behind a value, and how its paths are resolved.
struct Source<'a> {
    surroundings: &'a Surroundings,
    /// Directory that relative paths are relative to.
    base: PathBuf,
    /// Quotation marks around a value are part of it everywhere but in the file.
    quoted: bool,
}

impl Settings {
    /// Reads the settings of this process.
    ///
    /// # Errors
    /// A configuration file that cannot be read, or a value that is not of its setting's type.
    pub fn load() -> Result<Self, SettingsError> {
        Self::read(&Surroundings::of_process())
    }

    /// Reads the settings from given surroundings.
    ///
    /// # Errors
    /// A configuration file that cannot be read, or a value that is not of its setting's type.
    pub fn read(surroundings: &Surroundings) -> Result<Self, SettingsError> {
        let found = file::find(surroundings);
        let file = match &found.path {
            Some(path) => ConfigurationFile::read(path)?,
            None => ConfigurationFile::default(),
        };
        let mut settings = Self::from_sources(surroundings, &file)?;
        settings.config_file = found.path;
        settings.warnings.extend(found.warning);
        settings.warnings.extend(unheeded::warnings(surroundings, &file));
        settings.deprecations = deprecated::found(surroundings, &file);
        Ok(settings)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A folder with a configuration file, and its surroundings.
    pub(crate) fn surroundings(
        environment: &[(&str, &str)],
        file: &str,
    ) -> (tempfile::TempDir, Surroundings) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ansible.cfg"), file).unwrap();
        let surroundings = Surroundings {
            environment: environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            directory: directory.path().to_path_buf(),
        };
        (directory, surroundings)
    }

    #[test]
    fn every_default_is_of_its_type() {
        let settings = Settings::read(&Surroundings::default()).unwrap();
        assert!(settings.host_key_checking);
        assert_eq!(settings.timeout, 10);
        assert_eq!(settings.inventory, [PathBuf::from("/etc/ansible/hosts")]);
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_defaults() {
        let (_directory, surroundings) = surroundings(
            &[("ANSIBLE_FORKS", "7")],
            "[defaults]\nforks = 3\ntimeout=20 ; seconds\n# gathering = smart\ngathering = explicit\n",
        );
        let settings = Settings::read(&surroundings).unwrap();
        assert_eq!((settings.forks, settings.timeout), (7, 20));
        assert_eq!(settings.gathering, Gathering::Explicit);
        assert!(settings.config_file.unwrap().ends_with("ansible.cfg"));
    }

    #[test]
    fn paths_of_the_file_are_relative_to_it_and_lists_are_split() {
        let (directory, surroundings) = surroundings(
            &[("HOME", "/home/me"), ("ANSIBLE_LIBRARY", "$HOME/lib:./here")],
            "[defaults]\nroles_path = ./roles:~/more\ninventory=hosts,other\ncallbacks_enabled = timer, junit\n\
             remote_user = \"admin\"\n[ssh_connection]\nssh_args = -o A=b\n  -o C=d\n",
        );
        let settings = Settings::read(&surroundings).unwrap();
        assert_eq!(
            settings.roles_path,
            [directory.path().join("roles"), PathBuf::from("/home/me/more")]
        );
        assert_eq!(
            settings.library,
            [PathBuf::from("/home/me/lib"), directory.path().join("here")]
        );
        assert_eq!(
            settings.inventory,
            [directory.path().join("hosts"), directory.path().join("other")]
        );
        assert_eq!(settings.callbacks_enabled, ["timer", "junit"]);
        assert_eq!(settings.remote_user.as_deref(), Some("admin"));
        assert_eq!(settings.ssh_args, "-o A=b\n-o C=d");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_named_with_where_it_is_from() {
        let (_directory, from_environment) = surroundings(&[("ANSIBLE_FORKS", "many")], "");
        let error = Settings::read(&from_environment).unwrap_err().to_string();
        assert!(
            error.contains("forks") && error.contains("ANSIBLE_FORKS") && error.contains("many"),
            "{error}"
        );
        let (_directory, from_file) = surroundings(&[], "[defaults]\ngathering = often\n");
        let error = Settings::read(&from_file).unwrap_err().to_string();
        assert!(
            error.contains("ansible.cfg") && error.contains("smart"),
            "{error}"
        );
    }

    #[test]
    fn who_sets_what_is_not_heeded_is_told() {
        let (_directory, surroundings) = surroundings(
            &[("ANSIBLE_KEEP_REMOTE_FILES", "True")],
            "[defaults]\ndisplay_args_to_stdout = yes\nshow_per_host_start = False\n",
        );
        let warnings = Settings::read(&surroundings).unwrap().warnings;
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        for name in [
            "[defaults] display_args_to_stdout in",
            "ANSIBLE_KEEP_REMOTE_FILES",
        ] {
            assert!(
                warnings.iter().any(|warning| warning.contains(name)),
                "{warnings:?}"
            );
        }
    }

    #[test]
    fn who_sets_what_goes_is_told() {
        let file = "[defaults]\ncollections_paths = a\n[paramiko_connection]\nlook_for_keys = no\n";
        let told = |environment: &[(&str, &str)]| {
            let (_directory, surroundings) = surroundings(environment, file);
            let deprecations = Settings::read(&surroundings).unwrap().deprecations;
            let name = |told: &Deprecation| told.text.split_once(' ').unwrap().0.to_owned();
            deprecations.iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(
            told(&[]),
            ["[defaults]collections_paths", "PARAMIKO_LOOK_FOR_KEYS"]
        );
        assert_eq!(
            told(&[("ANSIBLE_COLLECTIONS_PATH", "a")]),
            ["PARAMIKO_LOOK_FOR_KEYS"]
        );
        assert_eq!(
            told(&[("ANSIBLE_COLLECTIONS_PATHS", "a")]),
            ["ANSIBLE_COLLECTIONS_PATHS", "PARAMIKO_LOOK_FOR_KEYS"]
        );
    }

    #[test]
    fn a_line_that_is_no_setting_is_refused_with_its_number() {
        let (_directory, surroundings) = surroundings(&[], "[defaults]\nforks\n");
        let error = Settings::read(&surroundings).unwrap_err().to_string();
        assert!(error.contains("ansible.cfg:2"), "{error}");
    }

    #[test]
    fn a_file_in_a_directory_that_everybody_writes_to_is_passed_over() {
        use std::os::unix::fs::PermissionsExt;
        let (directory, mut surroundings) = surroundings(&[], "[defaults]\nforks = 3\n");
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let settings = Settings::read(&surroundings).unwrap();
        assert_eq!(settings.config_file, None);
        assert!(settings.warnings[0].contains("world writable"));
        let file = directory.path().join("ansible.cfg").display().to_string();
        surroundings.environment.push(("ANSIBLE_CONFIG".to_owned(), file));
        assert_eq!(Settings::read(&surroundings).unwrap().forks, 3);
    }
}
