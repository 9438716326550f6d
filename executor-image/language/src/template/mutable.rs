//! Lists and mappings that a template makes and changes: `{% set found = [] %}{% set _ = found.append(1) %}`.
//!
//! Only literals of a `set` statement are such values; what comes from variables does not change.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

use super::growth::{check_items, check_part};
use crate::filters::call::items;
use crate::filters::same;
use crate::value::convert::entries;

/// The filter that rewriting puts around such a literal.
pub(super) fn mutable(value: Value) -> Result<Value, Error> {
    Ok(match value.kind() {
        ValueKind::Seq => Value::from_object(List(Mutex::new(items(&value)?))),
        ValueKind::Map => Value::from_object(Mapping(Mutex::new(entries(&value)))),
        _ => value,
    })
}

fn lock<T>(cell: &Mutex<T>) -> MutexGuard<'_, T> {
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}

fn none() -> Value {
    Value::from(())
}

fn failed(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.to_owned())
}

#[derive(Debug)]
struct List(Mutex<Vec<Value>>);

impl List {
    /// Whether this may become an item.
    fn check(&self, item: &Value) -> Result<(), Error> {
        check_part(item, &|value| {
            value
                .downcast_object_ref::<Self>()
                .is_some_and(|list| std::ptr::eq(list, self))
        })
    }

    /// Python's index: negative ones count from the end.
    fn index(&self, argument: Option<&Value>, default: i64) -> Option<usize> {
        let length = lock(&self.0).len();
        let index = argument.map_or(Some(default), Value::as_i64)?;
        if index < 0 {
            length.checked_sub(usize::try_from(-index).ok()?)
        } else {
            usize::try_from(index).ok()
        }
    }
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        lock(&self.0).get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(lock(&self.0).clone())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        name: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        match (name, arguments) {
            ("append", [item]) => {
                self.check(item)?;
                lock(&self.0).push(item.clone());
            }
            ("extend", [more]) => {
                let more = items(more)?;
                more.iter().try_for_each(|item| self.check(item))?;
                let mut list = lock(&self.0);
                check_items(list.len().saturating_add(more.len()))?;
                list.extend(more);
            }
            ("insert", [place, item]) => {
                self.check(item)?;
                let place = self.index(Some(place), 0).unwrap_or(0);
                let mut list = lock(&self.0);
                let place = place.min(list.len());
                list.insert(place, item.clone());
            }
            ("pop", [] | [_]) => {
                let place = self
                    .index(arguments.first(), -1)
                    .ok_or_else(|| failed("pop index out of range"))?;
                let mut list = lock(&self.0);
                if place >= list.len() {
                    return Err(failed("pop from empty list or index out of range"));
                }
                return Ok(list.remove(place));
            }
            ("remove", [item]) => {
                let mut list = lock(&self.0);
                let place = list.iter().position(|known| same(known, item));
                list.remove(place.ok_or_else(|| failed("list.remove(x): x not in list"))?);
            }
            ("reverse", []) => lock(&self.0).reverse(),
            ("clear", []) => lock(&self.0).clear(),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        }
        Ok(none())
    }
}

#[derive(Debug)]
struct Mapping(Mutex<Vec<(Value, Value)>>);

impl Mapping {
    fn put(&self, key: Value, value: Value) -> Result<(), Error> {
        check_part(&value, &|value| {
            value
                .downcast_object_ref::<Self>()
                .is_some_and(|mapping| std::ptr::eq(mapping, self))
        })?;
        let mut pairs = lock(&self.0);
        match pairs.iter_mut().find(|(known, _)| same(known, &key)) {
            Some(known) => known.1 = value,
            None => pairs.push((key, value)),
        }
        Ok(())
    }

    fn get(&self, key: &Value) -> Option<Value> {
        lock(&self.0)
            .iter()
            .find(|(known, _)| same(known, key))
            .map(|(_, value)| value.clone())
    }
}

impl Object for Mapping {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(lock(&self.0).iter().map(|(key, _)| key.clone()).collect())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        name: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        match (name, arguments) {
            ("update", [other]) => {
                // Named arguments come as a mapping too.
                for (key, value) in entries(other) {
                    self.put(key, value)?;
                }
            }
            ("pop", [key] | [key, _]) => {
                let place = lock(&self.0).iter().position(|(known, _)| same(known, key));
                return match (place, arguments.get(1)) {
                    (Some(place), _) => Ok(lock(&self.0).remove(place).1),
                    (None, Some(default)) => Ok(default.clone()),
                    (None, None) => Err(failed("the mapping has no such key to pop")),
                };
            }
            ("setdefault", [key] | [key, _]) => {
                if let Some(known) = self.get(key) {
                    return Ok(known);
                }
                let value = arguments.get(1).cloned().unwrap_or_else(none);
                self.put(key.clone(), value.clone())?;
                return Ok(value);
            }
            ("clear", []) => lock(&self.0).clear(),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        }
        Ok(none())
    }
}
