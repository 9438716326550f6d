//! Facts that outlive a run: the cache `jsonfile`, one file for each host, as Ansible writes them.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde_json::{Map, Value};

use crate::{output::python_json, settings::Settings};

/// What says in a file that facts were gathered, and not only set.
const GATHERED: &str = "_ansible_facts_gathered";

/// Where facts are kept.
#[derive(Debug, Clone, Default)]
pub struct FactCache {
    /// None for facts that are gone with the run.
    directory: Option<PathBuf>,
    prefix: String,
    /// How long they count; none for ever.
    timeout: Option<Duration>,
}

/// What is kept of a host.
#[derive(Debug, Default)]
pub struct KeptFacts {
    /// By the names that modules give them.
    pub facts: Map<String, Value>,
    /// Whether they were gathered.
    pub gathered: bool,
}

impl FactCache {
    /// The cache that the settings name.
    ///
    /// # Errors
    /// A kind of cache that is not known, or one without its directory.
    pub fn new(settings: &Settings) -> Result<Self, String> {
        let kind = &settings.fact_caching;
        let directory = match kind.strip_prefix("ansible.builtin.").unwrap_or(kind) {
            "memory" => None,
            "jsonfile" => {
                let directory = settings.fact_caching_connection.clone().ok_or(
                    "the cache jsonfile needs a directory: set fact_caching_connection (ANSIBLE_CACHE_PLUGIN_CONNECTION)",
                )?;
                std::fs::create_dir_all(&directory).map_err(|error| {
                    format!(
                        "the directory of the cache jsonfile, {}, cannot be made: {error}",
                        directory.display()
                    )
                })?;
                Some(directory)
            }
            _ => {
                return Err(format!(
                    "Unable to load the facts cache plugin ({kind}): memory and jsonfile are there"
                ));
            }
        };
        Ok(Self {
            directory,
            prefix: settings.fact_caching_prefix.clone().unwrap_or_default(),
            timeout: Some(settings.fact_caching_timeout)
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
        })
    }

    fn file(&self, host: &str) -> Option<PathBuf> {
        let directory = self.directory.as_ref()?;
        // The name of a host must not lead anywhere else.
        (!host.contains('/')).then(|| directory.join(format!("{}{host}", self.prefix)))
    }

    /// What is kept of a host, unless it is too old or cannot be read.
    pub fn load(&self, host: &str) -> Option<KeptFacts> {
        let file = self.file(host)?;
        if self.timeout.is_some_and(|timeout| age(&file) > timeout) {
            return None;
        }
        let content = std::fs::read(file).ok()?;
        let mut facts: Map<String, Value> = serde_json::from_slice(&content).ok()?;
        let gathered = facts.remove(GATHERED) == Some(Value::Bool(true));
        Some(KeptFacts { facts, gathered })
    }

    /// Keeps the facts of a host, which are asked for only where they are kept.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(
        &self,
        host: &str,
        facts: impl FnOnce() -> Map<String, Value>,
        gathered: bool,
    ) -> std::io::Result<()> {
        let Some(file) = self.file(host) else {
            return Ok(());
        };
        let mut facts = facts();
        if gathered {
            facts.insert(GATHERED.to_owned(), Value::Bool(true));
        }
        facts.sort_keys();
        let directory = file.parent().unwrap_or(Path::new("/"));
        // Another run may read meanwhile: it sees the old facts or the new ones.
        let temporary = tempfile::NamedTempFile::new_in(directory)?;
        std::fs::write(temporary.path(), python_json(&Value::Object(facts), Some(4)))?;
        temporary.persist(file).map_err(|error| error.error)?;
        Ok(())
    }

    /// Forgets the facts of a host.
    pub fn forget(&self, host: &str) {
        if let Some(file) = self.file(host) {
            // ok: it may never have been there.
            let _ = std::fs::remove_file(file);
        }
    }
}

fn age(file: &Path) -> Duration {
    let changed = std::fs::metadata(file).and_then(|metadata| metadata.modified());
    changed
        .ok()
        .and_then(|changed| SystemTime::now().duration_since(changed).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Surroundings;

    fn cache(directory: &Path, timeout: &str) -> FactCache {
        let environment = [
            ("ANSIBLE_CACHE_PLUGIN", "jsonfile"),
            ("ANSIBLE_CACHE_PLUGIN_CONNECTION", directory.to_str().unwrap()),
            ("ANSIBLE_CACHE_PLUGIN_PREFIX", "facts_"),
            ("ANSIBLE_CACHE_PLUGIN_TIMEOUT", timeout),
        ];
        let surroundings = Surroundings {
            environment: environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            directory: directory.to_path_buf(),
        };
        FactCache::new(&Settings::read(&surroundings).unwrap()).unwrap()
    }

    #[test]
    fn facts_are_kept_until_they_are_old_or_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let facts: Map<String, Value> = serde_json::from_str(r#"{"ansible_system": "Linux"}"#).unwrap();
        let kept = cache(directory.path(), "60");
        kept.save("h1", || facts.clone(), true).unwrap();
        let loaded = kept.load("h1").unwrap();
        assert_eq!((loaded.facts, loaded.gathered), (facts, true));
        let file = directory.path().join("facts_h1");
        let hour_ago = SystemTime::now() - Duration::from_hours(1);
        std::fs::File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_modified(hour_ago)
            .unwrap();
        assert!(kept.load("h1").is_none());
        assert!(cache(directory.path(), "0").load("h1").is_some());
        kept.forget("h1");
        assert!(!file.exists());
        assert!(kept.load("h1").is_none());
    }

    #[test]
    fn the_name_of_a_host_leads_nowhere_else() {
        let directory = tempfile::tempdir().unwrap();
        let kept = cache(directory.path(), "0");
        kept.save("../h1", Map::new, false).unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
