//! Packages of Red Hat's kin, of Alpine and of Arch.

use serde_json::Value;

use crate::answer::{Answer, Failure, answer};
use crate::context::Context;
use crate::process::{Output, Process};

/// Packages in rpm's database.
pub(super) fn rpm(context: &Context) -> Result<Vec<Answer>, Failure> {
    let output = Process::tool(context, "rpm")
        .args([
            "-qa",
            "--qf",
            "%{NAME}\\t%{VERSION}\\t%{RELEASE}\\t%{EPOCH}\\t%{ARCH}\\n",
        ])
        .run()?;
    Ok(output.stdout.lines().filter_map(rpm_package).collect())
}

fn rpm_package(line: &str) -> Option<Answer> {
    let mut fields = line.split('\t');
    let mut next = || fields.next();
    let (name, version, release) = (next()?, next()?, next()?);
    let epoch: Value = next()?.parse::<u64>().map_or(Value::Null, Value::from);
    // A key that is trusted is in the database, too, and has no architecture.
    let architecture = match next()? {
        "(none)" => Value::Null,
        architecture => architecture.into(),
    };
    Some(answer!({
        "name": name, "version": version, "release": release, "epoch": epoch, "arch": architecture,
    }))
}

/// Packages of Alpine.
pub(super) fn apk(context: &Context) -> Result<Vec<Answer>, Failure> {
    let output = Process::tool(context, "apk").args(["info", "-v"]).run()?;
    if output.code != 0 || !output.stderr.is_empty() {
        return Err(unlisted(&output));
    }
    Ok(output.stdout.lines().filter_map(apk_package).collect())
}

fn unlisted(output: &Output) -> Failure {
    Failure::new(format!(
        "Unable to list packages rc={} : {}",
        output.code, output.stderr
    ))
}

/// `name-1.2-r3`: the name may have dashes in it.
fn apk_package(line: &str) -> Option<Answer> {
    let (rest, release) = line.trim().rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    Some(answer!({"name": name, "version": version, "release": release}))
}

/// Packages of Arch.
pub(super) fn pacman(context: &Context) -> Result<Vec<Answer>, Failure> {
    let output = Process::tool(context, "pacman").arg("-Qi").run()?;
    if output.code != 0 || !output.stderr.is_empty() {
        return Err(unlisted(&output));
    }
    let packages = output.stdout.split("\n\n").filter_map(|block| {
        let field = |name: &str| {
            block.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                (key.trim() == name).then(|| value.trim().to_owned())
            })
        };
        Some(answer!({"name": field("Name")?, "version": field("Version")?, "arch": field("Architecture")?}))
    });
    Ok(packages.collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_of_package_managers_are_read() {
        assert_eq!(
            Value::Object(rpm_package("bash\t5.1.8\t9.el9\t(none)\tx86_64").unwrap()),
            json!({"name": "bash", "version": "5.1.8", "release": "9.el9", "epoch": null, "arch": "x86_64"})
        );
        assert_eq!(
            Value::Object(apk_package("alpine-baselayout-data-3.6.5-r0").unwrap()),
            json!({"name": "alpine-baselayout-data", "version": "3.6.5", "release": "r0"})
        );
    }
}
