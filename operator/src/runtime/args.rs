//! The command line. Every flag has an environment variable of the same meaning.

use std::{net::SocketAddr, time::Duration};

use clap::Parser;

use super::telemetry::LogFormat;
use crate::controllers;

/// Builds and keeps Kubernetes clusters on machines.
#[derive(Parser, Clone, Debug)]
#[command(version, about)]
pub struct Arguments {
    /// Controllers to run.
    #[arg(
        long,
        env = "SLIPWAY_CONTROLLERS",
        value_delimiter = ',',
        default_values = controllers::NAMES.iter().copied(),
        value_parser = clap::builder::PossibleValuesParser::new(controllers::NAMES.iter().copied()),
    )]
    pub controllers: Vec<String>,

    /// The only namespace to work in; without it, every namespace.
    #[arg(long, env = "SLIPWAY_NAMESPACE")]
    pub namespace: Option<String>,

    /// Image of the executor, for clusters that do not name one in `spec.executor.image`.
    #[arg(
        long,
        env = "SLIPWAY_EXECUTOR_IMAGE",
        default_value = "ghcr.io/slipway/executor:latest"
    )]
    pub executor_image: String,

    /// Most objects that one controller works on at the same time.
    #[arg(long, env = "SLIPWAY_CONCURRENCY", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub concurrency: u16,

    /// Seconds after which work on one object is given up and tried again later.
    #[arg(long = "reconcile-timeout-seconds", env = "SLIPWAY_RECONCILE_TIMEOUT_SECONDS", default_value = "60", value_parser = seconds)]
    pub reconcile_timeout: Duration,

    /// Address of `/livez`, `/readyz` and `/metrics`.
    #[arg(long, env = "SLIPWAY_ADMIN_ADDRESS", default_value = "0.0.0.0:8080")]
    pub admin_address: SocketAddr,

    /// Namespace of the Lease that the replicas of the operator share.
    #[arg(long, env = "POD_NAMESPACE", default_value = "slipway-system")]
    pub lease_namespace: String,

    /// Name of the Lease that the replicas of the operator share.
    #[arg(long, env = "SLIPWAY_LEASE_NAME", default_value = "slipway-operator")]
    pub lease_name: String,

    /// Seconds after which another replica takes a Lease that is not renewed.
    #[arg(long = "lease-seconds", env = "SLIPWAY_LEASE_SECONDS", default_value = "15", value_parser = seconds)]
    pub lease_duration: Duration,

    /// Name of this replica; the name of its pod in a cluster.
    #[arg(long, env = "POD_NAME", default_value_t = default_identity())]
    pub identity: String,

    /// Form of the log.
    #[arg(long, env = "SLIPWAY_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// What is logged, as `level` or `target=level,…`.
    #[arg(
        long,
        env = "SLIPWAY_LOG",
        default_value = "info,kube_client=warn,kube_runtime=warn"
    )]
    pub log_filter: String,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(0) => Err("must be at least 1 second".to_owned()),
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(error) => Err(format!("is not a whole number of seconds: {error}")),
    }
}

fn default_identity() -> String {
    format!("slipway-operator-{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_arguments_every_controller_runs_in_every_namespace() {
        let arguments = Arguments::try_parse_from(["slipway-operator"]).unwrap();
        assert_eq!(arguments.controllers, controllers::NAMES);
        assert_eq!(arguments.namespace, None);
    }

    #[test]
    fn an_unknown_controller_is_refused_with_the_known_ones() {
        let error =
            Arguments::try_parse_from(["slipway-operator", "--controllers=machineset,nope"]).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("nope") && text.contains("clusterdeployment"),
            "{text}"
        );
    }

    #[test]
    fn a_time_limit_of_nothing_is_refused() {
        let error = Arguments::try_parse_from(["slipway-operator", "--reconcile-timeout-seconds=0"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("at least 1 second"), "{error}");
    }
}
