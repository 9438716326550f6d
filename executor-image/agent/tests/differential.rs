//! The agent's modules against ansible-core's: the same calls, one after the other, each in a directory of its own; results and
//! the files left behind must be the same. Differences that are meant are in [`exceptions`], each with its reason.
//!
//! Needs root and real Ansible; see [`ansible::playbook_program`] for how to make it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // all of it is a test

#[path = "differential/agent.rs"]
mod agent;
#[path = "differential/ansible.rs"]
mod ansible;
#[path = "differential/exceptions.rs"]
mod exceptions;
#[path = "differential/files.rs"]
mod files;
#[path = "differential/keys.rs"]
mod keys;
#[path = "differential/normalise.rs"]
mod normalise;
#[path = "differential/outcome.rs"]
mod outcome;
#[path = "differential/private.rs"]
mod private;
#[path = "differential/rows.rs"]
mod rows;
#[path = "differential/server.rs"]
mod server;

use std::fmt::Write as _;

use outcome::{Outcome, compare};

macro_rules! sections {
    ($($test:ident: $section:literal,)+) => {
        $(#[test]
        fn $test() {
            compare_section($section);
        })+

        #[test]
        fn every_section_of_the_table_is_compared() {
            assert_eq!(rows::sections(), [$($section),+]);
        }
    };
}

sections! {
    command_does_as_ansible: "command",
    shell_does_as_ansible: "shell",
    file_does_as_ansible: "file",
    copy_does_as_ansible: "copy",
    stat_slurp_and_tempfile_do_as_ansible: "stat",
    lineinfile_does_as_ansible: "lineinfile",
    replace_does_as_ansible: "replace",
    blockinfile_does_as_ansible: "blockinfile",
    find_does_as_ansible: "find",
    unarchive_does_as_ansible: "unarchive",
    wait_for_does_as_ansible: "wait_for",
    sysctl_and_mount_do_as_ansible: "system",
    group_and_user_do_as_ansible: "accounts",
    setup_finds_what_ansible_finds: "setup",
    service_refuses_as_ansible: "service",
    async_status_does_as_ansible: "jobs",
    getent_and_service_facts_do_as_ansible: "databases",
    cron_does_as_ansible: "cron",
    iptables_does_as_ansible: "iptables",
    hostname_and_timezone_do_as_ansible: "host",
    alternatives_does_as_ansible: "alternatives",
    openssh_keypair_does_as_ansible: "keys",
    services_of_systemd_do_as_ansible: "systemd",
    services_of_init_scripts_do_as_ansible: "scripts",
    selinux_and_firewalld_refuse_as_ansible: "security",
    arguments_are_named_as_by_ansible: "unsupported",
    apt_does_as_ansible: "apt",
    assemble_does_as_ansible: "assemble",
    known_hosts_does_as_ansible: "known_hosts",
    ini_file_does_as_ansible: "ini_file",
    authorized_key_does_as_ansible: "authorized_key",
    archive_does_as_ansible: "archive",
    modprobe_sysctl_and_mount_do_as_ansible: "kernel",
    apt_key_does_as_ansible: "apt_key",
    deb822_repository_does_as_ansible: "deb822_repository",
    rpm_key_does_as_ansible: "rpm_key",
    get_url_does_as_ansible: "get_url",
    uri_does_as_ansible: "uri",
    package_facts_finds_what_ansible_finds: "package_facts",
    dnf_does_as_ansible: "dnf",
    yum_repository_does_as_ansible: "yum_repository",
    apt_repository_does_as_ansible: "apt_repository",
    dpkg_selections_does_as_ansible: "dpkg_selections",
    debconf_does_as_ansible: "debconf",
    git_does_as_ansible: "git",
    pip_does_as_ansible: "pip",
}

fn compare_section(section: &str) {
    assert!(
        rustix::process::geteuid().is_root(),
        "this test changes owners of files and makes a user: run it as root"
    );
    let rows = rows::section(section);
    let url = server::start();
    let theirs = ansible::outcome(section, &rows, &url);
    // Of the same length as Ansible's: the size of a link is the length of its target.
    let work = tempfile::tempdir().unwrap();
    let directory = work.path().join("dir");
    std::fs::create_dir(&directory).unwrap();
    let results = agent::run(section, &rows, &directory, &url);
    let ours = Outcome::new(&results, &directory, &url);

    let mut report = String::new();
    let mut used = exceptions::Used::default();
    for (index, row) in rows.iter().enumerate() {
        let mut differences = compare(&theirs.results[index], &ours.results[index]);
        differences.retain(|(key, theirs, _)| !used.explains(row, key, theirs));
        if differences.is_empty() {
            continue;
        }
        let _ = writeln!(report, "row {index} {}", row.describe());
        for (key, theirs, ours) in differences {
            let _ = writeln!(
                report,
                "    {key}\n        ansible: {theirs}\n        agent:   {ours}"
            );
        }
    }
    files::compare(&theirs.files, &ours.files, &mut report);
    used.report_unused(section, &mut report);
    assert!(
        report.is_empty(),
        "section {section}, {} rows; differences:\n{report}",
        rows.len()
    );
}
