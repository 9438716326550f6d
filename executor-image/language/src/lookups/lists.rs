//! Lookups that take lists and mappings apart: mostly for `with_…`.

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, Value};

use super::{Lookup, failure, is_yes};
use crate::filters::call::items;
use crate::value::convert::{entries, map, sequence};
use crate::value::mersenne::Chance;
use crate::value::python;

pub(super) const LOOKUPS: super::Table = &[
    ("dict", dictionary),
    ("indexed_items", |lookup| {
        let flat = flatten(&lookup.terms)?;
        Ok(flat
            .into_iter()
            .enumerate()
            .map(|(index, item)| tuple(vec![Value::from(index), item]))
            .collect())
    }),
    ("items", |lookup| flatten(&lookup.terms)),
    ("list", |lookup| Ok(lookup.terms.clone())),
    ("nested", nested),
    ("random_choice", random_choice),
    ("subelements", subelements),
    ("together", together),
];

fn tuple(values: Vec<Value>) -> Value {
    Value::from(Tuple::from(values))
}

/// Lists are opened, one level deep.
fn flatten(terms: &[Value]) -> Result<Vec<Value>, Error> {
    let mut flat = Vec::new();
    for term in terms {
        if term.kind() == ValueKind::Seq {
            flat.extend(items(term)?);
        } else {
            flat.push(term.clone());
        }
    }
    Ok(flat)
}

/// A term as a list: a list's items, a mapping's keys, or the one value.
fn listed(term: &Value) -> Result<Vec<Value>, Error> {
    match term.kind() {
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => items(term),
        _ => Ok(vec![term.clone()]),
    }
}

fn dictionary(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut pairs = Vec::new();
    for term in &lookup.terms {
        if term.kind() != ValueKind::Map {
            return Err(failure(format!(
                "with_dict expects a dict, not {}",
                python::repr(term)
            )));
        }
        pairs.extend(
            entries(term)
                .into_iter()
                .map(|(key, value)| map([("key", key), ("value", value)])),
        );
    }
    Ok(pairs)
}

fn nested(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let lists = lookup.terms.iter().map(listed).collect::<Result<Vec<_>, _>>()?;
    let Some((first, rest)) = lists.split_first() else {
        return Err(failure(
            "with_nested requires at least one element in the nested list",
        ));
    };
    let mut rows = first.clone();
    for list in rest {
        let mut longer = Vec::with_capacity(rows.len() * list.len());
        for row in &rows {
            for item in list {
                longer.push(sequence(flatten(&[row.clone(), item.clone()])?));
            }
        }
        rows = longer;
    }
    // A row is opened even if there is but one list.
    rows.iter()
        .map(|row| flatten(&listed(row)?).map(sequence))
        .collect()
}

fn together(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let lists = lookup.terms.iter().map(listed).collect::<Result<Vec<_>, _>>()?;
    let Some(length) = lists.iter().map(Vec::len).max() else {
        return Err(failure(
            "with_together requires at least one element in each list",
        ));
    };
    (0..length)
        .map(|index| {
            let row: Vec<Value> = lists
                .iter()
                .map(|list| list.get(index).cloned().unwrap_or_else(|| Value::from(())))
                .collect();
            flatten(&row).map(sequence)
        })
        .collect()
}

fn subelements(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let wrong = |what: &str| {
        failure(format!(
            "subelements lookup expects a list of two or three items, {what}"
        ))
    };
    let (elements, path, flags) = match lookup.terms.as_slice() {
        [elements, path] => (elements, path, None),
        [elements, path, flags] => (elements, path, Some(flags)),
        _ => return Err(wrong("")),
    };
    if path.as_str().is_none() {
        return Err(wrong(
            "first a dict or a list, second a string pointing to the subkey",
        ));
    }
    if let Some(flags) = flags.filter(|flags| flags.kind() != ValueKind::Map) {
        // A text of no letters, too, names nothing but flags.
        if flags.as_str() != Some("") {
            return Err(wrong(
                "the optional third item must be a dict with flags skip_missing",
            ));
        }
    }
    let is_skipped = |value: &Value| value.get_attr("skipped").is_ok_and(|skipped| skipped.is_true());
    let skip_missing =
        flags.is_some_and(|flags| flags.get_attr("skip_missing").is_ok_and(|skip| is_yes(&skip)));
    let elements: Vec<Value> = match elements.kind() {
        ValueKind::Map if is_skipped(elements) => return Ok(Vec::new()),
        ValueKind::Map => entries(elements).into_iter().map(|(_, value)| value).collect(),
        ValueKind::Seq => items(elements)?,
        _ => vec![elements.clone()],
    };
    if let Some(wrong) = elements.iter().find(|element| element.kind() != ValueKind::Map) {
        return Err(failure(format!(
            "subelements lookup expects a dictionary, got '{}'",
            python::to_text(wrong)
        )));
    }
    let elements: Vec<Value> = elements
        .into_iter()
        .filter(|element| !is_skipped(element))
        .collect();
    let path: Vec<&str> = path.as_str().unwrap_or_default().split('.').collect();
    let mut pairs = Vec::new();
    for element in &elements {
        let (walked, found) = list_in(element, &path, skip_missing).map_err(failure)?;
        // The element comes without the list that its items come from.
        let rest = without(element, &walked);
        pairs.extend(found.into_iter().map(|item| tuple(vec![rest.clone(), item])));
    }
    Ok(pairs)
}

/// The list that a path leads to, and the keys that led there. A key that may be missing is left out of the way: as in Ansible, the next
/// one is then looked for where it would have been.
fn list_in<'path>(
    element: &Value,
    path: &[&'path str],
    skip_missing: bool,
) -> Result<(Vec<&'path str>, Vec<Value>), String> {
    let mut walked = Vec::new();
    let mut value = element.clone();
    for (index, key) in path.iter().enumerate() {
        let inner = value.get_attr(key).map_err(|error| error.to_string())?;
        let is_last = index + 1 == path.len();
        match inner.kind() {
            ValueKind::Undefined if skip_missing => continue,
            ValueKind::Undefined => {
                return Err(format!(
                    "could not find '{key}' key in iterated item '{}'",
                    python::repr(&value)
                ));
            }
            ValueKind::Seq if is_last => {
                walked.push(*key);
                return Ok((walked, items(&inner).map_err(|error| error.to_string())?));
            }
            ValueKind::Map if !is_last => value = inner,
            _ if !is_last && skip_missing => continue,
            _ => {
                return Err(format!(
                    "the key {key} should point to a {}, got '{}'",
                    if is_last { "list" } else { "dictionary" },
                    python::to_text(&inner)
                ));
            }
        }
        walked.push(*key);
    }
    Ok((walked, Vec::new()))
}

fn without(element: &Value, path: &[&str]) -> Value {
    let Some((first, rest)) = path.split_first() else {
        return element.clone();
    };
    map(entries(element)
        .into_iter()
        .filter_map(|(key, value)| match key.as_str() == Some(first) {
            true if rest.is_empty() => None,
            true => {
                let inner = without(&value, rest);
                Some((key, inner))
            }
            false => Some((key, value)),
        }))
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of a lookup")]
fn random_choice(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let chosen = Chance::new(None).index(lookup.terms.len());
    Ok(lookup.terms.get(chosen).cloned().into_iter().collect())
}
