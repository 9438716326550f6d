//! Packing and comparing.
//!
//! The host's `tar`, `zip`, `bzip2` and `xz` pack, so that headers are what they are there; gzip alone is done here.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha1::{Digest, Sha1};

use crate::answer::Failure;
use crate::context::Context;
use crate::process::{Output, Process, require_program};

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Gzip,
    Bzip2,
    Xz,
    Tar,
    Zip,
}

/// What is in a packed file: a digest of each name's content.
pub(super) type Contents = BTreeMap<String, Vec<u8>>;

impl Format {
    pub(super) fn of(name: &str) -> Self {
        match name {
            "bz2" => Self::Bzip2,
            "xz" => Self::Xz,
            "tar" => Self::Tar,
            "zip" => Self::Zip,
            _ => Self::Gzip,
        }
    }

    /// Whether one file alone is packed under its name, too.
    pub(super) fn holds_names(self) -> bool {
        matches!(self, Self::Tar | Self::Zip)
    }

    /// The option of tar that compresses.
    const fn option(self) -> Option<&'static str> {
        match self {
            Self::Gzip => Some("--gzip"),
            Self::Bzip2 => Some("--bzip2"),
            Self::Xz => Some("--xz"),
            Self::Tar | Self::Zip => None,
        }
    }
}

/// Packs files below a root.
pub(super) fn pack(
    context: &Context,
    format: Format,
    root: &str,
    files: &[PathBuf],
    target: &Path,
) -> Result<(), Failure> {
    let names: Vec<String> = files.iter().map(|file| name(root, file)).collect();
    let output = if format == Format::Zip {
        require_program(context, "zip")?;
        Process::tool(context, "zip")
            .directory(Path::new(root))
            .args(["-q", "-X"])
            .arg(target)
            .arg("-@")
            .input(names.join("\n"))
            .run()?
    } else {
        require_program(context, "tar")?;
        Process::tool(context, "tar")
            .args(["--create", "--no-recursion", "--null", "--verbatim-files-from"])
            .args(format.option())
            .arg("--file")
            .arg(target)
            .arg("--directory")
            .arg(root)
            .args(["--files-from", "-"])
            .input(names.join("\0"))
            .run()?
    };
    must(&output, "archive")
}

/// Compresses one file.
pub(super) fn compress(
    context: &Context,
    format: Format,
    source: &Path,
    target: &Path,
) -> Result<(), Failure> {
    let program = match format {
        Format::Gzip => return gzip(source, target),
        Format::Bzip2 => "bzip2",
        Format::Xz => "xz",
        Format::Tar | Format::Zip => {
            let root = source.parent().unwrap_or(Path::new("/")).to_string_lossy();
            return pack(context, format, &format!("{root}/"), &[source.to_owned()], target);
        }
    };
    require_program(context, program)?;
    // The output is no text: a shell writes it to its place.
    let output = Process::tool(context, "sh")
        .args(["-c", "exec \"$0\" --stdout --keep -- \"$1\" > \"$2\"", program])
        .arg(source)
        .arg(target)
        .run()?;
    must(&output, "compressed file")
}

fn must(output: &Output, what: &str) -> Result<(), Failure> {
    if output.code == 0 {
        return Ok(());
    }
    Err(Failure::new(format!(
        "Errors when writing the {what}: {}",
        output.stderr.trim_end()
    ))
    .with("rc", output.code))
}

fn gzip(source: &Path, target: &Path) -> Result<(), Failure> {
    let compressed = || -> std::io::Result<()> {
        let mut encoder = GzEncoder::new(File::create(target)?, Compression::default());
        std::io::copy(&mut File::open(source)?, &mut encoder)?;
        encoder.finish()?.flush()
    };
    compressed().map_err(|error| Failure::io(format!("Unable to compress {}", source.display()), &error))
}

fn name(root: &str, file: &Path) -> String {
    let text = file.to_string_lossy();
    text.strip_prefix(root).unwrap_or(&text).to_owned()
}

/// What the packed file is to hold.
pub(super) fn wanted(
    root: &str,
    files: &[PathBuf],
    paths: &[PathBuf],
    is_archive: bool,
) -> Result<Contents, Failure> {
    let reading =
        |file: &Path, error: &std::io::Error| Failure::io(format!("reading {}", file.display()), error);
    let mut contents = Contents::new();
    let sources = if is_archive { files } else { paths };
    for file in sources {
        let metadata = file.symlink_metadata().map_err(|error| reading(file, &error))?;
        // A directory is told by what is in it.
        if metadata.is_dir() {
            continue;
        }
        let digest = if metadata.is_file() {
            digest(File::open(file).map_err(|error| reading(file, &error))?)
                .map_err(|error| reading(file, &error))?
        } else {
            Vec::new()
        };
        let name = if is_archive {
            name(root, file)
        } else {
            String::new()
        };
        contents.insert(name, digest);
    }
    Ok(contents)
}

/// What a packed file holds; nothing when it is not there or cannot be read.
pub(super) fn contents(context: &Context, path: &Path, format: Format, is_archive: bool) -> Option<Contents> {
    if !path.exists() {
        return None;
    }
    if !is_archive && format != Format::Zip && format != Format::Tar {
        let content = match format {
            Format::Gzip => digest(GzDecoder::new(File::open(path).ok()?)).ok()?,
            _ => unpacked(context, format, path)?,
        };
        return Some(Contents::from([(String::new(), content)]));
    }
    let directory = tempfile::Builder::new()
        .prefix("unpacked-")
        .tempdir_in(&context.temporary)
        .ok()?;
    let output = if format == Format::Zip {
        Process::tool(context, "unzip")
            .args(["-q", "-o"])
            .arg(path)
            .arg("-d")
            .arg(directory.path())
            .run()
            .ok()?
    } else {
        Process::tool(context, "tar")
            .args(["--extract", "--no-same-owner", "--file"])
            .arg(path)
            .arg("--directory")
            .arg(directory.path())
            .run()
            .ok()?
    };
    if output.code != 0 {
        return None;
    }
    let root = format!("{}/", directory.path().display());
    let files: Vec<PathBuf> = walkdir::WalkDir::new(directory.path())
        .min_depth(1)
        .into_iter()
        .flatten()
        .map(walkdir::DirEntry::into_path)
        .collect();
    wanted(&root, &files, &[], true).ok()
}

/// The digest of what a compressed file holds.
fn unpacked(context: &Context, format: Format, path: &Path) -> Option<Vec<u8>> {
    let program = if format == Format::Bzip2 { "bzip2" } else { "xz" };
    let staged = tempfile::Builder::new()
        .prefix("unpacked-")
        .tempfile_in(&context.temporary)
        .ok()?;
    let output = Process::tool(context, "sh")
        .args([
            "-c",
            "exec \"$0\" --decompress --stdout -- \"$1\" > \"$2\"",
            program,
        ])
        .arg(path)
        .arg(staged.path())
        .run()
        .ok()?;
    if output.code != 0 {
        return None;
    }
    digest(File::open(staged.path()).ok()?).ok()
}

fn digest(mut reader: impl Read) -> std::io::Result<Vec<u8>> {
    let mut digest = Sha1::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            return Ok(digest.finalize().to_vec());
        }
        digest.update(&buffer[..read]);
    }
}

/// What a file is by its name, when it was not made now.
pub(super) fn state_of(path: &Path) -> &'static str {
    let name = path.to_string_lossy();
    let is_archive = [
        ".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz",
    ]
    .iter()
    .any(|extension| name.ends_with(extension));
    if is_archive {
        return "archive";
    }
    let is_compressed = [".gz", ".bz2", ".xz"]
        .iter()
        .any(|extension| name.ends_with(extension));
    if is_compressed { "compress" } else { "file" }
}
