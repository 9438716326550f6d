//! Becoming another user on a host: the words of a shell that do it, and the password for it.

use std::fmt;

use super::{TransportError, quote};

/// What `sudo` asks with, so that it is told from everything else that it says.
const PROMPT: &str = "slipway-agent: the password of sudo: ";

/// The programs that make another user of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BecomeMethod {
    /// `sudo`
    Sudo,
    /// `su`
    Su,
}

impl BecomeMethod {
    /// As Ansible names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::Su => "su",
        }
    }
}

/// Which user to become, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Become {
    /// The program.
    pub method: BecomeMethod,
    /// The user.
    pub user: String,
    /// The program's path, if it is not found by its name.
    pub executable: Option<String>,
    /// Its options, as the words of a shell; the usual ones if none.
    pub flags: Option<String>,
    /// What it asks for.
    pub password: Option<Password>,
}

/// A password; shown to nobody.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password")
    }
}

impl Become {
    /// A user by `sudo`, without anything unusual.
    pub fn sudo(user: impl Into<String>) -> Self {
        Self {
            method: BecomeMethod::Sudo,
            user: user.into(),
            executable: None,
            flags: None,
            password: None,
        }
    }

    /// The words that run a command, itself words of a shell, as the user.
    pub fn command(&self, command: &str) -> String {
        match self.method {
            BecomeMethod::Sudo => format!("{} {command}", self.words()),
            BecomeMethod::Su => format!("{} -c {}", self.words(), quote(command)),
        }
    }

    /// The words to which those of a command are appended, as `rsync` does.
    pub fn leading(&self, program: &str) -> String {
        match self.method {
            BecomeMethod::Sudo => format!("{} {program}", self.words()),
            BecomeMethod::Su => {
                let su = self.executable.as_deref().unwrap_or(self.method.name());
                let flags = self.flags.as_deref().unwrap_or_default();
                let script = quote(&format!("exec {program} \"$@\""));
                format!("{su} {flags} -c {script} -- {} {program}", quote(&self.user))
            }
        }
    }

    /// The same where nobody can answer: it fails instead of asking.
    #[must_use]
    pub fn without_password(&self) -> Self {
        Self {
            password: None,
            ..self.clone()
        }
    }

    /// The words that run a script of the shell, which is one word of the shell around it, as the user.
    pub fn script(&self, word: &str) -> String {
        match self.method {
            BecomeMethod::Sudo => format!("{} /bin/sh -c {word}", self.words()),
            BecomeMethod::Su => format!("{} -c {word}", self.words()),
        }
    }

    fn words(&self) -> String {
        let program = self.executable.as_deref().unwrap_or(self.method.name());
        let user = quote(&self.user);
        match self.method {
            BecomeMethod::Sudo => {
                let flags = self.flags.as_deref().unwrap_or("-H -S -n");
                let flags = match self.password {
                    None => flags.to_owned(),
                    // It must read the password from its input, and ask for it so that the question is seen.
                    Some(_) => format!("{} -S -p {}", without_non_interactive(flags), quote(PROMPT)),
                };
                format!("{program} {flags} -u {user}")
            }
            BecomeMethod::Su => match self.flags.as_deref().unwrap_or_default() {
                "" => format!("{program} {user}"),
                flags => format!("{program} {flags} {user}"),
            },
        }
    }

    /// Listens to what the program says.
    pub(super) fn listen(&self) -> Dialogue<'_> {
        Dialogue {
            other: self,
            answered: false,
        }
    }

    /// Why nobody else was become, from what the program said last.
    pub(super) fn failed(&self, said: &str) -> TransportError {
        let name = self.method.name();
        let any = |texts: &[&str]| texts.iter().any(|text| said.contains(text));
        TransportError::NotBecome(if any(&["a password is required"]) {
            self.missing()
        } else if any(&[
            "Sorry, try again.",
            "Authentication failure",
            "incorrect password",
        ]) {
            format!("Incorrect {name} password")
        } else if said.is_empty() {
            format!("{name} ended without saying why")
        } else {
            without_place(said.replace(PROMPT, "").trim()).to_owned()
        })
    }

    fn missing(&self) -> String {
        format!(
            "Missing {} password (give one with --ask-become-pass or ansible_become_password)",
            self.method.name()
        )
    }
}

/// What is said to a program that may ask for a password.
pub(super) struct Dialogue<'a> {
    other: &'a Become,
    answered: bool,
}

impl Dialogue<'_> {
    /// What to answer, given all that standard error has said so far.
    ///
    /// # Errors
    /// When there is no password, or it was the wrong one.
    pub fn heard(&mut self, said: &str) -> Result<Option<String>, TransportError> {
        let questions = match self.other.method {
            BecomeMethod::Sudo => said.matches(PROMPT).count(),
            // `su` asks in the host's language: its question is a line that has not ended.
            BecomeMethod::Su => {
                let line = said.rsplit('\n').next().unwrap_or_default().trim_end();
                usize::from(line.ends_with([':', '：']) && !self.answered)
            }
        };
        match (&self.other.password, questions, self.answered) {
            (_, 0, _) | (_, 1, true) => Ok(None),
            (None, _, _) => Err(TransportError::NotBecome(self.other.missing())),
            (Some(password), 1, false) => {
                self.answered = true;
                Ok(Some(format!("{}\n", password.0)))
            }
            (Some(_), _, _) => Err(TransportError::NotBecome(format!(
                "Incorrect {} password",
                self.other.method.name()
            ))),
        }
    }
}

fn without_non_interactive(flags: &str) -> String {
    let words = flags.split_whitespace().filter(|word| *word != "-n");
    words.collect::<Vec<&str>>().join(" ")
}

/// A shell's message without the line of our own script: `slipway: 27: exec: …`, or `slipway: line 27: exec: …`.
fn without_place(said: &str) -> &str {
    let after_number = |rest: &'_ str| -> Option<usize> {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        (digits > 0 && rest[digits..].starts_with(": ")).then_some(digits + 2)
    };
    said.strip_prefix("slipway: ")
        .map(|rest| rest.strip_prefix("line ").unwrap_or(rest))
        .and_then(|rest| after_number(rest).map(|start| &rest[start..]))
        .unwrap_or(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_program() {
        let sudo = Become::sudo("bob");
        assert_eq!(sudo.command("x y"), "sudo -H -S -n -u 'bob' x y");
        assert_eq!(
            sudo.script("\"x; y\""),
            "sudo -H -S -n -u 'bob' /bin/sh -c \"x; y\""
        );
        let with_flags = Become {
            flags: Some("-E -n".to_owned()),
            executable: Some("/opt/sudo".to_owned()),
            password: Some(Password("secret".to_owned())),
            ..sudo.clone()
        };
        assert_eq!(
            with_flags.command("x"),
            "/opt/sudo -E -S -p 'slipway-agent: the password of sudo: ' -u 'bob' x"
        );
        let su = Become {
            method: BecomeMethod::Su,
            ..sudo
        };
        assert_eq!(su.command("echo 'a'"), r"su 'bob' -c 'echo '\''a'\'''");
    }

    #[test]
    fn a_password_is_given_once_and_not_shown() {
        let sudo = Become {
            password: Some(Password("secret".to_owned())),
            ..Become::sudo("bob")
        };
        assert!(!format!("{sudo:?}").contains("secret"));
        let mut dialogue = sudo.listen();
        assert_eq!(dialogue.heard("a lecture\n").unwrap(), None);
        let asked = format!("a lecture\n{PROMPT}");
        assert_eq!(dialogue.heard(&asked).unwrap().as_deref(), Some("secret\n"));
        assert_eq!(dialogue.heard(&asked).unwrap(), None);
        let again = format!("{asked}Sorry, try again.\n{PROMPT}");
        assert_eq!(
            dialogue.heard(&again).unwrap_err().to_string(),
            "Incorrect sudo password"
        );
    }

    #[test]
    fn the_question_of_su_is_known_in_every_language() {
        let su = Become {
            method: BecomeMethod::Su,
            ..Become::sudo("bob")
        };
        let with_password = Become {
            password: Some(Password("secret".to_owned())),
            ..su.clone()
        };
        let mut dialogue = with_password.listen();
        assert_eq!(dialogue.heard("note: this host\n").unwrap(), None);
        assert!(dialogue.heard("Passwort: ").unwrap().is_some());
        assert_eq!(dialogue.heard("Passwort: ").unwrap(), None);
        let missing = su.listen().heard("Password: ").unwrap_err().to_string();
        assert!(missing.starts_with("Missing su password"), "{missing}");
        assert_eq!(
            with_password.failed("su: Authentication failure").to_string(),
            "Incorrect su password"
        );
    }
}
