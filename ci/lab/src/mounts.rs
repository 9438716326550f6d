//! File systems that the lab mounts on the host: for each running machine its disk, and an overlay on it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount,
};

use crate::command::run;
use crate::error::{FileContext, Result};

/// How long the kernel may take to let go of a machine whose processes have ended.
const RELEASE: Duration = Duration::from_secs(5);

/// Makes a sparse file with an empty file system in it. It needs no journal: it never meets a power failure of the host.
pub(crate) async fn make_file_system(image: &Path, size: u64) -> Result<()> {
    let file = std::fs::File::create(image).file("make the disk", image)?;
    file.set_len(size).file("make the disk", image)?;
    let path = image.display().to_string();
    run(&[
        "mkfs.ext4",
        "-q",
        "-F",
        "-m",
        "0",
        "-O",
        "^has_journal",
        "-E",
        "lazy_itable_init=1,nodiscard",
        &path,
    ])
    .await?;
    Ok(())
}

/// Mounts the file system in a file. Its loop device goes when it is unmounted.
pub(crate) async fn file_system(image: &Path, target: &Path) -> Result<()> {
    run(&[
        "mount",
        "-o",
        "loop,noatime",
        &image.display().to_string(),
        &target.display().to_string(),
    ])
    .await?;
    Ok(())
}

/// Makes a folder a mount of its own from which unmounting spreads.
///
/// Every systemd-nspawn holds on to a copy of all mounts that the host has when it starts. Where the host's mounts are private,
/// the disk of one machine would stay in use until all others have stopped.
pub(crate) fn share(folder: &Path) -> Result<()> {
    if !below(folder)?.iter().any(|target| target == folder) {
        mount_bind(folder, folder).file("bind", folder)?;
    }
    mount_change(folder, MountPropagationFlags::SHARED).file("share the mounts of", folder)
}

/// Loop devices that stand for files below a folder.
pub(crate) fn loop_devices(folder: &Path) -> Vec<PathBuf> {
    let devices = std::fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let ours = devices.filter(|device| {
        let file = std::fs::read_to_string(device.path().join("loop/backing_file"));
        file.is_ok_and(|file| Path::new(file.trim()).starts_with(folder))
    });
    ours.map(|device| Path::new("/dev").join(device.file_name()))
        .collect()
}

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

/// Unmounts everything at or below a folder and waits until the loop devices of files there are free. What stays busy although
/// all its processes have ended is detached: it goes as soon as the kernel lets go of it.
pub(crate) async fn unmount_below(folder: &Path) -> Result<()> {
    let deadline = Instant::now() + RELEASE;
    for target in below(folder)? {
        while let Err(error) = unmount(&target, UnmountFlags::empty()) {
            if error != rustix::io::Errno::BUSY || Instant::now() > deadline {
                unmount(&target, UnmountFlags::DETACH).file("unmount", &target)?;
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    while !loop_devices(folder).is_empty() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
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
