//! The installed ansible-core, from which Python modules take their library. Nothing of it is part of this program.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

/// Where the executor's image may hold it.
const IMAGE: &str = "/usr/share/slipway/ansible-core";

/// What to do when there is none.
pub const HOW_TO_INSTALL: &str = "install it with \"pip install ansible-core\", or name the folder that it is in with SLIPWAY_ANSIBLE_CORE";

/// An installed ansible-core.
#[derive(Debug, Clone)]
pub struct Core {
    /// The folder of the package `ansible`.
    pub directory: PathBuf,
    /// Its version.
    pub version: String,
}

impl Core {
    /// Looks for it: `SLIPWAY_ANSIBLE_CORE`, the Python of `ansible-playbook`, `python3`, the executor's image.
    pub fn find() -> Option<Self> {
        if let Some(named) = std::env::var_os("SLIPWAY_ANSIBLE_CORE") {
            return Self::at(Path::new(&named));
        }
        python_of_ansible()
            .into_iter()
            .chain(["python3".to_owned()])
            .find_map(|python| Self::at(&package_directory(&python)?))
            .or_else(|| Self::at(Path::new(IMAGE)))
    }

    /// The Python that it is installed for: that of its environment (`bin` beside `lib`), else the one that runs Ansible here.
    pub fn python(&self) -> String {
        let mut around = self.directory.ancestors().skip(1);
        let lib = around.find(|folder| folder.file_name().is_some_and(|name| name == "lib"));
        let own = lib
            .and_then(|lib| Some(lib.parent()?.join("bin/python3")))
            .filter(|python| python.is_file());
        own.map_or_else(
            || playbook_python().to_owned(),
            |python| python.display().to_string(),
        )
    }

    /// The one in this folder: the package's own, or the one around it.
    fn at(directory: &Path) -> Option<Self> {
        [directory.to_path_buf(), directory.join("ansible")]
            .into_iter()
            .find(|directory| directory.join("module_utils/basic.py").is_file())
            .map(|directory| {
                let release = std::fs::read_to_string(directory.join("release.py")).unwrap_or_default();
                let version = release
                    .lines()
                    .find_map(|line| line.strip_prefix("__version__ = "))
                    .map(|version| version.trim_matches(['\'', '"', ' ']).to_owned());
                Self {
                    version: version.unwrap_or_default(),
                    directory,
                }
            })
    }
}

/// The interpreter of the `ansible-playbook` in `PATH`: it may be in an environment of its own.
fn python_of_ansible() -> Option<String> {
    let path = std::env::var_os("PATH")?;
    let program = std::env::split_paths(&path)
        .map(|directory| directory.join("ansible-playbook"))
        .find(|program| program.is_file())?;
    // The first line is enough: this program itself may be installed under that name.
    let mut content = Vec::new();
    File::open(program)
        .and_then(|file| file.take(512).read_to_end(&mut content))
        .ok()?;
    let words = super::style::shebang(&content)?;
    words.into_iter().next().filter(|word| word.contains("python"))
}

/// The Python that stands for the one that runs Ansible: that of the `ansible-playbook` in `PATH`, else the first `python3` there.
pub fn playbook_python() -> &'static str {
    static FOUND: LazyLock<String> = LazyLock::new(|| {
        python_of_ansible()
            .or_else(|| {
                let path = std::env::var_os("PATH")?;
                std::env::split_paths(&path)
                    .map(|directory| directory.join("python3"))
                    .find(|program| program.is_absolute() && program.is_file())
                    .and_then(|program| program.into_os_string().into_string().ok())
            })
            .unwrap_or_else(|| "/usr/bin/python3".to_owned())
    });
    &FOUND
}

fn package_directory(python: &str) -> Option<PathBuf> {
    let program = "import importlib.util as u; s = u.find_spec('ansible'); print(s.submodule_search_locations[0] if s else '')";
    let output = Command::new(python)
        .args(["-c", program])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim())
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
}
