use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use slipway_api::{
    Cluster, ClusterDeployment, ClusterStatus,
    cluster::{AddonPhase, AddonStatus},
    conditions,
};

use super::{manifest::describe, plan::*};
use crate::{
    controllers::fixtures::{self, time},
    runtime::Notice,
};

/// A template of a ConfigMap for each name.
fn config_maps(names: &[&str]) -> Source {
    let text: Vec<String> = names
        .iter()
        .map(|name| {
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: default}}\n\
                 data: {{cluster: {{{{cluster.name}}}}, version: {{{{cluster.kubernetesVersion}}}}}}\n"
            )
        })
        .collect();
    let text = text.join("---\n");
    Source {
        templates: vec![("app.yaml".to_owned(), text)],
        ..Source::default()
    }
}

/// A world of addons, each with what it is made from and depends on.
struct World {
    addons: Vec<(&'static str, Result<Source, String>, Vec<&'static str>)>,
    status: ClusterStatus,
    available: bool,
    paused: bool,
}

impl World {
    fn new(addons: &[(&'static str, &[&str], &[&'static str])]) -> Self {
        let addons = addons
            .iter()
            .map(|(name, objects, needs)| (*name, Ok(config_maps(objects)), needs.to_vec()));
        Self {
            addons: addons.collect(),
            status: ClusterStatus::default(),
            available: true,
            paused: false,
        }
    }

    fn observed(&self) -> Observed {
        let addons: Vec<Value> = self
            .addons
            .iter()
            .map(|(name, _, needs)| json!({"name": name, "configMapRef": {"name": name}, "dependsOn": needs}))
            .collect();
        let mut metadata = fixtures::metadata("shop");
        metadata.generation = Some(7);
        let deployment: ClusterDeployment = serde_json::from_value(json!({
            "apiVersion": "slipway.io/v1alpha1", "kind": "ClusterDeployment", "metadata": metadata,
            "spec": {
                "kubernetesVersion": "v1.35.4", "paused": self.paused, "addons": addons,
                "machineSets": [{"name": "control-plane", "role": "ControlPlane", "replicas": 1}],
            },
        }))
        .unwrap();
        let mut status = self.status.clone();
        let available = conditions::NewCondition {
            kind: conditions::AVAILABLE,
            status: Some(self.available),
            reason: conditions::reasons::AS_WANTED,
            message: "",
            observed_generation: None,
        };
        conditions::set(&mut status.conditions, &available, &time(0));
        let mut cluster = Cluster::new("shop", slipway_api::ClusterSpec {});
        cluster.status = Some(status);
        Observed {
            now: time(100),
            deployment: Arc::new(deployment),
            cluster: Arc::new(cluster),
            sources: self
                .addons
                .iter()
                .map(|(name, source, _)| ((*name).to_owned(), source.clone()))
                .collect(),
        }
    }

    /// One look: returns what was applied and deleted, as `addon: +Kind ns/name -Kind ns/name`.
    fn look(&mut self, failures: &[(&str, &str)]) -> Vec<String> {
        let observed = self.observed();
        let plan = plan(&observed);
        let failures: BTreeMap<String, String> = failures
            .iter()
            .map(|(name, message)| ((*name).to_owned(), (*message).to_owned()))
            .collect();
        self.status = after(&observed, &plan, &failures);
        let told = |work: &Work| {
            let applied = work
                .apply
                .iter()
                .map(|manifest| format!(" +{}", manifest.object.name));
            let deleted = work.delete.iter().map(|object| format!(" -{}", object.name));
            format!("{}:{}", work.addon, applied.chain(deleted).collect::<String>())
        };
        plan.work.iter().map(told).collect()
    }

    /// Looks until there is nothing to do and nothing to write.
    fn settle(&mut self) -> Vec<String> {
        let mut done = Vec::new();
        for _ in 0..20 {
            let before = self.status.clone();
            let work = self.look(&[]);
            if work.is_empty() && self.status == before {
                return done;
            }
            done.extend(work);
        }
        panic!("it does not settle: {:?}", self.status)
    }

    fn addon(&self, name: &str) -> &AddonStatus {
        self.status
            .addons
            .iter()
            .find(|addon| addon.name == name)
            .unwrap()
    }

    fn message(&self, name: &str) -> &str {
        self.addon(name).message.as_deref().unwrap_or_default()
    }

    fn condition(&self) -> (String, String) {
        let condition = conditions::get(&self.status.conditions, conditions::ADDONS_AVAILABLE).unwrap();
        (condition.status.clone(), condition.message.clone())
    }
}

#[test]
fn objects_are_recorded_before_they_are_applied_and_then_nothing_is_left_to_do() {
    let mut world = World::new(&[("web", &["a", "b"], &[])]);
    assert_eq!(world.look(&[]), [""; 0], "the first look only records");
    let recorded: Vec<String> = world.addon("web").objects.iter().map(describe).collect();
    assert_eq!(recorded, ["ConfigMap default/a", "ConfigMap default/b"]);
    assert_eq!(world.addon("web").phase, AddonPhase::Pending);
    assert_eq!(world.condition().0, "False");
    assert_eq!(world.look(&[]), ["web: +a +b"]);
    assert_eq!(world.addon("web").phase, AddonPhase::Applied);
    assert_eq!(
        world.condition(),
        ("True".to_owned(), "1 addons are applied".to_owned())
    );
    assert_eq!(world.settle(), [""; 0]);
}

#[test]
fn templates_see_the_cluster() {
    let world = World::new(&[("web", &["a"], &[])]);
    let mut observed = world.observed();
    let mut recorded = plan(&observed).status;
    Arc::get_mut(&mut observed.cluster).unwrap().status = Some(std::mem::take(&mut recorded));
    let content = &plan(&observed).work[0].apply[0].content;
    assert_eq!(content["data"], json!({"cluster": "shop", "version": "v1.35.4"}));
    assert_eq!(content["metadata"]["labels"]["slipway.io/addon"], "web");
}

#[test]
fn objects_that_are_not_rendered_any_more_are_deleted_the_last_first() {
    let mut world = World::new(&[("web", &["a", "b", "c"], &[])]);
    world.settle();
    world.addons[0].1 = Ok(config_maps(&["b", "d"]));
    assert_eq!(world.settle(), ["web: +b +d -c -a"]);
    let names: Vec<&str> = world
        .addon("web")
        .objects
        .iter()
        .map(|object| object.name.as_str())
        .collect();
    assert_eq!(names, ["b", "d"]);
}

#[test]
fn an_addon_that_is_taken_out_is_deleted_and_forgotten() {
    let mut world = World::new(&[("web", &["a", "b"], &[]), ("other", &["x"], &[])]);
    world.settle();
    world.addons.retain(|(name, ..)| *name != "web");
    assert_eq!(
        world.look(&[("web", "delete ConfigMap default/b: no answer")]),
        ["web: -b -a"]
    );
    assert_eq!(world.addon("web").phase, AddonPhase::Removing);
    assert_eq!(world.message("web"), "delete ConfigMap default/b: no answer");
    assert_eq!(world.condition().0, "False");
    assert_eq!(world.settle(), ["web: -b -a"]);
    assert_eq!(world.status.addons.len(), 1);
    assert_eq!(world.condition().0, "True");
}

#[test]
fn an_object_that_moves_to_another_addon_is_not_deleted() {
    let mut world = World::new(&[("web", &["a", "b"], &[])]);
    world.settle();
    world.addons = World::new(&[("web", &["a"], &[]), ("other", &["b"], &[])]).addons;
    let work = world.settle();
    assert!(
        work.contains(&"web: +a".to_owned()) && work.contains(&"other: +b".to_owned()),
        "{work:?}"
    );
}

#[test]
fn an_addon_waits_for_what_it_depends_on() {
    let mut world = World::new(&[
        ("top", &["t"], &["middle"]),
        ("middle", &["m"], &["base"]),
        ("base", &["b"], &[]),
    ]);
    world.look(&[]);
    assert!(
        world
            .message("top")
            .contains("depends on middle, which is not applied yet"),
        "{}",
        world.message("top")
    );
    assert_eq!(world.settle(), ["base: +b", "middle: +m", "top: +t"]);
    // One that fails holds up those that need it and no other.
    let mut world = World::new(&[
        ("top", &["t"], &["base"]),
        ("base", &["b"], &[]),
        ("other", &["o"], &[]),
    ]);
    world.look(&[]);
    assert_eq!(
        world.look(&[("base", "apply ConfigMap default/b: forbidden (403)")]),
        ["base: +b", "other: +o"]
    );
    assert_eq!(world.addon("base").phase, AddonPhase::Failed);
    assert_eq!(world.addon("other").phase, AddonPhase::Applied);
    assert_eq!(world.addon("top").phase, AddonPhase::Pending);
    assert!(
        world
            .condition()
            .1
            .contains("base Failed: apply ConfigMap default/b: forbidden (403)")
    );
    assert_eq!(world.settle(), ["base: +b", "top: +t"], "it is tried again");
}

#[test]
fn what_cannot_be_is_said_and_the_rest_goes_on() {
    let mut world = World::new(&[
        ("one", &["a"], &["two"]),
        ("two", &["b"], &["one"]),
        ("lost", &["l"], &["nowhere"]),
        ("fine", &["f"], &[]),
        ("absent", &[], &[]),
        ("broken", &[], &[]),
    ]);
    world.addons[4].1 = Err("the ConfigMap fleet/absent does not exist".to_owned());
    world.addons[5].1 = Ok(Source {
        templates: vec![("app.yaml".to_owned(), "a: 1\nb: {{values.port}}\n".to_owned())],
        ..Source::default()
    });
    assert_eq!(world.settle(), ["fine: +f"]);
    let rows = [
        (
            "one",
            AddonPhase::Failed,
            "addons depend on each other in a circle: one → two → one",
        ),
        (
            "two",
            AddonPhase::Failed,
            "addons depend on each other in a circle: two → one → two",
        ),
        (
            "lost",
            AddonPhase::Pending,
            "waits: it depends on nowhere, which spec.addons does not name",
        ),
        ("fine", AddonPhase::Applied, ""),
        (
            "absent",
            AddonPhase::Failed,
            "the ConfigMap fleet/absent does not exist",
        ),
        (
            "broken",
            AddonPhase::Failed,
            "template broken/app.yaml:2: the value values.port is not known",
        ),
    ];
    for (name, phase, message) in rows {
        assert_eq!((world.addon(name).phase, world.message(name)), (phase, message));
    }
}

#[test]
fn an_addon_whose_template_breaks_keeps_what_it_has() {
    let mut world = World::new(&[("web", &["a"], &[])]);
    world.settle();
    world.addons[0].1 = Err("the ConfigMap fleet/web does not exist".to_owned());
    assert_eq!(world.settle(), [""; 0]);
    assert_eq!(world.addon("web").phase, AddonPhase::Failed);
    assert_eq!(world.addon("web").objects.len(), 1);
}

#[test]
fn nothing_is_done_while_the_cluster_is_away_or_paused() {
    let mut world = World::new(&[("web", &["a"], &[])]);
    world.available = false;
    assert_eq!(world.settle(), [""; 0]);
    assert_eq!(world.message("web"), "waits: the cluster is not available yet");
    assert!(world.addon("web").objects.is_empty());
    world.available = true;
    world.settle();
    world.available = false;
    assert_eq!(world.settle(), [""; 0]);
    assert_eq!(
        world.addon("web").phase,
        AddonPhase::Applied,
        "it is still in the cluster"
    );
    world.available = true;
    world.paused = true;
    world.addons.clear();
    assert_eq!(world.settle(), [""; 0]);
    assert_eq!(world.addon("web").phase, AddonPhase::Applied);
}

#[test]
fn a_cluster_without_addons_has_no_condition_about_them() {
    let mut world = World::new(&[]);
    assert_eq!(world.settle(), [""; 0]);
    assert_eq!(
        conditions::get(&world.status.conditions, conditions::ADDONS_AVAILABLE),
        None
    );
}

#[test]
fn people_are_told_once_of_each_transition() {
    let mut world = World::new(&[("web", &["a"], &[])]);
    let mut told = Vec::new();
    let mut look = |world: &mut World, failures: &[(&str, &str)]| {
        let before = world.status.addons.clone();
        world.look(failures);
        told.extend(notices(&before, &world.status.addons));
    };
    look(&mut world, &[]);
    look(&mut world, &[("web", "no answer")]);
    look(&mut world, &[("web", "no answer")]);
    look(&mut world, &[]);
    look(&mut world, &[]);
    world.addons.clear();
    look(&mut world, &[]);
    look(&mut world, &[]);
    let expected = [
        Notice::warning("AddonFailed", "addon web: no answer"),
        Notice::normal("AddonApplied", "addon web is applied: 1 objects"),
        Notice::normal("AddonRemoved", "addon web is removed"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn the_bundled_metrics_server_is_made_of_valid_objects() {
    let bundle = super::bundled::bundle("metrics-server").unwrap();
    let templates: Vec<(String, String)> = bundle
        .templates
        .iter()
        .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()))
        .collect();
    let rendered = |given: Value| {
        let values = bundle.values(given.as_object().unwrap()).unwrap();
        let text = super::template::render("metrics-server", &templates, &json!({"values": values})).unwrap();
        super::manifest::parse("metrics-server", &text).unwrap()
    };
    let arguments = |given: Value| {
        let manifests = rendered(given);
        let deployment = manifests
            .iter()
            .find(|manifest| manifest.object.kind == "Deployment")
            .unwrap();
        deployment.content["spec"]["template"]["spec"]["containers"][0]["args"].to_string()
    };
    assert_eq!(rendered(json!({})).len(), 9);
    assert!(arguments(json!({})).contains("--kubelet-insecure-tls"));
    assert!(!arguments(json!({"kubeletInsecureTLS": false})).contains("--kubelet-insecure-tls"));
}
