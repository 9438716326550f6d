//! Block devices, their partitions, and the links that lead to them.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Facts, read};
use crate::answer::answer;
use crate::context::Context;
use crate::process::Process;

/// Where the kernel describes block devices.
const DIRECTORY: &str = "/sys/block";

pub(super) fn collect(context: &Context) -> Facts {
    let links = Links::collect();
    let mut devices = Map::new();
    for name in entries(Path::new(DIRECTORY)) {
        let device = describe(context, &name, &links);
        devices.insert(name, device);
    }
    answer!({"devices": devices, "device_links": links.every()})
}

/// Names in a directory, sorted.
fn entries(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = directory
        .read_dir()
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn describe(context: &Context, name: &str, links: &Links) -> Value {
    let directory = place(name);
    let file = |path: &str| read(directory.join(path)).filter(|text| !text.is_empty());
    let text = |path: &str, default: &str| file(path).unwrap_or_else(|| default.to_owned());
    // What has no hardware (a host may have a loop device for each of its containers) has nothing to say of it.
    let has_hardware = !directory.starts_with("/sys/devices/virtual/block");
    let hardware = |path: &str| has_hardware.then(|| file(path)).flatten();
    let sectors = sectors(&directory);
    let mut device = answer!({
        // Ansible tells real devices from others only where the kernel has no links in this directory.
        "virtual": 1,
        "links": links.of(name),
        "vendor": hardware("device/vendor"),
        "model": hardware("device/model"),
        "sas_address": hardware("device/sas_address"),
        "sas_device_handle": hardware("device/sas_device_handle"),
        "removable": text("removable", "0"),
        "support_discard": text("queue/discard_granularity", "0"),
        "partitions": partitions(&directory, name, links),
        "rotational": text("queue/rotational", "0"),
        "scheduler_mode": scheduler(&text("queue/scheduler", "")),
        "sectors": sectors,
        "sectorsize": text("queue/logical_block_size", "512"),
        "size": human(sectors * 512),
        "host": controller(context, &directory),
        "holders": holders(&directory),
    });
    for (key, path) in [("serial", "device/serial"), ("wwn", "device/wwid")] {
        if let Some(value) = hardware(path) {
            device.insert(key.to_owned(), value.into());
        }
    }
    Value::Object(device)
}

/// The directory of a device, to which `/sys/block` has a link: followed here once, not for each file below it.
fn place(name: &str) -> PathBuf {
    let link = Path::new(DIRECTORY).join(name);
    match link.read_link() {
        // Relative to `/sys/block`.
        Ok(target) => target
            .strip_prefix("..")
            .map_or_else(|_| target.clone(), |below| Path::new("/sys").join(below)),
        Err(_) => link,
    }
}

/// The size in units of 512 bytes, whatever the device's own are.
fn sectors(directory: &Path) -> u64 {
    read(directory.join("size"))
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

fn partitions(directory: &Path, device: &str, links: &Links) -> Map<String, Value> {
    let mut partitions = Map::new();
    for name in entries(directory) {
        let path = directory.join(&name);
        if !name.starts_with(device) || !path.join("partition").exists() {
            continue;
        }
        let sectors = sectors(&path);
        let uuid = links.of(&name)["uuids"][0].clone();
        partitions.insert(
            name.clone(),
            json!({
                "links": links.of(&name),
                "start": read(path.join("start")).unwrap_or_else(|| "0".to_owned()),
                "sectors": sectors,
                "sectorsize": read(directory.join("queue/logical_block_size"))
                    .unwrap_or_else(|| "512".to_owned()),
                "size": human(sectors * 512),
                "uuid": uuid,
                "holders": holders(&path),
            }),
        );
    }
    partitions
}

/// `mq-deadline` of `[mq-deadline] none`.
fn scheduler(text: &str) -> &str {
    text.split_once('[')
        .and_then(|(_, rest)| rest.split(']').next())
        .unwrap_or_default()
}

/// Devices that are made of this one, by the names of volumes where they have some.
fn holders(directory: &Path) -> Vec<String> {
    let holders = directory.join("holders");
    entries(&holders)
        .into_iter()
        .map(|name| read(holders.join(&name).join("dm/name")).unwrap_or(name))
        .collect()
}

/// What `lspci` calls the controller that a device hangs on.
fn controller(context: &Context, target: &Path) -> String {
    let address = target
        .components()
        .filter_map(|part| part.as_os_str().to_str())
        .rfind(|part| {
            let mut fields = part.split([':', '.']);
            part.len() == 12
                && fields.clone().count() == 4
                && fields.all(|field| u32::from_str_radix(field, 16).is_ok())
        });
    let Some(address) = address else {
        return String::new();
    };
    let Ok(listed) = Process::tool(context, "lspci").args(["-D", "-s", address]).run() else {
        return String::new();
    };
    listed
        .stdout
        .lines()
        .next()
        .and_then(|line| line.split_once(' '))
        .map(|(_, description)| description.to_owned())
        .unwrap_or_default()
}

/// A number of bytes as Ansible writes it: `10.00 GB`.
fn human(bytes: u64) -> String {
    const UNITS: [(&str, u32); 8] = [
        ("YB", 80),
        ("ZB", 70),
        ("EB", 60),
        ("PB", 50),
        ("TB", 40),
        ("GB", 30),
        ("MB", 20),
        ("KB", 10),
    ];
    #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
    let number = bytes as f64;
    UNITS
        .iter()
        .map(|(name, power)| (name, 2_f64.powi(i32::try_from(*power).unwrap_or_default())))
        .find(|(_, size)| number >= *size)
        .map_or_else(
            || format!("{number:.2} Bytes"),
            |(name, size)| format!("{:.2} {name}", number / size),
        )
}

/// Links of udev to devices, by kind and device.
struct Links(Map<String, Value>);

impl Links {
    fn collect() -> Self {
        let mut kinds = Map::new();
        for (kind, directory) in [("ids", "by-id"), ("uuids", "by-uuid"), ("labels", "by-label")] {
            let directory = Path::new("/dev/disk").join(directory);
            let mut devices = Map::new();
            for link in entries(&directory) {
                if let Ok(target) = directory.join(&link).canonicalize()
                    && let Some(device) = target.file_name()
                {
                    add(&mut devices, &device.to_string_lossy(), &plain(&link));
                }
            }
            kinds.insert(kind.to_owned(), Value::Object(devices));
        }
        let mut masters = Map::new();
        for name in entries(Path::new(DIRECTORY)) {
            for slave in entries(&Path::new(DIRECTORY).join(&name).join("slaves")) {
                add(&mut masters, &slave, &name);
            }
        }
        kinds.insert("masters".to_owned(), Value::Object(masters));
        Self(kinds)
    }

    fn every(&self) -> Value {
        Value::Object(self.0.clone())
    }

    fn of(&self, device: &str) -> Value {
        let of_kind = |kind: &str| match self.0.get(kind).and_then(|devices| devices.get(device)) {
            Some(links) => links.clone(),
            None => json!([]),
        };
        json!({
            "ids": of_kind("ids"),
            "uuids": of_kind("uuids"),
            "labels": of_kind("labels"),
            "masters": of_kind("masters"),
        })
    }
}

fn add(devices: &mut Map<String, Value>, device: &str, link: &str) {
    if let Value::Array(links) = devices.entry(device).or_insert_with(|| json!([])) {
        links.push(link.into());
    }
}

/// udev writes what may not stand in a file's name as `\x20`.
fn plain(link: &str) -> String {
    let mut parts = link.split("\\x");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        {
            Some(byte) => {
                out.push(char::from(byte));
                out.push_str(&part[2..]);
            }
            None => out.extend(["\\x", part]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_schedulers_and_labels_are_written_as_ansible_writes_them() {
        assert_eq!(human(0), "0.00 Bytes");
        assert_eq!(human(10 * 1024 * 1024 * 1024), "10.00 GB");
        assert_eq!(human(1536), "1.50 KB");
        assert_eq!(scheduler("[mq-deadline] none"), "mq-deadline");
        assert_eq!(scheduler("none"), "");
        assert_eq!(plain("my\\x20disk"), "my disk");
    }
}
