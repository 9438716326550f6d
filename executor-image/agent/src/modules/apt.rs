//! `ansible.builtin.apt`: packages of Debian and its kin.

pub(super) mod cache;
mod query;
mod service_policy;

use crate::answer::{Answer, Failure, Outcome, answer};
use crate::context::Context;
use crate::process::{Output, Process};

use self::query::Wish;
use self::service_policy::ServicePolicy;

pub(super) fn run(context: &mut Context) -> Outcome {
    let args = &context.args;
    if args.value("name").is_some() && args.value("deb").is_some() {
        return Err(Failure::new("parameters are mutually exclusive: deb|package"));
    }
    let cache = cache::refresh(context)?;
    let mut answer =
        answer!({"changed": false, "cache_updated": cache.updated, "cache_update_time": cache.time});
    let names: Vec<String> = args
        .list("name")
        .into_iter()
        .filter(|name| !name.is_empty())
        .collect();
    let wants_all = args.required("state") == "latest" && names.iter().any(|name| name == "*");
    if wants_all && names.len() > 1 {
        return Err(Failure::new(
            "unable to install additional packages when upgrading all installed packages",
        ));
    }
    let upgrade = match args.required("upgrade") {
        "no" if wants_all => Some("upgrade"),
        "no" => None,
        "dist" | "full" => Some("dist-upgrade"),
        _ => Some("upgrade"),
    };
    let cleans = args.flag("clean");
    let does_something = !names.is_empty()
        || args.value("deb").is_some()
        || upgrade.is_some()
        || cleans
        || args.flag("autoremove")
        || args.flag("autoclean");
    if !does_something {
        if args.optional_flag("update_cache").is_none() && args.integer("cache_valid_time").unwrap_or(0) == 0
        {
            return Err(Failure::new(
                "one of the following is required: autoremove, deb, package, update_cache, upgrade",
            ));
        }
        answer.insert("changed".to_owned(), cache.updated.into());
        return Ok(answer);
    }
    if cleans {
        // Cleaning the cache of packages is not counted as a change.
        let output = Apt::new(context).run("clean", &[])?;
        if names.is_empty() && upgrade.is_none() {
            return finish(answer, context, output);
        }
    }
    if let Some(upgrade) = upgrade {
        let mut apt = Apt::new(context);
        if upgrade == "upgrade" {
            // New versions may need packages that are not there yet.
            apt = apt.with("--with-new-pkgs");
        }
        let output = apt.run(upgrade, &[])?;
        return finish(answer, context, output);
    }
    if let Some(file) = args.text("deb").map(str::to_owned) {
        return install_file(context, answer, &file);
    }
    if names.is_empty() {
        for (flag, operation) in [("autoremove", "autoremove"), ("autoclean", "autoclean")] {
            if args.flag(flag) {
                let output = Apt::new(context).run(operation, &[])?;
                return finish(answer, context, output);
            }
        }
        return Ok(answer);
    }
    match args.required("state") {
        "absent" => remove(context, answer, &names),
        "build-dep" => {
            let output = Apt::new(context).run("build-dep", &names)?;
            finish(answer, context, output)
        }
        state => install(context, answer, &names, state),
    }
}

/// `apt-get` with what the call asks of it.
struct Apt<'a> {
    context: &'a Context,
    options: Vec<String>,
}

impl<'a> Apt<'a> {
    fn new(context: &'a Context) -> Self {
        let args = &context.args;
        let mut options = vec!["-y".to_owned()];
        for option in args
            .required("dpkg_options")
            .split(',')
            .filter(|option| !option.is_empty())
        {
            options.extend(["-o".to_owned(), format!("Dpkg::Options::=--{option}")]);
        }
        options.extend([
            "-o".to_owned(),
            format!(
                "DPkg::Lock::Timeout={}",
                args.integer("lock_timeout").unwrap_or(60)
            ),
        ]);
        for (flag, option) in [
            ("fail_on_autoremove", "--no-remove"),
            ("only_upgrade", "--only-upgrade"),
            ("allow_unauthenticated", "--allow-unauthenticated"),
            ("allow_downgrade", "--allow-downgrades"),
            ("allow_change_held_packages", "--allow-change-held-packages"),
            ("purge", "--purge"),
            ("autoremove", "--auto-remove"),
        ] {
            if args.flag(flag) {
                options.push(option.to_owned());
            }
        }
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
        match args.optional_flag("install_recommends") {
            Some(true) => options.extend(["-o".to_owned(), "APT::Install-Recommends=yes".to_owned()]),
            Some(false) => options.extend(["-o".to_owned(), "APT::Install-Recommends=no".to_owned()]),
            None => {}
        }
        if let Some(release) = args.text("default_release") {
            options.extend(["-t".to_owned(), release.to_owned()]);
        }
        if context.check {
            options.push("--simulate".to_owned());
        }
        Self { context, options }
    }

    fn with(mut self, option: &str) -> Self {
        self.options.push(option.to_owned());
        self
    }

    fn run(&self, operation: &str, packages: &[String]) -> Result<Output, Failure> {
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

fn apt_get(context: &Context) -> Process {
    Process::tool(context, "apt-get")
        .environment("DEBIAN_FRONTEND", "noninteractive")
        .environment("DEBIAN_PRIORITY", "critical")
}

/// What apt-get prints when it has nothing to do.
const NOTHING_TO_DO: &str = "\n0 upgraded, 0 newly installed, 0 to remove";

#[allow(clippy::unnecessary_wraps)] // it is what every operation ends with
fn finish(mut answer: Answer, context: &Context, output: Output) -> Outcome {
    let did_something = !format!("\n{}", output.stdout).contains(NOTHING_TO_DO) && !output.stdout.is_empty();
    if context.diff {
        answer.insert(
            "diff".to_owned(),
            serde_json::json!({"prepared": prepared(&output.stdout)}),
        );
    }
    answer.insert("changed".to_owned(), did_something.into());
    answer.insert("stdout".to_owned(), output.stdout.into());
    answer.insert("stderr".to_owned(), output.stderr.into());
    Ok(answer)
}

/// The part of apt-get's output that says what it does.
fn prepared(stdout: &str) -> String {
    let lines: Vec<&str> = stdout.lines().collect();
    let start = lines
        .iter()
        .position(|line| line.starts_with("The following"))
        .unwrap_or(lines.len());
    let end = lines
        .iter()
        .position(|line| line.contains(" upgraded, "))
        .map_or(lines.len(), |line| line + 1);
    lines.get(start..end).unwrap_or_default().join("\n")
}

fn install(context: &Context, answer: Answer, names: &[String], state: &str) -> Outcome {
    let mut wanted = Vec::new();
    let expanded = query::expand(context, names)?;
    for name in &expanded {
        let wish = Wish::parse(name);
        let installed = query::installed_version(context, wish.name)?;
        let is_missing = !wish.is_satisfied_by(installed.as_deref());
        if context.args.flag("only_upgrade") && installed.is_none() {
            continue;
        }
        if is_missing || state != "present" {
            if installed.is_none() && !query::is_available(context, wish.name)? {
                return Err(Failure::new(format!(
                    "No package matching '{}' is available",
                    wish.name
                )));
            }
            wanted.push(wish.argument(context)?);
        }
    }
    if wanted.is_empty() {
        mark_as_wanted(context, &expanded)?;
        return Ok(answer);
    }
    let apt = if state == "fixed" {
        Apt::new(context).with("--fix-broken")
    } else {
        Apt::new(context)
    };
    let output = apt.run("install", &wanted)?;
    mark_as_wanted(context, &expanded)?;
    finish(answer, context, output)
}

/// A package that a playbook asks for is no mere dependency any more: it stays when what needed it goes.
fn mark_as_wanted(context: &Context, names: &[String]) -> Result<(), Failure> {
    if context.check || names.is_empty() {
        return Ok(());
    }
    let automatic = Process::tool(context, "apt-mark")
        .arg("showauto")
        .args(names.iter().map(|name| Wish::parse(name).name.to_owned()))
        .run()?;
    let automatic: Vec<&str> = automatic.stdout.lines().map(str::trim).collect();
    if !automatic.is_empty() {
        Process::tool(context, "apt-mark")
            .arg("manual")
            .args(automatic)
            .run()?;
    }
    Ok(())
}

fn remove(context: &Context, answer: Answer, names: &[String]) -> Outcome {
    let mut installed = Vec::new();
    for name in query::expand_installed(context, names)? {
        let has_files = query::installed_version(context, &name)?.is_some();
        if has_files || (context.args.flag("purge") && query::has_configuration(context, &name)?) {
            installed.push(name);
        }
    }
    if installed.is_empty() {
        return Ok(answer);
    }
    let output = Apt::new(context).run("remove", &installed)?;
    finish(answer, context, output)
}

/// Installs a package's file, or one at an address.
fn install_file(context: &Context, answer: Answer, file: &str) -> Outcome {
    let downloaded;
    let path = if file.contains("://") {
        let mut response = crate::http::Request::of(context, file, 30)
            .send(context)
            .map_err(|error| Failure::new(format!("Failure downloading {file}, {error}")))?;
        if !response.is_success() {
            return Err(Failure::new(format!(
                "Failure downloading {file}, HTTP Error {}: {}",
                response.status, response.reason
            )));
        }
        let mut temporary = tempfile::Builder::new()
            .suffix(".deb")
            .tempfile_in(&context.temporary)
            .map_err(|error| Failure::io("making a temporary file", &error))?;
        response.copy_to(context, temporary.as_file_mut())?;
        downloaded = temporary;
        downloaded.path().to_string_lossy().into_owned()
    } else {
        file.to_owned()
    };
    let fields = Process::tool(context, "dpkg-deb")
        .args(["-f", &path, "Package", "Version"])
        .run()?;
    let field = |name: &str| {
        let line = fields
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(|value| value.trim().to_owned())
    };
    let (Some(name), Some(version)) = (field("Package"), field("Version")) else {
        return Err(Failure::new(format!(
            "Unable to install package: {}",
            fields.stderr.trim()
        )));
    };
    if query::installed_version(context, &name)?.as_deref() == Some(version.as_str()) {
        return Ok(answer);
    }
    let output = Apt::new(context).run("install", &[path])?;
    finish(answer, context, output)
}
