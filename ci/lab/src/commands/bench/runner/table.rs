//! The results as a Markdown table.

use super::contender::Contender;
use super::workload::{Goal, Targets, Workload};
use crate::commands::bench::measure::Measured;

/// What was measured of one workload.
#[derive(Debug)]
pub struct Row {
    workload: Workload,
    results: Vec<(Contender, Measured)>,
    round_trips: Vec<(Contender, f64)>,
}

impl Row {
    /// Nothing measured yet.
    pub fn new(workload: &Workload) -> Self {
        Self {
            workload: workload.clone(),
            results: Vec::new(),
            round_trips: Vec::new(),
        }
    }

    /// What a contender took.
    pub fn add(&mut self, contender: Contender, measured: Measured) {
        self.results.push((contender, measured));
    }

    /// How often a contender waited for the host.
    pub fn add_round_trips(&mut self, contender: Contender, count: f64) {
        self.round_trips.push((contender, count));
    }

    fn of(&self, contender: Contender) -> Option<Measured> {
        let mut results = self.results.iter();
        results
            .find(|(who, _)| *who == contender)
            .map(|(_, measured)| *measured)
    }

    fn cell(&self, contender: Contender) -> String {
        let Some(measured) = self.of(contender) else {
            return "–".to_owned();
        };
        let ratio = match self.of(Contender::Slipway) {
            Some(slipway) if contender != Contender::Slipway => {
                format!(" (**{}**)", times(ratio(measured, slipway)))
            }
            _ => String::new(),
        };
        let trips = self.round_trips.iter().find(|(who, _)| *who == contender);
        let trips = trips.map_or_else(String::new, |(_, count)| format!(", {count:.0} round trips"));
        format!("{measured}{trips}{ratio}")
    }

    fn hosts(&self) -> f64 {
        let count = match self.workload.targets {
            Targets::Localhost => 1,
            Targets::Machines(count) | Targets::Names(count) | Targets::Memory(count) => count,
        };
        f64::from(u32::try_from(count).unwrap_or(u32::MAX))
    }

    fn tasks(&self) -> f64 {
        f64::from(u32::try_from(self.workload.tasks).unwrap_or(u32::MAX))
    }

    fn goals(&self) -> String {
        let shown = self.workload.goals.iter().map(|goal| {
            let (text, met) = self.judge(*goal);
            match met {
                Some(true) => format!("{text} ✓"),
                Some(false) => format!("{text} ✗"),
                None => text,
            }
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// A goal in words, and whether it was reached if that is known.
    fn judge(&self, goal: Goal) -> (String, Option<bool>) {
        let slipway = self.of(Contender::Slipway);
        let against = |contender| Some(ratio(self.of(contender)?, slipway?));
        let bytes = slipway.map(|measured| bytes(measured.memory_bytes));
        match goal {
            Goal::TimesAnsible(wanted) => {
                let met = against(Contender::Ansible).map(|ratio| ratio >= wanted);
                (format!("≥ {wanted:.0}×"), met)
            }
            Goal::AsFastAsScp => (
                "≥ scp".to_owned(),
                against(Contender::Scp).map(|ratio| ratio >= 1.0),
            ),
            Goal::Megabytes(most) => (format!("≤ {most:.0} MB"), bytes.map(|bytes| bytes <= most * 1e6)),
            Goal::MebibytesAHost(most) => {
                let share = bytes.map(|bytes| bytes / self.hosts() / 1_048_576.0);
                let shown = share.map_or_else(String::new, |share| format!(", is {share:.2}"));
                (
                    format!("< {most:.0} MiB a host{shown}"),
                    share.map(|share| share < most),
                )
            }
            Goal::ProcessorATask => {
                let share =
                    slipway.map(|measured| measured.processor.as_secs_f64() / self.hosts() / self.tasks());
                let shown = share.map_or_else(String::new, |share| {
                    format!("{:.0} µs of processor a task", share * 1e6)
                });
                (shown, None)
            }
            Goal::RoundTrips(beside) => {
                let tasks = self.tasks();
                let mut found = self.round_trips.iter();
                let found = found.find(|(who, _)| *who == Contender::Slipway);
                // Half a round trip is what times of two runs differ by.
                let met = found.map(|(_, count)| *count < tasks + beside + 0.5);
                (format!("≤ {} round trips", tasks + beside), met)
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "memory of a program")]
fn bytes(bytes: u64) -> f64 {
    bytes as f64
}

fn ratio(other: Measured, slipway: Measured) -> f64 {
    other.wall.div_duration_f64(slipway.wall)
}

fn times(ratio: f64) -> String {
    if ratio < 10.0 {
        format!("{ratio:.1}×")
    } else {
        format!("{ratio:.0}×")
    }
}

/// Prints all rows. The ratio behind a contender says how many times as long as Slipway it took.
pub fn print(rows: &[Row]) {
    println!("\n| workload | slipway-playbook | ansible-playbook | with mitogen | scp | goal |");
    println!("|---|---|---|---|---|---|");
    for row in rows {
        let cells = [
            Contender::Slipway,
            Contender::Ansible,
            Contender::Mitogen,
            Contender::Scp,
        ]
        .map(|contender| row.cell(contender));
        println!(
            "| {} | {} | {} |",
            row.workload.what,
            cells.join(" | "),
            row.goals()
        );
    }
}
