//! `json_query`: JMESPath. The crate `jmespath` reads the expression; it is evaluated here, on templates' own values,
//! so that mappings keep their order and numbers their kind.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use jmespath::ast::{Ast, Comparator};
use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::call::{Call, items};
use super::compare::{order, same};
use crate::template::finalize_complete;
use crate::template::undefined::defined;
use crate::value::convert::{entries, map, sequence};
use crate::value::{json, python};

pub(super) const FILTERS: super::Table = &[("json_query", json_query)];

/// Expressions read so far; a playbook has few.
static EXPRESSIONS: LazyLock<RwLock<HashMap<String, Arc<Ast>>>> = LazyLock::new(RwLock::default);

/// Expressions deeper than this are refused: each level costs stack.
const MAXIMUM_DEPTH: usize = 100;

fn read(expression: &str) -> Result<Arc<Ast>, String> {
    if let Some(known) = EXPRESSIONS
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(expression)
    {
        return Ok(Arc::clone(known));
    }
    let depth = expression.matches(['[', '(', '{', '!', '&']).count();
    if depth > MAXIMUM_DEPTH {
        return Err(format!(
            "the expression is nested deeper than {MAXIMUM_DEPTH} levels"
        ));
    }
    let tree = Arc::new(jmespath::parse(expression).map_err(|error| error.to_string())?);
    EXPRESSIONS
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(expression.to_owned(), Arc::clone(&tree));
    Ok(tree)
}

fn json_query(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [expression] = call.bind(["expr"])?;
    let expression = expression.ok_or_else(|| call.error("an expression is needed"))?;
    let expression = python::to_text(defined(&expression)?);
    let tree = read(&expression)
        .map_err(|message| call.error(format!("JMESPathError in json_query filter plugin:\n{message}")))?;
    let data = finalize_complete(&call.value()?)?;
    evaluate(&tree, &data)
        .map_err(|message| call.error(format!("JMESPathError in json_query filter plugin:\n{message}")))
}

fn null() -> Value {
    Value::from(())
}

/// What JMESPath calls true: anything but null, false, and what is empty.
fn is_true(value: &Value) -> bool {
    match value.kind() {
        ValueKind::Number => true,
        _ => value.is_true(),
    }
}

fn list(value: &Value) -> Option<Vec<Value>> {
    (value.kind() == ValueKind::Seq).then(|| items(value).unwrap_or_default())
}

/// Equality that keeps numbers and booleans apart.
fn equal(left: &Value, right: &Value) -> bool {
    let is_bool = |value: &Value| value.kind() == ValueKind::Bool;
    is_bool(left) == is_bool(right) && same(left, right)
}

type Outcome = Result<Value, String>;

fn evaluate(tree: &Ast, data: &Value) -> Outcome {
    Ok(match tree {
        Ast::Identity { .. } => data.clone(),
        Ast::Field { name, .. } => match data.kind() {
            ValueKind::Map => data
                .get_attr(name)
                .ok()
                .filter(|value| !value.is_undefined())
                .unwrap_or_else(null),
            _ => null(),
        },
        Ast::Literal { value, .. } => {
            let parsed = serde_json::from_str(&value.to_string()).map_err(|error| error.to_string())?;
            json::from_json(parsed)
        }
        Ast::Index { idx, .. } => list(data).map_or_else(null, |list| at(&list, *idx)),
        Ast::Slice {
            start, stop, step, ..
        } => match list(data) {
            Some(list) => sequence(slice(&list, *start, *stop, *step)?),
            None => null(),
        },
        Ast::Subexpr { lhs, rhs, .. } => evaluate(rhs, &evaluate(lhs, data)?)?,
        Ast::Projection { lhs, rhs, .. } => match list(&evaluate(lhs, data)?) {
            Some(list) => {
                let mut found = Vec::new();
                for item in list {
                    let value = evaluate(rhs, &item)?;
                    if !value.is_none() {
                        found.push(value);
                    }
                }
                sequence(found)
            }
            None => null(),
        },
        Ast::ObjectValues { node, .. } => {
            let value = evaluate(node, data)?;
            if value.kind() == ValueKind::Map {
                sequence(entries(&value).into_iter().map(|(_, value)| value).collect())
            } else {
                null()
            }
        }
        Ast::Flatten { node, .. } => match list(&evaluate(node, data)?) {
            Some(found) => {
                let flat = found
                    .into_iter()
                    .flat_map(|item| list(&item).unwrap_or_else(|| vec![item.clone()]));
                sequence(flat.collect())
            }
            None => null(),
        },
        Ast::MultiList { elements, .. } => {
            if data.is_none() {
                null()
            } else {
                let found = elements.iter().map(|element| evaluate(element, data));
                sequence(found.collect::<Result<_, _>>()?)
            }
        }
        Ast::MultiHash { elements, .. } => {
            if data.is_none() {
                null()
            } else {
                let found = elements
                    .iter()
                    .map(|pair| Ok((pair.key.clone(), evaluate(&pair.value, data)?)));
                map(found.collect::<Result<Vec<_>, String>>()?)
            }
        }
        Ast::Not { node, .. } => Value::from(!is_true(&evaluate(node, data)?)),
        Ast::And { lhs, rhs, .. } => {
            let left = evaluate(lhs, data)?;
            if is_true(&left) {
                evaluate(rhs, data)?
            } else {
                left
            }
        }
        Ast::Or { lhs, rhs, .. } => {
            let left = evaluate(lhs, data)?;
            if is_true(&left) {
                left
            } else {
                evaluate(rhs, data)?
            }
        }
        Ast::Condition { predicate, then, .. } => {
            if is_true(&evaluate(predicate, data)?) {
                evaluate(then, data)?
            } else {
                null()
            }
        }
        Ast::Comparison {
            comparator, lhs, rhs, ..
        } => compare(comparator, &evaluate(lhs, data)?, &evaluate(rhs, data)?),
        Ast::Expref { .. } => return Err("an expression reference stands outside of a function".into()),
        Ast::Function { name, args, .. } => function(name, args, data)?,
    })
}

fn compare(comparator: &Comparator, left: &Value, right: &Value) -> Value {
    let wanted: fn(Ordering) -> bool = match comparator {
        Comparator::Equal => return Value::from(equal(left, right)),
        Comparator::NotEqual => return Value::from(!equal(left, right)),
        Comparator::LessThan => Ordering::is_lt,
        Comparator::LessThanEqual => Ordering::is_le,
        Comparator::GreaterThan => Ordering::is_gt,
        Comparator::GreaterThanEqual => Ordering::is_ge,
    };
    // Only numbers and texts have an order.
    let is_ordered =
        left.kind() == right.kind() && matches!(left.kind(), ValueKind::Number | ValueKind::String);
    if !is_ordered {
        return null();
    }
    order(left, right).map_or_else(|_| null(), |order| Value::from(wanted(order)))
}

fn at(list: &[Value], index: i32) -> Value {
    let place = if index < 0 {
        list.len().checked_sub(index.unsigned_abs() as usize)
    } else {
        usize::try_from(index).ok()
    };
    place
        .and_then(|place| list.get(place))
        .cloned()
        .unwrap_or_else(null)
}

/// Python's slice.
fn slice(list: &[Value], start: Option<i32>, end: Option<i32>, step: i32) -> Result<Vec<Value>, String> {
    if step == 0 {
        return Err("the step of a slice cannot be 0".into());
    }
    let length = i64::try_from(list.len()).unwrap_or(i64::MAX);
    let (low, high) = if step < 0 { (-1, length - 1) } else { (0, length) };
    let place = |index: Option<i32>, usual: i64| {
        index.map_or(usual, |index| {
            let index = i64::from(index);
            (if index < 0 { index + length } else { index }).clamp(low, high)
        })
    };
    let (mut current, limit) = if step < 0 {
        (place(start, high), place(end, low))
    } else {
        (place(start, low), place(end, high))
    };
    let mut found = Vec::new();
    while (step > 0 && current < limit) || (step < 0 && current > limit) {
        found.extend(
            usize::try_from(current)
                .ok()
                .and_then(|place| list.get(place))
                .cloned(),
        );
        current += i64::from(step);
    }
    Ok(found)
}

/// The type of a value as JMESPath names it.
fn type_name(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => "null",
        ValueKind::Bool => "boolean",
        ValueKind::Number => "number",
        ValueKind::Seq | ValueKind::Iterable => "array",
        ValueKind::Map => "object",
        _ => "string",
    }
}

/// The arguments of a function.
struct Arguments<'tree> {
    function: &'tree str,
    trees: &'tree [Ast],
    data: &'tree Value,
}

impl<'tree> Arguments<'tree> {
    fn count(&self, least: usize, most: usize) -> Result<(), String> {
        if (least..=most).contains(&self.trees.len()) {
            return Ok(());
        }
        Err(format!(
            "Expected {least} arguments for function {}(), received {}",
            self.function,
            self.trees.len()
        ))
    }

    fn any(&self, index: usize) -> Outcome {
        self.trees
            .get(index)
            .map_or_else(|| Ok(null()), |tree| evaluate(tree, self.data))
    }

    fn typed(&self, index: usize, kinds: &[&str]) -> Outcome {
        let value = self.any(index)?;
        if kinds.contains(&type_name(&value)) {
            return Ok(value);
        }
        Err(format!(
            "In function {}(), invalid type for value: {}, expected one of: {kinds:?}, received: \"{}\"",
            self.function,
            python::to_text(&value),
            type_name(&value)
        ))
    }

    fn list(&self, index: usize) -> Result<Vec<Value>, String> {
        items(&self.typed(index, &["array"])?).map_err(|error| error.to_string())
    }

    /// A list of numbers or of texts, as `kinds` allows.
    fn list_of(&self, index: usize, kinds: &[&str]) -> Result<Vec<Value>, String> {
        let list = self.list(index)?;
        let first = list.first().map(type_name);
        match list
            .iter()
            .find(|item| !kinds.contains(&type_name(item)) || first != Some(type_name(item)))
        {
            Some(wrong) => Err(format!(
                "In function {}(), invalid type for value: {}, expected one of: {kinds:?}, received: \"{}\"",
                self.function,
                python::to_text(wrong),
                type_name(wrong)
            )),
            None => Ok(list),
        }
    }

    fn text(&self, index: usize) -> Result<String, String> {
        Ok(python::to_text(&self.typed(index, &["string"])?))
    }

    fn number(&self, index: usize) -> Result<f64, String> {
        f64::try_from(self.typed(index, &["number"])?).map_err(|error| error.to_string())
    }

    fn expression(&self, index: usize) -> Result<&'tree Ast, String> {
        match self.trees.get(index) {
            Some(Ast::Expref { ast, .. }) => Ok(ast),
            _ => Err(format!("{}() needs an expression: &…", self.function)),
        }
    }

    /// Items of a list with what an expression makes of them: all numbers, or all texts.
    fn keyed(&self) -> Result<Vec<(Value, Value)>, String> {
        let expression = self.expression(1)?;
        let mut keyed: Vec<(Value, Value)> = Vec::new();
        for item in self.list(0)? {
            let key = evaluate(expression, &item)?;
            let is_fitting = matches!(type_name(&key), "number" | "string")
                && keyed
                    .first()
                    .is_none_or(|(first, _)| type_name(first) == type_name(&key));
            if !is_fitting {
                return Err(format!(
                    "In function {}(), invalid type for value: {}, expected one of: [\"number\", \"string\"]",
                    self.function,
                    python::to_text(&key)
                ));
            }
            keyed.push((key, item));
        }
        Ok(keyed)
    }
}

fn whole_or_float(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
    if number.fract() == 0.0 && number.abs() < 9.0e15 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}

fn ordering(left: &Value, right: &Value) -> Ordering {
    order(left, right).unwrap_or(Ordering::Equal)
}

/// The functions of the specification.
fn function(name: &str, trees: &[Ast], data: &Value) -> Outcome {
    let arguments = Arguments {
        function: name,
        trees,
        data,
    };
    let counts = match name {
        "merge" | "not_null" => (1, usize::MAX),
        "contains" | "ends_with" | "join" | "map" | "max_by" | "min_by" | "sort_by" | "starts_with" => (2, 2),
        _ => (1, 1),
    };
    arguments.count(counts.0, counts.1)?;
    Ok(match name {
        "abs" => {
            let value = arguments.typed(0, &["number"])?;
            if value.is_integer() {
                Value::from(value.as_i64().unwrap_or(0).saturating_abs())
            } else {
                Value::from(arguments.number(0)?.abs())
            }
        }
        "avg" => {
            let list = arguments.list_of(0, &["number"])?;
            if list.is_empty() {
                null()
            } else {
                #[expect(clippy::cast_precision_loss, reason = "a mean is a float")]
                let mean = total(&list) / list.len() as f64;
                Value::from(mean)
            }
        }
        "ceil" => whole_or_float(arguments.number(0)?.ceil()),
        "floor" => whole_or_float(arguments.number(0)?.floor()),
        "contains" => {
            let subject = arguments.typed(0, &["array", "string"])?;
            let wanted = arguments.any(1)?;
            match (list(&subject), wanted.as_str()) {
                (Some(list), _) => Value::from(list.iter().any(|item| same(item, &wanted))),
                (None, Some(wanted)) => Value::from(python::to_text(&subject).contains(wanted)),
                (None, None) => Value::from(false),
            }
        }
        "ends_with" => Value::from(arguments.text(0)?.ends_with(&arguments.text(1)?)),
        "starts_with" => Value::from(arguments.text(0)?.starts_with(&arguments.text(1)?)),
        "join" => {
            let list = arguments.list_of(1, &["string"])?;
            let parts: Vec<String> = list.iter().map(python::to_text).collect();
            Value::from(parts.join(&arguments.text(0)?))
        }
        "keys" => {
            let value = arguments.typed(0, &["object"])?;
            sequence(entries(&value).into_iter().map(|(key, _)| key).collect())
        }
        "values" => {
            let value = arguments.typed(0, &["object"])?;
            sequence(entries(&value).into_iter().map(|(_, value)| value).collect())
        }
        "length" => {
            let value = arguments.typed(0, &["string", "array", "object"])?;
            Value::from(match value.as_str() {
                Some(text) => text.chars().count(),
                None => value.len().unwrap_or(0),
            })
        }
        "map" => {
            let expression = arguments.expression(0)?;
            let mapped = arguments
                .list(1)?
                .iter()
                .map(|item| evaluate(expression, item))
                .collect::<Result<_, _>>()?;
            sequence(mapped)
        }
        "max" | "min" => {
            let list = arguments.list_of(0, &["number", "string"])?;
            let best = if name == "max" {
                list.into_iter().reduce(|best, item| {
                    if ordering(&item, &best).is_gt() {
                        item
                    } else {
                        best
                    }
                })
            } else {
                list.into_iter().reduce(|best, item| {
                    if ordering(&item, &best).is_lt() {
                        item
                    } else {
                        best
                    }
                })
            };
            best.unwrap_or_else(null)
        }
        "max_by" | "min_by" => {
            let better: fn(Ordering) -> bool = if name == "max_by" {
                Ordering::is_gt
            } else {
                Ordering::is_lt
            };
            let keyed = arguments.keyed()?.into_iter();
            let best = keyed.reduce(|best, item| {
                if better(ordering(&item.0, &best.0)) {
                    item
                } else {
                    best
                }
            });
            best.map_or_else(null, |(_, item)| item)
        }
        "merge" => {
            let mut merged: Vec<(Value, Value)> = Vec::new();
            for index in 0..trees.len() {
                for (key, value) in entries(&arguments.typed(index, &["object"])?) {
                    match merged.iter_mut().find(|(known, _)| same(known, &key)) {
                        Some(known) => known.1 = value,
                        None => merged.push((key, value)),
                    }
                }
            }
            map(merged)
        }
        "not_null" => {
            for index in 0..trees.len() {
                let value = arguments.any(index)?;
                if !value.is_none() {
                    return Ok(value);
                }
            }
            null()
        }
        "reverse" => {
            let value = arguments.typed(0, &["array", "string"])?;
            match value.as_str() {
                Some(text) => Value::from(text.chars().rev().collect::<String>()),
                None => sequence(items(&value).unwrap_or_default().into_iter().rev().collect()),
            }
        }
        "sort" => {
            let mut list = arguments.list_of(0, &["number", "string"])?;
            list.sort_by(ordering);
            sequence(list)
        }
        "sort_by" => {
            let mut keyed = arguments.keyed()?;
            keyed.sort_by(|(left, _), (right, _)| ordering(left, right));
            sequence(keyed.into_iter().map(|(_, item)| item).collect())
        }
        "sum" => {
            let list = arguments.list_of(0, &["number"])?;
            if list.iter().all(Value::is_integer) {
                Value::from(
                    list.iter()
                        .filter_map(Value::as_i64)
                        .fold(0_i64, i64::saturating_add),
                )
            } else {
                Value::from(total(&list))
            }
        }
        "to_array" => {
            let value = arguments.any(0)?;
            if value.kind() == ValueKind::Seq {
                value
            } else {
                sequence(vec![value])
            }
        }
        "to_number" => {
            let value = arguments.any(0)?;
            match value.as_str() {
                Some(text) => text
                    .parse::<i64>()
                    .map(Value::from)
                    .or_else(|_| text.parse::<f64>().map(Value::from))
                    .unwrap_or_else(|_| null()),
                None if value.kind() == ValueKind::Number => value,
                None => null(),
            }
        }
        "to_string" => {
            let value = arguments.any(0)?;
            match value.as_str() {
                Some(_) => value,
                None => Value::from(json::to_json(&value).to_string()),
            }
        }
        "type" => Value::from(type_name(&arguments.any(0)?)),
        other => return Err(format!("Unknown function: {other}()")),
    })
}

fn total(list: &[Value]) -> f64 {
    list.iter()
        .filter_map(|item| f64::try_from(item.clone()).ok())
        .sum()
}
