//! What a plain YAML 1.1 scalar means, by the rules of PyYAML (its `resolver.py` and `constructor.py`).

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

use crate::node::NodeKind;

static INTEGER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$",
    )
});
static FLOAT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
    )
});
static TIMESTAMP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(\d{4})-(\d\d?)-(\d\d?)(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(Z|([-+])(\d\d?)(?::?(\d\d))?))?$",
    )
});

#[expect(
    clippy::expect_used,
    reason = "the patterns are constants; a test compiles them"
)]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern compiles")
}

/// The value of a plain (unquoted, untagged) scalar.
pub fn resolve(text: &str) -> NodeKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return NodeKind::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return NodeKind::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return NodeKind::Bool(false);
        }
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.')) {
        return NodeKind::Str(text.into());
    }
    integer(text)
        .or_else(|| float(text))
        .or_else(|| timestamp(text))
        .unwrap_or_else(|| NodeKind::Str(text.into()))
}

/// The value of a scalar that PyYAML takes for an integer. One that does not fit 64 bits keeps its digits as text.
pub fn integer(text: &str) -> Option<NodeKind> {
    if !INTEGER.is_match(text) {
        return None;
    }
    let clean = text.replace('_', "");
    let (sign, digits) = match clean.strip_prefix('-') {
        Some(rest) => (-1_i128, rest),
        None => (1, clean.strip_prefix('+').unwrap_or(&clean)),
    };
    let magnitude = if digits == "0" {
        Some(0)
    } else if let Some(binary) = digits.strip_prefix("0b") {
        i128::from_str_radix(binary, 2).ok()
    } else if let Some(hexadecimal) = digits.strip_prefix("0x") {
        i128::from_str_radix(hexadecimal, 16).ok()
    } else if digits.starts_with('0') {
        i128::from_str_radix(digits, 8).ok()
    } else if digits.contains(':') {
        digits.split(':').try_fold(0_i128, |total, part| {
            Some(total.checked_mul(60)? + part.parse::<i128>().ok()?)
        })
    } else {
        digits.parse().ok()
    };
    let value = magnitude.and_then(|magnitude| i64::try_from(sign * magnitude).ok());
    Some(value.map_or_else(|| NodeKind::Str(text.into()), NodeKind::Int))
}

/// The value of a scalar that PyYAML takes for a float: it needs a decimal point.
pub fn float(text: &str) -> Option<NodeKind> {
    if !FLOAT.is_match(text) {
        return None;
    }
    let clean = text.replace('_', "").to_lowercase();
    let (sign, digits) = match clean.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, clean.strip_prefix('+').unwrap_or(&clean)),
    };
    let magnitude = match digits {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        _ if digits.contains(':') => digits
            .split(':')
            .try_fold(0.0, |total, part| Some(total * 60.0 + part.parse::<f64>().ok()?))?,
        _ => digits.parse().ok()?,
    };
    Some(NodeKind::Float(sign * magnitude))
}

/// Whether PyYAML takes a text for a date with a time.
pub fn is_timestamp(text: &str) -> bool {
    TIMESTAMP.is_match(text)
}

/// A date stays as it is written; a date with a time becomes the text that Python prints for it.
fn timestamp(text: &str) -> Option<NodeKind> {
    let parts = TIMESTAMP.captures(text)?;
    let number = |group: usize| {
        parts
            .get(group)
            .and_then(|found| found.as_str().parse::<u32>().ok())
            .unwrap_or(0)
    };
    let mut shown = format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        number(1),
        number(2),
        number(3),
        number(4),
        number(5),
        number(6)
    );
    let fraction = parts.get(7).map_or("", |found| found.as_str());
    let microseconds: String = fraction.chars().chain("000000".chars()).take(6).collect();
    if microseconds != "000000" {
        shown.push('.');
        shown.push_str(&microseconds);
    }
    match (parts.get(8), parts.get(9)) {
        (Some(_), Some(sign)) => {
            // Writing to a String cannot fail.
            let _ = write!(shown, "{}{:02}:{:02}", sign.as_str(), number(10), number(11));
        }
        (Some(_), None) => shown.push_str("+00:00"),
        _ => {}
    }
    Some(NodeKind::Str(shown.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_pyyaml_says() {
        let text = |text: &str| NodeKind::Str(text.into());
        for (source, expected) in [
            ("yes", NodeKind::Bool(true)),
            ("Off", NodeKind::Bool(false)),
            ("y", text("y")),
            ("0644", NodeKind::Int(420)),
            ("0o17", text("0o17")),
            ("0x1F", NodeKind::Int(31)),
            ("-0b101", NodeKind::Int(-5)),
            ("1_000", NodeKind::Int(1000)),
            ("12:30", NodeKind::Int(750)),
            ("12:30:00", NodeKind::Int(45000)),
            ("08", text("08")),
            ("1e3", text("1e3")),
            ("1e+3", text("1e+3")),
            ("1.0e+3", NodeKind::Float(1000.0)),
            ("1.5", NodeKind::Float(1.5)),
            ("1.", NodeKind::Float(1.0)),
            (".5", NodeKind::Float(0.5)),
            ("-.inf", NodeKind::Float(f64::NEG_INFINITY)),
            ("1.2.3", text("1.2.3")),
            ("~", NodeKind::Null),
            ("", NodeKind::Null),
            ("none", text("none")),
            ("-", text("-")),
            ("+", text("+")),
            ("2001-01-01", text("2001-01-01")),
            (
                "2001-12-14T21:59:43.10-05:00",
                text("2001-12-14 21:59:43.100000-05:00"),
            ),
            ("2001-12-14 21:59:43Z", text("2001-12-14 21:59:43+00:00")),
            ("12345678901234567890", text("12345678901234567890")),
            ("9223372036854775807", NodeKind::Int(i64::MAX)),
        ] {
            assert_eq!(resolve(source), expected, "{source}");
        }
    }
}
