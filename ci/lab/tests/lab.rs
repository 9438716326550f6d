//! The lab itself, with real machines. It needs root and what `ci/lab/apt-packages.txt` lists, and says so where that is missing.

mod support;
#[path = "support/traces.rs"]
mod traces;

use std::collections::BTreeSet;
use std::process::Command;

use slipway_lab::{FILES_URL, IMAGE_REGISTRY, Lab, Leftovers, MachineState, UpOptions};
use tokio::io::AsyncReadExt;

use support::{up, with_lab};

/// A lab of machines only.
fn bare(name: &str) -> UpOptions {
    UpOptions {
        services: false,
        ..UpOptions::named(name)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn down_leaves_no_process_mount_namespace_cgroup_or_file() {
    let before = traces::traces("leaves-no-trace");
    assert_eq!(
        before,
        BTreeSet::new(),
        "left by an earlier run; `slipway-lab -n leaves-no-trace down` removes it"
    );
    let processes = with_lab("leaves-no-trace", async || {
        let lab = up(&UpOptions {
            machines: 3,
            ..bare("leaves-no-trace")
        })
        .await;
        lab.machine("machine-1").unwrap().freeze().unwrap();
        lab.machine("machine-2").unwrap().partition().await.unwrap();
        lab.machine("machine-3").unwrap().kill().await.unwrap();
        let there = Leftovers::of("leaves-no-trace").unwrap();
        assert!(
            there.processes.len() > 10 && there.mounts.len() == 5 && there.loop_devices.len() == 2,
            "{there:?}"
        );
        assert!(
            there.namespaces.len() == 3 && !there.cgroups.is_empty(),
            "{there:?}"
        );
        traces::start_times(&there.processes)
    })
    .await;
    assert_eq!(Leftovers::of("leaves-no-trace").unwrap(), Leftovers::default());
    assert_eq!(traces::traces("leaves-no-trace"), BTreeSet::new());
    assert_eq!(traces::still_running(&processes), Vec::<i32>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn down_works_after_a_crash_and_on_no_lab_at_all() {
    Lab::down("crashed")
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let processes = with_lab("crashed", async || {
        let lab = up(&UpOptions {
            machines: 1,
            ..bare("crashed")
        })
        .await;
        let there = Leftovers::of("crashed").unwrap();
        // As if the host's memory had run out in the middle of things: records gone, systemd-nspawn killed.
        std::fs::remove_file(lab.folders().root.join("machines/machine-1/process")).unwrap();
        std::fs::remove_file(lab.folders().root.join("lab.json")).unwrap();
        let processes = traces::start_times(&there.processes);
        let supervisor = there
            .processes
            .iter()
            .find(|id| traces::command_of(**id) == "systemd-nspawn")
            .unwrap();
        assert!(
            Command::new("kill")
                .args(["-KILL", &supervisor.to_string()])
                .status()
                .unwrap()
                .success()
        );
        processes
    })
    .await;
    assert_eq!(Leftovers::of("crashed").unwrap(), Leftovers::default());
    assert_eq!(traces::still_running(&processes), Vec::<i32>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_keeps_its_disk_and_identity_when_the_plug_is_pulled() {
    with_lab("plug", async || {
        let lab = up(&bare("plug")).await;
        let machine = lab.machine_add("worker").await.unwrap();
        let identity = machine.run("cat /etc/machine-id; uname -n").await.unwrap();
        machine
            .run("echo kept > note; sudo sh -c 'echo real > /var/lib/etcd/note'")
            .await
            .unwrap();
        machine.kill().await.unwrap();
        assert_eq!(machine.state().await.unwrap(), MachineState::Stopped);
        machine.start().await.unwrap();
        assert_eq!(
            machine
                .run("cat note; sudo cat /var/lib/etcd/note")
                .await
                .unwrap(),
            "kept\nreal\n"
        );
        assert_eq!(
            machine.run("cat /etc/machine-id; uname -n").await.unwrap(),
            identity
        );
        assert_eq!(
            machine
                .run("systemctl is-system-running --wait")
                .await
                .unwrap()
                .trim(),
            "running"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_stop_lets_services_finish() {
    with_lab("orderly", async || {
        let machine = up(&bare("orderly")).await.machine_add("worker").await.unwrap();
        let unit = "[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStop=/bin/sh -c \"sleep 1; echo finished > /note\"\\n";
        let start = format!("printf '{unit}ExecStart=/bin/true\\n' | sudo tee /etc/systemd/system/proof.service");
        machine.run(&format!("{start} && sudo systemctl start proof")).await.unwrap();
        machine.stop().await.unwrap();
        machine.start().await.unwrap();
        assert_eq!(machine.run("cat /note").await.unwrap(), "finished\n");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_or_disconnected_machine_is_silent_until_it_is_let_go() {
    with_lab("silent", async || {
        let machine = up(&bare("silent")).await.machine_add("worker").await.unwrap();
        machine.freeze().unwrap();
        assert_eq!(machine.state().await.unwrap(), MachineState::Frozen);
        assert!(machine.run("true").await.is_err(), "a frozen machine answered");
        machine.thaw().unwrap();
        machine.run("true").await.unwrap();
        machine.partition().await.unwrap();
        assert_eq!(machine.state().await.unwrap(), MachineState::Partitioned);
        assert!(
            machine.run("true").await.is_err(),
            "a machine without a cable answered"
        );
        machine.heal().await.unwrap();
        machine.run("true").await.unwrap();
        assert_eq!(machine.state().await.unwrap(), MachineState::Running);
        machine.stop().await.unwrap();
        let refusal = machine.freeze().unwrap_err().to_string();
        assert!(
            refusal.contains("powered off") && refusal.contains("machine start worker"),
            "{refusal}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_reach_each_other_and_nothing_outside() {
    with_lab("closed", async || {
        let lab = up(&UpOptions {
            machines: 2,
            ..bare("closed")
        })
        .await;
        let (one, two) = (
            lab.machine("machine-1").unwrap(),
            lab.machine("machine-2").unwrap(),
        );
        one.run(&format!("exec 3<>/dev/tcp/{}/22", two.address()))
            .await
            .unwrap();
        let outside = one
            .run("exec 3<>/dev/tcp/1.1.1.1/443")
            .await
            .unwrap_err()
            .to_string();
        assert!(
            outside.contains("unreachable"),
            "told at once, not after a time-out: {outside}"
        );
        assert!(
            one.run("getent hosts example.org").await.is_err(),
            "a name was resolved"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_labs_with_the_same_names_and_addresses_do_not_meet_and_up_is_safe_to_repeat() {
    with_lab("twin-a", async || {
        with_lab("twin-b", async || {
            let one = up(&UpOptions {
                machines: 1,
                ..bare("twin-a")
            })
            .await;
            let other = up(&UpOptions {
                machines: 1,
                ..bare("twin-b")
            })
            .await;
            one.machine("machine-1")
                .unwrap()
                .run("echo a > note")
                .await
                .unwrap();
            assert!(other.machine("machine-1").unwrap().run("cat note").await.is_err());
            let again = up(&UpOptions {
                machines: 2,
                ..bare("twin-a")
            })
            .await;
            assert_eq!(
                again.machine("machine-1").unwrap().run("cat note").await.unwrap(),
                "a\n",
                "not made anew"
            );
            assert_eq!(again.machines().unwrap().len(), 2);
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_gets_kubernetes_from_the_labs_own_servers() {
    with_lab("served", async || {
        let lab = up(&UpOptions::named("served")).await;
        let machine = lab.machine_add("worker").await.unwrap();
        let release = format!("{FILES_URL}/dl.k8s.io/release/v1.35.4/bin/linux/amd64");
        let fetch = format!("curl -fsSO {release}/kubeadm && curl -fsS {release}/kubeadm.sha256");
        let check = format!("echo \"$({fetch})  kubeadm\" | sha256sum --check && chmod +x kubeadm && ./kubeadm version -o short");
        assert_eq!(machine.run(&check).await.unwrap(), "kubeadm: OK\nv1.35.4\n");
        let tags = machine.run(&format!("curl -fsS {IMAGE_REGISTRY}/v2/registry.k8s.io/kube-apiserver/tags/list")).await;
        assert!(tags.as_ref().unwrap().contains("v1.35.4"), "{tags:?}");
    })
    .await;
}

#[test]
fn code_on_a_runtime_of_the_lab_reaches_machines_by_itself() {
    let outside = tokio::runtime::Runtime::new().unwrap();
    outside.block_on(with_lab("direct", async || {
        let lab = up(&UpOptions {
            machines: 1,
            ..bare("direct")
        })
        .await;
        let inside = lab.runtime().unwrap();
        let greeting = inside.spawn(async {
            let mut stream = tokio::net::TcpStream::connect("10.77.0.11:22").await.unwrap();
            let mut start = [0; 8];
            stream.read_exact(&mut start).await.unwrap();
            start
        });
        assert_eq!(&greeting.await.unwrap(), b"SSH-2.0-");
        inside.shutdown_background();
    }));
}

#[test]
fn a_host_that_lacks_something_is_told_what_to_install() {
    let program = env!("CARGO_BIN_EXE_slipway-lab");
    let output = Command::new(program)
        .args(["-n", "lacking", "up"])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("systemd-nspawn") && said.contains("apt-packages.txt") || said.contains("needs root"),
        "{said}"
    );
}

#[test]
fn an_unknown_lab_or_machine_is_named_with_what_to_type() {
    let program = env!("CARGO_BIN_EXE_slipway-lab");
    let output = Command::new(program)
        .args(["-n", "nobody", "machine", "kill", "x"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("slipway-lab up --name nobody"), "{said}");
}
