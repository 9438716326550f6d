//! The same stories as in `tests/rules.rs`, and some more, judged by a real API server: it also checks schemas, prices
//! rules, keeps the status apart, and lets two clients race.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may panic, in its helpers too"
)]

mod stories;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use k8s_openapi::{
    api::{
        admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding},
        core::v1::Namespace,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
    runtime::{conditions::is_crd_established, wait::await_condition},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use slipway_api::{GROUP, Machine, VERSION, admission, manifest};
use slipway_lab::apiserver::ApiServer;
use stories::{Action, Judge};
use tokio::sync::Mutex;

/// The API server that the tests of this process share; it ends with the last of them.
static SHARED: Mutex<Weak<ApiServer>> = Mutex::const_new(Weak::new());

/// An API server that serves the kinds.
struct Server {
    server: Arc<ApiServer>,
    client: Client,
}

impl Server {
    async fn start() -> Self {
        let mut shared = SHARED.lock().await;
        if let Some(server) = shared.upgrade() {
            return Self {
                client: server.client().await.unwrap(),
                server,
            };
        }
        let server = Arc::new(ApiServer::start().await.unwrap());
        let client = server.client().await.unwrap();
        let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
        for definition in manifest::custom_resource_definitions() {
            install(&definitions, &definition).await;
            let name = definition.name_any();
            let established = await_condition(definitions.clone(), &name, is_crd_established());
            tokio::time::timeout(Duration::from_secs(30), established)
                .await
                .unwrap()
                .unwrap();
        }
        let (policy, binding) = admission::claimed_machines_stay();
        install(&Api::<ValidatingAdmissionPolicy>::all(client.clone()), &policy).await;
        install(
            &Api::<ValidatingAdmissionPolicyBinding>::all(client.clone()),
            &binding,
        )
        .await;
        *shared = Arc::downgrade(&server);
        Self { server, client }
    }

    async fn new_client(&self) -> Client {
        self.server.client().await.unwrap()
    }

    /// Makes a namespace of its own for each story.
    async fn namespace(&self, prefix: &str) -> String {
        let metadata = ObjectMeta {
            generate_name: Some(format!("{prefix}-")),
            ..ObjectMeta::default()
        };
        let namespace = Namespace {
            metadata,
            ..Namespace::default()
        };
        let api = Api::all(self.client.clone());
        api.create(&PostParams::default(), &namespace)
            .await
            .unwrap()
            .name_any()
    }
}

async fn install<K>(api: &Api<K>, object: &K)
where
    K: Resource<DynamicType = ()> + Clone + Serialize + DeserializeOwned + std::fmt::Debug,
{
    api.patch(
        &object.name_any(),
        &PatchParams::apply("test").force(),
        &Patch::Apply(object),
    )
    .await
    .unwrap();
}

/// Sends requests for one object.
struct Requests {
    api: Api<DynamicObject>,
}

impl Requests {
    fn new(client: &Client, namespace: &str, kind: &str) -> Self {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, VERSION, kind));
        Self {
            api: Api::namespaced_with(client.clone(), namespace, &resource),
        }
    }

    async fn send(&self, current: Option<&Value>, action: &Action, wanted: Value) -> kube::Result<Value> {
        let name = wanted["metadata"]["name"].as_str().unwrap().to_owned();
        let object = match action {
            Action::Create(_) => {
                self.api
                    .create(&PostParams::default(), &from_value(wanted))
                    .await?
            }
            Action::Update(_) => {
                self.api
                    .replace(&name, &PostParams::default(), &from_value(wanted))
                    .await?
            }
            Action::Patch(patch) => {
                self.api
                    .patch(&name, &PatchParams::default(), &Patch::Merge(patch))
                    .await?
            }
            Action::Apply(patch) => {
                let mut applied = patch.clone();
                applied["apiVersion"] = wanted["apiVersion"].clone();
                applied["kind"] = wanted["kind"].clone();
                self.api
                    .patch(
                        &name,
                        &PatchParams::apply("somebody-else").force(),
                        &Patch::Apply(&applied),
                    )
                    .await?
            }
            Action::Status(patch) => {
                let patch = json!({"status": patch});
                self.api
                    .patch_status(&name, &PatchParams::default(), &Patch::Merge(&patch))
                    .await?
            }
            Action::Scale(replicas) => {
                let patch = json!({"spec": {"replicas": replicas}});
                self.api
                    .patch_scale(&name, &PatchParams::default(), &Patch::Merge(&patch))
                    .await?;
                self.api.get(&name).await?
            }
            Action::Delete(()) => {
                self.api.delete(&name, &DeleteParams::default()).await?;
                return Ok(current.unwrap().clone());
            }
        };
        Ok(serde_json::to_value(object).unwrap())
    }
}

fn from_value<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

impl Judge for Requests {
    async fn judge(
        &mut self,
        current: Option<&Value>,
        action: &Action,
        wanted: Value,
    ) -> Result<Value, String> {
        self.send(current, action, wanted)
            .await
            .map_err(|error| match error {
                kube::Error::Api(status) => status.message.clone(),
                other => panic!("{action:?}: {other}"),
            })
    }
}

/// An admission policy takes a moment to be read: waits until it refuses, without deleting anything.
async fn wait_for_admission_policy(server: &Server) {
    let namespace = server.namespace("policy").await;
    let api: Api<Machine> = Api::namespaced(server.client.clone(), &namespace);
    let machine = new_machine("probe");
    claimed(&api, &machine, "mine").await.unwrap();
    let dry_run = DeleteParams {
        dry_run: true,
        ..DeleteParams::default()
    };
    for _ in 0..300 {
        if api.delete("probe", &dry_run).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the admission policy refuses nothing after 30 seconds");
}

fn new_machine(name: &str) -> Machine {
    from_value(json!({
        "apiVersion": "slipway.io/v1alpha1",
        "kind": "Machine",
        "metadata": {"name": name},
        "spec": {"address": "192.0.2.10", "ssh": {"keySecretRef": {"name": "key"}, "hostKeyPolicy": "TrustOnFirstUse"}},
    }))
}

/// Creates a machine, declares it clean and claims it.
async fn claimed(api: &Api<Machine>, machine: &Machine, uid: &str) -> kube::Result<Machine> {
    let name = machine.name_any();
    api.create(&PostParams::default(), machine).await?;
    let clean = json!({"status": {"cleanedEpoch": 0}});
    let machine = api
        .patch_status(&name, &PatchParams::default(), &Patch::Merge(&clean))
        .await?;
    api.replace(&name, &PostParams::default(), &with_claim(machine, uid))
        .await
}

fn with_claim(mut machine: Machine, uid: &str) -> Machine {
    machine.spec.claim_epoch += 1;
    machine.spec.claim_ref = Some(from_value(claim(uid, machine.spec.claim_epoch)));
    machine
}

fn claim(uid: &str, epoch: i64) -> Value {
    json!({"uid": uid, "name": "shop-worker", "clusterName": "shop", "role": "Worker", "slot": 0, "epoch": epoch})
}

#[tokio::test]
async fn the_api_server_takes_and_refuses_what_the_stories_say() {
    let server = Server::start().await;
    wait_for_admission_policy(&server).await;
    let mut complaints = Vec::new();
    for file in [
        "cluster",
        "cluster_deployment",
        "machine",
        "machine_set",
        "playbook_run",
    ] {
        let table = stories::table(file);
        for (index, story) in table.stories.iter().enumerate() {
            let namespace = server
                .namespace(&format!("{}-{index}", file.replace('_', "-")))
                .await;
            let mut requests = Requests::new(&server.client, &namespace, &table.kind);
            complaints.extend(table.play(story, &mut requests).await.err());
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Both ask at the same moment for each of the machines; says for each how the two fared.
async fn race<Ask, Asked>(machines: &[Machine], ask: Ask) -> Vec<[kube::Result<Machine>; 2]>
where
    Ask: Fn(Machine, &'static str) -> Asked,
    Asked: Future<Output = kube::Result<Machine>>,
{
    let mut outcomes = Vec::new();
    for machine in machines {
        let (first, second) = tokio::join!(ask(machine.clone(), "first"), ask(machine.clone(), "second"));
        outcomes.push([first, second]);
    }
    outcomes
}

/// Creates machines that may be claimed.
async fn idle_machines(api: &Api<Machine>, count: usize) -> Vec<Machine> {
    let mut machines = Vec::new();
    for index in 0..count {
        let name = format!("host-{index}");
        api.create(&PostParams::default(), &new_machine(&name))
            .await
            .unwrap();
        let clean = json!({"status": {"cleanedEpoch": 0}});
        machines.push(
            api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&clean))
                .await
                .unwrap(),
        );
    }
    machines
}

/// Exactly one of two has each machine, the API server agrees, and the other was told why with `code`.
async fn assert_one_winner_each(
    api: &Api<Machine>,
    outcomes: Vec<[kube::Result<Machine>; 2]>,
    code: u16,
    why: &str,
) {
    for outcome in outcomes {
        let (won, lost): (Vec<_>, Vec<_>) = outcome.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 1), "won: {won:?}, lost: {lost:?}");
        let won = won.into_iter().next().unwrap().unwrap();
        let found = api.get(&won.name_any()).await.unwrap();
        assert_eq!(
            found.spec.claim_ref, won.spec.claim_ref,
            "the claim is read back as it was written"
        );
        match lost.into_iter().next().unwrap().unwrap_err() {
            kube::Error::Api(status) => {
                assert_eq!(status.code, code, "{}", status.message);
                assert!(status.message.contains(why), "{}", status.message);
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn of_two_operators_that_claim_a_machine_by_put_one_wins() {
    let server = Server::start().await;
    let namespace = server.namespace("race").await;
    let api: Api<Machine> = Api::namespaced(server.client.clone(), &namespace);
    let machines = idle_machines(&api, 20).await;
    // A client of its own for each, as two processes have.
    let clients = [server.new_client().await, server.new_client().await];
    let outcomes = race(&machines, |machine, uid| {
        let api: Api<Machine> = Api::namespaced(clients[usize::from(uid == "second")].clone(), &namespace);
        async move {
            api.replace(
                &machine.name_any(),
                &PostParams::default(),
                &with_claim(machine, uid),
            )
            .await
        }
    })
    .await;
    assert_one_winner_each(&api, outcomes, 409, "the object has been modified").await;
}

#[tokio::test]
async fn of_two_that_claim_a_machine_without_a_resource_version_one_wins_all_the_same() {
    let server = Server::start().await;
    let namespace = server.namespace("race").await;
    let api: Api<Machine> = Api::namespaced(server.client.clone(), &namespace);
    let machines = idle_machines(&api, 20).await;
    let clients = [server.new_client().await, server.new_client().await];
    let outcomes = race(&machines, |machine, uid| {
        let api: Api<Machine> = Api::namespaced(clients[usize::from(uid == "second")].clone(), &namespace);
        let patch = json!({"spec": {"claimEpoch": 1, "claimRef": claim(uid, 1)}});
        async move {
            api.patch(
                &machine.name_any(),
                &PatchParams::default(),
                &Patch::Merge(&patch),
            )
            .await
        }
    })
    .await;
    assert_one_winner_each(&api, outcomes, 422, "this machine is claimed already").await;
}

#[tokio::test]
async fn machines_are_found_by_their_fields() {
    let server = Server::start().await;
    let namespace = server.namespace("fields").await;
    let api: Api<Machine> = Api::namespaced(server.client.clone(), &namespace);
    let machines = idle_machines(&api, 2).await;
    let taken = with_claim(machines[0].clone(), "mine");
    api.replace("host-0", &PostParams::default(), &taken)
        .await
        .unwrap();
    for (selector, expected) in [
        ("spec.claimRef.clusterName=shop", vec!["host-0"]),
        ("spec.claimRef.name=shop-worker", vec!["host-0"]),
        ("spec.claimRef.name=", vec!["host-1"]),
    ] {
        let found = api.list(&ListParams::default().fields(selector)).await.unwrap();
        let names: Vec<_> = found.iter().map(ResourceExt::name_any).collect();
        assert_eq!(names, expected, "{selector}");
    }
}
