//! How long to wait before an object is worked on again.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// First wait after a failure.
const FIRST: Duration = Duration::from_secs(1);
/// Longest wait after many failures.
const LONGEST: Duration = Duration::from_mins(5);
/// First wait where somebody else changed an object first.
const FIRST_CONFLICT: Duration = Duration::from_millis(200);
/// Longest wait where somebody else keeps changing an object first.
const LONGEST_CONFLICT: Duration = Duration::from_secs(5);
/// How long an object on which all is well is left alone, if nothing of it changes.
const RESYNC: Duration = Duration::from_mins(10);

/// Counts failures in a row for each object.
#[derive(Debug)]
pub struct Backoff<K> {
    first: Duration,
    longest: Duration,
    failures: Mutex<HashMap<K, u32>>,
}

impl<K: Hash + Eq + Clone> Backoff<K> {
    /// For failures.
    pub fn of_failures() -> Self {
        Self::between(FIRST, LONGEST)
    }

    /// For objects that somebody else changed first: these are looked at again soon, but in no tight loop.
    pub fn of_conflicts() -> Self {
        Self::between(FIRST_CONFLICT, LONGEST_CONFLICT)
    }

    fn between(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            failures: Mutex::default(),
        }
    }

    /// Notes another failure of `object`; says how many there were in a row and how long to wait: doubling, within 20 % of
    /// it either way.
    pub fn failed(&self, object: &K) -> (u32, Duration) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(object.clone()).or_default();
        *count = count.saturating_add(1);
        let doublings = count.saturating_sub(1).min(16);
        let wait = (self.first * 2_u32.pow(doublings)).min(self.longest);
        (*count, with_jitter(wait, &(*count, object)))
    }

    /// Forgets the failures of `object`.
    pub fn succeeded(&self, object: &K) {
        self.failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(object);
    }
}

/// When to look at `object` again although nothing happened to it.
pub fn resync(object: &impl Hash) -> Duration {
    with_jitter(RESYNC, object)
}

/// `duration` moved by up to 20 % either way, always the same for the same `seed`: objects spread out over time and
/// nothing random is needed.
pub fn with_jitter(duration: Duration, seed: &impl Hash) -> Duration {
    let mut hasher = DefaultHasher::new();
    seed.hash(&mut hasher);
    let per_mille = 800 + u32::try_from(hasher.finish() % 401).unwrap_or(0);
    duration * per_mille / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_start_again_after_success() {
        let backoff = Backoff::of_failures();
        let waits: Vec<f64> = (0..12).map(|_| backoff.failed(&"m1").1.as_secs_f64()).collect();
        for (index, wait) in waits.iter().enumerate() {
            let exact = 2_f64.powi(i32::try_from(index).unwrap()).min(300.0);
            assert!((wait / exact - 1.0).abs() <= 0.2, "failure {index}: {wait} s");
        }
        backoff.succeeded(&"m1");
        assert!(backoff.failed(&"m1").1 <= Duration::from_millis(1200));
    }

    #[test]
    fn objects_are_spread_over_time() {
        let waits: std::collections::BTreeSet<Duration> = (0..100)
            .map(|number| resync(&format!("machine-{number}")))
            .collect();
        assert!(
            waits.len() > 50,
            "{} different times for 100 objects",
            waits.len()
        );
    }
}
