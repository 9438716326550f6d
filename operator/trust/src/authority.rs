//! Certificate authorities, and the certificates that they sign.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use x509_parser::{certificate::X509Certificate, parse_x509_certificate, pem::parse_x509_pem};

use crate::{KeyPairPem, ServiceAccountKeyPem, TrustError};

/// How long a certificate authority is valid: kubeadm's ten years.
pub const AUTHORITY_VALIDITY: Duration = Duration::from_hours(10 * 365 * 24);

/// Certificates are valid from a little before they are made, for hosts whose clock is behind. As kubeadm does.
const CLOCK_SKEW: Duration = Duration::from_mins(5);

/// Makes a certificate authority that looks like kubeadm's own of that name.
pub(crate) fn certificate_authority(common_name: &str) -> Result<KeyPairPem, TrustError> {
    let failed = |source| TrustError::Sign {
        subject: common_name.to_owned(),
        source,
    };
    let key = new_key().map_err(failed)?;
    let mut parameters = parameters(common_name, None, AUTHORITY_VALIDITY);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::KeyCertSign,
    ];
    parameters.subject_alt_names = vec![SanType::DnsName(common_name.try_into().map_err(failed)?)];
    let certificate = parameters.self_signed(&key).map_err(failed)?;
    Ok(KeyPairPem {
        cert: certificate.pem(),
        key: key.serialize_pem(),
    })
}

/// Makes a key pair for service-account tokens (ES256).
pub(crate) fn service_account_key() -> Result<ServiceAccountKeyPem, TrustError> {
    let key = new_key().map_err(|source| TrustError::Sign {
        subject: "the service-account key".to_owned(),
        source,
    })?;
    Ok(ServiceAccountKeyPem {
        key: key.serialize_pem(),
        public: key.public_key_pem(),
    })
}

/// Makes a client certificate signed by `authority`: Kubernetes takes its common name as the user and its
/// organisation as the group.
///
/// # Errors
/// [`TrustError::Read`] where `authority` is no certificate with its key, [`TrustError::Sign`] where signing fails.
pub fn client_certificate(
    authority: &KeyPairPem,
    user: &str,
    group: &str,
    validity: Duration,
) -> Result<KeyPairPem, TrustError> {
    let unreadable = |source: rcgen::Error| TrustError::Read {
        what: "the certificate authority and its key",
        reason: source.to_string(),
    };
    let authority_key = KeyPair::from_pem(&authority.key).map_err(unreadable)?;
    let issuer = Issuer::from_ca_cert_pem(&authority.cert, authority_key).map_err(unreadable)?;
    let failed = |source| TrustError::Sign {
        subject: user.to_owned(),
        source,
    };
    let key = new_key().map_err(failed)?;
    let mut parameters = parameters(user, Some(group), validity);
    parameters.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
    ];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    parameters.use_authority_key_identifier_extension = true;
    let certificate = parameters.signed_by(&key, &issuer).map_err(failed)?;
    Ok(KeyPairPem {
        cert: certificate.pem(),
        key: key.serialize_pem(),
    })
}

/// Hash by which a joining host pins a certificate authority (`kubeadm join --discovery-token-ca-cert-hash`):
/// `sha256:` and the SHA-256 of its public key information in hexadecimal digits.
///
/// # Errors
/// [`TrustError::Read`] where `certificate` is no certificate in PEM.
pub fn ca_cert_hash(certificate: &str) -> Result<String, TrustError> {
    with_certificate(certificate, |parsed| {
        format!("sha256:{}", hex::encode(Sha256::digest(parsed.public_key().raw)))
    })
}

/// When a certificate in PEM stops being valid.
///
/// # Errors
/// [`TrustError::Read`] where `certificate` is no certificate in PEM.
pub fn certificate_expiry(certificate: &str) -> Result<SystemTime, TrustError> {
    with_certificate(certificate, not_after)
}

/// When a certificate in DER, as a TLS server shows it, stops being valid.
///
/// # Errors
/// [`TrustError::Read`] where `certificate` is no certificate in DER.
pub fn der_certificate_expiry(certificate: &[u8]) -> Result<SystemTime, TrustError> {
    let (_, parsed) = parse_x509_certificate(certificate).map_err(|error| TrustError::Read {
        what: "a certificate in DER",
        reason: error.to_string(),
    })?;
    Ok(not_after(&parsed))
}

fn not_after(certificate: &X509Certificate<'_>) -> SystemTime {
    SystemTime::from(certificate.validity().not_after.to_datetime())
}

fn with_certificate<T>(pem: &str, read: impl FnOnce(&X509Certificate<'_>) -> T) -> Result<T, TrustError> {
    let unreadable = |reason: String| TrustError::Read {
        what: "a certificate in PEM",
        reason,
    };
    let (_, block) = parse_x509_pem(pem.as_bytes()).map_err(|error| unreadable(error.to_string()))?;
    let (_, parsed) =
        parse_x509_certificate(&block.contents).map_err(|error| unreadable(error.to_string()))?;
    Ok(read(&parsed))
}

fn new_key() -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
}

fn parameters(common_name: &str, organisation: Option<&str>, validity: Duration) -> CertificateParams {
    let mut name = DistinguishedName::new();
    if let Some(organisation) = organisation {
        name.push(DnType::OrganizationName, organisation);
    }
    name.push(DnType::CommonName, common_name);
    let now = OffsetDateTime::now_utc();
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = name;
    parameters.not_before = now - CLOCK_SKEW;
    parameters.not_after = now + validity;
    parameters
}
