//! The agent's program file, as it is sent to hosts.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use thiserror::Error;

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

/// The agent's program.
#[derive(Debug)]
pub struct AgentBinary {
    /// The file on this machine.
    pub path: PathBuf,
    /// Its content.
    pub bytes: Vec<u8>,
    /// SHA-256 of the content, hexadecimal.
    pub sha256: String,
    /// The architecture that it runs on, as `uname -m` names it.
    pub architecture: &'static str,
    compressed: OnceLock<Arc<[u8]>>,
}

impl AgentBinary {
    /// Reads the agent: `SLIPWAY_AGENT`, or `slipway-agent` beside the running program.
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

    /// Reads the agent from a file.
    pub fn read(path: &Path) -> Result<Self, AgentBinaryError> {
        if !path.is_file() {
            return Err(AgentBinaryError::Missing(path.to_path_buf()));
        }
        let bytes = std::fs::read(path).map_err(|source| AgentBinaryError::Read {
            path: path.to_path_buf(),
            source,
        })?;
        // Bytes 18 and 19 of an ELF header name the machine.
        let architecture = match bytes.get(..20) {
            Some([0x7f, b'E', b'L', b'F', rest @ ..]) => match (rest[14], rest[15]) {
                (62, 0) => "x86_64",
                (183, 0) => "aarch64",
                _ => return Err(AgentBinaryError::NotAProgram(path.to_path_buf())),
            },
            _ => return Err(AgentBinaryError::NotAProgram(path.to_path_buf())),
        };
        Ok(Self {
            path: path.to_path_buf(),
            sha256: hex::encode(Sha256::digest(&bytes)),
            bytes,
            architecture,
            compressed: OnceLock::new(),
        })
    }

    /// The content compressed with gzip, made once.
    pub fn compressed(&self) -> Arc<[u8]> {
        let compress = || {
            let mut encoder =
                GzEncoder::new(Vec::with_capacity(self.bytes.len() / 2), Compression::default());
            // ok: writing to memory does not fail; an empty result is refused by the host's check of the hash.
            let _ = encoder.write_all(&self.bytes);
            Arc::from(encoder.finish().unwrap_or_default())
        };
        Arc::clone(self.compressed.get_or_init(compress))
    }
}
