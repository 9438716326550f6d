//! `version`: comparing version numbers, loosely as `distutils` did, strictly, or as semver.org says.

use std::cmp::Ordering;

use minijinja::Error;

use crate::filters::call::Call;
use crate::value::python;

pub(super) const TESTS: super::Table = &[("version", version), ("version_compare", version)];

fn version(call: &mut Call<'_, '_, '_>) -> Result<bool, Error> {
    let [other, operator, strict, kind] = call.bind(["version", "operator", "strict", "version_type"])?;
    let value = call.value()?;
    let (strict, kind) = (
        strict.filter(|strict| !strict.is_none()),
        kind.filter(|kind| !kind.is_none()),
    );
    if strict.is_some() && kind.is_some() {
        return Err(call.verbatim("Cannot specify both 'strict' and 'version_type'"));
    }
    if !value.is_true() {
        return Err(call.verbatim("Input version value cannot be empty"));
    }
    let Some(other) = other.filter(minijinja::Value::is_true) else {
        return Err(call.verbatim("Version parameter to compare against cannot be empty"));
    };
    let kind = match (strict, kind) {
        (Some(strict), _) if strict.is_true() => "strict".to_owned(),
        (_, Some(kind)) if kind.is_true() => python::to_text(&kind),
        _ => "loose".to_owned(),
    };
    let (left, right) = (python::to_text(&value), python::to_text(&other));
    let operator = operator.map_or_else(|| "eq".to_owned(), |operator| python::to_text(&operator));
    let compare: fn(&str, &str) -> Result<Ordering, String> = match kind.as_str() {
        "loose" => loose,
        "strict" => strict_order,
        "semver" | "semantic" => semantic,
        "pep440" => super::pep440::order,
        other => {
            return Err(call.verbatim(format!(
                "Invalid version type ({other}). Must be one of 'loose', 'strict', 'semver', 'semantic', 'pep440'"
            )));
        }
    };
    let order = compare(&left, &right);
    let is_wanted: fn(Ordering) -> bool = match operator.as_str() {
        "==" | "=" | "eq" => Ordering::is_eq,
        "<" | "lt" => Ordering::is_lt,
        "<=" | "le" => Ordering::is_le,
        ">" | "gt" => Ordering::is_gt,
        ">=" | "ge" => Ordering::is_ge,
        "!=" | "<>" | "ne" => Ordering::is_ne,
        other => {
            return Err(call.verbatim(format!(
                "Invalid operator type ({other}). Must be one of '==', '=', 'eq', '<', 'lt', '<=', 'le', '>', 'gt', '>=', 'ge', '!=', '<>', 'ne'"
            )));
        }
    };
    order
        .map(is_wanted)
        .map_err(|message| call.verbatim(format!("Version comparison failed: {message}")))
}

/// A part of a loose version.
#[derive(PartialEq)]
enum Part {
    Number(String),
    Text(String),
}

/// `1.2rc3` is 1, 2, "rc", 3; points separate, other characters are parts of their own.
fn loose_parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text;
    let take = |rest: &str, is_wanted: fn(&char) -> bool| rest.chars().take_while(is_wanted).count();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_digit() {
            let length = take(rest, char::is_ascii_digit);
            let digits = rest[..length].trim_start_matches('0');
            parts.push(Part::Number(if digits.is_empty() {
                "0".into()
            } else {
                digits.into()
            }));
            length
        } else if first.is_ascii_lowercase() {
            let length = take(rest, char::is_ascii_lowercase);
            parts.push(Part::Text(rest[..length].into()));
            length
        } else {
            let length = rest
                .find(|next: char| next.is_ascii_digit() || next.is_ascii_lowercase() || next == '.')
                .filter(|length| *length > 0)
                .unwrap_or(if first == '.' { 1 } else { rest.len() });
            if first != '.' {
                parts.push(Part::Text(rest[..length].into()));
            }
            length
        };
        rest = &rest[length..];
    }
    parts
}

fn numbers(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

pub(crate) fn loose(left: &str, right: &str) -> Result<Ordering, String> {
    let (left, right) = (loose_parts(left), loose_parts(right));
    for (one, other) in left.iter().zip(&right) {
        let order = match (one, other) {
            (Part::Number(one), Part::Number(other)) => numbers(one, other),
            (Part::Text(one), Part::Text(other)) => one.cmp(other),
            (Part::Number(_), Part::Text(_)) => {
                return Err("'<' not supported between instances of 'int' and 'str'".into());
            }
            (Part::Text(_), Part::Number(_)) => {
                return Err("'<' not supported between instances of 'str' and 'int'".into());
            }
        };
        if order.is_ne() {
            return Ok(order);
        }
    }
    Ok(left.len().cmp(&right.len()))
}

/// The numbers of a release, and the kind and number of a pre-release.
type Strict = ([u64; 3], Option<(char, u64)>);

/// `major.minor[.patch][{a|b}number]`.
fn strict_version(text: &str) -> Result<Strict, String> {
    let invalid = || format!("invalid version number '{text}'");
    let number = |digits: &str| -> Result<u64, String> {
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        digits.parse().map_err(|_| invalid())
    };
    let (release, pre) = match text.find(['a', 'b']) {
        Some(at) => {
            let kind = if text[at..].starts_with('a') { 'a' } else { 'b' };
            (&text[..at], Some((kind, number(&text[at + 1..])?)))
        }
        None => (text, None),
    };
    let parts = release.split('.').map(number).collect::<Result<Vec<_>, _>>()?;
    match parts.as_slice() {
        [major, minor] => Ok(([*major, *minor, 0], pre)),
        [major, minor, patch] => Ok(([*major, *minor, *patch], pre)),
        _ => Err(invalid()),
    }
}

fn strict_order(left: &str, right: &str) -> Result<Ordering, String> {
    let ((left, left_pre), (right, right_pre)) = (strict_version(left)?, strict_version(right)?);
    Ok(left
        .cmp(&right)
        .then_with(|| pre_release_order(left_pre.as_ref(), right_pre.as_ref(), Ord::cmp)))
}

/// A version with a pre-release comes before the one without.
fn pre_release_order<T>(
    left: Option<&T>,
    right: Option<&T>,
    compare: impl Fn(&T, &T) -> Ordering,
) -> Ordering {
    match (left, right) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(left), Some(right)) => compare(left, right),
    }
}

struct Semantic {
    core: [String; 3],
    pre_release: Option<Vec<String>>,
}

fn semantic_version(text: &str) -> Result<Semantic, String> {
    let invalid = || format!("invalid semantic version '{text}'");
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_identifier = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let has_leading_zero = |part: &str| part.len() > 1 && part.starts_with('0') && is_number(part);
    let (version, build) = text
        .split_once('+')
        .map_or((text, None), |(version, build)| (version, Some(build)));
    if build.is_some_and(|build| !build.split('.').all(is_identifier)) {
        return Err(invalid());
    }
    let (core, pre_release) = version
        .split_once('-')
        .map_or((version, None), |(core, pre)| (core, Some(pre)));
    let core: Vec<String> = core.split('.').map(str::to_owned).collect();
    let core: [String; 3] = core.try_into().map_err(|_| invalid())?;
    if core
        .iter()
        .any(|part| part.is_empty() || !is_number(part) || has_leading_zero(part))
    {
        return Err(invalid());
    }
    let pre_release = match pre_release {
        Some(pre)
            if !pre
                .split('.')
                .all(|part| is_identifier(part) && !has_leading_zero(part)) =>
        {
            return Err(invalid());
        }
        Some(pre) => Some(pre.split('.').map(str::to_owned).collect()),
        None => None,
    };
    Ok(Semantic { core, pre_release })
}

fn semantic(left: &str, right: &str) -> Result<Ordering, String> {
    let (left, right) = (semantic_version(left)?, semantic_version(right)?);
    for (one, other) in left.core.iter().zip(&right.core) {
        let order = numbers(one, other);
        if order.is_ne() {
            return Ok(order);
        }
    }
    Ok(pre_release_order(
        left.pre_release.as_ref(),
        right.pre_release.as_ref(),
        |left, right| {
            for (one, other) in left.iter().zip(right) {
                let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
                let order = match (is_number(one), is_number(other)) {
                    (true, true) => numbers(one, other),
                    (true, false) => Ordering::Less,
                    (false, true) => Ordering::Greater,
                    (false, false) => one.cmp(other),
                };
                if order.is_ne() {
                    return order;
                }
            }
            left.len().cmp(&right.len())
        },
    ))
}
