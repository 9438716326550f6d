//! Writes values as YAML with the layout of PyYAML: where lines break, what is quoted, how far it is indented.

use minijinja::Value;
use minijinja::value::ValueKind;

use super::scalar::{Analysis, Style, analyze, is_break, is_printable, reads_as_text};
use crate::filters::call::items;
use crate::filters::compare::sort_by_key;
use crate::value::convert::{entries, sequence};
use crate::value::python;
use crate::value::vault::wrapped;

/// A key longer than this is written with `? `.
const LONGEST_SIMPLE_KEY: usize = 128;

/// Which lists and mappings are written as `[…]` and `{…}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// None but empty ones.
    Never,
    /// Those that hold scalars only.
    Leaves,
    /// All.
    Always,
}

/// What the filters' arguments say.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) indent: i64,
    pub(super) width: i64,
    pub(super) flow: Flow,
    pub(super) sort_keys: bool,
    pub(super) explicit_start: bool,
    pub(super) explicit_end: bool,
    pub(super) default_style: Option<char>,
}

/// The state of writing: what was written and where the next character goes.
pub(super) struct Emitter {
    options: Options,
    best_indent: usize,
    best_width: usize,
    out: String,
    column: usize,
    /// The indentation of the current block; nothing at the root.
    indent: Option<usize>,
    flow_level: usize,
    /// Whether a blank, and whether nothing but indentation and indicators, stands before the next character.
    whitespace: bool,
    indention: bool,
    /// Whether the document must be closed by `...`.
    open_ended: bool,
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Sequence,
    Mapping,
    SimpleKey,
}

impl Emitter {
    pub(super) fn new(options: Options) -> Self {
        let best_indent = usize::try_from(options.indent)
            .ok()
            .filter(|indent| (2..10).contains(indent))
            .unwrap_or(2);
        let best_width = match usize::try_from(options.width) {
            Ok(width) if width > best_indent * 2 => width,
            Ok(_) => 80,
            // libyaml: a negative width is none.
            Err(_) => usize::MAX,
        };
        Self {
            options,
            best_indent,
            best_width,
            out: String::new(),
            column: 0,
            indent: None,
            flow_level: 0,
            whitespace: true,
            indention: true,
            open_ended: false,
        }
    }

    /// The text of a document.
    pub(super) fn document(mut self, value: &Value) -> Result<String, minijinja::Error> {
        if self.options.explicit_start {
            self.indicator("---", true, false, false);
        }
        self.node(value, Place::Root)?;
        self.write_indent();
        if self.options.explicit_end || self.open_ended {
            self.indicator("...", true, false, false);
            self.write_indent();
        }
        Ok(self.out)
    }

    fn node(&mut self, value: &Value, place: Place) -> Result<(), minijinja::Error> {
        match value.kind() {
            ValueKind::Seq | ValueKind::Iterable => {
                let values = items(value)?;
                if self.flows(values.iter()) || values.is_empty() {
                    self.flow_sequence(&values)
                } else {
                    self.block_sequence(&values, place)
                }
            }
            ValueKind::Map => {
                let mut pairs = entries(value);
                if self.options.sort_keys {
                    let mut keyed: Vec<(Value, Value)> = pairs
                        .iter()
                        .map(|(key, value)| (key.clone(), sequence(vec![value.clone()])))
                        .collect();
                    // As PyYAML: keys that cannot be compared stay in their order.
                    if sort_by_key(&mut keyed, false).is_ok() {
                        pairs = keyed
                            .into_iter()
                            .map(|(key, value)| value.get_item_by_index(0).map(|value| (key, value)))
                            .collect::<Result<_, _>>()?;
                    }
                }
                if self.flows(pairs.iter().flat_map(|(key, value)| [key, value])) || pairs.is_empty() {
                    self.flow_mapping(&pairs)
                } else {
                    self.block_mapping(&pairs)
                }
            }
            _ => {
                self.scalar(value, place);
                Ok(())
            }
        }
    }

    fn flows<'value>(&self, mut parts: impl Iterator<Item = &'value Value>) -> bool {
        let is_scalar = |value: &Value| {
            !matches!(
                value.kind(),
                ValueKind::Seq | ValueKind::Map | ValueKind::Iterable
            ) && wrapped(value).is_none()
        };
        self.flow_level > 0
            || match self.options.flow {
                Flow::Never => false,
                Flow::Always => true,
                Flow::Leaves => self.options.default_style.is_none() && parts.all(is_scalar),
            }
    }

    // Indentation.

    /// Enters a block or a bracket; what is returned goes back to `indent` afterwards.
    fn increase_indent(&mut self, flow: bool, indentless: bool) -> Option<usize> {
        let before = self.indent;
        self.indent = match self.indent {
            None => Some(if flow { self.best_indent } else { 0 }),
            Some(indent) if indentless => Some(indent),
            Some(indent) => Some(indent + self.best_indent),
        };
        before
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break('\n');
        }
        while self.column < indent {
            self.out.push(' ');
            self.column += 1;
            self.whitespace = true;
        }
    }

    fn line_break(&mut self, character: char) {
        self.out.push(character);
        self.column = 0;
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, needs_whitespace: bool, whitespace: bool, indention: bool) {
        if needs_whitespace && !self.whitespace {
            self.out.push(' ');
            self.column += 1;
        }
        self.write(text);
        self.whitespace = whitespace;
        self.indention = self.indention && indention;
        self.open_ended = false;
    }

    fn write(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    // Containers.

    fn flow_sequence(&mut self, values: &[Value]) -> Result<(), minijinja::Error> {
        self.indicator("[", true, true, false);
        let before = self.increase_indent(true, false);
        self.flow_level += 1;
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.indicator(",", false, false, false);
            }
            if self.column > self.best_width {
                self.write_indent();
            }
            self.node(value, Place::Sequence)?;
        }
        self.flow_level -= 1;
        self.indent = before;
        self.indicator("]", false, false, false);
        Ok(())
    }

    fn flow_mapping(&mut self, pairs: &[(Value, Value)]) -> Result<(), minijinja::Error> {
        self.indicator("{", true, true, false);
        let before = self.increase_indent(true, false);
        self.flow_level += 1;
        for (index, (key, value)) in pairs.iter().enumerate() {
            if index > 0 {
                self.indicator(",", false, false, false);
            }
            if self.column > self.best_width {
                self.write_indent();
            }
            if is_simple_key(key) {
                self.node(key, Place::SimpleKey)?;
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, false);
                self.node(key, Place::Mapping)?;
                if self.column > self.best_width {
                    self.write_indent();
                }
                self.indicator(":", true, false, false);
            }
            self.node(value, Place::Mapping)?;
        }
        self.flow_level -= 1;
        self.indent = before;
        self.indicator("}", false, false, false);
        Ok(())
    }

    fn block_sequence(&mut self, values: &[Value], place: Place) -> Result<(), minijinja::Error> {
        let indentless = place == Place::Mapping && !self.indention;
        let before = self.increase_indent(false, indentless);
        for value in values {
            self.write_indent();
            self.indicator("-", true, false, true);
            self.node(value, Place::Sequence)?;
        }
        self.indent = before;
        Ok(())
    }

    fn block_mapping(&mut self, pairs: &[(Value, Value)]) -> Result<(), minijinja::Error> {
        let before = self.increase_indent(false, false);
        for (key, value) in pairs {
            self.write_indent();
            if is_simple_key(key) {
                self.node(key, Place::SimpleKey)?;
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.node(key, Place::Mapping)?;
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.node(value, Place::Mapping)?;
        }
        self.indent = before;
        Ok(())
    }

    // Scalars.

    fn scalar(&mut self, value: &Value, place: Place) {
        let (text, is_text) = written(value);
        let analysis = analyze(&text);
        let mut style = self.style(&text, is_text, &analysis, place);
        if wrapped(value).is_some() {
            self.indicator("!vault", true, false, false);
            style = if self.flow_level == 0 && place != Place::SimpleKey {
                Style::Literal
            } else {
                Style::Double
            };
        }
        if style == Style::Double && !is_text {
            self.tag(value);
        }
        let split = place != Place::SimpleKey;
        let before = self.increase_indent(true, false);
        match style {
            Style::Plain => self.plain(&text, split),
            Style::Single => self.single_quoted(&text, split),
            Style::Double => self.double_quoted(&text, split),
            Style::Literal | Style::Folded => self.block(&text, style),
        }
        self.indent = before;
    }

    /// A quoted number or boolean says what it is.
    fn tag(&mut self, value: &Value) {
        let name = match value.kind() {
            ValueKind::Bool => "!!bool",
            ValueKind::None => "!!null",
            ValueKind::Number if value.is_integer() => "!!int",
            ValueKind::Number => "!!float",
            _ => return,
        };
        self.indicator(name, true, false, false);
    }

    fn style(&self, text: &str, is_text: bool, analysis: &Analysis, place: Place) -> Style {
        let is_key = place == Place::SimpleKey;
        let default = self.options.default_style.filter(|_| !is_key || is_text);
        if default == Some('"') {
            return Style::Double;
        }
        if default.is_none() && (!is_text || reads_as_text(text)) {
            let allowed = if self.flow_level > 0 {
                analysis.flow_plain
            } else {
                analysis.block_plain
            };
            if allowed && !(is_key && (analysis.is_empty || analysis.is_multi_line)) {
                return Style::Plain;
            }
        }
        if let Some(style @ ('|' | '>')) = default
            && self.flow_level == 0
            && !is_key
            && analysis.block
        {
            return if style == '|' {
                Style::Literal
            } else {
                Style::Folded
            };
        }
        if analysis.single_quoted && !(is_key && analysis.is_multi_line) {
            Style::Single
        } else {
            Style::Double
        }
    }

    fn plain(&mut self, text: &str, split: bool) {
        if text.is_empty() {
            return;
        }
        if !self.whitespace {
            self.out.push(' ');
            self.column += 1;
        }
        self.whitespace = false;
        self.indention = false;
        // A plain text has no line breaks: only blanks matter.
        let characters: Vec<char> = text.chars().collect();
        for (index, &character) in characters.iter().enumerate() {
            if character == ' ' && self.may_fold(&characters, index, split) {
                self.write_indent();
                self.whitespace = false;
                self.indention = false;
            } else {
                self.out.push(character);
                self.column += 1;
            }
        }
    }

    /// Whether the single blank at `index` may become a line break: the line is full.
    fn may_fold(&self, characters: &[char], index: usize, split: bool) -> bool {
        split
            && self.column > self.best_width
            && index > 0
            && index + 1 < characters.len()
            && characters[index - 1] != ' '
            && characters[index + 1] != ' '
    }

    fn single_quoted(&mut self, text: &str, split: bool) {
        self.indicator("'", true, false, false);
        let characters: Vec<char> = text.chars().collect();
        let mut after_break = false;
        for (index, &character) in characters.iter().enumerate() {
            if is_break(character) {
                if !after_break && character == '\n' {
                    self.line_break('\n');
                }
                self.line_break(character);
                after_break = true;
                continue;
            }
            if after_break {
                self.write_indent();
                after_break = false;
            }
            if character == ' '
                && self.may_fold(&characters, index, split)
                && !is_break(characters[index + 1])
            {
                self.write_indent();
            } else {
                self.out.push(character);
                self.column += 1;
                if character == '\'' {
                    self.out.push('\'');
                    self.column += 1;
                }
                self.whitespace = false;
                self.indention = false;
            }
        }
        if after_break {
            self.write_indent();
        }
        self.indicator("'", false, false, false);
    }

    fn double_quoted(&mut self, text: &str, split: bool) {
        use std::fmt::Write as _;
        self.indicator("\"", true, false, false);
        let characters: Vec<char> = text.chars().collect();
        let mut after_space = false;
        for (index, &character) in characters.iter().enumerate() {
            if character == '"' || character == '\\' || is_break(character) || !is_printable(character) {
                let mut escape = String::from("\\");
                let code = u32::from(character);
                match character {
                    '\0' => escape.push('0'),
                    '\u{7}' => escape.push('a'),
                    '\u{8}' => escape.push('b'),
                    '\t' => escape.push('t'),
                    '\n' => escape.push('n'),
                    '\u{b}' => escape.push('v'),
                    '\u{c}' => escape.push('f'),
                    '\r' => escape.push('r'),
                    '\u{1b}' => escape.push('e'),
                    '"' | '\\' => escape.push(character),
                    '\u{85}' => escape.push('N'),
                    '\u{a0}' => escape.push('_'),
                    '\u{2028}' => escape.push('L'),
                    '\u{2029}' => escape.push('P'),
                    // Writing to a String cannot fail.
                    _ if code <= 0xff => drop(write!(escape, "x{code:02X}")),
                    _ if code <= 0xffff => drop(write!(escape, "u{code:04X}")),
                    _ => drop(write!(escape, "U{code:08X}")),
                }
                self.write(&escape);
                after_space = false;
            } else if character == ' ' {
                let is_inner = index > 0 && index + 1 < characters.len();
                if split && !after_space && self.column > self.best_width && is_inner {
                    self.write_indent();
                    if characters.get(index + 1) == Some(&' ') {
                        self.write("\\");
                    }
                } else {
                    self.write(" ");
                }
                after_space = true;
            } else {
                self.out.push(character);
                self.column += 1;
                after_space = false;
            }
            self.whitespace = false;
            self.indention = false;
        }
        self.indicator("\"", false, false, false);
    }

    /// `|` and `>`; a folded text keeps its lines as they are.
    fn block(&mut self, text: &str, style: Style) {
        let mut header = String::from(if style == Style::Literal { "|" } else { ">" });
        if text.starts_with(' ') || text.starts_with(is_break) {
            header.push_str(&self.best_indent.to_string());
        }
        let keeps = text.ends_with("\n\n") || text == "\n";
        if keeps {
            header.push('+');
        } else if !text.ends_with('\n') {
            header.push('-');
        }
        self.indicator(&header, true, false, false);
        self.open_ended = keeps;
        self.line_break('\n');
        for line in text.split_inclusive('\n') {
            let content = line.strip_suffix('\n').unwrap_or(line);
            if !content.is_empty() {
                self.write_indent();
                self.write(content);
                self.whitespace = false;
                self.indention = false;
            }
            if line.ends_with('\n') {
                self.line_break('\n');
                if style == Style::Folded && !content.is_empty() {
                    self.line_break('\n');
                }
            }
        }
    }
}

/// The text of a scalar, and whether it is a string.
fn written(value: &Value) -> (String, bool) {
    match value.kind() {
        ValueKind::None => ("null".into(), false),
        ValueKind::Bool => (if value.is_true() { "true" } else { "false" }.into(), false),
        ValueKind::Number if value.is_integer() => (value.to_string(), false),
        ValueKind::Number => (float(f64::try_from(value.clone()).unwrap_or(f64::NAN)), false),
        _ => (python::to_text(value), true),
    }
}

fn float(value: f64) -> String {
    if value.is_nan() {
        return ".nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.into();
    }
    let text = python::float(value);
    // YAML 1.1 wants a point in a number with an exponent.
    match text.split_once('e') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0e{exponent}"),
        _ => text,
    }
}

fn is_simple_key(key: &Value) -> bool {
    match key.kind() {
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => key.len() == Some(0),
        _ => {
            let (text, _) = written(key);
            let analysis = analyze(&text);
            text.len() <= LONGEST_SIMPLE_KEY && !analysis.is_multi_line
        }
    }
}
