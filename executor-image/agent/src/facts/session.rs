//! The session: user, environment, time, kernel command line, resolver, facts of the site.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use chrono::{Datelike, Local, Timelike, Utc};
use serde_json::{Map, Value};

use super::{Facts, read};
use crate::accounts;
use crate::answer::answer;
use crate::context::Context;
use crate::process::Process;
use crate::python_text::os_error;

pub(super) fn user(_: &Context) -> Facts {
    let mut facts = answer!({
        "real_user_id": rustix::process::getuid().as_raw(),
        "effective_user_id": rustix::process::geteuid().as_raw(),
        "real_group_id": rustix::process::getgid().as_raw(),
        "effective_group_id": rustix::process::getegid().as_raw(),
    });
    if let Some(user) = accounts::current_user() {
        facts.extend(answer!({
            "user_id": user.name,
            "user_uid": user.uid,
            "user_gid": user.gid,
            "user_gecos": user.comment,
            "user_dir": user.home,
            "user_shell": user.shell,
        }));
    }
    facts
}

pub(super) fn environment(context: &Context) -> Facts {
    let mut variables: Map<String, Value> = std::env::vars_os()
        .map(|(name, value)| {
            (
                name.to_string_lossy().into_owned(),
                Value::from(value.to_string_lossy()),
            )
        })
        .collect();
    for (name, value) in &context.environment {
        variables.insert(name.clone(), value.clone().into());
    }
    answer!({"env": variables})
}

pub(super) fn date_time(_: &Context) -> Facts {
    let now = Local::now();
    let utc = now.with_timezone(&Utc);
    // The zone's name is not in chrono: it is asked of the system's zone file's name or of the variable.
    let zone = zone_name(&now);
    answer!({"date_time": {
        "year": now.format("%Y").to_string(),
        "month": now.format("%m").to_string(),
        "weekday": now.format("%A").to_string(),
        "weekday_number": now.weekday().num_days_from_sunday().to_string(),
        "weeknumber": now.format("%W").to_string(),
        "day": now.format("%d").to_string(),
        "hour": now.format("%H").to_string(),
        "minute": now.format("%M").to_string(),
        "second": now.format("%S").to_string(),
        "epoch": now.timestamp().to_string(),
        "epoch_int": now.timestamp().to_string(),
        "date": now.format("%Y-%m-%d").to_string(),
        "time": now.format("%H:%M:%S").to_string(),
        "iso8601_micro": utc.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        "iso8601": utc.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "iso8601_basic": format!("{}{:06}", now.format("%Y%m%dT%H%M%S"), now.nanosecond() / 1000 % 1_000_000),
        "iso8601_basic_short": now.format("%Y%m%dT%H%M%S").to_string(),
        "tz": zone,
        "tz_dst": zone,
        "tz_offset": now.format("%z").to_string(),
    }})
}

/// The abbreviation of the time zone, `CET`, or its offset where the system does not say.
fn zone_name(now: &chrono::DateTime<Local>) -> String {
    if now.offset().local_minus_utc() == 0 {
        return "UTC".to_owned();
    }
    let output = std::process::Command::new("date").arg("+%Z").output();
    output
        .ok()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| now.format("%z").to_string())
}

pub(super) fn command_line(_: &Context) -> Facts {
    let text = read("/proc/cmdline").unwrap_or_default();
    let words = shlex::split(&text).unwrap_or_else(|| text.split_whitespace().map(str::to_owned).collect());
    let mut last = Map::new();
    let mut every = Map::new();
    for word in words {
        let (key, value) = match word.split_once('=') {
            Some((key, value)) => (key.to_owned(), Value::from(value)),
            None => (word, Value::Bool(true)),
        };
        last.insert(key.clone(), value.clone());
        match every.get_mut(&key) {
            Some(Value::Array(values)) => values.push(value),
            Some(first) => {
                let pair = vec![first.take(), value];
                *first = Value::Array(pair);
            }
            None => {
                every.insert(key, value);
            }
        }
    }
    answer!({"cmdline": last, "proc_cmdline": every})
}

pub(super) fn dns(_: &Context) -> Facts {
    let text = read("/etc/resolv.conf").unwrap_or_default();
    let mut dns = Map::new();
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with(['#', ';']))
    {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") => {
                let servers = dns
                    .entry("nameservers")
                    .or_insert_with(|| Value::Array(Vec::new()));
                if let (Value::Array(servers), Some(server)) = (servers, words.next()) {
                    servers.push(server.into());
                }
            }
            Some("domain") => {
                if let Some(domain) = words.next() {
                    dns.insert("domain".to_owned(), domain.into());
                }
            }
            Some("search") => {
                dns.insert("search".to_owned(), words.collect::<Vec<_>>().into());
            }
            Some("sortlist") => {
                dns.insert("sortlist".to_owned(), words.collect::<Vec<_>>().into());
            }
            Some("options") => {
                let options: Map<String, Value> = words
                    .map(|word| match word.split_once(':') {
                        Some((key, value)) => (key.to_owned(), value.into()),
                        None => (word.to_owned(), Value::Bool(true)),
                    })
                    .collect();
                dns.insert("options".to_owned(), Value::Object(options));
            }
            _ => {}
        }
    }
    answer!({"dns": dns})
}

/// Public keys of the host's SSH server.
pub(super) fn host_keys(_: &Context) -> Facts {
    let mut facts = Facts::new();
    for algorithm in ["dsa", "rsa", "ecdsa", "ed25519"] {
        let text = ["/etc/ssh", "/etc/openssh", "/etc"]
            .iter()
            .find_map(|directory| read(format!("{directory}/ssh_host_{algorithm}_key.pub")));
        let Some(text) = text else { continue };
        let mut words = text.split_whitespace();
        if let (Some(kind), Some(key)) = (words.next(), words.next()) {
            facts.insert(format!("ssh_host_key_{algorithm}_public"), key.into());
            facts.insert(format!("ssh_host_key_{algorithm}_public_keytype"), kind.into());
        }
    }
    facts
}

/// Facts that the site has put into `*.fact` files: JSON, or programs that print JSON, or INI.
pub(super) fn local(context: &Context) -> Facts {
    let directory = context.args.text("fact_path").unwrap_or("/etc/ansible/facts.d");
    let mut facts = Map::new();
    let mut paths: Vec<_> = Path::new(directory)
        .read_dir()
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    for path in paths
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "fact"))
    {
        let name = path
            .file_stem()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let text = match path.metadata() {
            Err(error) => Err(format!(
                "Could not stat fact ({}): {}",
                path.display(),
                os_error(&error)
            )),
            Ok(metadata) if metadata.mode() & 0o100 != 0 => run(context, &path),
            Ok(_) => read(&path).ok_or_else(|| "error loading fact - please check content".to_owned()),
        };
        let value = text.and_then(|text| match serde_json::from_str(&text) {
            Ok(value) => Ok(value),
            Err(_) => ini(&text).map_err(|why| match why {
                None => format!(
                    "error loading facts as JSON or ini - please check content: {}",
                    path.display()
                ),
                Some(why) => format!(
                    "error loading facts as ini - please check content: {} ({why})",
                    path.display()
                ),
            }),
        });
        let value = value.unwrap_or_else(Value::from);
        facts.insert(name, value);
    }
    answer!({"local": facts})
}

/// Beginnings of what is said in the place of a fact that cannot be had.
const COMPLAINTS: [&str; 6] = [
    "Could not stat fact",
    "error loading facts as ini",
    "Failure executing fact script",
    "Could not execute fact script",
    "error loading facts as JSON or ini",
    "error loading fact -",
];

/// What was said of facts of the site that cannot be had, for warnings.
pub(crate) fn complaints_of_local_facts(facts: &Map<String, Value>) -> Vec<String> {
    let local = facts.get("ansible_local").and_then(Value::as_object);
    local
        .into_iter()
        .flat_map(Map::values)
        .filter_map(Value::as_str)
        .filter(|text| COMPLAINTS.iter().any(|start| text.starts_with(start)))
        .map(str::to_owned)
        .collect()
}

/// What a fact's program prints, or why there is nothing.
fn run(context: &Context, path: &Path) -> Result<String, String> {
    let failed = |code: i32, said: &str| {
        format!(
            "Failure executing fact script ({}), rc: {code}, err: {said}",
            path.display()
        )
    };
    match Process::new(context, path).run() {
        Ok(output) if output.code == 0 => Ok(output.stdout),
        Ok(output) => Err(failed(output.code, &output.stderr)),
        Err(failure) => Err(format!(
            "Could not execute fact script ({}): {}",
            path.display(),
            failure.message()
        )),
    }
}

/// Sections of an INI file, or why a value of it cannot be known; without a reason it is no INI file at all.
fn ini(text: &str) -> Result<Value, Option<String>> {
    let mut sections = Map::new();
    let mut section: Option<String> = None;
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(['#', ';']))
    {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.insert(name.to_owned(), Value::Object(Map::new()));
            section = Some(name.to_owned());
            continue;
        }
        let (key, value) = line.split_once(['=', ':']).ok_or(None)?;
        let fields = section
            .as_ref()
            .and_then(|section| sections.get_mut(section)?.as_object_mut());
        let fields = fields.ok_or(None)?;
        let value = interpolated(value.trim(), fields).map_err(Some)?;
        fields.insert(key.trim().to_lowercase(), value.into());
    }
    if sections.is_empty() {
        return Err(None);
    }
    Ok(Value::Object(sections))
}

/// A value with the `%(name)s` of its section in it; `%%` is a percent sign.
fn interpolated(value: &str, section: &Map<String, Value>) -> Result<String, String> {
    let mut done = String::new();
    let mut rest = value;
    while let Some(at) = rest.find('%') {
        done.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(after) = after.strip_prefix('%') {
            done.push('%');
            rest = after;
        } else if let Some((name, after)) = after.strip_prefix('(').and_then(|after| after.split_once(")s")) {
            let found = section.get(&name.to_lowercase()).and_then(Value::as_str);
            done.push_str(found.ok_or_else(|| format!("Bad value substitution: {name} is not set"))?);
            rest = after;
        } else {
            return Err(format!(
                "'%' must be followed by '%' or '(', found: '{}'",
                &rest[at..]
            ));
        }
    }
    done.push_str(rest);
    Ok(done)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_of_the_site_may_be_ini() {
        assert_eq!(
            ini("[general]\nA = 1\nb: two\n"),
            Ok(json!({"general": {"a": "1", "b": "two"}}))
        );
        assert_eq!(
            ini("[s]\nshare = 100%%\nhome = /home\nmine = %(home)s/me\n"),
            Ok(json!({"s": {"share": "100%", "home": "/home", "mine": "/home/me"}}))
        );
        assert_eq!(ini("no section = 1"), Err(None));
        assert_eq!(
            ini("[s]\na = this is a % bad\n"),
            Err(Some(
                "'%' must be followed by '%' or '(', found: '% bad'".to_owned()
            ))
        );
    }
}
