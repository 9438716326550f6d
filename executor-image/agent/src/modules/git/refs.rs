//! What a remote repository has: its branches and tags.

use std::cell::OnceCell;

use super::program::Git;
use crate::answer::Failure;

/// A repository elsewhere, asked once.
pub(super) struct Remote<'a> {
    git: &'a Git<'a>,
    url: &'a str,
    refs: OnceCell<Vec<Reference>>,
}

/// A branch, a tag or the head, and the revision that it is at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reference {
    name: String,
    revision: String,
}

impl<'a> Remote<'a> {
    pub(super) fn new(git: &'a Git<'a>, url: &'a str) -> Self {
        Self {
            git,
            url,
            refs: OnceCell::new(),
        }
    }

    fn refs(&self) -> Result<&[Reference], Failure> {
        if let Some(refs) = self.refs.get() {
            return Ok(refs);
        }
        let text = self.git.read(None, &["ls-remote", self.url])?;
        Ok(self.refs.get_or_init(|| parse(&text)))
    }

    fn find(&self, name: &str) -> Result<Option<String>, Failure> {
        Ok(self
            .refs()?
            .iter()
            .find(|reference| reference.name == name)
            .map(|reference| reference.revision.clone()))
    }

    /// Whether it has a branch of this name.
    pub(super) fn has_branch(&self, name: &str) -> Result<bool, Failure> {
        Ok(self.find(&format!("refs/heads/{name}"))?.is_some())
    }

    /// Whether it has a tag of this name.
    pub(super) fn has_tag(&self, name: &str) -> Result<bool, Failure> {
        Ok(self.find(&format!("refs/tags/{name}"))?.is_some())
    }

    /// The revision that a version is there: the head, a branch, a tag (an annotated one's commit), or a revision itself.
    pub(super) fn revision(&self, version: &str) -> Result<String, Failure> {
        let candidates = if version == "HEAD" {
            vec!["HEAD".to_owned()]
        } else {
            vec![
                format!("refs/heads/{version}"),
                format!("refs/tags/{version}^{{}}"),
                format!("refs/tags/{version}"),
            ]
        };
        for name in candidates {
            if let Some(revision) = self.find(&name)? {
                return Ok(revision);
            }
        }
        if is_revision(version) {
            return Ok(version.to_owned());
        }
        Err(Failure::new(format!(
            "Could not determine remote revision for {version}"
        )))
    }
}

/// Whether a version is the number of a revision, whole.
pub(super) fn is_revision(version: &str) -> bool {
    version.len() == 40 && version.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn parse(text: &str) -> Vec<Reference> {
    text.lines()
        .filter_map(|line| {
            let (revision, name) = line.split_once('\t')?;
            Some(Reference {
                name: name.to_owned(),
                revision: revision.to_owned(),
            })
        })
        .collect()
}
