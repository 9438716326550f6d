//! Every answer of the real ansible-core 2.18 (`golden/answers.json`) against ours; `golden/generate.py` made them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::format_push_string,
    reason = "a test"
)]

mod exceptions;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use indexmap::IndexMap;
use slipway_language::{
    CommandOutput, FileKind, Layer, LookupHost, Node, NodeKind, Part, Scope, Span, Templar, TemplateOptions,
    Value, Variable, arguments, loops, repr, yaml,
};

/// The template that others extend.
const BASE: &str = "base.j2";

/// Finds files in the fixtures, as a playbook beside them would.
#[derive(Debug)]
struct Fixtures {
    folder: PathBuf,
    /// What [`BASE`] is.
    base: Mutex<String>,
}

impl LookupHost for Fixtures {
    fn find_file(&self, name: &str, kind: FileKind) -> Option<PathBuf> {
        if name == BASE {
            return Some(BASE.into());
        }
        [self.folder.join(kind.folder()).join(name), self.folder.join(name)]
            .into_iter()
            .find(|path| path.exists())
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new(BASE) {
            return Ok(self.base.lock().unwrap().clone().into());
        }
        std::fs::read(path)
    }
    fn environment(&self, name: &str) -> Option<String> {
        (name == "GOLDEN_VARIABLE").then(|| "from the environment".into())
    }
    fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let (folder, name) = pattern.rsplit_once('/').unwrap_or(("files", pattern));
        let (prefix, suffix) = name.split_once('*').unwrap_or((name, ""));
        let mut found: Vec<PathBuf> = std::fs::read_dir(self.folder.join(folder))
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        found.retain(|path| {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            name.starts_with(prefix) && name.ends_with(suffix) && path.is_file()
        });
        found.sort();
        found
    }
    fn search_path(&self) -> Vec<PathBuf> {
        vec![self.folder.clone()]
    }
    fn run(&self, command: &str) -> io::Result<CommandOutput> {
        let output = std::process::Command::new("sh").args(["-c", command]).output()?;
        Ok(CommandOutput {
            status: output.status.code().unwrap_or(-1),
            standard_output: output.stdout,
            standard_error: output.stderr,
        })
    }
    fn path_type(&self, path: &Path) -> Option<slipway_language::PathType> {
        let metadata = std::fs::symlink_metadata(self.folder.join(path)).ok()?;
        Some(if metadata.is_dir() {
            slipway_language::PathType::Directory
        } else {
            slipway_language::PathType::File
        })
    }
}

struct Group {
    scope: Scope,
    templar: Templar,
    host: Arc<Fixtures>,
    fixtures: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// A node as a value, its texts as they are written.
fn plain(node: &Node) -> Value {
    match &node.kind {
        NodeKind::Null => Value::from(()),
        NodeKind::Bool(value) => Value::from(*value),
        NodeKind::Int(value) => Value::from(*value),
        NodeKind::Float(value) => Value::from(*value),
        NodeKind::Str(text) | NodeKind::Unsafe(text) => Value::from(&**text),
        NodeKind::Vault(encrypted) => Value::from(&**encrypted.text()),
        NodeKind::Bytes(bytes) => Value::from_bytes(bytes.to_vec()),
        NodeKind::List(items) => items.iter().map(plain).collect::<Vec<_>>().into(),
        NodeKind::Map(entries) => {
            Value::from_pairs(entries.iter().map(|(key, value)| (plain(key), plain(value))))
        }
    }
}

/// The groups of a file of cases.
fn groups(document: &yaml::Document) -> &[Node] {
    let groups = document.root.as_ref().and_then(Node::as_list);
    groups.expect("a list of groups")
}

fn text(node: &Node) -> &str {
    node.as_str()
        .unwrap_or_else(|| panic!("{}: a text is needed", node.span))
}

impl Group {
    fn new(node: &Node) -> Self {
        let fixtures = folder().join("fixtures");
        let mut layer: IndexMap<Arc<str>, Variable> = IndexMap::new();
        for (name, value) in node.get("variables").map(Node::entries).unwrap_or_default() {
            layer.insert(text(name).into(), Variable::Template(value.clone()));
        }
        for (name, value) in node.get("data").map(Node::entries).unwrap_or_default() {
            layer.insert(text(name).into(), Variable::Data(plain(value)));
        }
        let host = Arc::new(Fixtures {
            folder: fixtures.clone(),
            base: Mutex::default(),
        });
        Self {
            scope: Scope::new(
                vec![Arc::new(layer) as Arc<dyn Layer>],
                Arc::clone(&host) as Arc<dyn LookupHost>,
            ),
            templar: Templar::new(),
            host,
            fixtures: fixtures.display().to_string(),
        }
    }

    fn answer(&self, kind: &str, case: &Node) -> Result<String, String> {
        let whole = |error: &dyn std::fmt::Display| error.to_string();
        let value = match kind {
            "expressions" => self
                .templar
                .render_text(&format!("{{{{ [{}] }}}}", text(case)), &case.span, &self.scope)
                .map_err(|error| whole(&error))?,
            "templates" => self
                .templar
                .render(case, &self.scope)
                .map_err(|error| whole(&error))?,
            "conditions" => Value::from(
                self.templar
                    .condition(case, &self.scope)
                    .map_err(|error| whole(&error))?
                    .is_true(),
            ),
            "loops" => {
                let name = case.get("with").map(text).unwrap_or_default();
                let terms = case.get("terms").expect("terms");
                loops::with(&self.templar, name, terms, &self.scope, "debug")
                    .map_err(|error| whole(&error))?
                    .iter()
                    .map(Part::value)
                    .collect()
            }
            "files" => {
                let source = case.get("source").map(text).unwrap_or_default();
                let options = template_options(case.get("options"));
                let rendered = self
                    .templar
                    .template_file(source, "case.j2", &options, &self.scope);
                rendered.map_err(|error| whole(&error))?.into()
            }
            "documents" => {
                let document = yaml::parse(text(case), "case.yml").map_err(|error| whole(&error))?;
                document.root.as_ref().map_or_else(|| Value::from(()), plain)
            }
            "key_values" => {
                arguments(arguments::parse_key_values(text(case)).map_err(|error| whole(&error))?)
            }
            "free_forms" => arguments(arguments::split_free_form(text(case)).map_err(|error| whole(&error))?),
            other => panic!("unknown kind of case {other}"),
        };
        let omit = slipway_language::to_text(&slipway_language::omit());
        Ok(repr(&value)
            .replace(&self.fixtures, "FIXTURES")
            .replace(&omit, "__omit_place_holder__"))
    }
}

/// Arguments as Ansible's `parse_kv` returns them.
fn arguments(arguments: arguments::Arguments) -> Value {
    let mut entries: IndexMap<String, String> = arguments.options.into_iter().collect();
    if !arguments.free_form.is_empty() {
        entries.insert("_raw_params".into(), arguments.free_form);
    }
    Value::from_pairs(entries)
}

fn template_options(node: Option<&Node>) -> TemplateOptions {
    let mut options = TemplateOptions::default();
    for (name, value) in node.map(Node::entries).unwrap_or_default() {
        let flag = matches!(value.kind, NodeKind::Bool(true));
        let written = value.as_str().unwrap_or_default().to_owned();
        match text(name) {
            "trim_blocks" => options.trim_blocks = flag,
            "lstrip_blocks" => options.lstrip_blocks = flag,
            "newline_sequence" => options.newline_sequence = written,
            "variable_start_string" => options.variable_start_string = written,
            "variable_end_string" => options.variable_end_string = written,
            "block_start_string" => options.block_start_string = written,
            "block_end_string" => options.block_end_string = written,
            "comment_start_string" => options.comment_start_string = written,
            "comment_end_string" => options.comment_end_string = written,
            other => panic!("unknown option {other}"),
        }
    }
    options
}

#[test]
fn every_answer_is_that_of_ansible() {
    let folder = folder();
    let source = std::fs::read_to_string(folder.join("cases.yml")).unwrap();
    let document = yaml::parse(&source, "cases.yml").unwrap_or_else(|error| panic!("{error}"));
    let answers: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("answers.json")).unwrap()).unwrap();
    let mut total = 0;
    let mut used: HashSet<usize> = HashSet::new();
    let mut differences = Vec::new();
    for node in groups(&document) {
        let name = node.get("name").map(text).expect("a name");
        let group = Group::new(node);
        for (kind, expected) in answers[name].as_object().expect("answers of the group") {
            let cases = node.get(kind).and_then(Node::as_list).expect("cases");
            let expected = expected.as_array().expect("a list of answers");
            assert_eq!(cases.len(), expected.len(), "{name} {kind}: run generate.py");
            for (case, expected) in cases.iter().zip(expected) {
                total += 1;
                let answer = group.answer(kind, case);
                let agrees = match (&answer, expected["value"].as_str()) {
                    (Ok(ours), Some(theirs)) => ours == theirs,
                    (Err(_), None) => true,
                    _ => false,
                };
                let shown = repr(&plain(case));
                let exception = exceptions::EXCEPTIONS
                    .iter()
                    .position(|(group, case, _)| *group == name && *case == shown);
                match (agrees, exception) {
                    (true, None) => {}
                    (false, Some(index)) => {
                        used.insert(index);
                    }
                    (true, Some(_)) => {
                        differences.push(format!("{name} {kind} {shown}\n   is an exception but agrees"));
                    }
                    (false, None) => differences.push(format!(
                        "{name} {kind} {shown}\n   ansible: {expected}\n   ours:    {answer:?}"
                    )),
                }
            }
        }
    }
    let unused: Vec<_> = (0..exceptions::EXCEPTIONS.len())
        .filter(|index| !used.contains(index))
        .collect();
    assert!(unused.is_empty(), "exceptions that no case needs: {unused:?}");
    assert!(total > 2000, "only {total} cases");
    assert!(
        differences.is_empty(),
        "{} of {total} answers differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// The templates with settings that are not the default (`golden/settings.json`).
#[test]
fn every_answer_under_other_settings_is_that_of_ansible() {
    let folder = folder();
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
    let document = yaml::parse(&read("cases.yml"), "cases.yml").unwrap_or_else(|error| panic!("{error}"));
    let answers: serde_json::Value = serde_json::from_str(&read("settings.json")).unwrap();
    let exceptions: serde_json::Value = serde_json::from_str(&read("../exceptions/settings.json")).unwrap();
    let exceptions = exceptions.as_array().expect("a list of exceptions");
    let mut used: HashSet<usize> = HashSet::new();
    let (mut total, mut differences) = (0, Vec::new());
    for node in groups(&document) {
        let name = node.get("name").map(text).expect("a name");
        let cases = node.get("templates").and_then(Node::as_list).unwrap_or_default();
        for (setting, templar) in [
            ("jinja2_native", Templar::new().native(true)),
            ("error_on_undefined_vars", Templar::new().keep_undefined(true)),
        ] {
            let group = Group {
                templar,
                ..Group::new(node)
            };
            let expected = answers[name][setting].as_array().expect("answers of the group");
            assert_eq!(cases.len(), expected.len(), "{name} {setting}: run generate.py");
            for (case, expected) in cases.iter().zip(expected) {
                total += 1;
                let answer = group.answer("templates", case);
                if answer.as_deref().ok() == expected["value"].as_str() {
                    continue;
                }
                let shown = repr(&plain(case));
                // What differs whatever the settings are.
                if exceptions::EXCEPTIONS
                    .iter()
                    .any(|(group, case, _)| *group == name && *case == shown)
                {
                    continue;
                }
                let exception = exceptions.iter().position(|exception| {
                    exception["setting"] == setting && exception["case"] == shown.as_str()
                });
                match exception {
                    Some(index) => drop(used.insert(index)),
                    None => differences.push(format!(
                        "{name} {setting} {shown}\n   ansible: {expected}\n   ours:    {answer:?}"
                    )),
                }
            }
        }
    }
    let unused: Vec<_> = (0..exceptions.len())
        .filter(|index| !used.contains(index) || exceptions[*index]["why"].as_str().is_none_or(str::is_empty))
        .map(|index| &exceptions[index]["case"])
        .collect();
    assert!(unused.is_empty(), "exceptions that no case needs: {unused:?}");
    assert!(total > 1000, "only {total} cases");
    assert!(
        differences.is_empty(),
        "{} of {total} answers differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// Every pattern of `matrix.yml` with every input in its place.
#[test]
fn every_pattern_answers_every_input_as_ansible_does() {
    let folder = folder();
    let source = std::fs::read_to_string(folder.join("matrix.yml")).unwrap();
    let document = yaml::parse(&source, "matrix.yml").unwrap_or_else(|error| panic!("{error}"));
    let answers: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("matrix.json")).unwrap()).unwrap();
    let exceptions: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("../exceptions/matrix.json")).unwrap())
            .unwrap();
    let exceptions = exceptions.as_array().expect("a list of exceptions");
    let is_meant = |exception: &serde_json::Value, pattern: &str, input: &str| {
        exception["pattern"] == pattern
            && exception["inputs"]
                .as_array()
                .is_some_and(|inputs| inputs.iter().any(|known| known == input))
    };
    let (mut total, mut count) = (0, 0);
    let mut used: HashSet<usize> = HashSet::new();
    let mut differences = String::new();
    for node in groups(&document) {
        let group = Group::new(node);
        let list = |name| node.get(name).and_then(Node::as_list).expect("a list");
        let expected = &answers[node.get("name").map(text).expect("a name")];
        for pattern in list("patterns") {
            let row = expected[text(pattern)].as_array().expect("run generate.py");
            assert_eq!(row.len(), list("inputs").len(), "run generate.py");
            for (input, theirs) in list("inputs").iter().zip(row) {
                total += 1;
                let expression = text(pattern).replace('@', text(input));
                let answer = group.answer("expressions", &Node::text(pattern.span.clone(), expression));
                if answer.as_deref().ok() == theirs.as_str() {
                    continue;
                }
                let exception = exceptions
                    .iter()
                    .position(|exception| is_meant(exception, text(pattern), text(input)));
                if let Some(index) = exception {
                    used.insert(index);
                    continue;
                }
                count += 1;
                differences.push_str(&format!(
                    "{} <- {}\n   ansible: {theirs}\n   ours:    {answer:?}\n",
                    text(pattern),
                    text(input)
                ));
            }
        }
    }
    let unused: Vec<_> = (0..exceptions.len())
        .filter(|index| {
            let why = exceptions[*index]["why"].as_str().unwrap_or_default();
            why.is_empty() || !(used.contains(index) || why.contains("by chance"))
        })
        .map(|index| &exceptions[index]["pattern"])
        .collect();
    assert!(total > 10_000, "only {total} cases");
    assert!(count == 0, "{count} of {total} answers differ:\n{differences}");
    assert!(
        unused.is_empty(),
        "exceptions that no case needs or that give no reason: {unused:?}"
    );
}

#[test]
fn the_places_of_errors_are_those_of_the_case() {
    let span = Span::new("play.yml", 7, 3);
    let group = Group::new(&Node::new(span.clone(), NodeKind::Null));
    let error = group
        .templar
        .render_text("{{ nope }}", &span, &group.scope)
        .unwrap_err();
    assert_eq!(error.to_string(), "'nope' is undefined (play.yml:7:3)");
    assert_eq!(error.undefined.as_deref(), Some("nope"));
}

/// What is loaded is written anew from its rewritten tree, and must mean the same.
#[test]
fn a_template_that_another_extends_gives_what_it_gives_itself() {
    let source = std::fs::read_to_string(folder().join("cases.yml")).unwrap();
    let document = yaml::parse(&source, "cases.yml").unwrap_or_else(|error| panic!("{error}"));
    let mut total = 0;
    let mut differences = Vec::new();
    for node in groups(&document) {
        let group = Group::new(node);
        for kind in ["expressions", "templates", "files"] {
            for case in node.get(kind).and_then(Node::as_list).unwrap_or_default() {
                let (source, options) = match kind {
                    "expressions" => (format!("{{{{ [{}] }}}}", text(case)), TemplateOptions::default()),
                    "templates" => match case.as_str() {
                        Some(text) => (text.to_owned(), TemplateOptions::default()),
                        None => continue,
                    },
                    _ => (
                        case.get("source").map(text).unwrap_or_default().to_owned(),
                        template_options(case.get("options")),
                    ),
                };
                // Options are of the template that is rendered; what it loads has those of its first line only.
                if options != TemplateOptions::default() || source.contains("random") {
                    continue;
                }
                total += 1;
                let render = |source: &str| {
                    group
                        .templar
                        .template_file(source, "case.j2", &options, &group.scope)
                        .map_err(|_| "an error")
                };
                let direct = render(source.strip_suffix('\n').unwrap_or(&source));
                group.host.base.lock().unwrap().clone_from(&source);
                let extended = render("{% extends 'base.j2' %}");
                if direct != extended {
                    differences.push(format!(
                        "{source}\n   itself:   {direct:?}\n   extended: {extended:?}"
                    ));
                }
            }
        }
    }
    assert!(total > 1000, "only {total} cases");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
