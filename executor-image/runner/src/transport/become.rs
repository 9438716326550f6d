//! Becoming another user on a host: the words of a shell that do it.

use std::fmt;

use super::quote;

/// The programs that make another user of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BecomeMethod {
    /// `sudo`
    Sudo,
    /// `su`
    Su,
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
    /// What `sudo` asks for.
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
        let user = quote(&self.user);
        match self.method {
            BecomeMethod::Sudo => {
                let program = self.executable.as_deref().unwrap_or("sudo");
                let flags = match (&self.flags, &self.password) {
                    (Some(flags), None) => flags.clone(),
                    // It must read the password from its input, and say nothing that is in the way.
                    (Some(flags), Some(_)) => format!("{} -S -p ''", without_non_interactive(flags)),
                    (None, None) => "-H -S -n".to_owned(),
                    (None, Some(_)) => "-H -S -p ''".to_owned(),
                };
                format!("{program} {flags} -u {user} {command}")
            }
            BecomeMethod::Su => {
                let program = self.executable.as_deref().unwrap_or("su");
                let flags = self.flags.as_deref().unwrap_or("");
                format!("{program} {flags} {user} -c {}", quote(command))
            }
        }
    }

    /// A command that succeeds if no password is needed.
    pub fn probe(&self) -> String {
        let program = self.executable.as_deref().unwrap_or("sudo");
        format!("{program} -n -u {} true 2>/dev/null", quote(&self.user))
    }
}

fn without_non_interactive(flags: &str) -> String {
    let words = flags.split_whitespace().filter(|word| *word != "-n");
    words.collect::<Vec<&str>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_program() {
        let sudo = Become::sudo("bob");
        assert_eq!(sudo.command("x y"), "sudo -H -S -n -u 'bob' x y");
        let with_flags = Become {
            flags: Some("-E -n".to_owned()),
            executable: Some("/opt/sudo".to_owned()),
            password: Some(Password("secret".to_owned())),
            ..sudo.clone()
        };
        assert_eq!(with_flags.command("x"), "/opt/sudo -E -S -p '' -u 'bob' x");
        let su = Become {
            method: BecomeMethod::Su,
            ..sudo
        };
        assert_eq!(su.command("echo 'a'"), r"su  'bob' -c 'echo '\''a'\'''");
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(format!("{:?}", Password("secret".to_owned())), "Password");
    }
}
