//! A call's arguments, checked against the table of modules as Ansible checks them.

use indexmap::IndexMap;
use serde_json::{Map, Value};
use slipway_protocol::spec::{Kind, ModuleSpec, Parameter};

use crate::accounts;
use crate::answer::Failure;
use crate::python_text::{display, repr};

/// Checked arguments: canonical names, values of the parameters' types, defaults filled in.
#[derive(Debug, Clone, Default)]
pub struct Arguments(Map<String, Value>);

/// Checks a call's arguments. Names that begin with `_` are the runner's own (`_raw_params`, `_original_basename`) and pass.
///
/// # Errors
/// Ansible's message for the first thing that is wrong: an unknown argument, a missing one, a wrong type, a bad choice.
pub fn check(
    spec: &ModuleSpec,
    given: &Map<String, Value>,
    environment: &IndexMap<String, String>,
) -> Result<Arguments, Failure> {
    let mut arguments = Map::new();
    let mut unknown = Vec::new();
    for (name, value) in given {
        match spec.parameter(name) {
            _ if name.starts_with('_') => {
                arguments.insert(name.clone(), value.clone());
            }
            Some(parameter) => {
                // An argument by its own name wins over its alias.
                if name == parameter.name || !given.contains_key(parameter.name) {
                    arguments.insert(parameter.name.to_owned(), value.clone());
                }
            }
            None if spec.takes(name) => {
                arguments.insert(name.clone(), value.clone());
            }
            None => unknown.push(name.as_str()),
        }
    }
    let missing: Vec<&str> = spec
        .parameters
        .iter()
        .filter(|parameter| parameter.required && !arguments.contains_key(parameter.name))
        .map(|parameter| parameter.name)
        .collect();
    if !missing.is_empty() {
        return Err(Failure::new(format!(
            "missing required arguments: {}",
            missing.join(", ")
        )));
    }
    for parameter in spec.parameters {
        let value = match arguments.get(parameter.name) {
            Some(Value::Null) if parameter.required => return Err(null(parameter)),
            None | Some(Value::Null) => match parameter.default {
                Some(default) => default_value(parameter, default),
                None => continue,
            },
            Some(value) => value.clone(),
        };
        let value = coerce(parameter, parameter.kind, value, environment)?;
        arguments.insert(parameter.name.to_owned(), value);
    }
    for parameter in spec.parameters {
        if let Some(value) = arguments.get(parameter.name).cloned() {
            arguments.insert(parameter.name.to_owned(), choose(parameter, value)?);
        }
    }
    // Whatever else is wrong is told before.
    if !unknown.is_empty() {
        return Err(unsupported(spec, &mut unknown));
    }
    Ok(Arguments(arguments))
}

/// A required argument that is given as null.
fn null(parameter: &Parameter) -> Failure {
    let why = match parameter.kind {
        Kind::Str | Kind::Path | Kind::Raw => {
            "'None' is not a string and conversion is not allowed".to_owned()
        }
        kind => format!("<class 'NoneType'> cannot be converted to {}", article(kind)),
    };
    Failure::new(format!(
        "argument '{}' is of type <class 'NoneType'> and we were unable to convert to {}: {why}",
        parameter.name,
        parameter.kind.name()
    ))
}

fn unsupported(spec: &ModuleSpec, unknown: &mut [&str]) -> Failure {
    unknown.sort_unstable();
    let parameters = spec.parameters.iter();
    let mut supported: Vec<&str> = parameters.clone().map(|parameter| parameter.name).collect();
    let mut aliases: Vec<&str> = parameters
        .flat_map(|parameter| parameter.aliases)
        .copied()
        .collect();
    supported.sort_unstable();
    aliases.sort_unstable();
    let aliases = if aliases.is_empty() {
        String::new()
    } else {
        format!(" ({})", aliases.join(", "))
    };
    Failure::new(format!(
        "Unsupported parameters for ({}) module: {}. Supported parameters include: {}{aliases}.",
        spec.name.strip_prefix("ansible.builtin.").unwrap_or(spec.name),
        unknown.join(", "),
        supported.join(", ")
    ))
}

/// The value of a parameter that is not given.
pub(crate) fn default(parameter: &Parameter) -> Option<Value> {
    let value = default_value(parameter, parameter.default?);
    coerce(parameter, parameter.kind, value, &IndexMap::new()).ok()
}

/// A default of the table, which writes lists and mappings as JSON and everything else as text.
fn default_value(parameter: &Parameter, default: &str) -> Value {
    match parameter.kind {
        Kind::List | Kind::Dict => {
            serde_json::from_str(default).unwrap_or_else(|_| Value::String(default.to_owned()))
        }
        _ => Value::String(default.to_owned()),
    }
}

fn coerce(
    parameter: &Parameter,
    kind: Kind,
    value: Value,
    environment: &IndexMap<String, String>,
) -> Result<Value, Failure> {
    let wrong = |value: &Value, why: String| {
        let type_name = python_type(value);
        let is_element = parameter.kind == Kind::List && kind != Kind::List;
        let subject = if is_element {
            "Elements value for option"
        } else {
            "argument"
        };
        Failure::new(format!(
            "{subject} '{}' is of type <class '{type_name}'> and we were unable to convert to {}: {why}",
            parameter.name,
            kind.name()
        ))
    };
    let cannot = |value: &Value| {
        wrong(
            value,
            format!(
                "<class '{}'> cannot be converted to {}",
                python_type(value),
                article(kind)
            ),
        )
    };
    match kind {
        Kind::Raw => Ok(value),
        Kind::Str => Ok(Value::String(display(&value))),
        Kind::Path => Ok(Value::String(expand_path(&display(&value), environment))),
        Kind::Bool => match boolean(&value) {
            Some(flag) => Ok(Value::Bool(flag)),
            None => Err(wrong(
                &value,
                format!(
                    "The value {} is not a valid boolean.  Valid booleans include: {BOOLEANS}",
                    repr(&value)
                ),
            )),
        },
        Kind::Int => integer(&value).map(Value::from).ok_or_else(|| {
            wrong(
                &value,
                format!("\"{}\" cannot be converted to an int", repr(&value)),
            )
        }),
        Kind::Float => match &value {
            Value::Number(_) => Ok(value),
            Value::String(text) => text
                .trim()
                .parse::<f64>()
                .map(Value::from)
                .map_err(|_| cannot(&value)),
            _ => Err(cannot(&value)),
        },
        Kind::List => {
            let items = match value {
                Value::Array(items) => items,
                Value::String(text) => text
                    .split(',')
                    .map(|item| Value::String(item.trim().to_owned()))
                    .collect(),
                value @ (Value::Number(_) | Value::Bool(_)) => vec![Value::String(display(&value))],
                other => return Err(cannot(&other)),
            };
            items
                .into_iter()
                .map(|item| coerce(parameter, parameter.elements, item, environment))
                .collect::<Result<_, _>>()
                .map(Value::Array)
        }
        Kind::Dict => match value {
            Value::Object(_) => Ok(value),
            Value::String(ref text) => mapping(text).map(Value::Object).ok_or_else(|| {
                wrong(
                    &value,
                    "dictionary requested, could not parse JSON or key=value".to_owned(),
                )
            }),
            other => Err(cannot(&other)),
        },
    }
}

const BOOLEANS: &str = "'n', 'on', '1', 'y', 'off', 't', 'f', 'no', 'yes', '0', 'false', 'true'";

fn article(kind: Kind) -> &'static str {
    match kind {
        Kind::Float => "a float",
        Kind::List => "a list",
        Kind::Dict => "a dict",
        Kind::Bool => "a bool",
        Kind::Int | Kind::Str | Kind::Path | Kind::Raw => "a str",
    }
}

fn python_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

/// A boolean as Ansible reads it.
#[must_use]
pub fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_f64() {
            Some(1.0) => Some(true),
            Some(0.0) => Some(false),
            _ => None,
        },
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" | "on" | "1" | "true" | "t" | "1.0" => Some(true),
            "n" | "no" | "off" | "0" | "false" | "f" | "0.0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64()?;
            // ok: a whole number within the range that f64 holds exactly
            #[allow(clippy::cast_possible_truncation)]
            (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
        }),
        Value::Bool(flag) => Some(i64::from(*flag)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A mapping from JSON text, or from `a=1, b=2`.
fn mapping(text: &str) -> Option<Map<String, Value>> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).ok();
    }
    let words = shlex::split(&text.replace(',', " "))?;
    words
        .iter()
        .map(|word| {
            let (key, value) = word.split_once('=')?;
            Some((key.trim().to_owned(), Value::String(value.to_owned())))
        })
        .collect()
}

fn choose(parameter: &Parameter, value: Value) -> Result<Value, Failure> {
    if parameter.choices.is_empty() {
        return Ok(value);
    }
    let choices = parameter.choices.join(", ");
    if let Value::Array(items) = &value {
        let unknown: Vec<String> = items
            .iter()
            .map(display)
            .filter(|item| !parameter.choices.contains(&item.as_str()))
            .collect();
        if unknown.is_empty() {
            return Ok(value);
        }
        return Err(Failure::new(format!(
            "value of {} must be one or more of: {choices}. Got no match for: {}",
            parameter.name,
            unknown.join(", ")
        )));
    }
    let bad = |value: &Value| {
        Failure::new(format!(
            "value of {} must be one of: {choices}, got: {}",
            parameter.name,
            display(value)
        ))
    };
    let text = display(&value);
    if parameter.choices.contains(&text.as_str()) {
        return Ok(value);
    }
    // YAML has made a boolean of a choice that is written `yes` or `no`: the one choice that reads as it is meant.
    let meant = match text.as_str() {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    };
    let mut matching = parameter
        .choices
        .iter()
        .filter(|choice| meant.is_some() && boolean(&Value::String((**choice).to_owned())) == meant);
    match (matching.next(), matching.next()) {
        (Some(choice), None) => Ok(Value::String((*choice).to_owned())),
        _ => Err(bad(&value)),
    }
}

/// `~`, `~user`, `$NAME` and `${NAME}` expanded, as Python's `expanduser(expandvars(…))`.
#[must_use]
pub fn expand_path(path: &str, environment: &IndexMap<String, String>) -> String {
    let expanded = expand_variables(path, environment);
    let Some(rest) = expanded.strip_prefix('~') else {
        return expanded;
    };
    let (user, tail) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let home = if user.is_empty() {
        environment
            .get("HOME")
            .cloned()
            .or_else(|| std::env::var("HOME").ok())
            .or_else(|| accounts::current_user().map(|user| user.home))
    } else {
        accounts::user_by_name(user).map(|user| user.home)
    };
    match home {
        Some(home) => format!("{}{tail}", home.trim_end_matches('/')),
        None => expanded,
    }
}

/// `$NAME` and `${NAME}` replaced; unknown ones stay.
#[must_use]
pub fn expand_variables(text: &str, environment: &IndexMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        let after = &rest[dollar + 1..];
        let (name, used) = if let Some(braced) = after.strip_prefix('{') {
            braced.find('}').map_or(("", 0), |end| (&braced[..end], end + 2))
        } else {
            let end = after
                .find(|character: char| !character.is_ascii_alphanumeric() && character != '_')
                .unwrap_or(after.len());
            (&after[..end], end)
        };
        let value = environment
            .get(name)
            .cloned()
            .or_else(|| std::env::var(name).ok());
        match value {
            Some(value) if !name.is_empty() => out.push_str(&value),
            _ => out.push_str(&rest[dollar..=dollar + used]),
        }
        rest = &after[used..];
    }
    out.push_str(rest);
    out
}

impl Arguments {
    /// The value as it is, unless it is null.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name)?.as_str()
    }

    /// Text of a required parameter, or of one with a default.
    #[must_use]
    pub fn required(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// A flag; false when it is not given and has no default.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.optional_flag(name).unwrap_or(false)
    }

    /// The options of a program that stand for flags which are set.
    #[must_use]
    pub fn options_of_flags(&self, options: &[(&str, &str)]) -> Vec<String> {
        options
            .iter()
            .filter(|(flag, _)| self.flag(flag))
            .map(|(_, option)| (*option).to_owned())
            .collect()
    }

    /// A flag that may be left out.
    #[must_use]
    pub fn optional_flag(&self, name: &str) -> Option<bool> {
        boolean(self.value(name)?)
    }

    /// A whole number.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        integer(self.value(name)?)
    }

    /// A whole number that counts something: seconds, tries.
    #[must_use]
    pub fn count(&self, name: &str) -> Option<u64> {
        u64::try_from(self.integer(name)?).ok()
    }

    /// A list of texts; empty when it is not given.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Some(Value::Array(items)) => items.iter().map(display).collect(),
            _ => Vec::new(),
        }
    }

    /// A mapping.
    #[must_use]
    pub fn mapping(&self, name: &str) -> Option<&Map<String, Value>> {
        self.value(name)?.as_object()
    }

    /// The arguments for another module that does this one's work.
    ///
    /// # Errors
    /// Ansible's message for what that module does not take.
    pub fn handed_on(
        &self,
        to: &ModuleSpec,
        without: &[&str],
        environment: &IndexMap<String, String>,
    ) -> Result<Self, Failure> {
        let mut given = self.0.clone();
        given.retain(|name, value| !value.is_null() && !without.contains(&name.as_str()));
        check(to, &given, environment)
    }

    /// Fails for arguments that are not the module's own, only of one that it could have handed them on to.
    ///
    /// # Errors
    /// Ansible's message that names them.
    pub fn are_of(&self, spec: &ModuleSpec) -> Result<(), Failure> {
        let own = |name: &str| name.starts_with('_') || spec.parameter(name).is_some();
        let mut others: Vec<&str> = self
            .0
            .keys()
            .map(String::as_str)
            .filter(|name| !own(name))
            .collect();
        if others.is_empty() {
            return Ok(());
        }
        Err(unsupported(spec, &mut others))
    }

    /// Replaces a value, for modules that build on another one.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use slipway_protocol::spec::find;

    use super::*;

    fn checked(module: &str, given: &Value) -> Result<Arguments, String> {
        let given = given.as_object().unwrap();
        check(find(module).unwrap(), given, &IndexMap::new()).map_err(|failure| failure.message().to_owned())
    }

    #[test]
    fn aliases_defaults_and_types_are_resolved() {
        let arguments = checked(
            "file",
            &json!({"dest": "/x", "recurse": "yes", "state": "directory", "owner": 12}),
        )
        .unwrap();
        assert_eq!(arguments.required("path"), "/x");
        assert!(arguments.flag("recurse"));
        assert_eq!(arguments.text("owner"), Some("12"));
        assert!(arguments.flag("follow"));
        let arguments = checked("find", &json!({"path": "/a,/b"})).unwrap();
        assert_eq!(arguments.list("paths"), ["/a", "/b"]);
        let arguments = checked("apt", &json!({"upgrade": true})).unwrap();
        assert_eq!(arguments.text("upgrade"), Some("yes"));
    }

    #[test]
    fn wrong_arguments_are_named_as_ansible_names_them() {
        for (module, given, message) in [
            (
                "file",
                json!({"state": "file"}),
                "missing required arguments: path",
            ),
            (
                "ping",
                json!({"dtaa": 1}),
                "Unsupported parameters for (ping) module: dtaa. Supported parameters include: data.",
            ),
            (
                "tempfile",
                json!({"state": "link"}),
                "value of state must be one of: file, directory, got: link",
            ),
            (
                "wait_for",
                json!({"port": "ssh"}),
                "argument 'port' is of type <class 'str'> and we were unable to convert to int: \"'ssh'\" cannot be converted to an int",
            ),
        ] {
            assert_eq!(checked(module, &given).unwrap_err(), message);
        }
        assert!(
            checked("file", &json!({"path": "/x", "recurse": "maybe"}))
                .unwrap_err()
                .contains("'maybe' is not a valid boolean")
        );
    }

    #[test]
    fn paths_expand_home_and_variables_of_the_task() {
        let environment = IndexMap::from([
            ("HOME".to_owned(), "/home/me".to_owned()),
            ("A".to_owned(), "b".to_owned()),
        ]);
        for (path, expanded) in [
            ("~/x", "/home/me/x"),
            ("~", "/home/me"),
            ("/$A/${A}c/$UNKNOWN_NAME_1", "/b/bc/$UNKNOWN_NAME_1"),
            ("/x~y", "/x~y"),
            ("a$", "a$"),
        ] {
            assert_eq!(expand_path(path, &environment), expanded);
        }
    }
}
