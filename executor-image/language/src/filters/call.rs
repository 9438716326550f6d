//! The arguments of one use of a filter or test, bound as Python binds them.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

use crate::template::TemplateError;
use crate::template::undefined::defined;
use crate::value::convert::check;
use crate::value::python;

/// One use of a filter or test.
pub(crate) struct Call<'call, 'template, 'environment> {
    /// The name, for messages.
    pub(crate) name: &'static str,
    /// The running template.
    pub(crate) state: &'call mut State<'template, 'environment>,
    /// What stands before the bar, and the positional arguments.
    positional: &'call [Value],
    named: Kwargs,
}

impl<'call, 'template, 'environment> Call<'call, 'template, 'environment> {
    pub(crate) fn new(
        name: &'static str,
        state: &'call mut State<'template, 'environment>,
        positional: &'call [Value],
        named: Kwargs,
    ) -> Self {
        Self {
            name,
            state,
            positional,
            named,
        }
    }

    /// What stands before the bar; may be undefined.
    pub(crate) fn input(&self) -> Result<Value, Error> {
        check(self.positional.first().cloned().unwrap_or(Value::UNDEFINED))
    }

    /// What stands before the bar; undefined is an error.
    pub(crate) fn value(&self) -> Result<Value, Error> {
        let value = self.input()?;
        defined(&value)?;
        Ok(value)
    }

    /// The input as text; whatever it is, as Python's `str()` prints it.
    pub(crate) fn text(&self) -> Result<String, Error> {
        Ok(python::to_text(&self.value()?))
    }

    /// The input, which must be text.
    pub(crate) fn only_text(&self) -> Result<String, Error> {
        let value = self.value()?;
        match value.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(self.error(format!("a text is needed, not '{}'", python::type_name(&value)))),
        }
    }

    /// The items of the input.
    pub(crate) fn items(&self) -> Result<Vec<Value>, Error> {
        items(&self.value()?)
    }

    /// Positional arguments after the input, beyond those that have names.
    pub(crate) fn rest(&self, named: usize) -> Result<Vec<Value>, Error> {
        self.positional
            .iter()
            .skip(1 + named)
            .cloned()
            .map(check)
            .collect()
    }

    /// Binds arguments to parameters; what is not given is nothing. Unknown and surplus arguments are errors.
    pub(crate) fn bind<const COUNT: usize>(
        &self,
        names: [&str; COUNT],
    ) -> Result<[Option<Value>; COUNT], Error> {
        if self.positional.len() > COUNT + 1 {
            return Err(self.error(format!(
                "takes at most {COUNT} argument(s), {} are given",
                self.positional.len().saturating_sub(1)
            )));
        }
        let bound = self.take(names)?;
        self.no_more_names()?;
        Ok(bound)
    }

    /// Binds the first arguments; more positional ones are allowed, see [`rest`](Self::rest).
    pub(crate) fn take<const COUNT: usize>(
        &self,
        names: [&str; COUNT],
    ) -> Result<[Option<Value>; COUNT], Error> {
        let mut bound = [const { None }; COUNT];
        for (index, name) in names.iter().enumerate() {
            let value = match self.positional.get(index + 1) {
                Some(value) => Some(value.clone()),
                None if self.named.has(name) => Some(self.named.get::<Value>(name)?),
                None => None,
            };
            bound[index] = value.map(check).transpose()?;
        }
        Ok(bound)
    }

    /// Binds arguments to parameters of which there are no more by place, though perhaps by name.
    pub(crate) fn bind_some<const COUNT: usize>(
        &self,
        names: [&str; COUNT],
    ) -> Result<[Option<Value>; COUNT], Error> {
        if self.positional.len() > COUNT + 1 {
            return Err(self.error(format!("takes at most {COUNT} argument(s) by place")));
        }
        self.take(names)
    }

    /// An argument that is given by name.
    pub(crate) fn named(&self, name: &str) -> Result<Option<Value>, Error> {
        if self.named.has(name) {
            self.named.get::<Value>(name).map(Some)
        } else {
            Ok(None)
        }
    }

    /// All arguments given by name, as a mapping; nothing if there are none.
    pub(crate) fn all_named(&self) -> Result<Option<Value>, Error> {
        let names: Vec<&str> = self.named.args().collect();
        if names.is_empty() {
            return Ok(None);
        }
        let entries = names
            .into_iter()
            .map(|name| Ok((name.to_owned(), self.named.get::<Value>(name)?)))
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(Some(crate::value::convert::map(entries)))
    }

    /// Fails if an argument was given by a name that nobody asked for.
    pub(crate) fn no_more_names(&self) -> Result<(), Error> {
        self.named
            .assert_all_used()
            .map_err(|error| self.error(error.detail().unwrap_or("unknown argument").to_owned()))
    }

    /// An error in Ansible's words, which do not name the filter: playbooks compare them.
    #[expect(clippy::unused_self, reason = "as `error`, of which it is a kind")]
    pub(crate) fn verbatim(&self, message: impl Into<String>) -> Error {
        TemplateError::new(message).into()
    }

    /// The same about a value of a type that the filter does not take: Ansible tells the template, too.
    #[expect(clippy::unused_self, reason = "as `error`, of which it is a kind")]
    pub(crate) fn wrong_type(&self, message: impl Into<String>) -> Error {
        wrong_type(message)
    }

    /// An error that names the filter.
    pub(crate) fn error(&self, message: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::InvalidOperation, format!("{}: {message}", self.name))
    }
}

fn wrong_type(message: impl Into<String>) -> Error {
    TemplateError::of_type(message).into()
}

/// The items of anything that Python iterates over; an undefined or unrendered item is an error when it is used, not here.
pub(crate) fn items(value: &Value) -> Result<Vec<Value>, Error> {
    defined(value)?;
    match value.kind() {
        ValueKind::None | ValueKind::Bool | ValueKind::Number => Err(wrong_type(format!(
            "'{}' object is not iterable",
            crate::value::python::type_name(value)
        ))),
        _ => value.try_iter()?.map(check).collect(),
    }
}

/// Python's truth of an argument; the default if it is not given.
pub(crate) fn flag(argument: Option<&Value>, default: bool) -> Result<bool, Error> {
    argument.map_or(Ok(default), |value| defined(value).map(Value::is_true))
}
