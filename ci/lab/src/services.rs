//! The lab's own servers: an image registry and a file server, as a site without internet has them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::command::run_showing;
use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::process::{self, Launch};
use crate::sources::{kubernetes_script, programs, workspace_program};
use crate::{progress, state};

/// The image registry, as the playbooks' `image_registry` wants it.
pub const IMAGE_REGISTRY: &str = "10.77.0.1:5000";
/// The file server, as the playbooks' `files_url` wants it.
pub const FILES_URL: &str = "http://10.77.0.1:8080";
const FILES_ADDRESS: &str = "10.77.0.1:8080";

/// Brings both up with all that Kubernetes needs in them; what runs already stays.
pub(crate) async fn ensure(lab: &Lab) -> Result<()> {
    let _lock = lab.folders().lock("services").await?;
    let mirror = mirror().await?;
    let program = workspace_program("slipway-lab")?;
    let serve = [
        program.display().to_string(),
        "serve-files".to_owned(),
        mirror.display().to_string(),
        "--listen".to_owned(),
        FILES_ADDRESS.to_owned(),
    ];
    ensure_running(lab, "files", &serve, FILES_ADDRESS).await?;

    let registry = programs("registry").await?.join("registry");
    let configuration = lab.folders().root.join("registry.yml");
    state::write(
        &configuration,
        registry_configuration(&lab.folders().cache.join("registry")),
    )?;
    let serve = [
        registry.display().to_string(),
        "serve".to_owned(),
        configuration.display().to_string(),
    ];
    ensure_running(lab, "registry", &serve, IMAGE_REGISTRY).await?;

    let images = kubernetes_script("images");
    // Making the images may need the host's network; pushing them needs the lab's.
    run_showing(&[images.as_str(), "build"]).await?;
    let push = [images.as_str(), "push", IMAGE_REGISTRY];
    progress::during("pushing the images of Kubernetes", lab.run(&push)).await?;
    Ok(())
}

/// The folder of all files that a site's mirror holds, made if it is missing.
async fn mirror() -> Result<PathBuf> {
    let script = kubernetes_script("mirror");
    let printed = run_showing(&[script.as_str()]).await?;
    Ok(PathBuf::from(printed.lines().last().unwrap_or_default().trim()))
}

async fn ensure_running(lab: &Lab, name: &str, words: &[String], address: &str) -> Result<()> {
    let record = lab.folders().process(name);
    if process::recorded(&record)?.is_none() {
        let mut command = lab.inside();
        command.extend_from_slice(words);
        let log = lab.folders().log(name);
        process::launch(&Launch {
            command: &command,
            environment: &[],
            cgroups: &[],
            record: &record,
            log: &log,
        })
        .await?;
    }
    wait_for_port(lab, name, address).await
}

async fn wait_for_port(lab: &Lab, name: &str, address: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(15);
    let knock = format!("exec 3<>/dev/tcp/{}", address.replace(':', "/"));
    while lab.run(&["bash", "-c", &knock]).await.is_err() {
        let runs = process::recorded(&lab.folders().process(name))?.is_some();
        if !runs || Instant::now() > deadline {
            let log = lab.folders().log(name);
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            return Err(Error::Timeout {
                what: format!("the lab's {name} server at {address}"),
                seconds: 15,
                reason: format!("see {}:\n{}", log.display(), crate::command::last_lines(&said, 5)),
            });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn registry_configuration(storage: &Path) -> String {
    let storage = storage.display();
    format!(
        "version: 0.1\nlog: {{level: warn}}\nstorage:\n  filesystem: {{rootdirectory: '{storage}'}}\n  \
         delete: {{enabled: true}}\nhttp: {{addr: {IMAGE_REGISTRY}}}\n"
    )
}
