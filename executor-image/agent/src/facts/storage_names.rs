//! The names by which networks of storage know this host.

use serde_json::Value;

use super::{Facts, read};
use crate::answer::answer;
use crate::context::Context;

/// iSCSI's name of this host.
pub(super) fn iscsi(_: &Context) -> Facts {
    let text = read("/etc/iscsi/initiatorname.iscsi").unwrap_or_default();
    let name = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("InitiatorName="))
        .unwrap_or_default();
    answer!({"iscsi_iqn": name})
}

/// NVMe over fabrics' name of this host.
pub(super) fn nvme(_: &Context) -> Facts {
    let text = read("/etc/nvme/hostnqn").unwrap_or_default();
    let name = text
        .lines()
        .find(|line| line.starts_with("nqn."))
        .unwrap_or_default();
    answer!({"hostnqn": name.trim()})
}

/// The numbers of this host's ports in a Fibre Channel network.
pub(super) fn fibre_channel(_: &Context) -> Facts {
    let mut ports: Vec<String> = glob::glob("/sys/class/fc_host/*/port_name")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(read)
        .map(|name| name.trim_start_matches("0x").to_owned())
        .collect();
    ports.sort();
    answer!({"fibre_channel_wwn": Value::from(ports)})
}
