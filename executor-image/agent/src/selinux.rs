//! Labels of files, on systems with SELinux.

use std::path::Path;

use crate::answer::Failure;
use crate::arguments::Arguments;
use crate::context::Context;
use crate::process::Process;
use crate::python_text::os_error;

/// The extended attribute that holds a label.
const ATTRIBUTE: &str = "security.selinux";

/// The label that a call asks for: user, role, type, level. What is not given stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Label([Option<String>; 4]);

/// Parameters in the order of a label's parts.
const PARAMETERS: [&str; 4] = ["seuser", "serole", "setype", "selevel"];

/// What stands for the part that the policy has for a path.
const DEFAULT: &str = "_default";

/// Whether the kernel labels files.
#[must_use]
pub fn is_enabled() -> bool {
    Path::new("/sys/fs/selinux/enforce").exists()
}

/// The label of a file, a link itself.
#[must_use]
pub fn label_of(path: &Path) -> Option<String> {
    let mut label = vec![0_u8; 512];
    let length = rustix::fs::lgetxattr(path, ATTRIBUTE, label.as_mut_slice()).ok()?;
    label.truncate(length);
    let text = String::from_utf8(label).ok()?;
    Some(text.trim_end_matches('\0').to_owned())
}

/// The four parts of a label; the level may have colons of its own.
#[must_use]
pub fn parts(label: &str) -> Vec<String> {
    label.splitn(4, ':').map(str::to_owned).collect()
}

impl Label {
    /// The label that a call asks for.
    #[must_use]
    pub fn of(args: &Arguments) -> Self {
        Self(PARAMETERS.map(|name| args.text(name).map(str::to_owned)))
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// The label that a path should have, as it is now and as it should be.
    ///
    /// # Errors
    /// When the path has no label.
    pub fn wanted(&self, context: &Context, path: &Path) -> Result<(Vec<String>, Vec<String>), Failure> {
        let current = label_of(path).ok_or_else(|| {
            Failure::new(format!(
                "could not read the SELinux context of {}",
                path.display()
            ))
            .with("path", path.to_string_lossy().into_owned())
        })?;
        let current = parts(&current);
        let policy = if self.0.iter().flatten().any(|part| part == DEFAULT) {
            policy(context, path)?
        } else {
            Vec::new()
        };
        let wanted = current
            .iter()
            .enumerate()
            .map(|(index, now)| match self.0.get(index) {
                Some(Some(part)) if part == DEFAULT => policy.get(index).unwrap_or(now).clone(),
                Some(Some(part)) => part.clone(),
                _ => now.clone(),
            })
            .collect();
        Ok((current, wanted))
    }
}

/// What the policy has for a path.
fn policy(context: &Context, path: &Path) -> Result<Vec<String>, Failure> {
    let output = Process::tool(context, "matchpathcon").arg("-n").arg(path).run()?;
    Ok(parts(output.stdout.trim()))
}

/// Gives a file a label.
///
/// # Errors
/// When the system refuses.
pub fn set(path: &Path, label: &[String]) -> Result<(), Failure> {
    let text = format!("{}\0", label.join(":"));
    rustix::fs::lsetxattr(path, ATTRIBUTE, text.as_bytes(), rustix::fs::XattrFlags::empty()).map_err(
        |error| {
            Failure::new("set selinux context failed")
                .with("path", path.to_string_lossy().into_owned())
                .with("details", os_error(&error.into()))
                .with("new_context", label.to_vec())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_has_four_parts_and_colons_in_the_last() {
        assert_eq!(
            parts("system_u:object_r:etc_t:s0:c1,c2"),
            ["system_u", "object_r", "etc_t", "s0:c1,c2"]
        );
    }
}
