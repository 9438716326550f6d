//! `slipway-config`: shows what is set, and where, as `ansible-config` does of Ansible. Passwords are no settings with names of Ansible's, so that none is shown.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde_json::{Value, json};

use super::{
    arguments::{ConfigAction, ConfigProgramArguments, DumpFormat, ListFormat},
    refusal::{Refusal, exit},
    start,
};
use crate::{
    output::Printer,
    settings::{Origin, Settings, Surroundings},
};

/// Runs the program.
pub fn main(arguments: &ConfigProgramArguments, settings: Settings) -> ExitCode {
    let common = arguments.action.common();
    let settings = match &common.config {
        None => Ok(settings),
        Some(file) => {
            let mut surroundings = Surroundings::of_process();
            let file = file.display().to_string();
            surroundings
                .environment
                .retain(|(name, _)| name != "ANSIBLE_CONFIG");
            surroundings.environment.push(("ANSIBLE_CONFIG".to_owned(), file));
            Settings::read(&surroundings)
        }
    };
    let mut settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("ERROR! {error}");
            return ExitCode::from(5);
        }
    };
    settings.verbosity = settings.verbosity.saturating_add(common.verbose);
    let printer = Printer::bare(&settings);
    start::tell_settings(&settings, &printer);
    match text(&arguments.action, &settings) {
        Ok(text) => {
            // ok: nobody may be there to read.
            let _ = io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(refusal) => {
            printer.error(&refusal.message);
            ExitCode::from(u8::try_from(refusal.exit_code).unwrap_or(1))
        }
    }
}

/// What is shown.
fn text(action: &ConfigAction, settings: &Settings) -> Result<String, Refusal> {
    match action {
        ConfigAction::Dump {
            only_changed, format, ..
        } => dump(settings, *only_changed, *format),
        ConfigAction::List { format, .. } => list(settings, *format),
        ConfigAction::View { .. } => view(settings),
    }
}

/// Where a value is from, as Ansible says it.
fn origin(origin: Option<&Origin>) -> String {
    match origin {
        None => "default".to_owned(),
        Some(Origin::Environment(name)) => format!("env: {name}"),
        Some(Origin::File { path, .. }) => path.display().to_string(),
    }
}

fn dump(settings: &Settings, only_changed: bool, format: DumpFormat) -> Result<String, Refusal> {
    let file = settings.config_file.as_ref();
    let file = file.map_or(Value::Null, |path| Value::from(path.display().to_string()));
    let mut rows: Vec<(&str, String, Value)> = settings
        .constants()
        .map(|(name, row, value)| (name, settings.origin(row), value))
        .filter(|(_, from, _)| from.is_some() || !only_changed)
        .map(|(name, from, value)| (name, origin(from), value))
        .collect();
    rows.push(("CONFIG_FILE", String::new(), file));
    rows.sort_by_key(|(name, ..)| *name);
    let entries = || -> Value {
        let entry = |(name, origin, value): &(&str, String, Value)| json!({"name": name, "origin": origin, "value": value});
        rows.iter().map(entry).collect()
    };
    match format {
        DumpFormat::Display => {
            let line = |(name, origin, value): &(&str, String, Value)| {
                let value = slipway_language::to_text(&slipway_language::from_json(value.clone()));
                format!("{name}({origin}) = {value}")
            };
            let lines: Vec<String> = rows.iter().map(line).collect();
            Ok(format!("{}\n", lines.join("\n")))
        }
        DumpFormat::Json => as_json(&entries()),
        DumpFormat::Yaml => as_yaml(&entries()),
    }
}

fn list(settings: &Settings, format: ListFormat) -> Result<String, Refusal> {
    let described: serde_json::Map<String, Value> = settings
        .constants()
        .map(|(name, row, _)| {
            let variables: Value = row.environment.iter().map(|name| json!({"name": name})).collect();
            let places: Value = row
                .file
                .iter()
                .map(|(section, key)| json!({"section": section, "key": key}))
                .collect();
            let entry =
                json!({"description": row.about.trim(), "default": row.default, "env": variables, "ini": places});
            (name.to_owned(), entry)
        })
        .collect();
    let described = Value::Object(described);
    match format {
        ListFormat::Json => as_json(&described),
        ListFormat::Yaml => as_yaml(&described),
    }
}

fn view(settings: &Settings) -> Result<String, Refusal> {
    let Some(file) = &settings.config_file else {
        return Err(Refusal::new(
            exit::OPTIONS,
            "Invalid or no config file was supplied: there is no ansible.cfg here, in the home directory or in /etc/ansible, and ANSIBLE_CONFIG names none",
        ));
    };
    std::fs::read_to_string(file).map_err(|error| {
        Refusal::new(
            exit::OPTIONS,
            format!("cannot read the configuration file {}: {error}", file.display()),
        )
    })
}

fn as_json(value: &Value) -> Result<String, Refusal> {
    serde_json::to_string_pretty(value)
        .map(|text| format!("{text}\n"))
        .map_err(|error| Refusal::new(exit::OPTIONS, format!("writing settings as JSON: {error}")))
}

fn as_yaml(value: &Value) -> Result<String, Refusal> {
    serde_yaml::to_string(value)
        .map_err(|error| Refusal::new(exit::OPTIONS, format!("writing settings as YAML: {error}")))
}

#[cfg(test)]
mod tests {
    use super::{super::arguments::ConfigCommonArguments, *};
    use crate::settings::tests::surroundings;

    fn shown(action: &ConfigAction, environment: &[(&str, &str)], file: &str) -> String {
        let (directory, surroundings) = surroundings(environment, file);
        let settings = Settings::read(&surroundings).unwrap();
        let text = text(action, &settings).unwrap_or_else(|refusal| refusal.message);
        text.replace(&directory.path().display().to_string(), "HERE")
    }

    fn dump(only_changed: bool, format: DumpFormat) -> ConfigAction {
        ConfigAction::Dump {
            only_changed,
            format,
            common: ConfigCommonArguments::default(),
        }
    }

    #[test]
    fn what_is_set_is_shown_with_where_it_is_set() {
        let file = "[defaults]\nforks = 3\nroles_path = roles\n";
        let environment = [("ANSIBLE_TIMEOUT", "20"), ("ANSIBLE_BECOME_PASS", "secret")];
        assert_eq!(
            shown(&dump(true, DumpFormat::Display), &environment, file),
            "CONFIG_FILE() = HERE/ansible.cfg\nDEFAULT_FORKS(HERE/ansible.cfg) = 3\n\
             DEFAULT_ROLES_PATH(HERE/ansible.cfg) = ['HERE/roles']\nDEFAULT_TIMEOUT(env: ANSIBLE_TIMEOUT) = 20\n"
        );
        let all = shown(&dump(false, DumpFormat::Json), &environment, file);
        let all: Vec<Value> = serde_json::from_str(&all).unwrap();
        assert!(
            all.contains(&json!({"name": "DEFAULT_GATHERING", "origin": "default", "value": "implicit"}))
        );
        assert!(!all.iter().any(|entry| entry.to_string().contains("secret")));
    }

    #[test]
    fn the_file_itself_is_shown() {
        let view = ConfigAction::View {
            common: ConfigCommonArguments::default(),
        };
        assert_eq!(
            shown(&view, &[], "[defaults]\nforks = 3\n"),
            "[defaults]\nforks = 3\n"
        );
    }
}
