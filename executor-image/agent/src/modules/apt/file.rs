//! `deb`: packages in files, or at an address.

use serde_json::json;

use super::cache::Cache;
use super::command::{Apt, dpkg_options, quiet};
use super::service_policy::ServicePolicy;
use super::{prepared, query};
use crate::answer::{Failure, Outcome, answer};
use crate::context::Context;
use crate::process::{Output, Process};
use crate::python_text::os_error;

/// Installs packages: what they need by apt-get, then the files themselves by dpkg.
pub(super) fn install(context: &Context, cache: &Cache, given: &str) -> Outcome {
    let args = &context.args;
    if args.required("state") != "present" {
        return Err(Failure::new("deb only supports state=present"));
    }
    let downloaded;
    let given = if given.contains("://") {
        downloaded = download(context, given)?;
        downloaded.path().to_string_lossy().into_owned()
    } else {
        given.to_owned()
    };
    let mut files = Vec::new();
    let mut needed = Vec::new();
    for file in given.split(',') {
        let package = Package::of(context, file)?;
        let installed = query::installed_version(context, &package.name)?;
        if installed.as_deref() == Some(&package.version) {
            continue;
        }
        let may_downgrade = args.flag("force") || args.flag("allow_downgrade");
        if let Some(installed) = installed
            && !may_downgrade
            && query::is_at_least(context, &installed, &package.version)?
        {
            return Err(Failure::new("A later version is already installed"));
        }
        needed.extend(package.needs(context, file)?);
        files.push(file.to_owned());
    }
    if files.is_empty() {
        return Ok(answer!({"changed": false, "stdout": "", "stderr": "", "diff": ""}));
    }
    let before = if needed.is_empty() {
        None
    } else {
        Some(super::install(context, cache, &needed, "present")?)
    };
    let text = |key: &str| {
        before
            .as_ref()
            .and_then(|before| before.get(key)?.as_str())
            .unwrap_or_default()
    };
    let (command, output) = dpkg(context, &files)?;
    let diff = match &before {
        None => json!({"prepared": prepared(&output.stdout)}),
        Some(before) => match before.get("diff").and_then(|diff| diff.get("prepared")?.as_str()) {
            Some(prepared) => json!({"prepared": format!("{prepared}\n\n{}", output.stdout)}),
            None => json!({}),
        },
    };
    let stdout = format!("{}{}", text("stdout"), output.stdout);
    let stderr = format!("{}{}", text("stderr"), output.stderr);
    if output.code == 0 {
        return Ok(answer!({"changed": true, "stdout": stdout, "stderr": stderr, "diff": diff}));
    }
    Err(Failure::new(format!("{command} failed"))
        .with("stdout", stdout)
        .with("stderr", stderr))
}

fn dpkg(context: &Context, files: &[String]) -> Result<(String, Output), Failure> {
    let mut words = dpkg_options(context);
    if context.check {
        words.push("--simulate".to_owned());
    }
    if context.args.flag("force") {
        words.push("--force-all".to_owned());
    }
    words.push("-i".to_owned());
    words.extend(files.iter().cloned());
    let _policy = ServicePolicy::of(context)?;
    let output = quiet(Process::tool(context, "dpkg")).args(&words).run()?;
    Ok((format!("dpkg {}", words.join(" ")), output))
}

/// What a file says of its package.
struct Package {
    name: String,
    version: String,
}

impl Package {
    fn of(context: &Context, file: &str) -> Result<Self, Failure> {
        std::fs::File::open(file).map_err(|error| {
            let number = error.raw_os_error().unwrap_or_default();
            let words = os_error(&error);
            let words = words.split_once("] ").map_or(words.as_str(), |(_, words)| words);
            Failure::new(format!(
                "Unable to install package: E:Could not open file {file} - open ({number}: {words})"
            ))
        })?;
        let output = Process::tool(context, "dpkg-deb")
            .args(["-f", file, "Package", "Version"])
            .run()?;
        let field = |name: &str| {
            let line = output
                .stdout
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.map(|value| value.trim().to_owned())
        };
        match (field("Package"), field("Version")) {
            (Some(name), Some(version)) => Ok(Self { name, version }),
            _ => Err(Failure::new(format!(
                "Unable to install package: {}",
                output.stderr.trim()
            ))),
        }
    }

    /// The packages that must be installed before this one.
    fn needs(&self, context: &Context, file: &str) -> Result<Vec<String>, Failure> {
        let output = Apt::new(context)
            .with("--simulate")
            .with("--allow-downgrades")
            .run("install", &[file.to_owned()])
            .map_err(|failure| {
                let said = failure.0.get("stdout").and_then(serde_json::Value::as_str);
                let unsatisfiable = said.and_then(unsatisfiable);
                match unsatisfiable {
                    Some(name) => Failure::new(format!("Dependency is not satisfiable: {name}\n")),
                    None => failure,
                }
            })?;
        Ok(output
            .stdout
            .lines()
            .filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next())
            .filter(|name| *name != self.name)
            .map(str::to_owned)
            .collect())
    }
}

/// What apt-get says that a package depends on and that is nowhere.
fn unsatisfiable(stdout: &str) -> Option<&str> {
    stdout.lines().find_map(|line| {
        let (_, needed) = line.split_once("Depends: ")?;
        Some(needed.split(" but ").next()?.trim())
    })
}

fn download(context: &Context, url: &str) -> Result<tempfile::NamedTempFile, Failure> {
    crate::http::Request::of(context, url, 30)
        .fetch(context)
        .map_err(|error| Failure::new(format!("Failure downloading {url}, {error}")))?
        .file(context, ".deb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nowhere_is_read_from_apt_get() {
        let said = "The following packages have unmet dependencies:\n slipneeds : Depends: nothing-here but it is not installable\n";
        assert_eq!(unsatisfiable(said), Some("nothing-here"));
        assert_eq!(unsatisfiable("words"), None);
    }
}
