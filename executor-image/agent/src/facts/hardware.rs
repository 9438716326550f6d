//! Processors, memory, firmware, uptime.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::{Facts, read};
use crate::answer::answer;
use crate::context::Context;

pub(super) fn collect(_: &Context) -> Facts {
    let mut facts = processors();
    facts.extend(memory());
    facts.extend(firmware());
    let uptime = read("/proc/uptime")
        .and_then(|text| text.split('.').next()?.parse::<u64>().ok())
        .unwrap_or_default();
    facts.insert("uptime_seconds".to_owned(), uptime.into());
    facts
}

fn processors() -> Facts {
    let text = read("/proc/cpuinfo").unwrap_or_default();
    let mut listed = Vec::new();
    let mut flags: Vec<String> = Vec::new();
    let mut sockets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut processors = 0_usize;
    let mut cores_of_socket = 1_usize;
    let mut siblings = 1_usize;
    for block in text.split("\n\n") {
        let fields: HashMap<&str, &str> = block
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(key, value)| (key.trim(), value.trim()))
            .collect();
        let Some(number) = fields.get("processor") else {
            continue;
        };
        processors += 1;
        listed.push((*number).to_owned());
        for key in ["vendor_id", "model name", "Processor"] {
            if let Some(value) = fields.get(key) {
                listed.push((*value).to_owned());
            }
        }
        if let Some(values) = fields.get("flags").or_else(|| fields.get("Features")) {
            flags = values.split_whitespace().map(str::to_owned).collect();
        }
        let socket = fields.get("physical id").copied().unwrap_or(number);
        let core = fields.get("core id").copied().unwrap_or("0");
        sockets
            .entry(socket.to_owned())
            .or_default()
            .insert(core.to_owned());
        cores_of_socket = number_of(&fields, "cpu cores").unwrap_or(cores_of_socket);
        siblings = number_of(&fields, "siblings").unwrap_or(siblings);
    }
    let known_topology = text.contains("physical id");
    let count = if known_topology { sockets.len() } else { processors };
    let cores = if known_topology { cores_of_socket } else { 1 };
    let threads = if known_topology {
        (siblings / cores.max(1)).max(1)
    } else {
        1
    };
    // Those that this process may use, whatever share of them its control group has.
    let available = rustix::thread::sched_getaffinity(None).map_or(processors, |set| set.count() as usize);
    answer!({
        "processor": listed,
        "processor_count": count,
        "processor_cores": cores,
        "processor_threads_per_core": threads,
        "processor_vcpus": count * cores * threads,
        "processor_nproc": available,
        "flags": flags,
    })
}

fn number_of(fields: &HashMap<&str, &str>, key: &str) -> Option<usize> {
    fields.get(key)?.parse().ok()
}

fn memory() -> Facts {
    let text = read("/proc/meminfo").unwrap_or_default();
    let kilobytes: HashMap<&str, u64> = text
        .lines()
        .filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            Some((key, value.split_whitespace().next()?.parse().ok()?))
        })
        .collect();
    let megabytes = |key: &str| kilobytes.get(key).copied().unwrap_or_default() / 1024;
    let raw = |key: &str| kilobytes.get(key).copied().unwrap_or_default();
    let without_cache = (raw("Cached") + raw("MemFree") + raw("Buffers")) / 1024;
    let (total, free) = (megabytes("MemTotal"), megabytes("MemFree"));
    answer!({
        "memtotal_mb": total,
        "memfree_mb": free,
        "swaptotal_mb": megabytes("SwapTotal"),
        "swapfree_mb": megabytes("SwapFree"),
        "memory_mb": {
            "real": {"total": total, "used": total.saturating_sub(free), "free": free},
            "nocache": {"free": without_cache, "used": total.saturating_sub(without_cache)},
            "swap": {
                "total": megabytes("SwapTotal"),
                "free": megabytes("SwapFree"),
                "used": megabytes("SwapTotal").saturating_sub(megabytes("SwapFree")),
                "cached": megabytes("SwapCached"),
            },
        },
    })
}

/// Facts of the firmware, by the kernel's file.
const FIRMWARE: [(&str, &str); 19] = [
    ("bios_date", "bios_date"),
    ("bios_vendor", "bios_vendor"),
    ("bios_version", "bios_version"),
    ("board_asset_tag", "board_asset_tag"),
    ("board_name", "board_name"),
    ("board_serial", "board_serial"),
    ("board_vendor", "board_vendor"),
    ("board_version", "board_version"),
    ("chassis_asset_tag", "chassis_asset_tag"),
    ("chassis_serial", "chassis_serial"),
    ("chassis_vendor", "chassis_vendor"),
    ("chassis_version", "chassis_version"),
    ("form_factor", "chassis_type"),
    ("product_name", "product_name"),
    ("product_serial", "product_serial"),
    ("product_uuid", "product_uuid"),
    ("product_version", "product_version"),
    ("system_vendor", "sys_vendor"),
    ("product_family", "product_family"),
];

/// Names of the kinds of chassis, by SMBIOS number from 1.
const FORM_FACTORS: [&str; 36] = [
    "Other",
    "Unknown",
    "Desktop",
    "Low Profile Desktop",
    "Pizza Box",
    "Mini Tower",
    "Tower",
    "Portable",
    "Laptop",
    "Notebook",
    "Hand Held",
    "Docking Station",
    "All In One",
    "Sub Notebook",
    "Space-saving",
    "Lunch Box",
    "Main Server Chassis",
    "Expansion Chassis",
    "Sub Chassis",
    "Bus Expansion Chassis",
    "Peripheral Chassis",
    "RAID Chassis",
    "Rack Mount Chassis",
    "Sealed-case PC",
    "Multi-system",
    "CompactPCI",
    "AdvancedTCA",
    "Blade",
    "Blade Enclosure",
    "Tablet",
    "Convertible",
    "Detachable",
    "IoT Gateway",
    "Embedded PC",
    "Mini PC",
    "Stick PC",
];

fn firmware() -> Facts {
    FIRMWARE
        .iter()
        .filter(|(fact, _)| *fact != "product_family")
        .map(|(fact, file)| {
            let value = read(format!("/sys/class/dmi/id/{file}"));
            let value = match (value, *fact) {
                (Some(number), "form_factor") => number
                    .parse::<usize>()
                    .ok()
                    .and_then(|number| FORM_FACTORS.get(number.checked_sub(1)?))
                    .map_or_else(|| format!("unknown ({number})"), |name| (*name).to_owned()),
                (Some(value), _) => value,
                (None, _) => "NA".to_owned(),
            };
            ((*fact).to_owned(), Value::from(value))
        })
        .collect()
}

pub(super) fn load_average(_: &Context) -> Facts {
    // As the kernel counts: in parts of 65536.
    #[expect(clippy::cast_precision_loss, reason = "a load is small")]
    let [one, five, fifteen] = rustix::system::sysinfo().loads.map(|load| load as f64 / 65536.0);
    answer!({"loadavg": json!({"1m": one, "5m": five, "15m": fifteen})})
}
