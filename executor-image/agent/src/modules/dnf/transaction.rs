//! What dnf says that it has done, or would do.

/// Headings of what was done, in the output of dnf, and Ansible's words for them.
const DONE: [(&str, &str); 6] = [
    ("Installed:", "Installed"),
    ("Upgraded:", "Installed"),
    ("Downgraded:", "Installed"),
    ("Reinstalled:", "Installed"),
    ("Removed:", "Removed"),
    ("Installed dependencies:", "Installed"),
];

/// Beginnings of headings in the table of what is to be done.
const PLANNED: [(&str, &str); 5] = [
    ("Installing", "Installed"),
    ("Upgrading", "Installed"),
    ("Downgrading", "Installed"),
    ("Reinstalling", "Installed"),
    ("Removing", "Removed"),
];

/// Packages by what was done to them: `Installed: bash-5.1.8-9.el9.x86_64`. What was not done is read from the plan.
pub(super) fn parse(output: &str) -> Vec<String> {
    let done = done(output);
    if done.is_empty() { planned(output) } else { done }
}

fn done(output: &str) -> Vec<String> {
    let mut results = Vec::new();
    let mut word = None;
    for line in output.lines() {
        if !line.starts_with(' ') {
            word = DONE
                .iter()
                .find(|(heading, _)| line.trim_end() == *heading)
                .map(|(_, word)| *word);
            continue;
        }
        if let Some(word) = word {
            results.extend(
                line.split_whitespace()
                    .map(|package| format!("{word}: {package}")),
            );
        }
    }
    results
}

fn planned(output: &str) -> Vec<String> {
    let mut results = Vec::new();
    let mut word = None;
    let mut in_table = false;
    for line in output.lines() {
        if line.starts_with("====") {
            in_table = true;
            continue;
        }
        if line.starts_with("Transaction Summary") {
            break;
        }
        if !line.starts_with(' ') {
            word = PLANNED
                .iter()
                .find(|(heading, _)| line.starts_with(heading))
                .map(|(_, word)| *word);
            continue;
        }
        let columns: Vec<&str> = line.split_whitespace().collect();
        if let (true, Some(word), [name, architecture, version, ..]) = (in_table, word, columns.as_slice()) {
            results.push(format!("{word}: {name}-{version}.{architecture}"));
        }
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "\
Dependencies resolved.
================================================================================
 Package          Architecture   Version              Repository           Size
================================================================================
Installing:
 nginx            x86_64         1:1.20.1-14.el9      appstream            36 k
Installing dependencies:
 nginx-core       x86_64         1:1.20.1-14.el9      appstream           566 k
Removing:
 httpd            x86_64         2.4.57-5.el9         @appstream           59 k

Transaction Summary
================================================================================
Install  2 Packages
";

    #[test]
    fn a_plan_is_read_from_its_table() {
        assert_eq!(
            parse(&format!("{PLAN}Operation aborted.\n")),
            [
                "Installed: nginx-1:1.20.1-14.el9.x86_64",
                "Installed: nginx-core-1:1.20.1-14.el9.x86_64",
                "Removed: httpd-2.4.57-5.el9.x86_64",
            ]
        );
        assert!(parse("Dependencies resolved.\nNothing to do.\nComplete!\n").is_empty());
    }

    #[test]
    fn what_was_done_is_read_from_the_end() {
        let output = format!(
            "{PLAN}\nInstalled:\n  nginx-1:1.20.1-14.el9.x86_64   nginx-core-1:1.20.1-14.el9.x86_64\n\nRemoved:\n  httpd-2.4.57-5.el9.x86_64\n\nComplete!\n"
        );
        assert_eq!(
            parse(&output),
            [
                "Installed: nginx-1:1.20.1-14.el9.x86_64",
                "Installed: nginx-core-1:1.20.1-14.el9.x86_64",
                "Removed: httpd-2.4.57-5.el9.x86_64",
            ]
        );
    }
}
