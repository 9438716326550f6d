//! The lab's network: one namespace with a bridge, and for each machine a namespace with one cable to that bridge.
//!
//! The lab's namespace has no way out of the host: no interface but the bridge and loopback. It forwards, so that
//! a machine which asks for an outside address is told at once that there is no route, instead of waiting.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use crate::command::{run, run_with_input};
use crate::error::Result;

/// The address of the lab itself, where its registry and file server listen.
pub const LAB_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The machines' interface, as in any server.
const MACHINE_INTERFACE: &str = "eth0";
const BRIDGE: &str = "lab0";
/// Addresses 10.77.0.11 to 10.77.0.250.
pub(crate) const MAXIMUM_MACHINES: u8 = 240;

/// The network namespaces of one lab.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    lab: String,
}

impl Network {
    pub(crate) fn of(lab: &str) -> Self {
        Self { lab: lab.to_owned() }
    }

    /// The name of the lab's own namespace, as `ip netns` shows it.
    pub(crate) fn namespace(&self) -> String {
        format!("slipway-{}", self.lab)
    }

    /// The file that stands for the lab's own namespace.
    pub(crate) fn namespace_file(&self) -> PathBuf {
        namespace_file(&self.namespace())
    }

    fn machine_namespace(&self, machine: &str) -> String {
        // Names of labs and machines hold no dot, so no two of these are alike.
        format!("slipway-{}.{machine}", self.lab)
    }

    /// The file that stands for a machine's namespace.
    pub(crate) fn machine_namespace_file(&self, machine: &str) -> PathBuf {
        namespace_file(&self.machine_namespace(machine))
    }

    /// Makes the lab's namespace and bridge; what is there already stays.
    pub(crate) async fn create(&self) -> Result<()> {
        let namespace = self.namespace();
        if !self.namespace_file().exists() {
            run(&["ip", "netns", "add", &namespace]).await?;
        }
        if run(&["ip", "-n", &namespace, "link", "show", BRIDGE])
            .await
            .is_err()
        {
            run(&[
                "ip",
                "-n",
                &namespace,
                "link",
                "add",
                BRIDGE,
                "type",
                "bridge",
                "forward_delay",
                "0",
            ])
            .await?;
        }
        let commands =
            format!("link set lo up\naddr replace {LAB_ADDRESS}/24 dev {BRIDGE}\nlink set {BRIDGE} up\n");
        run_with_input(&["ip", "-n", &namespace, "-batch", "-"], &commands).await?;
        let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
        run(&[
            "nsenter",
            &format!("--net={}", self.namespace_file().display()),
            "sh",
            "-c",
            forward,
        ])
        .await?;
        Ok(())
    }

    /// Makes a fresh namespace for a machine that is about to boot, with its cable plugged in.
    pub(crate) async fn connect(&self, machine: &str, index: u8) -> Result<()> {
        self.disconnect(machine, index).await?;
        let (lab, own, port) = (self.namespace(), self.machine_namespace(machine), port(index));
        run(&["ip", "netns", "add", &own]).await?;
        let hardware = format!("02:77:00:00:00:{index:02x}");
        let cable = format!(
            "link add {port} type veth peer name {MACHINE_INTERFACE} address {hardware} netns {own}\n\
             link set {port} master {BRIDGE}\nlink set {port} up\n"
        );
        run_with_input(&["ip", "-n", &lab, "-batch", "-"], &cable).await?;
        let address = machine_address(index);
        let inside = format!(
            "link set lo up\naddr add {address}/24 dev {MACHINE_INTERFACE}\nlink set {MACHINE_INTERFACE} up\n\
             route add default via {LAB_ADDRESS}\n"
        );
        run_with_input(&["ip", "-n", &own, "-batch", "-"], &inside).await?;
        Ok(())
    }

    /// Removes a machine's namespace and cable, and with them all that the machine had configured there.
    pub(crate) async fn disconnect(&self, machine: &str, index: u8) -> Result<()> {
        if self.namespace_file().exists() {
            let _absent = run(&["ip", "-n", &self.namespace(), "link", "del", &port(index)]).await;
        }
        if self.machine_namespace_file(machine).exists() {
            run(&["ip", "netns", "del", &self.machine_namespace(machine)]).await?;
        }
        Ok(())
    }

    /// Pulls a machine's cable, or plugs it in again.
    pub(crate) async fn set_cable(&self, index: u8, plugged: bool) -> Result<()> {
        let state = if plugged { "up" } else { "down" };
        run(&["ip", "-n", &self.namespace(), "link", "set", &port(index), state]).await?;
        Ok(())
    }

    /// Whether a machine's cable is plugged in at the bridge.
    pub(crate) async fn cable_is_plugged(&self, index: u8) -> bool {
        let shown = run(&[
            "ip",
            "-n",
            &self.namespace(),
            "link",
            "show",
            "up",
            "dev",
            &port(index),
        ])
        .await;
        shown.is_ok_and(|text| !text.trim().is_empty())
    }

    /// Every namespace of this lab that is there now.
    pub(crate) fn existing(&self) -> Vec<String> {
        let machines = format!("{}.", self.namespace());
        let names = std::fs::read_dir("/run/netns")
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                entry
                    .ok()
                    .map(|entry| entry.file_name().to_string_lossy().into_owned())
            });
        names
            .filter(|name| *name == self.namespace() || name.starts_with(&machines))
            .collect()
    }

    /// Removes every namespace of this lab.
    pub(crate) async fn remove(&self) -> Result<()> {
        for name in self.existing() {
            run(&["ip", "netns", "del", &name]).await?;
        }
        Ok(())
    }
}

/// The address of the machine with this index.
pub(crate) fn machine_address(index: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, 10 + index)
}

fn port(index: u8) -> String {
    format!("machine{index}")
}

fn namespace_file(name: &str) -> PathBuf {
    PathBuf::from("/run/netns").join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_machines_of_neighbouring_labs_share_a_namespace() {
        let first = Network::of("lab").machine_namespace("two-one");
        let second = Network::of("lab-two").machine_namespace("one");
        assert_ne!(first, second);
    }

    #[test]
    fn every_index_has_an_address_in_the_network() {
        assert_eq!(machine_address(1), Ipv4Addr::new(10, 77, 0, 11));
        assert_eq!(machine_address(MAXIMUM_MACHINES), Ipv4Addr::new(10, 77, 0, 250));
    }
}
