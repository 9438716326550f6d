//! Filters that order items or make one value of many.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::call::{Call, flag};
use super::compare::{attribute, ignore_case, order, same, sort_by_key};
use crate::template::undefined::defined;
use crate::value::convert::sequence;

pub(super) const FILTERS: super::Table = &[
    ("groupby", groupby),
    ("max", max),
    ("min", min),
    ("sort", sort),
    ("sum", sum),
];

fn sort(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [reverse, case_sensitive, path] = call.bind(["reverse", "case_sensitive", "attribute"])?;
    let case_sensitive = flag(case_sensitive.as_ref(), false)?;
    let mut keyed = Vec::new();
    for item in call.items()? {
        keyed.push((sort_key(&item, path.as_ref(), case_sensitive)?, item));
    }
    sort_by_key(&mut keyed, flag(reverse.as_ref(), false)?)?;
    Ok(sequence(keyed.into_iter().map(|(_, item)| item).collect()))
}

/// What an item is compared by: itself, an attribute, or several (`attribute='a,b'`).
fn sort_key(item: &Value, path: Option<&Value>, case_sensitive: bool) -> Result<Value, Error> {
    let key = |value: Value| {
        if case_sensitive {
            value
        } else {
            ignore_case(&value)
        }
    };
    match path {
        Some(path) if !path.is_none() => match path.as_str() {
            Some(paths) if paths.contains(',') => {
                let keys = paths
                    .split(',')
                    .map(|path| attribute(item, &Value::from(path)).map(key));
                Ok(sequence(keys.collect::<Result<_, _>>()?))
            }
            _ => attribute(item, path).map(key),
        },
        _ => Ok(key(item.clone())),
    }
}

fn min(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    extreme(call, std::cmp::Ordering::Less)
}

fn max(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    extreme(call, std::cmp::Ordering::Greater)
}

fn extreme(call: &Call<'_, '_, '_>, wanted: std::cmp::Ordering) -> Result<Value, Error> {
    let [case_sensitive, path] = call.bind(["case_sensitive", "attribute"])?;
    let case_sensitive = flag(case_sensitive.as_ref(), false)?;
    let mut best: Option<(Value, Value)> = None;
    for item in call.items()? {
        let key = sort_key(&item, path.as_ref(), case_sensitive)?;
        let is_better = match &best {
            Some((least, _)) => order(&key, least)? == wanted,
            None => true,
        };
        if is_better {
            best = Some((key, item));
        }
    }
    Ok(best.map_or(Value::UNDEFINED, |(_, item)| item))
}

fn sum(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [path, start] = call.bind(["attribute", "start"])?;
    let mut total = start.unwrap_or_else(|| Value::from(0));
    for item in call.items()? {
        let item = match &path {
            Some(path) if !path.is_none() => attribute(&item, path)?,
            _ => item,
        };
        total = add(call, &total, defined(&item)?)?;
    }
    Ok(total)
}

pub(super) fn add(call: &Call<'_, '_, '_>, left: &Value, right: &Value) -> Result<Value, Error> {
    let is_number = |value: &Value| matches!(value.kind(), ValueKind::Number | ValueKind::Bool);
    if is_number(left) && is_number(right) {
        let whole = |value: &Value| match value.kind() {
            ValueKind::Bool => Some(i64::from(value.is_true())),
            _ if value.is_integer() => value.as_i64(),
            _ => None,
        };
        if let (Some(left), Some(right)) = (whole(left), whole(right))
            && let Some(total) = left.checked_add(right)
        {
            return Ok(Value::from(total));
        }
        let number = |value: &Value| {
            f64::try_from(value.clone()).unwrap_or_else(|_| f64::from(u8::from(value.is_true())))
        };
        return Ok(Value::from(number(left) + number(right)));
    }
    if left.kind() == ValueKind::Seq && right.kind() == ValueKind::Seq {
        return Ok(sequence(left.try_iter()?.chain(right.try_iter()?).collect()));
    }
    Err(call.error(format!(
        "unsupported operand type(s) for +: '{}' and '{}'",
        crate::value::python::type_name(left),
        crate::value::python::type_name(right)
    )))
}

/// `groupby`: a list of (key, items), sorted by key.
fn groupby(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [path, default, case_sensitive] = call.bind(["attribute", "default", "case_sensitive"])?;
    let Some(path) = path else {
        return Err(call.error("an attribute to group by is needed"));
    };
    let case_sensitive = flag(case_sensitive.as_ref(), false)?;
    let mut keyed = Vec::new();
    for item in call.items()? {
        let mut key = attribute(&item, &path)?;
        if key.is_undefined()
            && let Some(default) = &default
        {
            key = default.clone();
        }
        keyed.push((key, item));
    }
    let mut ordered: Vec<(Value, Value)> = keyed
        .into_iter()
        .map(|(key, item)| {
            let sort_key = if case_sensitive {
                key.clone()
            } else {
                ignore_case(&key)
            };
            (sort_key, sequence(vec![key, item]))
        })
        .collect();
    sort_by_key(&mut ordered, false)?;
    let mut groups: Vec<(Value, Value, Vec<Value>)> = Vec::new();
    for (sort_key, pair) in ordered {
        let (key, item) = (pair.get_item_by_index(0)?, pair.get_item_by_index(1)?);
        match groups.last_mut() {
            Some((last, _, members)) if same(last, &sort_key) => members.push(item),
            _ => groups.push((sort_key, key, vec![item])),
        }
    }
    let pair = |(_, key, members)| Value::from(minijinja::value::Tuple::from([key, sequence(members)]));
    Ok(sequence(groups.into_iter().map(pair).collect()))
}
