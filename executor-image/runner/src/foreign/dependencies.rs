//! What a Python module imports from Ansible's library, its role's and its collection's, and what those import in turn.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use thiserror::Error;

use super::{
    collections::{Collections, Routing, split_name},
    core::Core,
    imports::{Import, imports},
};

/// The library's place among Python's modules.
const LIBRARY: &str = "ansible.module_utils";
/// What every module uses.
const BASIC: &str = "ansible.module_utils.basic";
/// Lets a package that is also installed on the host find what was not sent, as Ansible's own archives do.
const EXTENSIBLE_PACKAGE: &str =
    "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n";

/// Why a module cannot be packed.
#[derive(Debug, Error)]
pub enum DependencyError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something that it imports is nowhere.
    #[error("{}:{line}: {import} is imported, and was not found in {searched}", path.display())]
    Missing {
        /// The file with the import.
        path: PathBuf,
        /// Its line.
        line: usize,
        /// What is imported.
        import: String,
        /// Where it was looked for.
        searched: String,
    },
}

/// Where code that modules import is found.
#[derive(Debug)]
pub struct Library {
    pub core: Core,
    /// What ansible-core says of names that have moved.
    pub routing: Arc<Routing>,
    pub collections: Arc<Collections>,
    sources: Mutex<HashMap<PathBuf, Arc<Source>>>,
}

/// A Python file.
#[derive(Debug)]
pub struct Source {
    /// Its content.
    pub content: Vec<u8>,
    imports: Vec<Import>,
}

/// The files of an archive by their names in it.
pub type Files = BTreeMap<String, Arc<Source>>;

/// A Python module or package that was found.
struct Found {
    /// Its name among Python's modules.
    name: String,
    is_package: bool,
    /// The file; none for packages that hold nothing themselves, and for names that have moved.
    path: Option<PathBuf>,
    /// The content where there is no file.
    text: String,
}

impl Library {
    /// The library of this ansible-core, with these collections.
    pub fn new(core: Core, routing: Arc<Routing>, collections: Arc<Collections>) -> Self {
        Self {
            core,
            routing,
            collections,
            sources: Mutex::default(),
        }
    }

    /// Everything that a module needs, itself under `entry`; `local` are folders of library code before ansible-core's.
    pub fn closure(
        &self,
        entry: &str,
        content: &[u8],
        path: &Path,
        local: &[PathBuf],
    ) -> Result<Files, DependencyError> {
        let mut files = Files::new();
        let module = Arc::new(Source {
            content: content.to_vec(),
            imports: imports(&String::from_utf8_lossy(content)),
        });
        let mut waiting = vec![(entry.to_owned(), false, path.to_path_buf(), Arc::clone(&module))];
        files.insert(file_name(entry, false), module);
        self.add_packages(entry, local, &mut files, &mut waiting)?;
        self.add(BASIC, local, &mut files, &mut waiting)?;
        while let Some((name, is_package, path, source)) = waiting.pop() {
            for import in &source.imports {
                let Some(module) = absolute(&import.module, &name, is_package) else {
                    continue;
                };
                // Each name may be a module of its own, or something in the module.
                let candidates: Vec<String> = import
                    .names
                    .iter()
                    .map(|taken| format!("{module}.{taken}"))
                    .collect();
                let mut found = is_ours(&module) && self.add(&module, local, &mut files, &mut waiting)?;
                let of_interest = candidates.iter().any(|candidate| is_ours(candidate));
                for candidate in candidates.iter().filter(|candidate| is_ours(candidate)) {
                    found |= self.add(candidate, local, &mut files, &mut waiting)?;
                }
                let wanted = is_ours(&module) || of_interest;
                if wanted && !found && !import.optional {
                    return Err(self.missing(path, import, module, local));
                }
            }
        }
        Ok(files)
    }

    /// What every module uses, as the first part of each archive.
    pub fn common(&self) -> Result<Files, DependencyError> {
        let mut files = Files::new();
        let mut waiting = Vec::new();
        self.add(BASIC, &[], &mut files, &mut waiting)?;
        while let Some((name, is_package, _, source)) = waiting.pop() {
            for import in &source.imports {
                let Some(module) = absolute(&import.module, &name, is_package) else {
                    continue;
                };
                for candidate in import
                    .names
                    .iter()
                    .map(|taken| format!("{module}.{taken}"))
                    .chain([module.clone()])
                {
                    if is_ours(&candidate) {
                        self.add(&candidate, &[], &mut files, &mut waiting)?;
                    }
                }
            }
        }
        Ok(files)
    }

    /// Adds a module, or the nearest package around it that is there; tells whether there was one.
    fn add(
        &self,
        name: &str,
        local: &[PathBuf],
        files: &mut Files,
        waiting: &mut Vec<(String, bool, PathBuf, Arc<Source>)>,
    ) -> Result<bool, DependencyError> {
        let mut name = name;
        loop {
            if let Some(found) = self.find(name, local) {
                self.add_found(found, local, files, waiting)?;
                return Ok(true);
            }
            match name.rsplit_once('.') {
                Some((shorter, _)) if is_ours(shorter) => name = shorter,
                _ => return Ok(false),
            }
        }
    }

    fn add_found(
        &self,
        found: Found,
        local: &[PathBuf],
        files: &mut Files,
        waiting: &mut Vec<(String, bool, PathBuf, Arc<Source>)>,
    ) -> Result<(), DependencyError> {
        let file = file_name(&found.name, found.is_package);
        if files.contains_key(&file) {
            return Ok(());
        }
        let source = match &found.path {
            Some(path) => self.read(path)?,
            None => Arc::new(Source {
                imports: imports(&found.text),
                content: found.text.into_bytes(),
            }),
        };
        files.insert(file, Arc::clone(&source));
        self.add_packages(&found.name, local, files, waiting)?;
        waiting.push((
            found.name,
            found.is_package,
            found.path.unwrap_or_default(),
            source,
        ));
        Ok(())
    }

    /// Adds the packages around a module.
    fn add_packages(
        &self,
        name: &str,
        local: &[PathBuf],
        files: &mut Files,
        waiting: &mut Vec<(String, bool, PathBuf, Arc<Source>)>,
    ) -> Result<(), DependencyError> {
        let places: Vec<usize> = name.match_indices('.').map(|(place, _)| place).collect();
        for package in places.iter().rev().map(|place| &name[..*place]) {
            if files.contains_key(&file_name(package, true)) {
                continue;
            }
            let found = match package {
                "ansible" => None,
                _ => self.find(package, local).filter(|found| found.is_package),
            };
            let text = match package {
                "ansible" => format!("{EXTENSIBLE_PACKAGE}__version__ = {:?}\n", self.core.version),
                LIBRARY => EXTENSIBLE_PACKAGE.to_owned(),
                _ => String::new(),
            };
            self.add_found(
                Found {
                    name: package.to_owned(),
                    is_package: true,
                    path: found.and_then(|found| found.path),
                    text,
                },
                local,
                files,
                waiting,
            )?;
        }
        Ok(())
    }

    /// The module of this name.
    fn find(&self, name: &str, local: &[PathBuf]) -> Option<Found> {
        if name == LIBRARY {
            return Some(Found {
                name: name.to_owned(),
                is_package: true,
                path: None,
                text: EXTENSIBLE_PACKAGE.to_owned(),
            });
        }
        let (folders, below, moved) = if let Some(below) = name.strip_prefix("ansible.module_utils.") {
            let mut folders = local.to_vec();
            folders.push(self.core.directory.join("module_utils"));
            let moved = self.routing.of("module_utils", below).cloned();
            (folders, below, moved)
        } else {
            let (namespace, collection, rest) = split_name(name.strip_prefix("ansible_collections.")?)?;
            let directory = self.collections.find(namespace, collection)?;
            let below = rest.strip_prefix("plugins.")?;
            let moved = below.strip_prefix("module_utils.").and_then(|below| {
                self.collections
                    .routing(&directory)
                    .of("module_utils", below)
                    .cloned()
            });
            (vec![directory.join("plugins")], below, moved)
        };
        let relative: PathBuf = below.split('.').collect();
        for folder in folders {
            let package = folder.join(&relative).join("__init__.py");
            let module = folder.join(&relative).with_extension("py");
            let is_package = package.is_file();
            if is_package || module.is_file() {
                return Some(Found {
                    name: name.to_owned(),
                    is_package,
                    path: Some(if is_package { package } else { module }),
                    text: String::new(),
                });
            }
            // A folder without code of its own is a package all the same.
            if folder.join(&relative).is_dir() {
                return Some(Found {
                    name: name.to_owned(),
                    is_package: true,
                    path: None,
                    text: String::new(),
                });
            }
        }
        let target = moved?.redirect?;
        let target = match split_name(&target) {
            Some((namespace, collection, rest)) if !target.starts_with("ansible") => {
                format!("ansible_collections.{namespace}.{collection}.plugins.module_utils.{rest}")
            }
            _ => target,
        };
        Some(Found {
            name: name.to_owned(),
            is_package: false,
            path: None,
            text: format!("import sys\nimport {target} as moved\nsys.modules[{name:?}] = moved\n"),
        })
    }

    fn read(&self, path: &Path) -> Result<Arc<Source>, DependencyError> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = sources.get(path) {
            return Ok(Arc::clone(source));
        }
        let content = std::fs::read(path).map_err(|source| DependencyError::Read {
            path: path.to_path_buf(),
            source,
        })?;
        let source = Arc::new(Source {
            imports: imports(&String::from_utf8_lossy(&content)),
            content,
        });
        sources.insert(path.to_path_buf(), Arc::clone(&source));
        Ok(source)
    }

    fn missing(&self, path: PathBuf, import: &Import, module: String, local: &[PathBuf]) -> DependencyError {
        let searched: Vec<String> = if module.starts_with("ansible_collections") {
            self.collections
                .roots()
                .iter()
                .map(|path| path.display().to_string())
                .collect()
        } else {
            local
                .iter()
                .cloned()
                .chain([self.core.directory.join("module_utils")])
                .map(|path| path.display().to_string())
                .collect()
        };
        DependencyError::Missing {
            path,
            line: import.line,
            import: module,
            searched: searched.join(", "),
        }
    }
}

/// Whether this is code that is sent along. `ansible.module_utils` itself holds nothing.
fn is_ours(name: &str) -> bool {
    name.strip_prefix(LIBRARY)
        .is_some_and(|rest| rest.len() > 1 && rest.starts_with('.') && rest != ".*")
        || name
            .strip_prefix("ansible_collections.")
            .and_then(split_name)
            .is_some_and(|(_, _, rest)| rest.starts_with("plugins.module_utils."))
}

/// A module's name as an import in `from` means it.
fn absolute(module: &str, from: &str, is_package: bool) -> Option<String> {
    let below = module.trim_start_matches('.');
    let level = module.len() - below.len();
    if level == 0 {
        return Some(module.to_owned());
    }
    let mut base = from;
    for _ in 0..level - usize::from(is_package) {
        base = base.rsplit_once('.')?.0;
    }
    Some(if below.is_empty() {
        base.to_owned()
    } else {
        format!("{base}.{below}")
    })
}

/// The name of a module's file in an archive.
fn file_name(module: &str, is_package: bool) -> String {
    let path = module.replace('.', "/");
    if is_package {
        format!("{path}/__init__.py")
    } else {
        format!("{path}.py")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_imports_are_resolved_from_their_file() {
        let module = "ansible_collections.a.b.plugins.modules.x";
        for (import, from, is_package, expected) in [
            (
                "..module_utils.y",
                module,
                false,
                Some("ansible_collections.a.b.plugins.module_utils.y"),
            ),
            (
                ".",
                module,
                false,
                Some("ansible_collections.a.b.plugins.modules"),
            ),
            (".z", "a.b", true, Some("a.b.z")),
            (".z", "a.b", false, Some("a.z")),
            ("....z", "a.b", false, None),
            ("os", module, false, Some("os")),
        ] {
            assert_eq!(
                absolute(import, from, is_package).as_deref(),
                expected,
                "{import}"
            );
        }
    }

    /// A library of a few files in place of the real one.
    fn library(root: &Path) -> Library {
        for (path, content) in [
            (
                "ansible/module_utils/basic.py",
                "from .common import text\nimport ansible.module_utils.six.moves\n",
            ),
            ("ansible/module_utils/common/__init__.py", ""),
            ("ansible/module_utils/common/text.py", "import os\n"),
            ("ansible/module_utils/six/__init__.py", ""),
            (
                "ansible_collections/a/b/plugins/module_utils/own.py",
                "from ansible.module_utils.common.text import x\n",
            ),
            (
                "ansible_collections/a/b/meta/runtime.yml",
                "plugin_routing: {module_utils: {old: {redirect: a.b.own}}}",
            ),
            ("local/mine.py", "import ansible.module_utils.nothing\n"),
        ] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let core = Core {
            directory: root.join("ansible"),
            version: "2.18.0".to_owned(),
        };
        let collections = Arc::new(Collections::new(vec![root.to_path_buf()]));
        Library::new(core, Arc::default(), collections)
    }

    #[test]
    fn everything_that_is_imported_is_packed_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let library = library(root.path());
        let entry = "ansible_collections.a.b.plugins.modules.x";
        let files = library
            .closure(entry, b"from ..module_utils import old\n", Path::new("x.py"), &[])
            .unwrap();
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "ansible/__init__.py",
                "ansible/module_utils/__init__.py",
                "ansible/module_utils/basic.py",
                "ansible/module_utils/common/__init__.py",
                "ansible/module_utils/common/text.py",
                "ansible/module_utils/six/__init__.py",
                "ansible_collections/__init__.py",
                "ansible_collections/a/__init__.py",
                "ansible_collections/a/b/__init__.py",
                "ansible_collections/a/b/plugins/__init__.py",
                "ansible_collections/a/b/plugins/module_utils/__init__.py",
                "ansible_collections/a/b/plugins/module_utils/old.py",
                "ansible_collections/a/b/plugins/module_utils/own.py",
                "ansible_collections/a/b/plugins/modules/__init__.py",
                "ansible_collections/a/b/plugins/modules/x.py",
            ]
        );
        assert!(
            library
                .common()
                .unwrap()
                .keys()
                .all(|name| files.contains_key(name))
        );
    }

    #[test]
    fn what_is_missing_is_named_with_its_place() {
        let root = tempfile::tempdir().unwrap();
        let library = library(root.path());
        let local = [root.path().join("local")];
        let closure =
            |text: &str| library.closure("ansible.modules.x", text.as_bytes(), Path::new("x.py"), &local);
        let error = closure("\nfrom ansible.module_utils.nope import x").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("x.py:2: ansible.module_utils.nope is imported"),
            "{error}"
        );
        let error = closure("from ansible.module_utils.mine import x").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("local/mine.py:1: ansible.module_utils.nothing"),
            "{error}"
        );
        closure("try:\n    from ansible.module_utils.nope import x\nexcept ImportError:\n    x = None\n")
            .unwrap();
    }
}
