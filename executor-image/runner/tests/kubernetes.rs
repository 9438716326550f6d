//! `kubernetes.core.k8s` and `k8s_info` against a real API server: what they do and say, and that real Ansible says the same.
//!
//! The comparison needs an `ansible-playbook` whose Python has the package `kubernetes`: `SLIPWAY_KUBERNETES_ANSIBLE`.

#![cfg(feature = "kubernetes")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use regex::Regex;
use slipway_lab::apiserver::ApiServer;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubernetes")
}

async fn play(
    program: Command,
    playbook: &str,
    server: &ApiServer,
    namespace: &str,
) -> (String, Option<i32>) {
    let kubeconfig = server.kubeconfig();
    let mut program = tokio::process::Command::from(program);
    let output = program
        .current_dir(fixtures())
        .args(["-i", "localhost,", playbook, "-e"])
        .arg(format!("ns={namespace} kubeconfig={}", kubeconfig.display()))
        .args(["-e", &format!("server={}", server.url())])
        .env("ANSIBLE_NOCOLOR", "1")
        .env_remove("ANSIBLE_INVENTORY")
        .env_remove("KUBECONFIG")
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).replace(namespace, "NAMESPACE");
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        eprintln!("{errors}");
    }
    (said, output.status.code())
}

/// What depends on the moment, and on how much of the network's errors is told.
fn normal(text: &str) -> String {
    // Newer versions of the Python package show an answer as Python writes bytes.
    let bytes = Regex::new(r"b'(\{.*?\}(?:\\\\n)?)'").unwrap();
    let text = bytes.replace_all(text, |found: &regex::Captures<'_>| {
        let escaped = found[1].replace(r"\\\\", "\0");
        let escaped = escaped.replace(r"\\'", "'").replace(r"\\n", r"\n");
        escaped.replace('\0', r"\\")
    });
    let mut text = text.into_owned();
    for (pattern, replacement) in [
        (
            r#""(uid|resourceVersion|creationTimestamp|clusterIP|time|manager)": "[^"]*""#,
            r#""$1": """#,
        ),
        (r#""duration": \d+"#, r#""duration": N"#),
        (r"(?m)^fatal: .*$", "fatal"),
        (r"(?m)^An exception occurred during task execution.*\n", ""),
        (r"(?ms)^--- before.*?^(changed: )", "$1"),
        (r"'(clusterIP|nodePort)': '?[\d.]+'?", "'$1'"),
        (r"\d+\.\d+\.\d+\.\d+", "ADDRESS"),
    ] {
        text = Regex::new(pattern)
            .unwrap()
            .replace_all(&text, replacement)
            .into_owned();
    }
    text
}

#[tokio::test]
async fn objects_are_made_changed_read_and_deleted() {
    let server = ApiServer::start().await.unwrap();
    let (said, code) = play(support::runner(), "site.yml", &server, "ours").await;
    assert_eq!(code, Some(0), "{said}");
    for expected in [
        "namespace: changed True, failed False, create",
        "check: changed True, failed False, create",
        "not there: changed False",
        "made: changed True, failed False, create",
        "again: changed False, failed False, update",
        "changed in check mode: changed True, failed False, update",
        "changed: changed True, failed False, update",
        "replaced: changed True, failed False, replace",
        "['from-file', 'from-list', 'from-template-one', 'from-template-two'] True",
        "['from-file'] True",
        "[] False",
        "thing changed: changed True, failed False, update",
        "Timed out waiting on resource",
        "refused: changed False, failed True",
        "deleted again: changed False, failed False, delete",
        "mapping: changed False",
    ] {
        assert!(said.contains(expected), "{expected:?} was not said:\n{said}");
    }
    let (whole, whole_code) = play(support::runner(), "results.yml", &server, "ours").await;
    assert_eq!(whole_code, Some(0), "{whole}");
    let Some(ansible) = std::env::var_os("SLIPWAY_KUBERNETES_ANSIBLE") else {
        eprintln!(
            "not compared with real Ansible: SLIPWAY_KUBERNETES_ANSIBLE names no ansible-playbook with the Python package kubernetes"
        );
        return;
    };
    for (playbook, said) in [("site.yml", said), ("results.yml", whole)] {
        // Its modules are to run under its own Python, which has the package.
        let python = Path::new(&ansible).with_file_name("python");
        let mut ansible = Command::new(&ansible);
        ansible.args(["-e", &format!("ansible_python_interpreter={}", python.display())]);
        let (theirs, their_code) = play(ansible, playbook, &server, "theirs").await;
        assert_eq!(their_code, code, "{theirs}");
        let (theirs, ours) = (normal(&theirs), normal(&said));
        let diff = similar::TextDiff::from_lines(&theirs, &ours);
        assert!(
            theirs == ours,
            "{playbook}\n{}",
            diff.unified_diff().header("ansible", "ours")
        );
    }
}
