//! The facts of a real machine, gathered by real Ansible and by Slipway's runner: the same, as an ordinary user and as root. A machine
//! of the lab has its own network below a `/sys` of the host's, which is where facts are easily mistaken.

#![allow(clippy::panic, clippy::unwrap_used)] // ok: a test, where a failure is the answer

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};
use slipway_lab::{Lab, Machine, Player, UpOptions};

use support::{up, with_lab};

const LAB: &str = "facts";

/// What is another thing each time that it is asked for.
const PASSING: [&str; 7] = [
    "date_time",
    "env",
    "loadavg",
    "memfree_mb",
    "memory_mb",
    "swapfree_mb",
    "uptime_seconds",
];

/// What each mount has besides, which changes while something is written.
const PASSING_OF_MOUNTS: [&str; 6] = [
    "block_available",
    "block_used",
    "inode_available",
    "inode_used",
    "size_available",
    "size_used",
];

const PLAYBOOK: &str = r#"
- hosts: all
  gather_facts: false
  tasks:
    - setup:
      become: "{{ as_root }}"
    - copy:
        content: "{{ ansible_facts | to_json }}"
        dest: "{{ place }}"
      delegate_to: localhost
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_facts_of_a_machine_are_those_that_ansible_finds() {
    with_lab(LAB, async || {
        let lab = up(&UpOptions {
            machines: 1,
            services: false,
            ..UpOptions::named(LAB)
        })
        .await;
        let machine = lab.machine("machine-1").unwrap();
        // An address that nobody has been asked about yet is not a fact for long.
        let settled = "while ip -6 address show tentative | grep -q inet6; do sleep 0.1; done";
        machine.run(settled).await.unwrap();
        for as_root in [false, true] {
            let theirs = facts(&lab, &machine, Player::Ansible, as_root).await;
            // The second time with what the host's programs have answered the first time.
            for time in ["first", "second"] {
                let ours = facts(&lab, &machine, Player::Slipway, as_root).await;
                let differences = differences(&theirs, &ours);
                assert!(
                    differences.is_empty(),
                    "Ansible's facts and ours, as root: {as_root}, {time} time\n{}",
                    differences.join("\n")
                );
                assert!(ours.contains_key("default_ipv4") && ours.contains_key("devices"));
            }
        }
    })
    .await;
}

/// The facts of a machine that a program gathers, without those that cannot be compared.
async fn facts(lab: &Lab, machine: &Machine, player: Player, as_root: bool) -> Map<String, Value> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let known_hosts = lab.folders().known_hosts();
    let inventory = json!({"all": {"hosts": {"machine-1": {"ansible_host": machine.address().to_string()}}, "vars": {
        "ansible_user": "slipway",
        "ansible_ssh_private_key_file": lab.folders().ssh_key(),
        "ansible_ssh_common_args": format!("-o UserKnownHostsFile={} -o IdentitiesOnly=yes", known_hosts.display()),
        "ansible_python_interpreter": "/usr/bin/python3",
    }}});
    let place = folder.path().join("facts.json");
    let variables = json!({"as_root": as_root, "place": place}).to_string();
    let words = player.words(
        lab,
        &write("inventory.yml", &inventory.to_string()),
        &write("facts.yml", PLAYBOOK).display().to_string(),
        &["-e", &variables],
    );
    let said = lab.run(&words.unwrap()).await;
    said.unwrap_or_else(|error| panic!("{}: {error}", player.name()));
    let own = machine.run("ls /proc/sys/net/ipv4/conf").await.unwrap();
    comparable(&place, &own.split_whitespace().collect())
}

/// Facts of a file; `own` are the interfaces of the machine's network.
fn comparable(file: &Path, own: &BTreeSet<&str>) -> Map<String, Value> {
    let mut facts: Map<String, Value> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    for name in PASSING {
        facts.remove(name);
    }
    let mounts = facts["mounts"].as_array_mut().unwrap();
    for mount in mounts.iter_mut() {
        for name in PASSING_OF_MOUNTS {
            mount.as_object_mut().unwrap().remove(name);
        }
    }
    // Ansible lists them as they answer.
    mounts.sort_by_key(|mount| mount["mount"].to_string());
    // Ansible finds the interfaces of the lab's host in `/sys` besides.
    let names: Vec<String> = serde_json::from_value(facts["interfaces"].take()).unwrap();
    for foreign in names.iter().filter(|name| !own.contains(name.as_str())) {
        facts.remove(&foreign.replace(['-', '.', ':'], "_"));
    }
    let names: BTreeSet<&String> = names.iter().filter(|name| own.contains(name.as_str())).collect();
    facts["interfaces"] = json!(names);
    // Python's sets have no order.
    for name in ["virtualization_tech_guest", "virtualization_tech_host"] {
        let sorted: BTreeSet<String> = serde_json::from_value(facts[name].take()).unwrap();
        facts[name] = json!(sorted);
    }
    facts
}

fn differences(theirs: &Map<String, Value>, ours: &Map<String, Value>) -> Vec<String> {
    let names: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    names
        .into_iter()
        .filter(|name| theirs.get(*name) != ours.get(*name))
        .map(|name| {
            let show =
                |facts: &Map<String, Value>| facts.get(name).map_or("none".to_owned(), Value::to_string);
            format!("{name}: {} != {}", show(theirs), show(ours))
        })
        .collect()
}
