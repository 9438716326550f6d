//! The home directory of an account that has none yet.

use std::os::unix::fs::{PermissionsExt, lchown};
use std::path::Path;

use walkdir::WalkDir;

use crate::accounts::User;
use crate::answer::Failure;
use crate::context::Context;

/// What a new home is made of.
const SKELETON: &str = "/etc/skel";

/// Makes a home from the skeleton, owned by the account.
pub(super) fn create(context: &Context, user: &User, home: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::io(format!("making the home {}", home.display()), &error);
    let skeleton = Path::new(context.args.text("skeleton").unwrap_or(SKELETON));
    if skeleton.is_dir() {
        copy(skeleton, home).map_err(failed)?;
    } else {
        std::fs::create_dir_all(home).map_err(failed)?;
    }
    std::fs::set_permissions(home, std::fs::Permissions::from_mode(mode(context))).map_err(failed)?;
    for entry in WalkDir::new(home) {
        let entry = entry.map_err(|error| failed(error.into()))?;
        lchown(entry.path(), Some(user.uid), Some(user.gid)).map_err(failed)?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in WalkDir::new(from) {
        let entry = entry?;
        let Ok(below) = entry.path().strip_prefix(from) else {
            continue;
        };
        let place = if below == Path::new("") {
            to.to_owned()
        } else {
            to.join(below)
        };
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(&place)?;
            std::fs::set_permissions(
                &place,
                entry.metadata().map_err(std::io::Error::other)?.permissions(),
            )?;
        } else if entry.file_type().is_symlink() {
            std::os::unix::fs::symlink(entry.path().read_link()?, &place)?;
        } else {
            std::fs::copy(entry.path(), &place)?;
        }
    }
    Ok(())
}

/// The mode of a home: from the call's `umask`, else from the system's settings.
fn mode(context: &Context) -> u32 {
    let octal = |text: &str| u32::from_str_radix(text, 8).ok();
    if let Some(umask) = context.args.text("umask").and_then(octal) {
        return 0o777 & !umask;
    }
    let settings = std::fs::read_to_string("/etc/login.defs").unwrap_or_default();
    let setting = |key: &str| {
        settings.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some(key)).then(|| words.next().and_then(octal))?
        })
    };
    setting("HOME_MODE").unwrap_or_else(|| 0o777 & !setting("UMASK").unwrap_or(0o022))
}
