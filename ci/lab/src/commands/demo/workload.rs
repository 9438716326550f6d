//! Proof that the cluster works: pods on different nodes, a Service reached across nodes, names resolved, metrics.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use slipway_lab::Lab;

use super::screen::say;

const MANIFEST: &str = include_str!("workload.yaml");

/// A business cluster, as its administrator works with it.
#[derive(Debug)]
pub struct Business {
    lab: Lab,
    kubeconfig: PathBuf,
}

impl Business {
    /// `kubeconfig` is a file.
    pub fn new(lab: &Lab, kubeconfig: PathBuf) -> Self {
        Self {
            lab: lab.clone(),
            kubeconfig,
        }
    }

    /// Runs kubectl and returns what it printed.
    async fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let words: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        let command = self.lab.kubectl_with(&self.kubeconfig, &words).await?;
        let (program, rest) = command.split_first().context("no command")?;
        let output = tokio::process::Command::new(program)
            .args(rest)
            .kill_on_drop(true)
            .output()
            .await;
        let output = output.with_context(|| format!("start {program}"))?;
        if !output.status.success() {
            bail!(
                "kubectl {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs kubectl in front of the person.
    pub async fn show(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let printed = self.kubectl(arguments).await?;
        say(&format!("$ kubectl {}", arguments.join(" ")));
        for line in printed.lines() {
            say(line);
        }
        Ok(())
    }

    /// As [`Business::show`], again and again until the answer is there.
    pub async fn show_when_ready(&self, arguments: &[&str], limit: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + limit;
        while let Err(error) = self.kubectl(arguments).await {
            ensure!(Instant::now() < deadline, "{error:#}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        self.show(arguments).await
    }

    /// Two pods on two nodes, each of which reaches the other through the Service by its name.
    pub async fn prove(&self) -> anyhow::Result<()> {
        let file = self.kubeconfig.with_file_name("workload.yaml");
        std::fs::write(&file, MANIFEST).with_context(|| format!("write {}", file.display()))?;
        let file = file.display().to_string();
        self.kubectl(&["apply", "-f", &file]).await?;
        self.kubectl(&["rollout", "status", "deployment/hello", "--timeout=120s"])
            .await?;
        self.show(&["get", "pods", "-l", "app=hello", "-o", "wide"])
            .await?;

        let template = "-o=jsonpath={range .items[*]}{.metadata.name} {.spec.nodeName}{\"\\n\"}{end}";
        let printed = self
            .kubectl(&["get", "pods", "-l", "app=hello", template])
            .await?;
        let pods: Vec<(&str, &str)> = printed.lines().filter_map(|line| line.split_once(' ')).collect();
        let [(first, first_node), (second, second_node)] = pods[..] else {
            bail!("the Deployment should have two pods: {printed}");
        };
        ensure!(first_node != second_node, "both pods are on {first_node}");
        for (from, node, other) in [(first, first_node, second), (second, second_node, first)] {
            self.reach(from, other).await?;
            say(&format!(
                "{from} on {node} reached {other} through http://hello.default.svc.cluster.local"
            ));
        }
        Ok(())
    }

    /// The Service chooses a pod by chance: it is asked until the other one has answered.
    async fn reach(&self, from: &str, other: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut said = String::new();
        while Instant::now() < deadline {
            let url = "http://hello.default.svc.cluster.local/hostname";
            match self
                .kubectl(&["exec", from, "--", "curl", "-sS", "--max-time", "5", url])
                .await
            {
                Ok(answer) if answer.trim() == other => return Ok(()),
                Ok(answer) => said = answer,
                Err(error) => said = format!("{error:#}"),
            }
        }
        bail!(
            "{from} did not reach {other} through the Service; the last answer was: {}",
            said.trim()
        )
    }

    /// What the cluster's metrics say of the nodes.
    pub async fn metrics(&self) -> anyhow::Result<()> {
        self.show_when_ready(&["top", "nodes"], Duration::from_mins(2))
            .await
    }
}
