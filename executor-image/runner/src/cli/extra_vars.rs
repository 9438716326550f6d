//! `--extra-vars`

use std::{path::Path, sync::Arc};

use slipway_language::{Node, NodeKind, Span, Variable, VaultSecrets};

use super::refusal::{Refusal, exit};
use crate::{
    inventory::{Vars, read_vars_file},
    settings::expanded,
};

/// The variables of all `-e`, later ones over earlier ones.
///
/// # Errors
/// A refusal that names the argument or file.
pub fn parse(arguments: &[String], vault: &VaultSecrets) -> Result<Vars, Refusal> {
    let mut vars = Vars::new();
    for argument in arguments {
        let argument = argument.trim();
        if let Some(file) = argument.strip_prefix('@') {
            let read = read_vars_file(&expanded(Path::new(file)), vault);
            vars.extend(read.map_err(|error| Refusal::new(exit::ERROR, error))?);
        } else {
            vars.extend(written(argument).map_err(|message| Refusal::new(exit::OPTIONS, message))?);
        }
    }
    Ok(vars)
}

/// The variables of one argument that names no file.
fn written(argument: &str) -> Result<Vars, String> {
    let mut vars = Vars::new();
    if argument.starts_with(['{', '[']) {
        let document =
            slipway_language::yaml::parse(argument, "--extra-vars").map_err(|error| error.to_string())?;
        let root = document.root.filter(|root| matches!(root.kind, NodeKind::Map(_)));
        let root = root.ok_or_else(|| format!("--extra-vars must be a mapping, this is not: {argument}"))?;
        for (key, value) in root.entries() {
            let name = key
                .as_str()
                .ok_or_else(|| format!("--extra-vars: a name must be a string: {argument}"))?;
            vars.insert(Arc::from(name), Variable::Template(value.clone()));
        }
        return Ok(vars);
    }
    let parsed = slipway_language::arguments::parse_key_values(argument)
        .map_err(|error| format!("--extra-vars: {error}"))?;
    if !parsed.free_form.is_empty() {
        return Err(format!(
            "--extra-vars takes key=value, JSON, YAML or @FILE, this is none of them: {}",
            parsed.free_form
        ));
    }
    for (key, value) in parsed.options {
        let node = Node::text(Span::start_of("--extra-vars"), value);
        vars.insert(Arc::from(key), Variable::Template(node));
    }
    Ok(vars)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_understood() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "c: 3\n").unwrap();
        let arguments = [
            "a=1 b='x y'".to_owned(),
            format!("@{}", file.path().display()),
            "{\"d\": [1], \"a\": 2}".to_owned(),
        ];
        let vars = parse(&arguments, &VaultSecrets::new()).unwrap();
        let names: Vec<&str> = vars.keys().map(AsRef::as_ref).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        let Variable::Template(a) = &vars["a"] else {
            panic!("a is data")
        };
        assert!(matches!(a.kind, NodeKind::Int(2)));
    }

    #[test]
    fn what_is_no_variable_is_refused() {
        assert!(
            parse(&["justaword".to_owned()], &VaultSecrets::new())
                .unwrap_err()
                .message
                .contains("justaword")
        );
        assert!(
            parse(&["@/nonexistent.yml".to_owned()], &VaultSecrets::new())
                .unwrap_err()
                .message
                .contains("/nonexistent.yml")
        );
    }
}
