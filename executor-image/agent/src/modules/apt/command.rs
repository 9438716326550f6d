//! `apt-get`, with what a call asks of it.

use super::service_policy::ServicePolicy;
use crate::answer::Failure;
use crate::context::Context;
use crate::process::{Output, Process};

/// The program, as far as it does not depend on the operation.
pub(super) struct Apt<'a> {
    context: &'a Context,
    options: Vec<String>,
}

impl<'a> Apt<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        let args = &context.args;
        let mut options = vec!["-y".to_owned()];
        for option in dpkg_options(context) {
            options.extend(["-o".to_owned(), format!("Dpkg::Options::={option}")]);
        }
        options.extend([
            "-o".to_owned(),
            format!(
                "DPkg::Lock::Timeout={}",
                args.integer("lock_timeout").unwrap_or(60)
            ),
        ]);
        options.extend(args.options_of_flags(&[
            ("fail_on_autoremove", "--no-remove"),
            ("allow_unauthenticated", "--allow-unauthenticated"),
            ("allow_downgrade", "--allow-downgrades"),
            ("allow_change_held_packages", "--allow-change-held-packages"),
        ]));
        if args.flag("force") {
            for option in [
                "--allow-unauthenticated",
                "--allow-downgrades",
                "--allow-remove-essential",
                "--allow-change-held-packages",
            ] {
                options.push(option.to_owned());
            }
        }
        if let Some(recommended) = args.optional_flag("install_recommends") {
            let word = if recommended { "yes" } else { "no" };
            options.extend(["-o".to_owned(), format!("APT::Install-Recommends={word}")]);
        }
        options.extend(release(context));
        if context.check {
            options.push("--simulate".to_owned());
        }
        Self { context, options }
    }

    /// Adds an option.
    pub(super) fn with(mut self, option: &str) -> Self {
        self.options.push(option.to_owned());
        self
    }

    /// Adds an option where a flag of the call is set.
    pub(super) fn with_flag(self, flag: &str, option: &str) -> Self {
        if self.context.args.flag(flag) {
            return self.with(option);
        }
        self
    }

    /// Carries out an operation.
    pub(super) fn run(&self, operation: &str, packages: &[String]) -> Result<Output, Failure> {
        let _policy = ServicePolicy::of(self.context)?;
        let output = apt_get(self.context)
            .args(&self.options)
            .arg(operation)
            .args(packages)
            .run()?;
        if output.code == 0 {
            return Ok(output);
        }
        let command = format!(
            "apt-get {} {operation} {}",
            self.options.join(" "),
            packages.join(" ")
        );
        Err(
            Failure::new(format!("'{}' failed: {}", command.trim_end(), output.stderr))
                .with("rc", output.code)
                .with("stdout", output.stdout)
                .with("stderr", output.stderr),
        )
    }
}

/// What dpkg is told.
pub(super) fn dpkg_options(context: &Context) -> Vec<String> {
    context
        .args
        .required("dpkg_options")
        .split(',')
        .filter(|option| !option.is_empty())
        .map(|option| format!("--{option}"))
        .collect()
}

/// The release that packages are to come from.
pub(super) fn release(context: &Context) -> Vec<String> {
    context
        .args
        .text("default_release")
        .map(|release| vec!["-t".to_owned(), release.to_owned()])
        .unwrap_or_default()
}

/// The program, which asks nothing.
pub(super) fn apt_get(context: &Context) -> Process {
    quiet(Process::tool(context, "apt-get"))
}

/// A program whose packages ask nothing.
pub(super) fn quiet(process: Process) -> Process {
    process
        .environment("DEBIAN_FRONTEND", "noninteractive")
        .environment("DEBIAN_PRIORITY", "critical")
}
