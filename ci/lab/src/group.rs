//! A control group for a program that is measured: what runs in it, how long it computed, and its end as one.

use std::path::PathBuf;
use std::time::Duration;

use crate::cgroup::Hierarchies;
use crate::error::Result;
use crate::lab::Lab;

/// Joins the groups given before `--` and becomes the program after it.
const JOIN: &str =
    r#"while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@""#;

/// A control group of a lab. Processes that leave their parent (an SSH master) are still in it.
#[derive(Debug)]
pub struct Group {
    hierarchies: Hierarchies,
    path: String,
    directories: Vec<PathBuf>,
}

impl Lab {
    /// A fresh group with this name, which is no machine's.
    pub async fn group(&self, name: &str) -> Result<Group> {
        crate::state::check_name(name, "group")?;
        let hierarchies = Hierarchies::detect()?;
        let path = format!("{}/group.{name}", self.cgroup());
        hierarchies.kill(&path).await?;
        hierarchies.remove(&path).await?;
        let directories = hierarchies.create(&path)?;
        Ok(Group {
            hierarchies,
            path,
            directories,
        })
    }
}

impl Group {
    /// The words that put a command into the group, to be followed by the command.
    pub fn words(&self) -> Vec<String> {
        let mut words = ["sh", "-c", JOIN, "slipway-lab"].map(str::to_owned).to_vec();
        words.extend(
            self.directories
                .iter()
                .map(|directory| directory.display().to_string()),
        );
        words.push("--".to_owned());
        words
    }

    /// The processes in it now.
    pub fn processes(&self) -> Vec<i32> {
        self.hierarchies.processes(&self.path)
    }

    /// Processor time of all that ever ran in it.
    pub fn processor_time(&self) -> Duration {
        self.directories
            .iter()
            .find_map(|directory| {
                // Version 1 counts nanoseconds in a file of its own, version 2 microseconds in a table.
                let read = |name: &str| std::fs::read_to_string(directory.join(name)).ok();
                if let Some(nanoseconds) = read("cpuacct.usage") {
                    return nanoseconds.trim().parse().ok().map(Duration::from_nanos);
                }
                let table = read("cpu.stat")?;
                let microseconds = table.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
                microseconds.trim().parse().ok().map(Duration::from_micros)
            })
            .unwrap_or_default()
    }

    /// Ends all that runs in it, by force, and removes it.
    pub async fn remove(self) -> Result<()> {
        self.hierarchies.kill(&self.path).await?;
        self.hierarchies.remove(&self.path).await
    }
}
