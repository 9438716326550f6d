//! `/livez`, `/readyz` and `/metrics`, on an API server that does not know the kinds at first.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::time::{Duration, Instant};

use clap::Parser;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, api::PostParams};
use slipway_api::manifest;
use slipway_lab::apiserver::ApiServer;
use slipway_operator::runtime::{self, args::Arguments, shutdown};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// The status code and the body that `path` answers.
async fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let status = answer.split_whitespace().nth(1)?.parse().ok()?;
    let body = answer.split_once("\r\n\r\n")?.1.to_owned();
    Some((status, body))
}

/// Waits until `path` answers with `status`; returns the body.
async fn wait_for(port: u16, path: &str, status: u16) -> String {
    let started = Instant::now();
    loop {
        let answer = get(port, path).await;
        if let Some((code, body)) = &answer
            && *code == status
        {
            return body.clone();
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{path}: {answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_is_alive_at_once_and_ready_when_every_kind_is_defined_and_listed() {
    let server = ApiServer::start().await.unwrap();
    let client = server.client().await.unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("--admin-address=127.0.0.1:{port}");
    let arguments = [
        "slipway-operator",
        &address,
        "--identity=one",
        "--lease-namespace=default",
    ];
    let arguments = Arguments::try_parse_from(arguments).unwrap();
    let (handle, shutdown) = shutdown::channel();
    let operator = tokio::spawn(runtime::run(client.clone(), arguments, shutdown));

    wait_for(port, "/livez", 200).await;
    let missing = wait_for(port, "/readyz", 503).await;
    assert!(
        missing.contains("Machine") && missing.contains("PlaybookRun"),
        "{missing}"
    );

    let definitions: Api<CustomResourceDefinition> = Api::all(client);
    for definition in manifest::custom_resource_definitions() {
        definitions
            .create(&PostParams::default(), &definition)
            .await
            .unwrap();
    }
    wait_for(port, "/readyz", 200).await;
    let started = Instant::now();
    loop {
        let metrics = wait_for(port, "/metrics", 200).await;
        if metrics.contains("slipway_operator_leader 1") {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{metrics}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    handle.request();
    operator.await.unwrap().unwrap();
}
