//! `ansible.builtin.user`: accounts.

mod agents;
mod home;
mod local;
mod ssh_key;

use std::path::Path;

use serde_json::Value;

use crate::accounts::{User, group_by_id, group_by_name, local_groups, user_by_name};
use crate::answer::{Answer, Failure, Outcome, answer};
use crate::context::Context;
use crate::process::{Output, Process};

pub(super) fn run(context: &mut Context) -> Outcome {
    let name = context.args.required("name").to_owned();
    let state = context.args.required("state").to_owned();
    if context.args.flag("append") && context.args.value("groups").is_none() {
        context.warn(
            "'append' is set, but no 'groups' are specified. Use 'groups' for appending new groups.This will change to an error \
             in Ansible 2.14.",
        );
    }
    warn_of_password(context);
    let existing = user_by_name(&name);
    let mut answer = answer!({"name": name, "state": state, "changed": false});
    if state == "absent" {
        return absent(context, answer, existing.as_ref());
    }
    check_groups(context)?;
    let output = match &existing {
        None => {
            if context.check {
                return Ok(answer!({"changed": true}));
            }
            answer.insert("system".to_owned(), context.args.flag("system").into());
            answer.insert("create_home".to_owned(), context.args.flag("create_home").into());
            Some(create(context, &name)?)
        }
        Some(user) => {
            answer.insert("append".to_owned(), context.args.flag("append").into());
            answer.insert("move_home".to_owned(), context.args.flag("move_home").into());
            modify(context, user)?
        }
    };
    let mut changed = output.is_some();
    add_output(&mut answer, output);
    if context.args.text("password").is_some() {
        answer.insert("password".to_owned(), "NOT_LOGGING_PASSWORD".into());
    }
    if let Some(user) = user_by_name(&name) {
        let home = context.args.text("home").unwrap_or(&user.home).to_owned();
        if context.args.flag("create_home") && !Path::new(&home).exists() {
            changed = true;
            if !context.check {
                home::create(context, &user, Path::new(&home))?;
            }
        }
        if let Some(groups) = context.args.value("groups") {
            let groups: Vec<String> = match groups {
                Value::Array(_) => context.args.list("groups"),
                _ => Vec::new(),
            };
            answer.insert("groups".to_owned(), groups.join(",").into());
        }
        if context.args.flag("generate_ssh_key") {
            let mut warnings = Vec::new();
            changed |= ssh_key::generate(context, &user, &mut answer, &mut warnings)?;
            context.warnings.append(&mut warnings);
        }
        for (key, value) in [
            ("uid", Value::from(user.uid)),
            ("group", Value::from(user.gid)),
            ("comment", Value::from(user.comment)),
            ("home", Value::from(user.home)),
            ("shell", Value::from(user.shell)),
        ] {
            answer.insert(key.to_owned(), value);
        }
    }
    answer.insert("changed".to_owned(), changed.into());
    Ok(answer)
}

/// A password that is not a hash locks the account out: the user's password would have to hash to it.
fn warn_of_password(context: &mut Context) {
    let Some(password) = context.args.text("password") else {
        return;
    };
    let is_locked = ["*", "!", "*************"].contains(&password);
    if !is_locked && !looks_like_hash(password) {
        context.warn(
            "The input password appears not to have been hashed. The 'password' argument must be encrypted for this module to \
             work properly.",
        );
    }
}

/// Whether this may be what `crypt` makes of a password: `$kind$salt$digest`.
fn looks_like_hash(password: &str) -> bool {
    let fields: Vec<&str> = password.split('$').collect();
    let (Some(kind), Some(digest)) = (fields.get(1), fields.last()) else {
        return false;
    };
    let length = match *kind {
        "1" => Some(22),
        "5" | "y" => Some(43),
        "6" => Some(86),
        _ => None,
    };
    let is_of_digest = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '/');
    fields.len() >= 3
        && !password.contains([':', '*', '!'])
        && digest.chars().all(is_of_digest)
        && length.is_none_or(|length| digest.len() == length)
}

/// The program of an action: with `local` that of libuser, which leaves accounts of the network alone.
fn program(context: &Context, name: &'static str) -> Process {
    match (context.args.flag("local"), name) {
        (true, "useradd") => Process::tool(context, "luseradd"),
        (true, "usermod") => Process::tool(context, "lusermod"),
        (true, "userdel") => Process::tool(context, "luserdel"),
        (_, name) => Process::tool(context, name),
    }
}

fn absent(context: &Context, mut answer: Answer, existing: Option<&User>) -> Outcome {
    let Some(user) = existing else { return Ok(answer) };
    if context.check {
        return Ok(answer!({"changed": true}));
    }
    agents::end(user.uid);
    let (force, remove) = (context.args.flag("force"), context.args.flag("remove"));
    let mut process = program(context, "userdel");
    if force && !context.args.flag("local") {
        process = process.arg("-f");
    }
    if remove {
        process = process.arg("-r");
    }
    let output = process.arg(&user.name).run()?;
    // 12: the account is gone, its home could not be removed.
    if output.code != 0 && output.code != 12 {
        return Err(Failure::new(output.stderr)
            .with("name", user.name.clone())
            .with("rc", output.code));
    }
    answer.insert("changed".to_owned(), true.into());
    answer.insert("force".to_owned(), force.into());
    answer.insert("remove".to_owned(), remove.into());
    add_output(&mut answer, Some(output));
    Ok(answer)
}

fn add_output(answer: &mut Answer, output: Option<Output>) {
    let Some(output) = output else { return };
    for (key, text) in [("stdout", output.stdout), ("stderr", output.stderr)] {
        if !text.is_empty() {
            answer.insert(key.to_owned(), text.into());
        }
    }
}

fn group_number(group: &str) -> Option<u32> {
    match group.parse::<u32>() {
        Ok(gid) => group_by_id(gid).map(|group| group.gid),
        Err(_) => group_by_name(group).map(|group| group.gid),
    }
}

fn check_groups(context: &Context) -> Result<(), Failure> {
    let args = &context.args;
    let wanted = args
        .text("group")
        .map(str::to_owned)
        .into_iter()
        .chain(args.list("groups"));
    for group in wanted.filter(|group| !group.is_empty()) {
        if group_number(&group).is_none() && !context.check {
            return Err(Failure::new(format!("Group {group} does not exist")));
        }
    }
    Ok(())
}

fn check(output: Output, name: &str) -> Result<Output, Failure> {
    if output.code == 0 {
        return Ok(output);
    }
    Err(Failure::new(output.stderr)
        .with("name", name)
        .with("rc", output.code))
}

/// The arguments that creating and changing an account share.
fn common(context: &Context) -> Vec<String> {
    let args = &context.args;
    let mut arguments = Vec::new();
    if let Some(days) = args.value("expires").and_then(Value::as_f64) {
        let date = if days < 0.0 {
            String::new()
        } else {
            // ok: a time in seconds is far below 2^63
            #[allow(clippy::cast_possible_truncation)]
            let seconds = days as i64;
            chrono::DateTime::from_timestamp(seconds, 0)
                .map(|time| time.format("%Y-%m-%d").to_string())
                .unwrap_or_default()
        };
        arguments.extend(["-e".to_owned(), date]);
    }
    arguments
}

fn create(context: &Context, name: &str) -> Result<Output, Failure> {
    let args = &context.args;
    let is_local = args.flag("local");
    let mut arguments = if is_local { Vec::new() } else { common(context) };
    let mut push = |words: &[&str]| arguments.extend(words.iter().map(|word| (*word).to_owned()));
    if let Some(uid) = args.integer("uid") {
        push(&["-u", &uid.to_string()]);
        if args.flag("non_unique") {
            push(&["-o"]);
        }
    }
    match args.text("group") {
        Some(group) => push(&["-g", group]),
        // A group of the user's name is there already: it becomes the account's.
        None if group_by_name(name).is_some() => push(&[if is_local { "-n" } else { "-N" }]),
        None => {}
    }
    let groups: Vec<String> = args
        .list("groups")
        .into_iter()
        .filter(|group| !group.is_empty())
        .collect();
    if !groups.is_empty() && !is_local {
        push(&["-G", &groups.join(",")]);
    }
    for (parameter, option) in [
        ("comment", "-c"),
        ("home", "-d"),
        ("shell", "-s"),
        ("seuser", "-Z"),
    ] {
        if let Some(value) = args.text(parameter) {
            push(&[option, value]);
        }
    }
    if args.flag("create_home") {
        if !is_local {
            push(&["-m"]);
        }
        if let Some(skeleton) = args.text("skeleton") {
            push(&["-k", skeleton]);
        }
        if let Some(umask) = args.text("umask") {
            push(&["-K", &format!("UMASK={umask}")]);
        }
    } else {
        push(&["-M"]);
    }
    if args.flag("system") {
        push(&["-r"]);
    }
    for (parameter, key) in [("uid_min", "UID_MIN"), ("uid_max", "UID_MAX")] {
        if let Some(number) = args.integer(parameter) {
            push(&["-K", &format!("{key}={number}")]);
        }
    }
    let output = check(
        program(context, "useradd").args(&arguments).arg(name).run()?,
        name,
    )?;
    if is_local {
        let rest = local::Rest {
            joins: groups,
            leaves: Vec::new(),
            expires: args.value("expires").and_then(Value::as_f64).map(local::day_of),
        };
        rest.carry_out(context, name)?;
    }
    set_password(context, name, args.text("password"))?;
    if let Some(locked) = args.optional_flag("password_lock") {
        lock_password(context, name, locked)?;
    }
    set_password_age(context, name)?;
    Ok(output)
}

/// A password's hash goes through the program's input: command lines can be read by every user of the host.
fn set_password(context: &Context, name: &str, hash: Option<&str>) -> Result<(), Failure> {
    let Some(hash) = hash else { return Ok(()) };
    let output = Process::tool(context, "chpasswd")
        .arg("-e")
        .input(format!("{name}:{hash}\n"))
        .run()?;
    check(output, name).map(drop)
}

fn lock_password(context: &Context, name: &str, locked: bool) -> Result<(), Failure> {
    let output = program(context, "usermod")
        .arg(if locked { "-L" } else { "-U" })
        .arg(name)
        .run()?;
    check(output, name).map(drop)
}

fn set_password_age(context: &Context, name: &str) -> Result<(), Failure> {
    let mut arguments = Vec::new();
    for (parameter, option) in [
        ("password_expire_max", "-M"),
        ("password_expire_min", "-m"),
        ("password_expire_warn", "-W"),
        ("password_expire_account_disable", "-I"),
    ] {
        if let Some(days) = context.args.integer(parameter) {
            arguments.extend([option.to_owned(), days.to_string()]);
        }
    }
    if arguments.is_empty() {
        return Ok(());
    }
    check(
        Process::tool(context, "chage").args(&arguments).arg(name).run()?,
        name,
    )
    .map(drop)
}

/// A field of the line of `/etc/shadow`; nothing when it cannot be read.
fn shadow_field(name: &str, index: usize) -> Option<String> {
    let text = std::fs::read_to_string("/etc/shadow").ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(index).map(str::to_owned)
}

/// The date on which an account expires by its field of `/etc/shadow`; empty if it never does. One without a line there has expired on
/// the first of all days, so that whoever wants it not to expire gets a line.
fn expires_on(days: Option<&str>) -> String {
    days.map_or(Some(0), |days| days.parse::<i64>().ok())
        .filter(|days| *days >= 0)
        .and_then(|days| chrono::DateTime::from_timestamp(days.checked_mul(86400)?, 0))
        .map(|date| date.format("%Y-%m-%d").to_string())
        .unwrap_or_default()
}

/// Groups that an account is in besides its own.
fn groups_of(user: &User) -> Vec<String> {
    local_groups()
        .into_iter()
        .filter(|group| group.members.contains(&user.name) && group.gid != user.gid)
        .map(|group| group.name)
        .collect()
}

fn modify(context: &Context, user: &User) -> Result<Option<Output>, Failure> {
    let args = &context.args;
    let is_local = args.flag("local");
    let mut rest = local::Rest::default();
    let mut arguments: Vec<String> = Vec::new();
    let mut push = |words: &[&str]| arguments.extend(words.iter().map(|word| (*word).to_owned()));
    if let Some(uid) = args.integer("uid").filter(|uid| *uid != i64::from(user.uid)) {
        push(&["-u", &uid.to_string()]);
        if args.flag("non_unique") {
            push(&["-o"]);
        }
    }
    if let Some(group) = args.text("group") {
        let number = group_number(group);
        if number != Some(user.gid) {
            push(&[
                "-g",
                &number.map_or_else(|| group.to_owned(), |number| number.to_string()),
            ]);
        }
    }
    if args.value("groups").is_some() {
        let now = groups_of(user);
        let wanted: Vec<String> = args
            .list("groups")
            .into_iter()
            .filter(|group| !group.is_empty() && group_number(group) != Some(user.gid))
            .map(|group| {
                group
                    .parse()
                    .ok()
                    .and_then(group_by_id)
                    .map_or(group, |known| known.name)
            })
            .collect();
        let missing: Vec<String> = wanted
            .iter()
            .filter(|group| !now.contains(group))
            .cloned()
            .collect();
        let mut surplus = now;
        surplus.retain(|group| !wanted.contains(group) && !args.flag("append"));
        if is_local {
            (rest.joins, rest.leaves) = (missing, surplus);
        } else if args.flag("append") {
            if !missing.is_empty() {
                push(&["-a", "-G", &wanted.join(",")]);
            }
        } else if !missing.is_empty() || !surplus.is_empty() {
            push(&["-G", &wanted.join(",")]);
        }
    }
    if let Some(comment) = args.text("comment").filter(|comment| *comment != user.comment) {
        push(&["-c", comment]);
    }
    if let Some(home) = args.text("home").filter(|home| *home != user.home) {
        push(&["-d", home]);
        if args.flag("move_home") {
            push(&["-m"]);
        }
    }
    if let Some(shell) = args.text("shell").filter(|shell| *shell != user.shell) {
        push(&["-s", shell]);
    }
    let expires = common(context);
    if let Some(date) = expires.get(1)
        && expires_on(shadow_field(&user.name, 7).as_deref()) != *date
    {
        if is_local {
            rest.expires = args.value("expires").and_then(Value::as_f64).map(local::day_of);
        } else {
            arguments.extend(expires);
        }
    }
    let hash = shadow_field(&user.name, 1).unwrap_or_default();
    let new_hash = args.text("password").filter(|wanted| {
        args.required("update_password") == "always"
            && hash.trim_start_matches('!') != wanted.trim_start_matches('!')
    });
    let lock = args
        .optional_flag("password_lock")
        .filter(|lock| *lock != hash.starts_with('!'));
    let ages = [
        ("password_expire_min", 3),
        ("password_expire_max", 4),
        ("password_expire_warn", 5),
        ("password_expire_account_disable", 6),
    ];
    let changes_age = ages.iter().any(|(parameter, field)| {
        args.integer(parameter).is_some_and(|days| {
            shadow_field(&user.name, *field).and_then(|text| text.parse().ok()) != Some(days)
        })
    });
    if arguments.is_empty() && rest.is_empty() && new_hash.is_none() && lock.is_none() && !changes_age {
        return Ok(None);
    }
    if context.check {
        return Ok(Some(Output::default()));
    }
    let mut output = Output::default();
    if !arguments.is_empty() {
        output = check(
            program(context, "usermod")
                .args(&arguments)
                .arg(&user.name)
                .run()?,
            &user.name,
        )?;
    }
    rest.carry_out(context, &user.name)?;
    set_password(context, &user.name, new_hash)?;
    if let Some(lock) = lock {
        lock_password(context, &user.name, lock)?;
    }
    if changes_age {
        set_password_age(context, &user.name)?;
    }
    Ok(Some(output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_without_a_line_in_shadow_has_expired_on_the_first_day() {
        for (days, date) in [
            (None, "1970-01-01"),
            (Some(""), ""),
            (Some("-1"), ""),
            (Some("0"), "1970-01-01"),
            (Some("29281"), "2050-03-03"),
        ] {
            assert_eq!(expires_on(days), date, "{days:?}");
        }
    }
}
