//! What manages packages and services, Python, and the security modules of the kernel.

use std::path::Path;

use serde_json::{Value, json};

use super::{Facts, read};
use crate::answer::answer;
use crate::context::Context;
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
    let Ok(shown) = Process::tool(context, "systemctl").arg("--version").run() else {
        return Facts::new();
    };
    let mut lines = shown.stdout.lines();
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
    const QUESTION: &str = "import sys, json\nv = sys.version_info\nimport ssl\nprint(json.dumps({'executable': sys.executable, 'type': sys.implementation.name, 'has_sslcontext': True, 'version_info': list(v), 'version': {'major': v[0], 'minor': v[1], 'micro': v[2], 'releaselevel': v[3], 'serial': v[4]}}))";
    for program in ["python3", "/usr/libexec/platform-python"] {
        if find_program(program.as_ref(), &context.environment).is_none() {
            continue;
        }
        let Ok(output) = Process::new(context, program).args(["-c", QUESTION]).run() else {
            continue;
        };
        let Ok(python) = serde_json::from_str::<Value>(&output.stdout) else {
            continue;
        };
        let version = &python["version"];
        let text = format!("{}.{}.{}", version["major"], version["minor"], version["micro"]);
        return answer!({"python": python, "python_version": text});
    }
    Facts::new()
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
