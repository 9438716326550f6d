//! Replacing a file at once: readers see the old content or the new one, never a half.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::answer::Failure;
use crate::context::Context;
use crate::file_attributes::umask;
use crate::path_state::permissions;
use crate::process::{Output, Process};
use crate::selinux;

/// Where the new content comes from.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// A file, which stays.
    File(&'a Path),
    /// A file that nobody else uses: it may become the destination.
    Taken(&'a Path),
}

/// Replaces (or makes) the file. An existing one keeps its mode, owner and extended attributes; a new one has mode 0666 less the umask.
///
/// With `unsafe_writes` a file that cannot be replaced, such as one that is a mount point, is written in place.
///
/// # Errors
/// When the file cannot be written.
pub fn replace(content: Content<'_>, destination: &Path, unsafe_writes: bool) -> Result<(), Failure> {
    write_beside(content, destination).or_else(|error| {
        let cannot_be_replaced = matches!(
            error.raw_os_error().map(rustix::io::Errno::from_raw_os_error),
            Some(
                rustix::io::Errno::BUSY
                    | rustix::io::Errno::PERM
                    | rustix::io::Errno::ACCESS
                    | rustix::io::Errno::ROFS
                    | rustix::io::Errno::TXTBSY
            )
        );
        if unsafe_writes && cannot_be_replaced && destination.exists() {
            return write_in_place(content, destination).map_err(|error| {
                Failure::io(
                    format!("Could not write data to file ({})", destination.display()),
                    &error,
                )
            });
        }
        Err(Failure::io(
            format!("Could not replace file {}", destination.display()),
            &error,
        ))
    })
}

fn write_beside(content: Content<'_>, destination: &Path) -> io::Result<()> {
    let directory = match destination.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut beside = tempfile::Builder::new();
    beside.prefix(".slipway-");
    let linked = match content {
        // On the same file system nothing is copied; with SELinux the file would keep the label of where it came from.
        Content::Taken(source) if !selinux::is_enabled() => beside
            .make_in(directory, |path| {
                std::fs::hard_link(source, path)?;
                File::options().write(true).open(path)
            })
            .ok(),
        _ => None,
    };
    let partial = match linked {
        Some(linked) => linked,
        None => written(&beside, directory, content)?,
    };
    match destination.metadata() {
        Ok(before) => {
            let ours = partial.as_file().metadata()?;
            if (ours.uid(), ours.gid()) != (before.uid(), before.gid()) {
                // Only root may give a file away; another user's file stays replaceable by those who may replace it.
                match fchown(partial.as_file(), Some(before.uid()), Some(before.gid())) {
                    Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
                    _ => {}
                }
            }
            partial
                .as_file()
                .set_permissions(Permissions::from_mode(permissions(&before)))?;
            keep_extended_attributes(destination, partial.path());
        }
        Err(_) => partial
            .as_file()
            .set_permissions(Permissions::from_mode(0o666 & !umask()))?,
    }
    partial.persist(destination).map_err(|error| error.error)?;
    Ok(())
}

/// A new file with the content.
fn written(
    beside: &tempfile::Builder<'_, '_>,
    directory: &Path,
    content: Content<'_>,
) -> io::Result<NamedTempFile<File>> {
    let mut partial: NamedTempFile<File> = beside.make_in(directory, create_private)?;
    match content {
        Content::Bytes(bytes) => partial.as_file_mut().write_all(bytes)?,
        Content::File(source) | Content::Taken(source) => {
            io::copy(&mut File::open(source)?, partial.as_file_mut())?;
        }
    }
    Ok(partial)
}

/// Makes a file that only its owner may read.
///
/// # Errors
/// When it is there already or cannot be made.
pub fn create_private(path: &Path) -> io::Result<File> {
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// The most that the kernel holds of an extended attribute, and of their names, in bytes.
const EXTENDED_ATTRIBUTE: usize = 65536;

/// Gives the new file what the old one has besides its mode: its SELinux label, its access list, and what users have noted.
fn keep_extended_attributes(from: &Path, to: &Path) {
    let mut names = vec![0_u8; EXTENDED_ATTRIBUTE];
    let Ok(length) = rustix::fs::listxattr(from, names.as_mut_slice()) else {
        return;
    };
    let mut value = vec![0_u8; EXTENDED_ATTRIBUTE];
    for name in names[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
    {
        if let Ok(length) = rustix::fs::getxattr(from, name, value.as_mut_slice()) {
            // What may not be set is left to the system's default.
            let _ = rustix::fs::setxattr(to, name, &value[..length], rustix::fs::XattrFlags::empty());
        }
    }
}

fn write_in_place(content: Content<'_>, destination: &Path) -> io::Result<()> {
    let mut file = File::options().write(true).truncate(true).open(destination)?;
    match content {
        Content::Bytes(bytes) => file.write_all(bytes),
        Content::File(source) | Content::Taken(source) => {
            io::copy(&mut File::open(source)?, &mut file).map(drop)
        }
    }
}

/// Copies a file beside itself under Ansible's backup name, with its mode, owner and times; returns that name.
///
/// # Errors
/// When the copy cannot be made.
pub fn back_up(path: &Path) -> Result<String, Failure> {
    let time = chrono::Local::now().format("%Y-%m-%d@%H:%M:%S~");
    let backup = format!("{}.{}.{time}", path.display(), std::process::id());
    let failed = |error: io::Error| {
        Failure::io(
            format!("Could not make backup of {} to {backup}", path.display()),
            &error,
        )
    };
    let metadata = path.metadata().map_err(failed)?;
    std::fs::copy(path, &backup).map_err(failed)?;
    let copy = File::options().write(true).open(&backup).map_err(failed)?;
    copy.set_times(
        std::fs::FileTimes::new()
            .set_accessed(metadata.accessed().map_err(failed)?)
            .set_modified(metadata.modified().map_err(failed)?),
    )
    .map_err(failed)?;
    // Ownership is kept where that is allowed.
    let _ = fchown(&copy, Some(metadata.uid()), Some(metadata.gid()));
    Ok(backup)
}

/// Runs a `validate` command on a file, `%s` in it being the file's path.
///
/// # Errors
/// When the command has no `%s`, cannot be run, or does not exit 0.
pub fn validate(context: &Context, command: &str, path: &Path) -> Result<(), Failure> {
    let output = run_validation(context, command, path)?;
    if output.code == 0 {
        return Ok(());
    }
    Err(Failure::new("failed to validate")
        .with("exit_status", output.code)
        .with("stdout", output.stdout)
        .with("stderr", output.stderr))
}

/// Runs a `validate` command on a text that is not in its file yet, and returns what it says.
///
/// # Errors
/// When the command has no `%s` or cannot be run.
pub fn validation_output(context: &Context, command: &str, text: &[u8]) -> Result<Output, Failure> {
    let staged = tempfile::Builder::new()
        .prefix("validate-")
        .tempfile_in(&context.temporary)
        .map_err(|error| Failure::io("making a temporary file", &error))?;
    std::fs::write(staged.path(), text).map_err(|error| Failure::io("writing a temporary file", &error))?;
    run_validation(context, command, staged.path())
}

fn run_validation(context: &Context, command: &str, path: &Path) -> Result<Output, Failure> {
    if !command.contains("%s") {
        return Err(Failure::new(format!("validate must contain %s: {command}")));
    }
    let command = command.replace("%s", &path.to_string_lossy());
    let words = shlex::split(&command)
        .ok_or_else(|| Failure::new(format!("the validate command has an open quotation: {command}")))?;
    let Some((program, arguments)) = words.split_first() else {
        return Err(Failure::new("the validate command is empty"));
    };
    Process::new(context, program).args(arguments).run()
}
