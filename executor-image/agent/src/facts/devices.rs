//! Block devices, their partitions, and the links that lead to them.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{CWD, Mode, OFlags, openat};
use serde_json::{Map, Value, json};

use super::Facts;
use crate::context::Context;
use crate::process::Process;

/// Where the kernel describes block devices.
const DIRECTORY: &str = "/sys/block";

/// The same with their partitions.
const PARTS: &str = "/sys/class/block";

/// Where those are that have no hardware: a host may have a loop device for each of its containers.
const VIRTUAL: &str = "/sys/devices/virtual/block";

pub(super) fn collect(context: &Context) -> Facts {
    let links = Links::collect();
    let parts = entries(Path::new(PARTS));
    let places = Places::find();
    let mut devices = Map::new();
    for name in entries(Path::new(DIRECTORY)) {
        let device = describe(context, &name, &places.of(&name), &links, &parts);
        devices.insert(name, device);
    }
    // Not by the macro, which copies what it is given: these may be the most of all facts.
    [("devices", devices), ("device_links", links.0)]
        .into_iter()
        .map(|(name, fact)| (name.to_owned(), Value::Object(fact)))
        .collect()
}

/// The directories of devices. Those of virtual ones, which may be many, are found by a short way from one that is opened once.
struct Places {
    names: Vec<String>,
    opened: Option<Rc<OwnedFd>>,
}

impl Places {
    fn find() -> Self {
        Self {
            names: entries(Path::new(VIRTUAL)),
            opened: open_directory(Path::new(VIRTUAL)),
        }
    }

    fn of(&self, device: &str) -> Directory {
        if self
            .names
            .binary_search_by(|name| name.as_str().cmp(device))
            .is_ok()
        {
            return Directory {
                path: Path::new(VIRTUAL).join(device),
                opened: self.opened.clone(),
                below: format!("{device}/"),
            };
        }
        Directory::open(place(device))
    }
}

/// A directory of the kernel's.
struct Directory {
    path: PathBuf,
    /// It, or one that it is below of.
    opened: Option<Rc<OwnedFd>>,
    below: String,
}

impl Directory {
    fn open(path: PathBuf) -> Self {
        Self {
            opened: open_directory(&path),
            path,
            below: String::new(),
        }
    }

    /// A file's text without white space around it; nothing when it cannot be read or is empty. The kernel gives all of it at once:
    /// no such file is longer than a page of memory.
    fn text(&self, file: &str) -> Option<String> {
        let mut page = [0; 4096];
        let path = format!("{}{file}", self.below);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = openat(self.opened.as_deref()?, path, flags, Mode::empty()).ok()?;
        let length = rustix::io::read(&file, &mut page).ok()?;
        let text = std::str::from_utf8(page.get(..length)?).ok()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The size in units of 512 bytes, whatever the device's own are.
    fn sectors(&self) -> u64 {
        self.text("size")
            .and_then(|text| text.parse().ok())
            .unwrap_or_default()
    }
}

fn open_directory(path: &Path) -> Option<Rc<OwnedFd>> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, path, flags, Mode::empty()).ok().map(Rc::new)
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

fn describe(context: &Context, name: &str, directory: &Directory, links: &Links, parts: &[String]) -> Value {
    let text = |path: &str, default: &str| directory.text(path).unwrap_or_else(|| default.to_owned());
    // What has none has nothing to say of it.
    let has_hardware = !directory.path.starts_with(VIRTUAL);
    let hardware = |path: &str| has_hardware.then(|| directory.text(path)).flatten();
    let sectors = directory.sectors();
    let sector_size = text("queue/logical_block_size", "512");
    let scheduler_mode = directory.text("queue/scheduler");
    let mut device: Map<String, Value> = [
        // Ansible tells real devices from others only where the kernel has no links in this directory.
        ("virtual", 1.into()),
        ("links", links.of(name)),
        ("vendor", hardware("device/vendor").into()),
        ("model", hardware("device/model").into()),
        ("sas_address", hardware("device/sas_address").into()),
        ("sas_device_handle", hardware("device/sas_device_handle").into()),
        ("removable", text("removable", "0").into()),
        ("support_discard", text("queue/discard_granularity", "0").into()),
        (
            "partitions",
            partitions(directory, name, &sector_size, links, parts).into(),
        ),
        ("rotational", text("queue/rotational", "0").into()),
        (
            "scheduler_mode",
            scheduler(scheduler_mode.as_deref().unwrap_or_default()).into(),
        ),
        ("sectors", sectors.into()),
        ("sectorsize", sector_size.into()),
        ("size", human(sectors * 512).into()),
        ("host", controller(context, &directory.path).into()),
        ("holders", links.holders(name).into()),
    ]
    .into_iter()
    .map(|(key, value): (&str, Value)| (key.to_owned(), value))
    .collect();
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

/// Of all parts of devices, those of this one.
fn partitions(
    directory: &Directory,
    device: &str,
    sector_size: &str,
    links: &Links,
    parts: &[String],
) -> Map<String, Value> {
    let mut partitions = Map::new();
    for name in parts.iter().filter(|part| is_partition(part, device)) {
        let path = directory.path.join(name);
        if !path.join("partition").exists() {
            continue;
        }
        let part = Directory::open(path);
        let sectors = part.sectors();
        let uuid = links.of(name)["uuids"][0].clone();
        partitions.insert(
            name.clone(),
            json!({
                "links": links.of(name),
                "start": part.text("start").unwrap_or_else(|| "0".to_owned()),
                "sectors": sectors,
                "sectorsize": sector_size,
                "size": human(sectors * 512),
                "uuid": uuid,
                "holders": links.holders(name),
            }),
        );
    }
    partitions
}

/// Whether this may be a device's part by its name: `sda1`, `loop0p1`.
fn is_partition(name: &str, device: &str) -> bool {
    let number = name.strip_prefix(device).and_then(|rest| {
        if device.ends_with(|last: char| last.is_ascii_digit()) {
            rest.strip_prefix('p')
        } else {
            Some(rest)
        }
    });
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `mq-deadline` of `[mq-deadline] none`.
fn scheduler(text: &str) -> &str {
    text.split_once('[')
        .and_then(|(_, rest)| rest.split(']').next())
        .unwrap_or_default()
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
        // The kernel's loop devices and disks in memory are made of no others; a host may have hundreds.
        let may_have_slaves = |name: &String| !["loop", "ram"].iter().any(|kind| name.starts_with(kind));
        for name in entries(Path::new(DIRECTORY)).into_iter().filter(may_have_slaves) {
            for slave in entries(&Path::new(DIRECTORY).join(&name).join("slaves")) {
                add(&mut masters, &slave, &name);
            }
        }
        kinds.insert("masters".to_owned(), Value::Object(masters));
        Self(kinds)
    }

    /// Devices that are made of this one, by the names of volumes where they have some.
    fn holders(&self, device: &str) -> Vec<String> {
        let masters = self.0["masters"].get(device).and_then(Value::as_array);
        masters
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|name| {
                Directory::open(place(name))
                    .text("dm/name")
                    .unwrap_or_else(|| name.to_owned())
            })
            .collect()
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
    fn parts_are_told_from_other_devices_by_their_names() {
        for (name, device, is) in [
            ("sda1", "sda", true),
            ("sdaa", "sda", false),
            ("sda", "sda", false),
            ("loop0p12", "loop0", true),
            ("loop10", "loop1", false),
            ("nvme0n1p2", "nvme0n1", true),
        ] {
            assert_eq!(is_partition(name, device), is, "{name}");
        }
    }

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
