//! The agent's program file, as it is sent to hosts.

use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::TransportError;

/// Why there is no agent to send.
#[derive(Debug, Error)]
pub enum AgentBinaryError {
    /// Not beside the runner and not named by the environment.
    #[error("the agent was not found at {}: put slipway-agent beside slipway-playbook, or name it in SLIPWAY_AGENT", .0.display())]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("cannot read the agent {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not a program for Linux.
    #[error("the agent {} is not an ELF program for x86_64 or aarch64", .0.display())]
    NotAProgram(PathBuf),
}

/// The agent's program. Of its megabytes only what is needed is read: nothing for a run on this machine, its hash for hosts that
/// have it, the content for those that have not.
#[derive(Debug)]
pub struct AgentBinary {
    /// The file on this machine.
    pub path: PathBuf,
    /// The architecture that it runs on, as `uname -m` names it.
    pub architecture: &'static str,
    sha256: OnceLock<Result<String, String>>,
    compressed: OnceLock<Result<Arc<[u8]>, String>>,
}

impl AgentBinary {
    /// Looks for the agent: `SLIPWAY_AGENT`, or `slipway-agent` beside the running program.
    pub fn find() -> Result<Self, AgentBinaryError> {
        let path = match std::env::var_os("SLIPWAY_AGENT") {
            Some(path) => PathBuf::from(path),
            None => std::env::current_exe()
                .ok()
                .and_then(|program| Some(program.parent()?.join("slipway-agent")))
                .unwrap_or_else(|| PathBuf::from("slipway-agent")),
        };
        Self::read(&path)
    }

    /// Looks at the agent in a file.
    pub fn read(path: &Path) -> Result<Self, AgentBinaryError> {
        if !path.is_file() {
            return Err(AgentBinaryError::Missing(path.to_path_buf()));
        }
        let unreadable = |source| AgentBinaryError::Read {
            path: path.to_path_buf(),
            source,
        };
        let file = File::open(path).map_err(unreadable)?;
        let mut header = Vec::with_capacity(20);
        file.take(20).read_to_end(&mut header).map_err(unreadable)?;
        // Bytes 18 and 19 of an ELF header name the machine.
        let architecture = match header.as_slice() {
            [0x7f, b'E', b'L', b'F', rest @ ..] if rest.len() == 16 => match (rest[14], rest[15]) {
                (62, 0) => "x86_64",
                (183, 0) => "aarch64",
                _ => return Err(AgentBinaryError::NotAProgram(path.to_path_buf())),
            },
            _ => return Err(AgentBinaryError::NotAProgram(path.to_path_buf())),
        };
        Ok(Self {
            path: path.to_path_buf(),
            architecture,
            sha256: OnceLock::new(),
            compressed: OnceLock::new(),
        })
    }

    /// Whether it runs on a host of this architecture.
    ///
    /// # Errors
    /// When it does not.
    pub fn check_architecture(&self, of_host: &str) -> Result<(), TransportError> {
        if of_host == self.architecture {
            return Ok(());
        }
        Err(TransportError::Unreachable(format!(
            "the host's architecture is {of_host}, the agent {} is for {}",
            self.path.display(),
            self.architecture
        )))
    }

    /// SHA-256 of the content, hexadecimal.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn sha256(&self) -> Result<&str, TransportError> {
        let hash = || {
            let mut digest = Sha256::new();
            let mut file = File::open(&self.path)?;
            let mut piece = vec![0; 256 * 1024];
            loop {
                match file.read(&mut piece)? {
                    0 => return Ok(hex::encode(digest.finalize())),
                    count => digest.update(&piece[..count]),
                }
            }
        };
        let hash = self
            .sha256
            .get_or_init(|| hash().map_err(|error| self.unreadable(&error)));
        hash.as_deref()
            .map_err(|reason| TransportError::Unreachable(reason.clone()))
    }

    /// The content.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn content(&self) -> Result<Arc<[u8]>, TransportError> {
        match std::fs::read(&self.path) {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) => Err(TransportError::Unreachable(self.unreadable(&error))),
        }
    }

    /// The content compressed with gzip, made once.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn compressed(&self) -> Result<Arc<[u8]>, TransportError> {
        let compress = || {
            let bytes = std::fs::read(&self.path)?;
            let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::default());
            encoder.write_all(&bytes)?;
            encoder.finish().map(Arc::from)
        };
        let compressed = self
            .compressed
            .get_or_init(|| compress().map_err(|error| self.unreadable(&error)));
        compressed.clone().map_err(TransportError::Unreachable)
    }

    fn unreadable(&self, error: &std::io::Error) -> String {
        format!("cannot read the agent {}: {error}", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_for_linux_is_told_from_other_files_and_hashed_when_it_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("agent");
        std::fs::write(&file, "#!/bin/sh\n").unwrap();
        assert!(matches!(
            AgentBinary::read(&file),
            Err(AgentBinaryError::NotAProgram(_))
        ));
        let mut program = b"\x7fELF".to_vec();
        program.resize(100_000, 0);
        program[18] = 62;
        std::fs::write(&file, &program).unwrap();
        let agent = AgentBinary::read(&file).unwrap();
        assert_eq!(agent.architecture, "x86_64");
        assert_eq!(agent.sha256().unwrap(), hex::encode(Sha256::digest(&program)));
        assert_eq!(*agent.content().unwrap(), *program);
        std::fs::remove_file(&file).unwrap();
        assert!(agent.compressed().is_err());
    }
}
