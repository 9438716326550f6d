//! What a module's file says about how it is run.

use slipway_protocol::ForeignStyle;

/// How a module is run, before its name in an archive is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A Python module with Ansible's library.
    Python,
    /// A program that takes a file of JSON.
    JsonFile,
    /// A program that takes a file of words.
    WordsFile,
    /// A program whose text contains its arguments.
    JsonInside,
}

/// What is replaced by an import of the whole of Ansible's basic library.
pub const OLD_MARK: &str = "#<<INCLUDE_ANSIBLE_MODULE_COMMON>>";

impl Style {
    /// The style of a module with this content; none for PowerShell.
    pub fn of(content: &[u8]) -> Option<Self> {
        // As the tools do: what has a zero byte in it is no text.
        if content.contains(&0) {
            return Some(Self::JsonFile);
        }
        let text = String::from_utf8_lossy(content);
        if text.contains(OLD_MARK) || imports_library(&text) {
            return Some(Self::Python);
        }
        if text.contains("<<INCLUDE_ANSIBLE_MODULE_WINDOWS_POWERSHELL") || text.contains("#Requires -Module")
        {
            return None;
        }
        if text.contains(ForeignStyle::JSON_MARK) {
            return Some(Self::JsonInside);
        }
        if text.contains("WANT_JSON") {
            return Some(Self::JsonFile);
        }
        Some(Self::WordsFile)
    }
}

/// Whether some line imports from Ansible's library or a collection's.
fn imports_library(text: &str) -> bool {
    text.lines().map(str::trim_start).any(|line| {
        let line = line
            .strip_prefix("from ")
            .map(|rest| (rest.trim_start(), true))
            .or_else(|| {
                line.strip_prefix("import ")
                    .map(|rest| (rest.trim_start(), false))
            });
        match line {
            Some((module, is_from)) => {
                module.starts_with("ansible.module_utils")
                    || module
                        .strip_prefix("ansible_collections.")
                        .is_some_and(|rest| rest.contains(".plugins.module_utils"))
                    || (is_from
                        && (module.starts_with("ansible import module_utils") || module.starts_with("..")))
            }
            None => false,
        }
    })
}

/// The words of a script's first line: its interpreter and the arguments of that.
pub fn shebang(content: &[u8]) -> Option<Vec<String>> {
    let line = content.strip_prefix(b"#!")?;
    let end = line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
    let words = shlex::split(String::from_utf8_lossy(&line[..end]).trim())?;
    (!words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_is_read_from_the_content() {
        for (content, style) in [
            (
                "from ansible.module_utils.basic import AnsibleModule",
                Some(Style::Python),
            ),
            ("try:\n  import ansible.module_utils.urls", Some(Style::Python)),
            (
                "from ansible_collections.a.b.plugins.module_utils.c import d",
                Some(Style::Python),
            ),
            ("from ..module_utils import x", Some(Style::Python)),
            ("#<<INCLUDE_ANSIBLE_MODULE_COMMON>>", Some(Style::Python)),
            ("#!/bin/sh\n# WANT_JSON\n", Some(Style::JsonFile)),
            ("\u{7f}ELF\0\0", Some(Style::JsonFile)),
            (
                "#!/bin/sh\nx='<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>'",
                Some(Style::JsonInside),
            ),
            ("#!/bin/sh\n. $1", Some(Style::WordsFile)),
            ("#!powershell\n#Requires -Module Ansible.ModuleUtils.Legacy", None),
        ] {
            assert_eq!(Style::of(content.as_bytes()), style, "{content}");
        }
    }

    #[test]
    fn the_interpreter_is_in_the_first_line() {
        assert_eq!(
            shebang(b"#!/usr/bin/env python3\nx").unwrap(),
            ["/usr/bin/env", "python3"]
        );
        assert_eq!(shebang(b"#! /bin/sh").unwrap(), ["/bin/sh"]);
        assert!(shebang(b"print()").is_none());
    }
}
