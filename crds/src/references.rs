//! References from one object to another in the same namespace, and network endpoints.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names an object in the same namespace.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq, Hash)]
#[serde(rename_all = "camelCase")]
pub struct NameReference {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

impl NameReference {
    /// A reference to the object called `name`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}

/// Names one particular object in the same namespace: another object that later takes the same name has another uid.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq, Hash)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Uid of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub uid: Option<String>,
}

/// Where an API server is reached.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq, Hash)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// DNS name or IP address.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// TCP port.
    #[serde(default = "Endpoint::default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
}

impl Endpoint {
    /// The port of a Kubernetes API server where nothing else is asked for.
    pub const DEFAULT_PORT: i32 = 6443;

    fn default_port() -> i32 {
        Self::DEFAULT_PORT
    }

    /// The endpoint as `host:port`, an IPv6 address in brackets.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// The endpoint as an URL, as a kubeconfig holds it.
impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "https://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_endpoint_is_written_in_brackets() {
        let endpoint = Endpoint {
            host: "fd00::1".into(),
            port: 6443,
        };
        assert_eq!(endpoint.to_string(), "https://[fd00::1]:6443");
    }

    #[test]
    fn an_endpoint_without_a_port_has_the_api_servers_own() {
        let endpoint: Endpoint = serde_json::from_str(r#"{"host": "api.example"}"#).unwrap();
        assert_eq!(endpoint.to_string(), "https://api.example:6443");
    }
}
