//! SELinux as the kernel has it now and as its configuration wants it.

use std::path::Path;

/// Where the kernel shows SELinux.
const FILESYSTEM: &str = "/sys/fs/selinux";

/// `enforcing`, `permissive` or `disabled`: what the kernel does now.
#[must_use]
pub fn current_mode() -> &'static str {
    match std::fs::read_to_string(Path::new(FILESYSTEM).join("enforce")) {
        Ok(text) if text.trim() == "1" => "enforcing",
        Ok(_) => "permissive",
        Err(_) => "disabled",
    }
}

/// Makes the kernel enforce or only report.
///
/// # Errors
/// When the kernel refuses.
pub fn set_mode(mode: &str) -> std::io::Result<()> {
    let number = if mode == "enforcing" { "1" } else { "0" };
    std::fs::write(Path::new(FILESYSTEM).join("enforce"), number)
}

/// The value of a setting of the configuration file: `SELINUX=enforcing`.
#[must_use]
pub fn setting<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))
        .next_back()
        .map(str::trim)
}

/// The text with this setting.
#[must_use]
pub fn with_setting(text: &str, key: &str, value: &str) -> String {
    let is_meant = |line: &str| {
        line.trim()
            .strip_prefix(key)
            .is_some_and(|rest| rest.starts_with('='))
    };
    let mut out: String = text
        .lines()
        .map(|line| {
            if is_meant(line) {
                format!("{key}={value}\n")
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    if !text.lines().any(is_meant) {
        out.extend([key, "=", value, "\n"]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_read_and_replaced_and_comments_are_none() {
        let text = "# SELINUX=x\nSELINUX=enforcing\nSELINUXTYPE=targeted\n";
        assert_eq!(setting(text, "SELINUX"), Some("enforcing"));
        assert_eq!(
            with_setting(text, "SELINUX", "disabled"),
            "# SELINUX=x\nSELINUX=disabled\nSELINUXTYPE=targeted\n"
        );
        assert_eq!(with_setting("", "SELINUXTYPE", "mls"), "SELINUXTYPE=mls\n");
    }
}
