//! The root file system that all machines share read-only: a plain server of the host's own distribution.
//!
//! It has what any distribution's server has and nothing that the playbooks install: no container runtime, no
//! Kubernetes. It is built once by mmdebstrap from the host's own package sources and kept in the cache.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::command::run;
use crate::error::{Error, FileContext, Result};
use crate::progress;
use crate::state::{cache_folder, create_folder, lock_file};

/// Packages of a plain server. `python3-apt` is what real Ansible asks for.
const PACKAGES: &[&str] = &[
    "systemd",
    "systemd-sysv",
    "dbus",
    "openssh-server",
    "python3",
    "python3-apt",
    "sudo",
    "iproute2",
    "iptables",
    "nftables",
    "conntrack",
    "socat",
    "ethtool",
    "kmod",
    "procps",
    "ca-certificates",
    "curl",
    "tar",
    "gzip",
    "util-linux",
];

/// Runs inside the new root (mmdebstrap gives its path as `$1`).
const CUSTOMIZE: &str = r#"set -e
chroot "$1" useradd --create-home --uid 1000 --shell /bin/bash slipway
install -d -m 0700 -o 1000 -g 1000 "$1/home/slipway/.ssh"
printf 'slipway ALL=(ALL) NOPASSWD: ALL\n' > "$1/etc/sudoers.d/slipway"
chmod 0440 "$1/etc/sudoers.d/slipway"
printf '%s\n' 'UseDNS no' 'PasswordAuthentication no' 'HostKey /etc/ssh/ssh_host_ed25519_key' > "$1/etc/ssh/sshd_config.d/lab.conf"
rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/machine-id "$1"/etc/hostname "$1"/etc/resolv.conf
rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/* "$1"/var/lib/apt/lists/*
mkdir -p "$1/var/lib/containerd" "$1/var/lib/kubelet" "$1/var/lib/etcd"
for unit in console-getty.service getty@.service systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer \
  dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer systemd-timesyncd.service; do
  ln -sf /dev/null "$1/etc/systemd/system/$unit"
done
"#;

/// One distribution's package source, as `apt-get indextargets` names it.
#[derive(Debug, PartialEq, Eq)]
struct Source {
    address: String,
    suite: String,
    components: Vec<String>,
}

/// The folder of the base root, built if it is not in the cache.
pub(crate) async fn ensure() -> Result<PathBuf> {
    let release_file = "/etc/os-release";
    let release = std::fs::read_to_string(release_file).file("read", release_file)?;
    let (distribution, codename) = identify(&release)?;
    let roots = cache_folder().join("roots");
    create_folder(&roots)?;
    let root = roots.join(format!("{distribution}-{codename}-{}", recipe_key()));
    if root.exists() {
        return Ok(root);
    }
    let _lock = lock_file(roots.join("build.lock")).await?;
    if !root.exists() {
        let what = format!("building the base root of machines ({distribution} {codename}, once)");
        progress::during(&what, build(&codename, &root)).await?;
    }
    Ok(root)
}

async fn build(codename: &str, root: &Path) -> Result<()> {
    let partial = root.with_extension("partial");
    if partial.exists() {
        std::fs::remove_dir_all(&partial).file("remove the half-built base root", &partial)?;
    }
    let mut command: Vec<String> = [
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        // A mirror frozen in time, as air-gapped sites have them, is as good as a live one here.
        "--aptopt=Acquire::Check-Valid-Until \"false\"",
    ]
    .map(str::to_owned)
    .into();
    command.push(format!("--include={}", PACKAGES.join(",")));
    command.push(format!("--customize-hook={CUSTOMIZE}"));
    command.push(codename.to_owned());
    command.push(partial.display().to_string());
    let sources = sources(codename).await?;
    command.extend(sources.iter().map(|source| {
        format!(
            "deb {} {} {}",
            source.address,
            source.suite,
            source.components.join(" ")
        )
    }));
    run(&command).await?;
    std::fs::rename(&partial, root).file("put into the cache", root)
}

/// The host's package sources that belong to its own release, whatever file and format they are written in.
async fn sources(codename: &str) -> Result<Vec<Source>> {
    let format = "$(REPO_URI) $(RELEASE) $(COMPONENT)";
    let listed = run(&[
        "apt-get",
        "indextargets",
        "--format",
        format,
        "Created-By: Packages",
    ])
    .await?;
    let sources = parse_sources(&listed, codename);
    if sources.iter().any(|source| source.suite == codename) {
        return Ok(sources);
    }
    Err(Error::Unsupported(format!(
        "apt knows no package source for `{codename}` (`apt-get indextargets` lists them): the machines' root is made from it"
    )))
}

fn parse_sources(listed: &str, codename: &str) -> Vec<Source> {
    let own = ["", "-updates", "-security"].map(|pocket| format!("{codename}{pocket}"));
    let mut sources: Vec<Source> = Vec::new();
    for line in listed.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[address, suite, component] = words.as_slice() else {
            continue;
        };
        if !own.iter().any(|name| name == suite) {
            continue;
        }
        match sources
            .iter_mut()
            .find(|source| source.address == address && source.suite == suite)
        {
            Some(source) if source.components.iter().any(|known| known == component) => {}
            Some(source) => source.components.push(component.to_owned()),
            None => sources.push(Source {
                address: address.to_owned(),
                suite: suite.to_owned(),
                components: vec![component.to_owned()],
            }),
        }
    }
    sources
}

/// Distribution and release name, from os-release(5).
fn identify(release: &str) -> Result<(String, String)> {
    let value = |key: &str| {
        release.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name == key).then(|| value.trim_matches('"').to_owned())
        })
    };
    match (value("ID"), value("VERSION_CODENAME")) {
        (Some(distribution), Some(codename)) if ["debian", "ubuntu"].contains(&distribution.as_str()) => {
            Ok((distribution, codename))
        }
        (distribution, _) => Err(Error::Unsupported(format!(
            "the machines' root is made from the host's own packages, and this host is `{}`: use Debian 12 or Ubuntu",
            distribution.unwrap_or_else(|| "unknown".to_owned())
        ))),
    }
}

/// Changes whenever the recipe does, so that an old root is never taken for a new one.
fn recipe_key() -> String {
    let mut hash = Sha256::new();
    hash.update(PACKAGES.join(" "));
    hash.update(CUSTOMIZE);
    hex::encode(&hash.finalize()[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_releases_own_sources_are_taken() {
        let listed = "http://deb/debian/ bookworm main\nhttp://deb/debian/ bookworm contrib\n\
                      http://deb/debian/ bookworm main\nhttp://other/apt/ bookworm-pgdg main\n\
                      http://sec/ bookworm-security main\nhttps://node/ nodistro main\n";
        let sources = parse_sources(listed, "bookworm");
        let suites: Vec<&str> = sources.iter().map(|source| source.suite.as_str()).collect();
        assert_eq!(suites, ["bookworm", "bookworm-security"]);
        assert_eq!(sources[0].components, ["main", "contrib"]);
    }

    #[test]
    fn a_distribution_without_apt_is_refused_by_name() {
        let error = identify("ID=\"fedora\"\nVERSION_CODENAME=\"\"\n")
            .unwrap_err()
            .to_string();
        assert!(error.contains("fedora"), "{error}");
        let known = identify("ID=ubuntu\nVERSION_CODENAME=noble\n").unwrap();
        assert_eq!(known, ("ubuntu".to_owned(), "noble".to_owned()));
    }
}
