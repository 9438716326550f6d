//! Where our answer differs from ansible-core's on purpose: the group, the case as Python prints it, and why.

/// Each is used by the golden test; one that no case needs fails it. Those of `golden/matrix.yml` stand in `matrix.json`.
pub const EXCEPTIONS: &[(&str, &str, &str)] = &[
    // A mapping is rendered key by key: one bad key does not make the others undefined, as in ansible-core 2.19.
    ("undefined", "'{{ nope | default(d.a.b) }}'", "lazy mappings"),
    ("undefined", "'{{ d.a.b is defined }}'", "lazy mappings"),
    ("undefined", "'{{ d.good }}'", "lazy mappings"),
    // What Python's own objects print.
    ("basics", "'d | tojson'", "Jinja's Markup object is a text to us"),
    (
        "basics",
        "'n if not b'",
        "an undefined item of a list is an error to us, not the text [Undefined]",
    ),
    (
        "finalisation",
        "'{{ [1 if not b] }}'",
        "an undefined item of a list is an error to us, not the text [Undefined]",
    ),
    (
        "methods",
        "'[1,2].__class__'",
        "Python's inner workings are not there",
    ),
    (
        "methods",
        "'s.__class__'",
        "Python's inner workings are not there",
    ),
    (
        "methods",
        "'(1).bit_length()'",
        "a method of numbers that no playbook uses",
    ),
    (
        "methods",
        "\"s.translate({104: 'j'})\"",
        "a method that no playbook uses",
    ),
    (
        "tests",
        "\"s is sameas('abc')\"",
        "two equal texts are not one object in Python; values have no identity here",
    ),
    (
        "text and numbers",
        "\"'nan' | float | string\"",
        "folding constants makes Jinja write the name `nan` into Python source",
    ),
    (
        "text and numbers",
        "\"{{ 'nan' | float | string }}\"",
        "folding constants makes Jinja write the name `nan` into Python source",
    ),
    (
        "json and hashes",
        "'range(2) | to_json'",
        "a range is a list to us",
    ),
    ("yaml", "'range(3) | to_yaml'", "a range is a list to us"),
    // What minijinja's syntax has not, or has more.
    ("basics", "'{% set 日 = 1 %}{{ 日 }}'", "names are ASCII"),
    (
        "basics",
        "'{% macro m() %}{{ kwargs }}{{ varargs }}{% endmacro %}{{ m(1, z=2) }}'",
        "macros have no varargs and kwargs",
    ),
    (
        "basics",
        "'{% for i in l %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% endfor %}'",
        "`continue` is allowed",
    ),
    (
        "blocks",
        "'{% for i in l %}{% if loop.index == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}'",
        "`break` is allowed",
    ),
    (
        "finalisation",
        "'{{ lipsum is defined }}'",
        "nobody needs lorem ipsum in a playbook",
    ),
    (
        "undefined",
        "\"{{ (1 if false).x | default('d') }}\"",
        "an `if` without `else` may be asked for an attribute",
    ),
    // Values do not change in place, but for literals of `set`.
    ("basics", "'l.append(4)'", "variables do not change in place"),
    (
        "basics",
        "'{{ l.append(4) }}'",
        "variables do not change in place",
    ),
    // Lookups.
    (
        "lookups",
        "\"{{ query('sequence', '0x0a-0x0c:%04x') }}\"",
        "hexadecimal numbers are documented, but fail in 2.18",
    ),
    (
        "lookups",
        "\"{{ query('sequence', 'end={{ 2 }}') }}\"",
        "a text inside an expression is never a template itself",
    ),
    // YAML.
    (
        "yaml",
        "'d | to_nice_yaml | from_yaml == d'",
        "U+2028 ends a line in YAML 1.1, but not in 1.2, which the parser reads",
    ),
    (
        "yaml",
        "'{{ [d.q[54]] | to_nice_yaml | from_yaml == [d.q[54]] }}'",
        "U+2028 ends a line in YAML 1.1, but not in 1.2, which the parser reads",
    ),
    (
        "yaml documents",
        "'a: 12345678901234567890'",
        "a number beyond 64 bits keeps its digits as text",
    ),
    (
        "yaml documents",
        "'a: ='",
        "`=` is text, not YAML 1.1's forgotten value tag",
    ),
    ("yaml documents", "'a: <<'", "`<<` as a value is text"),
];
