//! Filters about paths of Windows.

use minijinja::value::Tuple;
use minijinja::{Error, Value};

use super::call::Call;

pub(super) const FILTERS: super::Table = &[
    ("win_basename", |call| {
        let path = text(call)?;
        let (_, rest) = split_drive(&path);
        let start = rest.rfind(['\\', '/']).map_or(0, |place| place + 1);
        Ok(Value::from(&rest[start..]))
    }),
    ("win_dirname", |call| {
        let path = text(call)?;
        let (drive, rest) = split_drive(&path);
        let end = rest.rfind(['\\', '/']).map_or(0, |place| place + 1);
        let head = &rest[..end];
        let trimmed = head.trim_end_matches(['\\', '/']);
        let head = if trimmed.is_empty() { head } else { trimmed };
        Ok(Value::from(format!("{drive}{head}")))
    }),
    ("win_splitdrive", |call| {
        let path = text(call)?;
        let (drive, rest) = split_drive(&path);
        Ok(Value::from(Tuple::from([Value::from(drive), Value::from(rest)])))
    }),
];

fn text(call: &Call<'_, '_, '_>) -> Result<String, Error> {
    let [] = call.bind([])?;
    let value = call.value()?;
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| call.error("expected str, bytes or os.PathLike object"))
}

/// A letter with a colon or the name of a share (`\\host\mount`), and the rest.
fn split_drive(path: &str) -> (&str, &str) {
    let is_separator = |byte: Option<&u8>| matches!(byte, Some(b'\\' | b'/'));
    let bytes = path.as_bytes();
    if is_separator(bytes.first()) && is_separator(bytes.get(1)) && !is_separator(bytes.get(2)) {
        let Some(host_end) = path[2..].find(['\\', '/']).map(|place| place + 2) else {
            return ("", path);
        };
        return match path[host_end + 1..].find(['\\', '/']) {
            Some(0) => ("", path),
            Some(place) => path.split_at(host_end + 1 + place),
            None => (path, ""),
        };
    }
    if bytes.get(1) == Some(&b':') {
        return path.split_at(2);
    }
    ("", path)
}
