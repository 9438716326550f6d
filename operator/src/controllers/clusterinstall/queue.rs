//! Whose turn is it? At most one run is under way for each cluster and for each host; the others wait in the order in
//! which they were made.

use std::sync::{Arc, Mutex, PoisonError};

use slipway_api::{PlaybookRun, labels};

/// Runs that this process has let begin, until the watch shows that they have. What was seen a moment ago is not enough to
/// go by: of two runs made within the same second each could be taken for the next.
#[derive(Debug, Default)]
pub struct Admitted(Mutex<Vec<Arc<PlaybookRun>>>);

impl Admitted {
    /// Whether `run` may begin, given all runs of its namespace that are `unfinished`. From then on it counts as begun.
    pub fn admit(&self, run: &Arc<PlaybookRun>, unfinished: &[Arc<PlaybookRun>]) -> bool {
        let mut admitted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = &run.metadata.namespace;
        admitted.retain(|known| {
            let seen = unfinished.iter().find(|other| is_same(known, other));
            known.metadata.namespace != *here || seen.is_some_and(|seen| !has_begun(seen))
        });
        if admitted.iter().any(|known| is_same(known, run)) {
            return true;
        }
        let is_free = admitted
            .iter()
            .all(|known| known.metadata.namespace != *here || !meet(known, run));
        let may_begin = is_free && is_next(run, unfinished);
        if may_begin {
            admitted.push(Arc::clone(run));
        }
        may_begin
    }
}

/// Whether `run` may begin, given all `others` of its namespace that are not finished (itself may be among them).
fn is_next(run: &PlaybookRun, others: &[Arc<PlaybookRun>]) -> bool {
    if has_begun(run) {
        return true;
    }
    others
        .iter()
        .filter(|other| !is_same(run, other))
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

fn is_same(one: &PlaybookRun, other: &PlaybookRun) -> bool {
    one.metadata.uid == other.metadata.uid
}

/// A run is held by its finalizer before its Job is made: a crash in between leaves one that has begun.
fn has_begun(run: &PlaybookRun) -> bool {
    let mut finalizers = run.metadata.finalizers.iter().flatten();
    run.status.as_ref().is_some_and(|status| status.job_ref.is_some())
        || finalizers.any(|name| name == labels::PLAYBOOK_RUN_FINALIZER)
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
    fn of_two_runs_made_at_once_one_begins_though_nobody_sees_yet_that_it_has() {
        let (later, earlier) = (
            run("b", "01", Some("shop"), &["m1"], false),
            run("a", "01", Some("shop"), &["m2"], false),
        );
        let admitted = Admitted::default();
        assert!(admitted.admit(&later, &[Arc::clone(&later)]));
        let both = [Arc::clone(&later), Arc::clone(&earlier)];
        assert!(!admitted.admit(&earlier, &both), "the other one has just begun");
        assert!(admitted.admit(&later, &both), "it goes on after an error");
        let seen = [run("b", "01", Some("shop"), &["m1"], true), Arc::clone(&earlier)];
        assert!(!admitted.admit(&earlier, &seen));
        assert!(
            admitted.admit(&earlier, &[Arc::clone(&earlier)]),
            "the other one is over"
        );
    }

    #[test]
    fn a_run_whose_job_was_made_before_a_crash_goes_on_first() {
        let mut held = Arc::unwrap_or_clone(run("b", "01", Some("shop"), &["m1"], false));
        held.metadata.finalizers = Some(vec![labels::PLAYBOOK_RUN_FINALIZER.to_owned()]);
        let both = [
            Arc::new(held.clone()),
            run("a", "01", Some("shop"), &["m1"], false),
        ];
        let admitted = Admitted::default();
        assert!(!admitted.admit(&both[1], &both));
        assert!(admitted.admit(&both[0], &both));
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
