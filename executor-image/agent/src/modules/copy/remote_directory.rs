//! `copy` of a directory that is on the host (`remote_src`): the tree is laid over the destination.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, replace};
use crate::checksum::Algorithm;
use crate::context::Context;
use crate::file_attributes::FileAttributes;
use crate::path_state::{mode_text, permissions};

/// Copies `source` into `destination`; a source that ends in `/` is copied without its own name.
pub(super) fn copy(context: &Context, source: &Path, destination: &str) -> Outcome {
    let contents_only = context.args.required("src").ends_with('/');
    let mut root = PathBuf::from(destination);
    let mut shown = destination.to_owned();
    if !contents_only && let Some(name) = source.file_name() {
        let was_there = root.is_dir();
        root.push(name);
        if was_there {
            shown = root.to_string_lossy().into_owned();
        }
    }
    let failed =
        |path: &Path, error: std::io::Error| Failure::io(format!("copying {}", path.display()), &error);
    let attributes = FileAttributes::of(&context.args);
    let owners = FileAttributes {
        mode: None,
        ..attributes.clone()
    };
    let directory_attributes = FileAttributes {
        mode: context.args.value("directory_mode").cloned(),
        ..attributes.clone()
    };
    let follows = context.args.flag("local_follow");
    let mut changed = false;
    for entry in WalkDir::new(source).follow_links(follows) {
        let entry = entry.map_err(|error| Failure::new(format!("reading {}: {error}", source.display())))?;
        let below = entry.path().strip_prefix(source).unwrap_or(entry.path());
        let target = if below == Path::new("") {
            root.clone()
        } else {
            root.join(below)
        };
        if entry.path_is_symlink() && !follows {
            changed |= copy_link(context, entry.path(), &target)?;
            if target.is_symlink() {
                changed |= owners.apply(context, &target, None)?;
            }
            continue;
        }
        let metadata = entry
            .metadata()
            .map_err(|error| Failure::new(format!("reading {}: {error}", entry.path().display())))?;
        if metadata.is_dir() {
            if !target.is_dir() {
                changed = true;
                if !context.check {
                    std::fs::create_dir_all(&target).map_err(|error| failed(&target, error))?;
                    std::fs::set_permissions(&target, metadata.permissions())
                        .map_err(|error| failed(&target, error))?;
                }
            }
            changed |= directory_attributes.apply(context, &target, None)?;
            continue;
        }
        let same = target.is_file()
            && Algorithm::Sha1.of_file(&target).ok() == Algorithm::Sha1.of_file(entry.path()).ok();
        let is_new = !target.exists();
        if !same && (is_new || context.args.flag("force")) {
            changed = true;
            if !context.check {
                replace(Content::File(entry.path()), &target, context.unsafe_writes())?;
                if is_new {
                    std::fs::set_permissions(&target, metadata.permissions())
                        .map_err(|error| failed(&target, error))?;
                }
            }
        }
        let attributes = match attributes.mode.as_ref().and_then(serde_json::Value::as_str) {
            Some("preserve") => FileAttributes {
                mode: Some(mode_text(permissions(&metadata)).into()),
                ..attributes.clone()
            },
            _ => attributes.clone(),
        };
        changed |= attributes.apply(context, &target, None)?;
    }
    // The destination belongs to whom what is in it belongs to.
    let shown_path = Path::new(&shown);
    if shown_path.exists() {
        changed |= owners.apply(context, shown_path, None)?;
    }
    Ok(answer!({
        "changed": changed, "dest": shown, "src": context.args.required("src"),
        "checksum": null, "md5sum": null,
    }))
}

fn copy_link(context: &Context, link: &Path, target: &Path) -> Result<bool, Failure> {
    let failed = |error: std::io::Error| Failure::io(format!("copying the link {}", link.display()), &error);
    let leads_to = link.read_link().map_err(failed)?;
    if target.read_link().is_ok_and(|now| now == leads_to) {
        return Ok(false);
    }
    if !context.check {
        if target.symlink_metadata().is_ok() {
            std::fs::remove_file(target).map_err(failed)?;
        }
        symlink(&leads_to, target).map_err(failed)?;
    }
    Ok(true)
}
