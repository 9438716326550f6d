//! What is played: each workload is one playbook, made here so that its size can be chosen.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;

/// Where the tasks work on a host.
pub const PLACE: &str = "/var/tmp/slipway-bench";
/// The machines on which names without a machine of their own are shared out.
const MACHINES_OF_NAMES: usize = 4;
/// The size of the file that is copied, in MB.
const LARGE: usize = 200;

/// On what it is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    /// The host of the controller itself.
    Localhost,
    /// As many machines.
    Machines(usize),
    /// As many hosts of the inventory, which are all there is in machines: each has its own connection and agent.
    Names(usize),
    /// As many hosts that exist in the runner's memory only: what is measured is the runner itself.
    Memory(usize),
}

/// What Slipway must reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// As many times as fast as ansible-playbook.
    TimesAnsible(f64),
    /// At least as fast as scp.
    AsFastAsScp,
    /// Memory of the controller, in MB.
    Megabytes(f64),
    /// Memory of the controller for each host, in MiB.
    MebibytesAHost(f64),
    /// No goal but to be told: processor time of the controller for each task of each host.
    ProcessorATask,
    /// Round trips between controller and host, as a slow link shows them.
    RoundTrips(f64),
}

/// One workload.
#[derive(Debug, Clone)]
pub struct Workload {
    /// For `--only`.
    pub name: &'static str,
    /// For the table.
    pub what: String,
    /// On what it is played.
    pub targets: Targets,
    /// The playbook; none for `--version`.
    pub playbook: Option<String>,
    /// How often a program is started for one measurement: those that end at once are measured many times.
    pub starts: u32,
    /// Tasks for each host, for numbers that are shared among them.
    pub tasks: usize,
    /// What Slipway must reach.
    pub goals: Vec<Goal>,
}

impl Workload {
    /// All of them, on so many machines at most. A quick run has a tenth of the tasks, items and files.
    pub fn all(most: usize, quick: bool) -> Vec<Self> {
        let share = |count: usize| if quick { count.div_ceil(10) } else { count };
        let play = |name, hosts: usize, tasks: usize, what: String, body: String, goal: f64| Self {
            name,
            what,
            targets: Targets::Machines(hosts.min(most)),
            playbook: Some(body),
            starts: 1,
            tasks,
            goals: vec![Goal::TimesAnsible(goal)],
        };
        let hosts = |count: usize| match count.min(most) {
            1 => "1 host".to_owned(),
            count => format!("{count} hosts"),
        };
        let small = |name, count, tasks| {
            let tasks = share(tasks);
            let what = format!("{} × {tasks} small tasks", hosts(count));
            play(name, count, tasks, what, small_tasks(tasks), 50.0)
        };
        let skipped = share(100);
        let items = share(1000);
        let files = share(2000);
        let megabytes = share(LARGE);
        vec![
            Self {
                targets: Targets::Localhost,
                playbook: None,
                starts: 10,
                ..play("version", 1, 0, "`--version`".to_owned(), String::new(), 50.0)
            },
            Self {
                targets: Targets::Localhost,
                starts: 10,
                ..play(
                    "empty",
                    1,
                    0,
                    "empty play on localhost".to_owned(),
                    EMPTY.to_owned(),
                    50.0,
                )
            },
            small("one", 1, 100),
            small("ten", 10, 50),
            small("fifty", 50, 20),
            play(
                "skipped",
                50,
                skipped,
                format!("{} × {skipped} skipped tasks", hosts(50)),
                skipped_tasks(skipped),
                200.0,
            ),
            Self {
                goals: vec![Goal::TimesAnsible(20.0), Goal::Megabytes(60.0)],
                ..play(
                    "facts",
                    50,
                    1,
                    format!("facts of {}", hosts(50)),
                    FACTS.to_owned(),
                    20.0,
                )
            },
            play(
                "loop",
                1,
                1,
                format!("loop of {items} items of `file`"),
                loop_of_files(items),
                100.0,
            ),
            Self {
                goals: vec![Goal::AsFastAsScp],
                ..play(
                    "large",
                    4,
                    1,
                    format!("`copy` of a {megabytes} MB file to {}", hosts(4)),
                    LARGE_COPY.to_owned(),
                    1.0,
                )
            },
            play(
                "tree",
                1,
                1,
                format!("`copy` of a tree of {files} files"),
                TREE_COPY.to_owned(),
                20.0,
            ),
            Self {
                goals: vec![Goal::RoundTrips(5.0)],
                ..small("latency", 1, 100)
            },
            Self {
                targets: Targets::Names(share(1000)),
                goals: vec![Goal::MebibytesAHost(1.0)],
                ..play(
                    "thousand",
                    1,
                    share(100),
                    format!("{} connections × {} tasks", share(1000), share(100)),
                    looks(share(100)),
                    1.0,
                )
            },
            Self {
                targets: Targets::Memory(share(1000)),
                goals: vec![Goal::MebibytesAHost(1.0), Goal::ProcessorATask],
                ..play(
                    "memory",
                    1,
                    share(100),
                    format!("{} hosts in memory × {} tasks", share(1000), share(100)),
                    looks(share(100)),
                    1.0,
                )
            },
        ]
    }

    /// The machines that it wants.
    pub fn machines(&self) -> usize {
        match self.targets {
            Targets::Localhost | Targets::Memory(_) => 0,
            Targets::Machines(count) => count,
            Targets::Names(_) => MACHINES_OF_NAMES,
        }
    }

    /// Writes the playbook and the files that it takes from the controller.
    pub fn write(&self, folder: &Path, quick: bool) -> anyhow::Result<()> {
        let write = |name: &str, content: &[u8]| {
            let path = folder.join(name);
            std::fs::write(&path, content).with_context(|| format!("write {}", path.display()))
        };
        write(
            "playbook.yml",
            self.playbook.as_deref().unwrap_or(EMPTY).as_bytes(),
        )?;
        write("template.j2", TEMPLATE.as_bytes())?;
        match self.name {
            "large" => write(
                "large.bin",
                &noise(if quick { LARGE / 10 } else { LARGE } * 1_000_000),
            ),
            "tree" => {
                let files = if quick { 200 } else { 2000 };
                for number in 0..files {
                    let below = folder.join(format!("tree/{}", number / 100));
                    std::fs::create_dir_all(&below).with_context(|| format!("make {}", below.display()))?;
                    let content = format!("file {number}\n").repeat(20);
                    write(&format!("tree/{}/{number}.txt", number / 100), content.as_bytes())?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

const EMPTY: &str =
    "- {name: Nothing, hosts: localhost, connection: local, gather_facts: false, tasks: []}\n";

/// Puts Slipway's agent and Python's byte code on every host.
pub const WARM_UP: &str = "\
- name: Warm up
  hosts: all
  gather_facts: true
  become: true
  tasks:
    - {name: Ping, ansible.builtin.ping: }
";

const FACTS: &str = "- {name: Facts, hosts: all, gather_facts: true, tasks: []}\n";

const HEADER: &str = "\
- name: Measured
  hosts: all
  gather_facts: false
  become: true
  vars:
    place: /var/tmp/slipway-bench
    mode: usual
  tasks:
";

const LARGE_COPY: &str = "\
- name: Measured
  hosts: all
  gather_facts: false
  tasks:
    - name: A large file
      ansible.builtin.copy: {src: large.bin, dest: /var/tmp/slipway-bench/large.bin, mode: '0644'}
";

const TREE_COPY: &str = "\
- name: Measured
  hosts: all
  gather_facts: false
  become: true
  tasks:
    - name: Many small files
      ansible.builtin.copy: {src: tree, dest: /var/tmp/slipway-bench/, mode: '0644'}
";

const TEMPLATE: &str = "\
# {{ inventory_hostname }} in {{ mode }} mode
{% for number in range(10) %}
line {{ number }} of {{ place }}
{% endfor %}
";

/// Five modules in turn, each task a task of its own.
fn small_tasks(count: usize) -> String {
    let mut text = HEADER.to_owned();
    for number in 0..count {
        let task = match number % 5 {
            0 => "ansible.builtin.command: {cmd: 'true'}".to_owned(),
            1 => format!(
                "ansible.builtin.copy: {{content: \"{{{{ mode }}}} {number}\\n\", dest: '{{{{ place }}}}/copy-{number}', mode: '0644'}}"
            ),
            2 => format!(
                "ansible.builtin.template: {{src: template.j2, dest: '{{{{ place }}}}/template-{number}', mode: '0644'}}"
            ),
            3 => format!(
                "ansible.builtin.file: {{path: '{{{{ place }}}}/file-{number}', state: directory, mode: '0755'}}"
            ),
            _ => format!(
                "ansible.builtin.lineinfile: {{path: '{{{{ place }}}}/copy-{}', line: 'line {number}'}}",
                number - 3
            ),
        };
        // ok: writing to a string does not fail.
        let _ = write!(text, "    - name: Task {number}\n      {task}\n");
    }
    text
}

fn looks(count: usize) -> String {
    let mut text = HEADER.replace("  become: true\n", "");
    for number in 0..count {
        let _ = write!(
            text,
            "    - name: Task {number}\n      ansible.builtin.stat: {{path: '{{{{ place }}}}/{number}'}}\n"
        );
    }
    text
}

fn skipped_tasks(count: usize) -> String {
    let mut text = HEADER.to_owned();
    for number in 0..count {
        let _ = write!(
            text,
            "    - name: Task {number}\n      ansible.builtin.command: {{cmd: 'true'}}\n      when: mode == 'rare'\n"
        );
    }
    text
}

fn loop_of_files(items: usize) -> String {
    format!(
        "{HEADER}    - name: Many items\n      ansible.builtin.file: {{path: '{{{{ place }}}}/item-{{{{ item }}}}', state: directory, mode: '0755'}}\n      \
         loop: \"{{{{ range({items}) | list }}}}\"\n"
    )
}

/// Bytes that do not compress, the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
