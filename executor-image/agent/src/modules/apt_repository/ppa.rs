//! Personal package archives of Launchpad: `ppa:owner/name`.

use crate::answer::Failure;
use crate::context::Context;
use crate::http::Request;
use crate::process::Process;

/// Seconds that Launchpad may stand still.
const TIMEOUT: u64 = 30;

/// An archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Archive {
    owner: String,
    name: String,
}

/// Reads `ppa:owner/name`; an archive without a name is called `ppa`.
pub(super) fn parse(repository: &str) -> Option<Archive> {
    let place = repository.trim().strip_prefix("ppa:")?;
    let (owner, name) = place.split_once('/').unwrap_or((place, "ppa"));
    Some(Archive {
        owner: owner.to_owned(),
        name: name.to_owned(),
    })
}

/// The release of Ubuntu that packages are for.
pub(super) fn codename(context: &Context) -> Result<String, Failure> {
    if let Some(codename) = context.args.text("codename") {
        return Ok(codename.to_owned());
    }
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    ["UBUNTU_CODENAME=", "VERSION_CODENAME="]
        .iter()
        .find_map(|field| release.lines().find_map(|line| line.strip_prefix(field)))
        .map(|codename| codename.trim_matches('"').to_owned())
        .ok_or_else(|| Failure::new("the release of this host has no name: set codename"))
}

impl Archive {
    /// As a line of a list of sources.
    pub(super) fn line(&self, codename: &str) -> String {
        format!(
            "deb https://ppa.launchpadcontent.net/{}/{}/ubuntu {codename} main",
            self.owner, self.name
        )
    }

    /// Makes apt trust the archive's key.
    pub(super) fn trust(&self, context: &Context) -> Result<(), Failure> {
        let url = format!(
            "https://launchpad.net/api/1.0/~{}/+archive/{}",
            self.owner, self.name
        );
        let failed = |why: String| Failure::new(format!("failed to fetch PPA information, error was: {why}"));
        let mut request = Request::of(context, &url, TIMEOUT);
        request
            .headers
            .push(("Accept".to_owned(), "application/json".to_owned()));
        let text = request
            .fetch(context)
            .map_err(|error| failed(error.to_string()))?
            .content(context)?;
        let fingerprint = serde_json::from_slice::<serde_json::Value>(&text)
            .ok()
            .and_then(|archive| {
                archive
                    .get("signing_key_fingerprint")?
                    .as_str()
                    .map(str::to_owned)
            })
            .ok_or_else(|| failed("the answer names no key".to_owned()))?;
        let output = Process::tool(context, "apt-key")
            .args([
                "adv",
                "--recv-keys",
                "--no-tty",
                "--keyserver",
                "hkp://keyserver.ubuntu.com:80",
                &fingerprint,
            ])
            .run()?;
        if output.code == 0 {
            return Ok(());
        }
        Err(Failure::new(output.stderr.trim_end())
            .with("rc", output.code)
            .with("stdout", output.stdout)
            .with("stderr", output.stderr))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_a_line_for_a_release() {
        assert_eq!(
            parse("ppa:nginx/stable").unwrap().line("noble"),
            "deb https://ppa.launchpadcontent.net/nginx/stable/ubuntu noble main"
        );
        assert_eq!(
            parse("ppa:someone").unwrap().line("noble"),
            "deb https://ppa.launchpadcontent.net/someone/ppa/ubuntu noble main"
        );
        assert!(parse("deb http://x/ y").is_none());
    }
}
