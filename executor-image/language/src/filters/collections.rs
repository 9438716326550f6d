//! Filters that make lists and mappings of lists and mappings.

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, Value};

use super::call::{Call, flag, items};
use super::compare::{attribute, ignore_case, same};
use super::text::whole;
use crate::template::growth::check_items;
use crate::template::undefined::defined;
use crate::value::convert::{check, entries, map, sequence};
use crate::value::python;

pub(super) const FILTERS: super::Table = &[
    ("combinations", combinations),
    ("dict2items", dict2items),
    ("extract", extract),
    ("flatten", flatten),
    ("items2dict", items2dict),
    ("permutations", permutations),
    ("product", product),
    ("rekey_on_member", rekey_on_member),
    ("subelements", subelements),
    ("unique", unique),
    ("zip", zip),
    ("zip_longest", zip_longest),
];

pub(super) const JINJA_FILTERS: super::Table = &[("list", |call| Ok(sequence(call.items()?)))];

fn tuple(values: Vec<Value>) -> Value {
    Value::from(Tuple::from(values))
}

/// The name of a key, given or usual.
fn key(argument: Option<Value>, usual: &str) -> Value {
    argument.unwrap_or_else(|| Value::from(usual))
}

fn dict2items(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [key_name, value_name] = call.bind(["key_name", "value_name"])?;
    let (key_name, value_name) = (key(key_name, "key"), key(value_name, "value"));
    let value = call.value()?;
    if value.kind() != ValueKind::Map {
        return Err(call.wrong_type(format!(
            "dict2items requires a dictionary, got <class '{}'> instead.",
            python::type_name(&value)
        )));
    }
    let pairs = entries(&value).into_iter().map(|(key, value)| {
        Ok(map([
            (key_name.clone(), key),
            (value_name.clone(), check(value)?),
        ]))
    });
    Ok(sequence(pairs.collect::<Result<_, Error>>()?))
}

fn items2dict(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [key_name, value_name] = call.bind(["key_name", "value_name"])?;
    let (key_name, value_name) = (key(key_name, "key"), key(value_name, "value"));
    let value = call.value()?;
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Err(call.wrong_type(format!(
            "items2dict requires a list, got <class '{}'> instead.",
            python::type_name(&value)
        )));
    }
    let mut pairs = Vec::new();
    for item in items(&value)? {
        let found = |name: &Value| match item.kind() {
            ValueKind::Map => check(item.get_item(name)?),
            _ => Err(call.wrong_type(format!(
                "items2dict requires a list of dictionaries, got {} instead.",
                python::repr(&value)
            ))),
        };
        let (key, held) = (found(&key_name)?, found(&value_name)?);
        if key.is_undefined() || held.is_undefined() {
            return Err(call.wrong_type(format!(
                "items2dict requires each dictionary in the list to contain the keys '{key_name}' and '{value_name}', got {} instead.",
                python::repr(&value)
            )));
        }
        pairs.push((key, held));
    }
    Ok(map(pairs))
}

fn flatten(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [levels, skip_nulls] = call.bind(["levels", "skip_nulls"])?;
    let levels = match levels {
        Some(levels) if !levels.is_none() => Some(whole(call, Some(&levels), 0)?),
        _ => None,
    };
    let mut flat = Vec::new();
    flatten_into(&mut flat, call.items()?, levels, flag(skip_nulls.as_ref(), true)?)?;
    Ok(sequence(flat))
}

/// Appends items, lists among them opened as deep as `levels` says.
pub(super) fn flatten_into(
    flat: &mut Vec<Value>,
    values: Vec<Value>,
    levels: Option<i64>,
    skip_nulls: bool,
) -> Result<(), Error> {
    for value in values {
        if skip_nulls && (value.is_none() || matches!(value.as_str(), Some("None" | "null"))) {
            continue;
        }
        let may_open = levels.is_none_or(|levels| levels >= 1);
        if may_open && matches!(value.kind(), ValueKind::Seq) {
            flatten_into(flat, items(&value)?, levels.map(|levels| levels - 1), skip_nulls)?;
        } else {
            flat.push(value);
        }
    }
    Ok(())
}

/// The first of each; text counts as the same whatever its case, unless `case_sensitive`.
fn unique(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [case_sensitive, path] = call.bind(["case_sensitive", "attribute"])?;
    let is_told = case_sensitive.as_ref().is_some_and(|told| !told.is_none());
    let case_sensitive = flag(case_sensitive.as_ref(), false)?;
    let has_path = path.as_ref().is_some_and(Value::is_true);
    let mut seen: Vec<Value> = Vec::new();
    let mut kept = Vec::new();
    for item in call.items()? {
        let key = match &path {
            Some(path) if !path.is_none() => attribute(&item, path)?,
            _ => item.clone(),
        };
        // Lists and mappings cannot be hashed in Python: Ansible then compares as they are, if nothing else is asked for.
        let is_hashable = !matches!(key.kind(), ValueKind::Seq | ValueKind::Map);
        if !is_hashable && (is_told && !case_sensitive || has_path) || has_path && key.is_undefined() {
            return Err(call.verbatim("Jinja2's unique filter failed and we cannot fall back to Ansible's version as it does not support the parameters supplied"));
        }
        let key = if case_sensitive { key } else { ignore_case(&key) };
        if !seen.iter().any(|known| same(known, &key)) {
            seen.push(key);
            kept.push(item);
        }
    }
    Ok(sequence(kept))
}

/// The input and the lists given as further arguments.
fn lists(call: &Call<'_, '_, '_>) -> Result<Vec<Vec<Value>>, Error> {
    let mut lists = vec![call.items()?];
    for list in call.rest(0)? {
        lists.push(items(&list)?);
    }
    Ok(lists)
}

fn zip(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let _ = call.named("strict")?;
    call.no_more_names()?;
    let lists = lists(call)?;
    let length = lists.iter().map(Vec::len).min().unwrap_or(0);
    let rows = (0..length).map(|index| tuple(lists.iter().map(|list| list[index].clone()).collect()));
    Ok(sequence(rows.collect()))
}

fn zip_longest(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let fill = call.named("fillvalue")?.unwrap_or_else(|| Value::from(()));
    call.no_more_names()?;
    let lists = lists(call)?;
    let length = lists.iter().map(Vec::len).max().unwrap_or(0);
    let rows = (0..length).map(|index| {
        tuple(
            lists
                .iter()
                .map(|list| list.get(index).cloned().unwrap_or_else(|| fill.clone()))
                .collect(),
        )
    });
    Ok(sequence(rows.collect()))
}

/// More rows than this are refused: no playbook means it.
const MOST_ROWS: usize = 1_000_000;

fn product(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let repeat = call
        .named("repeat")?
        .map_or(Ok(1), |count| whole(call, Some(&count), 1))?;
    call.no_more_names()?;
    let once = lists(call)?;
    check_items(once.len().saturating_mul(usize::try_from(repeat).unwrap_or(0)))?;
    let lists: Vec<Vec<Value>> = std::iter::repeat_n(once, usize::try_from(repeat).unwrap_or(0))
        .flatten()
        .collect();
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for list in &lists {
        if rows.len().saturating_mul(list.len()) > MOST_ROWS {
            return Err(call.error(format!("more than {MOST_ROWS} rows")));
        }
        check_items(rows.len().saturating_mul(lists.len()))?;
        rows = rows
            .iter()
            .flat_map(|row| {
                list.iter()
                    .map(move |value| row.iter().cloned().chain([value.clone()]).collect())
            })
            .collect();
    }
    Ok(sequence(rows.into_iter().map(tuple).collect()))
}

fn permutations(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    choices(call, |chosen: &[usize], next| !chosen.contains(&next))
}

fn combinations(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    choices(call, |chosen: &[usize], next| {
        chosen.last().is_none_or(|last| next > *last)
    })
}

/// Rows of `r` items in lexical order of their places; `allowed` says which place may follow.
fn choices(call: &Call<'_, '_, '_>, allowed: fn(&[usize], usize) -> bool) -> Result<Value, Error> {
    let [length] = call.bind(["r"])?;
    let pool = call.items()?;
    let length = match length {
        Some(length) if !length.is_none() => usize::try_from(whole(call, Some(&length), 0)?).unwrap_or(0),
        _ => pool.len(),
    };
    let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..length {
        let mut longer = Vec::new();
        for row in &rows {
            for next in (0..pool.len()).filter(|next| allowed(row, *next)) {
                if longer.len() >= MOST_ROWS {
                    return Err(call.error(format!("more than {MOST_ROWS} rows")));
                }
                longer.push(row.iter().copied().chain([next]).collect());
            }
        }
        rows = longer;
        check_items(rows.len().saturating_mul(length))?;
    }
    Ok(sequence(
        rows.iter()
            .map(|row| tuple(row.iter().map(|index| pool[*index].clone()).collect()))
            .collect(),
    ))
}

/// `keys | map('extract', container)`: what stands in a container under a key, and under more keys below it.
fn extract(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [container, more] = call.bind(["container", "morekeys"])?;
    let Some(container) = container else {
        return Err(call.error("a container is needed"));
    };
    let mut keys = vec![call.value()?];
    match more {
        Some(more) if more.kind() == ValueKind::Seq => keys.extend(items(&more)?),
        Some(more) if !more.is_none() => keys.push(more),
        _ => {}
    }
    let mut value = container;
    for key in keys {
        // What is not there has nothing in it.
        if value.is_undefined() {
            return Ok(value);
        }
        value = check(value.get_item(&key)?)?;
    }
    Ok(value)
}

fn subelements(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [path, skip_missing] = call.bind(["subelements", "skip_missing"])?;
    let value = call.value()?;
    let elements = match value.kind() {
        ValueKind::Map => entries(&value)
            .into_iter()
            .map(|(_, value)| check(value))
            .collect::<Result<_, _>>()?,
        ValueKind::Seq => items(&value)?,
        _ => return Err(call.verbatim("obj must be a list of dicts or a nested dict")),
    };
    let Some(path) = path else {
        return Err(call.error("a key is needed"));
    };
    subelement_pairs(&elements, &path, flag(skip_missing.as_ref(), false)?)
        .map(|pairs| {
            sequence(
                pairs
                    .into_iter()
                    .map(|(element, item)| tuple(vec![element, item]))
                    .collect(),
            )
        })
        .map_err(|message| call.verbatim(message))
}

/// Each element with each item of the list that `path` names in it.
fn subelement_pairs(
    elements: &[Value],
    path: &Value,
    skip_missing: bool,
) -> Result<Vec<(Value, Value)>, String> {
    let keys: Vec<Value> = match (path.as_str(), path.kind()) {
        (Some(path), _) => path.split('.').map(Value::from).collect(),
        (None, ValueKind::Seq) => items(path).map_err(|error| error.to_string())?,
        _ => return Err("subelements must be a list or a string".into()),
    };
    let mut pairs = Vec::new();
    'elements: for element in elements {
        let mut value = element.clone();
        for key in &keys {
            if value.kind() != ValueKind::Map {
                return Err(format!(
                    "the key {key} should point to a dictionary, got '{}'",
                    python::to_text(&value)
                ));
            }
            let found = value
                .get_item(key)
                .and_then(check)
                .map_err(|error| error.to_string())?;
            if found.is_undefined() {
                if skip_missing {
                    continue 'elements;
                }
                return Err(format!(
                    "could not find '{key}' key in iterated item {}",
                    python::repr(&value)
                ));
            }
            value = found;
        }
        if value.kind() != ValueKind::Seq {
            return Err(format!(
                "the key '{}' should point to a list, got {}",
                keys.last().map(python::to_text).unwrap_or_default(),
                python::repr(&value)
            ));
        }
        for item in items(&value).map_err(|error| error.to_string())? {
            pairs.push((element.clone(), item));
        }
    }
    Ok(pairs)
}

fn rekey_on_member(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [key, duplicates] = call.bind(["key", "duplicates"])?;
    let Some(key) = key else {
        return Err(call.error("a key is needed"));
    };
    defined(&key)?;
    let overwrite = match duplicates.as_ref().map(python::to_text).as_deref() {
        None | Some("error") => false,
        Some("overwrite") => true,
        Some(other) => {
            return Err(call.verbatim(format!(
                "duplicates parameter to rekey_on_member has unknown value: {other}"
            )));
        }
    };
    let value = call.value()?;
    let rows = match value.kind() {
        ValueKind::Map => entries(&value).into_iter().map(|(_, value)| value).collect(),
        ValueKind::Seq | ValueKind::Iterable => items(&value)?,
        _ => return Err(call.wrong_type("Type is not a valid list, set, or dict")),
    };
    let mut keyed: Vec<(Value, Value)> = Vec::new();
    for row in rows {
        if row.kind() != ValueKind::Map {
            return Err(call.wrong_type("List item is not a valid dict"));
        }
        let name = check(row.get_item(&key)?)?;
        if name.is_undefined() {
            return Err(call.verbatim(format!("Key {key} was not found")));
        }
        match keyed.iter_mut().find(|(known, _)| same(known, &name)) {
            Some(_) if !overwrite => {
                return Err(call.verbatim(format!(
                    "Key {name} is not unique, cannot correctly turn into dict"
                )));
            }
            Some(known) => known.1 = row,
            None => keyed.push((name, row)),
        }
    }
    Ok(map(keyed))
}
