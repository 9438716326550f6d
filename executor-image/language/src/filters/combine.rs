//! `combine`: mappings laid over each other.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::call::{Call, flag, items};
use super::collections::flatten_into;
use super::compare::same;
use crate::template::finalize_complete;
use crate::value::convert::{entries, map, sequence};
use crate::value::python;

pub(super) const FILTERS: super::Table = &[("combine", combine)];

/// What becomes of two lists under the same key.
#[derive(Clone, Copy)]
pub(super) enum ListMerge {
    Replace,
    Keep,
    Append,
    Prepend,
    AppendNew,
    PrependNew,
}

impl ListMerge {
    /// The argument `list_merge`.
    pub(super) fn bind(call: &Call<'_, '_, '_>) -> Result<Self, Error> {
        Ok(
            match call.named("list_merge")?.as_ref().map(python::to_text).as_deref() {
                None | Some("replace") => Self::Replace,
                Some("keep") => Self::Keep,
                Some("append") => Self::Append,
                Some("prepend") => Self::Prepend,
                Some("append_rp") => Self::AppendNew,
                Some("prepend_rp") => Self::PrependNew,
                Some(_) => {
                    return Err(call.verbatim(
                    "merge_hash: 'list_merge' argument can only be equal to 'replace', 'keep', 'append', 'prepend', 'append_rp' or 'prepend_rp'",
                ));
                }
            },
        )
    }
}

fn combine(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let recursive = flag(call.named("recursive")?.as_ref(), false)?;
    let list_merge = ListMerge::bind(call)?;
    if call.no_more_names().is_err() {
        return Err(call.verbatim("'recursive' and 'list_merge' are the only valid keyword arguments"));
    }
    let terms: Vec<Value> = std::iter::once(call.value()?).chain(call.rest(0)?).collect();
    let mut mappings = Vec::new();
    flatten_into(&mut mappings, terms, Some(1), true)?;
    let mut mappings = mappings
        .iter()
        .map(finalize_complete)
        .collect::<Result<Vec<_>, _>>()?;
    if mappings.len() == 1 {
        return Ok(mappings.swap_remove(0));
    }
    // From the last on, as each is laid under those behind it.
    let mut above = mappings.last();
    for below in mappings.iter().rev().skip(1) {
        if let Some(above) =
            above.filter(|above| [below, *above].iter().any(|value| value.kind() != ValueKind::Map))
        {
            return Err(call.verbatim(format!(
                "failed to combine variables, expected dicts but got a '{}' and a '{}'.",
                python::type_name(below),
                python::type_name(above)
            )));
        }
        above = Some(below);
    }
    let mut mappings = mappings.into_iter();
    let Some(first) = mappings.next() else {
        return Ok(map(Vec::<(Value, Value)>::new()));
    };
    mappings.try_fold(first, |low, high| merge(&low, &high, recursive, list_merge))
}

/// Facts that one module found over those of others: mappings key by key, and lists one behind the other, with nothing twice.
pub fn merge_facts(low: &Value, high: &Value) -> Value {
    merge(low, high, true, ListMerge::AppendNew).unwrap_or_else(|_| high.clone())
}

/// `high` over `low`.
pub(super) fn merge(
    low: &Value,
    high: &Value,
    recursive: bool,
    list_merge: ListMerge,
) -> Result<Value, Error> {
    if low.len() == Some(0) || low == high {
        return Ok(high.clone());
    }
    let mut merged = entries(low);
    for (key, over) in entries(high) {
        let Some((_, under)) = merged.iter_mut().find(|(known, _)| same(known, &key)) else {
            merged.push((key, over));
            continue;
        };
        *under = match (under.kind(), over.kind()) {
            (ValueKind::Map, ValueKind::Map) if recursive => merge(under, &over, recursive, list_merge)?,
            (ValueKind::Seq, ValueKind::Seq) => merge_lists(under, &over, list_merge)?,
            _ => over,
        };
    }
    Ok(map(merged))
}

fn merge_lists(low: &Value, high: &Value, list_merge: ListMerge) -> Result<Value, Error> {
    let (low, high) = (items(low)?, items(high)?);
    let without = |present: &[Value]| -> Vec<Value> {
        low.iter()
            .filter(|value| !present.iter().any(|known| same(known, value)))
            .cloned()
            .collect()
    };
    Ok(sequence(match list_merge {
        ListMerge::Replace => high,
        ListMerge::Keep => low,
        ListMerge::Append => [low, high].concat(),
        ListMerge::Prepend => [high, low].concat(),
        ListMerge::AppendNew => [without(&high), high].concat(),
        ListMerge::PrependNew => {
            let rest = without(&high);
            [high, rest].concat()
        }
    }))
}
