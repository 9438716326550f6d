//! What `vars_prompt` makes of answers that are to be encrypted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use regex::Regex;

/// What a playbook that prints the answer `v` says.
fn answer(prompt: &str, arguments: &[&str]) -> support::Played {
    let playbook = format!(
        "- hosts: localhost\n  gather_facts: false\n  vars_prompt:\n    - {{name: v, {prompt}}}\n  tasks:\n    - debug: {{msg: \"<{{{{ v }}}}>\"}}\n"
    );
    support::play(
        &playbook,
        &[&["-c", "local", "-i", "localhost,"], arguments].concat(),
    )
}

#[test]
fn an_answer_is_hashed_as_passlib_hashes_it() {
    // Answers of ansible-core 2.18.19 with passlib 1.7.4.
    for (prompt, hash) in [
        (
            "default: secret, encrypt: sha512_crypt, salt: saltsalt",
            "$6$rounds=656000$saltsalt$Vg7us3Hcq8rplCTNjwvGRwObM2xyfDZZ.XP2YLQ.ii85wAq/psu28uEfoMveNszsQWMgkWRxbZm2mBBlNn3.J0",
        ),
        (
            "default: \"12345\", encrypt: sha256_crypt, salt: \"01234567\"",
            "$5$rounds=535000$01234567$RpBkGPdIhwpHBozYEk91mG.JCvHIUv7tkCZXWoInPd7",
        ),
        (
            "default: secret, encrypt: md5_crypt, salt: abcd",
            "$1$abcd$Oy8OD9LGKv7H9yIMreLNV1",
        ),
        (
            "default: secret, encrypt: bcrypt, salt: \"1234567890123456789012\"",
            "$2b$12$123456789012345678901uO/yptqYYqXPYviqOvezm2C7cYzKwtUq",
        ),
        ("default: as it is, encrypt: null", "as it is"),
    ] {
        answer(prompt, &[]).assert(0, &[&format!("<{hash}>")]);
    }
}

#[test]
fn a_salt_is_drawn_where_none_is_given() {
    for (prompt, pattern) in [
        (
            "encrypt: sha256_crypt, default: secret",
            r"<\$5\$rounds=535000\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{43}>",
        ),
        (
            "encrypt: sha256_crypt, default: secret, salt_size: 4",
            r"<\$5\$rounds=535000\$[./0-9A-Za-z]{4}\$",
        ),
        (
            "encrypt: sha256_crypt, default: \"\", salt: \"\"",
            r"<\$5\$rounds=535000\$[./0-9A-Za-z]{16}\$",
        ),
    ] {
        let played = answer(prompt, &[]);
        assert!(
            Regex::new(pattern).unwrap().is_match(&played.stdout),
            "{pattern}\n{}",
            played.stdout
        );
    }
}

#[test]
fn what_the_command_line_gives_is_taken_as_it_is() {
    answer("encrypt: sha512_crypt", &["-e", "v=given"]).assert(0, &["<given>"]);
}

#[test]
fn what_cannot_be_encrypted_is_refused_with_its_place() {
    for (prompt, said) in [
        (
            "encrypt: sha512_crypt",
            "there is nobody to ask, and no default to encrypt",
        ),
        ("encrypt: rot13, default: x", "'rot13' is no way to encrypt"),
        (
            "encrypt: sha512_crypt, default: x, salt: a b",
            "invalid characters in salt",
        ),
        (
            "encrypt: sha512_crypt, default: x, salt_size: 40",
            "invalid salt size supplied (40), expected 16",
        ),
        (
            "encrypt: sha512_crypt, default: x, salt_size: few",
            "salt_size must be a number",
        ),
    ] {
        answer(prompt, &[]).assert(1, &[said, "site.yml:4"]);
    }
}

#[test]
fn the_person_at_the_terminal_is_asked_when_a_play_begins() {
    let playbook = "- hosts: \"{{ which }}\"
  gather_facts: false
  vars: {word: of the play}
  vars_prompt:
    - {name: which, prompt: Which host, private: false}
    - {name: secret, confirm: true}
    - {name: other, prompt: \"A word {{ word }}\", default: usual, private: false}
    - {name: template, private: false}
    - {name: plain, private: false, unsafe: true}
  tasks:
    - debug: {msg: \"{{ secret | length }} <{{ other }}> <{{ template }}> <{{ plain }}>\"}
- hosts: localhost
  gather_facts: false
  vars_prompt: [{name: late, private: false}]
  tasks:
    - debug: {msg: \"late {{ late }}\"}
";
    let answers = [
        ("Which host: ", "localhosst\u{7f}\u{7f}t\r"),
        ("secret: ", "hushed\r"),
        ("confirm secret: ", "hashed\r"),
        ("secret: ", "hushed\r"),
        ("confirm secret: ", "hushed\r"),
        ("A word of the play [usual]: ", "\r"),
        ("template: ", "{{ word }}\r"),
        ("plain: ", "{{ word }}\r"),
        ("late: ", "but there\r"),
    ];
    let shown = support::terminal::shown(playbook, &answers);
    for said in [
        "***** VALUES ENTERED DO NOT MATCH ****",
        "6 <usual> <of the play> <{{ word }}>",
        "late but there",
        "exit code 0 left 0",
    ] {
        assert!(shown.contains(said), "{said:?}: {shown}");
    }
    assert!(!shown.contains("hushed") && !shown.contains("hashed"), "{shown}");
}

#[test]
fn a_question_can_be_answered_by_ending_the_run() {
    let playbook = "- hosts: localhost
  gather_facts: false
  vars_prompt: [{name: v}]
  tasks:
    - debug: {msg: never}
";
    let shown = support::terminal::shown(playbook, &[("v: ", "a\u{3}")]);
    assert!(shown.contains("exit code 130 left 0"), "{shown}");
    assert!(!shown.contains("never"), "{shown}");
}
