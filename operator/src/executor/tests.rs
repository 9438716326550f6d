use std::collections::BTreeMap;

use serde_json::{Value, json};
use slipway_api::{ClusterDeploymentSpec, Machine, Operation, PlaybookRun, Taint, references::Endpoint};

use slipway_trust::{KeyPairPem, ServiceAccountKeyPem};

use super::*;

const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";

fn machine(name: &str, role: &str, user: &str) -> Machine {
    serde_json::from_value(json!({
        "apiVersion": "slipway.io/v1alpha1", "kind": "Machine",
        "metadata": {"name": name, "namespace": "fleet"},
        "spec": {
            "address": "192.0.2.7",
            "ssh": {"port": 2222, "user": user, "keySecretRef": {"name": "pool-key"}, "hostKeys": ["ssh-ed25519 AAAA"]},
            "claimRef": {"uid": "set-uid", "name": "shop-set", "clusterName": "shop", "role": role, "slot": 0, "epoch": 3},
            "claimEpoch": 3,
        },
    }))
    .unwrap()
}

fn run(operation: Operation) -> PlaybookRun {
    serde_json::from_value(json!({
        "apiVersion": "slipway.io/v1alpha1", "kind": "PlaybookRun",
        "metadata": {"name": "shop-run", "namespace": "fleet", "uid": "run-uid"},
        "spec": {"clusterRef": {"name": "shop"}, "operation": operation},
    }))
    .unwrap()
}

fn spec() -> ClusterDeploymentSpec {
    serde_json::from_value(json!({
        "kubernetesVersion": "v1.35.4",
        "machineSets": [{"name": "control-plane", "role": "ControlPlane", "replicas": 1}],
        "artifacts": {"filesURL": "http://mirror.example:8080", "imageRegistry": "mirror.example:5000"},
    }))
    .unwrap()
}

fn trust() -> ClusterTrust {
    let pair = |name: &str| KeyPairPem {
        cert: format!("{name} certificate"),
        key: format!("{name} PRIVATE"),
    };
    ClusterTrust {
        cluster_ca: pair("cluster"),
        etcd_ca: pair("etcd"),
        front_proxy_ca: pair("front-proxy"),
        service_account: ServiceAccountKeyPem {
            key: "service-account PRIVATE".to_owned(),
            public: "service-account public".to_owned(),
        },
    }
}

/// Builds an executor for one machine.
fn built(operation: Operation, machine: &Machine) -> Executor {
    let (run, spec, trust) = (run(operation), spec(), trust());
    let token = BootstrapToken::parse("abcdef.0123456789abcdef").unwrap();
    let endpoint = Endpoint {
        host: "192.0.2.7".to_owned(),
        port: 6443,
    };
    let labels = BTreeMap::from([("disk".to_owned(), "fast".to_owned())]);
    let taints: [Taint; 0] = [];
    let inputs = Inputs {
        run: &run,
        cluster: Some(ClusterInputs {
            name: "shop",
            uid: "cluster-uid",
            spec: &spec,
            endpoint: Some(&endpoint),
            trust: Some(&trust),
            bootstrap_token: Some(&token),
        }),
        hosts: vec![HostInputs {
            machine,
            epoch: 3,
            first_control_plane: true,
            labels: &labels,
            taints: &taints,
        }],
        ssh_keys: BTreeMap::from([("pool-key".to_owned(), KEY.to_owned())]),
        image: "registry.example/executor:1",
        resources: None,
    };
    build(&inputs).unwrap()
}

fn document(text: Option<&String>) -> Value {
    serde_yaml::from_str(text.unwrap()).unwrap()
}

fn secret_text<'a>(executor: &'a Executor, key: &str) -> &'a String {
    &executor.secret.string_data.as_ref().unwrap()[key]
}

#[test]
fn the_inventory_names_the_hosts_of_the_run_with_their_groups_and_fence() {
    let executor = built(Operation::Install, &machine("m1", "ControlPlane", "slipway"));
    let inventory = document(executor.config_map.data.as_ref().unwrap().get(HOSTS_KEY));
    assert_eq!(
        inventory["all"]["hosts"]["m1"],
        json!({
            "ansible_host": "192.0.2.7",
            "ansible_port": 2222,
            "ansible_user": "slipway",
            "ansible_ssh_private_key_file": "/etc/slipway/secret/ssh-pool-key",
            "ansible_become": true,
            "slipway_fence_owner": "cluster-uid",
            "slipway_fence_epoch": 3,
            "slipway_fence_run": "shop-run",
            "node_labels": {"disk": "fast"},
        })
    );
    let children = &inventory["all"]["children"];
    assert_eq!(children["kube_control_plane"]["hosts"], json!({"m1": {}}));
    assert_eq!(children["first_control_plane"]["hosts"], json!({"m1": {}}));
    assert_eq!(children["kube_worker"]["hosts"], json!({}));
    assert_eq!(
        secret_text(&executor, KNOWN_HOSTS_KEY),
        "[192.0.2.7]:2222 ssh-ed25519 AAAA\n"
    );
}

#[test]
fn a_machine_of_no_cluster_is_in_a_group_that_check_and_reset_play_on() {
    let mut idle = machine("host-7", "Worker", "root");
    idle.spec.claim_ref = None;
    let executor = built(Operation::Check, &idle);
    let inventory = document(executor.config_map.data.as_ref().unwrap().get(HOSTS_KEY));
    let workers = &inventory["all"]["children"]["kube_worker"]["hosts"];
    assert!(workers["host-7"].is_object(), "{inventory}");
}

#[test]
fn a_host_without_a_pinned_key_accepts_the_first_one_only_where_its_policy_says_so() {
    let mut first_use = machine("m1", "ControlPlane", "root");
    first_use.spec.ssh.host_keys.clear();
    first_use.spec.ssh.host_key_policy = slipway_api::machine::HostKeyPolicy::TrustOnFirstUse;
    let executor = built(Operation::Install, &first_use);
    let inventory = document(executor.config_map.data.as_ref().unwrap().get(HOSTS_KEY));
    let host = &inventory["all"]["hosts"]["m1"];
    assert_eq!(host["ansible_ssh_host_key_checking"], "accept-new");
    assert_eq!(host["ansible_become"], Value::Null, "root needs no sudo");
}

#[test]
fn nothing_secret_stands_outside_of_the_secret() {
    let executor = built(Operation::Install, &machine("m1", "ControlPlane", "slipway"));
    let open = serde_json::to_string(&(&executor.config_map, &executor.job)).unwrap();
    for secret in ["PRIVATE", "0123456789abcdef"] {
        assert!(!open.contains(secret), "{secret} in {open}");
    }
    assert!(secret_text(&executor, "ssh-pool-key").contains(KEY));
    assert!(
        !format!("{:?}", trust()).contains("PRIVATE"),
        "a debug print shows no key"
    );
}

#[test]
fn a_run_of_workers_gets_no_private_key_of_the_cluster() {
    let executor = built(Operation::ScaleOut, &machine("m2", "Worker", "slipway"));
    let secrets = document(Some(secret_text(&executor, SECRETS_KEY)));
    assert_eq!(
        secrets,
        json!({"cluster_ca": {"cert": "cluster certificate"}, "bootstrap_token": "abcdef.0123456789abcdef"})
    );
}

#[test]
fn a_reset_gets_no_secret_of_the_cluster_and_takes_the_agent_away() {
    let executor = built(Operation::Reset, &machine("m1", "ControlPlane", "slipway"));
    assert_eq!(document(Some(secret_text(&executor, SECRETS_KEY))), json!({}));
    let container = &executor
        .job
        .spec
        .as_ref()
        .unwrap()
        .template
        .spec
        .as_ref()
        .unwrap()
        .containers[0];
    let arguments = container.args.as_ref().unwrap();
    assert!(arguments.contains(&"--no-agent-cache".to_owned()));
    let playbooks = [
        "/usr/share/slipway/playbooks/reset.yml",
        "/usr/share/slipway/playbooks/check.yml",
    ];
    assert!(
        arguments.ends_with(&playbooks.map(str::to_owned)),
        "a reset is proven: {arguments:?}"
    );
    let variables = document(executor.config_map.data.as_ref().unwrap().get(VARIABLES_KEY));
    assert_eq!(variables["expect"], "clean");
}

#[test]
fn the_pod_is_restricted_and_holds_no_token() {
    let executor = built(Operation::Install, &machine("m1", "ControlPlane", "slipway"));
    let job = executor.job.spec.as_ref().unwrap();
    assert_eq!(job.pod_replacement_policy.as_deref(), Some("Failed"));
    let pod = job.template.spec.as_ref().unwrap();
    assert_eq!(pod.automount_service_account_token, Some(false));
    assert_eq!(pod.security_context.as_ref().unwrap().run_as_non_root, Some(true));
    let security = pod.containers[0].security_context.as_ref().unwrap();
    assert_eq!(security.read_only_root_filesystem, Some(true));
    assert_eq!(security.allow_privilege_escalation, Some(false));
    assert_eq!(
        security.capabilities.as_ref().unwrap().drop,
        Some(vec!["ALL".to_owned()])
    );
    for object in [executor.config_map.immutable, executor.secret.immutable] {
        assert_eq!(object, Some(true));
    }
}

#[test]
fn a_machine_whose_key_is_missing_is_named() {
    let (run, spec, machine) = (run(Operation::Reset), spec(), machine("m1", "Worker", "root"));
    let labels = BTreeMap::new();
    let inputs = Inputs {
        run: &run,
        cluster: Some(ClusterInputs {
            name: "shop",
            uid: "u",
            spec: &spec,
            endpoint: None,
            trust: None,
            bootstrap_token: None,
        }),
        hosts: vec![HostInputs {
            machine: &machine,
            epoch: 3,
            first_control_plane: false,
            labels: &labels,
            taints: &[],
        }],
        ssh_keys: BTreeMap::new(),
        image: "i",
        resources: None,
    };
    let error = build(&inputs).unwrap_err().to_string();
    assert!(error.contains("m1") && error.contains("pool-key"), "{error}");
}
