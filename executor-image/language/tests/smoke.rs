//! The public interface, used as the engine uses it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use slipway_language::{
    FileKind, Layer, LookupHost, Node, Scope, Templar, Value, Variable, Verdict, repr, to_json, yaml,
};

#[derive(Debug)]
struct NoFiles;

impl LookupHost for NoFiles {
    fn find_file(&self, _: &str, _: FileKind) -> Option<PathBuf> {
        None
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Err(io::Error::new(
            io::ErrorKind::NotFound,
            path.display().to_string(),
        ))
    }
    fn environment(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| "/home/me".into())
    }
    fn glob(&self, _: &str) -> Vec<PathBuf> {
        Vec::new()
    }
    fn search_path(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

fn scope(variables: &str) -> Scope {
    let document = yaml::parse(variables, "vars.yml").unwrap();
    let mut layer: IndexMap<Arc<str>, Variable> = IndexMap::new();
    for (key, value) in document.root.as_ref().map(Node::entries).unwrap_or_default() {
        layer.insert(key.as_str().unwrap().into(), Variable::Template(value.clone()));
    }
    layer.insert("fact".into(), Variable::Data(Value::from("{{ secret }}")));
    Scope::new(vec![Arc::new(layer) as Arc<dyn Layer>], Arc::new(NoFiles))
}

fn render(text: &str, variables: &str) -> Result<String, String> {
    let node = Node::text(slipway_language::Span::start_of("test.yml"), text);
    let value = Templar::new()
        .render(&node, &scope(variables))
        .map_err(|error| error.to_string())?;
    Ok(repr(&value))
}

const VARIABLES: &str = "
n: 5
s: hello
d: {a: 1, b: '{{ n }}', bad: '{{ nope }}'}
l: [1, '{{ s }}']
x: '{{ y }}'
y: '{{ x }}'
z: '{{ nope }}'
deep: '{{ d.b ~ s }}'
";

#[test]
fn texts_become_values_by_the_rules_of_2_18() {
    for (text, expected) in [
        ("plain", "'plain'"),
        ("{{ n }}", "5"),
        ("{{ n + 1 }}", "'6'"),
        ("{{ d.b }}", "'5'"),
        ("{{ deep }}", "'5hello'"),
        ("{{ l }}", "[1, 'hello']"),
        ("{{ true }}", "True"),
        ("a {{ l }}", "\"a [1, 'hello']\""),
        ("[{{ 1 }}, {{ 2 }}]", "[1, 2]"),
        ("{{ none }}", "''"),
        ("{{ nope | default('x') }}", "'x'"),
        ("{{ d.nope.deep | default('x') }}", "'x'"),
        ("{{ nope.nope.deep | default('x') }}", "'x'"),
        ("{{ z | default('x') }}", "'x'"),
        ("{{ nope.a is defined }}", "False"),
        ("{{ fact }}", "'{{ secret }}'"),
        ("{{ '%05d' % 3 }}", "'00003'"),
        ("{{ lookup('env', 'HOME') }}", "'/home/me'"),
        ("{{ '\\1' }}", "'\\\\1'"),
        ("{{ (1, 2) }}", "'(1, 2)'"),
        ("{{ range(3) }}", "[0, 1, 2]"),
    ] {
        assert_eq!(render(text, VARIABLES).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_undefined_fails_where_it_is_used_and_is_named() {
    for (text, part) in [
        ("{{ nope }}", "'nope' is undefined"),
        ("a {{ d.nope }}", "'d.nope' is undefined"),
        ("{{ z }}", "{{ nope }}: 'nope' is undefined"),
        ("{{ d.bad }}", "{{ nope }}: 'nope' is undefined"),
        ("{{ d.nope == 1 }}", "'d.nope' is undefined"),
        ("{{ not nope.a }}", "is undefined"),
        ("{{ [nope] }}", "is undefined"),
        ("{{ s if false }}", "no else section"),
        ("{{ x }}", "recursive loop detected in template: x -> y -> x"),
    ] {
        let message = render(text, VARIABLES).unwrap_err();
        assert!(message.contains(part), "{text}: {message}");
        assert!(message.contains(".yml:"), "{text}: {message}");
    }
}

#[test]
fn conditions_say_which_of_them_is_false() {
    let scope = scope(VARIABLES);
    let templar = Templar::new();
    let document = yaml::parse("[n == 5, s == 'bye']", "play.yml").unwrap();
    let verdict = templar
        .condition(document.root.as_ref().unwrap(), &scope)
        .unwrap();
    assert_eq!(
        verdict,
        Verdict::False {
            condition: "s == 'bye'".into()
        }
    );
}

#[test]
fn yaml_errors_show_the_place() {
    let error = yaml::parse("a: 1\nb: {{ x }}\n", "play.yml")
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("play.yml:2:"), "{error}");
    assert!(error.contains("must be quoted"), "{error}");
    let document = yaml::parse(
        "a: 1\na: 2\nbase: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\n",
        "play.yml",
    )
    .unwrap();
    assert_eq!(document.warnings.len(), 1);
    let root = document.root.unwrap();
    let value = Templar::new().render(&root, &scope("")).unwrap();
    assert_eq!(
        to_json(&value).to_string(),
        r#"{"a":2,"base":{"x":1,"y":2},"use":{"x":1,"y":3}}"#
    );
}
