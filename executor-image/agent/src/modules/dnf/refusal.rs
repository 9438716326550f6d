//! Why dnf has refused, in Ansible's words.

use super::plan;
use crate::answer::{Failure, answer};
use crate::process::Output;

/// What dnf says when it has nowhere to look.
const NO_REPOSITORIES: &str = "There are no enabled repositories";

/// The output of a program that has done to packages what it was asked for.
pub(super) fn must(output: Output, packages: &[String]) -> Result<Output, Failure> {
    if output.code == 0 {
        return Ok(output);
    }
    Err(failure(&output, packages))
}

/// Whether the program has refused to update or to remove because there is nothing to be done.
pub(super) fn is_nothing_to_do(output: &Output) -> bool {
    output.stderr.contains("No packages marked for ") || output.stderr.contains(NO_REPOSITORIES)
}

/// What Ansible says of packages that are nowhere.
pub(super) fn unmatched(output: &Output, packages: &[String]) -> Vec<String> {
    let shown = |name: &str| format!("No package {name} available.");
    if output.stderr.contains(NO_REPOSITORIES) {
        return packages.iter().map(|name| shown(name)).collect();
    }
    lines_after(output, "No match for argument: ")
        .map(shown)
        .collect()
}

fn failure(output: &Output, packages: &[String]) -> Failure {
    let none = || Vec::<String>::new();
    let error = error(&output.stderr);
    if error.starts_with("Unable to find a match") || error.starts_with(NO_REPOSITORIES) {
        return failed(
            "Failed to install some of the specified packages",
            &unmatched(output, packages),
        );
    }
    if let Some(rest) = lines_after(output, "Module or Group '").next()
        && let Some(group) = rest.strip_suffix("' is not available.")
    {
        return Failure::new(format!("No group {group} available.")).with("results", none());
    }
    if let Some(file) = lines_after(output, "Could not open: ").next() {
        return Failure::new(format!(
            "Error occurred attempting remote rpm operation: Could not open: {file}"
        ))
        .with_all(answer!({"results": none(), "rc": 1}));
    }
    if error.starts_with("GPG check FAILED") {
        let why = output.stderr.lines().next().unwrap_or_default();
        let planned = plan::parse(&output.stdout, &[]);
        let package = match planned.as_slice() {
            [only] => only.strip_prefix("Installed: "),
            // Which one it is only the name of its file tells.
            _ => why
                .strip_prefix("Package ")
                .and_then(|rest| rest.split(".rpm").next()),
        };
        let package = package.unwrap_or("a package");
        return Failure::new(format!("Failed to validate GPG signature for {package}: {why}"));
    }
    if error.starts_with("Failed to download metadata for repo") {
        return Failure::new(error).with_all(answer!({"results": none(), "rc": 1}));
    }
    if let Some(rest) = error.strip_prefix("Error downloading packages:") {
        return failed(&format!("Failed to download packages: {}", rest.trim()), &[]);
    }
    if error.trim_start().starts_with("Problem") {
        return failed(&format!("Depsolve Error occurred: {error}"), &[]);
    }
    failed(&format!("Unknown Error occurred: {error}"), &[])
}

fn failed(message: &str, failures: &[String]) -> Failure {
    Failure::new(message).with_all(answer!({
        "failures": failures,
        "results": Vec::<String>::new(),
        "rc": 1,
    }))
}

/// What follows the last `Error: `; everything where there is none.
fn error(stderr: &str) -> String {
    let error = stderr.rsplit_once("Error: ").map_or(stderr, |(_, error)| error);
    error.trim_end().to_owned()
}

/// The rests of the lines of both outputs that begin with these words.
fn lines_after<'a>(output: &'a Output, start: &'a str) -> impl Iterator<Item = &'a str> {
    output
        .stdout
        .lines()
        .chain(output.stderr.lines())
        .filter_map(move |line| line.strip_prefix(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(stdout: &str, stderr: &str) -> Failure {
        failure(
            &Output {
                code: 1,
                stdout: stdout.to_owned(),
                stderr: stderr.to_owned(),
            },
            &["x".to_owned()],
        )
    }

    #[test]
    fn a_refusal_is_told_in_ansibles_words() {
        let unknown = refused("No match for argument: x\n", "Error: Unable to find a match: x\n");
        assert_eq!(unknown.0["failures"][0], "No package x available.");
        let nowhere = refused(
            "",
            "Error: There are no enabled repositories in \"/etc/yum.repos.d\".\n",
        );
        assert_eq!(nowhere.0["failures"][0], "No package x available.");
        for (stderr, message) in [
            (
                "Module or Group 'x' is not available.\nError: Nothing to do.\n",
                "No group x available.",
            ),
            (
                "Can not load RPM file: /x.rpm.\nCould not open: /x.rpm\n",
                "Error occurred attempting remote rpm operation: Could not open: /x.rpm",
            ),
            (
                "Package x-1-1.noarch.rpm is not signed\nError: GPG check FAILED\n",
                "Failed to validate GPG signature for x-1-1.noarch: Package x-1-1.noarch.rpm is not signed",
            ),
            (
                "Error: \n Problem: x requires y\n",
                "Depsolve Error occurred: \n Problem: x requires y",
            ),
            ("Error: words\n", "Unknown Error occurred: words"),
        ] {
            assert_eq!(refused("", stderr).message(), message);
        }
    }
}
