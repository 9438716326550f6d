//! Addons in a real cluster: the test's API server is its own business cluster.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Namespace, Secret},
    events::v1::Event,
};
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, ListParams, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};
use slipway_api::{
    Cluster, ClusterDeployment,
    cluster::{AddonPhase, AddonStatus},
    conditions,
};
use support::{Operator, World};

/// Only the controller that is tested, and a Lease that outlasts a busy machine.
const OPERATOR: &[&str] = &["--controllers=addons", "--lease-seconds=15"];

/// A cluster that is available, and an operator that looks after its addons only.
struct Site {
    world: Arc<World>,
    operator: Operator,
}

impl Site {
    async fn new(addons: Value) -> Self {
        let world = Arc::new(World::new().await);
        let labels = json!({"slipway.io/cluster": "shop", "app.kubernetes.io/managed-by": "slipway"});
        world
            .create::<Secret>(json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "shop-kubeconfig", "labels": labels},
                "stringData": {"value": world.kubeconfig()},
            }))
            .await;
        let mut deployment = support::cluster("shop", 1);
        deployment["spec"]["addons"] = addons;
        world.create::<ClusterDeployment>(deployment).await;
        world
            .create::<Cluster>(json!({
                "apiVersion": "slipway.io/v1alpha1", "kind": "Cluster", "metadata": {"name": "shop"}, "spec": {},
            }))
            .await;
        let operator = world.operator("one", OPERATOR).await;
        Self { world, operator }
    }

    async fn become_available(&self) {
        let status = json!({"status": {
            "endpoint": {"host": "192.0.2.1", "port": 6443},
            "conditions": [{
                "type": "Available", "status": "True", "reason": "AsWanted", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }],
        }});
        let clusters = self.world.api::<Cluster>();
        clusters
            .patch_status("shop", &PatchParams::default(), &Patch::Merge(&status))
            .await
            .unwrap();
    }

    /// A ConfigMap of templates.
    async fn templates(&self, name: &str, text: &str) {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"objects.yaml": text},
        });
        let parameters = PatchParams::apply("test").force();
        self.world
            .api::<ConfigMap>()
            .patch(name, &parameters, &Patch::Apply(&object))
            .await
            .unwrap();
    }

    async fn addons(&self, addons: Value) {
        self.world
            .merge::<ClusterDeployment>("shop", json!({"spec": {"addons": addons}}))
            .await;
    }

    /// Waits until the addon is in this phase with this message.
    async fn addon(&self, name: &str, phase: AddonPhase, message: &str) -> AddonStatus {
        self.world
            .eventually(&format!("addon {name} {phase}: {message}"), || async {
                let cluster: Cluster = self.world.get("shop").await;
                let addon = cluster
                    .status?
                    .addons
                    .into_iter()
                    .find(|addon| addon.name == name)?;
                let is_told = addon.message.as_deref().unwrap_or_default().contains(message);
                (addon.phase == phase && is_told).then_some(addon)
            })
            .await
    }

    async fn condition(&self, status: &str) {
        self.world
            .eventually(&format!("AddonsAvailable={status}"), || async {
                let cluster: Cluster = self.world.get("shop").await;
                let conditions = cluster.status?.conditions;
                let found = conditions::get(&conditions, conditions::ADDONS_AVAILABLE)?;
                (found.status == status).then_some(())
            })
            .await;
    }

    async fn config_map(&self, name: &str) -> Option<ConfigMap> {
        self.world.api::<ConfigMap>().get_opt(name).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_addon_is_applied_changed_and_taken_out_again() {
    let site = Site::new(
        json!([{"name": "notes", "configMapRef": {"name": "templates"}, "values": {"text": "one"}}]),
    )
    .await;
    let namespace = site.world.namespace.clone();
    site.addon("notes", AddonPhase::Failed, "the ConfigMap").await;
    let object = |name: &str| {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
             data: {{text: {{{{values.text}}}}, cluster: {{{{cluster.name}}}}, host: {{{{cluster.endpoint.host}}}}}}\n"
        )
    };
    site.templates("templates", &(object("first") + &object("second")))
        .await;
    site.become_available().await;
    // ConfigMaps are not watched: they are read again when the cluster or its ClusterDeployment changes, and every now and then.
    let applied = site.addon("notes", AddonPhase::Applied, "").await;
    assert_eq!(applied.objects.len(), 2);
    let first = site.config_map("first").await.unwrap();
    let data = first.data.clone().unwrap();
    assert_eq!((data["text"].as_str(), data["cluster"].as_str()), ("one", "shop"));
    assert_eq!(first.labels()["slipway.io/addon"], "notes");
    assert_eq!(
        first.managed_fields()[0].manager.as_deref(),
        Some("slipway-addons")
    );
    site.condition("True").await;

    // Nothing is written while nothing changes: by hand, the operator is made to look again.
    let version = site.world.get::<Cluster>("shop").await.resource_version();
    let touch = json!({"metadata": {"annotations": {"touched": "yes"}}});
    site.world.merge::<ClusterDeployment>("shop", touch).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(
        site.world.get::<Cluster>("shop").await.resource_version(),
        version
    );
    assert_eq!(
        site.config_map("first").await.unwrap().resource_version(),
        first.resource_version()
    );

    // Another value is another text; an object that is no longer rendered goes.
    site.templates("templates", &object("first")).await;
    site.addons(json!([{"name": "notes", "configMapRef": {"name": "templates"}, "values": {"text": "two"}}]))
        .await;
    site.world
        .eventually("second is pruned", || async {
            site.config_map("second").await.is_none().then_some(())
        })
        .await;
    assert_eq!(
        site.config_map("first").await.unwrap().data.unwrap()["text"],
        "two"
    );

    // What somebody else has taken over stays when the addon goes.
    site.addons(json!([])).await;
    site.world
        .eventually("first is deleted", || async {
            site.config_map("first").await.is_none().then_some(())
        })
        .await;
    site.condition("True").await;
    assert!(
        site.world
            .get::<Cluster>("shop")
            .await
            .status
            .unwrap()
            .addons
            .is_empty()
    );
    let reasons: Vec<String> = site
        .world
        .list::<Event>()
        .await
        .into_iter()
        .filter_map(|event| event.reason)
        .collect();
    for expected in ["AddonFailed", "AddonApplied", "AddonRemoved"] {
        assert_eq!(
            reasons.iter().filter(|reason| *reason == expected).count(),
            1,
            "{expected} in {reasons:?}"
        );
    }
    site.operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named_and_holds_up_only_what_depends_on_it() {
    let addon = |name: &str, needs: &[&str]| json!({"name": name, "configMapRef": {"name": name}, "dependsOn": needs});
    let all = json!([
        addon("top", &["base"]),
        addon("base", &[]),
        addon("strange", &[]),
        addon("refused", &[]),
        {"name": "unknown", "bundled": "metric-server"},
    ]);
    let site = Site::new(all).await;
    let namespace = site.world.namespace.clone();
    let object = |name: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\n")
    };
    site.templates("top", &object("of-top")).await;
    site.templates(
        "base",
        &(object("of-base") + "data: {port: \"{{values.port}}\"}\n"),
    )
    .await;
    site.templates(
        "strange",
        "apiVersion: example.com/v1\nkind: Strange\nmetadata: {name: x}\n",
    )
    .await;
    site.templates("refused", &(object("refused") + "data: [no, mapping]\n"))
        .await;
    site.become_available().await;
    site.addon(
        "base",
        AddonPhase::Failed,
        "template base/objects.yaml:4: the value values.port is not known",
    )
    .await;
    site.addon(
        "top",
        AddonPhase::Pending,
        "depends on base, which is not applied yet",
    )
    .await;
    site.addon(
        "strange",
        AddonPhase::Failed,
        "the cluster knows no kind Strange of example.com/v1",
    )
    .await;
    site.addon(
        "refused",
        AddonPhase::Failed,
        &format!("apply ConfigMap {namespace}/refused: "),
    )
    .await;
    site.addon("unknown", AddonPhase::Failed, "there is metrics-server")
        .await;
    site.condition("False").await;
    assert!(site.config_map("of-top").await.is_none());

    // Mended, it goes on by itself.
    let mended = json!([addon("top", &["base"]), {"name": "base", "configMapRef": {"name": "base"}, "values": {"port": 80}}]);
    site.addons(mended).await;
    site.addon("top", AddonPhase::Applied, "").await;
    site.condition("True").await;
    assert_eq!(
        site.config_map("of-base").await.unwrap().data.unwrap()["port"],
        "80"
    );
    site.operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_is_killed_while_it_applies_forgets_no_object() {
    let site = Site::new(json!([{"name": "many", "configMapRef": {"name": "many"}}])).await;
    let target = format!("{}-addon", site.world.namespace);
    // The namespace comes last here and is applied first.
    let maps = (0..40).map(|index| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{index}, namespace: {target}}}\n---\n")
    });
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {target}}}\n");
    let text: String = maps.chain([namespace]).collect();
    site.templates("many", &text).await;
    site.become_available().await;
    let maps: Api<ConfigMap> = Api::namespaced(site.world.client.clone(), &target);
    site.world
        .eventually("some of it is there", || async {
            let found = maps.list(&ListParams::default()).await.unwrap().items;
            (found.len() > 3).then_some(())
        })
        .await;
    let Site { world, operator } = site;
    operator.crash().await;
    let recorded = world.get::<Cluster>("shop").await.status.unwrap().addons[0]
        .objects
        .len();
    assert_eq!(recorded, 41, "everything is recorded before anything is applied");
    // It is taken out before the next operator comes.
    world
        .merge::<ClusterDeployment>("shop", json!({"spec": {"addons": []}}))
        .await;
    let operator = world.operator("one", OPERATOR).await;
    world
        .eventually("all of it is gone", || async {
            let found = maps.list(&ListParams::default()).await.unwrap().items;
            let ours = found
                .iter()
                .filter(|map| map.labels().contains_key("slipway.io/addon"));
            (ours.count() == 0).then_some(())
        })
        .await;
    let namespace = Api::<Namespace>::all(world.client.clone())
        .get_opt(&target)
        .await
        .unwrap();
    assert!(namespace.is_none_or(|namespace| namespace.metadata.deletion_timestamp.is_some()));
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bundled_metrics_server_is_taken_by_a_real_api_server() {
    let site =
        Site::new(json!([{"name": "metrics", "bundled": "metrics-server", "values": {"replicas": 2}}])).await;
    site.addon(
        "metrics",
        AddonPhase::Pending,
        "waits: the cluster is not available yet",
    )
    .await;
    site.become_available().await;
    site.addon("metrics", AddonPhase::Applied, "").await;
    let deployments: Api<Deployment> = Api::namespaced(site.world.client.clone(), "kube-system");
    let spec = deployments.get("metrics-server").await.unwrap().spec.unwrap();
    assert_eq!(spec.replicas, Some(2));
    assert!(
        spec.template.spec.unwrap().containers[0]
            .args
            .as_ref()
            .unwrap()
            .contains(&"--kubelet-insecure-tls".to_owned())
    );
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(
        "apiregistration.k8s.io",
        "v1",
        "APIService",
    ));
    let services: Api<DynamicObject> = Api::all_with(site.world.client.clone(), &kind);
    assert!(
        services
            .get_opt("v1beta1.metrics.k8s.io")
            .await
            .unwrap()
            .is_some()
    );
    site.addons(json!([])).await;
    site.world
        .eventually("it is gone", || async {
            let gone = deployments.get_opt("metrics-server").await.unwrap().is_none()
                && services
                    .get_opt("v1beta1.metrics.k8s.io")
                    .await
                    .unwrap()
                    .is_none();
            gone.then_some(())
        })
        .await;
    site.operator.stop().await;
}
