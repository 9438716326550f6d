//! Lookups that read files on the machine that runs the playbook.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::{Lookup, failure};
use crate::filters::call::items;
use crate::filters::paths::normal;
use crate::scope::{FileKind, Layer, Variable};
use crate::span::Span;
use crate::template::context::Context;
use crate::template::{TemplateOptions, finalize_complete};
use crate::text_formats::encoding::Encoding;
use crate::value::convert::entries;
use crate::value::python;

pub(super) const LOOKUPS: super::Table = &[
    ("file", file),
    ("fileglob", file_glob),
    ("first_found", first_found),
    ("template", template),
    ("unvault", unvault),
];

/// A file's content.
fn read_bytes(lookup: &Lookup<'_>, path: &Path) -> Result<Vec<u8>, Error> {
    let host = lookup.context.scope().host();
    host.read_decrypted(path)
        .map_err(|error| failure(format!("cannot read {}: {error}", path.display())))
}

/// A file's text.
fn read(lookup: &Lookup<'_>, path: &Path) -> Result<String, Error> {
    String::from_utf8(read_bytes(lookup, path)?)
        .map_err(|_| failure(format!("{} is not UTF-8 text", path.display())))
}

/// A file's text, which is written in an encoding, named as Python names it.
pub(super) fn read_encoded(lookup: &Lookup<'_>, path: &Path, name: &str) -> Result<String, Error> {
    let content = read_bytes(lookup, path)?;
    let encoding = Encoding::of(name).ok_or_else(|| failure(format!("unknown encoding: {name}")))?;
    encoding
        .decode(&content)
        .ok_or_else(|| failure(format!("{} is not {name} text", path.display())))
}

fn searched(lookup: &Lookup<'_>) -> String {
    let paths: Vec<String> = lookup
        .context
        .scope()
        .host()
        .search_path()
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    if paths.is_empty() {
        String::new()
    } else {
        format!(" (searched in {})", paths.join(", "))
    }
}

fn file(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let (left, right) = (lookup.flag("lstrip", false)?, lookup.flag("rstrip", true)?);
    let mut found = Vec::new();
    for term in &lookup.terms {
        let name = python::to_text(term);
        let Some(path) = lookup.context.scope().host().find_file(&name, FileKind::Files) else {
            return Err(failure(format!(
                "The 'file' lookup had an issue accessing the file '{name}': file not found{}",
                searched(lookup)
            )));
        };
        let content = read(lookup, &path)?;
        let content = if left { content.trim_start() } else { &content };
        found.push(Value::from(if right { content.trim_end() } else { content }));
    }
    Ok(found)
}

/// A file's text, decrypted if it is encrypted, to the last newline.
fn unvault(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    for term in &lookup.terms {
        let name = python::to_text(term);
        let Some(path) = lookup.host().find_file(&name, FileKind::Files) else {
            return Err(failure(format!(
                "Unable to find file matching \"{name}\"{}",
                searched(lookup)
            )));
        };
        found.push(Value::from(read(lookup, &path)?));
    }
    Ok(found)
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of a lookup")]
fn file_glob(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let host = lookup.context.scope().host();
    let matches = |term: &Value| host.glob(&python::to_text(term));
    Ok(lookup
        .terms
        .iter()
        .flat_map(matches)
        .map(|path| Value::from(path.display().to_string()))
        .collect())
}

/// What `first_found` is asked for.
#[derive(Default)]
struct Search {
    files: Vec<String>,
    skip: bool,
}

fn first_found(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let mut search = Search::default();
    collect(lookup, &lookup.terms, &mut search)?;
    if lookup.terms.is_empty() {
        add(
            &mut search,
            &names(lookup.option("files")?.as_ref(), ",;")?,
            &names(lookup.option("paths")?.as_ref(), ",:;")?,
        );
        search.skip = lookup.flag("skip", false)?;
    }
    let host = lookup.context.scope().host();
    for name in &search.files {
        if let Some(path) = host.find_file(name, lookup.folder) {
            return Ok(vec![Value::from(normal(&path.display().to_string()))]);
        }
    }
    if search.skip {
        return Ok(Vec::new());
    }
    Err(failure(format!(
        "No file was found when using first_found: {}{}",
        search.files.join(", "),
        searched(lookup)
    )))
}

fn collect(lookup: &Lookup<'_>, terms: &[Value], search: &mut Search) -> Result<(), Error> {
    for term in terms {
        match term.kind() {
            ValueKind::Map => {
                let field = |name: &str| term.get_attr(name).ok().filter(|value| !value.is_undefined());
                add(
                    search,
                    &names(field("files").as_ref(), ",;")?,
                    &names(field("paths").as_ref(), ",:;")?,
                );
                search.skip = field("skip").is_some_and(|skip| match skip.as_str() {
                    Some(text) => matches!(text.to_lowercase().as_str(), "yes" | "on" | "true" | "1"),
                    None => skip.is_true(),
                });
            }
            ValueKind::String => {
                let paths = names(lookup.option("paths")?.as_ref(), ",:;")?;
                add(search, &names(Some(term), ",;")?, &paths);
                search.skip = lookup.flag("skip", false)?;
            }
            ValueKind::Seq => collect(lookup, &items(term)?, search)?,
            _ => {
                return Err(failure(format!(
                    "Invalid term supplied, can handle string, mapping or list of strings but got: {}",
                    python::repr(term)
                )));
            }
        }
    }
    Ok(())
}

/// Each file in each path; the files as they are if there are no paths.
fn add(search: &mut Search, files: &[String], paths: &[String]) {
    if paths.is_empty() {
        search.files.extend_from_slice(files);
        return;
    }
    for path in paths {
        for file in files {
            search
                .files
                .push(Path::new(path).join(file).display().to_string());
        }
    }
}

/// A list of names, or a text of names with separators.
fn names(value: Option<&Value>, separators: &str) -> Result<Vec<String>, Error> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    let values = if value.kind() == ValueKind::Seq {
        items(value)?
    } else {
        vec![value.clone()]
    };
    for value in values {
        names.extend(
            python::to_text(&value)
                .split(|character| separators.contains(character))
                .map(str::to_owned),
        );
    }
    Ok(names)
}

fn template(lookup: &Lookup<'_>) -> Result<Vec<Value>, Error> {
    let convert = lookup.flag("convert_data", true)?;
    let mut options = TemplateOptions::default();
    for (name, field) in [
        ("variable_start_string", &mut options.variable_start_string),
        ("variable_end_string", &mut options.variable_end_string),
        ("comment_start_string", &mut options.comment_start_string),
        ("comment_end_string", &mut options.comment_end_string),
    ] {
        if let Some(text) = lookup.option(name)? {
            *field = python::to_text(&text);
        }
    }
    let mut layer: IndexMap<Arc<str>, Variable> = IndexMap::new();
    if let Some(variables) = lookup.option("template_vars")? {
        for (name, value) in entries(&finalize_complete(&variables)?) {
            layer.insert(python::to_text(&name).into(), Variable::Data(value));
        }
    }
    let templar = &lookup.context.templar;
    let keeps_types = templar.is_native() && lookup.flag("jinja2_native", false)?;
    let stays_text = templar.is_native() && !keeps_types || !convert;
    let templar = if keeps_types {
        templar.clone()
    } else {
        templar.textual()
    };
    let scope = lookup.context.scope().clone();
    let layer: Arc<dyn Layer> = Arc::new(layer);
    let mut found = Vec::new();
    for term in &lookup.terms {
        let name = python::to_text(term);
        let Some(path) = scope.host().find_file(&name, FileKind::Templates) else {
            return Err(failure(format!(
                "the template file {name} could not be found for the lookup{}",
                searched(lookup)
            )));
        };
        let shown = path.display().to_string();
        let source = read(lookup, &path)?;
        let own = Arc::new(scope.host().template_variables(&name, &path));
        let scope = scope.with(own).with(Arc::clone(&layer)).of_file(&path);
        let nested = Context::new(templar.clone(), scope);
        let value = match nested.single_variable(&source) {
            Some(value) => value,
            None => nested
                .render_file_to_value(&source, &shown, &options)
                .map_err(|error| Error::from(error.at(&Span::start_of(shown.as_str()))))?,
        };
        let value = match value.as_str() {
            Some(text) if convert && !keeps_types => crate::template::finalize_text(text),
            _ => value,
        };
        found.push(if stays_text {
            Value::from_safe_string(python::to_text(&value))
        } else {
            value
        });
    }
    Ok(found)
}
