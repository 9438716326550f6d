//! `password`: a password that is made at the first use and kept in a file.

use std::path::Path;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::{Lookup, failure};
use crate::arguments::parse_key_values;
use crate::filters::call::items;
use crate::filters::{hash_password, random_salt, salt_length};
use crate::value::mersenne::Chance;
use crate::value::python;

pub(super) const LOOKUPS: super::Table = &[("password", password)];

/// What a term and the options ask for.
#[derive(Clone, Default)]
struct Wanted {
    length: Option<String>,
    encrypt: Option<String>,
    chars: Option<Vec<String>>,
    ident: Option<String>,
    seed: Option<String>,
}

impl Wanted {
    fn set(&mut self, name: &str, value: String) -> bool {
        match name {
            "length" => self.length = Some(value),
            "encrypt" => self.encrypt = Some(value).filter(|value| !value.is_empty()),
            "ident" => self.ident = Some(value),
            "seed" => self.seed = Some(value),
            // Two commas stand for a comma.
            "chars" if value.contains(",,") => {
                let mut chars: Vec<String> = value
                    .replace(",,", ",")
                    .split(',')
                    .filter(|part| !part.is_empty())
                    .map(str::to_owned)
                    .collect();
                chars.push(",".into());
                self.chars = Some(chars);
            }
            "chars" => {
                self.chars = Some(
                    value
                        .split(',')
                        .filter(|part| !part.is_empty())
                        .map(str::to_owned)
                        .collect(),
                );
            }
            _ => return false,
        }
        true
    }
}

/// What the file holds.
struct Kept {
    password: String,
    salt: Option<String>,
    ident: Option<String>,
}

impl Kept {
    fn parse(content: &str) -> Self {
        let content = content.trim_end_matches('\n');
        let (rest, ident) = match content.rsplit_once(" ident=") {
            Some((rest, ident)) if content.contains(" salt=") => (rest, Some(ident.to_owned())),
            _ => (content, None),
        };
        let (password, salt) = match rest.rsplit_once(" salt=") {
            Some((password, salt)) => (password, Some(salt.to_owned())),
            None => (rest, None),
        };
        Self {
            password: password.to_owned(),
            salt,
            ident,
        }
    }

    fn text(&self) -> String {
        let mut text = self.password.clone();
        for (name, value) in [("salt", &self.salt), ("ident", &self.ident)] {
            if let Some(value) = value {
                text.extend([" ", name, "=", value]);
            }
        }
        text.push('\n');
        text
    }
}

fn password(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut defaults = Wanted::default();
    for name in ["length", "encrypt", "ident", "seed", "chars"] {
        let Some(value) = lookup.option(name)?.filter(|value| !value.is_none()) else {
            continue;
        };
        if name == "chars" && value.kind() == ValueKind::Seq {
            defaults.chars = Some(items(&value)?.iter().map(python::to_text).collect());
        } else {
            defaults.set(name, python::to_text(&value));
        }
    }
    lookup
        .terms
        .iter()
        .map(|term| one(lookup, term, &defaults))
        .collect()
}

fn one(lookup: &Lookup<'_>, term: &Value, defaults: &Wanted) -> Result<Value, Error> {
    let mut wanted = defaults.clone();
    let term = python::to_text(term);
    let mut name = term.as_str();
    if let Some((first, rest)) = term.split_once(' ') {
        let arguments = parse_key_values(rest).map_err(|error| failure(error.to_string()))?;
        // A path may hold blanks.
        name = if arguments.free_form.is_empty() {
            first
        } else {
            &term[..first.len() + 1 + arguments.free_form.len()]
        };
        for (name, value) in arguments.options {
            if !wanted.set(&name, value) {
                return Err(failure(format!(
                    "Unrecognized parameter(s) given to password lookup: {name}"
                )));
            }
        }
    }
    let path = lookup.host().directory().join(name);
    let is_kept = path != Path::new("/dev/null");
    let content = if is_kept {
        lookup.host().read_decrypted(&path).ok()
    } else {
        None
    };
    let (mut kept, mut changed) = match content {
        Some(content) => (Kept::parse(&String::from_utf8_lossy(&content)), false),
        None => (
            Kept {
                password: generate(&wanted)?,
                salt: None,
                ident: None,
            },
            true,
        ),
    };
    if let Some(encrypt) = &wanted.encrypt {
        if kept.salt.is_none() {
            kept.salt = Some(random_salt(salt_length(encrypt).unwrap_or(8)));
            changed = true;
        }
        let usual = matches!(&**encrypt, "bcrypt" | "blowfish").then(|| "2b".to_owned());
        let ident = wanted.ident.clone().or(kept.ident.clone()).or(usual);
        if ident != kept.ident {
            kept.ident = ident;
            changed = true;
        }
    }
    if changed && is_kept {
        lookup
            .host()
            .write_private(&path, kept.text().as_bytes())
            .map_err(|error| {
                failure(format!(
                    "cannot write the password file {}: {error}",
                    path.display()
                ))
            })?;
    }
    match &wanted.encrypt {
        Some(kind) => hash_password(
            &kept.password,
            kind,
            kept.salt.as_deref().unwrap_or_default(),
            None,
            kept.ident.as_deref(),
        )
        .map(Value::from)
        .map_err(failure),
        None => Ok(Value::from(kept.password)),
    }
}

fn generate(wanted: &Wanted) -> Result<String, Error> {
    let length = wanted
        .length
        .as_deref()
        .map_or(Ok(20), str::parse::<usize>)
        .map_err(|_| failure("password: length is not a number"))?;
    let usual = ["ascii_letters", "digits", ".,:-_"].map(str::to_owned).to_vec();
    let letters: Vec<char> = wanted
        .chars
        .as_ref()
        .unwrap_or(&usual)
        .iter()
        .flat_map(|name| named_letters(name).chars())
        .filter(|letter| !matches!(letter, '"' | '\''))
        .collect();
    if letters.is_empty() {
        return Err(failure("password: there are no characters to choose from"));
    }
    let mut chance = Chance::new(wanted.seed.as_deref().map(Value::from).as_ref());
    Ok((0..length)
        .map(|_| letters[chance.index(letters.len())])
        .collect())
}

/// The constants of Python's module `string`; anything else stands for itself.
fn named_letters(name: &str) -> &str {
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    match name {
        "ascii_letters" => LETTERS,
        "ascii_lowercase" => &LETTERS[..26],
        "ascii_uppercase" => &LETTERS[26..],
        "digits" => "0123456789",
        "hexdigits" => "0123456789abcdefABCDEF",
        "octdigits" => "01234567",
        "punctuation" => "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
        "whitespace" => " \t\n\r\u{b}\u{c}",
        other => other,
    }
}
