//! Inputs that are wrong and that only the whole system can find out: each is told with the host and the reason.

use anyhow::{Context, Result, ensure};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, PostParams};
use slipway_api::{Machine, PlaybookRun, RunPhase, references::NameReference};
use slipway_scenarios::{World, scenario};

/// A key that opens no machine.
fn wrong_key() -> Result<Vec<u8>> {
    let file = std::env::temp_dir().join(format!("slipway-wrong-key-{}", std::process::id()));
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&file)
        .status()?;
    ensure!(made.success(), "ssh-keygen: {made}");
    let key = std::fs::read(&file)?;
    std::fs::remove_file(file.with_extension("pub"))?;
    std::fs::remove_file(file)?;
    Ok(key)
}

/// Writes a Machine anew with something changed, and waits for what the check of it says.
async fn told_of(world: &World, number: usize, change: impl FnOnce(&mut Machine)) -> Result<String> {
    let name = world.machine(number);
    let mut machine: Machine = world.api().get(&name).await?;
    world
        .api::<Machine>()
        .delete(&name, &kube::api::DeleteParams::default())
        .await?;
    world
        .until("the Machine is gone", |state| {
            state.phase_of(&name).is_none()
                && state
                    .machines
                    .iter()
                    .all(|one| one.metadata.name.as_deref() != Some(&name))
        })
        .await?;
    machine.metadata = ObjectMeta {
        name: Some(name.clone()),
        ..ObjectMeta::default()
    };
    machine.status = None;
    change(&mut machine);
    world.add_machine(&machine).await?;
    let failed = |run: &&PlaybookRun| {
        run.phase() == RunPhase::Failed && run.spec.hosts.iter().any(|host| host.machine == name)
    };
    let state = world
        .until("the check of the machine has failed", |state| {
            state.runs.iter().any(|run| failed(&run))
        })
        .await?;
    let run = state.runs.iter().find(failed).context("the run is gone")?;
    let message = run
        .status
        .as_ref()
        .and_then(|status| status.result.as_ref()?.message.clone());
    message.context("the run does not say why it failed")
}

#[test]
fn a_wrong_key_a_wrong_host_key_and_a_user_without_sudo_are_told_apart() -> Result<()> {
    scenario("bad-inputs", 3, async |world| {
        world.machines_idle().await?;
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some("wrong-key".to_owned()),
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/ssh-auth".to_owned()),
            data: Some([("ssh-privatekey".to_owned(), ByteString(wrong_key()?))].into()),
            ..Secret::default()
        };
        world.api().create(&PostParams::default(), &secret).await?;
        let told = told_of(&world, 1, |machine| {
            machine.spec.ssh.key_secret_ref = NameReference::new("wrong-key");
        })
        .await?;
        ensure!(
            told.contains(&world.machine(1)),
            "the host should be named: {told}"
        );
        ensure!(
            told.to_lowercase().contains("permission denied") || told.contains("key"),
            "the reason should be told: {told}"
        );

        // Host keys of machines are different: the third one's is wrong for the second.
        let other: Machine = world.api().get(&world.machine(3)).await?;
        let told = told_of(&world, 2, |machine| {
            machine.spec.ssh.host_keys = other.spec.ssh.host_keys;
        })
        .await?;
        ensure!(
            told.contains(&world.machine(2)),
            "the host should be named: {told}"
        );
        ensure!(
            told.to_lowercase().contains("host key"),
            "the reason should be told: {told}"
        );

        let forbid = "sudo mv /etc/sudoers.d /etc/sudoers.none";
        world.provider.run(&world.machine(3), forbid).await?;
        let told = told_of(&world, 3, |_| {}).await?;
        ensure!(
            told.contains(&world.machine(3)),
            "the host should be named: {told}"
        );
        ensure!(told.contains("sudo"), "the reason should be told: {told}");
        Ok(())
    })
}
