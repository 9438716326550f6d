//! Whom a request trusts, and what it proves itself by.

use std::sync::Arc;

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use super::NoAnswer;
use crate::context::Context;
use crate::python_text::os_error;

/// Where systems keep their bundle of certificate authorities.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// How TLS is spoken, as the call asks for it.
pub(super) fn configuration(context: &Context) -> Result<TlsConfig, NoAnswer> {
    let validate = context.args.optional_flag("validate_certs").unwrap_or(true);
    Ok(TlsConfig::builder()
        .disable_verification(!validate)
        .root_certs(authorities(context))
        .client_cert(client_certificate(context)?)
        .build())
}

/// The authorities that servers are trusted by: those of `ca_path`, of `SSL_CERT_FILE`, of the host, or Mozilla's.
fn authorities(context: &Context) -> RootCerts {
    let named = context
        .args
        .text("ca_path")
        .map(str::to_owned)
        .or_else(|| context.variable("SSL_CERT_FILE"));
    named
        .into_iter()
        .chain(BUNDLES.map(str::to_owned))
        .find_map(|path| {
            let pem = std::fs::read(path).ok()?;
            let certificates: Vec<_> = parse_pem(&pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                })
                .collect();
            (!certificates.is_empty()).then(|| RootCerts::Specific(Arc::new(certificates)))
        })
        .unwrap_or(RootCerts::WebPki)
}

/// The certificate that the call names, with its key, which may be in the same file.
fn client_certificate(context: &Context) -> Result<Option<ClientCert>, NoAnswer> {
    let args = &context.args;
    let Some(certificate_file) = args.text("client_cert") else {
        return Ok(None);
    };
    let key_file = args.text("client_key").unwrap_or(certificate_file);
    let items = |path: &str| -> Result<Vec<PemItem<'static>>, NoAnswer> {
        let pem = std::fs::read(path).map_err(|error| NoAnswer(format!("{}: '{path}'", os_error(&error))))?;
        Ok(parse_pem(&pem).flatten().collect())
    };
    let chain: Vec<Certificate<'static>> = items(certificate_file)?
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    let key: Option<PrivateKey<'static>> = items(key_file)?.into_iter().find_map(|item| match item {
        PemItem::PrivateKey(key) => Some(key),
        _ => None,
    });
    match key {
        Some(key) if !chain.is_empty() => Ok(Some(ClientCert::new_with_certs(&chain, key))),
        _ => Err(NoAnswer(format!(
            "no certificate with a key is in {certificate_file} and {key_file}"
        ))),
    }
}
