//! What arguments of the `ssh` program ask for. No such program is run: what matters of them is done here.

use std::path::PathBuf;

use thiserror::Error;

use super::{
    HostKeyChecking,
    ssh_config::{Asked, SshConfig},
};
use crate::settings::expanded;

/// Arguments that cannot be understood.
#[derive(Debug, Error)]
pub enum SshArgumentsError {
    /// A word that is no option.
    #[error("the arguments of ssh have {0:?}, which is no option: ssh would take it for the host")]
    Word(String),
    /// The words of a shell are not complete.
    #[error("the arguments of ssh {0:?} have an open quotation mark")]
    Quotation(String),
    /// An option needs a value and has none.
    #[error("the option {0} of ssh needs a value")]
    NoValue(String),
    /// A value is not what its option needs.
    #[error("the option {option} of ssh cannot be {value:?}: {needed}")]
    Value {
        /// The option.
        option: String,
        /// What it is set to.
        value: String,
        /// What it must be.
        needed: &'static str,
    },
    /// A configuration file of `ssh` is wrong.
    #[error("the configuration of ssh, {place}: {problem}")]
    Config {
        /// The file, and the line if one is meant.
        place: String,
        /// What is wrong.
        problem: String,
    },
}

/// A host on the way to another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Jump {
    /// The login user there; the own name if none.
    pub user: Option<String>,
    /// Name or address.
    pub address: String,
    /// TCP port; 22 if none.
    pub port: Option<u16>,
}

/// What arguments of the `ssh` program ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SshArguments {
    /// `-l`, `User`
    pub user: Option<String>,
    /// `-p`, `Port`
    pub port: Option<u16>,
    /// `HostName`
    pub host_name: Option<String>,
    /// `-i`, `IdentityFile`
    pub identities: Vec<PathBuf>,
    /// `IdentitiesOnly`
    pub identities_only: bool,
    /// `UserKnownHostsFile`
    pub known_hosts: Vec<PathBuf>,
    /// `StrictHostKeyChecking`
    pub host_key_checking: Option<HostKeyChecking>,
    /// `ConnectTimeout`, in seconds.
    pub connect_timeout: Option<u64>,
    /// `ConnectionAttempts`
    pub attempts: Option<u64>,
    /// `ServerAliveInterval`, in seconds.
    pub alive_interval: Option<u64>,
    /// `ServerAliveCountMax`
    pub alive_count: Option<usize>,
    /// Whether keys are offered: `PubkeyAuthentication`, `PreferredAuthentications`.
    pub without_keys: bool,
    /// `-J`, `ProxyJump`: the way to the host, first hop first.
    pub jumps: Vec<Jump>,
    /// `ProxyCommand`: a program whose standard input and output lead to the host.
    pub proxy_command: Option<String>,
    /// `-F`: the configuration file that counts, or `none`.
    pub config: Option<PathBuf>,
    /// Names of options that are not heeded.
    pub unheeded: Vec<String>,
}

/// Options whose value means nothing here: there is one connection anyway, nobody to ask, and no terminal.
const MEANINGLESS: &[&str] = &[
    "batchmode",
    "challengeresponseauthentication",
    "checkhostip",
    "compression",
    "controlmaster",
    "controlpath",
    "controlpersist",
    "escapechar",
    "forwardx11",
    "globalknownhostsfile",
    "gssapiauthentication",
    "gssapidelegatecredentials",
    "hashknownhosts",
    "kbdinteractiveauthentication",
    "loglevel",
    "numberofpasswordprompts",
    "passwordauthentication",
    "requesttty",
    "tcpkeepalive",
    "updatehostkeys",
    "visualhostkey",
];

/// Flags without a value that mean nothing here.
const MEANINGLESS_FLAGS: &str = "CMNTanqtvx";
/// Flags without a value that would mean something.
const UNHEEDED_FLAGS: &str = "46AGKVXYfgksy";

impl SshArguments {
    /// Understands arguments. Of those that are given twice the first counts, as for `ssh`.
    ///
    /// # Errors
    /// Arguments that `ssh` would not understand either.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, SshArgumentsError> {
        let mut arguments = Self::default();
        for text in texts {
            let words = shlex::split(text).ok_or_else(|| SshArgumentsError::Quotation(text.to_owned()))?;
            let mut words = words.into_iter();
            while let Some(word) = words.next() {
                arguments.add(&word, &mut words)?;
            }
        }
        Ok(arguments)
    }

    fn add(&mut self, word: &str, rest: &mut impl Iterator<Item = String>) -> Result<(), SshArgumentsError> {
        let Some(flags) = word.strip_prefix('-').filter(|flags| !flags.is_empty()) else {
            return Err(SshArgumentsError::Word(word.to_owned()));
        };
        for (index, flag) in flags.char_indices() {
            let name = format!("-{flag}");
            if MEANINGLESS_FLAGS.contains(flag) {
                continue;
            }
            if UNHEEDED_FLAGS.contains(flag) {
                self.unheed(&name);
                continue;
            }
            let attached = &flags[index + flag.len_utf8()..];
            let value = if attached.is_empty() {
                rest.next()
                    .ok_or_else(|| SshArgumentsError::NoValue(name.clone()))?
            } else {
                attached.to_owned()
            };
            let option = match flag {
                'o' => {
                    let (option, value) = value
                        .split_once(['=', ' '])
                        .ok_or_else(|| SshArgumentsError::NoValue(value.clone()))?;
                    return self.set(option.trim(), value.trim_start_matches([' ', '=']).trim());
                }
                'l' => "User",
                'p' => "Port",
                'i' => "IdentityFile",
                'J' => "ProxyJump",
                'S' => "ControlPath",
                'e' => "EscapeChar",
                'F' => {
                    let file = match value.as_str() {
                        "none" => PathBuf::from(value),
                        file => expanded(file.as_ref()),
                    };
                    first(&mut self.config, file);
                    return Ok(());
                }
                _ => {
                    self.unheed(&name);
                    return Ok(());
                }
            };
            return self.set(option, &value);
        }
        Ok(())
    }

    fn set(&mut self, option: &str, value: &str) -> Result<(), SshArgumentsError> {
        let wrong = |needed: &'static str| SshArgumentsError::Value {
            option: option.to_owned(),
            value: value.to_owned(),
            needed,
        };
        let number = || value.parse().map_err(|_| wrong("a number is needed"));
        let count = || value.parse().map_err(|_| wrong("a number is needed"));
        let yes = matches!(value, "yes" | "true");
        let name = option.to_ascii_lowercase();
        match name.as_str() {
            "user" => first(&mut self.user, value.to_owned()),
            "port" => first(
                &mut self.port,
                value.parse().map_err(|_| wrong("a port is needed"))?,
            ),
            "hostname" => first(&mut self.host_name, value.to_owned()),
            "identityfile" => self.identities.push(expanded(value.as_ref())),
            "identitiesonly" => self.identities_only |= yes,
            "userknownhostsfile" => {
                if self.known_hosts.is_empty() {
                    let files = value.split_whitespace();
                    self.known_hosts = files.map(|file| expanded(file.as_ref())).collect();
                }
            }
            "stricthostkeychecking" => first(
                &mut self.host_key_checking,
                match value {
                    "no" | "off" | "false" => HostKeyChecking::Off,
                    "accept-new" => HostKeyChecking::AcceptNew,
                    "yes" | "ask" | "true" => HostKeyChecking::Pinned,
                    _ => return Err(wrong("it is yes, no, ask, off or accept-new")),
                },
            ),
            "connecttimeout" => first(&mut self.connect_timeout, number()?),
            "connectionattempts" => first(&mut self.attempts, number()?),
            "serveraliveinterval" => first(&mut self.alive_interval, number()?),
            "serveralivecountmax" => first(&mut self.alive_count, count()?),
            "pubkeyauthentication" => self.without_keys |= value == "no",
            "preferredauthentications" => {
                self.without_keys |= !value.split(',').any(|method| method == "publickey");
            }
            "proxyjump" => {
                // Of both ways to a host the first counts.
                if self.jumps.is_empty() && self.proxy_command.is_none() && value != "none" {
                    self.jumps = value
                        .split(',')
                        .map(|jump| {
                            jump_of(jump).ok_or_else(|| wrong("it is USER@HOST:PORT, with commas between"))
                        })
                        .collect::<Result<_, _>>()?;
                }
            }
            "proxycommand" => {
                if self.jumps.is_empty() && value != "none" {
                    first(&mut self.proxy_command, value.to_owned());
                }
            }
            _ if MEANINGLESS.contains(&name.as_str()) => {}
            _ => self.unheed(option),
        }
        Ok(())
    }

    /// Adds what configuration files say of a host; arguments count before them. The time-out is always an argument.
    ///
    /// # Errors
    /// A value that `ssh` would not understand either, with its place.
    pub fn add_config(
        &mut self,
        config: &SshConfig,
        host: &str,
        own_user: &str,
    ) -> Result<(), SshArgumentsError> {
        let (host_name, user) = (self.host_name.clone(), self.user.clone());
        let asked = Asked {
            host,
            host_name: host_name.as_deref(),
            user: user.as_deref(),
            own_user,
        };
        let unheeded = self.unheeded.len();
        let (known_hosts, timeout) = (self.known_hosts.clone(), self.connect_timeout);
        for option in config.options(asked) {
            let value = match option.name.to_ascii_lowercase().as_str() {
                "hostname" => option.value.replace("%h", host),
                // A key that is not there is passed over, unlike one that the playbook's own variables name.
                "identityfile" if !expanded(option.value.as_ref()).is_file() => continue,
                _ => option.value,
            };
            self.set(&option.name, &value)
                .map_err(|error| SshArgumentsError::Config {
                    place: option.place,
                    problem: error.to_string(),
                })?;
        }
        if !known_hosts.is_empty() {
            self.known_hosts = known_hosts;
        }
        self.connect_timeout = timeout;
        // What is for all programs of the machine is no mistake.
        self.unheeded.truncate(unheeded);
        for jump in &mut self.jumps {
            jump.add_config(config, own_user);
        }
        Ok(())
    }

    fn unheed(&mut self, name: &str) {
        if !self.unheeded.iter().any(|known| known == name) {
            self.unheeded.push(name.to_owned());
        }
    }
}

impl Jump {
    /// Adds what configuration files say of a host on the way.
    fn add_config(&mut self, config: &SshConfig, own_user: &str) {
        let given = self.address.clone();
        let asked = Asked {
            host: &given,
            host_name: None,
            user: self.user.as_deref(),
            own_user,
        };
        let options = config.options(asked);
        let find = |name: &str| {
            options
                .iter()
                .find(|option| option.name.eq_ignore_ascii_case(name))
        };
        if let Some(name) = find("HostName") {
            self.address = name.value.replace("%h", &given);
        }
        self.user = self
            .user
            .take()
            .or_else(|| find("User").map(|user| user.value.clone()));
        self.port = self
            .port
            .or_else(|| find("Port").and_then(|port| port.value.parse().ok()));
    }
}

fn first<T>(slot: &mut Option<T>, value: T) {
    slot.get_or_insert(value);
}

/// `[USER@]HOST[:PORT]`, perhaps as an address that begins with `ssh://`.
fn jump_of(text: &str) -> Option<Jump> {
    let text = text.trim();
    let text = text.strip_prefix("ssh://").unwrap_or(text);
    let (user, place) = match text.rsplit_once('@') {
        Some((user, place)) => (Some(user.to_owned()), place),
        None => (None, text),
    };
    let (address, port) = if let Some(rest) = place.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        (address, rest.strip_prefix(':'))
    } else if place.matches(':').count() == 1 {
        place
            .split_once(':')
            .map(|(address, port)| (address, Some(port)))?
    } else {
        (place, None)
    };
    if address.is_empty() {
        return None;
    }
    Some(Jump {
        user,
        address: address.to_owned(),
        port: port.map(str::parse).transpose().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_is_heeded_and_the_first_counts() {
        let arguments = SshArguments::parse([
            "-C -o ControlMaster=auto -o ControlPersist=60s -oPort=2222",
            "-o 'User bob' -p 1 -qJ jane@gate:2200,[::1] -i /k1 -o IdentityFile=/k2 -o ConnectTimeout=7",
            "-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=/dev/null -o ServerAliveInterval=30",
        ])
        .unwrap();
        assert_eq!(arguments.port, Some(2222));
        assert_eq!(arguments.user.as_deref(), Some("bob"));
        assert_eq!(arguments.identities, [PathBuf::from("/k1"), PathBuf::from("/k2")]);
        assert_eq!(arguments.connect_timeout, Some(7));
        assert_eq!(arguments.alive_interval, Some(30));
        assert_eq!(arguments.host_key_checking, Some(HostKeyChecking::AcceptNew));
        assert_eq!(arguments.known_hosts, [PathBuf::from("/dev/null")]);
        let jump = |user: Option<&str>, address: &str, port| Jump {
            user: user.map(str::to_owned),
            address: address.to_owned(),
            port,
        };
        assert_eq!(
            arguments.jumps,
            [jump(Some("jane"), "gate", Some(2200)), jump(None, "::1", None)]
        );
        assert_eq!(arguments.unheeded, Vec::<String>::new());
    }

    #[test]
    fn a_command_that_leads_to_the_host_is_kept_as_it_is_written() {
        let text = "-o ProxyCommand=\"ssh -W %h:%p -q bob@gate\" -o PreferredAuthentications=password";
        let arguments = SshArguments::parse([text]).unwrap();
        assert_eq!(
            arguments.proxy_command.as_deref(),
            Some("ssh -W %h:%p -q bob@gate")
        );
        assert!(arguments.without_keys);
    }

    #[test]
    fn the_rest_is_told_by_name() {
        let arguments =
            SshArguments::parse(["-A -F /my/config -o SendEnv=LANG -L 1:a:2 -o SendEnv=X"]).unwrap();
        assert_eq!(arguments.unheeded, ["-A", "SendEnv", "-L"]);
    }

    #[test]
    fn what_ssh_would_not_understand_is_refused_by_name() {
        for (text, said) in [
            ("-o Port=x", "Port"),
            ("-o 'Port", "quotation"),
            ("-J", "-J"),
            ("-o ProxyJump=:1", "USER@HOST:PORT"),
            ("-o StrictHostKeyChecking=maybe", "accept-new"),
            ("-C nonsense", "nonsense"),
        ] {
            let error = SshArguments::parse([text]).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
