//! The options of `rsync` that arguments stand for, in the order of Ansible's module.

use super::super::{Arguments, boolean, text, texts};
use crate::transport::quote;

/// What comes before the remote shell.
pub fn first(args: &Arguments, check: bool) -> Vec<String> {
    let is = |name: &str, default: bool| boolean(args, name).unwrap_or(default);
    let archive = is("archive", true);
    let mut words: Vec<String> = Vec::new();
    let mut say = |condition: bool, word: &str| {
        if condition {
            words.push(word.to_owned());
        }
    };
    say(is("delay_updates", true), "--delay-updates");
    say(is("delay_updates", true), "-F");
    say(is("compress", true), "--compress");
    let seconds = text(args, "rsync_timeout").filter(|seconds| seconds != "0");
    if let Some(seconds) = seconds {
        say(true, &format!("--timeout={seconds}"));
    }
    say(check, "--dry-run");
    say(is("delete", false), "--delete-after");
    say(is("existing_only", false), "--existing");
    say(is("checksum", false), "--checksum");
    say(is("copy_links", false), "--copy-links");
    say(archive, "--archive");
    // What `archive` says can be taken back, one by one.
    for name in ["recursive", "links", "perms", "times", "owner", "group"] {
        match boolean(args, name) {
            Some(true) => say(!archive, &format!("--{name}")),
            Some(false) => say(archive, &format!("--no-{name}")),
            None => {}
        }
    }
    say(is("dirs", false), "--dirs");
    words
}

/// What comes after the remote shell: the task's own options may take back others.
pub fn last(args: &Arguments) -> Vec<String> {
    let mut words = Vec::new();
    for option in texts(args, "rsync_opts") {
        // As words of a shell: who writes quotation marks means them so.
        words.extend(shlex::split(&option).unwrap_or_else(|| vec![option]));
    }
    if boolean(args, "partial").unwrap_or(false) {
        words.push("--partial".to_owned());
    }
    let links = texts(args, "link_dest");
    if !links.is_empty() {
        // Told at length, or a link that is made would not be told at all.
        words.extend(["-H".to_owned(), "-vv".to_owned()]);
        words.extend(links.iter().map(|path| format!("--link-dest={path}")));
    }
    words
}

/// A word as a shell reads it, without quotation marks where it needs none.
pub fn word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "@%+=:,./-_".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        quote(text)
    }
}

/// The command as the result shows it: values that come from elsewhere are quoted.
pub fn shown(words: &[String]) -> String {
    let ends = words.len().saturating_sub(2);
    let shown = words
        .iter()
        .enumerate()
        .map(|(index, given)| match given.split_once('=') {
            Some((name @ ("--rsh" | "--rsync-path" | "--out-format"), value)) => {
                format!("{name}={}", word(value))
            }
            _ if index >= ends => word(given),
            _ => given.clone(),
        });
    shown.collect::<Vec<String>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::map, *};

    #[test]
    fn arguments_become_options() {
        let args = map(
            json!({"delete": true, "times": false, "rsync_opts": ["--exclude='a b' -v"], "compress": "no"}),
        );
        assert_eq!(
            first(&args, true),
            [
                "--delay-updates",
                "-F",
                "--dry-run",
                "--delete-after",
                "--archive",
                "--no-times"
            ]
        );
        assert_eq!(last(&args), ["--exclude=a b", "-v"]);
    }

    #[test]
    fn the_command_is_shown_with_quotes_where_they_are_needed() {
        let words = ["rsync", "--rsh=ssh -S none", "--exclude=*", "a b", "host:c"].map(str::to_owned);
        assert_eq!(
            shown(&words),
            "rsync --rsh='ssh -S none' --exclude=* 'a b' host:c"
        );
    }
}
