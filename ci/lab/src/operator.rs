//! Slipway itself in the metadata cluster: its images in the lab's registry, its Helm chart installed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::command::run_showing;
use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::services::IMAGE_REGISTRY;
use crate::{progress, sources};

/// The operator's namespace and the release's name.
const NAMESPACE: &str = "slipway-system";
const RELEASE: &str = "slipway";
/// How long the operator may take to become ready: its image is pulled and its Lease acquired.
const ROLLOUT: Duration = Duration::from_mins(3);

impl Lab {
    /// Builds the images of the operator and the executor, pushes them, and installs the chart with them. Safe to run again:
    /// an operator of the same content is left as it is.
    pub async fn operator_up(&self) -> Result<()> {
        let script = sources::project().join("ci/build-images").display().to_string();
        let images = parse(&run_showing(&[script.as_str(), "list"]).await?);
        let push = [script.as_str(), "push", IMAGE_REGISTRY];
        progress::during(
            "pushing the images of the operator and the executor",
            self.run(&push),
        )
        .await?;

        let tag = |name: &str| {
            let reference = images.get(name).ok_or_else(|| Error::State {
                path: script.clone().into(),
                reason: format!("it lists no image called {name}"),
            })?;
            Ok::<_, Error>(
                reference
                    .rsplit_once(':')
                    .map_or("latest", |(_, tag)| tag)
                    .to_owned(),
            )
        };
        let helm = sources::programs("helm")
            .await?
            .join("helm")
            .display()
            .to_string();
        let chart = sources::project().join("operator/chart").display().to_string();
        let kubeconfig = self.metadata_kubeconfig().display().to_string();
        let timeout = format!("{}s", ROLLOUT.as_secs());
        let operator_tag = format!("image.tag={}", tag("operator")?);
        let executor_tag = format!("executorImage.tag={}", tag("executor")?);
        let install = [
            helm.as_str(),
            "--kubeconfig",
            &kubeconfig,
            "upgrade",
            "--install",
            RELEASE,
            &chart,
            "--namespace",
            NAMESPACE,
            "--create-namespace",
            "--set",
            &operator_tag,
            "--set",
            &executor_tag,
            "--wait",
            "--timeout",
            &timeout,
        ];
        progress::during("installing the operator's chart", self.run(&install)).await?;
        Ok(())
    }
}

/// References by the name of the image, from lines `REFERENCE<tab>LAYOUT`.
fn parse(list: &str) -> BTreeMap<String, String> {
    let references = list.lines().filter_map(|line| line.split('\t').next());
    let named = references.filter_map(|reference| {
        let name = reference.rsplit('/').next()?.split(':').next()?;
        Some((name.to_owned(), reference.to_owned()))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_found_by_their_names() {
        let images =
            parse("ghcr.io/slipway/operator:1f2e\t/cache/a\nghcr.io/slipway/executor:3d4c\t/cache/b\n");
        assert_eq!(images["operator"], "ghcr.io/slipway/operator:1f2e");
        assert_eq!(images["executor"], "ghcr.io/slipway/executor:3d4c");
    }
}
