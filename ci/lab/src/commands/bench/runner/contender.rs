//! The programs that play: Slipway, Ansible, Ansible with mitogen's strategy, and scp where files are copied.

use std::path::{Path, PathBuf};

use slipway_lab::{Lab, Machine, Player, cache_folder};

use super::workload::{PLACE, Targets, Workload};

/// Who plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// `slipway-playbook`
    Slipway,
    /// `ansible-playbook` with pipelining, ControlPersist and a fork for each host.
    Ansible,
    /// The same, with mitogen's strategy.
    Mitogen,
    /// OpenSSH's `scp`, once for each host, all at the same time.
    Scp,
}

/// Mitogen's strategies, where `ci/mitogen` puts them.
fn strategies() -> PathBuf {
    cache_folder().join("mitogen/ansible_mitogen/plugins/strategy")
}

impl Contender {
    /// Who takes part in a workload.
    pub fn of(workload: &Workload) -> Vec<Self> {
        match (workload.name, workload.targets) {
            // A thousand of Ansible's processes do not fit into the machines that this is run on.
            (_, Targets::Names(_) | Targets::Memory(_)) => vec![Self::Slipway],
            ("large", _) => vec![Self::Slipway, Self::Ansible, Self::Mitogen, Self::Scp],
            _ if workload.playbook.is_none() => vec![Self::Slipway, Self::Ansible],
            _ => vec![Self::Slipway, Self::Ansible, Self::Mitogen],
        }
    }

    /// What it is called in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slipway => "slipway",
            Self::Ansible => "ansible",
            Self::Mitogen => "mitogen",
            Self::Scp => "scp",
        }
    }

    /// Why it cannot take part here, if it cannot.
    pub fn missing(self) -> Option<String> {
        let folder = strategies();
        (self == Self::Mitogen && !folder.is_dir()).then(|| format!("{} is not there", folder.display()))
    }

    /// The words of the command that plays a workload, to be run in the lab's network.
    pub fn words(
        self,
        lab: &Lab,
        workload: &Workload,
        playbook: &Path,
        machines: &[Machine],
    ) -> anyhow::Result<Vec<String>> {
        let folder = playbook.parent().unwrap_or(playbook);
        let forks = match workload.targets {
            Targets::Localhost => 1,
            Targets::Machines(count) | Targets::Names(count) | Targets::Memory(count) => count,
        }
        .to_string();
        let mut arguments = vec!["--forks", &forks];
        if workload.playbook.is_none() {
            arguments.push("--version");
        }
        let playbook = playbook.display().to_string();
        let player = match self {
            Self::Slipway => Player::Slipway,
            Self::Ansible | Self::Mitogen => Player::Ansible,
            Self::Scp => return Ok(scp(lab, folder, machines)),
        };
        let command = player.words(lab, &folder.join("inventory.yml"), &playbook, &arguments)?;
        let mut words = vec!["env".to_owned()];
        if player == Player::Ansible {
            // Masters of an earlier run would spare this one its connections.
            let masters = tempfile::Builder::new().prefix("ssh-").tempdir_in(folder)?.keep();
            words.push(format!("ANSIBLE_SSH_CONTROL_PATH_DIR={}", masters.display()));
            // Fifty hosts at once on two cores may take longer than its ten seconds to answer `sudo`.
            words.push("ANSIBLE_TIMEOUT=60".to_owned());
        }
        if self == Self::Mitogen {
            words.push(format!("ANSIBLE_STRATEGY_PLUGINS={}", strategies().display()));
            words.push("ANSIBLE_STRATEGY=mitogen_linear".to_owned());
        }
        let settings = command
            .iter()
            .skip(1)
            .take_while(|word| word.contains('='))
            .count();
        words.extend(command[1..=settings].iter().cloned());
        if workload.starts > 1 {
            // One shell starts it many times, so that what starts the shell counts for little.
            words.extend(["sh", "-c", REPEAT, "repeat"].map(str::to_owned));
            words.push(workload.starts.to_string());
        }
        words.extend(command[1 + settings..].iter().cloned());
        Ok(words)
    }
}

const REPEAT: &str = r#"left=$1; shift; while [ "$left" -gt 0 ]; do "$@" || exit; left=$((left - 1)); done"#;

fn scp(lab: &Lab, folder: &Path, machines: &[Machine]) -> Vec<String> {
    let copies: Vec<String> = machines
        .iter()
        .map(|machine| {
            format!(
                "scp -q -F /dev/null -i {} -o IdentitiesOnly=yes -o UserKnownHostsFile={} {} slipway@{}:{PLACE}/large.bin & all=\"$all $!\"",
                lab.folders().ssh_key().display(),
                lab.folders().known_hosts().display(),
                folder.join("large.bin").display(),
                machine.address(),
            )
        })
        .collect();
    let script = format!(
        "all=; {}\nfor one in $all; do wait $one || exit; done",
        copies.join("\n")
    );
    vec!["sh".to_owned(), "-c".to_owned(), script]
}
