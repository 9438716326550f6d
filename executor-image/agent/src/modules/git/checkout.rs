//! The checkout itself: made, brought up to date, switched to a version.

use std::path::PathBuf;

use super::program::Git;
use super::refs::Remote;
use super::{git_directory, signature};
use crate::answer::Failure;
use crate::context::Context;
use crate::process::Output;

/// A checkout as the call wants it.
pub(super) struct Checkout<'a> {
    pub git: &'a Git<'a>,
    pub context: &'a Context,
    pub directory: PathBuf,
    pub url: &'a str,
    pub remote: &'a Remote<'a>,
    pub version: &'a str,
}

impl Checkout<'_> {
    pub(super) fn is_bare(&self) -> bool {
        self.context.args.flag("bare")
    }

    /// Name of the remote.
    pub(super) fn remote_name(&self) -> &str {
        self.context.args.required("remote")
    }

    /// Whether there is a repository already.
    pub(super) fn is_there(&self) -> bool {
        if self.is_bare() {
            return self.directory.join("config").exists();
        }
        git_directory(&self.directory).is_some_and(|directory| directory.join("config").exists())
    }

    /// Runs git in the checkout.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<Output, Failure> {
        self.git.run(Some(&self.directory), arguments)
    }

    /// Runs git in the checkout and returns what it printed.
    pub(super) fn read(&self, arguments: &[&str]) -> Result<String, Failure> {
        self.git.read(Some(&self.directory), arguments)
    }

    /// Runs git in the checkout; `message` says what did not work.
    fn must(&self, arguments: &[&str], message: impl FnOnce() -> String) -> Result<Output, Failure> {
        let output = self.run(arguments)?;
        if output.code == 0 {
            return Ok(output);
        }
        let mut failure = self.git.failure(arguments, output);
        failure.0.insert("msg".to_owned(), message().into());
        Err(failure)
    }

    /// The revision that is checked out.
    pub(super) fn revision(&self) -> Result<String, Failure> {
        Ok(self.read(&["rev-parse", "HEAD"])?.trim().to_owned())
    }

    /// Makes the checkout.
    pub(super) fn clone_repository(&self) -> Result<(), Failure> {
        let args = &self.context.args;
        if let Some(parent) = self.directory.parent() {
            // git says what is wrong if the directory is not there after all.
            let _ = std::fs::create_dir_all(parent);
        }
        let mut words: Vec<String> = vec!["clone".to_owned()];
        if self.is_bare() {
            words.push("--bare".to_owned());
        } else {
            words.extend(["--origin".to_owned(), self.remote_name().to_owned()]);
        }
        let depth = self.depth();
        let single = args.flag("single_branch");
        if depth.is_some() || single {
            let has_version = self.version != "HEAD"
                && (self.remote.has_branch(self.version)? || self.remote.has_tag(self.version)?);
            if has_version {
                words.extend(["--branch".to_owned(), self.version.to_owned()]);
            }
            // A revision may be on any branch, so that all of them are needed for one.
            if let Some(depth) =
                depth.filter(|_| has_version || self.version == "HEAD" || args.text("refspec").is_some())
            {
                words.extend(["--depth".to_owned(), depth.to_string()]);
            }
        }
        if let Some(reference) = args.text("reference") {
            words.extend(["--reference".to_owned(), reference.to_owned()]);
        }
        if single {
            words.push("--single-branch".to_owned());
        }
        if let Some(directory) = args.text("separate_git_dir") {
            words.push(format!("--separate-git-dir={directory}"));
        }
        words.extend([self.url.to_owned(), self.directory.to_string_lossy().into_owned()]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut output = self.git.run(None, &words)?;
        if output.code != 0 {
            // What is wrong stands below the line that says what git is about to do.
            if output.stderr.starts_with("Cloning into") {
                let end = output.stderr.find('\n').map_or(0, |end| end + 1);
                output.stderr.drain(..end);
            }
            return Err(self.git.failure(&words, output));
        }
        if self.is_bare() && self.remote_name() != "origin" {
            self.read(&["remote", "add", self.remote_name(), self.url])?;
        }
        if let Some(refspec) = args.text("refspec") {
            let depth = depth.map(|depth| format!("--depth={depth}"));
            let mut words = vec!["fetch"];
            words.extend(depth.as_deref());
            words.extend([self.remote_name(), refspec]);
            self.read(&words)?;
        }
        Ok(())
    }

    /// Checks the signature of the version, if the call wants that.
    pub(super) fn verify(&self) -> Result<(), Failure> {
        if self.context.args.flag("verify_commit") {
            signature::verify(self)?;
        }
        Ok(())
    }

    fn depth(&self) -> Option<i64> {
        self.context.args.integer("depth").filter(|depth| *depth > 0)
    }

    /// Whether files that git keeps were changed by hand.
    pub(super) fn has_local_changes(&self) -> Result<bool, Failure> {
        if self.is_bare() {
            return Ok(false);
        }
        let status = self.read(&["status", "--porcelain"])?;
        Ok(status.lines().any(|line| !line.starts_with("??")))
    }

    /// Throws away what was changed by hand.
    pub(super) fn reset(&self) -> Result<(), Failure> {
        self.read(&["reset", "--hard", "HEAD", "--"]).map(drop)
    }

    /// Gives the remote its address; tells whether it had another one.
    pub(super) fn set_remote_url(&self) -> Result<bool, Failure> {
        let name = self.remote_name();
        let known = self.run(&["ls-remote", "--get-url", name])?;
        let known = known.stdout.trim();
        // git answers with the name itself when it knows no such remote.
        if known != name && plain_path(known) == plain_path(self.url) {
            return Ok(false);
        }
        if !self.context.check {
            let output = self.run(&["remote", "set-url", name, self.url])?;
            if output.code != 0 {
                return Err(Failure::new(format!(
                    "Failed to set a new url {} for {name}: {} {}",
                    self.url, output.stdout, output.stderr
                )));
            }
        }
        // A remote that was not there has no address that could have changed.
        Ok(known != name)
    }

    /// Fetches what is new.
    pub(super) fn fetch(&self) -> Result<(), Failure> {
        let args = &self.context.args;
        let name = self.remote_name();
        let mut words = vec!["fetch".to_owned()];
        let mut refspecs: Vec<String> = Vec::new();
        if let Some(depth) = self.depth() {
            words.extend(["--depth".to_owned(), depth.to_string()]);
            let version = self.version;
            if version != "HEAD" && self.remote.has_branch(version)? {
                let target = if self.is_bare() {
                    "heads".to_owned()
                } else {
                    format!("remotes/{name}")
                };
                refspecs.push(format!("+refs/heads/{version}:refs/{target}/{version}"));
            } else if version != "HEAD" && self.remote.has_tag(version)? {
                refspecs.push(format!("+refs/tags/{version}:refs/tags/{version}"));
            }
        } else if self.is_bare() {
            refspecs.extend([
                "+refs/heads/*:refs/heads/*".to_owned(),
                "+refs/tags/*:refs/tags/*".to_owned(),
            ]);
        } else {
            words.push("--tags".to_owned());
        }
        if args.flag("force") || self.is_bare() {
            words.push("--force".to_owned());
        }
        words.push(name.to_owned());
        let run = |refspecs: &[String]| {
            let words: Vec<&str> = words.iter().chain(refspecs).map(String::as_str).collect();
            let output = self.run(&words)?;
            if output.code == 0 {
                return Ok(());
            }
            let message = format!(
                "Failed to download remote objects and refs: {} {}",
                output.stdout, output.stderr
            );
            Err(Failure::new(message).with("cmd", self.git.command(&words)))
        };
        run(&refspecs)?;
        // On its own, because git would fetch nothing else with it.
        match args.text("refspec") {
            Some(refspec) => run(&[refspec.to_owned()]),
            None => Ok(()),
        }
    }

    /// Checks out the version: a branch as the remote has it, a tag, a revision.
    pub(super) fn switch_version(&self) -> Result<(), Failure> {
        let name = self.remote_name();
        let version = self.version;
        let branch = if version == "HEAD" {
            Some(self.head_branch()?)
        } else if self.remote.has_branch(version)? {
            Some(version.to_owned())
        } else {
            None
        };
        match branch {
            Some(branch) => {
                let failed = || format!("Failed to checkout branch {branch}");
                let there = format!("{name}/{branch}");
                let is_local = self
                    .run(&[
                        "rev-parse",
                        "--verify",
                        "--quiet",
                        &format!("refs/heads/{branch}"),
                    ])?
                    .code
                    == 0;
                if is_local {
                    self.must(&["checkout", "--force", &branch, "--"], failed)?;
                    self.must(&["reset", "--hard", &there, "--"], failed)?;
                } else {
                    if self.depth().is_some() || self.context.args.flag("single_branch") {
                        // The clone knew one branch only; another one can be followed when it is known, too.
                        self.must(&["remote", "set-branches", "--add", name, &branch], failed)?;
                    }
                    self.must(&["checkout", "--track", "-b", &branch, &there], failed)?;
                }
            }
            None => {
                self.must(&["checkout", "--force", version], || {
                    format!("Failed to checkout {version}")
                })?;
            }
        }
        self.verify()
    }

    /// The branch that is checked out, or (none is) the remote's default one.
    fn head_branch(&self) -> Result<String, Failure> {
        let current = self.run(&["symbolic-ref", "--short", "--quiet", "HEAD"])?;
        if current.code == 0 {
            return Ok(current.stdout.trim().to_owned());
        }
        let head = format!("refs/remotes/{}/HEAD", self.remote_name());
        let default = self.read(&["symbolic-ref", "--short", &head])?;
        let prefix = format!("{}/", self.remote_name());
        let default = default.trim();
        Ok(default.strip_prefix(&prefix).unwrap_or(default).to_owned())
    }

    /// Brings the submodules to the revisions that the checkout names; tells whether any moved.
    pub(super) fn update_submodules(&self) -> Result<bool, Failure> {
        let args = &self.context.args;
        if !args.flag("recursive") || !self.directory.join(".gitmodules").exists() {
            return Ok(false);
        }
        let failed = || "Failed to init/update submodules".to_owned();
        self.must(&["submodule", "sync"], failed)?;
        let before = self.submodules()?;
        let mut words = vec!["submodule", "update", "--init", "--recursive"];
        if args.flag("track_submodules") {
            words.push("--remote");
        }
        if args.flag("force") {
            words.push("--force");
        }
        self.must(&words, failed)?;
        Ok(self.submodules()? != before)
    }

    fn submodules(&self) -> Result<String, Failure> {
        self.read(&["submodule", "status", "--recursive"])
    }
}

/// The path of a `file://` address, which is the same repository.
fn plain_path(url: &str) -> &str {
    url.strip_prefix("file://").unwrap_or(url)
}
