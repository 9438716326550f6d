//! Tests of text: patterns, addresses, case.

use minijinja::{Error, Value};

use crate::filters::call::{Call, flag};
use crate::filters::regular::compile;
use crate::template::undefined::defined;
use crate::value::python;

pub(super) const TESTS: super::Table = &[
    ("match", |call| pattern(call, Some(Place::Start))),
    ("regex", |call| pattern(call, None)),
    ("search", |call| pattern(call, Some(Place::Anywhere))),
    ("uri", |call| uri(call, false)),
    ("url", |call| uri(call, true)),
    ("urn", |call| {
        let [] = call.bind([])?;
        Ok(call
            .value()?
            .as_str()
            .is_some_and(|text| text.to_lowercase().starts_with("urn:")))
    }),
];
pub(super) const JINJA_TESTS: super::Table = &[
    ("lower", |call| {
        Ok(is_cased(&call.text()?, char::is_lowercase, char::is_uppercase))
    }),
    ("upper", |call| {
        Ok(is_cased(&call.text()?, char::is_uppercase, char::is_lowercase))
    }),
];

#[derive(Clone, Copy)]
enum Place {
    Start,
    Whole,
    Anywhere,
}

fn pattern(call: &Call<'_, '_, '_>, place: Option<Place>) -> Result<bool, Error> {
    let [expression, ignore_case, multi_line, match_type] = match place {
        Some(_) => {
            let [expression, ignore_case, multi_line] = call.bind(["pattern", "ignorecase", "multiline"])?;
            [expression, ignore_case, multi_line, None]
        }
        None => call.bind(["pattern", "ignorecase", "multiline", "match_type"])?,
    };
    let place = match match_type.as_ref().map(python::to_text).as_deref() {
        Some("match") => Place::Start,
        Some("fullmatch") => Place::Whole,
        _ => place.unwrap_or(Place::Anywhere),
    };
    let text = call.text()?;
    let expression = expression.map_or(Ok(String::new()), |value| match defined(&value)?.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(call.wrong_type("first argument must be string or compiled pattern")),
    })?;
    // `re.match` matches at the very beginning even where `^` would match after a newline.
    let expression = match place {
        Place::Start => format!(r"\A(?:{expression})"),
        Place::Whole => format!(r"\A(?:{expression})\Z"),
        Place::Anywhere => expression,
    };
    let regex = compile(
        &expression,
        flag(ignore_case.as_ref(), false)?,
        flag(multi_line.as_ref(), false)?,
    )?;
    regex.is_match(&text).map_err(|error| call.error(error))
}

fn is_cased(text: &str, wanted: fn(char) -> bool, other: fn(char) -> bool) -> bool {
    text.chars().any(wanted) && !text.chars().any(other)
}

fn uri(call: &Call<'_, '_, '_>, needs_host: bool) -> Result<bool, Error> {
    let [schemes] = call.bind(["schemes"])?;
    let value: Value = call.value()?;
    let Some(text) = value.as_str() else {
        return Ok(false);
    };
    let (scheme, rest) = match text.split_once(':') {
        Some((scheme, rest))
            if scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter)) =>
        {
            (scheme.to_lowercase(), rest)
        }
        _ => (String::new(), text),
    };
    if let Some(schemes) = schemes.filter(Value::is_true) {
        let known = schemes
            .try_iter()?
            .any(|known| known.as_str() == Some(scheme.as_str()));
        if !known {
            return Ok(false);
        }
    }
    let has_host = rest
        .strip_prefix("//")
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']));
    Ok(!needs_host || has_host || scheme == "file")
}
