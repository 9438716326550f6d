//! `ansible.builtin.git`: a checkout of a repository at a version.

mod archive;
mod checkout;
mod program;
mod refs;
mod separate;
mod signature;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::checkout::Checkout;
use self::program::Git;
use self::refs::Remote;
use crate::answer::{Answer, Failure, Outcome, answer};
use crate::context::Context;
use crate::text_edit::exclude;

pub(super) fn run(context: &mut Context) -> Outcome {
    exclude(context, "separate_git_dir", "bare")?;
    exclude(context, "accept_hostkey", "accept_newhostkey")?;
    let args = &context.args;
    if args.text("archive_prefix").is_some() && args.text("archive").is_none() {
        return Err(Failure::new(
            "missing parameter(s) required by 'archive_prefix': archive",
        ));
    }
    let clones = args.flag("clone");
    let destination = args.text("dest").map(PathBuf::from);
    if destination.is_none() && clones {
        return Err(Failure::new(
            "the destination directory must be specified unless clone=no",
        ));
    }
    let url = address(args.required("repo"));
    let git = Git::new(context)?;
    let remote = Remote::new(&git, &url);
    let version = args.required("version").to_owned();
    let Some(destination) = destination else {
        let after = remote.revision(&version)?;
        return Ok(answer!({"changed": true, "before": Value::Null, "after": after}));
    };
    let checkout = Checkout {
        git: &git,
        context,
        directory: destination,
        url: &url,
        remote: &remote,
        version: &version,
    };
    let outcome = if checkout.is_there() {
        update(&checkout)?
    } else {
        make(&checkout)?
    };
    Ok(outcome)
}

/// The address as git is given it: a path of this host is written as a URL, because git copies such a repository's
/// history as that of any other, `depth` included.
fn address(repository: &str) -> String {
    let expanded = crate::arguments::expand_path(repository, &indexmap::IndexMap::new());
    if repository.starts_with('~') || repository.starts_with('/') {
        return format!("file://{expanded}");
    }
    repository.to_owned()
}

/// There is no checkout yet.
fn make(checkout: &Checkout<'_>) -> Outcome {
    let context = checkout.context;
    let mut answer = answer!({"changed": true, "before": Value::Null});
    if context.check || !context.args.flag("clone") {
        let after = checkout.remote.revision(checkout.version)?;
        add_new_diff(&mut answer, context, &after);
        answer.insert("after".to_owned(), after.into());
        return Ok(answer);
    }
    checkout.clone_repository()?;
    if checkout.is_bare() {
        checkout.verify()?;
    } else {
        checkout.switch_version()?;
        checkout.update_submodules()?;
    }
    let after = checkout.revision()?;
    add_new_diff(&mut answer, context, &after);
    answer.insert("after".to_owned(), after.into());
    archive::make(checkout, &mut answer)?;
    Ok(answer)
}

fn add_new_diff(answer: &mut Answer, context: &Context, after: &str) {
    if context.diff {
        let text = format!(">> Newly checked out {after}");
        answer.insert("diff".to_owned(), json!({"prepared": text}));
    }
}

/// There is a checkout already.
fn update(checkout: &Checkout<'_>) -> Outcome {
    let context = checkout.context;
    let args = &context.args;
    let before = checkout.revision()?;
    let mut answer = answer!({"changed": false, "before": before});
    if !args.flag("update") {
        answer.insert("after".to_owned(), before.into());
        archive::make(checkout, &mut answer)?;
        return Ok(answer);
    }
    let has_changes = checkout.has_local_changes()?;
    if has_changes {
        if !args.flag("force") {
            return Err(Failure::new(format!(
                "Local modifications exist in the destination: {} (force=no).",
                checkout.directory.display()
            ))
            .with_all(answer));
        }
        if !context.check {
            checkout.reset()?;
            let message = format!(
                "Local modifications exist in the destination: {}",
                checkout.directory.display()
            );
            answer.insert("msg".to_owned(), message.into());
        }
    }
    let url_changed = checkout.set_remote_url()?;
    answer.insert("remote_url_changed".to_owned(), url_changed.into());
    separate::relocate(checkout, &mut answer)?;
    let moves = |after: &str| before != after || url_changed;
    if context.check {
        let after = checkout.remote.revision(checkout.version)?;
        answer.insert("changed".to_owned(), moves(&after).into());
        if context.diff && before != after {
            // What differs can only be shown when it is here.
            checkout.fetch()?;
        }
        add_diff(&mut answer, checkout, &before, &after);
        answer.insert("after".to_owned(), after.into());
        return Ok(answer);
    }
    checkout.fetch()?;
    let mut submodules_changed = false;
    if !checkout.is_bare() {
        checkout.switch_version()?;
        submodules_changed = checkout.update_submodules()?;
        if submodules_changed {
            answer.insert("submodules_changed".to_owned(), true.into());
        }
    }
    let after = checkout.revision()?;
    if moves(&after) || has_changes || submodules_changed {
        answer.insert("changed".to_owned(), true.into());
        add_diff(&mut answer, checkout, &before, &after);
    }
    answer.insert("after".to_owned(), after.into());
    archive::make(checkout, &mut answer)?;
    Ok(answer)
}

/// What differs between two revisions, in git's own words.
fn add_diff(answer: &mut Answer, checkout: &Checkout<'_>, before: &str, after: &str) {
    if !checkout.context.diff || before == after {
        return;
    }
    let differences = checkout
        .run(&["diff", before, after])
        .ok()
        .filter(|output| output.code == 0 && !output.stdout.is_empty())
        .map(|output| json!({"prepared": output.stdout}));
    if let Some(differences) = differences {
        answer.insert("diff".to_owned(), differences);
    }
}

/// The directory in which git keeps what it knows of a checkout; a file there names another one.
fn git_directory(directory: &Path) -> Option<PathBuf> {
    let path = directory.join(".git");
    let Ok(text) = std::fs::read_to_string(&path) else {
        return path.is_dir().then_some(path);
    };
    let named = text.strip_prefix("gitdir:")?.trim();
    Some(directory.join(named))
}
