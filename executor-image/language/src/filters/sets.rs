//! Lists as sets. Python's order of sets is by chance; here it is that of the first appearance.

use minijinja::{Error, Value};

use super::call::{Call, items};
use super::compare::same;
use crate::value::convert::sequence;

pub(super) const FILTERS: super::Table = &[
    ("difference", |call| {
        select(call, |item, left, right| has(left, item) && !has(right, item))
    }),
    ("intersect", |call| {
        select(call, |item, left, right| has(left, item) && has(right, item))
    }),
    ("symmetric_difference", |call| {
        select(call, |item, left, right| has(left, item) != has(right, item))
    }),
    ("union", |call| select(call, |_, _, _| true)),
];

fn has(list: &[Value], item: &Value) -> bool {
    list.iter().any(|known| same(known, item))
}

/// What of both lists is wanted, each once.
fn select(call: &Call<'_, '_, '_>, wanted: fn(&Value, &[Value], &[Value]) -> bool) -> Result<Value, Error> {
    let [other] = call.bind(["b"])?;
    let left = call.items()?;
    let right = items(&other.ok_or_else(|| call.error("a second list is needed"))?)?;
    let mut kept: Vec<Value> = Vec::new();
    for item in left.iter().chain(&right) {
        if wanted(item, &left, &right) && !has(&kept, item) {
            kept.push(item.clone());
        }
    }
    Ok(sequence(kept))
}
