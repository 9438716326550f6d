//! What goes wrong in templates, said so that a person understands it.

use std::fmt;

use minijinja::ErrorKind;

use crate::span::Span;

/// A template that cannot be compiled or rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// What is wrong, with the name of the variable or filter.
    pub message: String,
    /// Where the template stands, as far as it is known.
    pub span: Option<Span>,
    /// The variable that has no value, if that is the cause.
    pub undefined: Option<String>,
    /// Whether something has no value, though its name may not be known.
    pub(crate) is_of_undefined: bool,
    /// Whether a value is of a type that is not taken.
    pub(crate) is_of_type: bool,
    /// Whether the message tells where it is from as Ansible's does: then the place belongs to it.
    pub is_placed: bool,
    /// A variable that has one and is named much like it.
    pub nearest: Option<String>,
    /// The line of the template, for those that have several.
    pub(crate) line: Option<u32>,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        if let Some(span) = &self.span {
            write!(formatter, " ({span})")?;
        }
        formatter.write_str(&self.hint())
    }
}

impl TemplateError {
    /// An error with a message only.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            span: None,
            undefined: None,
            is_of_undefined: false,
            is_of_type: false,
            is_placed: false,
            nearest: None,
            line: None,
        }
    }

    /// An error about the type of a value.
    pub(crate) fn of_type(message: impl Into<String>) -> Self {
        Self {
            is_of_type: true,
            ..Self::new(message)
        }
    }

    /// The same with the template that it is from, of which Ansible tells with an error about a type.
    pub(super) fn in_template(mut self, text: &str) -> Self {
        if std::mem::take(&mut self.is_of_type) {
            let said = &self.message;
            self.message = format!("Unexpected templating type error occurred on ({text}): {said}. {said}");
        }
        self
    }

    /// The exception of Python's that this is, where Ansible does not say it in words of its own.
    pub fn exception(&self) -> Option<&'static str> {
        (self.message == DIVISION_BY_ZERO).then_some("ZeroDivisionError")
    }

    /// What a parser says.
    pub(super) fn from_syntax(error: &minijinja::Error) -> Self {
        let detail = error.detail().unwrap_or_default();
        Self {
            line: error.line().and_then(|line| u32::try_from(line).ok()),
            is_placed: true,
            ..Self::new(format!("syntax error in template: {detail}"))
        }
    }

    /// The same error, if it is that something has no value.
    #[must_use]
    pub fn of_undefined(self) -> Self {
        Self {
            undefined: Some(String::new()),
            is_of_undefined: true,
            ..self
        }
    }

    /// What to do about it, to be said behind the place.
    pub fn hint(&self) -> String {
        self.nearest
            .as_ref()
            .map_or_else(String::new, |near| format!(". Did you mean '{near}'?"))
    }

    /// Whether something undefined is used that no name leads to.
    pub(super) fn is_nameless(&self) -> bool {
        self.message == NAMELESS
    }

    /// The error with its place, if it has none yet.
    #[must_use]
    pub fn at(mut self, span: &Span) -> Self {
        self.span.get_or_insert_with(|| span.clone());
        self
    }
}

/// Carried through minijinja as the source of an error, so that nothing is lost between a variable's template and
/// the template that named the variable.
impl From<TemplateError> for minijinja::Error {
    fn from(error: TemplateError) -> Self {
        let kind = if error.undefined.is_some() {
            ErrorKind::UndefinedError
        } else {
            ErrorKind::InvalidOperation
        };
        Self::new(kind, error.message.clone()).with_source(error)
    }
}

impl From<minijinja::Error> for TemplateError {
    fn from(error: minijinja::Error) -> Self {
        let mut source = std::error::Error::source(&error);
        while let Some(current) = source {
            if let Some(found) = current.downcast_ref::<Self>() {
                return found.clone();
            }
            source = current.source();
        }
        let error = innermost(&error);
        let detail = error.detail().unwrap_or_default();
        let undefined = match error.kind() {
            ErrorKind::UndefinedError | ErrorKind::UnknownMethod | ErrorKind::InvalidOperation => {
                undefined_name(detail)
            }
            _ => None,
        };
        let message = match (&undefined, error.kind()) {
            (Some(name), _) => format!("'{name}' is undefined"),
            (None, ErrorKind::UndefinedError) if detail.is_empty() => NAMELESS.to_owned(),
            (None, ErrorKind::InvalidOperation) if is_division_by_zero(detail) => DIVISION_BY_ZERO.to_owned(),
            (None, ErrorKind::SyntaxError) => format!("syntax error in template: {detail}"),
            (None, ErrorKind::OutOfFuel) => {
                "the template takes too long: more steps than any playbook needs".to_owned()
            }
            (None, kind) if detail.is_empty() => kind.to_string(),
            _ => detail.to_owned(),
        };
        // A function or a method that is not there is something undefined that is called.
        let is_of_undefined = undefined.is_some()
            || matches!(
                error.kind(),
                ErrorKind::UndefinedError | ErrorKind::UnknownMethod | ErrorKind::UnknownFunction
            );
        // Of what no name leads to, the name is empty.
        let nameless = || (error.kind() == ErrorKind::UndefinedError).then(String::new);
        let line = error.line().and_then(|line| u32::try_from(line).ok());
        // A line of a template that was loaded is none of the one that is rendered.
        let loaded = error.name().filter(|name| *name != PROGRAM);
        Self {
            message: loaded.map_or_else(|| message.clone(), |name| in_file(&message, name, line)),
            span: None,
            undefined: undefined.or_else(nameless),
            is_of_undefined,
            is_of_type: false,
            is_placed: false,
            nearest: None,
            line: line.filter(|_| loaded.is_none()),
        }
    }
}

/// What went wrong in a template that another one has loaded: minijinja tells of it as of an error in that template.
fn innermost(mut error: &minijinja::Error) -> &minijinja::Error {
    while let ErrorKind::BadInclude | ErrorKind::EvalBlock = error.kind()
        && let Some(cause) = std::error::Error::source(error).and_then(<dyn std::error::Error>::downcast_ref)
    {
        error = cause;
    }
    error
}

/// The name of every template but those that others load.
pub(super) const PROGRAM: &str = "template";

/// A message about a place in a template that another one has loaded.
pub(super) fn in_file(message: &str, name: &str, line: Option<u32>) -> String {
    let line = line.map_or_else(String::new, |line| format!(" line {line}"));
    format!("{message} (in {name}{line})")
}

/// What is said of something undefined that has no name.
const NAMELESS: &str = "a value is undefined";

/// What Python says.
const DIVISION_BY_ZERO: &str = "division by zero";

fn is_division_by_zero(detail: &str) -> bool {
    let operands = detail.strip_prefix("unable to calculate ").unwrap_or_default();
    [" / 0", " // 0", " % 0"]
        .iter()
        .any(|division| operands.ends_with(division))
}

/// The expression that minijinja found undefined, from its message "`a.b` is undefined".
fn undefined_name(detail: &str) -> Option<String> {
    let before = &detail[..detail.find("` is undefined")?];
    Some(before[before.rfind('`')? + 1..].to_owned())
}
