//! Texts that the real ansible-vault 2.18 wrote, and the way there and back.

#![expect(clippy::unwrap_used, reason = "a test")]

use slipway_vault::{DEFAULT_ID, Envelope, VaultError, VaultSecrets, is_encrypted};

/// `ansible-vault encrypt_string --vault-password-file FILE plain`, the password `pw`.
const DEFAULT_TEXT: &str = "\
$ANSIBLE_VAULT;1.1;AES256
30313539643564393061646430653936343062333862663136316335303638343432633535333939
3735373138366632353035313631353136336463353036310a386566326666373161636534633635
39306438353832336462323037333930393836343762396465303662646230313966666635336264
3937626463643535340a666534623337663362366332333764663038613036323238373238316331
6338
";
/// `ansible-vault encrypt_string --vault-id lab@FILE labbed`, the password `other`.
const LABELLED_TEXT: &str = "\
$ANSIBLE_VAULT;1.2;AES256;lab
63633531636531346266633538666638323433656565613336363838393064653736366538376262
3865353561343963346330323838373963646532323139350a646135336539313162303531626664
66306661613263633338646338616139363038623463636431623334613364356536633262613634
3665356365356432610a643239376336643833383531346436373731333239613964343637303364
3930
";

fn secrets(pairs: &[(&str, &str)]) -> VaultSecrets {
    let mut secrets = VaultSecrets::new();
    for (id, password) in pairs {
        secrets.add(id, password.as_bytes()).unwrap();
    }
    secrets
}

#[test]
fn what_ansible_vault_wrote_is_read() {
    let both = secrets(&[(DEFAULT_ID, "pw"), ("lab", "other\n")]);
    assert_eq!(
        both.decrypt(DEFAULT_TEXT.as_bytes()).unwrap().as_slice(),
        b"plain"
    );
    assert_eq!(
        both.decrypt(LABELLED_TEXT.as_bytes()).unwrap().as_slice(),
        b"labbed"
    );
    assert_eq!(
        Envelope::parse(LABELLED_TEXT.as_bytes()).unwrap().id.as_deref(),
        Some("lab")
    );
    assert_eq!(Envelope::parse(DEFAULT_TEXT.as_bytes()).unwrap().id, None);
}

#[test]
fn every_password_is_tried_unless_ids_must_match() {
    let mut others = secrets(&[("dev", "wrong"), ("prod", "other")]);
    assert_eq!(
        others.decrypt(LABELLED_TEXT.as_bytes()).unwrap().as_slice(),
        b"labbed"
    );
    others.match_ids(true);
    assert_eq!(
        others.decrypt(LABELLED_TEXT.as_bytes()),
        Err(VaultError::WrongPassword { tried: String::new() })
    );
}

#[test]
fn what_was_opened_is_encrypted_again_with_its_password_and_its_id() {
    // The password that fits has another id than the text names.
    let other = secrets(&[("dev", "wrong"), ("prod", "other")]);
    let opened = other.open(LABELLED_TEXT.as_bytes()).unwrap();
    let again = opened.key.encrypt(b"changed").unwrap();
    assert_eq!(
        Envelope::parse(again.as_bytes()).unwrap().id.as_deref(),
        Some("lab")
    );
    let reader = secrets(&[("any", "other")]);
    assert_eq!(reader.decrypt(again.as_bytes()).unwrap().as_slice(), b"changed");
}

#[test]
fn errors_name_ids_and_never_passwords() {
    let wrong = secrets(&[("dev", "hunter2"), ("prod", "hunter3")]);
    let error = wrong.decrypt(DEFAULT_TEXT.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Decryption failed (no vault secrets were found that could decrypt; tried: dev, prod)"
    );
    assert_eq!(format!("{wrong:?}"), r#"["dev", "prod"]"#);
    assert_eq!(
        VaultSecrets::new().decrypt(DEFAULT_TEXT.as_bytes()),
        Err(VaultError::NoSecrets)
    );
    assert_eq!(
        VaultSecrets::new().add("dev", b" \n"),
        Err(VaultError::EmptyPassword("dev".into()))
    );
}

#[test]
fn damaged_and_foreign_texts_are_refused() {
    let both = secrets(&[(DEFAULT_ID, "pw")]);
    for (text, expected) in [
        ("$ANSIBLE_VAULT;1.1;AES256\nxyzu\n", "Non-hexadecimal digit found"),
        ("$ANSIBLE_VAULT;1.1;AES256\n123\n", "Odd-length string"),
        ("$ANSIBLE_VAULT;1.1;AES256\n3031\n", "three parts"),
        ("$ANSIBLE_VAULT;1.0;AES\n00\n", "1.0 with AES is not supported"),
        ("plain", "its first line"),
    ] {
        let error = both.decrypt(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let mut changed = DEFAULT_TEXT.trim_end().to_owned();
    changed.replace_range(changed.len() - 1.., "5");
    assert!(both.decrypt(changed.as_bytes()).is_err());
}

#[test]
fn what_is_encrypted_here_is_read_again_and_differs_each_time() {
    let both = secrets(&[(DEFAULT_ID, "pw"), ("lab", "other")]);
    for length in [0, 1, 15, 16, 17, 1000] {
        let plain = vec![b'x'; length];
        let text = both.encrypt("lab", &plain).unwrap();
        assert!(is_encrypted(text.as_bytes()));
        assert!(text.starts_with("$ANSIBLE_VAULT;1.2;AES256;lab\n"));
        assert!(text.lines().skip(1).all(|line| line.len() <= 80));
        assert_eq!(both.decrypt(text.as_bytes()).unwrap().as_slice(), plain);
        assert_ne!(both.encrypt("lab", &plain).unwrap(), text);
    }
    assert!(
        both.encrypt(DEFAULT_ID, b"x")
            .unwrap()
            .starts_with("$ANSIBLE_VAULT;1.1;AES256\n")
    );
    assert_eq!(both.encrypt("no", b"x"), Err(VaultError::UnknownId("no".into())));
}

#[test]
fn a_salt_of_ones_own_gives_what_ansible_vault_gives() {
    let both = secrets(&[(DEFAULT_ID, "pw")]);
    assert_eq!(
        both.encrypt_with_salt(DEFAULT_ID, b"salted", b"SALT").unwrap(),
        SALTED_TEXT
    );
}

/// `ANSIBLE_VAULT_ENCRYPT_SALT=SALT ansible-vault encrypt`, the password `pw`.
const SALTED_TEXT: &str = "\
$ANSIBLE_VAULT;1.1;AES256
35333431346335340a62333266656132626334666365386238326533656335633038343832353131
3664633738396630373464373265666538346163623434313462646536396563380a316461306333
6335386431396333653166376433323234353231646136666263
";
