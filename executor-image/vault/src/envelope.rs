//! The text around what is encrypted: `$ANSIBLE_VAULT;1.2;AES256;id`, then hexadecimal digits, 80 on a line.

use crate::VaultError;

const MAGIC: &str = "$ANSIBLE_VAULT";
const CIPHER: &str = "AES256";
const LINE: usize = 80;

/// Whether a file or a text was encrypted with ansible-vault, as its beginning tells.
pub fn is_encrypted(data: &[u8]) -> bool {
    data.starts_with(MAGIC.as_bytes())
}

/// What the first line says, and the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The vault id; none in format 1.1.
    pub id: Option<String>,
    pub(crate) body: Body,
}

/// What is under the first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) salt: Vec<u8>,
    pub(crate) checksum: Vec<u8>,
    pub(crate) encrypted: Vec<u8>,
}

/// What is wrong with digits; in Python's words too, which people look for.
fn not_hexadecimal(error: hex::FromHexError) -> VaultError {
    VaultError::Malformed(match error {
        hex::FromHexError::OddLength => {
            "its body is not hexadecimal (Vault format unhexlify error: Odd-length string)"
        }
        _ => "its body is not hexadecimal (Vault format unhexlify error: Non-hexadecimal digit found)",
    })
}

impl Envelope {
    /// Takes an encrypted text apart; needs no password.
    pub fn parse(data: &[u8]) -> Result<Self, VaultError> {
        let text = std::str::from_utf8(data).map_err(|_| VaultError::Malformed("it is not UTF-8 text"))?;
        let mut lines = text.lines().map(str::trim);
        let mut header = lines.next().unwrap_or_default().split(';').map(str::trim);
        if header.next() != Some(MAGIC) {
            return Err(VaultError::Malformed("its first line is not $ANSIBLE_VAULT;…"));
        }
        let (version, cipher) = (
            header.next().unwrap_or_default(),
            header.next().unwrap_or_default(),
        );
        if !matches!(version, "1.1" | "1.2") || cipher != CIPHER {
            return Err(VaultError::Unsupported {
                version: version.to_owned(),
                cipher: cipher.to_owned(),
            });
        }
        let id = header
            .next()
            .filter(|id| version == "1.2" && !id.is_empty())
            .map(str::to_owned);
        let outer = hex::decode(lines.collect::<String>()).map_err(not_hexadecimal)?;
        let parts: Vec<Vec<u8>> = outer
            .splitn(3, |byte| *byte == b'\n')
            .map(hex::decode)
            .collect::<Result<_, _>>()
            .map_err(not_hexadecimal)?;
        let [salt, checksum, encrypted] = <[Vec<u8>; 3]>::try_from(parts)
            .map_err(|_| VaultError::Malformed("its body has not three parts"))?;
        Ok(Self {
            id,
            body: Body {
                salt,
                checksum,
                encrypted,
            },
        })
    }

    /// The text, with a newline at the end.
    pub(crate) fn text(&self) -> String {
        let mut text = match &self.id {
            Some(id) => format!("{MAGIC};1.2;{CIPHER};{id}\n"),
            None => format!("{MAGIC};1.1;{CIPHER}\n"),
        };
        let Body {
            salt,
            checksum,
            encrypted,
        } = &self.body;
        let inner = [salt, checksum, encrypted].map(hex::encode).join("\n");
        let mut digits = &*hex::encode(inner);
        while !digits.is_empty() {
            let (line, rest) = digits.split_at(digits.len().min(LINE));
            text.push_str(line);
            text.push('\n');
            digits = rest;
        }
        text
    }
}
