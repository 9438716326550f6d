//! `slipway-lab bench runner`: the same playbooks by slipway-playbook and ansible-playbook, side by side on real machines.

mod contender;
mod slow_link;
mod table;
mod workload;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Map, Value, json};
use slipway_lab::{Lab, Machine, UpOptions};

use super::measure::{Measured, measure};
use contender::Contender;
use table::Row;
use workload::{PLACE, Targets, Workload};

/// One way on the slow link.
const DELAY: Duration = Duration::from_millis(15);
/// One way on the link that it is compared with to count round trips: not nothing, so that what it costs to wait counts in neither.
const SHORT_DELAY: Duration = Duration::from_millis(5);
/// A workload is played again until this much time was spent on it, or it was played [`MOST_RUNS`] times; the fastest run counts.
const SPENT: Duration = Duration::from_secs(10);
const MOST_RUNS: usize = 5;

/// slipway-playbook and ansible-playbook (and mitogen, scp) side by side
///
/// Each on fresh files, connecting anew; what both need only once on a host is there beforehand (Slipway's agent, Python's byte
/// code). The fastest of a few runs counts. Ratios are what this is about: they hold for this host at this time.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Machines that there are at most; workloads that want more are played on so many
    #[arg(long, default_value_t = 50)]
    hosts: usize,
    /// Only this workload; may be given several times
    #[arg(long, value_name = "WORKLOAD")]
    only: Vec<String>,
    /// Only this contender (slipway, ansible, mitogen, scp); may be given several times
    #[arg(long, value_name = "CONTENDER")]
    contender: Vec<String>,
    /// A tenth of all tasks, items and files
    #[arg(long)]
    quick: bool,
    /// Leave the lab up afterwards
    #[arg(long)]
    keep: bool,
}

pub async fn run(name: &str, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut workloads = Workload::all(arguments.hosts.max(1), arguments.quick);
    let known: Vec<&str> = workloads.iter().map(|workload| workload.name).collect();
    for wanted in &arguments.only {
        ensure!(
            known.contains(&wanted.as_str()),
            "there is no workload `{wanted}`; there are {}",
            known.join(", ")
        );
    }
    workloads.retain(|workload| {
        arguments.only.is_empty() || arguments.only.iter().any(|wanted| wanted == workload.name)
    });
    let machines = workloads.iter().map(Workload::machines).max();
    let options = UpOptions {
        machines: machines.unwrap_or_default(),
        services: false,
        ..UpOptions::named(name)
    };
    let bench = Bench {
        lab: Lab::up(&options).await?,
        folder: tempfile::Builder::new()
            .prefix("slipway-bench-")
            .tempdir()
            .context("make a folder for the playbooks")?
            .keep(),
        wanted: arguments.contender.clone(),
        quick: arguments.quick,
    };
    let mut rows = Vec::new();
    for workload in &workloads {
        rows.push(bench.row(workload).await?);
    }
    table::print(&rows);
    std::fs::remove_dir_all(&bench.folder).context("remove the playbooks")?;
    if !arguments.keep {
        Lab::down(name).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What all workloads share.
struct Bench {
    lab: Lab,
    /// A folder for each workload, and what each run printed.
    folder: PathBuf,
    wanted: Vec<String>,
    quick: bool,
}

impl Bench {
    async fn row(&self, workload: &Workload) -> anyhow::Result<Row> {
        let folder = self.folder.join(workload.name);
        std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        workload.write(&folder, self.quick)?;
        let mut machines = self.lab.machines()?;
        machines.truncate(workload.machines());
        if let Targets::Names(_) = workload.targets {
            admit_many(&machines).await?;
        }
        let mut row = Row::new(workload);
        let mut done = None;
        for contender in Contender::of(workload) {
            if !self.wanted.is_empty() && !self.wanted.iter().any(|name| name == contender.name()) {
                continue;
            }
            if let Some(reason) = contender.missing() {
                eprintln!("{:<10} {:<8} skipped: {reason}", workload.name, contender.name());
                continue;
            }
            let played = Played {
                bench: self,
                workload,
                folder: &folder,
                machines: &machines,
                contender,
            };
            let link = |delay| slow_link::open(&self.lab, machines[0].address(), delay);
            let measured = match workload.name {
                "latency" => {
                    let fast = played.best(Some(link(SHORT_DELAY)?)).await?;
                    let slow = played.best(Some(link(DELAY)?)).await?;
                    row.add_round_trips(
                        contender,
                        (slow.wall.saturating_sub(fast.wall))
                            .div_duration_f64(DELAY.saturating_sub(SHORT_DELAY) * 2),
                    );
                    slow
                }
                _ => played.best(None).await?,
            };
            row.add(contender, measured);
            if contender != Contender::Scp {
                played.must_have_done(&mut done)?;
            }
        }
        Ok(row)
    }
}

/// One contender at one workload.
struct Played<'a> {
    bench: &'a Bench,
    workload: &'a Workload,
    folder: &'a Path,
    machines: &'a [Machine],
    contender: Contender,
}

impl Played<'_> {
    /// The fastest of a few runs.
    async fn best(&self, link: Option<SocketAddr>) -> anyhow::Result<Measured> {
        let inventory = inventory(&self.bench.lab, self.workload, self.machines, link);
        let file = self.folder.join("inventory.yml");
        std::fs::write(&file, inventory.to_string()).with_context(|| format!("write {}", file.display()))?;
        self.warm_up().await?;
        let mut best: Option<Measured> = None;
        let mut spent = Duration::ZERO;
        for _ in 0..MOST_RUNS {
            let measured = self.once().await?;
            spent += measured.wall * self.workload.starts;
            best = Some(best.filter(|best| best.wall <= measured.wall).unwrap_or(measured));
            if spent >= SPENT {
                break;
            }
        }
        best.context("nothing was played")
    }

    /// What is needed only once on a host comes before the clock.
    async fn warm_up(&self) -> anyhow::Result<()> {
        let playbook = self.folder.join("warm-up.yml");
        std::fs::write(&playbook, workload::WARM_UP).context("write the playbook that warms up")?;
        if matches!(self.workload.targets, Targets::Machines(_)) && self.contender != Contender::Scp {
            let words = self
                .contender
                .words(&self.bench.lab, self.workload, &playbook, self.machines)?;
            measure(
                &self.bench.lab,
                "warm-up",
                &words,
                &self.folder.join("warm-up.log"),
            )
            .await?;
        }
        Ok(())
    }

    /// Whoever did less than the others was not faster.
    fn must_have_done(&self, done: &mut Option<Vec<String>>) -> anyhow::Result<()> {
        let log = self.log();
        let text = std::fs::read_to_string(&log).with_context(|| format!("read {}", log.display()))?;
        let recap = recap(&text);
        let first = done.get_or_insert_with(|| recap.clone());
        ensure!(
            *first == recap,
            "{} did not do the same work in `{}`: {recap:?} instead of {first:?}, see {}",
            self.contender.name(),
            self.workload.name,
            log.display()
        );
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.contender.name()))
    }

    async fn once(&self) -> anyhow::Result<Measured> {
        if self.workload.machines() > 0 {
            let script = format!("sudo rm -rf {PLACE} && mkdir {PLACE}");
            futures::future::try_join_all(self.machines.iter().map(|machine| machine.run(&script))).await?;
        }
        let playbook = self.folder.join("playbook.yml");
        let words = self
            .contender
            .words(&self.bench.lab, self.workload, &playbook, self.machines)?;
        let mut measured = measure(&self.bench.lab, self.contender.name(), &words, &self.log()).await?;
        measured.wall /= self.workload.starts;
        measured.processor /= self.workload.starts;
        eprintln!(
            "{:<10} {:<8} {measured}",
            self.workload.name,
            self.contender.name()
        );
        Ok(measured)
    }
}

/// Lets a machine's sshd take many connections at the same time: each stands for a host of its own.
async fn admit_many(machines: &[Machine]) -> anyhow::Result<()> {
    let script =
        "echo MaxStartups 1000 | sudo tee /etc/ssh/sshd_config.d/bench.conf && sudo systemctl reload ssh";
    futures::future::try_join_all(machines.iter().map(|machine| machine.run(script))).await?;
    Ok(())
}

/// The totals of each host, without the layout.
fn recap(text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .skip_while(|line| !line.starts_with("PLAY RECAP"))
        .skip(1);
    let mut totals: Vec<String> = lines
        .filter(|line| line.contains(" ok="))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    totals.sort();
    totals
}

fn inventory(lab: &Lab, workload: &Workload, machines: &[Machine], link: Option<SocketAddr>) -> Value {
    if let Targets::Memory(count) = workload.targets {
        let hosts: Map<String, Value> = (1..=count)
            .map(|number| (format!("host-{number}"), json!({})))
            .collect();
        return json!({"all": {"hosts": hosts, "vars": {"ansible_connection": "memory"}}});
    }
    let known_hosts = lab.folders().known_hosts();
    let count = match workload.targets {
        Targets::Localhost | Targets::Memory(_) => 0,
        Targets::Machines(_) => machines.len(),
        Targets::Names(count) => count,
    };
    let mut hosts = Map::new();
    for (index, machine) in machines.iter().cycle().take(count).enumerate() {
        let mut variables = json!({"ansible_host": machine.address().to_string()});
        if let Some(link) = link {
            variables["ansible_host"] = json!(link.ip().to_string());
            variables["ansible_port"] = json!(link.port());
            // The host's key is known for its own address only.
            variables["ansible_ssh_common_args"] =
                json!("-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes");
            variables["ansible_host_key_checking"] = json!(false);
        }
        hosts.insert(format!("host-{}", index + 1), variables);
    }
    json!({"all": {"hosts": hosts, "vars": {
        "ansible_user": "slipway",
        "ansible_ssh_private_key_file": lab.folders().ssh_key(),
        "ansible_ssh_common_args": format!("-o UserKnownHostsFile={} -o IdentitiesOnly=yes", known_hosts.display()),
        // Spares Ansible the search.
        "ansible_python_interpreter": "/usr/bin/python3",
    }}})
}

#[cfg(test)]
mod tests {
    use super::recap;

    #[test]
    fn recaps_are_the_same_whatever_their_order_and_layout() {
        let first =
            "TASK [a] ***\nok: [x]\nPLAY RECAP ****\nb   : ok=1    changed=0\na  : ok=2   changed=1\n\n";
        let second = "PLAY RECAP *\na : ok=2 changed=1 \nb : ok=1 changed=0\n";
        assert_eq!(recap(first), recap(second));
        assert_eq!(recap(first).len(), 2);
    }
}
