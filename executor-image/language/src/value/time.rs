//! Python's `datetime`, `date` and `timedelta`, as templates use them.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, Datelike, FixedOffset, Local, NaiveDateTime, TimeDelta, Timelike, Utc};
use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::python;

/// A point in time, or a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    time: NaiveDateTime,
    /// How far local time is ahead; nothing for a time that knows no time zone.
    offset: Option<FixedOffset>,
    /// Whether this is a day and no more.
    is_day: bool,
}

/// The time between two points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Duration(TimeDelta);

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// Whether a text holds only directives that can be formatted; others would end the program.
fn checked_format(format: &str) -> Result<String, Error> {
    // Python's `%f` are microseconds, chrono's nanoseconds.
    let format = format.replace("%f", "%6f");
    let is_wrong =
        chrono::format::StrftimeItems::new(&format).any(|item| matches!(item, chrono::format::Item::Error));
    if is_wrong {
        return Err(failed(format!("'{format}' is no valid format of a time")));
    }
    Ok(format)
}

/// The text of a point in time with a zone, as C's `strftime` writes it.
pub(crate) fn format_zoned(time: DateTime<FixedOffset>, format: &str) -> Result<String, Error> {
    let format = checked_format(format)?;
    // chrono has no names of zones but the difference to UTC.
    let format = if time.offset().local_minus_utc() == 0 {
        format.replace("%Z", "UTC")
    } else {
        format
    };
    Ok(time.format(&format).to_string())
}

/// A point in time as Python's `datetime` of local time, which knows no zone.
pub fn local_time(time: SystemTime) -> Value {
    let local = DateTime::<Local>::from(time).naive_local();
    Value::from_object(Moment::new(local, None))
}

/// A point in local time as C's `strftime` writes it; nothing if the format is none.
pub fn format_local(time: SystemTime, format: &str) -> Option<String> {
    format_zoned(DateTime::<Local>::from(time).fixed_offset(), format).ok()
}

impl Moment {
    pub(crate) fn new(time: NaiveDateTime, offset: Option<FixedOffset>) -> Self {
        Self {
            time,
            offset,
            is_day: false,
        }
    }

    /// Python's `strftime`.
    pub(crate) fn format(&self, format: &str) -> Result<String, Error> {
        let Some(offset) = self.offset else {
            let format = checked_format(&format.replace("%z", "").replace("%Z", ""))?;
            return Ok(self.time.format(&format).to_string());
        };
        let zoned = self.time.and_local_timezone(offset).single();
        zoned.map_or_else(
            || Err(failed("the time does not exist")),
            |zoned| format_zoned(zoned, format),
        )
    }

    fn instant(&self) -> NaiveDateTime {
        self.offset.map_or(self.time, |offset| self.time - offset)
    }

    fn iso(&self, separator: &str) -> String {
        let date = self.time.format("%Y-%m-%d");
        if self.is_day {
            return date.to_string();
        }
        let fraction = match self.time.nanosecond() / 1000 {
            0 => String::new(),
            microseconds => format!(".{microseconds:06}"),
        };
        let offset = self.offset.map_or_else(String::new, |offset| offset.to_string());
        format!(
            "{date}{separator}{}{fraction}{offset}",
            self.time.format("%H:%M:%S")
        )
    }

    pub(crate) fn repr(&self) -> String {
        let (date, time) = (self.time.date(), self.time.time());
        let mut parts = vec![
            date.year().to_string(),
            date.month().to_string(),
            date.day().to_string(),
        ];
        if self.is_day {
            return format!("datetime.date({})", parts.join(", "));
        }
        parts.extend([time.hour().to_string(), time.minute().to_string()]);
        let microseconds = time.nanosecond() / 1000;
        if time.second() > 0 || microseconds > 0 {
            parts.push(time.second().to_string());
        }
        if microseconds > 0 {
            parts.push(microseconds.to_string());
        }
        match self.offset.map(|offset| offset.local_minus_utc()) {
            Some(0) => parts.push("tzinfo=datetime.timezone.utc".into()),
            Some(seconds) => parts.push(format!(
                "tzinfo=datetime.timezone({})",
                Duration(TimeDelta::seconds(seconds.into())).repr()
            )),
            None => {}
        }
        format!("datetime.datetime({})", parts.join(", "))
    }
}

impl Duration {
    /// Days, seconds of the last day, microseconds; only the days may be negative.
    fn parts(self) -> (i64, i64, i64) {
        let microseconds = self.microseconds();
        let seconds = microseconds.div_euclid(1_000_000);
        (
            seconds.div_euclid(86_400),
            seconds.rem_euclid(86_400),
            microseconds.rem_euclid(1_000_000),
        )
    }

    fn microseconds(self) -> i64 {
        self.0.num_microseconds().unwrap_or(i64::MAX)
    }

    pub(crate) fn repr(self) -> String {
        let (days, seconds, microseconds) = self.parts();
        let parts: Vec<String> = [
            ("days", days),
            ("seconds", seconds),
            ("microseconds", microseconds),
        ]
        .into_iter()
        .filter(|(_, count)| *count != 0)
        .map(|(name, count)| format!("{name}={count}"))
        .collect();
        let shown = if parts.is_empty() {
            "0".to_owned()
        } else {
            parts.join(", ")
        };
        format!("datetime.timedelta({shown})")
    }
}

/// `left - right`, if at least one of them is a time.
pub(crate) fn subtract(left: &Value, right: &Value) -> Option<Result<Value, Error>> {
    let moments = (
        left.downcast_object_ref::<Moment>(),
        right.downcast_object_ref::<Moment>(),
    );
    let durations = (
        left.downcast_object_ref::<Duration>(),
        right.downcast_object_ref::<Duration>(),
    );
    Some(match (moments, durations) {
        ((Some(left), Some(right)), _) => {
            if left.offset.is_some() != right.offset.is_some() {
                Err(failed("can't subtract offset-naive and offset-aware datetimes"))
            } else if left.is_day == right.is_day {
                Ok(Value::from_object(Duration(left.instant() - right.instant())))
            } else {
                return None;
            }
        }
        ((Some(moment), None), (None, Some(duration))) => {
            let time = moment.time.checked_sub_signed(duration.0);
            time.map(|time| Value::from_object(Moment { time, ..*moment }))
                .ok_or_else(|| failed("date value out of range"))
        }
        (_, (Some(left), Some(right))) => Ok(Value::from_object(Duration(left.0 - right.0))),
        _ => return None,
    })
}

/// The order of two times; nothing if they have none.
pub(crate) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (
        left.downcast_object_ref::<Moment>(),
        right.downcast_object_ref::<Moment>(),
    ) {
        let comparable = left.offset.is_some() == right.offset.is_some() && left.is_day == right.is_day;
        return comparable.then(|| left.instant().cmp(&right.instant()));
    }
    let left = left.downcast_object_ref::<Duration>()?;
    let right = right.downcast_object_ref::<Duration>()?;
    Some(left.0.cmp(&right.0))
}

/// How Python prints a time inside of a list; nothing for other objects.
pub(crate) fn repr(value: &Value) -> Option<String> {
    if let Some(moment) = value.downcast_object_ref::<Moment>() {
        return Some(moment.repr());
    }
    value
        .downcast_object_ref::<Duration>()
        .map(|duration| duration.repr())
}

/// The name of the Python type of a time; nothing for other objects.
pub(crate) fn type_name(value: &Value) -> Option<&'static str> {
    if let Some(moment) = value.downcast_object_ref::<Moment>() {
        return Some(if moment.is_day { "date" } else { "datetime" });
    }
    value.downcast_object_ref::<Duration>().map(|_| "timedelta")
}

impl Object for Moment {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let (date, time) = (self.time.date(), self.time.time());
        Some(match key.as_str()? {
            "year" => date.year().into(),
            "month" => date.month().into(),
            "day" => date.day().into(),
            "hour" if !self.is_day => time.hour().into(),
            "minute" if !self.is_day => time.minute().into(),
            "second" if !self.is_day => time.second().into(),
            "microsecond" if !self.is_day => (time.nanosecond() / 1000).into(),
            _ => return None,
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        name: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        let text = |index: usize| arguments.get(index).map(python::to_text);
        Ok(match name {
            "strftime" => {
                let format = text(0).ok_or_else(|| failed("strftime needs a format"))?;
                self.format(&format)?.into()
            }
            "isoformat" => self.iso(&text(0).unwrap_or_else(|| "T".into())).into(),
            "weekday" => self.time.weekday().num_days_from_monday().into(),
            "isoweekday" => self.time.weekday().number_from_monday().into(),
            "date" if !self.is_day => Value::from_object(Self {
                time: self.time.date().and_time(chrono::NaiveTime::MIN),
                offset: None,
                is_day: true,
            }),
            "timestamp" if !self.is_day => {
                let instant = match self.offset {
                    Some(_) => self.instant().and_utc(),
                    // Python takes a time without a zone for local time.
                    None => self
                        .time
                        .and_local_timezone(chrono::Local)
                        .earliest()
                        .map(|local| local.with_timezone(&Utc))
                        .ok_or_else(|| failed("the time does not exist"))?,
                };
                #[expect(clippy::cast_precision_loss, reason = "Python's timestamps are floats")]
                let seconds = instant.timestamp_micros() as f64 / 1e6;
                seconds.into()
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        order(
            &Value::from_dyn_object(Arc::clone(self)),
            &Value::from_dyn_object(other.clone()),
        )
    }

    fn render(self: &Arc<Self>, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.iso(" "))
    }
}

impl Object for Duration {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let (days, seconds, microseconds) = self.parts();
        Some(match key.as_str()? {
            "days" => days.into(),
            "seconds" => seconds.into(),
            "microseconds" => microseconds.into(),
            _ => return None,
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.0.is_zero()
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, name: &str, _: &[Value]) -> Result<Value, Error> {
        if name != "total_seconds" {
            return Err(Error::from(ErrorKind::UnknownMethod));
        }
        #[expect(clippy::cast_precision_loss, reason = "Python's total_seconds is a float")]
        let seconds = self.microseconds() as f64 / 1e6;
        Ok(seconds.into())
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        order(
            &Value::from_dyn_object(Arc::clone(self)),
            &Value::from_dyn_object(other.clone()),
        )
    }

    fn render(self: &Arc<Self>, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds, microseconds) = self.parts();
        if days != 0 {
            let plural = if days.abs() == 1 { "" } else { "s" };
            write!(formatter, "{days} day{plural}, ")?;
        }
        write!(
            formatter,
            "{}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )?;
        if microseconds != 0 {
            write!(formatter, ".{microseconds:06}")?;
        }
        Ok(())
    }
}
