//! Whose turn is it? At most one run is under way for each cluster and for each host; the others wait in the order in
//! which they were made.

use std::sync::Arc;

use slipway_api::PlaybookRun;

/// Whether `run` may begin, given all `others` of its namespace that are not finished (itself may be among them).
#[must_use]
pub fn is_next(run: &PlaybookRun, others: &[Arc<PlaybookRun>]) -> bool {
    others
        .iter()
        .filter(|other| other.metadata.uid != run.metadata.uid)
        .filter(|other| meet(run, other))
        .all(|other| !has_begun(other) && place(run) < place(other))
}

/// Whether two runs may not be under way at the same time.
fn meet(one: &PlaybookRun, other: &PlaybookRun) -> bool {
    let cluster = |run: &PlaybookRun| {
        run.spec
            .cluster_ref
            .as_ref()
            .map(|reference| reference.name.clone())
    };
    let same_cluster = cluster(one).is_some() && cluster(one) == cluster(other);
    same_cluster
        || one
            .spec
            .hosts
            .iter()
            .any(|host| other.spec.hosts.iter().any(|same| same.machine == host.machine))
}

fn has_begun(run: &PlaybookRun) -> bool {
    run.status.as_ref().is_some_and(|status| status.job_ref.is_some())
}

fn place(run: &PlaybookRun) -> impl Ord {
    (run.metadata.creation_timestamp.clone(), run.metadata.name.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn run(
        name: &str,
        created: &str,
        cluster: Option<&str>,
        hosts: &[&str],
        begun: bool,
    ) -> Arc<PlaybookRun> {
        let hosts: Vec<Value> = hosts
            .iter()
            .map(|host| json!({"machine": host, "epoch": 1}))
            .collect();
        Arc::new(
            serde_json::from_value(json!({
                "apiVersion": "slipway.io/v1alpha1", "kind": "PlaybookRun",
                "metadata": {"name": name, "uid": name, "creationTimestamp": format!("2026-01-01T00:00:{created}Z")},
                "spec": {"clusterRef": cluster.map(|name| json!({"name": name})), "operation": "Check", "hosts": hosts},
                "status": if begun { json!({"phase": "Running", "jobRef": {"name": name}}) } else { json!({}) },
            }))
            .unwrap(),
        )
    }

    #[test]
    fn the_oldest_run_of_a_cluster_goes_first() {
        let first = run("first", "01", Some("shop"), &["m1"], false);
        let second = run("second", "02", Some("shop"), &["m2"], false);
        let both = [Arc::clone(&first), Arc::clone(&second)];
        assert!(is_next(&first, &both));
        assert!(!is_next(&second, &both));
    }

    #[test]
    fn a_run_waits_for_one_that_has_begun_though_it_is_older() {
        let waits = run("waits", "01", Some("shop"), &["m1"], false);
        let begun = run("begun", "02", Some("shop"), &["m2"], true);
        assert!(!is_next(&waits, &[begun]));
    }

    #[test]
    fn runs_without_a_common_cluster_or_host_do_not_wait_for_each_other() {
        let one = run("one", "02", None, &["m1"], false);
        let same_host = run("same-host", "01", None, &["m1"], true);
        let other_host = run("other-host", "01", None, &["m2"], true);
        let other_cluster = run("other-cluster", "01", Some("shop"), &["m3"], true);
        assert!(!is_next(&one, &[same_host]));
        assert!(is_next(&one, &[other_host, other_cluster]));
    }
}
