//! The Helm chart: it is well made, holds the definitions that the types make, and grants the rights that the operator
//! needs and no others.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use k8s_openapi::api::{
    core::v1::{Namespace, Secret},
    events::v1::Event,
    rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use serde::{Deserialize as _, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use slipway_api::{ClusterDeployment, MachinePhase, Operation, PlaybookRun, RunPhase, manifest};
use support::{
    World,
    kubelet::{Kubelet, Play},
};

fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("chart")
}

fn helm(arguments: &[&str]) -> String {
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/kubernetes/build");
    let path = Command::new(&build).args(["path", "helm"]).output().unwrap();
    let mut folder = String::from_utf8(path.stdout).unwrap();
    if !path.status.success() {
        assert!(
            Command::new(&build).arg("helm").status().unwrap().success(),
            "build helm"
        );
        folder = String::from_utf8(
            Command::new(&build)
                .args(["path", "helm"])
                .output()
                .unwrap()
                .stdout,
        )
        .unwrap();
    }
    let output = Command::new(Path::new(folder.trim()).join("helm"))
        .args(arguments)
        .arg(chart())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "helm {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The objects that the chart renders.
fn rendered(namespace: &str, settings: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["template", "slipway", "--namespace", namespace];
    for setting in settings {
        arguments.extend(["--set", setting]);
    }
    let text = helm(&arguments);
    let documents = serde_yaml::Deserializer::from_str(&text);
    documents
        .map(|document| Value::deserialize(document).unwrap())
        .filter(|value| !value.is_null())
        .collect()
}

fn find<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    objects
        .iter()
        .find(|object| object["kind"] == kind)
        .unwrap_or_else(|| panic!("there is no {kind}"))
}

#[test]
fn the_chart_passes_helms_own_judgement() {
    helm(&["lint", "--strict"]);
}

#[test]
fn the_definitions_in_the_chart_are_what_the_types_make() {
    for (name, text) in manifest::files().unwrap() {
        let folder = if name == "admission-policy.yaml" {
            "files"
        } else {
            "crds"
        };
        let path = chart().join(folder).join(&name);
        assert!(
            std::fs::read_to_string(&path).unwrap_or_default() == text,
            "{} is not what the types make; copy crds/yaml/{name} there",
            path.display()
        );
    }
}

#[test]
fn the_operator_runs_with_the_least_that_a_container_can_have() {
    let objects = rendered("slipway-system", &[]);
    let deployment = find(&objects, "Deployment");
    assert_eq!(deployment["spec"]["replicas"], 1);
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let container = &pod["containers"][0];
    let expected = json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
    });
    assert_eq!(container["securityContext"], expected);
    assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/livez");
    assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");
}

#[test]
fn no_right_is_for_everything() {
    for object in rendered("slipway-system", &[]) {
        for rule in object["rules"].as_array().into_iter().flatten() {
            assert!(!rule.to_string().contains('*'), "{rule}");
        }
    }
}

#[test]
fn an_operator_of_one_namespace_has_rights_in_that_namespace_only() {
    let objects = rendered("slipway-system", &["watchNamespace=fleet"]);
    for kind in ["ClusterRole", "ClusterRoleBinding"] {
        assert!(!objects.iter().any(|object| object["kind"] == kind), "{kind}");
    }
    assert_eq!(find(&objects, "Role")["metadata"]["namespace"], "fleet");
    let container = &find(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    assert!(
        container["env"]
            .to_string()
            .contains(r#"{"name":"SLIPWAY_NAMESPACE","value":"fleet"}"#)
    );
}

async fn apply<K>(client: &Client, object: &Value, namespace: Option<&str>)
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
    K::Scope: Scoped<K>,
{
    let object: K = serde_json::from_value(object.clone()).unwrap();
    let api = K::Scope::api(client, namespace);
    api.patch(
        &object.name_any(),
        &PatchParams::apply("helm").force(),
        &Patch::Apply(&object),
    )
    .await
    .unwrap();
}

/// How the API of a kind is reached: in a namespace, or over all.
trait Scoped<K> {
    fn api(client: &Client, namespace: Option<&str>) -> Api<K>;
}

impl<K: Resource<Scope = Self, DynamicType = ()>> Scoped<K> for kube::core::NamespaceResourceScope {
    fn api(client: &Client, namespace: Option<&str>) -> Api<K> {
        Api::namespaced(client.clone(), namespace.unwrap())
    }
}

impl<K: Resource<Scope = Self, DynamicType = ()>> Scoped<K> for kube::core::ClusterResourceScope {
    fn api(client: &Client, _: Option<&str>) -> Api<K> {
        Api::all(client.clone())
    }
}

/// Writes the chart's rights and returns a client that acts as the chart's service account.
async fn operator_client(world: &World, release: &str, settings: &[&str]) -> Client {
    let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": release}})).unwrap();
    let _ = Api::<Namespace>::all(world.client.clone())
        .create(&PostParams::default(), &namespace)
        .await;
    for object in rendered(release, settings) {
        let namespace = object["metadata"]["namespace"].as_str();
        match object["kind"].as_str().unwrap() {
            "ClusterRole" => apply::<ClusterRole>(&world.client, &object, None).await,
            "ClusterRoleBinding" => apply::<ClusterRoleBinding>(&world.client, &object, None).await,
            "Role" => apply::<Role>(&world.client, &object, namespace).await,
            "RoleBinding" => apply::<RoleBinding>(&world.client, &object, namespace).await,
            _ => {}
        }
    }
    let mut config = world.config().await;
    config.auth_info.impersonate = Some(format!("system:serviceaccount:{release}:slipway-operator"));
    config.auth_info.impersonate_groups = Some(vec![
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{release}"),
        "system:authenticated".to_owned(),
    ]);
    Client::try_from(config).unwrap()
}

/// What `/metrics` shows.
async fn metrics(port: u16) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// Waits for a run.
async fn run(world: &World, operation: Operation, phase: RunPhase) {
    world
        .eventually(&format!("{operation} {phase}"), || async {
            let runs = world.list::<PlaybookRun>().await;
            runs.iter()
                .any(|run| run.spec.operation == operation && run.phase() == phase)
                .then_some(())
        })
        .await;
}

/// A cluster is built, grows, shrinks, fails, is cancelled and deleted: all that the operator ever does.
async fn a_whole_life(world: &Arc<World>, release: &str, settings: &[&str]) {
    let kubelet = Kubelet::start(world);
    world
        .create::<Secret>(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ssh"},
            "type": "kubernetes.io/ssh-auth", "stringData": {"ssh-privatekey": "a key"},
        }))
        .await;
    let client = operator_client(world, release, settings).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let arguments = [
        format!("--controllers={}", slipway_operator::controllers::NAMES.join(",")),
        "--lease-seconds=15".to_owned(),
        format!("--admin-address=127.0.0.1:{port}"),
        format!("--lease-namespace={release}"),
    ];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let operator = world.operator_as(client, "limited", &arguments);
    world.machines(&["m1", "m2", "m3"]).await;
    world
        .create::<Secret>(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {
                "name": "shop-kubeconfig",
                "labels": {"slipway.io/cluster": "shop", "app.kubernetes.io/managed-by": "slipway"},
            },
            "stringData": {"value": world.kubeconfig()},
        }))
        .await;
    let mut cluster = support::cluster("shop", 1);
    cluster["spec"]["strategy"] = json!({"retry": {"backoffSeconds": 1}});
    cluster["spec"]["addons"] = json!([{"name": "notes", "configMapRef": {"name": "notes"}}]);
    kubelet.play(Operation::Install, Play::Fails("no"));
    world.create::<ClusterDeployment>(cluster).await;
    world.phase(MachinePhase::Failed, 2).await;
    kubelet.play(Operation::Install, Play::Succeeds);
    run(world, Operation::Install, RunPhase::Succeeded).await;
    let workers =
        |count: i32| json!({"spec": {"machineSets": support::cluster("shop", count)["spec"]["machineSets"]}});
    kubelet.play(Operation::ScaleOut, Play::Hangs);
    world.merge::<ClusterDeployment>("shop", workers(2)).await;
    run(world, Operation::ScaleOut, RunPhase::Running).await;
    world.merge::<ClusterDeployment>("shop", workers(1)).await;
    world.delete::<ClusterDeployment>("shop").await;
    world.phase(MachinePhase::Idle, 3).await;
    world
        .eventually("the cluster is gone", || async {
            let found = world.api::<ClusterDeployment>().get_opt("shop").await.unwrap();
            found.is_none().then_some(())
        })
        .await;
    let metrics = metrics(port).await;
    let refused: Vec<&str> = metrics
        .lines()
        .filter(|line| line.contains("reconcile_failures") && line.contains("forbidden"))
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
    assert!(metrics.contains("slipway_operator_leader 1"), "{metrics}");
    assert!(!world.list::<Event>().await.is_empty(), "it may write Events");
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rights_of_the_chart_are_enough_for_a_whole_life() {
    let world = Arc::new(World::with_jobs().await);
    a_whole_life(&world, "slipway-system", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rights_in_one_namespace_are_enough_for_a_whole_life_there_and_reach_no_further() {
    let world = Arc::new(World::with_jobs().await);
    let setting = format!("watchNamespace={}", world.namespace);
    a_whole_life(&world, "slipway-one", &[&setting]).await;
    let client = operator_client(&world, "slipway-one", &[&setting]).await;
    let elsewhere = Api::<Secret>::namespaced(client, "default")
        .list(&ListParams::default())
        .await;
    assert!(matches!(elsewhere, Err(kube::Error::Api(status)) if status.code == 403));
}
