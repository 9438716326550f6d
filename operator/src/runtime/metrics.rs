//! What `/metrics` shows. Labels hold names of controllers and categories, never names of objects, so that their
//! number stays small.

use std::{fmt, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ControllerLabel {
    controller: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FailureLabels {
    controller: &'static str,
    category: &'static str,
}

fn duration_histogram() -> Histogram {
    Histogram::new([0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0])
}

/// The operator's metrics.
pub struct Metrics {
    registry: Registry,
    runs: Family<ControllerLabel, Counter>,
    failures: Family<FailureLabels, Counter>,
    durations: Family<ControllerLabel, Histogram>,
    leader: Gauge,
}

impl Metrics {
    /// Metrics in a registry of their own.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("slipway_operator");
        let runs = Family::default();
        let failures = Family::default();
        let durations = Family::new_with_constructor(duration_histogram as fn() -> Histogram);
        let leader = Gauge::default();
        registry.register(
            "reconcile_runs",
            "Times an object was worked on",
            Family::clone(&runs),
        );
        registry.register(
            "reconcile_failures",
            "Times work on an object failed, by category of the failure",
            Family::clone(&failures),
        );
        registry.register(
            "reconcile_duration_seconds",
            "How long work on one object took",
            Family::clone(&durations),
        );
        registry.register(
            "leader",
            "1 while this replica holds the Lease",
            Gauge::clone(&leader),
        );
        Self {
            registry,
            runs,
            failures,
            durations,
            leader,
        }
    }

    /// Notes that `controller` worked on an object for `duration`.
    pub fn ran(&self, controller: &'static str, duration: Duration) {
        let label = ControllerLabel { controller };
        self.runs.get_or_create(&label).inc();
        self.durations
            .get_or_create(&label)
            .observe(duration.as_secs_f64());
    }

    /// Notes a failure of `controller`.
    pub fn failed(&self, controller: &'static str, category: &'static str) {
        self.failures
            .get_or_create(&FailureLabels { controller, category })
            .inc();
    }

    /// Notes whether this replica holds the Lease.
    pub fn set_leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Every metric in the OpenMetrics text format.
    ///
    /// # Errors
    /// Never in practice: writing to a string does not fail.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut rendered = String::new();
        text::encode(&mut rendered, &self.registry)?;
        Ok(rendered)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_by_controller_and_category() {
        let metrics = Metrics::new();
        metrics.ran("machineset", Duration::from_millis(20));
        metrics.failed("machineset", "conflict");
        let text = metrics.render().unwrap();
        for line in [
            "slipway_operator_reconcile_runs_total{controller=\"machineset\"} 1",
            "slipway_operator_reconcile_failures_total{controller=\"machineset\",category=\"conflict\"} 1",
            "slipway_operator_reconcile_duration_seconds_count{controller=\"machineset\"} 1",
            "slipway_operator_leader 0",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
