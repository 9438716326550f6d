//! Jobs (`async`) on a real SSH server: what they leave on the host, and that they live without the runner. What they return is
//! compared with real Ansible's in `over_ssh`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::time::{Duration, Instant};

use support::Sshd;

/// Command lines of processes with this text in them.
fn processes(text: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(text))
        .collect()
}

/// Whether the process of a job, which its name has at its end, is no more.
fn has_ended(job: &str) -> bool {
    let process = job.split('.').nth(1).unwrap();
    let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    !String::from_utf8_lossy(&line).contains("--job")
}

/// Waits until something is so.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !so() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_job_whose_time_is_over_is_killed_with_all_that_it_has_started() {
    let server = Sshd::start("", "");
    let (python, shell) = ("4231.17", "4232.17");
    let module = format!(
        "#!/usr/bin/python\nimport subprocess, time\nfrom ansible.module_utils.basic import AnsibleModule\n\n\
         module = AnsibleModule(argument_spec={{}})\nsubprocess.Popen(['sleep', '{python}'])\n\
         module.run_command(['sh', '-c', 'sleep {python} & sleep {python}'])\nmodule.exit_json()\n"
    );
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("library")).unwrap();
    std::fs::write(directory.path().join("library/slow.py"), module).unwrap();
    let playbook = format!(
        "- hosts: server
  gather_facts: false
  tasks:
    - shell: sleep {shell} & sleep {shell} | sleep {shell}
      async: 2
      poll: 0
      register: shell
    # Long enough for a job that is slow to start.
    - slow: {{}}
      async: 2
      poll: 8
      register: slow
      ignore_errors: true
    - async_status: {{jid: \"{{{{ shell.ansible_job_id }}}}\"}}
      register: ended
      until: ended.finished == 1
      retries: 20
      delay: 1
      ignore_errors: true
    - assert:
        that:
          - slow.msg == 'Timeout exceeded'
          - slow.finished == 1
          - ended.msg == 'Timeout exceeded'
          - ended.child_pid is number
    - async_status: {{jid: \"{{{{ shell.ansible_job_id }}}}\", mode: cleanup}}
    - debug: {{msg: \"job {{{{ shell.ansible_job_id }}}} {{{{ slow.ansible_job_id }}}}\"}}
"
    );
    let played = server.play_in(directory, &playbook, &[]);
    played.assert(0, &["ok=6", "ignored=2"]);
    for duration in [python, shell] {
        until(&format!("{:?}", processes(duration)), || {
            processes(duration).is_empty()
        });
    }
    let jobs = played.stdout.split("\"job ").nth(1).unwrap();
    for job in jobs.split('"').next().unwrap().split(' ') {
        until("the job's own process stays", || has_ended(job));
    }
}

#[test]
fn a_job_goes_on_when_the_runner_has_ended() {
    let server = Sshd::with_users("");
    let home = server.homes.clone().unwrap().join("free");
    let start = "- hosts: server
  gather_facts: false
  vars: {ansible_user: free}
  tasks:
    - shell: sleep 3; echo alone; touch ~/done
      async: 60
      poll: 0
      register: started
    - debug: {msg: \"name {{ started.ansible_job_id }}\"}
";
    let played = server.play(start, &[]);
    played.assert(0, &["name j"]);
    assert!(!home.join("done").exists(), "it was waited for");
    let job = played.stdout.split("name ").nth(1).unwrap();
    let job = job.split('"').next().unwrap();
    // Until then it is known to run, by whoever asks.
    let status: serde_json::Value =
        serde_json::from_slice(&std::fs::read(home.join(".ansible_async").join(job)).unwrap()).unwrap();
    assert_eq!(
        status,
        serde_json::json!({"started": 1, "finished": 0, "ansible_job_id": job})
    );
    until("the job has ended with the runner", || home.join("done").exists());
    let look = format!(
        "- hosts: server
  gather_facts: false
  vars: {{ansible_user: free}}
  tasks:
    - async_status: {{jid: {job}}}
      register: ended
      until: ended.finished == 1
      retries: 20
      delay: 1
    - debug: {{msg: \"said {{{{ ended.stdout }}}}\"}}
    - async_status: {{jid: {job}, mode: cleanup}}
"
    );
    server.play(&look, &[]).assert(0, &["said alone"]);
    let left = std::fs::read_dir(home.join(".ansible_async")).unwrap();
    assert_eq!(left.count(), 0);
    until("the job's own process stays", || has_ended(job));
}

#[test]
fn a_job_that_is_waited_for_outlives_the_agent_that_started_it() {
    let server = Sshd::start("", "");
    let playbook = "- hosts: server
  gather_facts: false
  tasks:
    - shell: echo $PPID
      register: agent
    - shell: sleep 1; kill -9 {{ agent.stdout }}; sleep 2; echo survived
      async: 30
      poll: 1
      register: job
    - shell: echo $PPID
      register: other
    - debug: {msg: \"it {{ job.stdout }}, {{ 'another' if agent.stdout != other.stdout else 'the same' }} agent\"}
";
    server
        .play(playbook, &[])
        .assert(0, &["it survived, another agent"]);
}
