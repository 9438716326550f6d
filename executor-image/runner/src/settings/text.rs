//! Settings are text at first; this makes them what they mean.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::Source;

/// What a setting can be. The error says what the text must be.
pub(super) trait FromText: Sized {
    fn from_text(text: &str, source: &Source<'_>) -> Result<Self, String>;
}

/// What a setting is for templates.
pub(super) trait ToValue {
    fn to_value(&self) -> Value;
}

macro_rules! plain_values {
    ($($kind:ty),*) => {
        $(impl ToValue for $kind {
            fn to_value(&self) -> Value {
                Value::from(self.clone())
            }
        })*
    };
}

plain_values!(bool, u8, u16, usize, u64, String);

impl ToValue for PathBuf {
    fn to_value(&self) -> Value {
        Value::from(self.display().to_string())
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }
}

impl<T: ToValue> ToValue for Vec<T> {
    fn to_value(&self) -> Value {
        self.iter().map(T::to_value).collect()
    }
}

impl FromText for bool {
    fn from_text(text: &str, _: &Source<'_>) -> Result<Self, String> {
        // Ansible takes every other word for false.
        let text = text.trim().to_ascii_lowercase();
        Ok(matches!(
            text.as_str(),
            "y" | "yes" | "on" | "1" | "true" | "t" | "1.0"
        ))
    }
}

macro_rules! numbers {
    ($($kind:ty),*) => {
        $(impl FromText for $kind {
            fn from_text(text: &str, _: &Source<'_>) -> Result<Self, String> {
                let text = text.trim();
                let whole = text.strip_suffix(".0").unwrap_or(text);
                whole.parse().map_err(|_| "must be a number".to_owned())
            }
        })*
    };
}

numbers!(u8, u16, usize, u64);

impl FromText for f64 {
    fn from_text(text: &str, _: &Source<'_>) -> Result<Self, String> {
        text.trim().parse().map_err(|_| "must be a number".to_owned())
    }
}

impl FromText for String {
    fn from_text(text: &str, source: &Source<'_>) -> Result<Self, String> {
        Ok(unquoted(text, source).to_owned())
    }
}

impl FromText for PathBuf {
    fn from_text(text: &str, source: &Source<'_>) -> Result<Self, String> {
        Ok(source.surroundings.path(unquoted(text, source), &source.base))
    }
}

impl<T: FromText> FromText for Option<T> {
    fn from_text(text: &str, source: &Source<'_>) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() || text == "None" {
            return Ok(None);
        }
        T::from_text(text, source).map(Some)
    }
}

/// Yes or no. Where nothing is said it counts as no, but leads to something else than a no that was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnlessSaid(pub Option<bool>);

impl ToValue for UnlessSaid {
    fn to_value(&self) -> Value {
        Value::from(self.0.unwrap_or_default())
    }
}

impl FromText for UnlessSaid {
    fn from_text(text: &str, source: &Source<'_>) -> Result<Self, String> {
        Option::from_text(text, source).map(Self)
    }
}

/// Words between commas.
impl FromText for Vec<String> {
    fn from_text(text: &str, source: &Source<'_>) -> Result<Self, String> {
        let words = text.split(',').map(|word| unquoted(word.trim(), source));
        Ok(words.filter(|word| !word.is_empty()).map(str::to_owned).collect())
    }
}

/// Paths between colons, as in `PATH`.
impl FromText for Vec<PathBuf> {
    fn from_text(text: &str, source: &Source<'_>) -> Result<Self, String> {
        paths(text, ':', source)
    }
}

/// Paths between commas.
pub(super) fn between_commas(text: &str, source: &Source<'_>) -> Result<Vec<PathBuf>, String> {
    paths(text, ',', source)
}

fn paths(text: &str, separator: char, source: &Source<'_>) -> Result<Vec<PathBuf>, String> {
    text.split(separator)
        .map(str::trim)
        .filter(|path| !path.is_empty())
        .map(|path| PathBuf::from_text(path, source))
        .collect()
}

fn unquoted<'a>(text: &'a str, source: &Source<'_>) -> &'a str {
    let inner = |quote: char| {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inner.ends_with('\\')).then_some(inner)
    };
    if source.quoted {
        inner('"').or_else(|| inner('\'')).unwrap_or(text)
    } else {
        text
    }
}

/// A path without `.` and `..`. Links are not followed: the path is shown to people as they know it.
pub fn clean_path(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

macro_rules! choices {
    ($($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $variant:ident = $text:literal),+ $(,)? })+) => {
        $(
            $(#[$about])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub enum $name {
                $($(#[$meaning])* $variant,)+
            }

            impl ToValue for $name {
                fn to_value(&self) -> Value {
                    Value::from(match self {
                        $(Self::$variant => $text,)+
                    })
                }
            }

            impl FromText for $name {
                fn from_text(text: &str, source: &Source<'_>) -> Result<Self, String> {
                    match unquoted(text.trim(), source) {
                        $($text => Ok(Self::$variant),)+
                        _ => Err(format!("must be one of {}", [$($text),+].join(", "))),
                    }
                }
            }
        )+
    };
}

choices! {
    /// `gathering`: when facts are gathered that a play does not ask for.
    Gathering {
        /// In every play.
        Implicit = "implicit",
        /// Only where a play says so.
        Explicit = "explicit",
        /// In every play, of hosts of which none are known yet.
        Smart = "smart",
    }
    /// `host_pattern_mismatch`: what a pattern that matches nothing leads to.
    OnMismatch {
        /// A warning.
        Warning = "warning",
        /// The end.
        Error = "error",
        /// Nothing.
        Ignore = "ignore",
    }
    /// `hash_behaviour`: what becomes of a mapping that is defined again at a higher precedence.
    HashBehaviour {
        /// It is replaced.
        Replace = "replace",
        /// It is merged.
        Merge = "merge",
    }
    /// `duplicate_dict_key`: what a key that stands twice in a YAML mapping leads to.
    DuplicateKey {
        /// A warning.
        Warn = "warn",
        /// The end.
        Error = "error",
        /// Nothing.
        Ignore = "ignore",
    }
    /// `force_valid_group_names`: what becomes of names of groups that are no names of variables.
    InvalidGroupName {
        /// They are changed, with a warning.
        Always = "always",
        /// They stay, with a warning.
        Never = "never",
        /// They stay.
        Ignore = "ignore",
        /// They are changed.
        Silently = "silently",
    }
}
