//! Expressions are trees that several parts of the program walk down to their leaves: one without end would end the stack, and
//! with it the process. minijinja limits brackets and statements in each other; chains of operators are limited here.

use minijinja::machinery::{Token, tokenize};

use super::compile::Kind;
use super::error::TemplateError;
use super::options::TemplateOptions;

/// What one expression may have of operators, or one `if` of `elif`. No playbook comes near.
const MOST: usize = 1000;
/// Above this an expression is worked on with a stack of its own.
const FEW: usize = 100;
/// Enough for [`MOST`], in a build without optimisation, too.
const STACK: usize = 64 << 20;

/// Does some work on the syntax tree of a source, with stack enough for it.
pub(super) fn with_room<T: Send>(
    kind: &Kind,
    source: &str,
    work: impl FnOnce() -> Result<T, TemplateError> + Send,
) -> Result<T, TemplateError> {
    let depth = of(kind, source)?;
    if depth > MOST {
        return Err(TemplateError::new(format!(
            "an expression of more than {MOST} operators: compute it in parts, with variables or `set`"
        )));
    }
    if depth <= FEW {
        return work();
    }
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, work)
            .ok()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_else(|| Err(TemplateError::new("there is no memory for so long an expression")))
    })
}

/// How deep the tree of a source may be, at most. What is no Jinja is left to the parser, which says why.
fn of(kind: &Kind, source: &str) -> Result<usize, TemplateError> {
    if source.len() <= FEW {
        return Ok(0);
    }
    let syntax = match kind {
        Kind::File(options) => options.syntax()?,
        Kind::Text | Kind::Condition => TemplateOptions::default().syntax()?,
    };
    let mut deepest = 0;
    let mut chains = Chains::default();
    let mut branches: Vec<usize> = Vec::new();
    let mut begins = false;
    for token in tokenize(source, matches!(kind, Kind::Condition), syntax) {
        let Ok((token, _)) = token else {
            break;
        };
        let is_first = std::mem::take(&mut begins);
        match token {
            Token::BlockStart => begins = true,
            Token::Ident("if") if is_first => branches.push(0),
            Token::Ident("endif") if is_first => drop(branches.pop()),
            Token::Ident("elif") if is_first => {
                if let Some(last) = branches.last_mut() {
                    *last += 1;
                    deepest = deepest.max(*last);
                }
            }
            Token::BlockEnd | Token::VariableEnd => chains = Chains::default(),
            Token::Comma => chains.separate(),
            Token::BracketClose | Token::ParenClose | Token::BraceClose => chains.close(),
            Token::BracketOpen | Token::ParenOpen | Token::BraceOpen => chains.open(),
            Token::TemplateData(_)
            | Token::Str(_)
            | Token::String(_)
            | Token::Int(_)
            | Token::Int128(_)
            | Token::Float(_)
            | Token::VariableStart => {}
            // Every other token may be an operator: names are among them (`not`, `and`, `if`), so most count twice.
            _ => chains.add(),
        }
        deepest = deepest.max(chains.total / 2);
    }
    Ok(deepest)
}

/// Operators since the last comma, of the expression and of each open bracket in it.
#[derive(Default)]
struct Chains {
    outer: Vec<usize>,
    current: usize,
    total: usize,
}

impl Chains {
    fn add(&mut self) {
        self.current += 1;
        self.total += 1;
    }

    fn separate(&mut self) {
        self.total -= std::mem::take(&mut self.current);
    }

    fn open(&mut self) {
        self.add();
        self.outer.push(std::mem::take(&mut self.current));
    }

    fn close(&mut self) {
        if let Some(outer) = self.outer.pop() {
            self.total -= self.current;
            self.current = outer;
        }
    }
}
