//! Tests of paths on the machine that runs the playbook.

use std::path::{Path, PathBuf};

use minijinja::Error;

use crate::filters::call::Call;
use crate::scope::PathType;
use crate::template::context::Context;
use crate::template::undefined::defined;

pub(super) const TESTS: super::Table = &[
    ("abs", |call| Ok(call.only_text()?.starts_with('/'))),
    ("directory", |call| {
        is(call, true, |found| found == PathType::Directory)
    }),
    ("exists", |call| is(call, true, |_| true)),
    ("file", |call| is(call, true, |found| found == PathType::File)),
    ("is_abs", |call| Ok(call.only_text()?.starts_with('/'))),
    ("is_dir", |call| {
        is(call, true, |found| found == PathType::Directory)
    }),
    ("is_file", |call| is(call, true, |found| found == PathType::File)),
    ("is_link", |call| is(call, false, |found| found == PathType::Link)),
    ("link", |call| is(call, false, |found| found == PathType::Link)),
    ("is_mount", is_mount),
    ("is_same_file", is_same_file),
    ("link_exists", |call| is(call, false, |_| true)),
    ("mount", is_mount),
    ("same_file", is_same_file),
    ("vaulted_file", is_vaulted_file),
];

fn is(call: &Call<'_, '_, '_>, follow: bool, wanted: fn(PathType) -> bool) -> Result<bool, Error> {
    let text = call.text()?;
    let path = Path::new(&text);
    let context = Context::of(call.state)?;
    let host = context.scope().host();
    host.looks_outside();
    let mut found = host.path_type(path);
    if follow && found == Some(PathType::Link) {
        found = std::fs::canonicalize(path)
            .ok()
            .and_then(|target: PathBuf| host.path_type(&target));
    }
    Ok(found.is_some_and(wanted))
}

/// A folder that lies on another device than the one above it.
fn is_mount(call: &mut Call<'_, '_, '_>) -> Result<bool, Error> {
    use std::os::unix::fs::MetadataExt as _;
    let [] = call.bind([])?;
    let text = call.text()?;
    let path = Path::new(&text);
    Context::of(call.state)?.scope().host().looks_outside();
    let (Ok(own), Ok(above)) = (path.symlink_metadata(), path.join("..").symlink_metadata()) else {
        return Ok(false);
    };
    Ok(!own.is_symlink() && (own.dev() != above.dev() || own.ino() == above.ino()))
}

fn is_same_file(call: &mut Call<'_, '_, '_>) -> Result<bool, Error> {
    use std::os::unix::fs::MetadataExt as _;
    let [other] = call.bind(["path"])?;
    let other = other.ok_or_else(|| call.error("a second path is needed"))?;
    Context::of(call.state)?.scope().host().looks_outside();
    let identity = |path: &str| {
        let metadata = std::fs::metadata(path).map_err(|error| call.error(format!("{path}: {error}")))?;
        Ok::<_, Error>((metadata.dev(), metadata.ino()))
    };
    Ok(identity(&call.text()?)? == identity(&crate::value::python::to_text(defined(&other)?))?)
}

/// A file that ansible-vault encrypted.
fn is_vaulted_file(call: &mut Call<'_, '_, '_>) -> Result<bool, Error> {
    let [] = call.bind([])?;
    let text = call.text()?;
    let context = Context::of(call.state)?;
    let bytes = context
        .scope()
        .host()
        .read(Path::new(&text))
        .map_err(|error| call.error(format!("cannot test if the file {text} is a vault: {error}")))?;
    Ok(slipway_vault::is_encrypted(&bytes))
}
