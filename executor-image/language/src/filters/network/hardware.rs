//! Hardware addresses.

use minijinja::{Error, Value};

use crate::filters::call::Call;
use crate::template::undefined::defined;
use crate::value::python;

/// The number of a hardware address in any of the usual ways of writing it.
pub(super) fn parse(text: &str) -> Option<u64> {
    let groups: Vec<&str> = text.split([':', '-', '.']).collect();
    let width = match groups.len() {
        1 => 12,
        2 => 6,
        3 => 4,
        6 => 2,
        _ => return None,
    };
    let mut digits = String::new();
    for group in groups {
        let is_fitting = if width == 12 {
            group.len() == width
        } else {
            (1..=width).contains(&group.len())
        };
        if !is_fitting || !group.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        digits.extend(std::iter::repeat_n('0', width - group.len()));
        digits.push_str(group);
    }
    u64::from_str_radix(&digits, 16).ok()
}

/// `hwaddr` and `macaddr`.
pub(super) fn hardware_address(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [query, _] = call.bind(["query", "alias"])?;
    let query = query.map_or(Ok(String::new()), |query| defined(&query).map(python::to_text))?;
    let value = call.value()?;
    let written = python::to_text(&value);
    let parsed = parse(&written);
    let Some(number) = parsed else {
        if matches!(&*query, "" | "bool") {
            return Ok(Value::from(()));
        }
        return Err(call.error(format!("not a hardware address: {written}")));
    };
    match &*query {
        "" => return Ok(value),
        "bool" => return Ok(Value::from(true)),
        _ => {}
    }
    show(number, &query).ok_or_else(|| call.error(format!("unknown filter type: {query}")))
}

fn show(number: u64, query: &str) -> Option<Value> {
    let digits = format!("{number:012x}");
    let groups = |width: usize, separator: &str| {
        let groups: Vec<&str> = (0..12)
            .step_by(width)
            .map(|start| &digits[start..start + width])
            .collect();
        groups.join(separator)
    };
    Some(match query {
        "bare" => Value::from(digits.to_uppercase()),
        "cisco" => Value::from(groups(4, ".")),
        "eui48" | "win" => Value::from(groups(2, "-").to_uppercase()),
        "int" => Value::from(number),
        "linux" => Value::from(groups(2, ":")),
        "pgsql" | "postgresql" | "psql" => Value::from(groups(6, ":")),
        "unix" => {
            let bytes: Vec<String> = number.to_be_bytes()[2..]
                .iter()
                .map(|byte| format!("{byte:x}"))
                .collect();
            Value::from(bytes.join(":"))
        }
        _ => return None,
    })
}
