//! Names of Python packages with conditions on their versions.

use std::cmp::Ordering;

use crate::answer::Failure;

/// A package as it is asked for: `name`, `name==1.0`, `name[extra]>=1,<2`, or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Requirement {
    /// As pip is told.
    pub text: String,
    /// The name as pip compares it; nothing for an address or a path.
    name: Option<String>,
    conditions: Vec<(String, String)>,
}

const OPERATORS: [&str; 8] = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"];

/// The packages of a list whose items may hold several, with commas between them; a comma may also stand between two
/// conditions of one package (`a>=1,<2`) or between its extras.
pub(super) fn joined(names: &[String]) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for part in names.iter().flat_map(|name| name.split(',')).map(str::trim) {
        if part.is_empty() {
            continue;
        }
        match joined.last_mut() {
            Some(last)
                if OPERATORS.iter().any(|operator| part.starts_with(operator))
                    || last.rfind('[') > last.rfind(']') =>
            {
                last.push(',');
                last.push_str(part);
            }
            _ => joined.push(part.to_owned()),
        }
    }
    joined
}

impl Requirement {
    pub(super) fn parse(text: &str) -> Self {
        let (start, marker) = text.split_once(';').unwrap_or((text, ""));
        let end = start
            .find(|character: char| !character.is_ascii_alphanumeric() && !"-_.".contains(character))
            .unwrap_or(start.len());
        let (name, rest) = start.split_at(end);
        let rest = rest.trim();
        let rest = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((_, rest)) => rest.trim(),
            None => rest,
        };
        let conditions: Option<Vec<_>> = if rest.is_empty() {
            Some(Vec::new())
        } else {
            rest.trim_matches(['(', ')'])
                .split(',')
                .map(|condition| {
                    let condition = condition.trim();
                    OPERATORS.iter().find_map(|operator| {
                        let version = condition.strip_prefix(operator)?;
                        Some(((*operator).to_owned(), version.trim().to_owned()))
                    })
                })
                .collect()
        };
        let is_plain = !name.is_empty() && marker.is_empty() && !text.contains('/');
        Self {
            text: text.to_owned(),
            name: (is_plain && conditions.is_some()).then(|| normal(name)),
            conditions: conditions.unwrap_or_default(),
        }
    }

    /// The package at one version.
    pub(super) fn at(&self, version: &str) -> Result<Self, Failure> {
        if !self.conditions.is_empty() {
            return Err(Failure::new(
                "The 'version' argument conflicts with any version specifier provided along with a package name. Please \
                 keep the version specifier, but remove the 'version' argument.",
            ));
        }
        let starts_with_operator = OPERATORS.iter().any(|operator| version.starts_with(operator));
        Ok(Self::parse(&if starts_with_operator {
            format!("{}{version}", self.text)
        } else {
            format!("{}=={version}", self.text)
        }))
    }

    /// Whether it is an address or a path, of which is not known what is in it.
    pub(super) fn is_source(&self) -> bool {
        self.name.is_none()
    }

    /// Whether a package of this name is among those that are installed.
    pub(super) fn is_named_in(&self, installed: &[&str]) -> bool {
        self.version_in(installed).is_some()
    }

    /// Whether a version that fits is among those that are installed.
    pub(super) fn is_satisfied_by(&self, installed: &[&str]) -> bool {
        self.version_in(installed).is_some_and(|version| {
            self.conditions
                .iter()
                .all(|(operator, wanted)| fits(version, operator, wanted))
        })
    }

    fn version_in<'i>(&self, installed: &[&'i str]) -> Option<&'i str> {
        let wanted = self.name.as_deref()?;
        installed.iter().find_map(|line| {
            let (name, version) = line.split_once("==")?;
            (normal(name) == wanted).then_some(version)
        })
    }
}

/// A name as pip compares it.
fn normal(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for character in name.chars() {
        if "-_.".contains(character) {
            if !normal.ends_with('-') {
                normal.push('-');
            }
        } else {
            normal.push(character.to_ascii_lowercase());
        }
    }
    normal
}

fn fits(version: &str, operator: &str, wanted: &str) -> bool {
    let ordering = compare(version, wanted.trim_end_matches(".*"));
    let has_prefix = || {
        let wanted = numbers(wanted.trim_end_matches(".*"));
        let version = numbers(version);
        version.len() >= wanted.len() && version[..wanted.len()] == wanted[..]
    };
    match operator {
        "===" => version == wanted,
        "==" if wanted.ends_with(".*") => has_prefix(),
        "!=" if wanted.ends_with(".*") => !has_prefix(),
        "==" => ordering == Ordering::Equal,
        "!=" => ordering != Ordering::Equal,
        "<=" => ordering != Ordering::Greater,
        ">=" => ordering != Ordering::Less,
        "<" => ordering == Ordering::Less,
        ">" => ordering == Ordering::Greater,
        // `~= 1.4.2` is `>= 1.4.2, == 1.4.*`.
        "~=" => {
            let wanted_numbers = numbers(wanted);
            let kept = wanted_numbers.len().saturating_sub(1);
            ordering != Ordering::Less && numbers(version).get(..kept) == Some(&wanted_numbers[..kept])
        }
        _ => false,
    }
}

/// The numbers of a version's release.
fn numbers(version: &str) -> Vec<u64> {
    let release: &str = version
        .split(|character: char| !character.is_ascii_digit() && character != '.')
        .next()
        .unwrap_or_default();
    release
        .split('.')
        .filter_map(|number| number.parse().ok())
        .collect()
}

/// Compares two versions: numbers first, then whether one is before (`a`, `b`, `rc`, `dev`) or after (`post`) its release.
fn compare(one: &str, other: &str) -> Ordering {
    let padded = |version: &str, length: usize| {
        let mut numbers = numbers(version);
        numbers.resize(length.max(numbers.len()), 0);
        numbers
    };
    let length = numbers(one).len().max(numbers(other).len());
    padded(one, length)
        .cmp(&padded(other, length))
        .then_with(|| stage(one).cmp(&stage(other)))
}

/// Where a version stands around its release, and its number there.
fn stage(version: &str) -> (i8, u64) {
    let version = version.split('+').next().unwrap_or_default().to_ascii_lowercase();
    let letters =
        version.trim_start_matches(|character: char| character.is_ascii_digit() || character == '.');
    let letters = letters.trim_start_matches(['-', '_']);
    let word: String = letters.chars().take_while(char::is_ascii_alphabetic).collect();
    let number = letters[word.len()..]
        .trim_start_matches(['.', '-', '_'])
        .chars()
        .take_while(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .unwrap_or(0);
    let rank = match word.as_str() {
        "dev" => -4,
        "a" | "alpha" => -3,
        "b" | "beta" => -2,
        "rc" | "c" | "pre" | "preview" => -1,
        "post" | "rev" | "r" => 1,
        _ => 0,
    };
    (rank, number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_is_satisfied_by_versions_that_fit() {
        let installed = ["Foo_Bar==1.10.2", "pre==2.0rc1"];
        for (requirement, satisfied) in [
            ("foo-bar", true),
            ("foo.bar==1.10.2", true),
            ("foo-bar>=1.9,<2", true),
            ("foo-bar[extra]~=1.9", true),
            ("foo-bar~=1.9.0", false),
            ("foo-bar==1.10.*", true),
            ("foo-bar!=1.10.2", false),
            ("foo-bar>1.10.2", false),
            ("pre<2.0", true),
            ("pre>=2", false),
            ("missing", false),
            ("git+https://x/y.git", false),
            ("./local", false),
        ] {
            assert_eq!(
                Requirement::parse(requirement).is_satisfied_by(&installed),
                satisfied,
                "{requirement}"
            );
        }
    }

    #[test]
    fn lists_that_were_cut_at_commas_are_joined() {
        let names = ["a>=1", "<2", "b[x", "y]", "", "c==1,!=2,d"].map(str::to_owned);
        assert_eq!(joined(&names), ["a>=1,<2", "b[x,y]", "c==1,!=2", "d"]);
    }

    #[test]
    fn a_version_is_added_unless_there_is_one() {
        assert_eq!(Requirement::parse("a").at("1.0").unwrap().text, "a==1.0");
        assert_eq!(Requirement::parse("a").at(">=1.0").unwrap().text, "a>=1.0");
        assert!(Requirement::parse("a>1").at("1.0").is_err());
    }
}
