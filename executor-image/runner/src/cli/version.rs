//! `--version`, in the shape that programs which ask Ansible for it expect.

use std::{ffi::OsString, io::Write as _, path::Path};

use crate::{engine::ANSIBLE_VERSION, settings::Settings};

/// Prints the version of Ansible that this is compatible with, and what is set.
pub fn print(arguments: &[OsString], settings: &Settings) {
    let name = arguments
        .first()
        .and_then(|name| Path::new(name).file_name())
        .map_or_else(
            || "slipway-playbook".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
    // ok: nobody may be there to read.
    let _ = writeln!(std::io::stdout(), "{}", text(&name, settings));
}

fn text(name: &str, settings: &Settings) -> String {
    let (major, minor, revision) = ANSIBLE_VERSION;
    let paths = |paths: &[std::path::PathBuf]| {
        let quoted: Vec<String> = paths.iter().map(|path| format!("'{}'", path.display())).collect();
        format!("[{}]", quoted.join(", "))
    };
    let collections: Vec<String> = settings
        .collections_path
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let own = std::env::current_exe().map_or_else(|_| name.to_owned(), |path| path.display().to_string());
    [
        format!("{name} [core {major}.{minor}.{revision}]"),
        format!(
            "  config file = {}",
            settings
                .config_file
                .as_ref()
                .map_or_else(|| "None".to_owned(), |path| path.display().to_string())
        ),
        format!("  configured module search path = {}", paths(&settings.library)),
        format!("  ansible collection location = {}", collections.join(":")),
        format!("  executable location = {own}"),
        format!("  slipway version = {}", env!("CARGO_PKG_VERSION")),
        format!("  jinja version = 3.1 (as ansible-core {major}.{minor} uses it)"),
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Surroundings;

    #[test]
    fn the_first_line_is_ansibles() {
        let settings = Settings::read(&Surroundings::default()).unwrap();
        let text = text("ansible-playbook", &settings);
        assert!(
            text.starts_with("ansible-playbook [core 2.18.19]\n  config file = None\n"),
            "{text}"
        );
    }
}
