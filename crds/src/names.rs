//! The one place that derives names of objects, so that whoever makes an object and whoever looks for it agree.
//!
//! Every name is a DNS label of at most 63 characters, so that it may be a label value and the name of a Job.
//! The API server limits what names are made from: a ClusterDeployment's name has at most 40 characters and
//! no dots, the name of one of its machine sets at most 20.

use sha2::{Digest as _, Sha256};

use crate::playbook_run::Operation;

/// Longest DNS label, label value and Job name, in characters.
pub const MAXIMUM_LENGTH: usize = 63;
/// Longest name of a ClusterDeployment, in characters.
pub const MAXIMUM_CLUSTER_LENGTH: usize = 40;
/// Longest name of an entry of `spec.machineSets`, in characters.
pub const MAXIMUM_SET_LENGTH: usize = 20;

/// Hexadecimal digits of a hash in a name: two of a billion names clash with a chance of one in a million.
const HASH_LENGTH: usize = 10;

/// Names of the Secrets of a cluster, as Cluster API has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSecrets {
    /// Certificate authority of the cluster; keys `tls.crt` and `tls.key`.
    pub cluster_ca: String,
    /// Certificate authority of etcd; keys `tls.crt` and `tls.key`.
    pub etcd_ca: String,
    /// Certificate authority of the front proxy; keys `tls.crt` and `tls.key`.
    pub front_proxy_ca: String,
    /// Service-account keys: `tls.key` is the private one, `tls.crt` the public one.
    pub service_account: String,
    /// Kubeconfig of an administrator; key `value`.
    pub kubeconfig: String,
    /// Bootstrap token; keys `token-id` and `token-secret`.
    pub bootstrap_token: String,
}

impl ClusterSecrets {
    /// The names for the cluster called `cluster`.
    pub fn of(cluster: &str) -> Self {
        Self {
            cluster_ca: format!("{cluster}-ca"),
            etcd_ca: format!("{cluster}-etcd"),
            front_proxy_ca: format!("{cluster}-proxy"),
            service_account: format!("{cluster}-sa"),
            kubeconfig: format!("{cluster}-kubeconfig"),
            bootstrap_token: format!("{cluster}-bootstrap-token"),
        }
    }

    /// All names.
    pub fn all(&self) -> [&str; 6] {
        [
            &self.cluster_ca,
            &self.etcd_ca,
            &self.front_proxy_ca,
            &self.service_account,
            &self.kubeconfig,
            &self.bootstrap_token,
        ]
    }
}

/// Name of the MachineSet that an entry of `spec.machineSets` becomes.
pub fn machine_set(cluster: &str, set: &str) -> String {
    shortened(&format!("{cluster}-{set}"), &[cluster, set])
}

/// Name of the PlaybookRun for one try of one piece of work. The same work has the same name, so that making it twice
/// makes it once. `cluster_uid` is the uid of the ClusterDeployment, so that a later cluster of the same name has other runs.
pub fn playbook_run(
    cluster: &str,
    cluster_uid: &str,
    operation: Operation,
    inputs_hash: &str,
    attempt: i32,
) -> String {
    let operation = kebab_case(&operation.to_string());
    let attempt = attempt.to_string();
    let suffix = format!(
        "{}-{attempt}",
        short_hash(&[cluster_uid, &operation, inputs_hash])
    );
    let readable = format!("{cluster}-{operation}");
    format!("{}-{suffix}", cut(&readable, MAXIMUM_LENGTH - suffix.len() - 1))
}

/// Name of the Job of a PlaybookRun: the same, since a PlaybookRun's name is a DNS label.
pub fn job(run: &str) -> String {
    run.to_owned()
}

/// Name of the ConfigMap with the inventory and the variables of a PlaybookRun.
pub fn inventory_config_map(run: &str) -> String {
    format!("{run}-inventory")
}

/// Name of the Secret with the SSH keys, host keys and secret variables of a PlaybookRun.
pub fn executor_secret(run: &str) -> String {
    format!("{run}-secret")
}

/// The first digits of a hash over `parts`. Parts are kept apart: `["ab", "c"]` and `["a", "bc"]` have different hashes.
pub fn short_hash(parts: &[&str]) -> String {
    let mut hash = full_hash(parts);
    hash.truncate(HASH_LENGTH);
    hash
}

/// SHA-256 over `parts` in hexadecimal digits, parts kept apart: for `inputsHash` and the like.
pub fn full_hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hex::encode(hasher.finalize())
}

/// `name` if it is short enough; else its start and a hash over `parts`, so that two long names stay two.
fn shortened(name: &str, parts: &[&str]) -> String {
    if name.len() <= MAXIMUM_LENGTH {
        return name.to_owned();
    }
    format!(
        "{}-{}",
        cut(name, MAXIMUM_LENGTH - HASH_LENGTH - 1),
        short_hash(parts)
    )
}

/// At most `length` bytes of `name`, without a dash or dot at the end.
fn cut(name: &str, length: usize) -> &str {
    let end = name.floor_char_boundary(length.min(name.len()));
    name[..end].trim_end_matches(['-', '.'])
}

/// `RotateCertificates` as `rotate-certificates`.
fn kebab_case(camel_case: &str) -> String {
    let mut kebab = String::with_capacity(camel_case.len() + 2);
    for (index, character) in camel_case.char_indices() {
        if character.is_ascii_uppercase() && index > 0 {
            kebab.push('-');
        }
        kebab.push(character.to_ascii_lowercase());
    }
    kebab
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const OPERATIONS: [Operation; 12] = [
        Operation::Install,
        Operation::ScaleOut,
        Operation::ScaleIn,
        Operation::Upgrade,
        Operation::Reconfigure,
        Operation::RotateCertificates,
        Operation::BackupEtcd,
        Operation::RestoreEtcd,
        Operation::Reset,
        Operation::Check,
        Operation::Preflight,
        Operation::Custom,
    ];

    fn is_dns_label(name: &str) -> bool {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !name.is_empty()
            && name.len() <= MAXIMUM_LENGTH
            && name.bytes().all(inner)
            && !name.starts_with('-')
            && !name.ends_with('-')
    }

    proptest! {
        #[test]
        fn names_of_secrets_and_machine_sets_are_dns_labels(
            cluster in "[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?",
            set in "[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?",
        ) {
            prop_assert!(cluster.len() <= MAXIMUM_CLUSTER_LENGTH && set.len() <= MAXIMUM_SET_LENGTH);
            let secrets = ClusterSecrets::of(&cluster);
            for name in secrets.all() {
                prop_assert!(is_dns_label(name), "{name}");
            }
            prop_assert_eq!(secrets.all().iter().collect::<HashSet<_>>().len(), 6);
            let machine_set = machine_set(&cluster, &set);
            prop_assert!(is_dns_label(&machine_set), "{machine_set}");
            prop_assert_eq!(machine_set, format!("{cluster}-{set}"), "the limits leave room for both names");
        }

        #[test]
        fn the_name_of_a_run_is_a_dns_label_and_the_same_for_the_same_work(
            cluster in "[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?",
            uid in "[0-9a-f]{8}-[0-9a-f]{4}",
            operation in prop::sample::select(OPERATIONS.to_vec()),
            inputs in "[0-9a-f]{1,64}",
            attempt in 1..=i32::MAX,
        ) {
            let name = playbook_run(&cluster, &uid, operation, &inputs, attempt);
            prop_assert!(is_dns_label(&name), "{name}");
            prop_assert_eq!(&name, &playbook_run(&cluster, &uid, operation, &inputs, attempt));
            let suffix = format!("-{attempt}");
            prop_assert!(name.ends_with(&suffix), "{} {}", name, suffix);
        }

        #[test]
        fn other_work_has_another_name(
            uids in ("[0-9a-f]{1,9}", "[0-9a-f]{1,9}"),
            inputs in ("[0-9a-f]{1,9}", "[0-9a-f]{1,9}"),
            attempts in (1..99_i32, 1..99_i32),
        ) {
            let cluster = "a-cluster-with-a-name-of-forty-characters";
            let first = playbook_run(cluster, &uids.0, Operation::RotateCertificates, &inputs.0, attempts.0);
            let second = playbook_run(cluster, &uids.1, Operation::RotateCertificates, &inputs.1, attempts.1);
            let same = uids.0 == uids.1 && inputs.0 == inputs.1 && attempts.0 == attempts.1;
            prop_assert_eq!(first == second, same);
        }
    }

    #[test]
    fn a_run_is_named_for_people_too() {
        let name = playbook_run("shop", "0b2e", Operation::ScaleOut, "7f3c", 2);
        assert!(
            name.starts_with("shop-scale-out-") && name.ends_with("-2"),
            "{name}"
        );
    }

    #[test]
    fn names_that_are_too_long_for_the_limits_are_still_labels_and_still_differ() {
        let long = "x".repeat(60);
        let (first, second) = (machine_set(&long, "one"), machine_set(&long, "two"));
        assert!(is_dns_label(&first) && is_dns_label(&second), "{first} {second}");
        assert_ne!(first, second);
    }

    #[test]
    fn parts_of_a_hash_are_kept_apart() {
        assert_ne!(short_hash(&["ab", "c"]), short_hash(&["a", "bc"]));
    }
}
