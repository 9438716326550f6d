//! `community.general.ini_file`: sections and options of a file of settings.

mod document;
mod option;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use self::document::Document;
use self::option::OptionEdit;
use crate::answer::{Failure, Outcome, answer};
use crate::atomic_write::{Content, back_up, replace};
use crate::context::Context;
use crate::file_attributes::{FileAttributes, followed};
use crate::python_text::display;
use crate::text_edit::exclude;

pub(super) fn run(context: &mut Context) -> Outcome {
    exclude(context, "value", "values")?;
    let args = &context.args;
    let edit = Edit::of(context);
    if edit.present && edit.values.is_empty() && !args.flag("allow_no_value") {
        return Err(Failure::new(
            "Parameter 'value(s)' must be defined if state=present and allow_no_value=False.",
        ));
    }
    let shown = args.required("path").to_owned();
    let path = followed(Path::new(&shown), args.flag("follow"));
    let before = read(context, &path)?;
    // A file that is made begins with an empty line, as Ansible makes it.
    let text = before.as_deref().filter(|text| !text.is_empty()).unwrap_or("\n");
    let mut document = Document::parse(text);
    let message = edit.apply(&mut document);
    let after = document.text();
    let mut changed = message.is_some();
    let mut answer = answer!({"path": shown});
    let (old, new) = if context.diff {
        (before.as_deref().unwrap_or_default(), after.as_str())
    } else {
        ("", "")
    };
    let mut diff = json!({
        "before": old, "after": new,
        "before_header": format!("{shown} (content)"), "after_header": format!("{shown} (content)"),
    });
    if changed && !context.check {
        if args.flag("backup") && before.is_some() {
            answer.insert("backup_file".to_owned(), back_up(&path)?.into());
        }
        replace(Content::Bytes(after.as_bytes()), &path, context.unsafe_writes())?;
    }
    if path.exists() {
        let attributes_changed = FileAttributes::of(args).apply(context, &path, None)?;
        changed |= attributes_changed;
    }
    answer.insert("changed".to_owned(), changed.into());
    answer.insert("msg".to_owned(), message.unwrap_or("OK").into());
    answer.insert("diff".to_owned(), diff.take());
    Ok(answer)
}

/// The file's text without a byte order mark; nothing when it is not there and may be made.
fn read(context: &Context, path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read(path) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Ok(Some(
                text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned),
            ))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if !context.args.flag("create") {
                let message = format!("Destination {} does not exist!", path.display());
                return Err(Failure::new(message).with("rc", 257));
            }
            let parent: Option<PathBuf> = path.parent().map(Path::to_owned);
            if let Some(parent) = parent.filter(|parent| !context.check && !parent.as_os_str().is_empty()) {
                std::fs::create_dir_all(&parent)
                    .map_err(|error| Failure::io(format!("Error creating {}", parent.display()), &error))?;
            }
            Ok(None)
        }
        Err(error) => Err(Failure::io(format!("reading {}", path.display()), &error)),
    }
}

/// What is to be done to a file.
struct Edit {
    present: bool,
    section: Option<String>,
    conditions: Vec<Condition>,
    option: Option<OptionEdit>,
    values: Vec<String>,
}

/// What a section must have, among those of the same name, to be the one that is meant.
struct Condition {
    option: String,
    values: Vec<String>,
}

impl Edit {
    fn of(context: &Context) -> Self {
        let args = &context.args;
        let values = match args.text("value") {
            Some(value) => vec![value.to_owned()],
            None => args.list("values"),
        };
        Self {
            present: args.required("state") == "present",
            section: args
                .text("section")
                .filter(|section| !section.is_empty())
                .map(|section| section.trim().to_owned()),
            conditions: match args.value("section_has_values") {
                Some(Value::Array(conditions)) => conditions
                    .iter()
                    .filter_map(Value::as_object)
                    .map(Condition::of)
                    .collect(),
                _ => Vec::new(),
            },
            option: args
                .text("option")
                .filter(|option| !option.is_empty())
                .map(|option| OptionEdit {
                    name: option.trim().to_owned(),
                    exclusive: args.flag("exclusive"),
                    bare: args.flag("allow_no_value"),
                    tight: args.flag("no_extra_spaces"),
                    ignore_spaces: args.flag("ignore_spaces"),
                    wakes_comments: args.flag("modify_inactive_option"),
                }),
            values,
        }
    }

    /// Changes the document; says what was changed, or nothing.
    fn apply(&self, document: &mut Document) -> Option<&'static str> {
        let place = document.find(self.section.as_deref(), |lines| {
            self.conditions.iter().all(|condition| condition.is_met_by(lines))
        });
        match (place, &self.option, self.present) {
            (None, _, false) | (Some(_), None, true) => None,
            (None, option, true) => {
                document.add_section(
                    self.section.as_deref().unwrap_or_default(),
                    &self.new_lines(option.as_ref()),
                );
                Some(match option {
                    Some(_) => "section and option added",
                    None => "only section added",
                })
            }
            (Some(place), None, false) => {
                document.remove_section(place);
                Some("section removed")
            }
            (Some(place), Some(option), true) => option.set(document.lines(place), &self.values),
            (Some(place), Some(option), false) => option.remove(document.lines(place), &self.values),
        }
    }

    /// The lines of a section that is made.
    fn new_lines(&self, option: Option<&OptionEdit>) -> Vec<String> {
        let mut lines: Vec<String> = self
            .conditions
            .iter()
            .filter(|condition| option.is_none_or(|option| option.name != condition.option))
            .flat_map(|condition| {
                condition
                    .values
                    .iter()
                    .map(|value| format!("{} = {value}\n", condition.option))
            })
            .collect();
        if let Some(option) = option {
            if option.bare && self.values.is_empty() {
                lines.push(option.line(None));
            }
            lines.extend(self.values.iter().map(|value| option.line(Some(value))));
        }
        lines
    }
}

impl Condition {
    fn of(fields: &Map<String, Value>) -> Self {
        let text = |name: &str| fields.get(name).filter(|value| !value.is_null()).map(display);
        let values = match fields.get("values") {
            Some(Value::Array(values)) => values.iter().map(display).collect(),
            _ => text("value").into_iter().collect(),
        };
        Self {
            option: text("option").unwrap_or_default(),
            values,
        }
    }

    fn is_met_by(&self, lines: &[String]) -> bool {
        let found: Vec<String> = lines
            .iter()
            .filter_map(|line| option::parse(line, &self.option))
            .filter(|line| !line.is_comment)
            .map(|line| line.value)
            .collect();
        if self.values.is_empty() {
            !found.is_empty()
        } else {
            self.values.iter().all(|value| found.contains(value))
        }
    }
}
