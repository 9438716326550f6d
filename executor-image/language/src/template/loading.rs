//! Templates that another one names: `import`, `from … import` and `extends`. They are searched as those of `include` are, and are
//! rewritten as all others; where Jinja hides the variables of the template that imports (`without context`), they see them.

use std::sync::Arc;

use minijinja::machinery::ast::Stmt;
use minijinja::{Environment, Error, Value};

use super::compile::{self, Kind};
use super::context::Context;
use super::error::{self, TemplateError};
use super::line_comments;
use super::options::TemplateOptions;
use super::visit::{self, Visitor};
use super::{depth, print, rewrite};
use crate::scope::{FileKind, LookupHost};
use crate::value::python;

/// Whether a template names others that must be loaded.
pub(super) fn is_needed(tree: &Stmt<'_>) -> bool {
    struct Names(bool);
    impl Visitor for Names {
        fn statement(&mut self, node: &Stmt<'_>) {
            self.0 |= matches!(node, Stmt::Import(_) | Stmt::FromImport(_) | Stmt::Extends(_));
        }
    }
    let mut names = Names(false);
    visit::statement(&mut names, tree);
    names.0
}

/// The environment, which loads what templates name from the files that this context can see.
pub(super) fn environment(
    environment: &Environment<'static>,
    context: &Arc<Context>,
) -> Environment<'static> {
    let mut environment = environment.clone();
    let host = Arc::clone(context.scope().host());
    environment.set_loader(move |name| load(host.as_ref(), name));
    environment
}

fn load(host: &dyn LookupHost, name: &str) -> Result<Option<String>, Error> {
    let Some((_, source)) = find(host, &[Value::from(name)])? else {
        return Ok(None);
    };
    let (options, body) = TemplateOptions::default().with_header(&source, None)?;
    let body = compile::with_one_newline(body);
    let body = line_comments::without(&body, &options);
    let kind = Kind::File(Box::new(options.clone()));
    let text = depth::with_room(&kind, &body, || {
        let body = compile::parsable(&kind, &body);
        let tree = compile::tree(&kind, &body)?;
        Ok(print::template(&rewrite::template(&tree)))
    });
    text.map(Some)
        .map_err(|error| TemplateError::new(error::in_file(&error.message, name, error.line)).into())
}

/// The first of these templates that is found: its name and its text.
pub(super) fn find(
    host: &dyn LookupHost,
    names: &[Value],
) -> Result<Option<(String, String)>, TemplateError> {
    let found = names.iter().find_map(|name| {
        let name = python::to_text(name);
        let path = host.find_file(&name, FileKind::Templates)?;
        Some((name, path))
    });
    let Some((name, path)) = found else {
        return Ok(None);
    };
    let bytes = host
        .read_decrypted(&path)
        .map_err(|error| TemplateError::new(format!("cannot read {}: {error}", path.display())))?;
    let source = String::from_utf8(bytes)
        .map_err(|_| TemplateError::new(format!("{} is not UTF-8 text", path.display())))?;
    Ok(Some((name, source)))
}
