//! The callback `profile_tasks`: how long each task took, and which took longest.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::output::{Callback, Console, Stats, TaskHeader};

/// How wide its lines are.
const COLUMNS: usize = 79;

/// Tells times between tasks and the longest at the end.
#[derive(Debug)]
pub struct ProfileTasksCallback {
    started: Instant,
    /// Tasks with when they began; the next one's beginning is their end.
    tasks: Vec<(Arc<TaskHeader>, Instant)>,
    order: Order,
    limit: Option<usize>,
    shows_path: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Longest,
    Shortest,
    AsRun,
}

impl ProfileTasksCallback {
    /// As its variables in the environment say.
    pub fn of_environment() -> Self {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        Self {
            started: Instant::now(),
            tasks: Vec::new(),
            order: match variable("PROFILE_TASKS_SORT_ORDER").as_str() {
                "ascending" => Order::Shortest,
                "none" => Order::AsRun,
                _ => Order::Longest,
            },
            limit: match variable("PROFILE_TASKS_TASK_OUTPUT_LIMIT").as_str() {
                "all" => None,
                text => Some(text.parse().unwrap_or(20)),
            },
            shows_path: matches!(
                variable("PROFILE_TASKS_TASK_OUTPUT_PATH").to_lowercase().as_str(),
                "1" | "true" | "yes" | "on"
            ),
        }
    }

    /// The time of day, since the last task, and since the beginning.
    fn clock(&self, console: &mut Console) {
        let now = chrono::Local::now().format("%A %d %B %Y  %H:%M:%S %z");
        let last = self.tasks.last().map_or(self.started, |(_, began)| *began);
        let text = format!(
            "{now} ({})       {}",
            clock(last.elapsed()),
            clock(self.started.elapsed())
        );
        console.line(&fill(&text, "", '*'), None);
    }
}

impl Callback for ProfileTasksCallback {
    fn task_started(&mut self, console: &mut Console, header: &Arc<TaskHeader>) {
        self.clock(console);
        self.tasks.push((Arc::clone(header), Instant::now()));
    }

    fn recap(&mut self, console: &mut Console, _: &Stats, _: bool) {
        self.clock(console);
        console.line(&fill("", "", '='), None);
        let ends = self
            .tasks
            .iter()
            .skip(1)
            .map(|(_, began)| *began)
            .chain([Instant::now()]);
        let mut times: Vec<(&Arc<TaskHeader>, Duration)> = self
            .tasks
            .iter()
            .zip(ends)
            .map(|((header, began), end)| (header, end.duration_since(*began)))
            .collect();
        match self.order {
            Order::Longest => times.sort_by_key(|(_, time)| std::cmp::Reverse(*time)),
            Order::Shortest => times.sort_by_key(|(_, time)| *time),
            Order::AsRun => {}
        }
        for (header, time) in times.into_iter().take(self.limit.unwrap_or(usize::MAX)) {
            let seconds = format!(" {:.2}s", time.as_secs_f64());
            console.line(&fill(&header.name, &seconds, '-'), None);
            if self.shows_path {
                console.line(&header.source, None);
            }
        }
    }
}

/// `text ----- end`, as wide as the columns.
fn fill(text: &str, end: &str, with: char) -> String {
    let text = if text.is_empty() {
        String::new()
    } else {
        format!("{text} ")
    };
    let width = COLUMNS.saturating_sub(text.chars().count() + end.chars().count());
    format!("{text}{}{end}", with.to_string().repeat(width))
}

/// `0:01:02.345`
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!(
        "{}:{:02}:{:02}.{:03}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        time.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_wide_as_the_columns() {
        let line = fill("common : install", " 12.34s", '-');
        assert!(
            line.starts_with("common : install ---") && line.ends_with("- 12.34s"),
            "{line}"
        );
        assert_eq!(line.len(), COLUMNS);
        assert_eq!(clock(Duration::from_millis(3_723_045)), "1:02:03.045");
    }
}
