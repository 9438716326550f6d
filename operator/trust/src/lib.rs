//! What makes a business cluster trusted: certificate authorities, service-account keys, bootstrap tokens, kubeconfigs.
//!
//! The operator makes them before the cluster exists and hands them to the hosts, so that control planes need
//! not copy them from one to another and the administrator's kubeconfig is there from the start. Names, key usages
//! and validity are kubeadm's; keys are ECDSA P-256 (kubeadm's `encryptionAlgorithm: ECDSA-P256`), in PEM.
//!
//! No private part is ever in a `Debug` output.

mod authority;
mod kubeconfig;
mod token;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use authority::{
    AUTHORITY_VALIDITY, ca_cert_hash, certificate_expiry, client_certificate, der_certificate_expiry,
};
pub use kubeconfig::{
    ADMINISTRATOR_GROUP, CLIENT_VALIDITY, admin_kubeconfig, join_kubeconfig, kubeconfig_expiry,
};
pub use token::{BootstrapToken, bootstrap_token};

/// Why something could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A key could not be made, or a certificate not signed.
    #[error("making the certificate of {subject}: {source}")]
    Sign {
        /// Common name of the certificate.
        subject: String,
        /// What the library says.
        source: rcgen::Error,
    },
    /// A certificate or key that was given is not one.
    #[error("reading {what}: {reason}")]
    Read {
        /// What was being read.
        what: &'static str,
        /// What is wrong with it; never holds a part of a key.
        reason: String,
    },
    /// The operating system gave no random numbers.
    #[error("reading random numbers from the operating system: {0}")]
    Random(String),
    /// A kubeconfig could not be written as YAML.
    #[error("writing a kubeconfig as YAML: {0}")]
    Write(serde_yaml::Error),
}

/// A certificate and its private key, both in PEM; as playbooks take it: `{cert: …, key: …}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPairPem {
    /// The certificate.
    pub cert: String,
    /// The private key, PKCS #8. Secret.
    pub key: String,
}

impl fmt::Debug for KeyPairPem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeyPairPem")
            .field("cert", &self.cert)
            .finish_non_exhaustive()
    }
}

/// The key pair that signs the tokens of service accounts, in PEM; as playbooks take it: `{key: …, pub: …}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAccountKeyPem {
    /// The private key, PKCS #8. Secret.
    pub key: String,
    /// The public key.
    #[serde(rename = "pub")]
    pub public: String,
}

impl fmt::Debug for ServiceAccountKeyPem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ServiceAccountKeyPem")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// All that a new cluster is trusted by. Serialised, it is the mapping of variables that the playbooks take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterTrust {
    /// Signs the certificates of API servers, kubelets and administrators.
    pub cluster_ca: KeyPairPem,
    /// Signs the certificates of etcd members and their clients.
    pub etcd_ca: KeyPairPem,
    /// Signs the certificate by which an API server stands before an extension API server.
    pub front_proxy_ca: KeyPairPem,
    /// Signs the tokens of service accounts.
    #[serde(rename = "service_account_key")]
    pub service_account: ServiceAccountKeyPem,
}

impl ClusterTrust {
    /// Makes everything anew, from the operating system's random numbers.
    ///
    /// # Errors
    /// [`TrustError::Sign`] where a key or certificate cannot be made.
    pub fn generate() -> Result<Self, TrustError> {
        Ok(Self {
            cluster_ca: authority::certificate_authority("kubernetes")?,
            etcd_ca: authority::certificate_authority("etcd-ca")?,
            front_proxy_ca: authority::certificate_authority("front-proxy-ca")?,
            service_account: authority::service_account_key()?,
        })
    }
}
