//! File systems that the lab mounts on the host: one overlay for each running machine.

use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use crate::error::{FileContext, Result};

/// Mounts `lower` with all changes kept in `upper` at `target`.
pub(crate) fn overlay(lower: &Path, upper: &Path, work: &Path, target: &Path) -> Result<()> {
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.display(),
        upper.display(),
        work.display()
    );
    let options = std::ffi::CString::new(options)
        .map_err(std::io::Error::from)
        .file("mount the overlay of the machine at", target)?;
    mount(
        "overlay",
        target,
        "overlay",
        MountFlags::empty(),
        options.as_c_str(),
    )
    .file("mount the overlay of the machine at", target)
}

/// All mounts at or below a folder, deepest first.
pub(crate) fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let path = "/proc/self/mountinfo";
    let mut found = parse(&std::fs::read_to_string(path).file("read", path)?, folder);
    found.reverse();
    Ok(found)
}

/// Unmounts everything at or below a folder.
pub(crate) fn unmount_below(folder: &Path) -> Result<()> {
    for target in below(folder)? {
        unmount(&target, UnmountFlags::DETACH).file("unmount", &target)?;
    }
    Ok(())
}

fn parse(mountinfo: &str, folder: &Path) -> Vec<PathBuf> {
    mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|target| PathBuf::from(target.replace("\\040", " ")))
        .filter(|target| target.starts_with(folder))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbouring_folder_is_not_below() {
        let mounts = "1 2 0:1 / /state/lab/machines/a/root rw - overlay overlay rw\n\
                      2 2 0:1 / /state/lab-two/machines/a/root rw - overlay overlay rw\n";
        assert_eq!(
            parse(mounts, Path::new("/state/lab")),
            [PathBuf::from("/state/lab/machines/a/root")]
        );
    }
}
