//! How large a value may become. One that doubles forty times ends with an error, and not with the memory of this machine.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use crate::filters::call::items;
use crate::value::convert::sequence;

/// Bytes of a text.
const LONGEST_TEXT: usize = 64 * 1024 * 1024;
/// Items of a list.
const MOST_ITEMS: usize = 5_000_000;
/// Sums of lists are lazy, and count their items by going through their parts: up to here they become one list.
const FEW_ITEMS: usize = 16;

/// An error if a text is too long.
pub(crate) fn check_text(length: usize) -> Result<(), Error> {
    if length > LONGEST_TEXT {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("a text becomes longer than {LONGEST_TEXT} bytes, which is the limit of a template"),
        ));
    }
    Ok(())
}

/// An error if a list is too long.
pub(crate) fn check_items(count: usize) -> Result<(), Error> {
    if count > MOST_ITEMS {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("a list becomes longer than {MOST_ITEMS} items, which is the limit of a template"),
        ));
    }
    Ok(())
}

/// What an operator has made, unless it is too large.
pub(super) fn grown(value: Value) -> Result<Value, Error> {
    if let Some(text) = value.as_str() {
        check_text(text.len())?;
    } else if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
        && !value.is_tuple()
        && let Some(count) = value.len()
    {
        check_items(count)?;
        if count <= FEW_ITEMS {
            return Ok(sequence(items(&value)?));
        }
    }
    Ok(value)
}
