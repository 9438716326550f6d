//! Reads the templates of each addon: from its ConfigMap, or from the operator itself.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use slipway_api::{Cluster, cluster_deployment::Addon};

use super::{
    bundled,
    plan::{Observed, Source},
};
use crate::runtime::{Context, Doing as _, Error};

/// What is known of the addons of `cluster`; nothing where its ClusterDeployment is gone.
///
/// # Errors
/// When the API server does not answer.
pub async fn observe(cluster: Arc<Cluster>, context: &Context) -> Result<Option<Observed>, Error> {
    let namespace = cluster.metadata.namespace.clone().unwrap_or_default();
    let name = cluster.metadata.name.clone().unwrap_or_default();
    let Some(deployment) = context.watches.cluster_deployments.get(&namespace, &name) else {
        return Ok(None);
    };
    let mut sources = BTreeMap::new();
    for addon in &deployment.spec.addons {
        sources.insert(addon.name.clone(), source(addon, &namespace, context).await?);
    }
    Ok(Some(Observed {
        now: context.now(),
        deployment,
        cluster,
        sources,
    }))
}

async fn source(addon: &Addon, namespace: &str, context: &Context) -> Result<Result<Source, String>, Error> {
    if let Some(name) = &addon.bundled {
        return Ok(bundled::bundle(name).and_then(|bundle| {
            let templates = bundle
                .templates
                .iter()
                .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
            Ok(Source {
                templates: templates.collect(),
                values: bundle.values(&addon.values)?,
            })
        }));
    }
    let Some(reference) = &addon.config_map_ref else {
        return Ok(Err("it names neither configMapRef nor bundled".to_owned()));
    };
    let config_maps = Api::<ConfigMap>::namespaced((*context.client).clone(), namespace);
    let found = config_maps
        .get_opt(&reference.name)
        .await
        .doing(|| format!("read ConfigMap {namespace}/{}", reference.name))?;
    Ok(found
        .map(|config_map| Source {
            // In the order of the keys.
            templates: config_map.data.unwrap_or_default().into_iter().collect(),
            values: addon.values.clone(),
        })
        .ok_or_else(|| format!("the ConfigMap {namespace}/{} does not exist", reference.name)))
}
