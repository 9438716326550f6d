//! How large a value may become. One that doubles forty times ends with an error, and not with the memory of this machine.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, State, Value};

use crate::filters::call::items;
use crate::value::convert::{entries, sequence};

/// Bytes of a text.
const LONGEST_TEXT: usize = 64 * 1024 * 1024;
/// Items of a list.
const MOST_ITEMS: usize = 5_000_000;
/// Lists and mappings in each other. Each level costs stack wherever a value is looked at, and when it is forgotten.
const MOST_LEVELS: usize = 500;
/// How many times an attribute is set until its depth is looked at.
const SELDOM: usize = 64;
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

/// What a walk through a value has come upon. One that holds the same list twice, and that list another twice, has few parts and many
/// ways to them.
#[derive(Debug, Default)]
pub(crate) struct Extent {
    levels: usize,
    parts: usize,
}

impl Extent {
    /// Looks at a part with what is below it; an error if the value is too deep or too large.
    pub(crate) fn enter<T>(&mut self, below: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.levels > MOST_LEVELS {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                format!(
                    "more than {MOST_LEVELS} lists and mappings in each other, which is the limit of a template"
                ),
            ));
        }
        check_items(self.parts)?;
        self.levels += 1;
        self.parts += 1;
        let done = below(self)?;
        self.levels -= 1;
        Ok(done)
    }
}

/// An error if this cannot become part of a list or mapping: it would be too deep, or has that in it.
pub(super) fn check_part(part: &Value, is_container: &dyn Fn(&Value) -> bool) -> Result<(), Error> {
    Extent::default().enter(|extent| check_below(part, extent, is_container))
}

fn check_below(
    value: &Value,
    extent: &mut Extent,
    is_container: &dyn Fn(&Value) -> bool,
) -> Result<(), Error> {
    let kind = value.kind();
    if !matches!(kind, ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        return Ok(());
    }
    if is_container(value) {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "a list or mapping becomes part of itself".to_owned(),
        ));
    }
    extent.enter(|extent| {
        let mut parts = if kind == ValueKind::Map {
            entries(value).into_iter().map(|(_, part)| part).collect()
        } else {
            items(value)?
        }
        .into_iter();
        parts.try_for_each(|part| check_below(&part, extent, is_container))
    })
}

/// How often attributes were set.
#[derive(Debug, Default)]
struct Attributes(usize);

/// The filter that rewriting puts around what an attribute is set to: a loop could put a list into a list for ever. Each time makes
/// it only a little deeper, and large values take time to look at: one of many times is enough.
pub(super) fn shallow(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    let times = &mut state.get_or_insert_extension_with(Attributes::default).0;
    *times += 1;
    if times.is_multiple_of(SELDOM) {
        check_below(&value, &mut Extent::default(), &|_| false)?;
    }
    Ok(value)
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
