//! The public interface, used as a playbook engine uses it.
#![expect(clippy::unwrap_used, reason = "a test")]

mod limits;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use slipway_language::{
    FileKind, Layer, LookupHost, Node, Scope, Templar, Value, Variable, VaultSecrets, Verdict, repr, to_json,
    yaml,
};

/// A machine with one file.
#[derive(Debug)]
struct Macros;

impl LookupHost for Macros {
    fn find_file(&self, name: &str, _: FileKind) -> Option<PathBuf> {
        (name == "macros.j2").then(|| name.into())
    }
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Ok(b"{% macro greet(who) %}hello\n\n{{ who.name }}{% endmacro %}".to_vec())
    }
    fn environment(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| "/home/me".into())
    }
}

fn scope(variables: &str) -> Scope {
    let document = yaml::parse(variables, "vars.yml").unwrap();
    let mut layer: IndexMap<Arc<str>, Variable> = IndexMap::new();
    for (key, value) in document.root.as_ref().map(Node::entries).unwrap_or_default() {
        layer.insert(key.as_str().unwrap().into(), Variable::Template(value.clone()));
    }
    layer.insert("fact".into(), Variable::Data(Value::from("{{ secret }}")));
    Scope::new(vec![Arc::new(layer) as Arc<dyn Layer>], Arc::new(Macros))
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

#[test]
fn lines_of_quoted_texts_and_flow_collections_may_stand_further_left() {
    for (text, expected) in [
        (
            "- a:\n    b: 'one\n  two\n three'\n    c: 1\n",
            r#"[{"a":{"b":"one two three","c":1}}]"#,
        ),
        (
            "- a:\n    b: \"x\n\ty \\\"\n\t\tz \\\n w\"\n",
            r#"[{"a":{"b":"x y \" z w"}}]"#,
        ),
        (
            "- a:\n    b: 'it''s\n\nhere' # 'no\n",
            r#"[{"a":{"b":"it's\nhere"}}]"#,
        ),
        (
            "- a: {b: 'v\nw', c: [1,\n2,\n3]}\n",
            r#"[{"a":{"b":"v w","c":[1,2,3]}}]"#,
        ),
    ] {
        let values = yaml::values(text, "play.yml").unwrap();
        assert_eq!(to_json(&values[0]).to_string(), expected, "{text}");
    }
    let error = yaml::parse("a:\n  b: 'never\nclosed\n", "play.yml").unwrap_err();
    assert_eq!((error.span.line, error.span.column), (2, 6), "{error}");
}

/// One line of `check` for each problem, and whether conditions are checked as such.
fn problems(source: &str) -> Vec<String> {
    let document = yaml::parse(source, "play.yml").unwrap();
    let root = document.root.unwrap();
    let templar = Templar::new();
    let mut found: Vec<String> = templar.check(&root).iter().map(ToString::to_string).collect();
    if let Some(when) = root.get("when") {
        found.extend(templar.check_condition(when).iter().map(ToString::to_string));
    }
    found
}

#[test]
fn a_mistake_in_a_template_that_another_loads_is_told_with_its_own_place() {
    for (text, expected) in [
        (
            "{% import 'macros.j2' as m %}{{ m.greet({'name': 'you'}) }}",
            Ok("'hello\\n\\nyou'"),
        ),
        (
            "{% import 'macros.j2' as m %}\n\n\n\n{{ m.greet({}) }}",
            Err(" is undefined (in macros.j2 line 3) (test.yml:1:1)"),
        ),
        (
            "\n{% import 'nowhere.j2' as m %}",
            Err("tried to include non-existing template 'nowhere.j2' (test.yml:1:1)"),
        ),
    ] {
        match (render(text, VARIABLES), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(expected)) => assert!(found.ends_with(expected), "{found}"),
            (found, expected) => panic!("{text}: {found:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn mistakes_in_templates_are_found_before_anything_runs() {
    for (source, expected) in [
        (
            "a: '{{ x | defualt(1) }}'",
            "play.yml:1:4: there is no filter 'defualt'; did you mean 'default'?",
        ),
        (
            "a: '{{ x is deffined }}'",
            "play.yml:1:4: there is no test 'deffined'; did you mean 'defined'?",
        ),
        (
            "a: [1, \"{{ lookup('fille', 'x') }}\"]",
            "play.yml:1:8: there is no lookup 'fille'; did you mean 'file'?",
        ),
        (
            "a: \"{{ l | map('uper') }}\"",
            "play.yml:1:4: there is no filter 'uper'; did you mean 'upper'?",
        ),
        (
            "a: \"{{ l | selectattr('x', 'mach', 'y') }}\"",
            "play.yml:1:4: there is no test 'mach'; did you mean 'match'?",
        ),
        (
            "when: [b, 'x | nosuch']",
            "play.yml:1:11: there is no filter 'nosuch'",
        ),
        ("when: x ==", "play.yml:1:7: syntax error in template: "),
        ("a: '{{ x '", "play.yml:1:4: syntax error in template: "),
    ] {
        let found = problems(source);
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{source}: {found:?}"
        );
    }
    assert_eq!(
        problems(
            "a: \"{{ x | default(1) | ansible.builtin.to_json }} {{ y is ansible.builtin.version('1', '<') }}\"\nwhen: x is defined"
        ),
        Vec::<String>::new()
    );
}

#[test]
fn a_layer_on_top_wins_and_is_seen_by_templates_below() {
    let below = scope("greeting: 'hello {{ name }}'\nname: below");
    let mut layer: IndexMap<Arc<str>, Variable> = IndexMap::new();
    layer.insert("name".into(), Variable::Data(Value::from("above")));
    let above = below.with(Arc::new(layer));
    let templar = Templar::new();
    let greeting = |scope: &Scope| scope.get(&templar, "greeting").unwrap().unwrap().to_string();
    assert_eq!(greeting(&below), "hello below");
    assert_eq!(greeting(&above), "hello above");
    assert_eq!(above.get(&templar, "nobody").unwrap(), None);
}

#[test]
fn omitted_entries_of_mappings_disappear_and_items_of_lists_stay() {
    let document = yaml::parse(
        "a: 1\nb: '{{ nope | default(omit) }}'\nc: {d: '{{ omit }}', e: ['{{ omit }}', 2, {f: '{{ omit }}'}]}",
        "task.yml",
    );
    let value = Templar::new()
        .render(document.unwrap().root.as_ref().unwrap(), &scope(""))
        .unwrap();
    assert_eq!(
        repr(&slipway_language::strip_omit(&value)).replace(&slipway_language::omit().to_string(), "omit"),
        "{'a': 1, 'c': {'e': ['omit', 2, {}]}}"
    );
}

#[test]
fn what_a_host_answers_is_never_a_template() {
    let scope = scope("copy: '{{ fact }}'\nlisted: ['{{ fact }}']");
    for text in [
        "{{ fact }}",
        "{{ copy }}",
        "{{ listed[0] }}",
        "{{ [fact] | first }}",
    ] {
        let span = slipway_language::Span::start_of("test.yml");
        let value = Templar::new().render_text(text, &span, &scope).unwrap();
        assert_eq!(value.as_str(), Some("{{ secret }}"), "{text}");
    }
    let document = yaml::parse("!unsafe '{{ fact }}'", "test.yml").unwrap();
    let value = Templar::new()
        .render(document.root.as_ref().unwrap(), &scope)
        .unwrap();
    assert_eq!(value.as_str(), Some("{{ fact }}"));
}

/// What the real ansible-vault 2.18 wrote with the password `pw`: `plain` and `hello {{ 1+1 }}`.
const ENCRYPTED: &str = "
secret: !vault |
  $ANSIBLE_VAULT;1.1;AES256
  30313539643564393061646430653936343062333862663136316335303638343432633535333939
  3735373138366632353035313631353136336463353036310a386566326666373161636534633635
  39306438353832336462323037333930393836343762396465303662646230313966666635336264
  3937626463643535340a666534623337663362366332333764663038613036323238373238316331
  6338
template: !vault |
  $ANSIBLE_VAULT;1.1;AES256
  38633234396632633331656231343363373831633035343835666566313638333936636332373031
  3331616438346366663863396534656634353937306139300a613966633264616566303364626234
  65303634353761653464643839343638363233376236323136386163343037383561373966663834
  6166333662303762390a623363333464376562383865626536626436313733343239363937343134
  3762
inside: {list: ['{{ secret }}']}
";

/// A host that has the password, or another.
#[derive(Debug)]
struct WithPassword(&'static str);

impl LookupHost for WithPassword {
    fn vault(&self) -> VaultSecrets {
        let mut secrets = VaultSecrets::new();
        secrets.add("default", self.0.as_bytes()).unwrap();
        secrets
    }
}

#[test]
fn encrypted_values_are_decrypted_when_they_are_used_and_are_no_templates() {
    let render = |text: &str, password: &'static str| {
        let document = yaml::parse(ENCRYPTED, "vars.yml").unwrap();
        let layer: IndexMap<Arc<str>, Variable> = document
            .root
            .as_ref()
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .map(|(key, value)| (key.as_str().unwrap().into(), Variable::Template(value.clone())))
            .collect();
        let scope = Scope::new(
            vec![Arc::new(layer) as Arc<dyn Layer>],
            Arc::new(WithPassword(password)),
        );
        let node = Node::text(slipway_language::Span::start_of("test.yml"), text);
        let value = Templar::new().render(&node, &scope);
        value.map(|value| repr(&value)).map_err(|error| error.to_string())
    };
    for (text, expected) in [
        ("{{ secret }}", "'plain'"),
        ("<{{ template }}>", "'<hello {{ 1+1 }}>'"),
        ("{{ secret == 'plain' }} {{ secret | upper }}", "'True PLAIN'"),
        ("{{ inside }}", "{'list': ['plain']}"),
        ("{{ 'nothing' }}", "'nothing'"),
    ] {
        assert_eq!(render(text, "pw").as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(render("{{ 'nothing' }}", "wrong").as_deref(), Ok("'nothing'"));
    assert_eq!(
        render("{{ inside.list[0] }}", "wrong").unwrap_err(),
        "cannot decrypt a !vault value: Decryption failed (no vault secrets were found that could decrypt; tried: default) (vars.yml:2:9)"
    );
}

#[test]
fn native_values_keep_their_types() {
    let scope = scope("n: 5\ns: abc\nl: [1, '{{ n }}']\n");
    let templar = Templar::new().native(true);
    // Answers of ansible-core 2.18 with `jinja2_native = True`.
    for (text, expected) in [
        ("{{ n }}", "5"),
        ("{{ '5' }}", "5"),
        ("{{ n }}{{ n }}", "55"),
        ("{{ n }} {{ s }}", "'5 abc'"),
        ("{{ none }}", "None"),
        ("{{ true }}", "True"),
        ("{{ 'true' }}", "'true'"),
        ("{{ 'True' }}", "True"),
        ("{{ 1.5 }}", "1.5"),
        ("{{ (1, 2) }}", "(1, 2)"),
        ("{{ l }}", "[1, 5]"),
        ("[{{ n }}, {{ n }}]", "[5, 5]"),
        ("{{ '[1]' | string }}", "'[1]'"),
        ("{{ s }}", "'abc'"),
        (" {{ n }}", "' 5'"),
        ("{{ \"'x'\" }}", "\"'x'\""),
        ("{{ 10 / 2 }}", "5.0"),
        ("{{ l | to_json }}", "'[1, 5]'"),
        ("{% if n %}7{% endif %}", "7"),
    ] {
        let node = Node::text(slipway_language::Span::start_of("test.yml"), text);
        assert_eq!(repr(&templar.render(&node, &scope).unwrap()), expected, "{text}");
    }
}

#[test]
fn a_name_that_is_nearly_right_is_suggested() {
    let error = render("{{ deeep }}", VARIABLES).unwrap_err();
    assert_eq!(error, "'deeep' is undefined (test.yml:1:1). Did you mean 'deep'?");
    let error = render("{{ fcat.x }}", VARIABLES).unwrap_err();
    assert!(error.ends_with("Did you mean 'fact'?"), "{error}");
    assert!(!render("{{ nope }}", VARIABLES).unwrap_err().contains("mean"));
    // Not of what is undefined in something that is there.
    assert!(!render("{{ d.bda }}", VARIABLES).unwrap_err().contains("mean"));
}

#[test]
fn loops_need_lists_and_say_what_they_got() {
    let scope = scope(VARIABLES);
    let templar = Templar::new();
    let items = |source: &str| {
        let document = yaml::parse(source, "loop.yml").unwrap();
        slipway_language::loops::items(&templar, document.root.as_ref().unwrap(), &scope)
    };
    assert_eq!(items("'{{ l }}'").unwrap().len(), 2);
    let error = items("'{{ s }}'").unwrap_err().to_string();
    assert!(
        error.contains("requires a list") && error.contains("loop.yml:1:1"),
        "{error}"
    );
    assert_eq!(
        items("'{{ nope }}'").unwrap_err().undefined.as_deref(),
        Some("nope")
    );
}

#[test]
fn rekey_on_member_says_in_ansibles_words_why_it_cannot() {
    for (expression, words) in [
        (
            "[{'a': 1}] | rekey_on_member('a', duplicates='no')",
            "duplicates parameter to rekey_on_member has unknown value",
        ),
        (
            "1 | rekey_on_member('a')",
            "Type is not a valid list, set, or dict",
        ),
        ("[1] | rekey_on_member('a')", "List item is not a valid dict"),
        ("[{'b': 1}] | rekey_on_member('a')", "Key a was not found"),
        (
            "[{'a': 1}, {'a': 1}] | rekey_on_member('a')",
            "Key 1 is not unique, cannot correctly turn into dict",
        ),
    ] {
        let error = render(&format!("{{{{ {expression} }}}}"), "").unwrap_err();
        assert!(error.contains(words), "{expression}: {error}");
    }
}
