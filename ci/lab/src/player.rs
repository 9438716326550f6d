//! The programs that play playbooks on a lab's machines: Slipway's own, and Ansible to compare it with.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::{sources, state};

/// How Ansible is as quick as it can be without changing what it does: one SSH connection for each host, modules on its input.
const ANSIBLE_ENVIRONMENT: [&str; 5] = [
    "ANSIBLE_PIPELINING=True",
    "ANSIBLE_FORKS=20",
    "ANSIBLE_SSH_ARGS=-o ControlMaster=auto -o ControlPersist=60s",
    "ANSIBLE_GATHERING=explicit",
    "ANSIBLE_NOCOLOR=1",
];

/// A program that plays playbooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Player {
    /// `slipway-playbook`, beside the running program.
    Slipway,
    /// `ansible-playbook`, of the environment that `ci/ansible-environment` makes.
    Ansible,
}

impl Player {
    /// A short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slipway => "slipway",
            Self::Ansible => "ansible",
        }
    }

    /// The words of a command that plays one of the project's playbooks (`install.yml`), or one by its path, on machines of a
    /// lab, to be run inside its network ([`Lab::run`]).
    pub fn words(
        self,
        lab: &Lab,
        inventory: &Path,
        playbook: &str,
        arguments: &[&str],
    ) -> Result<Vec<String>> {
        let mut words = vec!["env".to_owned()];
        words.extend(ANSIBLE_ENVIRONMENT.map(str::to_owned));
        words.push(self.program()?.display().to_string());
        words.extend(["-i".to_owned(), inventory.display().to_string()]);
        if self == Self::Slipway {
            let known_hosts = lab.folders().known_hosts().display().to_string();
            words.extend(["--known-hosts".to_owned(), known_hosts]);
        }
        words.extend(arguments.iter().map(|word| (*word).to_owned()));
        // A path that is absolute replaces the folder.
        let playbook = sources::project().join("playbooks").join(playbook);
        words.push(playbook.display().to_string());
        Ok(words)
    }

    fn program(self) -> Result<PathBuf> {
        match self {
            Self::Slipway => sources::workspace_program("slipway-playbook"),
            Self::Ansible => {
                let program = state::cache_folder().join("ansible/bin/ansible-playbook");
                if program.is_file() {
                    Ok(program)
                } else {
                    Err(Error::Unsupported(format!(
                        "{} is missing: ci/ansible-environment makes it",
                        program.display()
                    )))
                }
            }
        }
    }
}
