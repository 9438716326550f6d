//! What manages packages and services, Python, and the security modules of the kernel.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Facts, read};
use crate::answer::answer;
use crate::context::Context;
use crate::foreign::interpreter::{self, CANDIDATES};
use crate::kept::Kept;
use crate::process::{Process, find_program};

/// Programs of package managers and Ansible's names for them; an earlier one wins.
const PACKAGE_MANAGERS: [(&str, &str); 7] = [
    ("/usr/bin/apt-get", "apt"),
    ("/usr/bin/dnf5", "dnf5"),
    ("/usr/bin/dnf-3", "dnf"),
    ("/usr/bin/yum", "yum"),
    ("/usr/bin/zypper", "zypper"),
    ("/sbin/apk", "apk"),
    ("/usr/bin/pacman", "pacman"),
];

/// Ansible's name of this host's package manager.
pub(crate) fn package_manager_name() -> Option<&'static str> {
    PACKAGE_MANAGERS
        .iter()
        .find(|(program, _)| Path::new(program).exists())
        .map(|(_, name)| *name)
}

pub(super) fn package_manager(_: &Context) -> Facts {
    answer!({"pkg_mgr": package_manager_name().unwrap_or("unknown")})
}

pub(super) fn service_manager(_: &Context) -> Facts {
    let first_process = read("/proc/1/comm").unwrap_or_default();
    let manager = match first_process.as_str() {
        _ if ["/run/systemd/system", "/dev/.run/systemd", "/dev/.systemd"]
            .iter()
            .any(|path| Path::new(path).exists()) =>
        {
            "systemd"
        }
        "systemd" => "systemd",
        "init" if Path::new("/run/openrc/softlevel").exists() => "openrc",
        "init" | "" => "sysvinit",
        other => other,
    };
    answer!({"service_mgr": manager})
}

/// The version of systemd and what it was built with, where it manages the host.
pub(super) fn systemd(context: &Context) -> Facts {
    if !Path::new("/run/systemd/system").is_dir() {
        return Facts::new();
    }
    let Some(program) = find_program("systemctl".as_ref(), &context.environment) else {
        return Facts::new();
    };
    let shown = Kept::open().answer(
        &program,
        "--version",
        |_| Vec::new(),
        || {
            let shown = Process::tool(context, "systemctl").arg("--version").run().ok()?;
            (shown.code == 0).then_some(shown.stdout)
        },
    );
    let shown = shown.unwrap_or_default();
    let mut lines = shown.lines();
    let version = lines
        .next()
        .and_then(|line| line.split_whitespace().nth(1)?.parse::<u32>().ok());
    let Some(version) = version else {
        return Facts::new();
    };
    answer!({"systemd": {"version": version, "features": lines.next().unwrap_or_default()}})
}

/// Facts of a Python that is there. The agent needs none; playbooks ask whether there is one.
pub(super) fn python(context: &Context) -> Facts {
    // Without `site`, and without loading `ssl` to see that it is there: that would take longer than all other facts together.
    // Every `ssl` of Python 3 has contexts.
    const QUESTION: &str = "import sys; print(sys.executable, sys.implementation.name, \
        any(finder.find_spec('_ssl') for finder in sys.meta_path), *sys.version_info, *sys.path, sep='\\n')";
    let mut kept = Kept::open();
    // What the playbook names counts alone. Its further words are for modules in Python.
    let programs = match context.python.first() {
        Some(program) => vec![interpreter::expand(program, &context.environment)],
        None => CANDIDATES.map(str::to_owned).to_vec(),
    };
    programs
        .iter()
        .filter_map(|program| Some((program, find_program(program.as_ref(), &context.environment)?)))
        .find_map(|(program, path)| {
            let ask = || {
                let asked = Process::new(context, program).args(["-I", "-S", "-c", QUESTION]);
                let said = asked.run().ok()?.stdout;
                python_of(&said).map(|_| said)
            };
            python_of(&kept.answer(&path, "facts", modules_of, ask)?)
        })
        .unwrap_or_default()
}

/// The folders of a Python's modules, of what it has printed: whether one is there depends on them.
fn modules_of(said: &str) -> Vec<PathBuf> {
    said.lines().skip(LINES_OF_PYTHON).map(PathBuf::from).collect()
}

/// So many lines of what a Python prints are facts.
const LINES_OF_PYTHON: usize = 8;

/// The facts in what a Python has printed, line by line.
fn python_of(said: &str) -> Option<Facts> {
    let lines: Vec<&str> = said.lines().take(LINES_OF_PYTHON).collect();
    let &[
        executable,
        r#type,
        has_ssl,
        major,
        minor,
        micro,
        releaselevel,
        serial,
    ] = lines.as_slice()
    else {
        return None;
    };
    let number = |text: &str| text.parse::<u64>().ok();
    let (major, minor, micro, serial) = (number(major)?, number(minor)?, number(micro)?, number(serial)?);
    Some(answer!({
        "python": {
            "executable": executable,
            "type": r#type,
            "has_sslcontext": has_ssl == "True",
            "version_info": [major, minor, micro, releaselevel, serial],
            "version": {
                "major": major, "minor": minor, "micro": micro, "releaselevel": releaselevel, "serial": serial,
            },
        },
        "python_version": format!("{major}.{minor}.{micro}"),
    }))
}

pub(super) fn selinux(_: &Context) -> Facts {
    let Some(enforce) = read("/sys/fs/selinux/enforce") else {
        return answer!({"selinux": {"status": "disabled"}, "selinux_python_present": true});
    };
    let configuration = read("/etc/selinux/config").unwrap_or_default();
    let configured = |key: &str| {
        configuration
            .lines()
            .find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))
            .map_or_else(|| "unknown".to_owned(), |value| value.trim().to_owned())
    };
    let mode = if enforce == "1" { "enforcing" } else { "permissive" };
    let version = read("/sys/fs/selinux/policyvers").and_then(|text| text.parse::<u32>().ok());
    answer!({
        "selinux": {
            "status": "enabled",
            "mode": mode,
            "config_mode": configured("SELINUX"),
            "type": configured("SELINUXTYPE"),
            "policyvers": version.map_or_else(|| json!("unknown"), Value::from),
        },
        "selinux_python_present": true,
    })
}

pub(super) fn apparmor(_: &Context) -> Facts {
    let status = if Path::new("/sys/kernel/security/apparmor").exists() {
        "enabled"
    } else {
        "disabled"
    };
    answer!({"apparmor": {"status": status}})
}

pub(super) fn fips(_: &Context) -> Facts {
    answer!({"fips": read("/proc/sys/crypto/fips_enabled").as_deref() == Some("1")})
}
