//! Tests of paths on the machine that runs the playbook.

use std::path::{Path, PathBuf};

use minijinja::Error;

use crate::filters::call::Call;
use crate::scope::PathType;
use crate::template::context::Context;

pub(super) const TESTS: super::Table = &[
    ("abs", |call| Ok(call.text()?.starts_with('/'))),
    ("directory", |call| {
        is(call, true, |found| found == PathType::Directory)
    }),
    ("exists", |call| is(call, true, |_| true)),
    ("file", |call| is(call, true, |found| found == PathType::File)),
    ("is_abs", |call| Ok(call.text()?.starts_with('/'))),
    ("is_dir", |call| {
        is(call, true, |found| found == PathType::Directory)
    }),
    ("is_file", |call| is(call, true, |found| found == PathType::File)),
    ("is_link", |call| is(call, false, |found| found == PathType::Link)),
    ("link", |call| is(call, false, |found| found == PathType::Link)),
    ("link_exists", |call| is(call, false, |_| true)),
];

fn is(call: &Call<'_, '_, '_>, follow: bool, wanted: fn(PathType) -> bool) -> Result<bool, Error> {
    let text = call.text()?;
    let path = Path::new(&text);
    let context = Context::of(call.state)?;
    let host = context.scope().host();
    let mut found = host.path_type(path);
    if follow && found == Some(PathType::Link) {
        found = std::fs::canonicalize(path)
            .ok()
            .and_then(|target: PathBuf| host.path_type(&target));
    }
    Ok(found.is_some_and(wanted))
}
