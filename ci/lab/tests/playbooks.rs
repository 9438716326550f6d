//! The playbooks on real machines, played by real Ansible and by Slipway's runner: the same files are left on the hosts, a second run
//! changes nothing, and a reset takes everything away. It needs what the lab needs and what `ci/ansible-environment` makes.

#![allow(clippy::panic)] // ok: a test, where a failure is the answer

#[path = "support/host_files.rs"]
mod host_files;
mod support;

use slipway_lab::{ClusterOptions, Lab, Player, UpOptions};

use host_files::HostFiles;
use support::{up, with_lab};

const LAB: &str = "playbooks";

/// What may differ between hosts on which different programs played, with the reason.
const GENERATED: &[(&str, &str)] = &[
    (
        "/etc/kubernetes/pki/",
        "kubeadm makes keys and signs certificates anew",
    ),
    (
        "/etc/kubernetes/admin.conf",
        "holds a client certificate that kubeadm made",
    ),
    (
        "/etc/kubernetes/super-admin.conf",
        "holds a client certificate that kubeadm made",
    ),
    (
        "/etc/kubernetes/controller-manager.conf",
        "holds a client certificate that kubeadm made",
    ),
    (
        "/etc/kubernetes/scheduler.conf",
        "holds a client certificate that kubeadm made",
    ),
    (
        "/var/lib/kubelet/pki/",
        "the kubelet's own keys, named after the moment",
    ),
    (
        "/var/lib/kubelet/device-plugins/",
        "a socket and checkpoint of the kubelet",
    ),
];

/// What a host has after a reset and had not before, with the reason.
const LEFT: &[(&str, &str)] = &[
    (
        "/home/slipway/.ansible",
        "Ansible's own folder for temporary files",
    ),
    ("/root/.ansible", "Ansible's own folder for temporary files"),
    ("/home/slipway/.cache", "the agent, kept for the next run"),
    ("/root/.cache", "the agent, kept for the next run"),
];

#[tokio::test(flavor = "multi_thread")]
async fn ansible_and_slipway_leave_the_same_files_and_a_reset_takes_them_away() {
    with_lab(LAB, async || {
        let lab = up(&UpOptions {
            machines: 2,
            ..UpOptions::named(LAB)
        })
        .await;
        let machines = ["machine-1", "machine-2"];
        let files = lab
            .cluster_files(&ClusterOptions {
                name: "same".to_owned(),
                control_plane: vec![machines[0].to_owned()],
                workers: vec![machines[1].to_owned()],
                kubernetes_version: None,
            })
            .unwrap_or_else(|error| panic!("{error}"));
        let pristine = host_files_of(&lab, &machines).await;
        let mut installed = Vec::new();
        for player in [Player::Ansible, Player::Slipway] {
            let play = async |playbook: &str| {
                let words = player
                    .words(&lab, &files.inventory, playbook, &[])
                    .unwrap_or_else(|error| panic!("{error}"));
                let said = lab.run(&words).await;
                said.unwrap_or_else(|error| panic!("{} {playbook}: {error}", player.name()))
            };
            play("install.yml").await;
            let hosts = host_files_of(&lab, &machines).await;
            for (before, after) in pristine.iter().zip(&hosts) {
                let made = before.differences(after, &[]);
                for file in ["/usr/local/bin/kubelet: ", "/etc/containerd/config.toml: "] {
                    assert!(made.contains(file), "{} made no {file}\n{made}", player.name());
                }
            }
            installed.push(hosts);
            let again = play("install.yml").await;
            for machine in machines {
                let recap = again
                    .lines()
                    .skip_while(|line| !line.starts_with("PLAY RECAP"))
                    .find(|line| line.starts_with(machine))
                    .unwrap_or_default();
                assert!(
                    recap.contains(" changed=0 "),
                    "the second run of {} changed something on {machine}:\n{again}",
                    player.name()
                );
            }
            play("reset.yml").await;
            for (before, after) in pristine.iter().zip(host_files_of(&lab, &machines).await) {
                let left = before.differences(&after, LEFT);
                assert!(left.is_empty(), "after {}'s reset:\n{left}", player.name());
            }
        }
        for (theirs, ours) in installed[0].iter().zip(&installed[1]) {
            let differences = theirs.differences(ours, &[GENERATED, LEFT].concat());
            assert!(differences.is_empty(), "Ansible's host and ours:\n{differences}");
        }
    })
    .await;
}

async fn host_files_of(lab: &Lab, machines: &[&str]) -> Vec<HostFiles> {
    let mut all = Vec::new();
    for machine in machines {
        let machine = lab.machine(machine).unwrap_or_else(|error| panic!("{error}"));
        all.push(HostFiles::of(&machine).await);
    }
    all
}
