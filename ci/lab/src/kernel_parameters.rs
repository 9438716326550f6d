//! Parameters of the host's kernel that a kubelet in a machine changes for the whole host.
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

/// Writes down the parameters, unless a lab that is up already has.
pub(crate) async fn remember(folders: &Folders) -> Result<()> {
    let (file, _lock) = locked(folders).await?;
    if file.exists() {
        return Ok(());
    }
    let read = |name: &&str| Some(((*name).to_owned(), std::fs::read_to_string(parameter(name)).ok()?));
    let values: BTreeMap<String, String> = CHANGED_BY_KUBELET.iter().filter_map(read).collect();
    state::write_json(&file, &values)
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
