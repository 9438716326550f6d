//! One binary, several programs: which one is asked for by the name it is called by, or by its first argument.

use std::{ffi::OsString, path::Path};

/// A program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `ansible-playbook`
    Playbook,
    /// `ansible-inventory`
    Inventory,
    /// `ansible`
    AdHoc,
    /// `ansible-vault`
    Vault,
    /// What is set, and where.
    Config,
    /// What a shell needs to complete the others' command lines.
    Completion,
    /// Prints `docs/compatibility.md`; for those who work on it.
    Documentation,
}

/// Names, Ansible's and ours.
const NAMES: &[(&str, Program)] = &[
    ("ansible-playbook", Program::Playbook),
    ("slipway-playbook", Program::Playbook),
    ("ansible-inventory", Program::Inventory),
    ("slipway-inventory", Program::Inventory),
    ("ansible", Program::AdHoc),
    ("slipway-ansible", Program::AdHoc),
    ("ansible-vault", Program::Vault),
    ("slipway-vault", Program::Vault),
    ("slipway-config", Program::Config),
    ("completion", Program::Completion),
    ("slipway-documentation", Program::Documentation),
];

/// Programs of Ansible's that are not part of this one.
const MISSING: &[&str] = &[
    "ansible-config",
    "ansible-console",
    "ansible-doc",
    "ansible-galaxy",
    "ansible-pull",
    "ansible-test",
];

impl Program {
    /// Every name of a program, but of that for those who work on it.
    pub fn names() -> Vec<&'static str> {
        let offered = NAMES
            .iter()
            .filter(|(_, program)| *program != Self::Documentation);
        offered.map(|(name, _)| *name).collect()
    }

    /// The program of a name.
    pub fn named(name: &str) -> Option<Self> {
        NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, program)| *program)
    }

    /// The program that a command line asks for, and its arguments, its own name first.
    ///
    /// # Errors
    /// The name of a program of Ansible's that is not part of this one.
    pub fn choose(mut arguments: Vec<OsString>) -> Result<(Self, Vec<OsString>), &'static str> {
        let by_argument = arguments
            .get(1)
            .and_then(|argument| argument.to_str())
            .and_then(Self::named);
        if let Some(program) = by_argument {
            arguments.remove(0);
            return Ok((program, arguments));
        }
        let own = arguments.first().and_then(|name| Path::new(name).file_name());
        let own = own.and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(missing) = MISSING.iter().find(|name| **name == own) {
            return Err(missing);
        }
        Ok((Self::named(own).unwrap_or(Self::Playbook), arguments))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_or_the_first_argument_chooses_the_program() {
        for (arguments, program, left) in [
            (
                vec!["/usr/bin/ansible-inventory", "--list"],
                Program::Inventory,
                2,
            ),
            (
                vec!["slipway-playbook", "ansible-inventory", "--list"],
                Program::Inventory,
                2,
            ),
            (vec!["slipway-playbook", "site.yml"], Program::Playbook, 2),
            (vec!["anything"], Program::Playbook, 1),
        ] {
            let arguments = arguments.into_iter().map(OsString::from).collect();
            let (chosen, rest) = Program::choose(arguments).unwrap();
            assert_eq!((chosen, rest.len()), (program, left));
        }
    }

    #[test]
    fn a_program_that_is_not_there_does_not_become_another() {
        let arguments = vec![OsString::from("/usr/bin/ansible-doc"), OsString::from("copy")];
        assert_eq!(Program::choose(arguments).unwrap_err(), "ansible-doc");
    }
}
