//! Filters that read and write times.

use chrono::{FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::call::{Call, flag};
use crate::template::context::Context;
use crate::value::python;
use crate::value::time::{Moment, format_zoned};

pub(super) const FILTERS: super::Table = &[("strftime", format_time), ("to_datetime", to_datetime)];

/// `'%Y-%m-%d' | strftime(seconds, utc)`: the time is now if no seconds are given.
fn format_time(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [seconds, utc] = call.bind(["second", "utc"])?;
    let format = call.only_text()?;
    let instant = match seconds {
        Some(value) if !value.is_none() => {
            let wrong = || {
                call.verbatim(format!(
                    "Invalid value for epoch value ({})",
                    python::to_text(&value)
                ))
            };
            let seconds = match value.kind() {
                ValueKind::Bool => f64::from(u8::from(value.is_true())),
                ValueKind::Number => f64::try_from(value.clone())?,
                ValueKind::String => {
                    super::numbers::python_float(value.as_str().unwrap_or_default()).ok_or_else(wrong)?
                }
                _ => return Err(wrong()),
            };
            #[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
            let whole = (seconds.abs() < 1e15).then_some(seconds.floor() as i64);
            whole
                .and_then(|whole| Utc.timestamp_opt(whole, 0).single())
                .ok_or_else(wrong)?
        }
        _ => {
            Context::of(call.state)?.scope().host().looks_outside();
            Utc::now()
        }
    };
    let zoned = if flag(utc.as_ref(), false)? {
        instant.fixed_offset()
    } else {
        instant.with_timezone(&Local).fixed_offset()
    };
    format_zoned(zoned, &format).map(Value::from)
}

fn to_datetime(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [format] = call.bind(["format"])?;
    let value = call.value()?;
    let Some(text) = value.as_str() else {
        return Err(call.error(format!(
            "strptime() argument 1 must be str, not {}",
            python::type_name(&value)
        )));
    };
    let format = format.map_or_else(
        || "%Y-%m-%d %H:%M:%S".to_owned(),
        |format| python::to_text(&format),
    );
    parse(text, &format)
        .map(Value::from_object)
        .map_err(|message| call.error(message))
}

/// What was read so far.
struct Parsed {
    year: i32,
    month: u32,
    day: u32,
    day_of_year: Option<u32>,
    hour: u32,
    is_afternoon: Option<bool>,
    minute: u32,
    second: u32,
    microsecond: u32,
    offset: Option<FixedOffset>,
}

/// What reading a directive came to.
enum Read<'text> {
    /// It was there; this is the text after it.
    Rest(&'text str),
    /// The text does not fit.
    Mismatch,
    /// There is no such directive.
    Unknown,
}

/// Python's `strptime`.
fn parse(text: &str, format: &str) -> Result<Moment, String> {
    let wrong = || format!("time data '{text}' does not match format '{format}'");
    let mut parsed = Parsed {
        year: 1900,
        month: 1,
        day: 1,
        day_of_year: None,
        hour: 0,
        is_afternoon: None,
        minute: 0,
        second: 0,
        microsecond: 0,
        offset: None,
    };
    let mut rest = text;
    let mut directives = format.chars();
    while let Some(character) = directives.next() {
        if character.is_whitespace() {
            let trimmed = rest.trim_start();
            if trimmed.len() == rest.len() {
                return Err(wrong());
            }
            rest = trimmed;
            continue;
        }
        if character != '%' {
            let mut letters = rest.chars();
            let next = letters.next().ok_or_else(wrong)?;
            if next.to_lowercase().ne(character.to_lowercase()) {
                return Err(wrong());
            }
            rest = letters.as_str();
            continue;
        }
        let directive = directives
            .next()
            .ok_or_else(|| format!("stray %% in format '{format}'"))?;
        rest = match parsed.directive(directive, rest) {
            Read::Rest(after) => after,
            Read::Mismatch => return Err(wrong()),
            Read::Unknown => return Err(format!("'{directive}' is a bad directive in format '{format}'")),
        };
    }
    if !rest.is_empty() {
        return Err(format!("unconverted data remains: {rest}"));
    }
    parsed.moment().ok_or_else(wrong)
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

impl Parsed {
    /// Reads one directive.
    fn directive<'text>(&mut self, directive: char, rest: &'text str) -> Read<'text> {
        let number = |most: usize, limit: u32| -> Option<(u32, &'text str)> {
            let mut length = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
            // As Python's patterns do, a shorter number is taken where the longer one is too large.
            while length > 0 {
                let number: u32 = rest[..length].parse().ok()?;
                if number <= limit {
                    return Some((number, &rest[length..]));
                }
                length -= 1;
            }
            None
        };
        let mut set = |field: fn(&mut Self) -> &mut u32, found: Option<(u32, &'text str)>, least: u32| {
            let (value, after) = found.filter(|(value, _)| *value >= least)?;
            *field(self) = value;
            Some(after)
        };
        let after = match directive {
            '%' => rest.strip_prefix('%'),
            'Y' => {
                let year = rest
                    .get(..4)
                    .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
                year.and_then(|digits| digits.parse().ok()).map(|year| {
                    self.year = year;
                    &rest[4..]
                })
            }
            'y' => {
                let digits = rest
                    .get(..2)
                    .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
                digits.and_then(|digits| digits.parse::<i32>().ok()).map(|year| {
                    self.year = if year < 69 { 2000 + year } else { 1900 + year };
                    &rest[2..]
                })
            }
            'm' => set(|parsed| &mut parsed.month, number(2, 12), 1),
            'd' => set(|parsed| &mut parsed.day, number(2, 31), 1),
            'H' => set(|parsed| &mut parsed.hour, number(2, 23), 0),
            'I' => {
                let after = set(|parsed| &mut parsed.hour, number(2, 12), 1);
                self.is_afternoon.get_or_insert(false);
                after
            }
            'M' => set(|parsed| &mut parsed.minute, number(2, 59), 0),
            'S' => set(|parsed| &mut parsed.second, number(2, 61), 0),
            'j' => {
                let found = number(3, 366).filter(|(day, _)| *day > 0);
                found.map(|(day, after)| {
                    self.day_of_year = Some(day);
                    after
                })
            }
            'f' => {
                let length = rest.bytes().take(6).take_while(u8::is_ascii_digit).count();
                let digits = format!("{:0<6}", &rest[..length]);
                digits.parse().ok().filter(|_| length > 0).map(|microsecond| {
                    self.microsecond = microsecond;
                    &rest[length..]
                })
            }
            'b' | 'B' => name(rest, &MONTHS, directive == 'b').map(|(index, after)| {
                self.month = u32::try_from(index).unwrap_or(0) + 1;
                after
            }),
            'a' | 'A' => name(rest, &DAYS, directive == 'a').map(|(_, after)| after),
            'p' => {
                let half = rest.get(..2).map(str::to_lowercase);
                match half.as_deref() {
                    Some("am") => Some(false),
                    Some("pm") => Some(true),
                    _ => None,
                }
                .map(|is_afternoon| {
                    self.is_afternoon = self.is_afternoon.map(|_| is_afternoon);
                    &rest[2..]
                })
            }
            'z' => self.zone(rest),
            'Z' => ["utc", "gmt"]
                .iter()
                .find(|zone| {
                    rest.get(..3)
                        .is_some_and(|start| start.eq_ignore_ascii_case(zone))
                })
                .map(|_| &rest[3..]),
            _ => return Read::Unknown,
        };
        after.map_or(Read::Mismatch, Read::Rest)
    }

    /// `Z`, `+0100`, `+01:00`
    fn zone<'text>(&mut self, rest: &'text str) -> Option<&'text str> {
        if let Some(after) = rest.strip_prefix('Z') {
            self.offset = FixedOffset::east_opt(0);
            return Some(after);
        }
        let sign = match rest.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        let digits = rest.get(1..)?;
        let hours: i32 = digits.get(..2)?.parse().ok()?;
        let after_hours = &digits[2..];
        let minutes_text = after_hours.strip_prefix(':').unwrap_or(after_hours);
        let minutes: i32 = minutes_text.get(..2)?.parse().ok()?;
        self.offset = Some(FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60))?);
        Some(&minutes_text[2..])
    }

    fn moment(&self) -> Option<Moment> {
        let hour = match self.is_afternoon {
            Some(is_afternoon) => self.hour % 12 + if is_afternoon { 12 } else { 0 },
            None => self.hour,
        };
        let date = match self.day_of_year {
            Some(day) => NaiveDate::from_yo_opt(self.year, day)?,
            None => NaiveDate::from_ymd_opt(self.year, self.month, self.day)?,
        };
        let time = NaiveTime::from_hms_micro_opt(hour, self.minute, self.second, self.microsecond)?;
        Some(Moment::new(NaiveDateTime::new(date, time), self.offset))
    }
}

/// The name, whole or its first three letters, that a text begins with.
fn name<'text>(rest: &'text str, names: &[&str], is_short: bool) -> Option<(usize, &'text str)> {
    names.iter().enumerate().find_map(|(index, name)| {
        let name = if is_short { &name[..3] } else { name };
        let start = rest.get(..name.len())?;
        start
            .eq_ignore_ascii_case(name)
            .then(|| (index, &rest[name.len()..]))
    })
}
