//! YAML filters: text as PyYAML writes it with libyaml, and values as our own reader reads it.

mod emitter;
mod scalar;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::call::{Call, flag};
use super::text::whole;
use crate::template::{finalize_complete, plain_value};
use crate::value::convert::sequence;
use emitter::{Emitter, Flow, Options};

pub(super) const FILTERS: super::Table = &[
    ("from_yaml", read),
    ("from_yaml_all", read_all),
    ("to_nice_yaml", |call| write(call, Some(4), Flow::Never)),
    ("to_yaml", |call| write(call, None, Flow::Leaves)),
];

fn write(call: &mut Call<'_, '_, '_>, indent: Option<i64>, flow: Flow) -> Result<Value, Error> {
    let [given_indent] = if indent.is_some() {
        call.take(["indent"])?
    } else {
        [call.named("indent")?]
    };
    let indent = whole(
        call,
        given_indent.filter(|given| !given.is_none()).as_ref(),
        indent.unwrap_or(2),
    )?;
    let width = call.named("width")?.filter(|width| !width.is_none());
    let width = match &width {
        Some(width) if width.kind() == ValueKind::Number && !width.is_integer() => i64::MAX,
        width => whole(call, width.as_ref(), 80)?,
    };
    let flow = match call.named("default_flow_style")? {
        Some(style) if style.is_none() => Flow::Leaves,
        Some(style) if style.is_true() => Flow::Always,
        Some(_) => Flow::Never,
        None => flow,
    };
    let sort_keys = flag(call.named("sort_keys")?.as_ref(), true)?;
    let explicit_start = flag(call.named("explicit_start")?.as_ref(), false)?;
    let explicit_end = flag(call.named("explicit_end")?.as_ref(), false)?;
    let default_style = call
        .named("default_style")?
        .and_then(|style| style.as_str().and_then(|style| style.chars().next()));
    call.named("allow_unicode")?;
    call.no_more_names()?;
    let value = finalize_complete(&call.value()?)?;
    let options = Options {
        indent,
        width,
        flow,
        sort_keys,
        explicit_start,
        explicit_end,
        default_style,
    };
    Emitter::new(options)
        .document(&value)
        .map(Value::from_safe_string)
        .map_err(|error| call.error(error))
}

fn read(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [] = call.bind([])?;
    let value = call.value()?;
    let Some(text) = value.as_str() else {
        return Ok(value);
    };
    let document = crate::yaml::parse(text, "from_yaml").map_err(|error| call.error(error))?;
    Ok(document
        .root
        .as_ref()
        .map_or_else(|| Value::from(()), plain_value))
}

fn read_all(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [] = call.bind([])?;
    let value = call.value()?;
    let Some(text) = value.as_str() else {
        return Ok(value);
    };
    let documents = crate::yaml::parse_all(text, "from_yaml_all").map_err(|error| call.error(error))?;
    Ok(sequence(documents.iter().map(plain_value).collect()))
}
