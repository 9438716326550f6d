//! Writes what the plan says: first what is about to be in the business cluster, then into it, then how that went.

use std::{collections::BTreeMap, time::Duration};

use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions},
    core::{ApiResource, GroupVersionKind, discovery::Scope},
    discovery::pinned_kind,
    error::DiscoveryError,
    runtime::controller::Action,
};
use slipway_api::{ClusterStatus, cluster::AppliedObject, labels};

use super::{
    NAME,
    manifest::{self, Manifest},
    plan::{self, Observed, Plan, Work},
};
use crate::runtime::{Context, Doing as _, Error, write};

/// How often ConfigMaps with templates are read again: they are not watched.
const POLL: Duration = Duration::from_secs(30);

/// Carries the plan out.
///
/// # Errors
/// When an API server refuses or does not answer; the status then says so too.
pub async fn act(observed: &Observed, plan: &Plan, context: &Context) -> Result<Action, Error> {
    if plan.work.is_empty() {
        // Where objects were recorded, that write is what leads to them being applied.
        write_status(observed, &plan.status, context).await?;
        return Ok(next_look(observed));
    }
    let cluster = observed.cluster.as_ref();
    let namespace = cluster.namespace().unwrap_or_default();
    let name = cluster.name_any();
    let Some(client) = context.business_client(&namespace, &name).await? else {
        return Err(Error::Invalid(format!(
            "cluster {namespace}/{name} has no kubeconfig Secret, so its addons cannot be applied"
        )));
    };
    let mut business = Business {
        client,
        kinds: BTreeMap::new(),
    };
    let mut failures = BTreeMap::new();
    let mut first = None;
    for work in &plan.work {
        if let Err(error) = business.carry_out(work).await {
            failures.insert(work.addon.clone(), error.to_string());
            first.get_or_insert(error);
        }
    }
    write_status(observed, &plan::after(observed, plan, &failures), context).await?;
    match first {
        // Tried again with backoff.
        Some(error) => Err(error),
        None => Ok(next_look(observed)),
    }
}

fn next_look(observed: &Observed) -> Action {
    let reads_config_maps = observed
        .deployment
        .spec
        .addons
        .iter()
        .any(|addon| addon.config_map_ref.is_some());
    if reads_config_maps {
        Action::requeue(POLL)
    } else {
        Action::await_change()
    }
}

async fn write_status(observed: &Observed, next: &ClusterStatus, context: &Context) -> Result<(), Error> {
    let cluster = observed.cluster.as_ref();
    if write::status(&context.client, cluster, cluster.status.as_ref(), next).await? {
        let before = cluster
            .status
            .as_ref()
            .map(|status| status.addons.as_slice())
            .unwrap_or_default();
        for notice in plan::notices(before, &next.addons) {
            context
                .events
                .publish(observed.deployment.as_ref(), &notice)
                .await;
        }
    }
    Ok(())
}

/// The business cluster, and its kinds as far as they were asked for.
struct Business {
    client: Client,
    kinds: BTreeMap<(String, String), (ApiResource, Scope)>,
}

impl Business {
    async fn carry_out(&mut self, work: &Work) -> Result<(), Error> {
        for manifest in &work.apply {
            self.apply(manifest).await?;
        }
        for object in &work.delete {
            self.delete(&work.addon, object).await?;
        }
        Ok(())
    }

    async fn apply(&mut self, manifest: &Manifest) -> Result<(), Error> {
        let object = &manifest.object;
        let doing = || format!("apply {}", manifest::describe(object));
        let Some(api) = self.api(object).await? else {
            return Err(Error::Invalid(format!(
                "{}: the cluster knows no kind {} of {}",
                doing(),
                object.kind,
                object.api_version
            )));
        };
        let parameters = PatchParams::apply(&write::field_manager(NAME)).force();
        api.patch(&object.name, &parameters, &Patch::Apply(&manifest.content))
            .await
            .doing(doing)?;
        Ok(())
    }

    /// Deletes an object that is still this addon's; one that somebody has taken over stays.
    async fn delete(&mut self, addon: &str, object: &AppliedObject) -> Result<(), Error> {
        let doing = || format!("delete {}", manifest::describe(object));
        // Where the kind is gone, so are its objects.
        let Some(api) = self.api(object).await? else {
            return Ok(());
        };
        let Some(found) = api.get_opt(&object.name).await.doing(doing)? else {
            return Ok(());
        };
        if found.labels().get(labels::ADDON).map(String::as_str) != Some(addon) {
            return Ok(());
        }
        let parameters = DeleteParams {
            preconditions: Some(Preconditions {
                uid: found.uid(),
                resource_version: None,
            }),
            ..DeleteParams::background()
        };
        match api.delete(&object.name, &parameters).await.doing(doing) {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// The API of the object's kind; nothing if the cluster does not know it.
    async fn api(&mut self, object: &AppliedObject) -> Result<Option<Api<DynamicObject>>, Error> {
        let key = (object.api_version.clone(), object.kind.clone());
        if !self.kinds.contains_key(&key) {
            let (group, version) = object
                .api_version
                .split_once('/')
                .unwrap_or(("", &object.api_version));
            let kind = GroupVersionKind::gvk(group, version, &object.kind);
            match pinned_kind(&self.client, &kind).await {
                Ok((resource, capabilities)) => {
                    self.kinds.insert(key.clone(), (resource, capabilities.scope));
                }
                Err(kube::Error::Discovery(
                    DiscoveryError::MissingKind(_)
                    | DiscoveryError::MissingApiGroup(_)
                    | DiscoveryError::EmptyApiGroup(_),
                )) => return Ok(None),
                Err(kube::Error::Api(status)) if status.code == 404 => return Ok(None),
                Err(error) => {
                    return Err(error)
                        .doing(|| format!("look up kind {} of {}", object.kind, object.api_version));
                }
            }
        }
        let Some((resource, scope)) = self.kinds.get(&key) else {
            return Ok(None);
        };
        match (scope, &object.namespace) {
            (Scope::Cluster, _) => Ok(Some(Api::all_with(self.client.clone(), resource))),
            (Scope::Namespaced, Some(namespace)) => Ok(Some(Api::namespaced_with(
                self.client.clone(),
                namespace,
                resource,
            ))),
            (Scope::Namespaced, None) => Err(Error::Invalid(format!(
                "{} names no namespace: write metadata.namespace into its template",
                manifest::describe(object)
            ))),
        }
    }
}
