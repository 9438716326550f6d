//! Parameters of the host's kernel that a kubelet in a machine changes for the whole host, or that many machines need.
//!
//! A machine shares the host's kernel, and these have no namespace. The first lab on a host writes down what they were, the
//! last one to go puts them back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{FileContext, Result};
use crate::state::{self, Folders};

/// What kubelet wants of its host (`--protect-kernel-defaults` in its documentation lists them).
const CHANGED_BY_KUBELET: &[&str] = &[
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
];

/// All machines share the host's limit of inotify instances. At the usual 128 containerd in the fifth or so cannot watch its
/// configuration and goes on without its Kubernetes plugin.
const RAISED: (&str, u64) = ("fs/inotify/max_user_instances", 8192);

/// Writes down the parameters, unless a lab that is up already has, and raises what many machines need more of.
pub(crate) async fn remember(folders: &Folders) -> Result<()> {
    let (file, _lock) = locked(folders).await?;
    let read = |name: &str| std::fs::read_to_string(parameter(name)).ok();
    if !file.exists() {
        let names = CHANGED_BY_KUBELET.iter().chain([&RAISED.0]);
        let values: BTreeMap<String, String> = names
            .filter_map(|name| Some(((*name).to_owned(), read(name)?)))
            .collect();
        state::write_json(&file, &values)?;
    }
    let (name, wanted) = RAISED;
    let current: u64 = read(name)
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or(wanted);
    if current < wanted {
        std::fs::write(parameter(name), wanted.to_string())
            .file("raise the kernel parameter", parameter(name))?;
    }
    Ok(())
}

/// Puts them back if no other lab is there. To be called when this lab's folder is gone.
pub(crate) async fn restore(folders: &Folders) -> Result<()> {
    let (file, _lock) = locked(folders).await?;
    if !file.exists() || another_lab_is_there(&file) {
        return Ok(());
    }
    let values: BTreeMap<String, String> = state::read_json(&file)?;
    for (name, value) in values {
        let parameter = parameter(&name);
        if std::fs::read_to_string(&parameter).is_ok_and(|current| current != value) {
            std::fs::write(&parameter, value).file("put back the kernel parameter", &parameter)?;
        }
    }
    std::fs::remove_file(&file).file("remove", &file)
}

/// The file lies beside the labs' folders, with its lock.
async fn locked(folders: &Folders) -> Result<(PathBuf, std::fs::File)> {
    let state = folders.root.parent().unwrap_or(&folders.root);
    state::create_folder(state)?;
    let lock = state::lock_file(state.join(".kernel-parameters.lock")).await?;
    Ok((state.join(".kernel-parameters.json"), lock))
}

fn another_lab_is_there(file: &Path) -> bool {
    let labs = file.parent().and_then(|state| std::fs::read_dir(state).ok());
    labs.into_iter()
        .flatten()
        .flatten()
        .any(|entry| entry.path().join("lab.json").exists())
}

fn parameter(name: &str) -> PathBuf {
    Path::new("/proc/sys").join(name)
}
