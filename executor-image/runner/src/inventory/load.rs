//! Reads inventory sources: each by the first plugin that takes it and can read it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use regex::Regex;
use slipway_language::{LookupHost, Templar, VaultSecrets};

use super::{
    Inventory, InventoryError, Vars, constructed, generator, host_list, ini,
    names::Naming,
    python::{self, Taken},
    script, yaml,
};
use crate::settings::{HashBehaviour, Settings};

/// The plugins that there are.
pub const KINDS: &[&str] = &[
    "host_list",
    "advanced_host_list",
    "script",
    "auto",
    "yaml",
    "ini",
    "constructed",
    "generator",
];

/// What is needed to read sources.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// Which plugins there are, what is passed over, what ends the run.
    pub settings: &'a Settings,
    /// For templates in the configurations of plugins.
    pub templar: Templar,
    /// Where their lookups read.
    pub files: Arc<dyn LookupHost>,
    /// Variables of the command line.
    pub extra_vars: Arc<Vars>,
    /// The directory of the playbook.
    pub directory: PathBuf,
    /// The passwords of ansible-vault.
    pub vault: VaultSecrets,
    /// Whether plugins may read what they have kept from an earlier run.
    pub cache: bool,
}

/// An inventory, and what there is to say about it.
#[derive(Debug)]
pub struct Loaded {
    /// All sources together.
    pub inventory: Inventory,
    /// For a person.
    pub warnings: Vec<String>,
    /// For a person who asks for much.
    pub details: Vec<String>,
    /// What inventory programs wrote to standard error.
    pub program_output: Vec<String>,
}

/// Adds an inventory that is there as text: `ini`, `yaml`, `host_list`, `advanced_host_list`, or what a program prints
/// (`script`).
///
/// # Errors
/// What is wrong with it, with its place.
pub fn parse(
    plugin: &str,
    text: &str,
    source: &str,
    inventory: &mut Inventory,
) -> Result<(), InventoryError> {
    match plugin {
        "ini" => ini::parse(text, source, inventory),
        "yaml" => yaml::parse(text, source, inventory),
        "host_list" | "advanced_host_list" => {
            host_list::parse(text, plugin != "host_list", inventory, &mut Vec::new())
        }
        "script" => script::parse(text, Path::new(source), inventory),
        other => Err(InventoryError::Plugin(format!(
            "the inventory plugin {other:?} reads no text"
        ))),
    }
}

/// Reads every source. One that cannot be read is a warning, as in Ansible, unless the settings say otherwise.
///
/// # Errors
/// No source could be read, or one, if the settings call that an error.
pub fn load(sources: &[String], context: &Context<'_>) -> Result<Loaded, InventoryError> {
    let inventory = Inventory {
        merges: context.settings.hash_behaviour == HashBehaviour::Merge,
        naming: Naming {
            invalid: context.settings.force_valid_group_names,
            ..Naming::default()
        },
        ..Inventory::default()
    };
    let mut loader = Loader {
        context,
        ignored: Ignored::new(context.settings)?,
        loaded: Loaded {
            inventory,
            warnings: Vec::new(),
            details: Vec::new(),
            program_output: Vec::new(),
        },
    };
    let mut parsed = false;
    for source in sources.iter().filter(|source| !source.is_empty()) {
        let source = if source.contains(',') {
            source.clone()
        } else {
            absolute(source)
        };
        parsed |= loader.source(&source)?;
        loader.loaded.inventory.sources.push(source);
    }
    let mut loaded = loader.loaded;
    if parsed {
        for name in loaded.inventory.reconcile() {
            loaded
                .warnings
                .push(format!("Found both group and host with same name: {name}"));
        }
    } else if context.settings.inventory_unparsed_is_failed {
        return Err(InventoryError::Unparsed(
            "No inventory was parsed, please check your configuration and options.".to_owned(),
        ));
    } else if context.settings.inventory_unparsed_warning {
        loaded
            .warnings
            .push("No inventory was parsed, only implicit localhost is available".to_owned());
    }
    Ok(loaded)
}

/// An error with its line and column behind it, where it begins with them and with the source, which is named already.
fn place_last(source: &str, error: &str) -> String {
    let place = |text: &str| {
        let (line, rest) = text.split_once(':')?;
        let (column, message) = match rest.split_once(": ") {
            Some((column, message)) if column.parse::<u32>().is_ok() => (Some(column), message),
            _ => (None, rest.trim_start()),
        };
        let line: u32 = line.parse().ok()?;
        let column = column.map_or(String::new(), |column| format!(", column {column}"));
        Some(format!("{message} (line {line}{column})"))
    };
    error
        .strip_prefix(source)
        .and_then(|rest| place(rest.strip_prefix(':')?))
        .unwrap_or_else(|| error.to_owned())
}

fn absolute(source: &str) -> String {
    let path = std::path::absolute(source).unwrap_or_else(|_| PathBuf::from(source));
    crate::settings::clean_path(&path).display().to_string()
}

struct Loader<'a> {
    context: &'a Context<'a>,
    ignored: Ignored,
    loaded: Loaded,
}

/// A source that is tried: its text is read once, whoever tries it.
struct Attempt<'a> {
    source: &'a str,
    path: &'a Path,
    vault: &'a VaultSecrets,
    content: Option<std::io::Result<Vec<u8>>>,
}

impl Attempt<'_> {
    fn bytes(&mut self) -> &[u8] {
        let path = self.path;
        match self.content.get_or_insert_with(|| std::fs::read(path)) {
            Ok(bytes) => bytes,
            Err(_) => &[],
        }
    }

    fn text(&mut self) -> Result<String, InventoryError> {
        let path = self.path.to_path_buf();
        let content = self.content.take().unwrap_or_else(|| std::fs::read(&path));
        let bytes = content.map_err(|source| InventoryError::Read { path, source })?;
        let text = self.vault.reveal(&bytes).map_err(|error| InventoryError::Read {
            path: self.path.to_path_buf(),
            source: std::io::Error::other(error),
        })?;
        let text = String::from_utf8_lossy(&text).into_owned();
        self.content = Some(Ok(bytes));
        Ok(text)
    }

    fn has_extension(&self, extensions: &[String]) -> bool {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        extensions
            .iter()
            .any(|extension| name.ends_with(extension.as_str()))
    }
}

impl Loader<'_> {
    /// Reads a source; whether anything in it was an inventory.
    fn source(&mut self, source: &str) -> Result<bool, InventoryError> {
        let path = Path::new(source);
        let mut failures = Vec::new();
        let parsed = if path.is_dir() {
            self.directory(path)?
        } else {
            self.file(source, path, &mut failures)
        };
        if parsed {
            return Ok(true);
        }
        self.loaded.warnings.append(&mut failures);
        if source != "/etc/ansible/hosts" || path.exists() {
            self.loaded
                .warnings
                .push(format!("Unable to parse {source} as an inventory source"));
        }
        if self.context.settings.inventory_any_unparsed_is_failed {
            return Err(InventoryError::Unparsed(format!(
                "Completely failed to parse inventory source {source}: {}",
                self.loaded.warnings.join("; ")
            )));
        }
        Ok(false)
    }

    /// Reads what is no directory by the first plugin that can; whether one could.
    fn file(&mut self, source: &str, path: &Path, failures: &mut Vec<String>) -> bool {
        let mut attempt = Attempt {
            source,
            path,
            vault: &self.context.vault,
            content: None,
        };
        for plugin in &self.context.settings.inventory_enabled {
            let plugin = plugin.strip_prefix("ansible.builtin.").unwrap_or(plugin);
            self.loaded.inventory.current_source = Some(Arc::from(source));
            let tried = self.attempt(plugin, &mut attempt);
            self.loaded.inventory.current_source = None;
            let said = std::mem::take(&mut self.loaded.inventory.naming.warnings);
            self.loaded.warnings.extend(said);
            match tried {
                None => {}
                Some(Ok(())) => return true,
                Some(Err(error)) => {
                    let error = place_last(source, &error.to_string());
                    failures.push(format!(
                        " * Failed to parse {source} with {plugin} plugin: {error}"
                    ));
                }
            }
        }
        false
    }

    /// Has a plugin read a source; nothing if it does not take it.
    fn attempt(&mut self, plugin: &str, attempt: &mut Attempt<'_>) -> Option<Result<(), InventoryError>> {
        let context = self.context;
        let is_file = attempt.path.is_file() || attempt.path.exists();
        let yaml_extensions = &context.settings.yaml_extensions;
        let Loaded {
            inventory,
            warnings,
            details,
            program_output,
        } = &mut self.loaded;
        match plugin {
            "host_list" | "advanced_host_list" if host_list::is_list(attempt.source) => Some(
                host_list::parse(attempt.source, plugin != "host_list", inventory, details),
            ),
            "script" | "auto" | "yaml" | "ini" | "constructed" | "generator" if !is_file => None,
            "script" => script::is_program(attempt.path, attempt.bytes())
                .then(|| script::run(attempt.path, inventory, program_output)),
            "auto" if attempt.has_extension(&[".yml".to_owned(), ".yaml".to_owned()]) => {
                Some(self.plugin_configuration(None, attempt))
            }
            "constructed" | "generator"
                if attempt.path.extension().is_none()
                    || attempt.has_extension(yaml_extensions)
                    || attempt.has_extension(&[".config".to_owned()]) =>
            {
                Some(self.plugin_configuration(Some(plugin), attempt))
            }
            "yaml" if attempt.path.extension().is_none() || attempt.has_extension(yaml_extensions) => Some(
                attempt
                    .text()
                    .and_then(|text| parse(plugin, &text, attempt.source, inventory)),
            ),
            "ini" => Some(
                attempt
                    .text()
                    .and_then(|text| parse(plugin, &text, attempt.source, inventory)),
            ),
            "toml" if !attempt.has_extension(&[".toml".to_owned()]) => None,
            known if KINDS.contains(&known) => None,
            other => match python::read(other, attempt.source, inventory, context) {
                Ok(Taken::Read) => Some(Ok(())),
                Ok(Taken::Passed) => None,
                Ok(Taken::Unknown(_)) => {
                    let warning = format!("Failed to load inventory plugin, skipping {other}");
                    if !warnings.contains(&warning) {
                        warnings.push(warning);
                    }
                    None
                }
                Err(error) => Some(Err(error)),
            },
        }
    }

    /// Has the plugin read its configuration that the configuration names.
    fn plugin_configuration(
        &mut self,
        wanted: Option<&str>,
        attempt: &mut Attempt<'_>,
    ) -> Result<(), InventoryError> {
        let file = attempt.source;
        let root = yaml::read(&attempt.text()?, file)?;
        let named = root.as_ref().and_then(|root| root.get("plugin"));
        let (Some(root), Some(name)) = (&root, named.and_then(|node| node.as_str())) else {
            return Err(InventoryError::Plugin(format!(
                "no root 'plugin' key found, '{file}' is not a valid YAML inventory plugin config file"
            )));
        };
        let plugin = name.strip_prefix("ansible.builtin.").unwrap_or(name);
        if wanted.is_some_and(|wanted| wanted != plugin) {
            return Err(InventoryError::Plugin(format!(
                "Incorrect plugin name in file: {name}"
            )));
        }
        match plugin {
            "constructed" => constructed::parse(root, &mut self.loaded.inventory, self.context),
            "generator" => generator::parse(root, &mut self.loaded.inventory, self.context),
            _ => match python::read(name, file, &mut self.loaded.inventory, self.context)? {
                Taken::Read => Ok(()),
                Taken::Passed => Err(InventoryError::Plugin(format!(
                    "inventory source '{file}' could not be verified by inventory plugin '{name}'"
                ))),
                Taken::Unknown(why) => {
                    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
                    Err(InventoryError::Plugin(format!(
                        "inventory config '{file}' specifies unknown plugin '{name}'{why}"
                    )))
                }
            },
        }
    }

    fn directory(&mut self, path: &Path) -> Result<bool, InventoryError> {
        let read = |source| InventoryError::Read {
            path: path.to_path_buf(),
            source,
        };
        let mut entries = std::fs::read_dir(path)
            .map_err(read)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<PathBuf>, _>>()
            .map_err(read)?;
        entries.retain(|entry| !self.ignored.is_ignored(entry));
        entries.sort();
        let mut parsed = false;
        for entry in entries {
            parsed |= self.source(&entry.display().to_string())?;
        }
        Ok(parsed)
    }
}

/// Names in an inventory directory that are not inventories.
struct Ignored {
    extensions: Vec<String>,
    patterns: Vec<Regex>,
}

impl Ignored {
    fn new(settings: &Settings) -> Result<Self, InventoryError> {
        let pattern = |text: &String| {
            Regex::new(text).map_err(|error| {
                InventoryError::Pattern(format!(
                    "inventory_ignore_patterns: {text:?} is no regular expression: {error}"
                ))
            })
        };
        Ok(Self {
            extensions: settings.inventory_ignore_extensions.clone(),
            patterns: settings
                .inventory_ignore_patterns
                .iter()
                .map(pattern)
                .collect::<Result<_, _>>()?,
        })
    }

    fn is_ignored(&self, path: &Path) -> bool {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        name.starts_with('.')
            || matches!(name, "group_vars" | "host_vars" | "vars_plugins")
            || self
                .extensions
                .iter()
                .any(|extension| name.ends_with(extension.as_str()))
            || self.patterns.iter().any(|pattern| pattern.is_match(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Surroundings;

    fn load_with(sources: &[&str], environment: &[(&str, &str)]) -> Result<Loaded, InventoryError> {
        let surroundings = Surroundings {
            environment: environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            directory: PathBuf::new(),
        };
        let settings = Settings::read(&surroundings).unwrap();
        let context = Context {
            settings: &settings,
            templar: Templar::new(),
            files: crate::engine::task_files(Path::new("/"), &VaultSecrets::new()),
            extra_vars: Arc::default(),
            directory: PathBuf::from("/nonexistent"),
            vault: VaultSecrets::new(),
            cache: true,
        };
        let sources: Vec<String> = sources.iter().map(|source| (*source).to_owned()).collect();
        load(&sources, &context)
    }

    #[test]
    fn the_place_of_an_error_in_a_source_comes_last() {
        for (error, expected) in [
            ("hosts.yml:5:9: no host", "no host (line 5, column 9)"),
            ("hosts.yml:5: no: host", "no: host (line 5)"),
            ("hosts.yml: no host", "hosts.yml: no host"),
            ("other.yml:5:9: no host", "other.yml:5:9: no host"),
        ] {
            assert_eq!(place_last("hosts.yml", error), expected);
        }
    }

    #[test]
    fn a_list_with_a_comma_is_hosts() {
        let loaded = load_with(&["a,b"], &[]).unwrap();
        assert_eq!(loaded.inventory.hosts.len(), 2);
        assert!(loaded.warnings.is_empty());
    }

    #[test]
    fn a_missing_source_is_named_and_an_error_if_that_is_set() {
        let loaded = load_with(&["/nonexistent/hosts"], &[]).unwrap();
        assert!(loaded.warnings[0].contains("/nonexistent/hosts"));
        let strict = [("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", "true")];
        let error = load_with(&["/nonexistent/hosts"], &strict)
            .unwrap_err()
            .to_string();
        assert!(error.contains("/nonexistent/hosts"), "{error}");
    }

    #[test]
    fn an_empty_directory_is_no_inventory() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("hosts"), "h1\n").unwrap();
        std::fs::create_dir(directory.path().join("more")).unwrap();
        let source = directory.path().display().to_string();
        let loaded = load_with(&[&source], &[]).unwrap();
        assert!(
            loaded.warnings[0].ends_with("more as an inventory source"),
            "{:?}",
            loaded.warnings
        );
        let strict = [("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", "true")];
        assert!(load_with(&[&source], &strict).is_err());
    }

    #[test]
    fn a_directory_is_read_in_order_without_variables_and_backups() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("10-web"), "[web]\nw1\n").unwrap();
        std::fs::write(directory.path().join("20-db.yml"), "db: {hosts: {d1: }}\n").unwrap();
        std::fs::write(directory.path().join("old.bak"), "junk =\n").unwrap();
        std::fs::create_dir(directory.path().join("group_vars")).unwrap();
        std::fs::write(directory.path().join("group_vars/web.yml"), "x: 1\n").unwrap();
        let loaded = load_with(&[&directory.path().display().to_string()], &[]).unwrap();
        assert_eq!(loaded.inventory.hosts.len(), 2);
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    }
}
