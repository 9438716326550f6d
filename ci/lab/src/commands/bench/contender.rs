//! A program that plays the playbooks, measured on machines of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use slipway_lab::{ClusterFiles, ClusterOptions, Lab, cache_folder, sources};
use tokio::process::Command;

use super::memory;
use crate::commands::floor;

/// Who plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// `slipway-playbook`
    Slipway,
    /// `ansible-playbook`
    Ansible,
}

/// What it took.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// A cluster of one control plane and one worker.
    pub install: Duration,
    /// The same once more.
    pub again: Duration,
    /// One worker more.
    pub scale_out: Duration,
    /// All three hosts.
    pub reset: Duration,
    /// The most memory that the controller held during the installation.
    pub memory_bytes: u64,
}

impl Contender {
    fn name(self) -> &'static str {
        match self {
            Self::Slipway => "slipway",
            Self::Ansible => "ansible",
        }
    }

    /// Plays on three fresh machines, which are removed afterwards.
    pub async fn measure(self, lab: &Lab) -> anyhow::Result<Measured> {
        let names: Vec<String> = (1..=3)
            .map(|number| format!("{}-{number}", self.name()))
            .collect();
        let machines = lab.machines_add(&names).await?;
        floor::prepare(lab, self.name(), &names).await?;
        let files = |workers: &[String]| {
            lab.cluster_files(&ClusterOptions {
                name: self.name().to_owned(),
                control_plane: names[..1].to_vec(),
                workers: workers.to_vec(),
                kubernetes_version: None,
            })
        };
        let two = files(&names[1..2])?;
        let (install, memory_bytes) = self.play(lab, &two, "install.yml", &[]).await?;
        let (again, _) = self.play(lab, &two, "install.yml", &[]).await?;
        let three = files(&names[1..])?;
        let (scale_out, _) = self
            .play(lab, &three, "scale-out.yml", &["--limit", &names[2]])
            .await?;
        let (reset, _) = self.play(lab, &three, "reset.yml", &[]).await?;
        for machine in machines {
            machine.remove().await?;
        }
        Ok(Measured {
            install,
            again,
            scale_out,
            reset,
            memory_bytes,
        })
    }

    /// Plays one playbook; how long it took, and the most memory that it held.
    async fn play(
        self,
        lab: &Lab,
        files: &ClusterFiles,
        entry: &str,
        arguments: &[&str],
    ) -> anyhow::Result<(Duration, u64)> {
        let mut words = lab.inside();
        words.push(text(&self.program()?));
        words.extend(["-i".to_owned(), text(&files.inventory)]);
        words.extend(arguments.iter().map(|word| (*word).to_owned()));
        if self == Self::Slipway {
            words.extend(["--known-hosts".to_owned(), text(&lab.folders().known_hosts())]);
        }
        words.push(text(&sources::project().join("playbooks").join(entry)));
        let log = std::env::temp_dir().join(format!("slipway-bench-{}.log", self.name()));
        let output = std::fs::File::create(&log).with_context(|| format!("write {}", log.display()))?;
        let start = Instant::now();
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .env("ANSIBLE_PIPELINING", "True")
            .env("ANSIBLE_FORKS", "20")
            .env("ANSIBLE_SSH_ARGS", "-o ControlMaster=auto -o ControlPersist=60s")
            .env("ANSIBLE_GATHERING", "explicit")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {}", words[0]))?;
        let id = child.id().context("the program ended before it began")?;
        let mut most = 0;
        let status = loop {
            tokio::select! {
                ended = child.wait() => break ended?,
                () = tokio::time::sleep(Duration::from_millis(250)) => most = most.max(memory::of_tree(id)),
            }
        };
        let took = start.elapsed();
        ensure!(
            status.success(),
            "{} {entry} failed ({status}), see {}",
            self.name(),
            log.display()
        );
        println!("{:<8} {entry:<14} {:.1} s", self.name(), took.as_secs_f64());
        Ok((took, most))
    }

    fn program(self) -> anyhow::Result<PathBuf> {
        match self {
            Self::Slipway => Ok(sources::workspace_program("slipway-playbook")?),
            Self::Ansible => {
                let program = cache_folder().join("ansible/bin/ansible-playbook");
                ensure!(
                    program.exists(),
                    "{} is missing: ci/ansible-environment makes it",
                    program.display()
                );
                Ok(program)
            }
        }
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
