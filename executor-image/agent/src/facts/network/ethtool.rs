//! What an interface's driver can do, as `ethtool` tells.

use std::io;
use std::path::Path;

use serde_json::{Map, Value};

use super::driver::Drivers;
use crate::context::Context;
use crate::kept::{Kept, state_of_kernel};
use crate::process::{Process, find_program};

/// The program, and what spares its start.
pub(super) struct Ethtool<'a> {
    context: &'a Context,
    program: std::path::PathBuf,
    kept: Kept,
    /// Nothing where the kernel is too old.
    drivers: Option<Drivers>,
}

impl<'a> Ethtool<'a> {
    /// Nothing where the host does not have it.
    pub fn find(context: &'a Context) -> Option<Self> {
        Some(Self {
            context,
            program: find_program("ethtool".as_ref(), &context.environment)?,
            kept: Kept::open(),
            drivers: Drivers::connect().ok(),
        })
    }

    /// Adds `features`, `timestamping`, `hw_timestamp_filters` and `phc_index` of an interface.
    pub fn add(&mut self, index: u32, name: &str, interface: &mut Map<String, Value>) {
        if let Some(text) = self.ask("-k", name, |drivers| drivers.features(index)) {
            interface.insert("features".to_owned(), Value::Object(features(&text)));
        }
        if let Some(text) = self.ask("-T", name, |drivers| drivers.time_stamps(index)) {
            interface.extend(time_stamps(&text));
        }
    }

    /// What the program says, which is the same as long as the kernel says the same.
    fn ask(
        &mut self,
        option: &str,
        name: &str,
        state: impl Fn(&Drivers) -> io::Result<Vec<u8>>,
    ) -> Option<String> {
        let run = || {
            let output = Process::tool(self.context, "ethtool")
                .args([option, name])
                .run()
                .ok()?;
            (output.code == 0).then_some(output.stdout)
        };
        match self.drivers.as_ref().map(state) {
            Some(Ok(state)) => {
                let question = format!("{option} {}", state_of_kernel(&state));
                let program: &Path = &self.program;
                self.kept.answer(program, &question, |_| Vec::new(), run)
            }
            _ => run(),
        }
    }
}

/// Lines such as `tx-checksumming: on`.
fn features(text: &str) -> Map<String, Value> {
    text.lines()
        .filter(|line| !line.starts_with("Features for"))
        .filter_map(|line| line.split_once(": "))
        .map(|(name, state)| (name.trim().replace('-', "_"), state.trim().into()))
        .collect()
}

fn time_stamps(text: &str) -> Map<String, Value> {
    let words = |prefix: &str| -> Vec<Value> {
        text.split_whitespace()
            .filter_map(|word| word.trim_matches(['(', ')']).strip_prefix(prefix))
            .map(|word| word.to_lowercase().into())
            .collect()
    };
    let mut found = Map::new();
    found.insert("timestamping".to_owned(), words("SOF_TIMESTAMPING_").into());
    found.insert(
        "hw_timestamp_filters".to_owned(),
        words("HWTSTAMP_FILTER_").into(),
    );
    let clock = text
        .lines()
        .find_map(|line| line.strip_prefix("PTP Hardware Clock:"))
        .and_then(|number| number.trim().parse::<u32>().ok());
    if let Some(clock) = clock {
        found.insert("phc_index".to_owned(), clock.into());
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn features_and_time_stamps_are_read() {
        let text = "Features for eth0:\nrx-checksumming: on [fixed]\n\ttx-checksum-ipv4: off\n";
        assert_eq!(
            Value::Object(features(text)),
            json!({"rx_checksumming": "on [fixed]", "tx_checksum_ipv4": "off"})
        );
        let text = "Capabilities:\n\tsoftware-receive (SOF_TIMESTAMPING_RX_SOFTWARE)\nPTP Hardware Clock: 2\n\
                    Hardware Receive Filter Modes:\n\tall (HWTSTAMP_FILTER_ALL)\n";
        assert_eq!(
            Value::Object(time_stamps(text)),
            json!({"timestamping": ["rx_software"], "hw_timestamp_filters": ["all"], "phc_index": 2})
        );
    }
}
