//! What an interface's driver can do, as `ethtool` tells.

use serde_json::{Map, Value};

use crate::context::Context;
use crate::process::Process;

/// Adds `features`, `timestamping`, `hw_timestamp_filters` and `phc_index`.
pub(super) fn add(context: &Context, name: &str, interface: &mut Map<String, Value>) {
    let ask = |option: &str| {
        Process::tool(context, "ethtool")
            .args([option, name])
            .run()
            .ok()
            .filter(|output| output.code == 0)
            .map(|output| output.stdout)
    };
    if let Some(text) = ask("-k") {
        interface.insert("features".to_owned(), Value::Object(features(&text)));
    }
    if let Some(text) = ask("-T") {
        interface.extend(time_stamps(&text));
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
