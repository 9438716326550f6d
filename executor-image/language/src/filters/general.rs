//! `community.general`: filters about lists, tables, times and texts.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use unicode_normalization::UnicodeNormalization as _;

use super::call::{Call, flag, items};
use super::combine::{ListMerge, merge};
use super::compare::{attribute, order, same};
use crate::template::finalize_complete;
use crate::template::undefined::defined;
use crate::text_formats::{csv, ini};
use crate::value::convert::{entries, map, sequence};
use crate::value::mersenne::Chance;
use crate::value::python;

pub(super) const FILTERS: super::Table = &[
    ("accumulate", accumulate),
    ("counter", counter),
    ("crc32", |call| {
        let [] = call.bind([])?;
        let text = call.only_text()?;
        Ok(Value::from(format!("{:x}", crc32fast::hash(text.as_bytes()))))
    }),
    ("dict", |call| {
        let [] = call.bind([])?;
        let value = call.value()?;
        if value.kind() == ValueKind::Map {
            return Ok(value);
        }
        let pairs = items(&value)?
            .iter()
            .map(|pair| pair_of(call, pair))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(map(pairs))
    }),
    ("dict_kv", |call| {
        let [key] = call.bind(["key"])?;
        let key = key.ok_or_else(|| call.error("a key is needed"))?;
        Ok(map([(key, call.value()?)]))
    }),
    ("from_csv", from_csv),
    ("from_ini", from_ini),
    ("groupby_as_dict", group_as_mapping),
    ("lists_difference", |call| {
        lists(call, |left, right| {
            left.into_iter().filter(|item| !has(right, item)).collect()
        })
    }),
    ("lists_intersect", |call| {
        lists(call, |left, right| {
            left.into_iter().filter(|item| has(right, item)).collect()
        })
    }),
    ("lists_mergeby", lists_merge_by),
    ("lists_symmetric_difference", |call| {
        lists(call, |left, right| {
            let more: Vec<Value> = right.iter().filter(|item| !has(&left, item)).cloned().collect();
            left.into_iter()
                .filter(|item| !has(right, item))
                .chain(more)
                .collect()
        })
    }),
    ("lists_union", |call| {
        lists(call, |left, right| {
            left.into_iter().chain(right.iter().cloned()).collect()
        })
    }),
    ("random_mac", random_mac),
    ("to_ini", to_ini),
    ("unicode_normalize", unicode_normalize),
    ("version_sort", version_sort),
];

fn pair_of(call: &Call<'_, '_, '_>, pair: &Value) -> Result<(Value, Value), Error> {
    let [key, value] = <[Value; 2]>::try_from(items(pair)?)
        .map_err(|_| call.error("dictionary update sequence element: length 2 is required"))?;
    Ok((key, value))
}

fn has(list: &[Value], item: &Value) -> bool {
    list.iter().any(|known| same(known, item))
}

/// Sums or texts of more and more items.
fn accumulate(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [] = call.bind([])?;
    let value = call.value()?;
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::String) {
        return Err(call.error(format!(
            "Invalid value type ({}) for accumulate, a sequence is needed",
            python::type_name(&value)
        )));
    }
    let mut total: Option<Value> = None;
    let mut totals = Vec::new();
    for item in call.items()? {
        let next = match total {
            Some(total) => match (total.as_str(), item.as_str()) {
                (Some(left), Some(right)) => Value::from(format!("{left}{right}")),
                _ => super::aggregate::add(call, &total, &item)?,
            },
            None => item,
        };
        totals.push(next.clone());
        total = Some(next);
    }
    Ok(sequence(totals))
}

fn counter(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [] = call.bind([])?;
    let value = call.value()?;
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::String) {
        return Err(call.error(format!(
            "Argument for community.general.counter must be a sequence (string or list). {} is not",
            python::repr(&value)
        )));
    }
    let mut counts: Vec<(Value, i64)> = Vec::new();
    for item in call.items()? {
        if matches!(item.kind(), ValueKind::Seq | ValueKind::Map) && !item.is_tuple() {
            return Err(call.error("needs a sequence with hashable elements (int, float or str)"));
        }
        match counts.iter_mut().find(|(known, _)| same(known, &item)) {
            Some((_, count)) => *count += 1,
            None => counts.push((item, 1)),
        }
    }
    Ok(map(counts
        .into_iter()
        .map(|(item, count)| (item, Value::from(count)))))
}

fn from_csv(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [dialect, names, delimiter, skip_blank, _] =
        call.bind(["dialect", "fieldnames", "delimiter", "skipinitialspace", "strict"])?;
    let mut separator = match dialect.as_ref().map(python::to_text).as_deref() {
        None | Some("excel" | "unix") => ',',
        Some("excel-tab") => '\t',
        Some(other) => return Err(call.error(format!("Dialect '{other}' is not supported"))),
    };
    if let Some(delimiter) = delimiter.filter(|delimiter| !delimiter.is_none()) {
        separator = python::to_text(&delimiter)
            .chars()
            .next()
            .ok_or_else(|| call.error("the delimiter is empty"))?;
    }
    let text = call.text()?;
    let skip_blank = flag(skip_blank.as_ref(), false)?;
    let mut rows = csv::rows(&text, separator).map(|row| {
        let trim = |cell: String| {
            if skip_blank {
                cell.trim_start().to_owned()
            } else {
                cell
            }
        };
        row.into_iter().map(trim).collect::<Vec<_>>()
    });
    let names: Vec<Value> = match names.filter(|names| !names.is_none()) {
        Some(names) => items(&names)?,
        None => rows
            .next()
            .unwrap_or_default()
            .into_iter()
            .map(Value::from)
            .collect(),
    };
    let table = rows.filter(|row| !row.is_empty()).map(|row| {
        let mut cells = row.into_iter().map(Value::from);
        let mut cells_by_name: Vec<(Value, Value)> = names
            .iter()
            .map(|name| (name.clone(), cells.next().unwrap_or_else(|| Value::from(()))))
            .collect();
        let more: Vec<Value> = cells.collect();
        if !more.is_empty() {
            cells_by_name.push((Value::from(()), sequence(more)));
        }
        map(cells_by_name)
    });
    Ok(sequence(table.collect()))
}

fn from_ini(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [] = call.bind([])?;
    let value = call.value()?;
    let Some(text) = value.as_str() else {
        return Err(call.error(format!("requires a str, got {}", python::type_name(&value))));
    };
    let style = ini::Style {
        case_sensitive: true,
        allow_no_value: false,
    };
    let document = ini::Document::parse(text, style).map_err(|fault| call.error(fault.to_string()))?;
    let mut sections = Vec::new();
    for section in document.sections() {
        let mut options = Vec::new();
        for name in document.names(section).unwrap_or_default() {
            let value = document
                .get(section, &name, true)
                .map_err(|message| call.error(message))?;
            options.push((name, Value::from(value)));
        }
        sections.push((section.to_owned(), map(options)));
    }
    Ok(map(sections))
}

fn to_ini(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [] = call.bind([])?;
    let value = finalize_complete(&call.value()?)?;
    if value.kind() != ValueKind::Map {
        return Err(call.error(format!("requires a dict, got {}", python::type_name(&value))));
    }
    if !value.is_true() {
        return Err(call.error("received an empty dict. An empty dict cannot be converted."));
    }
    let mut sections = Vec::new();
    for (name, options) in entries(&value) {
        if options.kind() != ValueKind::Map {
            return Err(call.error("each section must be a dict"));
        }
        let mut text = format!("[{}]\n", python::to_text(&name));
        for (key, value) in entries(&options) {
            let value = python::to_text(&value).replace('\n', "\n\t");
            text.extend([&python::to_text(&key), " = ", &value, "\n"]);
        }
        sections.push(text);
    }
    Ok(Value::from(sections.join("\n")))
}

fn group_as_mapping(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [path] = call.bind(["attribute"])?;
    let path = path.ok_or_else(|| call.error("an attribute is needed"))?;
    let mut groups: Vec<(Value, Value)> = Vec::new();
    for item in call.items()? {
        if item.kind() != ValueKind::Map {
            return Err(call.error("Sequence element is not a mapping"));
        }
        let key = attribute(&item, &path)?;
        if key.is_undefined() {
            return Err(call.error(format!(
                "Attribute '{path}' not contained in an element of the sequence"
            )));
        }
        if groups.iter().any(|(known, _)| same(known, &key)) {
            return Err(call.error(format!(
                "Multiple sequence entries have attribute value {}",
                python::repr(&key)
            )));
        }
        groups.push((key, item));
    }
    Ok(map(groups))
}

/// Folds lists from the left; what comes out holds each item once.
fn lists(call: &Call<'_, '_, '_>, fold: fn(Vec<Value>, &[Value]) -> Vec<Value>) -> Result<Value, Error> {
    let is_flat = flag(call.named("flatten")?.as_ref(), false)?;
    call.no_more_names()?;
    let mut given: Vec<Value> = std::iter::once(call.value()?).chain(call.rest(0)?).collect();
    if is_flat && given.len() == 1 {
        given = items(&given[0])?;
    }
    let is_lenient = matches!(call.name, "lists_difference" | "lists_intersect");
    let mut lists = given
        .iter()
        .map(|list| match list.kind() {
            ValueKind::Seq => items(list),
            ValueKind::String | ValueKind::Map if is_lenient => items(list),
            _ => Err(call.error(format!(
                "All arguments must be lists. {} is {}",
                python::repr(list),
                python::type_name(list)
            ))),
        })
        .collect::<Result<Vec<_>, _>>()?
        .into_iter();
    let once = |list: Vec<Value>| {
        let mut kept: Vec<Value> = Vec::new();
        for item in list {
            if !has(&kept, &item) {
                kept.push(item);
            }
        }
        kept
    };
    let first = once(lists.next().unwrap_or_default());
    Ok(sequence(
        lists.fold(first, |left, right| once(fold(left, &once(right)))),
    ))
}

/// Mappings of several lists that have the same value under a key, combined.
fn lists_merge_by(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let is_recursive = flag(call.named("recursive")?.as_ref(), false)?;
    let list_merge = ListMerge::bind(call)?;
    call.no_more_names()?;
    let mut terms: Vec<Value> = std::iter::once(call.value()?).chain(call.rest(0)?).collect();
    let index = terms.pop().filter(|index| index.as_str().is_some());
    let Some(index) = index else {
        return Err(call.error("Last argument after the lists for merging must be string"));
    };
    if terms.is_empty() {
        return Err(call.error("At least one list is needed for merging"));
    }
    let mut rows = Vec::new();
    for term in &terms {
        for item in items(term)? {
            // A list of lists is opened.
            if item.kind() == ValueKind::Seq {
                rows.extend(items(&item)?);
            } else {
                rows.push(item);
            }
        }
    }
    let mut merged: Vec<(Value, Value)> = Vec::new();
    for row in rows {
        let row = finalize_complete(&row)?;
        if row.kind() != ValueKind::Map {
            return Err(call.error("Elements of list arguments for lists_mergeby must be dictionaries"));
        }
        let key = row.get_item(&index)?;
        if key.is_undefined() {
            continue;
        }
        match merged.iter_mut().find(|(known, _)| same(known, &key)) {
            Some(known) => known.1 = merge(&known.1, &row, is_recursive, list_merge)?,
            None => merged.push((key, row)),
        }
    }
    super::compare::sort_by_key(&mut merged, false)?;
    Ok(sequence(merged.into_iter().map(|(_, row)| row).collect()))
}

fn random_mac(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [seed] = call.bind(["seed"])?;
    let value = call.value()?;
    let Some(start) = value.as_str().map(str::to_lowercase) else {
        return Err(call.error(format!(
            "Invalid value type ({}) for random_mac",
            python::type_name(&value)
        )));
    };
    let parts: Vec<&str> = start.split(':').collect();
    if parts.len() > 5 {
        return Err(call.error(format!(
            "Invalid value ({start}) for random_mac: 5 colon(:) separated items maximum"
        )));
    }
    if let Some(wrong) = parts
        .iter()
        .find(|part| part.len() != 2 || !part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        return Err(call.error(format!(
            "Invalid value ({start}) for random_mac: {wrong} not hexa byte"
        )));
    }
    let (least, most) = (68_719_476_736, 1_099_511_627_775);
    let number = least + Chance::new(seed.as_ref()).below(most - least + 1);
    let digits = format!("{number:x}");
    let mut address = start.clone();
    for pair in 0..6 - parts.len() {
        address.push(':');
        address.push_str(&digits[pair * 2..pair * 2 + 2]);
    }
    Ok(Value::from(address))
}

fn unicode_normalize(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [form] = call.bind(["form"])?;
    let form = form.map_or_else(|| "NFC".to_owned(), |form| python::to_text(&form));
    let value = call.value()?;
    let Some(text) = value.as_str() else {
        return Err(call.error(format!(
            "{} is not a valid input type",
            python::repr(defined(&value)?)
        )));
    };
    Ok(Value::from(match form.as_str() {
        "NFC" => text.nfc().collect::<String>(),
        "NFD" => text.nfd().collect(),
        "NFKC" => text.nfkc().collect(),
        "NFKD" => text.nfkd().collect(),
        other => return Err(call.error(format!("{other} is not a valid form"))),
    }))
}

fn version_sort(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [reverse] = call.bind(["reverse"])?;
    let mut versions = call.items()?;
    if versions.iter().any(|version| version.as_str().is_none()) {
        return Err(call.error("each version must be a text"));
    }
    let mut failure = None;
    versions.sort_by(|left, right| {
        crate::jinja_tests::loose_order(&python::to_text(left), &python::to_text(right)).unwrap_or_else(
            |message| {
                failure.get_or_insert(message);
                order(left, right).unwrap_or(std::cmp::Ordering::Equal)
            },
        )
    });
    if let Some(message) = failure {
        return Err(call.error(message));
    }
    if flag(reverse.as_ref(), false)? {
        versions.reverse();
    }
    Ok(sequence(versions))
}
