//! What the modules that edit a text file have in common.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::answer::{Answer, Failure};
use crate::atomic_write::{Content, back_up, replace, validation_output};
use crate::context::Context;
use crate::encoding::Encoding;
use crate::file_attributes::{AttributeDiff, FileAttributes, real_path};

/// A file to be edited, as it is before.
#[derive(Debug)]
pub struct TextFile {
    /// Its path.
    pub path: PathBuf,
    /// Its text; nothing when the file is not there.
    pub text: Option<String>,
}

impl TextFile {
    /// Reads the file of a call's `path`.
    ///
    /// # Errors
    /// When it is a directory, missing though `create` is not given, or not readable as text.
    pub fn read(context: &Context, create: bool, missing: &str) -> Result<Self, Failure> {
        let path = PathBuf::from(context.args.required("path"));
        if path.is_dir() {
            return Err(Failure::new(format!("Path {} is a directory !", path.display())).with("rc", 256));
        }
        if !path.exists() {
            if !create {
                let message = format!("{missing} {} does not exist !", path.display());
                return Err(Failure::new(message).with("rc", 257));
            }
            if let Some(parent) = path
                .parent()
                .filter(|parent| !context.check && *parent != Path::new(""))
            {
                std::fs::create_dir_all(parent)
                    .map_err(|error| Failure::io(format!("Error creating {}", parent.display()), &error))?;
            }
            return Ok(Self { path, text: None });
        }
        let bytes = std::fs::read(&path).map_err(|error| {
            Failure::io(
                format!("Unable to read the contents of {}", path.display()),
                &error,
            )
        })?;
        let encoding = Encoding::of(context)?;
        Ok(Self {
            path,
            text: Some(encoding.decode(&bytes)),
        })
    }

    /// Writes the new text, unless this is check mode: validated, the old one backed up where asked for. Returns the
    /// backup's name.
    ///
    /// # Errors
    /// When the validation or the writing fails.
    pub fn write(&self, context: &Context, text: &str) -> Result<Option<String>, Failure> {
        if context.check {
            return Ok(None);
        }
        let bytes = Encoding::of(context)?.encode(text)?;
        if let Some(command) = context.args.text("validate") {
            let output = validation_output(context, command, &bytes)?;
            if output.code != 0 {
                return Err(Failure::new(format!(
                    "failed to validate: rc:{} error:{}",
                    output.code, output.stderr
                )));
            }
        }
        let backup = match (&self.text, context.args.flag("backup")) {
            (Some(_), true) => Some(back_up(&self.path)?),
            _ => None,
        };
        // The file that a link leads to is edited; the link stays.
        let target = real_path(&self.path);
        replace(Content::Bytes(&bytes), &target, context.unsafe_writes())?;
        Ok(backup)
    }

    /// Sets the attributes of the file after the edit; completes the message as the editing modules do.
    ///
    /// # Errors
    /// When an attribute cannot be set.
    pub fn set_attributes(
        &self,
        context: &Context,
        message: &mut String,
        changed: &mut bool,
    ) -> Result<AttributeDiff, Failure> {
        let mut diff = AttributeDiff::default();
        if context.check && self.text.is_none() {
            return Ok(diff);
        }
        let path = real_path(&self.path);
        if FileAttributes::of(&context.args).apply(context, &path, Some(&mut diff))? {
            if *changed {
                message.push_str(" and ");
            }
            *changed = true;
            message.push_str("ownership, perms or SE linux context changed");
        }
        Ok(diff)
    }

    /// The `diff` of an edit: content, then attributes. Contents are only in it when a diff was asked for.
    #[must_use]
    pub fn diff(&self, context: &Context, after: &str, attributes: AttributeDiff) -> Value {
        let path = self.path.display();
        let (before, after) = if context.diff {
            (self.text.as_deref().unwrap_or_default(), after)
        } else {
            ("", "")
        };
        let content = json!({
            "before": before,
            "after": after,
            "before_header": format!("{path} (content)"),
            "after_header": format!("{path} (content)"),
        });
        // Ansible looks at the attributes of a file that is there, and that is one part of the diff more.
        if context.check && self.text.is_none() {
            return content;
        }
        let mut headed = Answer::new();
        headed.insert(
            "before_header".to_owned(),
            format!("{path} (file attributes)").into(),
        );
        headed.insert(
            "after_header".to_owned(),
            format!("{path} (file attributes)").into(),
        );
        if let Value::Object(fields) = attributes.into_value()
            && !fields
                .values()
                .all(|side| side.as_object().is_some_and(serde_json::Map::is_empty))
        {
            headed.extend(fields);
        }
        json!([content, headed])
    }
}

/// Lines with their ends; the last one may have none.
#[must_use]
pub fn lines_with_ends(text: &str) -> Vec<String> {
    text.split_inclusive('\n').map(str::to_owned).collect()
}

/// A line without its end.
#[must_use]
pub fn without_end(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}

/// The failure for two arguments that exclude one another.
///
/// # Errors
/// When both are given.
pub fn exclude(context: &Context, one: &str, other: &str) -> Result<(), Failure> {
    let given = |name| {
        context
            .args
            .value(name)
            .is_some_and(|value| *value != Value::Bool(false))
    };
    if given(one) && given(other) {
        return Err(Failure::new(format!(
            "parameters are mutually exclusive: {one}|{other}"
        )));
    }
    Ok(())
}
