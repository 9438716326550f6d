//! Every file of a host that a person could miss or find too much: type, mode, owner, target and content.

#![allow(clippy::panic)] // ok: helpers of a test, where a failure is the answer

use std::collections::BTreeMap;
use std::fmt::Write as _;

use slipway_lab::Machine;

/// Lists everything on the machine's own disk but what programs write while they run.
const LIST: &str = r#"sudo sh -s <<'END'
set -e
list() {
  find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp -o -path /var/log \
    -o -path /var/lib/containerd -o -path /var/lib/etcd -o -path /var/lib/cni -o -path /var/lib/kubelet/pods \
    -o -path /var/lib/kubelet/plugins -o -path /var/lib/kubelet/plugins_registry -o -path /var/lib/systemd \
    -o -path /var/lib/private -o -path /var/lib/kubelet/checkpoints -o -path /var/lib/kubelet/pod-resources \
    -o -path /opt/containerd -o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg \) -prune -o "$@"
}
list -not -type f -printf '%p\t%y %m %u:%g %l\n'
list -type f -printf '%p\t%y %m %u:%g\n'
printf 'HASHES\n'
list -type f -newer /etc/machine-id -print0 | xargs -0 -r sha256sum
END"#;

/// What the files of a host are, by path.
#[derive(Debug, Default)]
pub struct HostFiles(BTreeMap<String, String>);

impl HostFiles {
    /// Looks at a machine.
    pub async fn of(machine: &Machine) -> Self {
        let listed = machine.run(LIST).await;
        let listed = listed.unwrap_or_else(|error| panic!("list the files of {}: {error}", machine.name()));
        let (entries, hashes) = listed.split_once("HASHES\n").unwrap_or((&listed, ""));
        let mut files: BTreeMap<String, String> = entries
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(path, what)| (path.to_owned(), what.trim_end().to_owned()))
            .collect();
        for (hash, path) in hashes.lines().filter_map(|line| line.split_once("  ")) {
            if let Some(what) = files.get_mut(path) {
                let _ = write!(what, " {hash}");
            }
        }
        Self(files)
    }

    /// A line for each path that is not the same in the other, but for those that begin as an exception does.
    pub fn differences(&self, other: &Self, exceptions: &[(&str, &str)]) -> String {
        let mut said = String::new();
        let paths: std::collections::BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        for path in paths {
            let (here, there) = (self.0.get(path), other.0.get(path));
            let excepted = || exceptions.iter().any(|(start, _reason)| path.starts_with(start));
            if here != there && !excepted() {
                let nothing = || "absent".to_owned();
                let (here, there) = (
                    here.cloned().unwrap_or_else(nothing),
                    there.cloned().unwrap_or_else(nothing),
                );
                let _ = writeln!(said, "{path}: {here} | {there}");
            }
        }
        said
    }
}
