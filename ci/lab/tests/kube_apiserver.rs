//! The API server helper, with real programs. It needs Go's build of Kubernetes once, no root and no lab.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{Api, DeleteParams, PostParams};
use slipway_lab::apiserver::{ApiServer, ApiServerOptions};

fn config_map(name: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([("key".to_owned(), "value".to_owned())])),
        ..ConfigMap::default()
    }
}

#[tokio::test]
async fn several_servers_run_at_once_and_know_nothing_of_each_other() {
    let (first, second) = tokio::join!(ApiServer::start(), ApiServer::start());
    let (first, second) = (first.unwrap(), second.unwrap());
    let one: Api<ConfigMap> = Api::default_namespaced(first.client().await.unwrap());
    let other: Api<ConfigMap> = Api::default_namespaced(second.client().await.unwrap());
    one.create(&PostParams::default(), &config_map("mine"))
        .await
        .unwrap();
    assert!(one.get_opt("mine").await.unwrap().is_some());
    assert!(other.get_opt("mine").await.unwrap().is_none());
}

#[tokio::test]
async fn nothing_of_a_dropped_server_is_left() {
    let server = ApiServer::start().await.unwrap();
    let folder = server.kubeconfig().parent().unwrap().to_owned();
    let needle = folder.display().to_string();
    assert_eq!(
        processes_that_mention(&needle).len(),
        4,
        "etcd and kube-apiserver, each with its guard"
    );
    drop(server);
    assert!(!folder.exists(), "{needle} is still there");
    assert_eq!(processes_that_mention(&needle), Vec::<String>::new());
}

#[tokio::test]
async fn the_controller_manager_collects_what_an_owner_leaves_behind() {
    let server = ApiServer::start_with(ApiServerOptions {
        controller_manager: true,
    })
    .await
    .unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(server.client().await.unwrap());
    let owner = maps
        .create(&PostParams::default(), &config_map("owner"))
        .await
        .unwrap();
    let mut dependent = config_map("owned");
    dependent.metadata.owner_references = Some(vec![OwnerReference {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        name: "owner".to_owned(),
        uid: owner.metadata.uid.unwrap(),
        ..OwnerReference::default()
    }]);
    maps.create(&PostParams::default(), &dependent).await.unwrap();
    maps.delete("owner", &DeleteParams::default()).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while maps.get_opt("owned").await.unwrap().is_some() {
        assert!(
            Instant::now() < deadline,
            "the garbage collector did not remove it"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Command lines of all processes on this host that hold a text.
fn processes_that_mention(needle: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(needle))
        .collect()
}
