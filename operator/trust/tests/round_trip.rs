//! What is made is read back with another library and its signatures are verified.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use slipway_trust::{
    ADMINISTRATOR_GROUP, AUTHORITY_VALIDITY, BootstrapToken, CLIENT_VALIDITY, ClusterTrust, KeyPairPem,
    admin_kubeconfig, bootstrap_token, ca_cert_hash, certificate_expiry, client_certificate,
    der_certificate_expiry, join_kubeconfig, kubeconfig_expiry,
};
use x509_parser::{certificate::X509Certificate, parse_x509_certificate, pem::parse_x509_pem};

const ENDPOINT: &str = "https://192.0.2.10:6443";

fn with_certificate<T>(pem: &str, read: impl FnOnce(&X509Certificate<'_>) -> T) -> T {
    let (_, block) = parse_x509_pem(pem.as_bytes()).unwrap();
    let (_, certificate) = parse_x509_certificate(&block.contents).unwrap();
    read(&certificate)
}

fn is_signed_by(certificate: &str, authority: &str) -> bool {
    with_certificate(authority, |authority| {
        with_certificate(certificate, |certificate| {
            certificate.issuer() == authority.subject()
                && certificate.verify_signature(Some(authority.public_key())).is_ok()
        })
    })
}

fn is_about(when: SystemTime, validity: Duration) -> bool {
    let expected = SystemTime::now() + validity;
    let difference = when
        .duration_since(expected)
        .or_else(|_| expected.duration_since(when))
        .unwrap();
    difference < Duration::from_mins(1)
}

fn yaml(text: &str) -> serde_yaml::Value {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn the_authorities_look_like_kubeadms() {
    let trust = ClusterTrust::generate().unwrap();
    let authorities = [
        (&trust.cluster_ca, "kubernetes"),
        (&trust.etcd_ca, "etcd-ca"),
        (&trust.front_proxy_ca, "front-proxy-ca"),
    ];
    for (authority, name) in authorities {
        with_certificate(&authority.cert, |certificate| {
            assert_eq!(certificate.subject().to_string(), format!("CN={name}"));
            assert!(certificate.is_ca());
            let usage = certificate.key_usage().unwrap().unwrap();
            assert!(usage.critical, "kubeadm marks the key usage as critical");
            assert!(
                usage.value.digital_signature()
                    && usage.value.key_encipherment()
                    && usage.value.key_cert_sign()
            );
            assert!(
                !usage.value.crl_sign(),
                "kubeadm's authorities sign no revocation lists"
            );
        });
        assert!(is_signed_by(&authority.cert, &authority.cert));
        assert!(is_about(
            certificate_expiry(&authority.cert).unwrap(),
            AUTHORITY_VALIDITY
        ));
    }
    assert!(!is_signed_by(&trust.cluster_ca.cert, &trust.etcd_ca.cert));
}

#[test]
fn an_administrators_certificate_is_signed_by_the_authority_and_names_user_and_group() {
    let trust = ClusterTrust::generate().unwrap();
    let client = client_certificate(
        &trust.cluster_ca,
        "kubernetes-admin",
        ADMINISTRATOR_GROUP,
        CLIENT_VALIDITY,
    )
    .unwrap();
    assert!(is_signed_by(&client.cert, &trust.cluster_ca.cert));
    assert!(!is_signed_by(&client.cert, &trust.etcd_ca.cert));
    with_certificate(&client.cert, |certificate| {
        assert_eq!(
            certificate.subject().to_string(),
            "O=system:masters, CN=kubernetes-admin"
        );
        assert!(!certificate.is_ca());
        let usage = certificate.extended_key_usage().unwrap().unwrap();
        assert!(usage.value.client_auth && !usage.value.server_auth);
    });
}

#[test]
fn a_certificate_that_a_server_shows_is_read_like_one_in_pem() {
    let trust = ClusterTrust::generate().unwrap();
    let (_, block) = parse_x509_pem(trust.cluster_ca.cert.as_bytes()).unwrap();
    assert_eq!(
        der_certificate_expiry(&block.contents).unwrap(),
        certificate_expiry(&trust.cluster_ca.cert).unwrap()
    );
    let error = der_certificate_expiry(b"nothing").unwrap_err().to_string();
    assert!(error.starts_with("reading a certificate in DER"), "{error}");
}

#[test]
fn an_administrators_kubeconfig_holds_what_a_client_needs() {
    let trust = ClusterTrust::generate().unwrap();
    let text = admin_kubeconfig(
        &trust.cluster_ca,
        ENDPOINT,
        "shop",
        "kubernetes-admin",
        ADMINISTRATOR_GROUP,
        CLIENT_VALIDITY,
    )
    .unwrap();
    let config = yaml(&text);
    assert_eq!(config["clusters"][0]["cluster"]["server"], ENDPOINT);
    assert_eq!(config["current-context"], config["contexts"][0]["name"]);
    let decoded = |value: &serde_yaml::Value| {
        String::from_utf8(BASE64.decode(value.as_str().unwrap()).unwrap()).unwrap()
    };
    assert_eq!(
        decoded(&config["clusters"][0]["cluster"]["certificate-authority-data"]),
        trust.cluster_ca.cert
    );
    let certificate = decoded(&config["users"][0]["user"]["client-certificate-data"]);
    assert!(is_signed_by(&certificate, &trust.cluster_ca.cert));
    assert!(is_about(
        kubeconfig_expiry(&text).unwrap().unwrap(),
        CLIENT_VALIDITY
    ));
}

#[test]
fn a_joining_hosts_kubeconfig_holds_the_token_and_the_authority_but_no_key() {
    let trust = ClusterTrust::generate().unwrap();
    let token = bootstrap_token().unwrap();
    let text = join_kubeconfig(&trust.cluster_ca.cert, ENDPOINT, &token).unwrap();
    let config = yaml(&text);
    let shown = config["users"][0]["user"]["token"].as_str().unwrap();
    assert_eq!(BootstrapToken::parse(shown).unwrap(), token);
    assert!(config["users"][0]["user"].get("client-key-data").is_none());
    assert_eq!(kubeconfig_expiry(&text).unwrap(), None);
}

#[test]
fn the_trust_of_a_cluster_survives_being_written_and_read() {
    let trust = ClusterTrust::generate().unwrap();
    let text = serde_yaml::to_string(&trust).unwrap();
    let variables = yaml(&text);
    for variable in ["cluster_ca", "etcd_ca", "front_proxy_ca"] {
        assert!(
            variables[variable]["cert"].is_string() && variables[variable]["key"].is_string(),
            "{variable}"
        );
    }
    assert!(
        variables["service_account_key"]["pub"]
            .as_str()
            .unwrap()
            .starts_with("-----BEGIN PUBLIC KEY-----")
    );
    assert_eq!(serde_yaml::from_str::<ClusterTrust>(&text).unwrap(), trust);
}

#[test]
fn no_private_part_is_printed() {
    let trust = ClusterTrust::generate().unwrap();
    let printed = format!("{trust:?}");
    assert!(printed.contains("BEGIN CERTIFICATE"), "{printed}");
    assert!(!printed.contains("PRIVATE KEY"), "{printed}");
}

#[test]
fn two_clusters_share_nothing() {
    let (first, second) = (
        ClusterTrust::generate().unwrap(),
        ClusterTrust::generate().unwrap(),
    );
    assert_ne!(
        ca_cert_hash(&first.cluster_ca.cert).unwrap(),
        ca_cert_hash(&second.cluster_ca.cert).unwrap()
    );
    let client = client_certificate(&first.cluster_ca, "a", "b", CLIENT_VALIDITY).unwrap();
    assert!(!is_signed_by(&client.cert, &second.cluster_ca.cert));
}

#[test]
fn the_hash_of_an_authority_is_what_kubeadm_join_takes() {
    // Made once with `openssl x509 -pubkey | openssl pkey -pubin -outform der | sha256sum`.
    let certificate = include_str!("authority.pem");
    assert_eq!(
        ca_cert_hash(certificate).unwrap(),
        "sha256:6442657ec3903151c1ce2d6faad9167e99329050e1e18180b7e7acea9eb9152a"
    );
}

#[test]
fn what_is_no_certificate_is_refused_without_repeating_it() {
    let secret = KeyPairPem {
        cert: "very secret".to_owned(),
        key: "very secret too".to_owned(),
    };
    let errors = [
        client_certificate(&secret, "user", "group", CLIENT_VALIDITY)
            .unwrap_err()
            .to_string(),
        ca_cert_hash(&secret.key).unwrap_err().to_string(),
        kubeconfig_expiry(&secret.key).unwrap_err().to_string(),
    ];
    for error in errors {
        assert!(
            error.starts_with("reading ") && !error.contains("very secret"),
            "{error}"
        );
    }
}
