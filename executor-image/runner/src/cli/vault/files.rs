//! Reading and writing the files of the vault. What is written is for its owner only, and appears at once as a whole.

use std::{
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::super::refusal::{Refusal, exit};

/// What is kept of the file that is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// Nothing, and its content is overwritten: it was not encrypted.
    NothingOfTheContent,
    /// Its owner and its mode.
    Permissions,
}

/// The file that a name leads to; `-` stays what it is.
pub fn real_path(file: &Path) -> PathBuf {
    if file == Path::new("-") {
        return file.to_path_buf();
    }
    std::fs::canonicalize(file).unwrap_or_else(|_| std::path::absolute(file).unwrap_or(file.to_path_buf()))
}

/// The content of a file, or of standard input.
pub fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let content = if file == Path::new("-") {
        let mut content = Vec::new();
        std::io::stdin().read_to_end(&mut content).map(|_| content)
    } else {
        std::fs::read(file)
    };
    content.map(Zeroizing::new).map_err(|error| {
        Refusal::new(
            exit::ERROR,
            format!("Unable to read source file ({}): {error}", file.display()),
        )
    })
}

/// Writes a file, or to standard output.
pub fn write(file: &Path, content: &[u8], keep: Keep) -> Result<(), Refusal> {
    let written = if file == Path::new("-") {
        let mut output = std::io::stdout().lock();
        output.write_all(content).and_then(|()| output.flush())
    } else {
        replace(file, content, keep)
    };
    written.map_err(|error| Refusal::new(exit::ERROR, format!("cannot write {}: {error}", file.display())))
}

fn replace(file: &Path, content: &[u8], keep: Keep) -> std::io::Result<()> {
    let directory = match file.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    let before = std::fs::symlink_metadata(file)
        .ok()
        .filter(std::fs::Metadata::is_file);
    let mut temporary = NamedTempFile::new_in(directory)?;
    temporary.write_all(content)?;
    if let (Keep::Permissions, Some(before)) = (keep, &before) {
        std::os::unix::fs::fchown(temporary.as_file(), Some(before.uid()), Some(before.gid()))?;
        temporary
            .as_file()
            .set_permissions(std::fs::Permissions::from_mode(before.mode()))?;
    }
    temporary.as_file().sync_all()?;
    // A file with another name is somebody else's to keep.
    let overwritten = (keep == Keep::NothingOfTheContent && before.is_some_and(|before| before.nlink() == 1))
        .then(|| std::fs::File::options().write(true).open(file))
        .transpose()?;
    temporary.persist(file).map_err(|error| error.error)?;
    if let Some(mut old) = overwritten {
        overwrite(&mut old)?;
    }
    Ok(())
}

/// Overwrites a file with zeros, as far as its file system lets anybody do that.
pub fn overwrite(file: &mut std::fs::File) -> std::io::Result<()> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    std::io::copy(&mut std::io::repeat(0).take(length), file)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(file: &Path) -> u32 {
        std::fs::metadata(file).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_for_its_owner_unless_its_permissions_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        std::fs::write(&file, "plain").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        write(&file, b"one", Keep::Permissions).unwrap();
        assert_eq!(
            (std::fs::read(&file).unwrap(), mode(&file)),
            (b"one".to_vec(), 0o644)
        );
        write(&file, b"two", Keep::Nothing).unwrap();
        assert_eq!(
            (std::fs::read(&file).unwrap(), mode(&file)),
            (b"two".to_vec(), 0o600)
        );
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_was_not_encrypted_is_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        std::fs::write(&file, "plain").unwrap();
        let mut old = std::fs::File::open(&file).unwrap();
        write(&file, b"encrypted", Keep::NothingOfTheContent).unwrap();
        let mut content = Vec::new();
        old.read_to_end(&mut content).unwrap();
        assert_eq!(content, [0; 5]);
        assert_eq!(std::fs::read(&file).unwrap(), b"encrypted");
    }
}
