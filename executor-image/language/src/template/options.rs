//! The options of the `template` module, and the `#jinja2:` line that may begin a template.

use minijinja::syntax::SyntaxConfig;

use super::conditions::Listener;
use super::error::TemplateError;
use crate::value::literal;

/// How a template file is read. The default is that of Ansible's `template` module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TemplateOptions {
    /// Begins a statement.
    pub block_start_string: String,
    /// Ends a statement.
    pub block_end_string: String,
    /// Begins an expression.
    pub variable_start_string: String,
    /// Ends an expression.
    pub variable_end_string: String,
    /// Begins a comment.
    pub comment_start_string: String,
    /// Ends a comment.
    pub comment_end_string: String,
    /// Makes a line that begins with it a statement; none if empty.
    pub line_statement_prefix: String,
    /// Makes the rest of a line behind it a comment; none if empty.
    pub line_comment_prefix: String,
    /// Whether the newline after a statement is removed.
    pub trim_blocks: bool,
    /// Whether blanks before a statement at the beginning of a line are removed.
    pub lstrip_blocks: bool,
    /// What newlines become: "\n", "\r" or "\r\n".
    pub newline_sequence: String,
}

impl Default for TemplateOptions {
    fn default() -> Self {
        Self {
            block_start_string: "{%".into(),
            block_end_string: "%}".into(),
            variable_start_string: "{{".into(),
            variable_end_string: "}}".into(),
            comment_start_string: "{#".into(),
            comment_end_string: "#}".into(),
            line_statement_prefix: String::new(),
            line_comment_prefix: String::new(),
            trim_blocks: true,
            lstrip_blocks: false,
            newline_sequence: "\n".into(),
        }
    }
}

impl TemplateOptions {
    /// These options changed by a `#jinja2: lstrip_blocks: True, …` line, and the text after that line. Names that are no options are
    /// told to `listener`.
    pub(super) fn with_header<'text>(
        &self,
        source: &'text str,
        listener: Option<&dyn Listener>,
    ) -> Result<(Self, &'text str), TemplateError> {
        let Some(rest) = source.strip_prefix("#jinja2:") else {
            return Ok((self.clone(), source));
        };
        let (line, body) = rest.split_once('\n').unwrap_or((rest, ""));
        let mut options = self.clone();
        for pair in line.split(',') {
            let Some((key, value)) = pair.split_once(':') else {
                return Err(TemplateError::new(format!(
                    "failed to parse jinja2 override '{}'. Did you use something different from colon as key-value separator?",
                    pair.trim()
                )));
            };
            let parsed = literal::evaluate(value.trim());
            let text = parsed
                .as_ref()
                .and_then(|value| value.as_str().map(str::to_owned));
            let flag = parsed.as_ref().is_some_and(minijinja::Value::is_true);
            let field = match key.trim() {
                "trim_blocks" => {
                    options.trim_blocks = flag;
                    continue;
                }
                "lstrip_blocks" => {
                    options.lstrip_blocks = flag;
                    continue;
                }
                "block_start_string" => &mut options.block_start_string,
                "block_end_string" => &mut options.block_end_string,
                "variable_start_string" => &mut options.variable_start_string,
                "variable_end_string" => &mut options.variable_end_string,
                "comment_start_string" => &mut options.comment_start_string,
                "comment_end_string" => &mut options.comment_end_string,
                "line_statement_prefix" => &mut options.line_statement_prefix,
                "line_comment_prefix" => &mut options.line_comment_prefix,
                "newline_sequence" => &mut options.newline_sequence,
                // The newlines at a template's end are kept in any case.
                "keep_trailing_newline" => continue,
                other => {
                    if let Some(listener) = listener {
                        listener.warning(&format!(
                            "Could not find Jinja2 environment setting to override: '{other}'"
                        ));
                    }
                    continue;
                }
            };
            let Some(text) = text else {
                return Err(TemplateError::new(format!(
                    "the #jinja2 setting '{}' must be a quoted text",
                    key.trim()
                )));
            };
            *field = text;
        }
        Ok((options, body))
    }

    pub(super) fn syntax(&self) -> Result<SyntaxConfig, TemplateError> {
        SyntaxConfig::builder()
            .block_delimiters(self.block_start_string.clone(), self.block_end_string.clone())
            .variable_delimiters(
                self.variable_start_string.clone(),
                self.variable_end_string.clone(),
            )
            .comment_delimiters(self.comment_start_string.clone(), self.comment_end_string.clone())
            .line_statement_prefix(self.line_statement_prefix.clone())
            .trim_blocks(self.trim_blocks)
            .lstrip_blocks(self.lstrip_blocks)
            .keep_trailing_newline(false)
            .build()
            .map_err(TemplateError::from)
    }
}
