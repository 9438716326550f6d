//! `validate_argument_spec`: whether variables are what a role says that it takes.

mod rules;
mod types;

pub(super) use types::class;

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{ActionContext, Arguments, ResultMap, failure, map};

type Spec = Map<String, Value>;

pub(super) fn run(context: &ActionContext<'_>, args: &Arguments) -> ResultMap {
    let about = args
        .get("validate_args_context")
        .cloned()
        .unwrap_or_else(|| json!({}));
    let Some(Value::Object(spec)) = args.get("argument_spec") else {
        return failure("\"argument_spec\" arg is required in args: it must be a mapping");
    };
    let mut given = Map::new();
    for name in spec.keys() {
        let item = context.item;
        match item.scope.get(&item.play.run.templar, name) {
            Ok(Some(value)) => {
                given.insert(name.clone(), slipway_language::to_json(&value));
            }
            Ok(None) => {}
            Err(error) => {
                return failure(format!(
                    "The task includes an option with an undefined variable. The error was: {}",
                    error.message
                ));
            }
        }
    }
    if let Some(Value::Object(provided)) = args.get("provided_arguments") {
        given.extend(provided.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    let errors = Validation::of(spec, &Map::new(), given).errors;
    if errors.is_empty() {
        return map(json!({
            "changed": false, "msg": "The arg spec validation passed", "validate_args_context": about,
        }));
    }
    map(json!({
        "changed": false,
        "failed": true,
        "msg": format!("Validation of arguments failed:\n{}", errors.join("\n")),
        "argument_errors": errors,
        "argument_spec_data": spec,
        "validate_args_context": about,
    }))
}

/// The arguments of a task as its action takes them: converted, with the defaults.
///
/// # Errors
/// The failure of the task, which says what is wrong first.
pub(super) fn validated(
    context: &ActionContext<'_>,
    spec: Value,
    rules: Value,
    args: &Arguments,
) -> Result<Arguments, ResultMap> {
    let validated = Validation::of(&map(spec), &map(rules), args.clone());
    match validated.errors.first() {
        None => Ok(validated.values),
        Some(error) if validated.unsupported => Err(failure(format!(
            "Unsupported parameters for ({}) module: {error}",
            context.item.task.action_name
        ))),
        Some(error) => Err(failure(error.as_str())),
    }
}

/// Values that were validated.
struct Validated {
    values: Map<String, Value>,
    errors: Vec<String>,
    /// Whether the only error is that there are values that nothing is known of.
    unsupported: bool,
}

/// The validation of one mapping, and what is wrong with it so far.
struct Validation<'a> {
    spec: &'a Spec,
    /// The names of the options around, outermost first.
    path: Vec<String>,
    errors: Vec<String>,
    /// What nothing is known of, here and below, with the names around it.
    unsupported: Vec<String>,
    /// What is known where the last of them is.
    supported: String,
}

impl<'a> Validation<'a> {
    /// Validates values; `rules` hold `mutually_exclusive` and its like.
    fn of(spec: &'a Spec, rules: &Map<String, Value>, mut values: Map<String, Value>) -> Validated {
        let mut validation = Self::below_of(spec, Vec::new());
        validation.check(rules, &mut values);
        let Self {
            mut errors,
            mut unsupported,
            supported,
            ..
        } = validation;
        let alone = errors.is_empty() && !unsupported.is_empty();
        if !unsupported.is_empty() {
            unsupported.sort();
            errors.push(format!(
                "{}. Supported parameters include: {supported}.",
                unsupported.join(", ")
            ));
        }
        Validated {
            values,
            errors,
            unsupported: alone,
        }
    }

    fn below_of(spec: &'a Spec, path: Vec<String>) -> Self {
        Self {
            spec,
            path,
            errors: Vec::new(),
            unsupported: Vec::new(),
            supported: String::new(),
        }
    }

    fn check(&mut self, rules: &Map<String, Value>, values: &mut Map<String, Value>) {
        self.resolve_aliases(values);
        self.unsupported(values);
        let found = self.place();
        self.errors
            .extend(rules::mutually_exclusive(rules, values).map(|error| error + &found));
        for (name, option) in self.spec {
            if let Some(default) = option.get("default").filter(|default| !default.is_null()) {
                values.entry(name.clone()).or_insert_with(|| default.clone());
            }
        }
        self.missing(values);
        self.convert(values);
        self.choices(values);
        self.errors
            .extend(rules::dependent(rules, values).map(|error| error + &found));
        self.below(values);
    }

    /// Where this mapping stands, as messages say it.
    fn place(&self) -> String {
        if self.path.is_empty() {
            String::new()
        } else {
            format!(" found in {}", self.path.join(" -> "))
        }
    }

    fn aliases(option: &Value) -> impl Iterator<Item = &str> {
        let aliases = option.get("aliases").and_then(Value::as_array);
        aliases.into_iter().flatten().filter_map(Value::as_str)
    }

    fn resolve_aliases(&self, values: &mut Map<String, Value>) {
        for (name, option) in self.spec {
            for alias in Self::aliases(option) {
                if let Some(value) = values.shift_remove(alias) {
                    values.entry(name.clone()).or_insert(value);
                }
            }
        }
    }

    fn unsupported(&mut self, values: &Map<String, Value>) {
        let unknown = values.keys().filter(|name| !self.spec.contains_key(*name));
        let unknown: Vec<String> = unknown
            .map(|name| {
                let mut path = self.path.clone();
                path.push(name.clone());
                path.join(".")
            })
            .collect();
        if unknown.is_empty() {
            return;
        }
        self.unsupported.extend(unknown);
        let mut known: Vec<&str> = self.spec.keys().map(String::as_str).collect();
        let mut aliases: Vec<&str> = self.spec.values().flat_map(Self::aliases).collect();
        known.sort_unstable();
        aliases.sort_unstable();
        self.supported = known.join(", ");
        if !aliases.is_empty() {
            let _ = write!(self.supported, " ({})", aliases.join(", "));
        }
    }

    fn missing(&mut self, values: &Map<String, Value>) {
        let required = |option: &Value| option.get("required").and_then(Value::as_bool) == Some(true);
        let mut missing: Vec<&str> = self
            .spec
            .iter()
            .filter(|(name, option)| required(option) && !values.contains_key(*name))
            .map(|(name, _)| name.as_str())
            .collect();
        missing.sort_unstable();
        if !missing.is_empty() {
            let place = self.place();
            self.errors.push(format!(
                "missing required arguments: {}{place}",
                missing.join(", ")
            ));
        }
    }

    fn convert(&mut self, values: &mut Map<String, Value>) {
        let found = if self.path.is_empty() {
            String::new()
        } else {
            format!(" found in '{}'.", self.path.join(" -> "))
        };
        for (name, option) in self.spec {
            let Some(value) = values.get_mut(name) else {
                continue;
            };
            let set = |key: &str| option.get(key).is_some_and(|value| !value.is_null());
            let required = option.get("required").and_then(Value::as_bool) == Some(true);
            if value.is_null() && !required && !set("default") {
                continue;
            }
            let wanted = option.get("type").and_then(Value::as_str).unwrap_or("str");
            let of = types::class(value);
            match types::convert(value, wanted) {
                Ok(converted) => *value = converted,
                Err(why) => {
                    self.errors.push(format!(
                        "argument '{name}' is of type {of}{found} and we were unable to convert to {}: {why}",
                        wanted.trim_end_matches("()")
                    ));
                    continue;
                }
            }
            let Some(wanted) = option.get("elements").and_then(Value::as_str) else {
                continue;
            };
            for element in value.as_array_mut().into_iter().flatten() {
                let of = types::class(element);
                match types::convert(element, wanted) {
                    Ok(converted) => *element = converted,
                    Err(why) => self.errors.push(format!(
                        "Elements value for option '{name}'{found} is of type {of} and we were unable to convert to {wanted}: {why}"
                    )),
                }
            }
        }
    }

    fn choices(&mut self, values: &Map<String, Value>) {
        let place = self.place();
        for (name, option) in self.spec {
            let Some(choices) = option.get("choices").and_then(Value::as_array) else {
                continue;
            };
            let shown = || types::joined(choices);
            match values.get(name) {
                None | Some(Value::Null) => {}
                Some(Value::Array(chosen)) => {
                    let wrong: Vec<Value> = chosen
                        .iter()
                        .filter(|value| !choices.contains(value))
                        .cloned()
                        .collect();
                    if !wrong.is_empty() {
                        self.errors.push(format!(
                            "value of {name} must be one or more of: {}. Got no match for: {}{place}",
                            shown(),
                            types::joined(&wrong)
                        ));
                    }
                }
                Some(value) if !choices.contains(value) => self.errors.push(format!(
                    "value of {name} must be one of: {}, got: {}{place}",
                    shown(),
                    types::text(value)
                )),
                Some(_) => {}
            }
        }
    }

    /// Options of options.
    fn below(&mut self, values: &Map<String, Value>) {
        for (name, option) in self.spec {
            let wanted = option.get("type").and_then(Value::as_str);
            let of_list =
                wanted == Some("list") && option.get("elements").and_then(Value::as_str) == Some("dict");
            let Some(Value::Object(spec)) = option
                .get("options")
                .filter(|_| wanted == Some("dict") || of_list)
            else {
                continue;
            };
            let value = match values.get(name) {
                None | Some(Value::Null)
                    if option.get("apply_defaults").and_then(Value::as_bool) == Some(true) =>
                {
                    json!({})
                }
                None | Some(Value::Null) => continue,
                Some(value) => value.clone(),
            };
            let elements = match value {
                Value::Array(elements) if of_list => elements,
                other => vec![other],
            };
            for (index, element) in elements.into_iter().enumerate() {
                let Value::Object(mut inner) = element else {
                    self.errors
                        .push(format!("value of '{name}' must be of type dict or list of dicts"));
                    continue;
                };
                let mut path = self.path.clone();
                path.push(if of_list {
                    format!("{name}[{index}]")
                } else {
                    name.clone()
                });
                let mut validation = Validation::below_of(spec, path);
                let rules = option.as_object().cloned().unwrap_or_default();
                validation.check(&rules, &mut inner);
                self.errors.append(&mut validation.errors);
                if !validation.unsupported.is_empty() {
                    self.unsupported.append(&mut validation.unsupported);
                    self.supported = validation.supported;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(spec: Value, values: Value) -> Vec<String> {
        Validation::of(&map(spec), &Map::new(), map(values)).errors
    }

    #[test]
    fn what_fits_passes() {
        let spec = json!({
            "name": {"type": "str", "required": true}, "count": {"type": "int"}, "on": {"type": "bool", "default": false},
            "list": {"type": "list", "elements": "int"}, "inner": {"type": "dict", "options": {"x": {"type": "int"}}},
        });
        let values = json!({"name": 5, "count": "7", "list": "1,2", "inner": {"x": "3"}});
        assert_eq!(errors(spec, values), Vec::<String>::new());
    }

    #[test]
    fn what_does_not_fit_is_told_as_ansible_tells_it() {
        let cases = [
            (
                json!({"a": {"required": true}, "b": {"required": true}}),
                json!({}),
                "missing required arguments: a, b",
            ),
            (
                json!({"a": {}}),
                json!({"b": 1}),
                "b. Supported parameters include: a.",
            ),
            (
                json!({"b": {"aliases": ["d", "c"]}, "a": {"aliases": ["e"]}}),
                json!({"y": 1, "x": 1}),
                "x, y. Supported parameters include: a, b (c, d, e).",
            ),
            (
                json!({"a": {"type": "int", "required": true}}),
                json!({"a": null}),
                "argument 'a' is of type <class 'NoneType'> and we were unable to convert to int: \"None\" cannot be converted to an int",
            ),
            (
                json!({"a": {"choices": ["x", "y"]}}),
                json!({"a": "z"}),
                "value of a must be one of: x, y, got: z",
            ),
            (
                json!({"a": {"type": "dict", "options": {"b": {"type": "dict", "options": {"c": {"required": true}}}}}}),
                json!({"a": {"b": {}}}),
                "missing required arguments: c found in a -> b",
            ),
            (
                json!({"a": {"type": "dict", "options": {"b": {"type": "dict", "options": {"c": {}}}}}}),
                json!({"a": {"b": {"d": 1}}}),
                "a.b.d. Supported parameters include: c.",
            ),
            (
                json!({"a": {"type": "dict", "options": {"x": {}, "y": {}}, "mutually_exclusive": [["x", "y"]]}}),
                json!({"a": {"x": 1, "y": 2}}),
                "parameters are mutually exclusive: x|y found in a",
            ),
        ];
        for (spec, values, expected) in cases {
            assert_eq!(errors(spec, values), [expected]);
        }
    }
}
