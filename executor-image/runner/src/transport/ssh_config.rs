//! OpenSSH's configuration files, as ssh_config(5) describes them. Playbooks rely on them where `ansible-playbook` runs the `ssh`
//! program; what they say of a host counts after the arguments that `ssh` is given.

use std::path::{Path, PathBuf};

use super::{host_keys::home, ssh_arguments::SshArgumentsError};

/// Files may include each other so deep; as in OpenSSH.
const MOST_INCLUDES: usize = 16;

/// What configuration files say, in the order in which it counts.
#[derive(Debug, Default)]
pub struct SshConfig {
    sections: Vec<Section>,
    /// What is not heeded, with its place.
    pub unheeded: Vec<String>,
}

/// Options that some hosts have.
#[derive(Debug, Default)]
struct Section {
    conditions: Vec<Condition>,
    options: Vec<ConfigOption>,
}

/// An option as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigOption {
    /// Its name, such as `Port`.
    pub name: String,
    /// Its value, without quotation marks.
    pub value: String,
    /// The file and the line.
    pub place: String,
}

/// Which hosts a section is for. All of several patterns' lists must match.
#[derive(Debug, Clone)]
enum Condition {
    /// No host.
    Never,
    /// `Host`, `Match originalhost`: the name that was given.
    Given(Vec<String>),
    /// `Match host`: the name after `HostName`.
    Host(Vec<String>),
    /// `Match user`: the login user.
    User(Vec<String>),
    /// `Match localuser`: who runs the runner.
    LocalUser(Vec<String>),
}

/// For whom a configuration is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The host's name or address, as it was given.
    pub host: &'a str,
    /// `HostName` and `User` where arguments name them: they count before the files.
    pub host_name: Option<&'a str>,
    /// The login user where one is named.
    pub user: Option<&'a str>,
    /// The user that runs the runner.
    pub own_user: &'a str,
}

impl SshConfig {
    /// Reads the file that is named (`none` is no file), or the user's own and the system's.
    ///
    /// # Errors
    /// A named file that cannot be read, a line that is not understood.
    pub fn read(named: Option<&Path>) -> Result<Self, SshArgumentsError> {
        let mut config = Self::default();
        match named {
            Some(file) if file == Path::new("none") => {}
            Some(file) => config.add_file(file, &[], 0)?,
            None => {
                for file in [home().join(".ssh/config"), PathBuf::from("/etc/ssh/ssh_config")] {
                    if file.is_file() {
                        config.add_file(&file, &[], 0)?;
                    }
                }
            }
        }
        Ok(config)
    }

    fn add_file(&mut self, file: &Path, outer: &[Condition], depth: usize) -> Result<(), SshArgumentsError> {
        let problem = |line: Option<usize>, problem: String| SshArgumentsError::Config {
            place: line.map_or_else(
                || file.display().to_string(),
                |line| format!("{}:{line}", file.display()),
            ),
            problem,
        };
        if depth > MOST_INCLUDES {
            return Err(problem(None, "files include each other too deep".to_owned()));
        }
        let text = std::fs::read_to_string(file).map_err(|error| problem(None, error.to_string()))?;
        self.begin(outer, None);
        let mut inner: Vec<Condition> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let Some((name, rest)) = parts(line) else {
                continue;
            };
            let place = format!("{}:{number}", file.display());
            let words = || {
                shlex::split(rest).ok_or_else(|| problem(Some(number), "an open quotation mark".to_owned()))
            };
            match name.to_ascii_lowercase().as_str() {
                "host" => {
                    inner = vec![Condition::Given(words()?)];
                    self.begin(outer, Some(&inner));
                }
                "match" => {
                    inner = self.conditions(&words()?, &place);
                    self.begin(outer, Some(&inner));
                }
                "include" => {
                    let all: Vec<Condition> = outer.iter().chain(&inner).cloned().collect();
                    for pattern in words()? {
                        for included in included_files(&pattern, file) {
                            self.add_file(&included, &all, depth + 1)?;
                        }
                    }
                    self.begin(outer, Some(&inner));
                }
                _ if rest.is_empty() => {
                    return Err(problem(Some(number), format!("{name} needs a value")));
                }
                _ => {
                    let option = ConfigOption {
                        name: name.to_owned(),
                        value: unquoted(rest),
                        place,
                    };
                    if let Some(section) = self.sections.last_mut() {
                        section.options.push(option);
                    }
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, outer: &[Condition], inner: Option<&[Condition]>) {
        self.sections.push(Section {
            conditions: outer.iter().chain(inner.unwrap_or_default()).cloned().collect(),
            options: Vec::new(),
        });
    }

    /// The conditions of a `Match` line.
    fn conditions(&mut self, words: &[String], place: &str) -> Vec<Condition> {
        let mut conditions = Vec::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let word = word.to_ascii_lowercase();
            if word == "all" {
                continue;
            }
            let mut list = || {
                let words = words.next().map(String::as_str).unwrap_or_default();
                words.split(',').map(str::to_owned).collect::<Vec<String>>()
            };
            conditions.push(match word.as_str() {
                "host" => Condition::Host(list().iter().map(|name| name.to_ascii_lowercase()).collect()),
                "originalhost" => Condition::Given(list()),
                "user" => Condition::User(list()),
                "localuser" => Condition::LocalUser(list()),
                // Without CanonicalizeHostname there is no second pass.
                "canonical" | "final" => Condition::Never,
                other => {
                    self.unheeded.push(format!("{place}: Match {other}"));
                    return vec![Condition::Never];
                }
            });
        }
        conditions
    }

    /// The options of a host, first what counts first.
    pub fn options(&self, asked: Asked<'_>) -> Vec<ConfigOption> {
        let mut options: Vec<ConfigOption> = Vec::new();
        for section in &self.sections {
            let first = |name: &str| {
                options
                    .iter()
                    .find(|option| option.name.eq_ignore_ascii_case(name))
                    .map(|option| option.value.clone())
            };
            let host = asked
                .host_name
                .map(str::to_owned)
                .or_else(|| first("hostname").map(|name| name.replace("%h", asked.host)))
                .unwrap_or_else(|| asked.host.to_owned());
            let user = asked
                .user
                .map(str::to_owned)
                .or_else(|| first("user"))
                .unwrap_or_else(|| asked.own_user.to_owned());
            let holds = section.conditions.iter().all(|condition| match condition {
                Condition::Never => false,
                Condition::Given(patterns) => matches(patterns, asked.host),
                Condition::Host(patterns) => matches(patterns, &host.to_ascii_lowercase()),
                Condition::User(patterns) => matches(patterns, &user),
                Condition::LocalUser(patterns) => matches(patterns, asked.own_user),
            });
            if holds {
                options.extend(section.options.iter().cloned());
            }
        }
        options
    }
}

/// The name of an option and the rest of its line; nothing for a line that says nothing.
fn parts(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line
        .find(|letter: char| letter.is_whitespace() || letter == '=')
        .unwrap_or(line.len());
    let rest = line[end..].trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    Some((&line[..end], rest))
}

/// A value without the quotation marks around all of it.
fn unquoted(value: &str) -> String {
    let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    inner.unwrap_or(value).to_owned()
}

/// The files that `Include` means: relative ones are beside the user's or the system's configuration.
fn included_files(pattern: &str, from: &Path) -> Vec<PathBuf> {
    let base = if from.starts_with("/etc/ssh") {
        PathBuf::from("/etc/ssh")
    } else {
        home().join(".ssh")
    };
    let path = match pattern.strip_prefix("~/") {
        Some(rest) => home().join(rest),
        None => base.join(pattern),
    };
    let mut files: Vec<PathBuf> = glob::glob(&path.to_string_lossy())
        .map(|found| found.flatten().filter(|file| file.is_file()).collect())
        .unwrap_or_default();
    files.sort();
    files
}

/// Whether a name matches one of the patterns and none of those with `!`.
fn matches(patterns: &[String], name: &str) -> bool {
    let mut found = false;
    for pattern in patterns {
        let (wanted, pattern) = match pattern.strip_prefix('!') {
            Some(pattern) => (false, pattern),
            None => (true, pattern.as_str()),
        };
        if is_like(pattern.as_bytes(), name.as_bytes()) {
            if !wanted {
                return false;
            }
            found = true;
        }
    }
    found
}

/// Whether a name is like a pattern in which `*` stands for any text and `?` for one letter.
fn is_like(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|skipped| is_like(rest, &name[skipped..])),
        Some((letter, rest)) => name
            .split_first()
            .is_some_and(|(first, name)| (*letter == b'?' || letter == first) && is_like(rest, name)),
    }
}
