//! The Job: one pod at a time, without an API token, that plays one entry playbook.

use k8s_openapi::{
    api::{
        batch::v1::{
            Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement,
            PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
        },
        core::v1::{
            Capabilities, ConfigMapVolumeSource, Container, EmptyDirVolumeSource, EnvVar, PodSecurityContext,
            PodSpec, PodTemplateSpec, SeccompProfile, SecretVolumeSource, SecurityContext, Volume,
            VolumeMount,
        },
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use slipway_api::{Operation, labels, names};

use super::{
    CONTAINER, HOSTS_KEY, INVENTORY_PATH, Inputs, KNOWN_HOSTS_KEY, PLAYBOOKS_PATH, SECRET_PATH, SECRETS_KEY,
    VARIABLES_KEY, metadata, run_name,
};

/// Pods that may be lost (deleted, killed, out of memory) before the Job gives up; disruptions do not count.
const BACKOFF_LIMIT: i32 = 4;
/// Seconds after which a finished Job is deleted, should the operator not have done so: a day to look at its log.
const TIME_TO_LIVE: i32 = 24 * 60 * 60;
/// Seconds that the runner has to come to a task boundary.
const GRACE_PERIOD: i64 = 60;
/// User and group of the executor image.
const USER: i64 = 65532;
/// Exit codes after which another pod would fail the same way: the runner has played, or refused to.
const FINAL_EXIT_CODES: [i32; 5] = [1, 2, 4, 5, 250];

pub(super) fn build(inputs: &Inputs<'_>) -> Job {
    let run = run_name(inputs);
    let mut metadata = metadata(inputs, names::job(run));
    metadata.finalizers = Some(vec![labels::JOB_FINALIZER.to_owned()]);
    let pod_labels = metadata.labels.clone();
    Job {
        metadata,
        spec: Some(JobSpec {
            backoff_limit: Some(BACKOFF_LIMIT),
            active_deadline_seconds: Some(inputs.run.spec.limits.deadline_seconds),
            ttl_seconds_after_finished: Some(TIME_TO_LIVE),
            pod_replacement_policy: Some("Failed".to_owned()),
            pod_failure_policy: Some(failure_policy()),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: pod_labels,
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(inputs)),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    }
}

fn failure_policy() -> PodFailurePolicy {
    PodFailurePolicy {
        rules: vec![
            PodFailurePolicyRule {
                action: "Ignore".to_owned(),
                on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
                    type_: "DisruptionTarget".to_owned(),
                    status: Some("True".to_owned()),
                }]),
                ..PodFailurePolicyRule::default()
            },
            PodFailurePolicyRule {
                action: "FailJob".to_owned(),
                on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
                    container_name: Some(CONTAINER.to_owned()),
                    operator: "In".to_owned(),
                    values: FINAL_EXIT_CODES.to_vec(),
                }),
                ..PodFailurePolicyRule::default()
            },
        ],
    }
}

fn pod(inputs: &Inputs<'_>) -> PodSpec {
    let run = run_name(inputs);
    PodSpec {
        restart_policy: Some("Never".to_owned()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(GRACE_PERIOD),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            fs_group: Some(USER),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                ..SeccompProfile::default()
            }),
            ..PodSecurityContext::default()
        }),
        volumes: Some(vec![
            Volume {
                name: "inventory".to_owned(),
                config_map: Some(ConfigMapVolumeSource {
                    name: names::inventory_config_map(run),
                    ..ConfigMapVolumeSource::default()
                }),
                ..Volume::default()
            },
            Volume {
                name: "secret".to_owned(),
                secret: Some(SecretVolumeSource {
                    secret_name: Some(names::executor_secret(run)),
                    default_mode: Some(0o440),
                    ..SecretVolumeSource::default()
                }),
                ..Volume::default()
            },
            Volume {
                name: "temporary".to_owned(),
                empty_dir: Some(EmptyDirVolumeSource::default()),
                ..Volume::default()
            },
        ]),
        containers: vec![container(inputs)],
        ..PodSpec::default()
    }
}

fn container(inputs: &Inputs<'_>) -> Container {
    let mount = |name: &str, path: &str, read_only: bool| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: Some(read_only),
        ..VolumeMount::default()
    };
    Container {
        name: CONTAINER.to_owned(),
        image: Some(inputs.image.to_owned()),
        command: Some(vec!["/usr/bin/slipway-playbook".to_owned()]),
        args: Some(arguments(inputs)),
        env: Some(vec![
            variable("HOME", "/tmp"),
            // Ansible goes on without an inventory that it cannot read; here that would be a run of nothing that succeeds.
            variable("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", "true"),
        ]),
        resources: inputs.resources.clone(),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".to_owned()]),
                ..Capabilities::default()
            }),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(vec![
            mount("inventory", INVENTORY_PATH, true),
            mount("secret", SECRET_PATH, true),
            mount("temporary", "/tmp", false),
        ]),
        ..Container::default()
    }
}

fn arguments(inputs: &Inputs<'_>) -> Vec<String> {
    let spec = &inputs.run.spec;
    let mut arguments: Vec<String> = [
        "--inventory".to_owned(),
        format!("{INVENTORY_PATH}/{HOSTS_KEY}"),
        "--extra-vars".to_owned(),
        format!("@{INVENTORY_PATH}/{VARIABLES_KEY}"),
        "--extra-vars".to_owned(),
        format!("@{SECRET_PATH}/{SECRETS_KEY}"),
        "--known-hosts".to_owned(),
        format!("{SECRET_PATH}/{KNOWN_HOSTS_KEY}"),
        "--forks".to_owned(),
        spec.limits.forks.to_string(),
        "--events".to_owned(),
        "--result-file".to_owned(),
        "/dev/termination-log".to_owned(),
    ]
    .into();
    if spec.operation == Operation::Reset {
        // The last run on a host before it goes back to the pool takes the agent away too.
        arguments.push("--no-agent-cache".to_owned());
    }
    let playbook = |name: &str| format!("{PLAYBOOKS_PATH}/{name}.yml");
    arguments.push(playbook(spec.entry_playbook()));
    if spec.operation == Operation::Reset && spec.playbook.is_empty() {
        // A reset counts only with the proof that nothing is left.
        arguments.push(playbook(Operation::Check.playbook()));
    }
    arguments
}

fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        ..EnvVar::default()
    }
}
