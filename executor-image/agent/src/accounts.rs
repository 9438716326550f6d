//! Users and groups, read from `/etc/passwd` and `/etc/group`.
//!
//! The agent is linked statically, so the system's name service is not in it: names that the files do not have (LDAP,
//! systemd-userdb) are asked of the program `getent`.

use std::process::{Command, Stdio};

/// A line of `/etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// User number.
    pub uid: u32,
    /// Number of the primary group.
    pub gid: u32,
    /// Full name and the like.
    pub comment: String,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

/// A line of `/etc/group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Group number.
    pub gid: u32,
    /// Names of its members.
    pub members: Vec<String>,
}

fn parse_user(line: &str) -> Option<User> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let _password = fields.next()?;
    Some(User {
        name,
        uid: fields.next()?.parse().ok()?,
        gid: fields.next()?.parse().ok()?,
        comment: fields.next()?.to_owned(),
        home: fields.next()?.to_owned(),
        shell: fields.next()?.to_owned(),
    })
}

fn parse_group(line: &str) -> Option<Group> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let _password = fields.next()?;
    Some(Group {
        name,
        gid: fields.next()?.parse().ok()?,
        members: fields
            .next()?
            .split(',')
            .filter(|member| !member.is_empty())
            .map(str::to_owned)
            .collect(),
    })
}

/// The first entry of the file that is wanted, or what `getent` answers.
fn look_up<T>(
    database: &str,
    key: &str,
    parse: fn(&str) -> Option<T>,
    wanted: impl Fn(&T) -> bool,
) -> Option<T> {
    let text = std::fs::read_to_string(format!("/etc/{database}")).unwrap_or_default();
    let found = text.lines().filter_map(parse).find(&wanted);
    found.or_else(|| {
        let output = Command::new("getent")
            .args([database, key])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().filter_map(parse).find(wanted)
    })
}

/// The user of this name.
#[must_use]
pub fn user_by_name(name: &str) -> Option<User> {
    look_up("passwd", name, parse_user, |user| user.name == name)
}

/// The user of this number.
#[must_use]
pub fn user_by_id(uid: u32) -> Option<User> {
    look_up("passwd", &uid.to_string(), parse_user, |user| user.uid == uid)
}

/// The group of this name.
#[must_use]
pub fn group_by_name(name: &str) -> Option<Group> {
    look_up("group", name, parse_group, |group| group.name == name)
}

/// The group of this number.
#[must_use]
pub fn group_by_id(gid: u32) -> Option<Group> {
    look_up("group", &gid.to_string(), parse_group, |group| group.gid == gid)
}

/// Every group of `/etc/group`.
#[must_use]
pub fn local_groups() -> Vec<Group> {
    let text = std::fs::read_to_string("/etc/group").unwrap_or_default();
    text.lines().filter_map(parse_group).collect()
}

/// Name of a user's number, or the number itself.
#[must_use]
pub fn user_name(uid: u32) -> String {
    user_by_id(uid).map_or_else(|| uid.to_string(), |user| user.name)
}

/// Name of a group's number, or the number itself.
#[must_use]
pub fn group_name(gid: u32) -> String {
    group_by_id(gid).map_or_else(|| gid.to_string(), |group| group.name)
}

/// The user that the agent runs as.
#[must_use]
pub fn current_user() -> Option<User> {
    user_by_id(rustix::process::geteuid().as_raw())
}

/// Name of the user that the agent runs as.
#[must_use]
pub fn current_user_name() -> String {
    user_name(rustix::process::geteuid().as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_found_by_name_and_number_and_strangers_are_numbers() {
        assert_eq!(user_by_name("root").map(|user| user.uid), Some(0));
        assert_eq!(group_by_id(0).map(|group| group.name).as_deref(), Some("root"));
        assert_eq!(user_name(4_123_456), "4123456");
        assert!(group_by_name("no-such-group").is_none());
    }
}
