//! How the cluster of a task is reached: its arguments, the variables `K8S_AUTH_…`, a kubeconfig, or the Pod that this runs in.

use std::path::PathBuf;

use http::Uri;
use indexmap::IndexMap;
use kube::{
    Client, Config,
    config::{AuthInfo, KubeConfigOptions, Kubeconfig},
};
use serde_json::Value;

use super::super::{Arguments, boolean, text};

/// Arguments with the names that the variables of the environment know besides.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("validate_certs", "verify_ssl"),
    ("ca_cert", "ssl_ca_cert"),
    ("client_cert", "cert_file"),
    ("client_key", "key_file"),
];

/// What a task says of its cluster.
struct Options<'a> {
    arguments: &'a Arguments,
    environment: &'a IndexMap<String, String>,
}

impl Options<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        let own = self.environment.get(name).cloned();
        own.or_else(|| std::env::var(name).ok())
            .filter(|value| !value.is_empty())
    }

    /// An argument, under either of its names, or the variable of its name.
    fn text(&self, name: &str) -> Option<String> {
        let other = OTHER_NAMES.iter().find(|(own, _)| *own == name);
        let names: Vec<&str> = std::iter::once(name)
            .chain(other.map(|(_, other)| *other))
            .collect();
        let given = names.iter().find_map(|name| text(self.arguments, name));
        given
            .or_else(|| {
                names
                    .iter()
                    .find_map(|name| self.variable(&format!("K8S_AUTH_{}", name.to_uppercase())))
            })
            .filter(|value| !value.is_empty())
    }

    /// Whether certificates are checked, if anything is said of it.
    fn validates(&self) -> Option<bool> {
        let given = ["validate_certs", "verify_ssl"]
            .iter()
            .find_map(|name| boolean(self.arguments, name));
        given.or_else(|| {
            let set = self.text("validate_certs")?;
            Some(!["0", "false", "no"].contains(&set.to_lowercase().as_str()))
        })
    }

    /// The kubeconfig: given as a mapping, by paths, or the usual one.
    fn kubeconfig(&self) -> Result<Kubeconfig, String> {
        if let Some(Value::Object(given)) = self.arguments.get("kubeconfig") {
            return serde_json::from_value(Value::Object(given.clone()))
                .map_err(|_| "the mapping in kubeconfig is not a kubeconfig".to_owned());
        }
        let paths = self
            .text("kubeconfig")
            .or_else(|| self.variable("KUBECONFIG"))
            .unwrap_or_else(|| "~/.kube/config".to_owned());
        let home = self.variable("HOME").unwrap_or_default();
        let mut all: Option<Kubeconfig> = None;
        for path in paths.split(':').filter(|path| !path.is_empty()) {
            let file = match path.strip_prefix("~/") {
                Some(rest) => PathBuf::from(&home).join(rest),
                None => PathBuf::from(path),
            };
            if !file.is_file() {
                continue;
            }
            // The error of a file that is not a kubeconfig would quote what stands in it.
            let next = Kubeconfig::read_from(&file).map_err(|_| format!("{path} is not a kubeconfig"))?;
            all = Some(match all {
                None => next,
                Some(before) => before
                    .merge(next)
                    .map_err(|error| format!("the kubeconfig {path} cannot be added: {error}"))?,
            });
        }
        all.ok_or_else(|| {
            format!(
                "Could not create API client: Invalid kube-config file. No configuration found. ({paths})"
            )
        })
    }

    async fn of_kubeconfig(&self) -> Result<Config, String> {
        let options = KubeConfigOptions {
            context: self.text("context"),
            ..KubeConfigOptions::default()
        };
        Config::from_custom_kubeconfig(self.kubeconfig()?, &options)
            .await
            .map_err(|error| format!("Could not create API client: {error}"))
    }

    async fn config(&self) -> Result<Config, String> {
        let host = self
            .text("host")
            .map(|host| host.trim_end_matches('/').to_owned());
        let has = |name: &str| self.text(name).is_some();
        let has_identity = has("api_key")
            || (has("username") && has("password"))
            || (has("client_cert") && has("client_key"));
        let names_cluster = has("kubeconfig") || has("context") || self.arguments.contains_key("kubeconfig");
        let uri = host.as_deref().map(address).transpose()?;
        let mut config = match &uri {
            Some(uri) if has_identity => Config::new(uri.clone()),
            _ if names_cluster => self.of_kubeconfig().await?,
            _ => match Config::incluster() {
                Ok(config) => config,
                Err(_) => self.of_kubeconfig().await?,
            },
        };
        if let Some(uri) = uri {
            config.cluster_url = uri;
        }
        if let Some(validates) = self.validates() {
            config.accept_invalid_certs = !validates;
        }
        if let Some(path) = self.text("ca_cert") {
            config.root_cert = None;
            config.root_cert_file = Some(PathBuf::from(path));
        }
        if let Some(proxy) = self.text("proxy") {
            config.proxy_url = Some(address(&proxy)?);
        }
        self.identity(&mut config.auth_info);
        // Answers such as "too many requests" are told, not slept over.
        config.default_retry = false;
        Ok(config)
    }

    /// Who the task is to the cluster.
    fn identity(&self, identity: &mut AuthInfo) {
        if let Some(token) = self.text("api_key") {
            identity.token = Some(token.into());
            identity.token_file = None;
        }
        if let (Some(name), Some(password)) = (self.text("username"), self.text("password")) {
            identity.username = Some(name);
            identity.password = Some(password.into());
        }
        if let (Some(certificate), Some(key)) = (self.text("client_cert"), self.text("client_key")) {
            identity.client_certificate = Some(certificate);
            identity.client_certificate_data = None;
            identity.client_key = Some(key);
            identity.client_key_data = None;
        }
        if let Some(user) = self.text("impersonate_user") {
            identity.impersonate = Some(user);
        }
        let groups = match self.arguments.get("impersonate_groups") {
            Some(Value::Array(groups)) => groups
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            _ => self
                .text("impersonate_groups")
                .map(|groups| groups.split(',').map(str::to_owned).collect::<Vec<String>>())
                .unwrap_or_default(),
        };
        if !groups.is_empty() {
            identity.impersonate_groups = Some(groups);
        }
    }
}

fn address(text: &str) -> Result<Uri, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not the address of a server"))
}

/// A client for the cluster that the arguments of a task name.
///
/// # Errors
/// When they name none that can be used.
pub async fn connect(
    arguments: &Arguments,
    environment: &IndexMap<String, String>,
) -> Result<Client, String> {
    let options = Options {
        arguments,
        environment,
    };
    let config = options.config().await?;
    Client::try_from(config).map_err(|error| format!("Could not create API client: {error}"))
}
