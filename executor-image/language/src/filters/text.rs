//! Filters that make text of text.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::call::{Call, flag, items};
use super::compare::attribute;
use crate::template::growth::check_text;
use crate::template::undefined::defined;
use crate::value::convert::sequence;
use crate::value::python;

pub(super) const FILTERS: super::Table = &[
    ("comment", comment),
    ("quote", quote),
    ("split", split),
    ("urldecode", url_decode),
];
pub(super) const JINJA_FILTERS: super::Table = &[
    ("capitalize", capitalize),
    ("center", center),
    ("format", format),
    ("indent", indent),
    ("join", join),
    ("lower", |call| Ok(Value::from(call.text()?.to_lowercase()))),
    ("replace", replace),
    ("string", |call| Ok(Value::from_safe_string(call.text()?))),
    ("title", title),
    ("trim", trim),
    ("truncate", truncate),
    ("upper", |call| Ok(Value::from(call.text()?.to_uppercase()))),
    ("urlencode", urlencode),
    ("wordcount", |call| Ok(Value::from(words(&call.text()?).count()))),
];

/// A width beyond this is refused: no text of a playbook is so wide.
pub(crate) const WIDEST: usize = 1 << 20;

/// A width given as an argument.
fn width(call: &Call<'_, '_, '_>, argument: Option<&Value>, default: i64) -> Result<usize, Error> {
    let width = usize::try_from(whole(call, argument, default)?).unwrap_or(0);
    if width > WIDEST {
        return Err(call.error(format!("{width} is wider than {WIDEST}")));
    }
    Ok(width)
}

/// A whole number given as an argument.
pub(super) fn whole(call: &Call<'_, '_, '_>, argument: Option<&Value>, default: i64) -> Result<i64, Error> {
    match argument {
        None => Ok(default),
        Some(value) => match value.as_i64() {
            Some(number) if value.kind() == ValueKind::Number || value.kind() == ValueKind::Bool => {
                Ok(number)
            }
            _ => Err(call.error(format!("'{}' is not a whole number", python::to_text(value)))),
        },
    }
}

fn optional_text(argument: Option<&Value>) -> Result<Option<String>, Error> {
    match argument {
        Some(value) if value.is_none() => Ok(None),
        Some(value) => defined(value).map(|value| Some(python::to_text(value))),
        None => Ok(None),
    }
}

fn capitalize(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = call.text()?;
    let mut characters = text.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().to_string())
        .unwrap_or_default();
    Ok(Value::from(first + &characters.as_str().to_lowercase()))
}

fn title(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    // Jinja: a word begins after a blank, a hyphen or an opening bracket.
    let mut result = String::new();
    let mut begins = true;
    for character in call.text()?.chars() {
        if begins {
            result.extend(character.to_uppercase());
        } else {
            result.extend(character.to_lowercase());
        }
        begins = character.is_whitespace() || matches!(character, '-' | '(' | '{' | '[' | '<');
    }
    Ok(Value::from(result))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .filter(|word| !word.is_empty())
}

fn trim(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [characters] = call.bind(["chars"])?;
    let text = call.text()?;
    Ok(Value::from(match optional_text(characters.as_ref())? {
        Some(characters) => text.trim_matches(|character| characters.contains(character)),
        None => text.trim(),
    }))
}

fn replace(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [old, new, count] = call.bind(["old", "new", "count"])?;
    let text = call.text()?;
    let (Some(old), Some(new)) = (old, new) else {
        return Err(call.error("what to replace and by what are needed"));
    };
    let (old, new) = (python::to_text(defined(&old)?), python::to_text(defined(&new)?));
    let count = match count {
        Some(count) if !count.is_none() => whole(call, Some(&count), -1)?,
        _ => -1,
    };
    let found = text
        .matches(&old)
        .take(usize::try_from(count).unwrap_or(usize::MAX));
    check_text(found.count().saturating_mul(new.len()).saturating_add(text.len()))?;
    Ok(Value::from(match usize::try_from(count) {
        Ok(count) => text.replacen(&old, &new, count),
        Err(_) => text.replace(&old, &new),
    }))
}

fn split(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [separator, limit] = call.bind(["sep", "maxsplit"])?;
    let value = call.value()?;
    let Some(text) = value.as_str() else {
        return Err(call.error(format!("a text is needed, not '{}'", python::type_name(&value))));
    };
    let limit = usize::try_from(whole(call, limit.as_ref(), -1)?).ok();
    let parts: Vec<Value> = match optional_text(separator.as_ref())? {
        Some(separator) if separator.is_empty() => return Err(call.error("empty separator")),
        Some(separator) => match limit {
            Some(limit) => text.splitn(limit + 1, &separator).map(Value::from).collect(),
            None => text.split(&separator).map(Value::from).collect(),
        },
        None => split_blank(text, limit),
    };
    Ok(sequence(parts))
}

/// Python's `split()` without a separator: runs of blanks separate, none at the ends.
fn split_blank(text: &str, limit: Option<usize>) -> Vec<Value> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if limit == Some(parts.len()) {
            parts.push(Value::from(rest.trim_end()));
            break;
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        parts.push(Value::from(&rest[..end]));
        rest = rest[end..].trim_start();
    }
    parts
}

fn join(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [separator, path] = call.bind(["d", "attribute"])?;
    let separator = separator
        .as_ref()
        .map(|separator| defined(separator).map(python::to_text))
        .transpose()?;
    let separator = separator.unwrap_or_default();
    let mut length = 0_usize;
    let mut parts = Vec::new();
    for item in call.items()? {
        let item = match &path {
            Some(path) if !path.is_none() => attribute(&item, path)?,
            _ => item,
        };
        let part = python::to_text(defined(&item)?);
        length = length.saturating_add(separator.len() + part.len());
        check_text(length)?;
        parts.push(part);
    }
    Ok(Value::from(parts.join(&separator)))
}

fn indent(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [wanted, first, blank] = call.bind(["width", "first", "blank"])?;
    let value = call.value()?;
    let Some(text) = value.as_str() else {
        return Err(call.error(format!("a text is needed, not '{}'", python::type_name(&value))));
    };
    let indentation = match wanted.as_ref().and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => " ".repeat(width(call, wanted.as_ref(), 4)?),
    };
    let blank = flag(blank.as_ref(), false)?;
    let mut result = String::new();
    if flag(first.as_ref(), false)? {
        result.push_str(&indentation);
    }
    for (index, line) in lines(text).into_iter().enumerate() {
        if index > 0 {
            result.push('\n');
            if blank || !line.is_empty() {
                result.push_str(&indentation);
            }
        }
        result.push_str(line);
    }
    Ok(Value::from(result))
}

/// Python's `splitlines` of the text and one newline more, as Jinja's `indent` does: "a\n" has the lines "a" and "".
fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    loop {
        if let Some(end) = rest.find(['\n', '\r']) {
            lines.push(&rest[..end]);
            let width = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
            rest = &rest[end + width..];
        } else {
            lines.push(rest);
            return lines;
        }
    }
}

fn quote(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [] = call.bind([])?;
    let value = call.value()?;
    let text = if value.is_none() {
        String::new()
    } else {
        python::to_text(&value)
    };
    Ok(Value::from(shell_quote(&text)))
}

/// Python's `shlex.quote`.
fn shell_quote(text: &str) -> String {
    let is_safe = |character: char| {
        character.is_ascii_alphanumeric()
            || matches!(
                character,
                '_' | '@' | '%' | '+' | '=' | ':' | ',' | '.' | '/' | '-'
            )
    };
    if !text.is_empty() && text.chars().all(is_safe) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

fn format(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let text = call.text()?;
    let arguments = call.rest(0)?;
    let named = call.all_named()?;
    match named {
        Some(named) if arguments.is_empty() => super::format_text(&text, &[named]).map(Value::from),
        Some(_) => Err(call.error("can't handle positional and keyword arguments at the same time")),
        None => super::format_text(&text, &arguments).map(Value::from),
    }
}

fn center(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [wanted] = call.bind(["width"])?;
    let text = call.text()?;
    let length = text.chars().count();
    let width = width(call, wanted.as_ref(), 80)?;
    let missing = width.saturating_sub(length);
    // Python puts the odd blank left if both the padding and the width are odd.
    let left = missing / 2 + (missing & width & 1);
    Ok(Value::from(format!(
        "{}{text}{}",
        " ".repeat(left),
        " ".repeat(missing - left)
    )))
}

fn truncate(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [length, kill_words, end, leeway] = call.bind(["length", "killwords", "end", "leeway"])?;
    let text = call.only_text()?;
    let length = usize::try_from(whole(call, length.as_ref(), 255)?).unwrap_or(0);
    let leeway = usize::try_from(match &leeway {
        Some(leeway) if leeway.is_none() => 5,
        leeway => whole(call, leeway.as_ref(), 5)?,
    })
    .unwrap_or(0);
    let end = optional_text(end.as_ref())?.unwrap_or_else(|| "...".into());
    if text.chars().count() <= length + leeway {
        return Ok(Value::from(text));
    }
    let kept: String = text
        .chars()
        .take(length.saturating_sub(end.chars().count()))
        .collect();
    let kept = if flag(kill_words.as_ref(), false)? {
        &kept
    } else {
        kept.rsplit_once(' ').map_or(&*kept, |(before, _)| before)
    };
    Ok(Value::from(format!("{kept}{end}")))
}

fn urlencode(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let value = call.value()?;
    let pairs: Vec<(String, String)> = match value.kind() {
        ValueKind::Map => crate::value::convert::entries(&value)
            .iter()
            .map(|(key, value)| (python::to_text(key), python::to_text(value)))
            .collect(),
        ValueKind::Seq => {
            let mut pairs = Vec::new();
            for item in items(&value)? {
                let [key, value] =
                    <[Value; 2]>::try_from(items(&item)?).map_err(|_| call.error("pairs are needed"))?;
                pairs.push((python::to_text(&key), python::to_text(&value)));
            }
            pairs
        }
        _ => return Ok(Value::from(percent_encode(&python::to_text(&value), true))),
    };
    let encoded: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{}={}", percent_encode(key, false), percent_encode(value, false)))
        .collect();
    Ok(Value::from(encoded.join("&")))
}

/// `%20` and `+` become what they stand for; bytes that are no UTF-8 become the sign for that.
fn url_decode(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [] = call.bind([])?;
    let text = call.only_text()?;
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (code, first) {
            (Some(byte), _) => {
                decoded.push(byte);
                rest = &after[2..];
                continue;
            }
            (None, b'+') => decoded.push(b' '),
            (None, other) => decoded.push(*other),
        }
        rest = after;
    }
    Ok(Value::from(String::from_utf8_lossy(&decoded).into_owned()))
}

fn percent_encode(text: &str, keep_slash: bool) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte) || (keep_slash && byte == b'/') {
            encoded.push(char::from(byte));
        } else if !keep_slash && byte == b' ' {
            encoded.push('+');
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn comment(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [style] = call.take(["style"])?;
    let option = |name: &str| -> Result<Option<String>, Error> {
        call.named(name)?
            .map(|value| defined(&value).map(python::to_text))
            .transpose()
    };
    let style = style.as_ref().map_or_else(|| "plain".to_owned(), python::to_text);
    let (beginning, decoration, end) = match style.as_str() {
        "plain" => ("", "# ", ""),
        "erlang" => ("", "% ", ""),
        "c" => ("", "// ", ""),
        "cblock" => ("/*", " * ", " */"),
        "xml" => ("<!--", " - ", "-->"),
        other => return Err(call.error(format!("there is no comment style '{other}'"))),
    };
    let decoration = option("decoration")?.unwrap_or_else(|| decoration.into());
    let bare = decoration.trim_end().to_owned();
    let newline = option("newline")?.unwrap_or_else(|| "\n".into());
    let beginning = option("beginning")?.unwrap_or_else(|| beginning.into());
    let prefix = option("prefix")?.unwrap_or_else(|| bare.clone());
    let postfix = option("postfix")?.unwrap_or_else(|| bare.clone());
    let end = option("end")?.unwrap_or_else(|| end.into());
    let prefix_count = call
        .named("prefix_count")?
        .map_or(Ok(1), |count| whole(call, Some(&count), 1))?;
    let postfix_count = call
        .named("postfix_count")?
        .map_or(Ok(1), |count| whole(call, Some(&count), 1))?;
    call.no_more_names()?;
    let repeat = |text: &str, count: i64| text.repeat(usize::try_from(count).unwrap_or(0));
    let mut result = String::new();
    if !beginning.is_empty() {
        result.extend([&*beginning, &*newline]);
    }
    if prefix == newline {
        result += &repeat(&newline, prefix_count);
    } else if !prefix.is_empty() {
        result += &repeat(&format!("{prefix}{newline}"), prefix_count);
    }
    let text = format!(
        "{decoration}{}",
        call.only_text()?
            .replace(&*newline, &format!("{newline}{decoration}"))
    );
    result += &text.replace(&format!("{decoration}{newline}"), &format!("{bare}{newline}"));
    result += &repeat(&format!("{newline}{postfix}"), postfix_count);
    if !end.is_empty() {
        result.extend([&*newline, &*end]);
    }
    Ok(Value::from(result))
}
