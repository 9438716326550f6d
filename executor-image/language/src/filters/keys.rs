//! Filters about keys of mappings, and about paths into them: `ansible.utils` and `community.general`.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::call::{Call, flag, items};
use super::compare::same;
use super::regular::compile;
use crate::plugins;
use crate::template::undefined::{defined, undefined};
use crate::template::{finalize_complete, finalize_outcome};
use crate::value::convert::{check, entries, map, sequence};
use crate::value::python;

/// `ansible.utils`: through mappings and lists of any depth.
pub(super) const DEEP_FILTERS: super::Table = &[
    ("get_path", get_path),
    ("index_of", index_of),
    ("keep_keys", |call| {
        let matcher = Matcher::bind(call)?;
        keep(&container(call)?, &matcher)
    }),
    ("remove_keys", |call| {
        let matcher = Matcher::bind(call)?;
        remove(&container(call)?, &matcher)
    }),
    ("replace_keys", |call| {
        let renames = Renames::bind(call)?;
        rename_deep(&container(call)?, &renames)
    }),
    ("to_paths", to_paths),
];

/// `community.general`: of the mappings in a list.
pub(super) const ROW_FILTERS: super::Table = &[
    ("keep_keys", |call| {
        let matcher = Matcher::bind(call)?;
        rows(call, |row| {
            let kept = entries(row).into_iter().filter(|(key, _)| matcher.holds(key));
            Ok(map(kept))
        })
    }),
    ("remove_keys", |call| {
        let matcher = Matcher::bind(call)?;
        rows(call, |row| {
            let kept = entries(row).into_iter().filter(|(key, _)| !matcher.holds(key));
            Ok(map(kept))
        })
    }),
    ("replace_keys", |call| {
        let renames = Renames::bind(call)?;
        rows(call, |row| {
            let renamed = entries(row)
                .into_iter()
                .map(|(key, value)| (renames.get(&key).unwrap_or(key), value));
            Ok(map(renamed))
        })
    }),
];

fn complete(call: &Call<'_, '_, '_>) -> Result<Value, Error> {
    finalize_complete(&call.value()?)
}

/// The input, which must be a list or a mapping.
fn container(call: &Call<'_, '_, '_>) -> Result<Value, Error> {
    let value = complete(call)?;
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Map) || value.is_tuple() {
        return Err(call.error(format!(
            "a list or a dictionary is needed, not '{}'",
            python::type_name(&value)
        )));
    }
    Ok(value)
}

fn rows(call: &Call<'_, '_, '_>, change: impl Fn(&Value) -> Result<Value, Error>) -> Result<Value, Error> {
    let value = complete(call)?;
    let rows = items(&value)?;
    if value.kind() != ValueKind::Seq || rows.iter().any(|row| row.kind() != ValueKind::Map) {
        return Err(call.error(format!(
            "a list of dictionaries is needed, not {}",
            python::repr(&value)
        )));
    }
    Ok(sequence(rows.iter().map(change).collect::<Result<_, _>>()?))
}

/// How keys are compared with what they are compared to.
#[derive(Clone, Copy)]
enum Way {
    Equal,
    Starts,
    Ends,
    Regex,
}

impl Way {
    fn bind(call: &Call<'_, '_, '_>, argument: Option<&Value>) -> Result<Self, Error> {
        Ok(match argument.map(python::to_text).as_deref() {
            None | Some("equality" | "equal") => Self::Equal,
            Some("starts_with") => Self::Starts,
            Some("ends_with") => Self::Ends,
            Some("regex") => Self::Regex,
            Some(other) => {
                return Err(call.error(format!(
                    "matching_parameter must be equality, starts_with, ends_with or regex, not {other}"
                )));
            }
        })
    }

    fn holds(self, key: &str, wanted: &str) -> Result<bool, Error> {
        Ok(match self {
            Self::Equal => key == wanted,
            Self::Starts => key.starts_with(wanted),
            Self::Ends => key.ends_with(wanted),
            // As Python's `re.match`: from the beginning.
            Self::Regex => {
                let regex = compile(&format!(r"\A(?:{wanted})"), false, false)?;
                regex
                    .is_match(key)
                    .map_err(|error| Error::new(minijinja::ErrorKind::InvalidOperation, error.to_string()))?
            }
        })
    }
}

/// Keys that are meant.
struct Matcher {
    targets: Vec<String>,
    way: Way,
}

impl Matcher {
    fn bind(call: &Call<'_, '_, '_>) -> Result<Self, Error> {
        let [target, way] = call.bind(["target", "matching_parameter"])?;
        let target = target.ok_or_else(|| call.error("missing required arguments: target"))?;
        let targets: Vec<String> = if target.kind() == ValueKind::Seq {
            items(&target)?.iter().map(python::to_text).collect()
        } else {
            vec![python::to_text(defined(&target)?)]
        };
        let way = Way::bind(call, way.as_ref())?;
        for target in &targets {
            way.holds("", target)?;
        }
        Ok(Self { targets, way })
    }

    fn holds(&self, key: &Value) -> bool {
        let key = python::to_text(key);
        // The patterns were tried when they were bound.
        self.targets
            .iter()
            .any(|target| self.way.holds(&key, target).unwrap_or(false))
    }
}

/// Old keys and new ones.
struct Renames {
    pairs: Vec<(String, Value)>,
    way: Way,
}

impl Renames {
    fn bind(call: &Call<'_, '_, '_>) -> Result<Self, Error> {
        let [target, way] = call.bind(["target", "matching_parameter"])?;
        let target = target.ok_or_else(|| call.error("missing required arguments: target"))?;
        let way = Way::bind(call, way.as_ref())?;
        let mut pairs = Vec::new();
        for pair in items(&target)? {
            let field = |name: &str| check(pair.get_attr(name)?);
            let (before, after) = (field("before")?, field("after")?);
            if before.is_undefined() || after.is_undefined() {
                return Err(call.error("each target needs the attributes 'before' and 'after'"));
            }
            let before = python::to_text(&before);
            way.holds("", &before)?;
            pairs.push((before, after));
        }
        Ok(Self { pairs, way })
    }

    fn get(&self, key: &Value) -> Option<Value> {
        let key = python::to_text(key);
        self.pairs
            .iter()
            .find(|(before, _)| self.way.holds(&key, before).unwrap_or(false))
            .map(|(_, after)| after.clone())
    }
}

/// What is left when only matching keys, and what leads to them, are kept. Items of lists that are neither lists nor
/// mappings stay.
fn keep(value: &Value, matcher: &Matcher) -> Result<Value, Error> {
    let is_container = |value: &Value| matches!(value.kind(), ValueKind::Map | ValueKind::Seq);
    Ok(match value.kind() {
        ValueKind::Map => {
            let mut kept = Vec::new();
            for (key, inner) in entries(value) {
                if matcher.holds(&key) {
                    kept.push((key, inner));
                } else if is_container(&inner) {
                    let inner = keep(&inner, matcher)?;
                    if inner.is_true() {
                        kept.push((key, inner));
                    }
                }
            }
            map(kept)
        }
        ValueKind::Seq => sequence(
            items(value)?
                .iter()
                .map(|item| keep(item, matcher))
                .collect::<Result<_, _>>()?,
        ),
        _ => value.clone(),
    })
}

/// What is left without matching keys; items of lists that then count as false go, too.
fn remove(value: &Value, matcher: &Matcher) -> Result<Value, Error> {
    Ok(match value.kind() {
        ValueKind::Map => {
            let mut kept = Vec::new();
            for (key, inner) in entries(value) {
                if !matcher.holds(&key) {
                    kept.push((key, remove(&inner, matcher)?));
                }
            }
            map(kept)
        }
        ValueKind::Seq => {
            let mut kept = Vec::new();
            for item in items(value)? {
                let item = remove(&item, matcher)?;
                if item.is_true() {
                    kept.push(item);
                }
            }
            sequence(kept)
        }
        _ => value.clone(),
    })
}

/// Renamed keys come after those that stay.
fn rename_deep(value: &Value, renames: &Renames) -> Result<Value, Error> {
    Ok(match value.kind() {
        ValueKind::Map => {
            let (mut staying, mut moved) = (Vec::new(), Vec::new());
            for (key, inner) in entries(value) {
                let inner = rename_deep(&inner, renames)?;
                match renames.get(&key) {
                    Some(after) => moved.push((after, inner)),
                    None => staying.push((key, inner)),
                }
            }
            staying.extend(moved);
            map(staying)
        }
        ValueKind::Seq => sequence(
            items(value)?
                .iter()
                .map(|item| rename_deep(item, renames))
                .collect::<Result<_, _>>()?,
        ),
        _ => value.clone(),
    })
}

/// Each value inside with the path that leads to it.
fn to_paths(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [prepend, want_list] = call.bind(["prepend", "wantlist"])?;
    let start = match prepend {
        Some(prepend) if !prepend.is_none() => python::to_text(&prepend),
        _ => String::new(),
    };
    let mut found = Vec::new();
    collect_paths(&complete(call)?, &start, &mut found)?;
    let paths = map(found);
    Ok(if flag(want_list.as_ref(), false)? {
        sequence(vec![paths])
    } else {
        paths
    })
}

fn collect_paths(value: &Value, path: &str, found: &mut Vec<(String, Value)>) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Map if value.is_true() => {
            for (key, inner) in entries(value) {
                let key = match key.as_str() {
                    Some(name) if name.contains('.') => format!("['{name}']"),
                    Some(name) if path.is_empty() => name.to_owned(),
                    Some(name) => format!(".{name}"),
                    None => format!("[{}]", python::to_text(&key)),
                };
                collect_paths(&inner, &format!("{path}{key}"), found)?;
            }
        }
        ValueKind::Seq if value.is_true() && !value.is_tuple() => {
            for (index, inner) in items(value)?.iter().enumerate() {
                collect_paths(inner, &format!("{path}[{index}]"), found)?;
            }
        }
        // What is empty at the top has no paths.
        ValueKind::Map | ValueKind::Seq if path.is_empty() && !value.is_tuple() => {}
        _ => found.push((path.to_owned(), value.clone())),
    }
    Ok(())
}

/// What a path such as `a.b[0]['c']` leads to; it comes as a template would give it.
fn get_path(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [path, want_list] = call.bind(["path", "wantlist"])?;
    let path = path.ok_or_else(|| call.error("missing required arguments: path"))?;
    let path = python::to_text(defined(&path)?);
    let mut value = call.value()?;
    for step in steps(&path).ok_or_else(|| call.error(format!("'{path}' is no path")))? {
        let found = check(value.get_item(&step)?)?;
        if found.is_undefined() {
            return Err(match undefined(&found) {
                error if error.detail().is_some() => error,
                _ => call.error(format!("there is no '{}'", python::to_text(&step))),
            });
        }
        value = found;
    }
    let value = finalize_outcome(&finalize_complete(&value)?);
    Ok(if flag(want_list.as_ref(), false)? {
        sequence(vec![value])
    } else {
        value
    })
}

fn steps(path: &str) -> Option<Vec<Value>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (step, after) =
                if let Some(quote) = inner.chars().next().filter(|first| matches!(first, '\'' | '"')) {
                    let (name, after) = inner[1..].split_once(quote)?;
                    (Value::from(name), after.strip_prefix(']')?)
                } else {
                    let (number, after) = inner.split_once(']')?;
                    (Value::from(number.trim().parse::<i64>().ok()?), after)
                };
            steps.push(step);
            rest = after;
            continue;
        }
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let name = rest[..end].trim();
        steps.push(
            name.parse::<i64>()
                .map_or_else(|_| Value::from(name), Value::from),
        );
        rest = &rest[end..];
    }
    Some(steps)
}

/// The places of the items for which a test holds.
fn index_of(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [test, value, key, fail_on_missing, want_list] =
        call.bind(["test", "value", "key", "fail_on_missing", "wantlist"])?;
    let test = test.ok_or_else(|| call.error("missing required arguments: test"))?;
    let test = python::to_text(&test);
    let given = |argument: Option<Value>| argument.filter(|value| !value.is_none());
    let (value, keys) = (given(value), given(key));
    let data = call.value()?;
    if data.kind() != ValueKind::Seq {
        return Err(call.error(format!("a list was expected, got '{}'", python::type_name(&data))));
    }
    let keys: Vec<Value> = match keys {
        Some(keys) if keys.kind() == ValueKind::Seq => items(&keys)?,
        Some(key) => vec![key],
        None => Vec::new(),
    };
    let mut found = Vec::new();
    for (index, item) in items(&data)?.into_iter().enumerate() {
        let mut subjects = Vec::new();
        for key in &keys {
            let subject = check(item.get_item(key).unwrap_or(Value::UNDEFINED))?;
            if subject.is_undefined() {
                if flag(fail_on_missing.as_ref(), false)? {
                    return Err(call.error(format!(
                        "'{key}' was not found in the item {}",
                        python::repr(&item)
                    )));
                }
                continue;
            }
            subjects.push(subject);
        }
        if keys.is_empty() {
            subjects.push(item);
        }
        for subject in subjects {
            let arguments: Vec<Value> = std::iter::once(subject).chain(value.clone()).collect();
            let place = Value::from(index);
            if plugins::test(call.state, &test, &arguments)? && !found.iter().any(|known| same(known, &place))
            {
                found.push(place);
            }
        }
    }
    if found.len() == 1 && !flag(want_list.as_ref(), false)? {
        return Ok(found.swap_remove(0));
    }
    Ok(sequence(found))
}
