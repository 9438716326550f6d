//! How long each step took, beside kubeadm typed by hand.

use std::future::Future;
use std::time::{Duration, Instant};

use super::floor::Floor;

/// The steps so far.
#[derive(Debug, Default)]
pub struct Times {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    step: String,
    took: Duration,
    by_hand: Option<Duration>,
}

/// Names of the steps that have a counterpart by hand.
pub const INSTALL: &str = "  the run of install.yml";
/// See [`INSTALL`].
pub const SCALE_OUT: &str = "  the run of scale-out.yml";
/// See [`INSTALL`].
pub const RESET: &str = "  the run of reset.yml and its check";

impl Times {
    /// Does a step and notes how long it took.
    pub async fn step<T, E>(&mut self, name: &str, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let start = Instant::now();
        let done = work.await?;
        self.add(name, start.elapsed());
        Ok(done)
    }

    /// Notes a step that was measured elsewhere.
    pub fn add(&mut self, name: &str, took: Duration) {
        self.rows.push(Row {
            step: name.to_owned(),
            took,
            by_hand: None,
        });
    }

    /// Puts the times by hand beside the steps that they are the floor of.
    pub fn compare(&mut self, floor: &Floor) {
        for row in &mut self.rows {
            row.by_hand = match row.step.as_str() {
                INSTALL => Some(floor.cluster()),
                SCALE_OUT => Some(floor.worker()),
                RESET => Some(floor.reset),
                _ => None,
            };
        }
    }

    /// Prints the table.
    pub fn print(&self) {
        println!(
            "  {:<44} {:>9} {:>9} {:>7}",
            "STEP", "SLIPWAY", "BY HAND", "RATIO"
        );
        for row in &self.rows {
            let (by_hand, ratio) = row.by_hand.map_or_else(Default::default, |floor| {
                (
                    format!("{:.1} s", floor.as_secs_f64()),
                    format!("{:.2}", row.took.as_secs_f64() / floor.as_secs_f64()),
                )
            });
            let took = format!("{:.1} s", row.took.as_secs_f64());
            println!("  {:<44} {took:>9} {by_hand:>9} {ratio:>7}", row.step);
        }
        println!();
        println!(
            "  By hand: kubeadm init, flannel, kubeadm join, nodes Ready (install); kubeadm join, node Ready; kubeadm reset."
        );
        println!(
            "  The hosts had every program and image before these were typed; Slipway's hosts began bare."
        );
    }
}
