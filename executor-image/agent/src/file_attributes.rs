//! `mode`, `owner`, `group` and `attributes`: the arguments of every module that makes files.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::accounts;
use crate::answer::Failure;
use crate::arguments::Arguments;
use crate::context::Context;
use crate::path_state::{mode_text, permissions};
use crate::process::Process;
use crate::python_text::{display, os_error};
use crate::selinux::{self, Label};
use crate::symbolic_mode::{self, Current, ModeError};

/// What a file's attributes should be; what is not given stays as it is.
#[derive(Debug, Clone, Default)]
pub struct FileAttributes {
    /// `mode`: a number, octal text or symbolic text.
    pub mode: Option<Value>,
    /// `owner`: a name or a number.
    pub owner: Option<String>,
    /// `group`: a name or a number.
    pub group: Option<String>,
    /// `attributes` of `chattr`.
    pub attributes: Option<String>,
    /// `seuser`, `serole`, `setype`, `selevel`.
    pub label: Label,
}

/// `before` and `after` of a file's attributes, as the `file` module shows them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AttributeDiff {
    /// Values before.
    pub before: Map<String, Value>,
    /// Values after.
    pub after: Map<String, Value>,
}

impl AttributeDiff {
    /// A diff that names the path on both sides.
    #[must_use]
    pub fn of_path(path: &Path) -> Self {
        let mut diff = Self::default();
        let path = path.to_string_lossy();
        diff.record("path", path.as_ref(), path.as_ref());
        diff
    }

    /// Records one value on both sides.
    pub fn record(&mut self, key: &str, before: impl Into<Value>, after: impl Into<Value>) {
        self.before.insert(key.to_owned(), before.into());
        self.after.insert(key.to_owned(), after.into());
    }

    /// As a result shows it.
    #[must_use]
    pub fn into_value(self) -> Value {
        let mut fields = Map::new();
        fields.insert("before".to_owned(), Value::Object(self.before));
        fields.insert("after".to_owned(), Value::Object(self.after));
        Value::Object(fields)
    }
}

impl FileAttributes {
    /// The attributes that a call asks for.
    #[must_use]
    pub fn of(args: &Arguments) -> Self {
        Self {
            mode: args.value("mode").cloned(),
            owner: args.text("owner").map(str::to_owned),
            group: args.text("group").map(str::to_owned),
            attributes: args.text("attributes").map(str::to_owned),
            label: Label::of(args),
        }
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mode.is_none()
            && self.owner.is_none()
            && self.group.is_none()
            && self.attributes.is_none()
            && self.label.is_empty()
    }

    /// Sets what differs on this path (a link itself, not what it leads to) and tells whether anything did. In check mode
    /// nothing is set, and a path that is not there yet would change.
    ///
    /// # Errors
    /// When a name is unknown, a mode cannot be read, or the system refuses.
    pub fn apply(
        &self,
        context: &Context,
        path: &Path,
        mut diff: Option<&mut AttributeDiff>,
    ) -> Result<bool, Failure> {
        if self.is_empty() {
            return Ok(false);
        }
        if context.check && path.symlink_metadata().is_err() {
            return Ok(true);
        }
        let label = self.set_label(context, path, diff.as_deref_mut())?;
        let owner = self.set_owner(context.check, path, diff.as_deref_mut())?;
        let group = self.set_group(context.check, path, diff.as_deref_mut())?;
        let mode = self.set_mode(context.check, path, diff.as_deref_mut())?;
        let attributes = self.set_attributes(context, path, diff)?;
        Ok(label || owner || group || mode || attributes)
    }

    fn set_label(
        &self,
        context: &Context,
        path: &Path,
        diff: Option<&mut AttributeDiff>,
    ) -> Result<bool, Failure> {
        if self.label.is_empty() || !selinux::is_enabled() {
            return Ok(false);
        }
        let (before, wanted) = self.label.wanted(context, path)?;
        if before == wanted {
            return Ok(false);
        }
        if !context.check {
            selinux::set(path, &wanted)?;
        }
        if let Some(diff) = diff {
            diff.record("secontext", before, wanted);
        }
        Ok(true)
    }

    fn set_owner(&self, check: bool, path: &Path, diff: Option<&mut AttributeDiff>) -> Result<bool, Failure> {
        let Some(owner) = &self.owner else {
            return Ok(false);
        };
        let uid = match owner.parse::<u32>() {
            Ok(uid) => uid,
            Err(_) => match accounts::user_by_name(owner) {
                Some(user) => user.uid,
                None => {
                    return Err(at(path, format!("chown failed: failed to look up user {owner}")));
                }
            },
        };
        let before = metadata(path)?.uid();
        if before == uid {
            return Ok(false);
        }
        if let Some(diff) = diff {
            diff.record("owner", before, uid);
        }
        if !check {
            lchown(path, Some(uid), None).map_err(|error| refused(path, "chown failed", &error))?;
        }
        Ok(true)
    }

    fn set_group(&self, check: bool, path: &Path, diff: Option<&mut AttributeDiff>) -> Result<bool, Failure> {
        let Some(group) = &self.group else {
            return Ok(false);
        };
        let gid = match group.parse::<u32>() {
            Ok(gid) => gid,
            Err(_) => match accounts::group_by_name(group) {
                Some(group) => group.gid,
                None => {
                    return Err(at(path, format!("chgrp failed: failed to look up group {group}")));
                }
            },
        };
        let before = metadata(path)?.gid();
        if before == gid {
            return Ok(false);
        }
        if let Some(diff) = diff {
            diff.record("group", before, gid);
        }
        if !check {
            lchown(path, None, Some(gid)).map_err(|error| refused(path, "chgrp failed", &error))?;
        }
        Ok(true)
    }

    fn set_mode(&self, check: bool, path: &Path, diff: Option<&mut AttributeDiff>) -> Result<bool, Failure> {
        let Some(mode) = &self.mode else { return Ok(false) };
        let metadata = metadata(path)?;
        let before = permissions(&metadata);
        let current = Current {
            mode: before,
            directory: metadata.is_dir(),
            umask: umask(),
        };
        let wanted = symbolic_mode::resolve(mode, current).map_err(|error| match error {
            ModeError::Unreadable(_) => {
                at(path, "mode must be in octal or symbolic form").with("details", error.to_string())
            }
            ModeError::TooLarge(number) => {
                at(path, "Invalid mode supplied, only permission info is allowed").with("details", number)
            }
        })?;
        if before == wanted {
            return Ok(false);
        }
        if let Some(diff) = diff {
            diff.record("mode", mode_text(before), mode_text(wanted));
        }
        if check {
            return Ok(true);
        }
        // Linux has no mode of its own for a link: it stays.
        if metadata.is_symlink() {
            return Ok(false);
        }
        std::fs::set_permissions(path, Permissions::from_mode(wanted))
            .map_err(|error| refused(path, "chmod failed", &error))?;
        Ok(true)
    }

    fn set_attributes(
        &self,
        context: &Context,
        path: &Path,
        diff: Option<&mut AttributeDiff>,
    ) -> Result<bool, Failure> {
        let Some(wanted) = self.attributes.as_deref().filter(|wanted| !wanted.is_empty()) else {
            return Ok(false);
        };
        let (operator, flags) = match wanted.strip_prefix(['+', '-', '=']) {
            Some(flags) => (&wanted[..1], flags),
            None => ("=", wanted),
        };
        let before = flags_of(context, path).unwrap_or_default();
        let differs = match operator {
            "-" => flags.chars().any(|flag| before.contains(flag)),
            "+" => flags.chars().any(|flag| !before.contains(flag)),
            _ => before != flags,
        };
        if !differs {
            return Ok(false);
        }
        if let Some(diff) = diff {
            diff.record("attributes", before, format!("{operator}{flags}"));
        }
        if !context.check {
            let output = Process::new(context, "chattr")
                .arg(format!("{operator}{flags}"))
                .arg(path)
                .run()
                .map_err(|failure| at(path, "chattr failed").with("details", failure.message()))?;
            if output.code != 0 {
                let details = format!(
                    "Error while setting attributes: {}{}",
                    output.stdout, output.stderr
                );
                return Err(at(path, "chattr failed").with("details", details));
            }
        }
        Ok(true)
    }

    /// The permission bits that a file would have that is made now, for modules that create one.
    ///
    /// # Errors
    /// When the mode cannot be read.
    pub fn resolved_mode(&self, current: Current) -> Result<Option<u32>, Failure> {
        self.mode
            .as_ref()
            .map(|mode| {
                symbolic_mode::resolve(mode, current)
                    .map_err(|error| Failure::new(format!("mode {}: {error}", display(mode))))
            })
            .transpose()
    }
}

/// The path that attributes are set on: what a link leads to when links are followed.
#[must_use]
pub fn followed(path: &Path, follow: bool) -> PathBuf {
    if follow && path.is_symlink() {
        return real_path(path);
    }
    path.to_owned()
}

/// The path without links, also when its end is not there: `os.path.realpath`.
#[must_use]
pub fn real_path(path: &Path) -> PathBuf {
    resolved(path, &mut Vec::new())
}

/// The same with the links that were followed so far: the first one that leads back to one of them ends the way.
fn resolved(path: &Path, followed: &mut Vec<PathBuf>) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let Some(parent) = path.parent() else {
        return path.to_owned();
    };
    let parent = resolved(parent, followed);
    let Some(name) = path.file_name() else {
        return path.to_owned();
    };
    let path = parent.join(name);
    match path.read_link() {
        Ok(target) if !followed.contains(&path) => {
            followed.push(path);
            resolved(&parent.join(target), followed)
        }
        _ => path,
    }
}

/// Flags of `lsattr`, where the file system has them.
#[must_use]
pub fn flags_of(context: &Context, path: &Path) -> Option<String> {
    let output = Process::new(context, "lsattr").arg("-d").arg(path).run().ok()?;
    (output.code == 0).then(|| {
        let flags = output.stdout.split_whitespace().next().unwrap_or_default();
        flags.replace('-', "")
    })
}

/// The umask of this process.
#[must_use]
pub fn umask() -> u32 {
    // Asked of the kernel's status file, because asking with the system call would change it for other threads.
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
            u32::from_str_radix(line.trim(), 8).ok()
        })
        .unwrap_or(0o022)
}

fn metadata(path: &Path) -> Result<std::fs::Metadata, Failure> {
    path.symlink_metadata().map_err(|error| {
        at(
            path,
            format!(
                "could not read the attributes of {}: {}",
                path.display(),
                os_error(&error)
            ),
        )
    })
}

fn at(path: &Path, message: impl Into<String>) -> Failure {
    Failure::new(message).with("path", path.to_string_lossy().into_owned())
}

fn refused(path: &Path, message: &str, error: &std::io::Error) -> Failure {
    let name = path.to_string_lossy();
    at(path, message).with("details", format!("{}: b'{name}'", os_error(error)))
}
