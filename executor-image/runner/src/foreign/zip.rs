//! Writes zip archives in memory. The same files always give the same bytes, so that hosts know an archive they have by its hash.

use std::io::Write;

use flate2::{Compression, Crc, write::DeflateEncoder};

/// Version of the format that is needed to read deflated files.
const VERSION: u16 = 20;
/// The method "deflate".
const DEFLATED: u16 = 8;
/// Names are UTF-8.
const UTF8_NAMES: u16 = 1 << 11;
/// 1 January 1980, the format's first day: times of files must not change the archive.
const DATE: u16 = (1 << 5) | 1;

/// An archive that is being written.
#[derive(Debug, Default)]
pub struct ZipWriter {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
}

impl ZipWriter {
    /// Adds a file.
    pub fn add(&mut self, name: &str, content: &[u8]) {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        // ok: writing to memory does not fail.
        let _ = encoder.write_all(content);
        let compressed = encoder.finish().unwrap_or_default();
        let mut checksum = Crc::new();
        checksum.update(content);

        let offset = size(self.bytes.len());
        let mut shared = Vec::with_capacity(26);
        for number in [VERSION, UTF8_NAMES, DEFLATED, 0, DATE] {
            shared.extend_from_slice(&number.to_le_bytes());
        }
        for number in [checksum.sum(), size(compressed.len()), size(content.len())] {
            shared.extend_from_slice(&number.to_le_bytes());
        }
        shared.extend_from_slice(&short(name.len()).to_le_bytes());
        // No extra field.
        shared.extend_from_slice(&[0, 0]);

        self.bytes.extend_from_slice(b"PK\x03\x04");
        self.bytes.extend_from_slice(&shared);
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(&compressed);

        self.directory.extend_from_slice(b"PK\x01\x02");
        self.directory.extend_from_slice(&VERSION.to_le_bytes());
        self.directory.extend_from_slice(&shared);
        // No comment, first disk, no attributes.
        self.directory.extend_from_slice(&[0; 10]);
        self.directory.extend_from_slice(&offset.to_le_bytes());
        self.directory.extend_from_slice(name.as_bytes());
        self.count += 1;
    }

    /// The whole archive.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let offset = size(self.bytes.len());
        let length = size(self.directory.len());
        self.bytes.append(&mut self.directory);
        self.bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        self.bytes.extend_from_slice(&self.count.to_le_bytes());
        self.bytes.extend_from_slice(&self.count.to_le_bytes());
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(&offset.to_le_bytes());
        self.bytes.extend_from_slice(&[0, 0]);
        self.bytes
    }
}

/// Modules and what they import are far from the limits of the format.
fn size(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn python_reads_the_archive() {
        let mut zip = ZipWriter::default();
        zip.add("a/__init__.py", b"");
        zip.add("a/ü.py", "text = 'ü'\n".repeat(1000).as_bytes());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.zip");
        std::fs::write(&path, zip.finish()).unwrap();
        let program = "import sys, zipfile\narchive = zipfile.ZipFile(sys.argv[1])\nassert archive.testzip() is None\n\
                       print([(name, len(archive.read(name))) for name in archive.namelist()])";
        let output = Command::new("python3")
            .args(["-c", program])
            .arg(&path)
            .env("PYTHONIOENCODING", "utf-8")
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).trim(),
            "[('a/__init__.py', 0), ('a/ü.py', 12000)]",
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
