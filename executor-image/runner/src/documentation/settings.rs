//! Settings: `ansible.cfg` and the environment.

use super::{Kind, Reference, list, remarks, table};
use crate::settings::{DEPRECATED, TABLE, UNHEEDED};

pub fn section(reference: &Reference) -> String {
    let rows = TABLE.iter().map(|row| {
        let default = if row.default.is_empty() {
            String::new()
        } else {
            format!("`{}`", row.default)
        };
        [
            places(row.environment, row.file),
            default,
            row.about.trim().trim_end_matches('.').to_owned(),
            remarks::text(Kind::Setting, row.name),
        ]
    });
    let unheeded = UNHEEDED.iter().map(|setting| {
        [
            places(setting.environment, setting.file),
            setting.instead.to_owned(),
        ]
    });
    let known = || {
        let heeded = TABLE.iter().map(|row| (row.environment, row.file));
        let told = UNHEEDED.iter().map(|setting| (setting.environment, setting.file));
        let going = DEPRECATED
            .iter()
            .map(|setting| (setting.environment, setting.file));
        heeded.chain(told).chain(going)
    };
    let others = reference.settings.values().filter(|setting| {
        !known().any(|(environment, file)| {
            environment
                .iter()
                .any(|name| setting.environment.iter().any(|other| other == name))
                || file
                    .iter()
                    .any(|(section, key)| setting.file.contains(&format!("{section}.{key}")))
        })
    });
    let mut others: Vec<String> = others
        .filter_map(|setting| {
            let place = setting.file.first().map(|place| {
                let (section, key) = place.split_once('.').unwrap_or(("", place));
                format!("[{section}] {key}")
            });
            place.or_else(|| setting.environment.first().cloned())
        })
        .collect();
    others.sort();
    others.dedup();
    let is_heeded = |place: &&str| TABLE.iter().any(|row| row.environment.contains(place));
    let going = DEPRECATED.iter().flat_map(|setting| setting.environment);
    let going = going
        .filter(|name| !is_heeded(name))
        .map(|name| (*name).to_owned());
    format!(
        "## Settings\n\n\
         Read from the file of `ANSIBLE_CONFIG`, else `ansible.cfg` in the working directory, `~/.ansible.cfg`, `/etc/ansible/ansible.cfg`; the \
         environment wins over the file and the command line over both.\n\n{}\n\
         ### Not heeded\n\nA warning tells who sets one of these to something else than Ansible's default.\n\n{}\n\
         Without effect, and told as going as in Ansible: {}.\n\n\
         Not known, and so without effect and without a warning: {}.\n",
        table(["setting", "default", "what", "differs"], rows),
        table(["setting", "instead"], unheeded),
        list(going),
        list(others)
    )
}

/// Where a setting is set.
fn places(environment: &[&str], file: &[(&str, &str)]) -> String {
    let file = file.iter().map(|(section, key)| format!("[{section}] {key}"));
    list(file.chain(environment.iter().map(|name| (*name).to_owned())))
}
