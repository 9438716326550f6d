//! `policy_rc_d`: what packages are told that ask whether they may start services.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::answer::Failure;
use crate::context::Context;

/// The program that Debian's packages ask.
const PROGRAM: &str = "/usr/sbin/policy-rc.d";

/// The answer that the call wants, in force until this is dropped.
pub(super) struct ServicePolicy {
    before: Option<PathBuf>,
}

impl ServicePolicy {
    /// Puts the answer in force, if the call wants one.
    pub(super) fn of(context: &Context) -> Result<Option<Self>, Failure> {
        let Some(code) = context.args.integer("policy_rc_d").filter(|_| !context.check) else {
            return Ok(None);
        };
        let program = Path::new(PROGRAM);
        let writing =
            |error: std::io::Error| Failure::io(format!("Failed to run apt with {PROGRAM}"), &error);
        let before = if program.exists() {
            let kept = PathBuf::from(format!("{PROGRAM}.slipway"));
            std::fs::rename(program, &kept).map_err(writing)?;
            Some(kept)
        } else {
            None
        };
        let policy = Self { before };
        std::fs::write(program, format!("#!/bin/sh\nexit {code}\n")).map_err(writing)?;
        std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).map_err(writing)?;
        Ok(Some(policy))
    }
}

impl Drop for ServicePolicy {
    fn drop(&mut self) {
        // What was there before is there again, or nothing; a failure is not worth more than the packages' own result.
        let _ = match &self.before {
            Some(before) => std::fs::rename(before, PROGRAM),
            None => std::fs::remove_file(PROGRAM),
        };
    }
}
