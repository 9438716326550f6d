//! Finds the imports in a Python source without running it: strings and comments are left out, continued lines are joined.

/// One `import` or `from … import`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The module, as written: `a.b`; relative ones begin with dots.
    pub module: String,
    /// What is taken from it, each a module in it or a name; empty for `import a.b`.
    pub names: Vec<String>,
    /// Line of the source, from 1.
    pub line: usize,
    /// Whether it stands in a `try`: then what is missing is the module's own business.
    pub optional: bool,
}

/// A statement, or several with semicolons between them, on one line.
#[derive(Debug, Default)]
struct Line {
    number: usize,
    indentation: usize,
    text: String,
}

/// The imports of a source, in order.
pub fn imports(source: &str) -> Vec<Import> {
    let mut found = Vec::new();
    // The indentation of each block around, and whether it is part of a `try`.
    let mut blocks: Vec<(usize, bool)> = Vec::new();
    for line in logical_lines(source) {
        while blocks
            .last()
            .is_some_and(|(indentation, _)| *indentation >= line.indentation)
        {
            blocks.pop();
        }
        let (opens_try, rest) = opened_try(&line.text);
        let optional = opens_try || blocks.iter().any(|(_, is_try)| *is_try);
        if line.text.trim_end().ends_with(':') {
            blocks.push((line.indentation, opens_try));
        }
        for statement in rest.split(';') {
            found.extend(parse(statement.trim(), line.number, optional));
        }
    }
    found
}

/// Whether a line begins a part of a `try`, and what follows a colon that opens a block in the same line.
fn opened_try(text: &str) -> (bool, &str) {
    let opens = ["try", "except", "finally"].iter().any(|word| {
        text.strip_prefix(word)
            .is_some_and(|rest| rest.starts_with([':', ' ', '(', '*']))
    });
    let after = match text.split_once(": ") {
        Some((_, rest)) if is_import(rest.trim_start()) => rest,
        _ if opens => text.split_once(':').map_or("", |(_, rest)| rest),
        _ => text,
    };
    (opens, after)
}

fn is_import(text: &str) -> bool {
    text.starts_with("import ") || text.starts_with("from ")
}

fn parse(statement: &str, line: usize, optional: bool) -> Vec<Import> {
    let first_word = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
    if let Some(modules) = statement.strip_prefix("import ") {
        return modules
            .split(',')
            .map(first_word)
            .filter(|module| !module.is_empty())
            .map(|module| Import {
                module,
                names: Vec::new(),
                line,
                optional,
            })
            .collect();
    }
    let Some((module, names)) = statement
        .strip_prefix("from ")
        .and_then(|rest| rest.trim_start().split_once("import"))
    else {
        return Vec::new();
    };
    let module: String = module.split_whitespace().collect();
    let names: Vec<String> = names
        .trim()
        .trim_start_matches('(')
        .trim_end_matches(')')
        .split(',')
        .map(first_word)
        .filter(|name| !name.is_empty())
        .collect();
    if module.is_empty() || names.is_empty() {
        return Vec::new();
    }
    vec![Import {
        module,
        names,
        line,
        optional,
    }]
}

/// The lines as Python's own reader joins them.
fn logical_lines(source: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = Line {
        number: 1,
        ..Line::default()
    };
    let mut number = 1;
    let mut depth = 0_usize;
    let mut rest = source;
    while let Some(character) = rest.chars().next() {
        match character {
            '#' => rest = &rest[rest.find('\n').unwrap_or(rest.len())..],
            '"' | '\'' => {
                let length = string_length(rest, character);
                number += rest[..length].matches('\n').count();
                line.text.push_str("''");
                rest = &rest[length..];
            }
            '\\' if rest[1..].starts_with(['\n', '\r']) => {
                let length = if rest[1..].starts_with("\r\n") { 3 } else { 2 };
                number += 1;
                line.text.push(' ');
                rest = &rest[length..];
            }
            '\n' => {
                number += 1;
                rest = &rest[1..];
                if depth > 0 {
                    line.text.push(' ');
                } else {
                    finish(&mut line, number, &mut lines);
                }
            }
            _ => {
                match character {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                line.text.push(character);
                rest = &rest[character.len_utf8()..];
            }
        }
    }
    finish(&mut line, number, &mut lines);
    lines
}

/// Ends a line and begins the next one.
fn finish(line: &mut Line, next: usize, lines: &mut Vec<Line>) {
    let ended = std::mem::replace(
        line,
        Line {
            number: next,
            ..Line::default()
        },
    );
    let text = ended.text.trim();
    if text.is_empty() {
        return;
    }
    let indentation = ended.text.len() - ended.text.trim_start().len();
    lines.push(Line {
        number: ended.number,
        indentation,
        text: text.to_owned(),
    });
}

/// The length of the string that `text` begins with, quotation marks included.
fn string_length(text: &str, quote: char) -> usize {
    let long: String = std::iter::repeat_n(quote, 3).collect();
    let is_long = text.starts_with(&long);
    let mark = if is_long { long.as_str() } else { &long[..1] };
    let mut position = mark.len();
    while let Some(character) = text[position..].chars().next() {
        if text[position..].starts_with(mark) {
            return position + mark.len();
        }
        if character == '\n' && !is_long {
            // A string that is not closed: Python will say so.
            return position;
        }
        position += character.len_utf8();
        if character == '\\' {
            position += text[position..].chars().next().map_or(0, char::len_utf8);
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<(String, String, bool)> {
        imports(source)
            .into_iter()
            .map(|import| (import.module, import.names.join(" "), import.optional))
            .collect()
    }

    #[test]
    fn imports_of_every_form_are_found() {
        for (source, expected) in [
            ("import a.b.c", vec![("a.b.c", "", false)]),
            (
                "import a as x, b.c  # both",
                vec![("a", "", false), ("b.c", "", false)],
            ),
            ("from a.b import c as d, e", vec![("a.b", "c e", false)]),
            ("from a import (b,  # one\n    c,\n)", vec![("a", "b c", false)]),
            ("from a import \\\n    b", vec![("a", "b", false)]),
            ("from a import *", vec![("a", "*", false)]),
            ("from ..x.y import z", vec![("..x.y", "z", false)]),
            ("from . import z", vec![(".", "z", false)]),
            ("x = 1; import a", vec![("a", "", false)]),
            ("if x: import a", vec![("a", "", false)]),
            ("def f():\n    from a import b", vec![("a", "b", false)]),
            (
                "'''\nimport no\n'''\n\"import no\"\n# import no\nr'\\'; import no'",
                vec![],
            ),
            ("imports = 1\nimportant()\nfrom_ = 2", vec![]),
            (
                "x = '''it's \"\"\" import no'''\nimport a",
                vec![("a", "", false)],
            ),
        ] {
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(module, names, optional): (&str, &str, bool)| {
                    (module.to_owned(), names.to_owned(), optional)
                })
                .collect();
            assert_eq!(found(source), expected, "{source}");
        }
    }

    #[test]
    fn what_is_tried_is_optional() {
        let source = "try:\n    import a\n    if x:\n        import b\nexcept ImportError:\n    import c\nimport d\ntry: import e\nexcept: pass\n";
        let optional: Vec<(String, bool)> = imports(source)
            .into_iter()
            .map(|import| (import.module, import.optional))
            .collect();
        let expected = [("a", true), ("b", true), ("c", true), ("d", false), ("e", true)];
        assert_eq!(
            optional,
            expected.map(|(name, optional)| (name.to_owned(), optional))
        );
    }

    #[test]
    fn lines_are_counted_over_strings_and_continuations() {
        let source = "'''\n\n'''\nfrom a import (\n  b)\nimport c";
        let lines: Vec<usize> = imports(source).into_iter().map(|import| import.line).collect();
        assert_eq!(lines, [4, 6]);
    }
}
