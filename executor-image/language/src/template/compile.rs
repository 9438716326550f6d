//! Compiles each template once and keeps it.
//!
//! minijinja's programs borrow their source. The cache keeps every program for the life of the process anyway (a
//! playbook has a finite number of templates), so sources are leaked on purpose: that makes the borrow `'static`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use minijinja::Environment;
use minijinja::machinery::ast::{EmitExpr, Expr, Spanned, Stmt};
use minijinja::machinery::{CodeGenerator, Instructions, parse, parse_expr};
use minijinja::value::Value;

use super::error::{PROGRAM, TemplateError};
use super::escape::escape_backslashes;
use super::line_comments;
use super::loading;
use super::options::TemplateOptions;
use super::{plus, refused, rewrite, tuples};

/// A compiled template and its source, with backslashes doubled where they are literal.
pub(super) struct Program {
    pub(super) kind: Kind,
    pub(super) source: &'static str,
    /// Whether it names templates that must be loaded.
    pub(super) loads: bool,
    pub(super) code: Code,
}

/// What runs.
pub(super) enum Code {
    /// One expression and nothing else: its value keeps its type until it is finalised.
    Expression {
        instructions: Instructions<'static>,
        /// The name, if the expression is but a variable.
        variable: Option<&'static str>,
    },
    /// Text with holes.
    Text {
        instructions: Instructions<'static>,
        blocks: BTreeMap<&'static str, Instructions<'static>>,
    },
}

/// How a source is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// A text in a playbook: backslashes inside `{{ }}` are literal.
    Text,
    /// A bare expression.
    Condition,
    /// A template file.
    File(Box<TemplateOptions>),
}

/// Programs by the way their source is read, and the source.
type Programs = HashMap<Kind, HashMap<Arc<str>, Arc<Program>>>;

/// All programs compiled so far.
#[derive(Default)]
pub(super) struct Cache {
    programs: RwLock<Programs>,
}

impl fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let programs = self.programs.read().unwrap_or_else(PoisonError::into_inner);
        formatter
            .debug_struct("Cache")
            .field("programs", &programs.values().map(HashMap::len).sum::<usize>())
            .finish()
    }
}

impl Cache {
    /// The program of a source, compiled if this is the first time.
    pub(super) fn program(&self, kind: &Kind, source: &str) -> Result<Arc<Program>, TemplateError> {
        {
            let programs = self.programs.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(program) = programs.get(kind).and_then(|programs| programs.get(source)) {
                return Ok(Arc::clone(program));
            }
        }
        let program = Arc::new(compile(kind, source)?);
        let mut programs = self.programs.write().unwrap_or_else(PoisonError::into_inner);
        programs
            .entry(kind.clone())
            .or_default()
            .insert(source.into(), Arc::clone(&program));
        Ok(program)
    }
}

/// The syntax tree of a source, before it is rewritten.
pub(super) fn tree<'source>(kind: &Kind, source: &'source str) -> Result<Stmt<'source>, TemplateError> {
    let parsed = match kind {
        Kind::Condition => parse_expr(source).map(|expr| {
            let span = expr.span();
            Stmt::EmitExpr(Spanned::new(EmitExpr { expr }, span))
        }),
        Kind::Text => parse(source, PROGRAM, TemplateOptions::default().syntax()?),
        Kind::File(options) => parse(source, PROGRAM, options.syntax()?),
    };
    let tree = parsed.map_err(|error| located(&error, source))?;
    refused::refuse(&tree)?;
    Ok(tree)
}

/// The source as the parser takes it: what Jinja takes besides is written differently.
pub(super) fn parsable<'source>(kind: &Kind, source: &'source str) -> Cow<'source, str> {
    let mut source = Cow::Borrowed(source);
    for jinja_takes in [plus::without_signs, tuples::in_parentheses] {
        if tree(kind, &source).is_err()
            && let Some(text) = jinja_takes(kind, &source)
        {
            source = Cow::Owned(text);
        }
    }
    source
}

/// A syntax error with the words where it was found.
fn located(error: &minijinja::Error, source: &str) -> TemplateError {
    let words = error
        .range()
        .and_then(|range| source.get(range))
        .map(str::trim)
        .filter(|words| !words.is_empty());
    let mut located = TemplateError::from_syntax(error);
    if let Some(words) = words {
        located.message = format!("{}, at '{words}'", located.message);
    }
    located
}

/// Jinja knows one kind of newline.
pub(super) fn with_one_newline(source: &str) -> Cow<'_, str> {
    if source.contains('\r') {
        Cow::Owned(source.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(source)
    }
}

fn compile(kind: &Kind, source: &str) -> Result<Program, TemplateError> {
    let source = with_one_newline(source);
    let text = match kind {
        Kind::Text => escape_backslashes(&source)?.into_owned(),
        Kind::Condition => source.into_owned(),
        Kind::File(options) => line_comments::without(&source, options).into_owned(),
    };
    super::depth::with_room(kind, &text, || generate(kind, &text))
}

fn generate(kind: &Kind, source: &str) -> Result<Program, TemplateError> {
    let mut source: &'static str = Box::leak(Box::from(source));
    let tree = if let Ok(tree) = tree(kind, source) {
        tree
    } else {
        source = Box::leak(parsable(kind, source).into_owned().into_boxed_str());
        tree(kind, source)?
    };
    let single = match &tree {
        Stmt::EmitExpr(node) => Some(&node.expr),
        Stmt::Template(node) => match node.children.as_slice() {
            [Stmt::EmitExpr(only)] if !matches!(kind, Kind::File(_)) => Some(&only.expr),
            _ => None,
        },
        _ => None,
    };
    let mut generator = CodeGenerator::new(PROGRAM, source);
    if let Some(expression) = single {
        let variable = match expression {
            Expr::Var(variable) => Some(variable.id),
            _ => None,
        };
        let filter = if matches!(kind, Kind::Condition) {
            rewrite::DEFINED
        } else {
            rewrite::COMPLETE
        };
        generator.compile_expr(&rewrite::outcome(expression, filter));
        let code = Code::Expression {
            instructions: generator.finish().0,
            variable,
        };
        return Ok(Program {
            kind: kind.clone(),
            source,
            loads: false,
            code,
        });
    }
    generator.compile_stmt(&rewrite::template(&tree));
    let (instructions, blocks) = generator.finish();
    Ok(Program {
        kind: kind.clone(),
        source,
        loads: loading::is_needed(&tree),
        code: Code::Text { instructions, blocks },
    })
}

/// What a template has printed so far: text that must stay text does so if nothing else is printed.
#[derive(Debug, Default)]
pub(super) struct Printed {
    count: usize,
    length: usize,
    total: usize,
    /// The value that was printed, if it is the only one.
    only: Option<Value>,
}

impl Printed {
    /// Notes that a value was printed as `text`.
    pub(super) fn note(&mut self, value: &Value, text: &str) -> Result<(), minijinja::Error> {
        self.count += 1;
        self.length = text.len();
        self.only = (self.count == 1).then(|| value.clone());
        self.total = self.total.saturating_add(text.len());
        super::growth::check_text(self.total)
    }
}

/// Runs a program; an expression gives its value, a text template its text. Where values keep their types, the only value that a text
/// template prints is what it gives, and one that prints nothing gives None.
pub(super) fn run(
    program: &Program,
    environment: &Environment<'static>,
    root: Value,
    is_native: bool,
) -> Result<Value, minijinja::Error> {
    use minijinja::AutoEscape;
    use minijinja::machinery::{eval, make_string_output};

    let mut text = String::new();
    let mut output = make_string_output(&mut text);
    match &program.code {
        Code::Expression { instructions, .. } => {
            let none = BTreeMap::new();
            let (value, _) = eval(
                environment,
                instructions,
                root,
                &none,
                &mut output,
                AutoEscape::None,
            )?;
            Ok(value.unwrap_or(Value::UNDEFINED))
        }
        Code::Text { instructions, blocks } => {
            let (_, mut state) = eval(
                environment,
                instructions,
                root,
                blocks,
                &mut output,
                AutoEscape::None,
            )?;
            let printed = std::mem::take(state.get_or_insert_extension_with(Printed::default));
            drop(state);
            drop(output);
            Ok(match printed.only {
                Some(only) if printed.length == text.len() && (is_native || only.is_safe()) => only,
                None if is_native && printed.count == 0 && text.is_empty() => Value::from(()),
                _ => Value::from(text),
            })
        }
    }
}
