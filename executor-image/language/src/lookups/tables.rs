//! Lookups in files of comma-separated values and of INI and Java properties.

use indexmap::IndexMap;
use minijinja::{Error, Value};

use super::{Lookup, failure, files, says_yes};
use crate::arguments::parse_key_values;
use crate::filters::regular::compile;
use crate::scope::FileKind;
use crate::text_formats::{csv, ini};
use crate::value::python;

pub(super) const LOOKUPS: super::Table = &[("csvfile", csv_file), ("ini", ini_file)];

/// A term that is a key and options: `key section=x file=y`.
struct Term {
    key: String,
    options: Vec<(String, String)>,
}

/// Options that are given by name.
fn given_options(lookup: &Lookup<'_>, names: &[&str]) -> Result<Vec<(String, String)>, Error> {
    let mut options = Vec::new();
    for name in names {
        if let Some(value) = lookup.option(name)? {
            options.push(((*name).to_owned(), python::to_text(&value)));
        }
    }
    Ok(options)
}

impl Term {
    fn parse(lookup: &Lookup<'_>, term: &Value, names: &[&str]) -> Result<Self, Error> {
        let text = python::to_text(term);
        let arguments = parse_key_values(&text).map_err(|error| failure(error.to_string()))?;
        let mut options = given_options(lookup, names)?;
        for (name, value) in arguments.options {
            if !names.contains(&&*name) {
                return Err(failure(format!("{name} is not a valid option.")));
            }
            options.push((name, value));
        }
        Ok(Self {
            key: arguments.free_form,
            options,
        })
    }

    /// As `ini` reads a term: words up to the next option belong to the one before, so that values and keys may have spaces in them.
    fn of_words(lookup: &Lookup<'_>, term: &Value, names: &[&str]) -> Result<Self, Error> {
        let text = python::to_text(term);
        if !text.contains('=') && !text.trim().contains(' ') {
            return Ok(Self {
                key: text,
                options: given_options(lookup, names)?,
            });
        }
        let mut parts: IndexMap<&str, String> = IndexMap::new();
        let mut current = "key";
        for (index, word) in text.split_whitespace().enumerate() {
            if let Some(name) = names.iter().rfind(|name| word.contains(&format!("{name}="))) {
                current = name;
            }
            match parts.get_mut(current) {
                Some(part) if index > 0 => {
                    part.push(' ');
                    part.push_str(word);
                }
                _ => {
                    parts.insert(current, word.to_owned());
                }
            }
        }
        let mut found = Self {
            key: String::new(),
            options: given_options(lookup, names)?,
        };
        for part in parts.into_values() {
            match part.split_once('=') {
                Some((name, value)) if names.contains(&name) => {
                    found.options.push((name.to_owned(), value.to_owned()));
                }
                Some((name, _)) => return Err(failure(format!("{name} is not a valid option."))),
                None if found.key.is_empty() => found.key = part,
                None => {}
            }
        }
        if found.key.is_empty() {
            return Err(failure(format!(
                "No key to lookup was provided as first term with in string inline options: {text}"
            )));
        }
        Ok(found)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.options
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn flag(&self, name: &str, default: bool) -> bool {
        self.get(name).map_or(default, says_yes)
    }

    fn number(&self, name: &str, default: usize) -> Result<usize, Error> {
        self.get(name).map_or(Ok(default), |text| {
            text.parse()
                .map_err(|_| failure(format!("'{text}' is no number of a column")))
        })
    }

    /// The text of the file, in the encoding that is said.
    fn read(&self, lookup: &Lookup<'_>, file: &str) -> Result<String, Error> {
        let Some(path) = lookup.host().find_file(file, FileKind::Files) else {
            return Err(failure(format!(
                "{}: No such file or directory: {file}",
                lookup.name
            )));
        };
        files::read_encoded(lookup, &path, self.get("encoding").unwrap_or("utf-8"))
    }
}

fn csv_file(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    const NAMES: [&str; 6] = ["file", "delimiter", "col", "keycol", "default", "encoding"];
    let no_key = || failure("Search key is required but was not found");
    if lookup.terms.is_empty() {
        return Err(no_key());
    }
    let mut found = Vec::new();
    for term in &lookup.terms {
        let term = Term::parse(lookup, term, &NAMES)?;
        if term.key.is_empty() {
            return Err(no_key());
        }
        let delimiter = match term.get("delimiter") {
            None | Some("TAB" | "t" | "\\t") => '\t',
            Some(text) => match text.chars().collect::<Vec<_>>()[..] {
                [delimiter] => delimiter,
                _ => return Err(failure("csvfile: \"delimiter\" must be a 1-character string")),
            },
        };
        let key_column = term.number("keycol", 0)?;
        let text = term.read(lookup, term.get("file").unwrap_or("ansible.csv"))?;
        let mut value = term.get("default").map(Value::from);
        for row in csv::rows(&text, delimiter).filter(|row| !row.is_empty()) {
            let key = row
                .get(key_column)
                .ok_or_else(|| failure("csvfile: a row has no key column"))?;
            if *key == term.key {
                let cell = row
                    .get(term.number("col", 1)?)
                    .ok_or_else(|| failure("csvfile: the row has no such column"))?;
                value = Some(Value::from(cell.as_str()));
                break;
            }
        }
        found.extend(value);
    }
    Ok(found)
}

fn ini_file(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    const NAMES: [&str; 9] = [
        "file",
        "section",
        "type",
        "re",
        "default",
        "encoding",
        "interpolation",
        "case_sensitive",
        "allow_no_value",
    ];
    let mut found = Vec::new();
    for term in &lookup.terms {
        let mut term = Term::of_words(lookup, term, &NAMES)?;
        if lookup.option("allow_none")?.is_some_and(|allow| allow.is_true()) {
            term.options.push(("allow_no_value".into(), "true".into()));
        }
        let file = term.get("file").unwrap_or("ansible.ini").to_owned();
        let text = term.read(lookup, &file)?;
        let is_properties = term.get("type") == Some("properties");
        let style = ini::Style {
            case_sensitive: term.flag("case_sensitive", false),
            allow_no_value: term.flag("allow_no_value", false),
        };
        let text = if is_properties {
            format!("[java_properties]\n{text}")
        } else {
            text
        };
        let section = match term.get("section") {
            _ if is_properties => "java_properties",
            Some(section) => section,
            None => "global",
        };
        let document = ini::Document::parse(&text, style).map_err(|error| {
            failure(match error {
                ini::Fault::Duplicate(fault) => format!("Duplicate option in '{file}': {fault}"),
                ini::Fault::Other(fault) => format!("{file}: {fault}"),
            })
        })?;
        let interpolate = term.flag("interpolation", true);
        if term.flag("re", false) {
            let pattern = compile(&term.key, false, false)?;
            let Some(names) = document.names(section) else {
                return Err(failure(format!("No section '{section}' in {file}")));
            };
            for name in names {
                if pattern
                    .is_match(&name)
                    .map_err(|error| failure(error.to_string()))?
                {
                    let value = document.get(section, &name, interpolate).map_err(failure)?;
                    found.extend(value.map(Value::from));
                }
            }
            continue;
        }
        if document.names(section).is_none() {
            return Err(failure(format!("No section '{section}' in {file}")));
        }
        match document
            .lookup(section, &term.key, interpolate)
            .map_err(failure)?
        {
            ini::Found::Value(value) => found.push(Value::from(value)),
            ini::Found::NoValue => {}
            ini::Found::Missing => found.push(Value::from(term.get("default").unwrap_or_default())),
        }
    }
    Ok(found)
}
