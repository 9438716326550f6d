//! A real kube-apiserver with its etcd on loopback, in seconds, for tests. It needs neither root nor the rest of the lab.
//!
//! Several may run at once. Everything of one ends when its [`ApiServer`] is dropped, and also when the test's process
//! is killed. Rights are checked by RBAC as in any cluster; the client that it hands out may do everything. The
//! `ServiceAccount` admission is off, as nothing makes service accounts where no controller manager runs.

mod guarded;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use axum::http::Request;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tempfile::TempDir;

use self::guarded::Guarded;
use crate::error::{Error, Result};
use crate::{sources, state};

const START_LIMIT: Duration = Duration::from_mins(1);
/// A port that was free a moment ago may be taken by somebody else: then all is started again with others.
const ATTEMPTS: usize = 3;
/// Controllers that tests of an operator lean on; none of them needs nodes.
const CONTROLLERS: &str = "garbage-collector-controller,job-controller,namespace-controller,\
                           serviceaccount-controller,ttl-after-finished-controller";

/// What runs beside the API server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApiServerOptions {
    /// Also a kube-controller-manager: garbage collection, Jobs (their Pods stay pending: there are no nodes), namespaces,
    /// service accounts.
    pub controller_manager: bool,
}

/// A running API server. Dropping it ends it and removes its data.
#[derive(Debug)]
pub struct ApiServer {
    // Fields are dropped in this order: clients of etcd before etcd, the folder last.
    controller_manager: Option<Guarded>,
    kube_apiserver: Guarded,
    etcd: Guarded,
    kubeconfig: Kubeconfig,
    url: String,
    folder: TempDir,
}

impl ApiServer {
    /// Starts one and waits until it is ready.
    pub async fn start() -> Result<Self> {
        Self::start_with(ApiServerOptions::default()).await
    }

    /// Starts one with what is asked for beside it, and waits until it is ready.
    pub async fn start_with(options: ApiServerOptions) -> Result<Self> {
        let programs = match std::env::var_os("SLIPWAY_KUBERNETES_BIN") {
            Some(folder) => PathBuf::from(folder),
            None => sources::programs("kubernetes-1.35").await?,
        };
        for _ in 1..ATTEMPTS {
            match Self::attempt(&programs, options).await {
                Err(Error::Timeout { reason, .. }) if reason.contains("address already in use") => {}
                other => return other,
            }
        }
        Self::attempt(&programs, options).await
    }

    /// A client that may do everything.
    pub async fn client(&self) -> Result<kube::Client> {
        kube::Client::try_from(self.config().await?).map_err(|error| kubernetes("make a client", error))
    }

    /// The configuration of that client, for tests that change it (user, namespace, time-outs).
    pub async fn config(&self) -> Result<kube::Config> {
        let options = KubeConfigOptions::default();
        kube::Config::from_custom_kubeconfig(self.kubeconfig.clone(), &options)
            .await
            .map_err(|error| kubernetes("read the API server's kubeconfig", error))
    }

    /// A kubeconfig file with the same rights, for `kubectl` and other programs. It is removed with the server.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Its address, `https://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends its etcd for good: what it then answers, tests of its clients want to see.
    pub fn end_etcd(&mut self) {
        self.etcd.end();
    }

    /// The ends of the programs' logs, for messages of failed tests.
    pub fn logs(&self) -> String {
        let programs = [
            Some(&self.kube_apiserver),
            Some(&self.etcd),
            self.controller_manager.as_ref(),
        ];
        let logs = programs
            .into_iter()
            .flatten()
            .map(|program| format!("{}:\n{}\n", program.name(), program.log()));
        logs.collect()
    }

    async fn attempt(programs: &Path, options: ApiServerOptions) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("slipway-apiserver-")
            .tempdir()
            .map_err(|source| Error::File {
                action: "make a folder in",
                path: std::env::temp_dir(),
                source,
            })?;
        let ports = free_ports::<3>()?;
        let files = Files::write(folder.path())?;
        let etcd = start_etcd(programs, folder.path(), ports[0], ports[1])?;
        let kube_apiserver = start_api_server(programs, folder.path(), &files, ports[0], ports[2])?;
        let url = format!("https://127.0.0.1:{}", ports[2]);
        let certificate = folder.path().join("certificates/apiserver.crt");
        let mut server = Self {
            controller_manager: None,
            kube_apiserver,
            etcd,
            kubeconfig: Kubeconfig::default(),
            url,
            folder,
        };
        let deadline = Instant::now() + START_LIMIT;
        while !certificate.exists() {
            server.pause(deadline, "it has made no certificate").await?;
        }
        server.write_kubeconfig(&certificate, &files.token)?;
        while let Err(error) = server.ready().await {
            server.pause(deadline, &error.to_string()).await?;
        }
        if options.controller_manager {
            server.controller_manager =
                Some(startcontroller_manager(programs, server.folder.path(), &files)?);
        }
        Ok(server)
    }

    async fn ready(&self) -> Result<()> {
        let request = http_get("/readyz")?;
        let answer = self.client().await?.request_text(request).await;
        answer
            .map(drop)
            .map_err(|error| kubernetes("ask the API server whether it is ready", error))
    }

    /// Waits a moment before the next look, or says why there is no sense in waiting.
    async fn pause(&self, deadline: Instant, reason: &str) -> Result<()> {
        for process in [&self.etcd, &self.kube_apiserver] {
            if !process.runs() || Instant::now() > deadline {
                return Err(Error::Timeout {
                    what: format!("{} for a test", process.name()),
                    seconds: START_LIMIT.as_secs(),
                    reason: format!("{reason}; its log ends with:\n{}", process.log()),
                });
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(())
    }

    fn write_kubeconfig(&mut self, certificate: &Path, token: &str) -> Result<()> {
        let value = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": self.url, "certificate-authority": certificate}}],
            "users": [{"name": "admin", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin", "namespace": "default"}}],
        });
        let file = self.kubeconfig();
        state::write_secret(&file, value.to_string())?;
        self.kubeconfig = serde_json::from_value(value).map_err(|error| Error::State {
            path: file,
            reason: error.to_string(),
        })?;
        Ok(())
    }
}

/// Secrets that the programs read from files, as command lines are for everybody to see.
struct Files {
    tokens: PathBuf,
    token: String,
    service_account_key: PathBuf,
    service_account_public: PathBuf,
}

impl Files {
    fn write(folder: &Path) -> Result<Self> {
        let trust = slipway_trust::ClusterTrust::generate();
        let trust = trust.map_err(|error| kubernetes("make the keys of service accounts", error))?;
        let token = slipway_trust::bootstrap_token();
        let token = token
            .map_err(|error| kubernetes("make the administrator's token", error))?
            .reveal();
        let files = Self {
            tokens: folder.join("tokens.csv"),
            token,
            service_account_key: folder.join("service-account.key"),
            service_account_public: folder.join("service-account.pub"),
        };
        state::write_secret(
            &files.tokens,
            format!("{},admin,admin,system:masters\n", files.token),
        )?;
        state::write_secret(&files.service_account_key, &trust.service_account.key)?;
        state::write(&files.service_account_public, &trust.service_account.public)?;
        Ok(files)
    }
}

fn start_etcd(programs: &Path, folder: &Path, client: u16, peer: u16) -> Result<Guarded> {
    let (client, peer) = (
        format!("http://127.0.0.1:{client}"),
        format!("http://127.0.0.1:{peer}"),
    );
    let arguments = [
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    Guarded::start(&programs.join("etcd"), &arguments, folder)
}

fn start_api_server(programs: &Path, folder: &Path, files: &Files, etcd: u16, port: u16) -> Result<Guarded> {
    let arguments = [
        format!("--etcd-servers=http://127.0.0.1:{etcd}"),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--cert-dir={}", folder.join("certificates").display()),
        format!("--token-auth-file={}", files.tokens.display()),
        "--authorization-mode=RBAC".to_owned(),
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        // Some distributions have it on: it asks for rights that are easily forgotten.
        "--enable-admission-plugins=OwnerReferencesPermissionEnforcement".to_owned(),
        "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!(
            "--service-account-key-file={}",
            files.service_account_public.display()
        ),
        format!(
            "--service-account-signing-key-file={}",
            files.service_account_key.display()
        ),
    ];
    Guarded::start(&programs.join("kube-apiserver"), &arguments, folder)
}

fn startcontroller_manager(programs: &Path, folder: &Path, files: &Files) -> Result<Guarded> {
    let arguments = [
        format!("--kubeconfig={}", folder.join("kubeconfig").display()),
        format!("--controllers={CONTROLLERS}"),
        format!(
            "--service-account-private-key-file={}",
            files.service_account_key.display()
        ),
        "--leader-elect=false".to_owned(),
        "--secure-port=0".to_owned(),
    ];
    Guarded::start(&programs.join("kube-controller-manager"), &arguments, folder)
}

/// Ports of loopback that nobody listens on; held together while they are chosen, so that no two are alike.
fn free_ports<const COUNT: usize>() -> Result<[u16; COUNT]> {
    let describe = |source| Error::Start {
        program: "kube-apiserver".to_owned(),
        source,
        hint: "loopback has no free port",
    };
    let mut ports = [0; COUNT];
    let mut held = Vec::with_capacity(COUNT);
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(describe)?;
        *port = listener.local_addr().map_err(describe)?.port();
        held.push(listener);
    }
    Ok(ports)
}

fn http_get(path: &str) -> Result<Request<Vec<u8>>> {
    Request::get(path)
        .body(Vec::new())
        .map_err(|error| kubernetes("make a request", error))
}

fn kubernetes(action: &'static str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Kubernetes {
        action,
        source: error.into(),
    }
}
