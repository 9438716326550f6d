//! `ansible.builtin.stat`: what is known of a path.

use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use rustix::fs::{Access, access};
use serde_json::Value;

use crate::accounts;
use crate::answer::{Answer, Failure, Outcome, answer};
use crate::checksum::Algorithm;
use crate::context::Context;
use crate::file_attributes::real_path;
use crate::path_state::permissions;
use crate::process::Process;
use crate::python_text::error_text;

pub(super) fn run(context: &mut Context) -> Outcome {
    let path = Path::new(context.args.required("path"));
    let metadata = if context.args.flag("follow") {
        path.metadata()
    } else {
        path.symlink_metadata()
    };
    let metadata = match metadata {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(answer!({"stat": {"exists": false}}));
        }
        Err(error) => return Err(Failure::new(error_text(&error))),
    };
    let mut stat = of_metadata(path, &metadata);
    let readable = access(path, Access::READ_OK).is_ok();
    if metadata.is_symlink()
        && let Ok(target) = path.read_link()
    {
        stat.insert("lnk_source".to_owned(), real_path(path).to_string_lossy().into());
        stat.insert("lnk_target".to_owned(), target.to_string_lossy().into());
    }
    if context.args.flag("get_checksum") && metadata.is_file() && readable {
        let algorithm = Algorithm::from_name(context.args.required("checksum_algorithm"))
            .ok_or_else(|| Failure::new("unknown checksum algorithm"))?;
        let digest = algorithm
            .of_file(path)
            .map_err(|error| Failure::io(format!("reading {}", path.display()), &error))?;
        stat.insert("checksum".to_owned(), digest.into());
    }
    if context.args.flag("get_mime") {
        let (kind, charset) = mime_type(context, path);
        stat.insert("mimetype".to_owned(), kind.into());
        stat.insert("charset".to_owned(), charset.into());
    }
    if context.args.flag("get_attributes") {
        stat.insert("version".to_owned(), Value::Null);
        stat.insert("attributes".to_owned(), Value::Array(Vec::new()));
        stat.insert("attr_flags".to_owned(), "".into());
        add_attributes(context, path, &mut stat);
    }
    Ok(answer!({"stat": stat}))
}

/// The keys that come from the file's metadata alone.
pub(super) fn of_metadata(path: &Path, metadata: &Metadata) -> Answer {
    let mode = permissions(metadata);
    let kind = metadata.file_type();
    let bit = |bit: u32| mode & bit != 0;
    let may = |how| access(path, how).is_ok();
    let mut stat = answer!({
        "exists": true,
        "path": path.to_string_lossy(),
        "mode": format!("{mode:04o}"),
        "isdir": kind.is_dir(),
        "ischr": kind.is_char_device(),
        "isblk": kind.is_block_device(),
        "isreg": kind.is_file(),
        "isfifo": kind.is_fifo(),
        "islnk": kind.is_symlink(),
        "issock": kind.is_socket(),
        "uid": metadata.uid(),
        "gid": metadata.gid(),
        "size": metadata.size(),
        "inode": metadata.ino(),
        "dev": metadata.dev(),
        "nlink": metadata.nlink(),
        "atime": seconds(metadata.atime(), metadata.atime_nsec()),
        "mtime": seconds(metadata.mtime(), metadata.mtime_nsec()),
        "ctime": seconds(metadata.ctime(), metadata.ctime_nsec()),
        "wusr": bit(0o200), "rusr": bit(0o400), "xusr": bit(0o100),
        "wgrp": bit(0o020), "rgrp": bit(0o040), "xgrp": bit(0o010),
        "woth": bit(0o002), "roth": bit(0o004), "xoth": bit(0o001),
        "isuid": bit(0o4000), "isgid": bit(0o2000),
    });
    stat.extend(answer!({
        "blocks": metadata.blocks(),
        "block_size": metadata.blksize(),
        "device_type": metadata.rdev(),
        "readable": may(Access::READ_OK),
        "writeable": may(Access::WRITE_OK),
        "executable": may(Access::EXEC_OK),
    }));
    if let Some(user) = accounts::user_by_id(metadata.uid()) {
        stat.insert("pw_name".to_owned(), user.name.into());
    }
    if let Some(group) = accounts::group_by_id(metadata.gid()) {
        stat.insert("gr_name".to_owned(), group.name.into());
    }
    stat
}

/// Seconds since the epoch with their fraction, as Python's `st_mtime`.
#[allow(clippy::cast_precision_loss)] // a time in seconds fits into 53 bits
pub(super) fn seconds(seconds: i64, nanoseconds: i64) -> f64 {
    seconds as f64 + nanoseconds as f64 * 1e-9
}

/// `text/plain` and `us-ascii`, from the program `file`.
fn mime_type(context: &Context, path: &Path) -> (String, String) {
    let unknown = || ("unknown".to_owned(), "unknown".to_owned());
    let Ok(output) = Process::tool(context, "file")
        .args(["--mime-type", "--mime-encoding", "--"])
        .arg(path)
        .run()
    else {
        return unknown();
    };
    if output.code != 0 {
        return unknown();
    }
    let Some((_, types)) = output.stdout.trim().rsplit_once(": ") else {
        return unknown();
    };
    match types.split_once("; charset=") {
        Some((kind, charset)) => (kind.trim().to_owned(), charset.trim().to_owned()),
        None => (types.trim().to_owned(), "unknown".to_owned()),
    }
}

/// Names of the flags of `lsattr`.
const FLAG_NAMES: [(char, &str); 17] = [
    ('A', "noatime"),
    ('a', "append"),
    ('c', "compressed"),
    ('C', "nocow"),
    ('d', "nodump"),
    ('D', "dirsync"),
    ('e', "extents"),
    ('E', "encrypted"),
    ('h', "blocksize"),
    ('i', "immutable"),
    ('I', "indexed"),
    ('j', "journalled"),
    ('N', "inline"),
    ('s', "zero"),
    ('S', "synchronous"),
    ('t', "notail"),
    ('u', "undelete"),
];

fn add_attributes(context: &Context, path: &Path, stat: &mut Answer) {
    let Ok(output) = Process::tool(context, "lsattr").arg("-vd").arg(path).run() else {
        return;
    };
    let mut words = output.stdout.split_whitespace();
    let (0, Some(version), Some(flags)) = (output.code, words.next(), words.next()) else {
        return;
    };
    let flags = flags.replace('-', "");
    let names: Vec<&str> = flags
        .chars()
        .filter_map(|flag| {
            FLAG_NAMES
                .iter()
                .find(|(known, _)| *known == flag)
                .map(|(_, name)| *name)
        })
        .collect();
    stat.insert("version".to_owned(), version.into());
    stat.insert("attributes".to_owned(), names.into());
    stat.insert("attr_flags".to_owned(), flags.into());
}
