//! INI files as Python's `configparser` reads them.

use indexmap::IndexMap;

const DEFAULT_SECTION: &str = "DEFAULT";
/// References to references deeper than this are an error.
const MAXIMUM_DEPTH: usize = 10;

/// How a file is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) case_sensitive: bool,
    /// Whether an option may stand alone, without `=`.
    pub(crate) allow_no_value: bool,
}

type Section = IndexMap<String, Option<String>>;

/// What was read.
#[derive(Debug)]
pub(crate) struct Document {
    sections: IndexMap<String, Section>,
    style: Style,
}

/// The value of an option.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Value(String),
    /// The option stands without a value.
    NoValue,
    Missing,
}

/// What is wrong with a text, and in which line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// An option stands twice in its section.
    #[error("{0}")]
    Duplicate(String),
    #[error("{0}")]
    Other(String),
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self::Other(message)
    }
}

impl Document {
    /// Reads a text.
    pub(crate) fn parse(text: &str, style: Style) -> Result<Self, Fault> {
        let mut sections: IndexMap<String, Section> = IndexMap::new();
        let mut section: Option<String> = None;
        let mut option: Option<String> = None;
        for (index, line) in text.lines().enumerate() {
            let content = line.trim();
            if content.starts_with(['#', ';']) {
                continue;
            }
            let is_indented = line.starts_with([' ', '\t']);
            if let (true, Some(section), Some(option)) =
                (is_indented || content.is_empty(), &section, &option)
            {
                // A line that is indented goes on with the value above it.
                if let Some(Some(value)) = sections
                    .get_mut(section)
                    .and_then(|section| section.get_mut(option))
                {
                    value.push('\n');
                    value.push_str(content);
                }
                continue;
            }
            if content.is_empty() {
                continue;
            }
            if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                let name = name.0.to_owned();
                if name != DEFAULT_SECTION && sections.contains_key(&name) {
                    return Err(format!("line {}: section '{name}' already exists", index + 1).into());
                }
                sections.entry(name.clone()).or_default();
                section = Some(name);
                option = None;
                continue;
            }
            let Some(current) = &section else {
                return Err(format!("line {}: the file contains no section headers", index + 1).into());
            };
            let (name, value) = match content.find(['=', ':']) {
                Some(place) => (content[..place].trim_end(), Some(content[place + 1..].trim())),
                None if style.allow_no_value => (content, None),
                None => {
                    return Err(format!("line {}: contains parsing errors: '{content}'", index + 1).into());
                }
            };
            if name.is_empty() {
                return Err(format!("line {}: contains parsing errors: '{content}'", index + 1).into());
            }
            let name = style.name(name);
            let options = sections.entry(current.clone()).or_default();
            if options.contains_key(&name) {
                return Err(Fault::Duplicate(format!(
                    "line {}: option '{name}' in section '{current}' already exists",
                    index + 1
                )));
            }
            options.insert(name.clone(), value.map(str::to_owned));
            option = Some(name);
        }
        for value in sections.values_mut().flat_map(IndexMap::values_mut).flatten() {
            value.truncate(value.trim_end_matches('\n').len());
        }
        Ok(Self { sections, style })
    }

    /// The sections and their own options, `DEFAULT` left out.
    pub(crate) fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections
            .keys()
            .map(String::as_str)
            .filter(|name| *name != DEFAULT_SECTION)
    }

    /// The names of a section's options, those of `DEFAULT` first; nothing if there is no such section.
    pub(crate) fn names(&self, section: &str) -> Option<Vec<String>> {
        let own = self.sections.get(section)?;
        let defaults = self.sections.get(DEFAULT_SECTION);
        let mut names: Vec<String> = defaults
            .map(|section| section.keys().cloned().collect())
            .unwrap_or_default();
        for name in own.keys() {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        Some(names)
    }

    /// An option's value, `%(name)s` in it replaced; nothing if it has none.
    pub(crate) fn get(&self, section: &str, name: &str, interpolate: bool) -> Result<Option<String>, String> {
        Ok(match self.lookup(section, name, interpolate)? {
            Found::Value(value) => Some(value),
            Found::NoValue | Found::Missing => None,
        })
    }

    /// As [`get`](Self::get), but tells what is missing.
    pub(crate) fn lookup(&self, section: &str, name: &str, interpolate: bool) -> Result<Found, String> {
        let name = self.style.name(name);
        match self.raw(section, &name) {
            None => Ok(Found::Missing),
            Some(None) => Ok(Found::NoValue),
            Some(Some(value)) if interpolate => self.interpolate(section, value, 0).map(Found::Value),
            Some(Some(value)) => Ok(Found::Value(value.clone())),
        }
    }

    fn raw(&self, section: &str, name: &str) -> Option<&Option<String>> {
        let own = self.sections.get(section)?;
        own.get(name)
            .or_else(|| self.sections.get(DEFAULT_SECTION)?.get(name))
    }

    fn interpolate(&self, section: &str, value: &str, depth: usize) -> Result<String, String> {
        if depth > MAXIMUM_DEPTH {
            return Err("values refer to values too deeply".into());
        }
        let mut text = String::new();
        let mut rest = value;
        while let Some(place) = rest.find('%') {
            text.push_str(&rest[..place]);
            rest = &rest[place + 1..];
            if let Some(after) = rest.strip_prefix('%') {
                text.push('%');
                rest = after;
                continue;
            }
            let Some((name, after)) = rest.strip_prefix('(').and_then(|inner| inner.split_once(")s")) else {
                return Err(format!("'%' must be followed by '%' or '(', found: '%{rest}'"));
            };
            let Some(Some(found)) = self.raw(section, &self.style.name(name)) else {
                return Err(format!("'{name}', which a value refers to, is not there"));
            };
            text.push_str(&self.interpolate(section, found, depth + 1)?);
            rest = after;
        }
        text.push_str(rest);
        Ok(text)
    }
}

impl Style {
    fn name(self, name: &str) -> String {
        if self.case_sensitive {
            name.to_owned()
        } else {
            name.to_lowercase()
        }
    }
}
