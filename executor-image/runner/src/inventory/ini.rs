//! INI inventories.

use std::sync::Arc;

use indexmap::IndexMap;
use slipway_language::{Node, NodeKind, Span, Variable};

use super::{Inventory, InventoryError, Vars, literal::parse_literal, ranges};

enum Section {
    Hosts(Arc<str>),
    Vars(Arc<str>),
    Children(Arc<str>),
}

/// Adds an INI inventory to `inventory`.
pub fn parse(text: &str, file: &str, inventory: &mut Inventory) -> Result<(), InventoryError> {
    let name: Arc<str> = Arc::from(file);
    let mut section = Section::Hosts(Arc::from("ungrouped"));
    // Groups that are used before a section defines them, with the line and what is wrong if none does.
    let mut pending: IndexMap<Arc<str>, Pending> = IndexMap::new();
    for (line, text) in (1_u32..).zip(text.lines()) {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') || text.starts_with(';') {
            continue;
        }
        let fail = |message: String| InventoryError::Line {
            file: file.to_owned(),
            line,
            message,
        };
        let span = Span {
            file: Arc::clone(&name),
            line,
            column: 1,
        };
        if let Some((group, kind)) = section_header(text) {
            section = open(group, kind, line, inventory, &mut pending).map_err(fail)?;
            continue;
        }
        match &section {
            Section::Hosts(group) => {
                let (hosts, vars) = host_line(text, &span).map_err(fail)?;
                for name in hosts {
                    inventory.add_to_group(&name, group);
                    inventory.set_host_variables(&name, vars.clone());
                }
            }
            Section::Vars(group) => {
                let (key, value) = text
                    .split_once('=')
                    .ok_or_else(|| fail(format!("Expected key=value, got: {text}")))?;
                let variable = Variable::Template(parse_literal(value.trim(), &span));
                match pending.get_mut(group) {
                    Some(pending) => pending.vars.push((key.trim().to_owned(), variable)),
                    None => inventory.set_group_variable(group, key.trim(), variable),
                }
            }
            Section::Children(group) => {
                let child =
                    child_name(text).ok_or_else(|| fail(format!("Expected group name, got: {text}")))?;
                if inventory.groups.contains_key(child) {
                    inventory.add_child(group, child)?;
                } else {
                    let pending = pending.entry(Arc::from(child)).or_insert_with(|| Pending {
                        line,
                        message: format!("Section [{group}:children] includes undefined group: {child}"),
                        ..Pending::default()
                    });
                    pending.parents.push(Arc::clone(group));
                }
            }
        }
    }
    match pending.into_iter().next() {
        None => Ok(()),
        Some((_, undefined)) => Err(InventoryError::Line {
            file: file.to_owned(),
            line: undefined.line,
            message: undefined.message,
        }),
    }
}

/// What was said of a group before a section defines it.
#[derive(Default)]
struct Pending {
    line: u32,
    message: String,
    parents: Vec<Arc<str>>,
    vars: Vec<(String, Variable)>,
}

fn open(
    group: &str,
    kind: &str,
    line: u32,
    inventory: &mut Inventory,
    pending: &mut IndexMap<Arc<str>, Pending>,
) -> Result<Section, String> {
    if kind == "vars" {
        if !inventory.groups.contains_key(group) {
            pending.entry(Arc::from(group)).or_insert_with(|| Pending {
                line,
                message: format!("Section [{group}:vars] not valid for undefined group: {group}"),
                ..Pending::default()
            });
        }
        return Ok(Section::Vars(Arc::from(group)));
    }
    if !matches!(kind, "hosts" | "children") {
        return Err(format!(
            "Section [{group}:{kind}] has unknown type: {kind} (known: hosts, vars, children)"
        ));
    }
    let name = inventory.named_group(group);
    if let Some(pending) = pending.shift_remove(group) {
        for parent in pending.parents {
            inventory
                .add_child(&parent, &name)
                .map_err(|error| error.to_string())?;
        }
        for (key, variable) in pending.vars {
            inventory.set_group_variable(&name, &key, variable);
        }
    }
    Ok(if kind == "hosts" {
        Section::Hosts(name)
    } else {
        Section::Children(name)
    })
}

/// `[group]` or `[group:kind]`, with a comment or nothing behind it; `[::1]:22` and `[a:c]x` are hosts.
fn section_header(text: &str) -> Option<(&str, &str)> {
    let (header, rest) = text.strip_prefix('[')?.split_once(']')?;
    let rest = rest.trim_start();
    let (group, kind) = header.split_once(':').unwrap_or((header, "hosts"));
    let is_name = !group.is_empty() && !group.contains(char::is_whitespace);
    let is_kind = !kind.is_empty()
        && kind
            .chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_');
    (is_name && is_kind && (rest.is_empty() || rest.starts_with('#'))).then_some((group, kind))
}

/// The group on a line below `[…:children]`.
fn child_name(text: &str) -> Option<&str> {
    let (name, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    let rest = rest.trim_start();
    let is_name = !name.contains([':', ']']);
    (is_name && (rest.is_empty() || rest.starts_with('#'))).then_some(name)
}

fn host_line(text: &str, span: &Span) -> Result<(Vec<String>, Vars), String> {
    let mut words = split_words(text)?.into_iter();
    let pattern = words.next().unwrap_or_default();
    if pattern.ends_with(':') || pattern.is_empty() {
        return Err(format!(
            "Invalid host pattern '{pattern}' supplied, ending in ':' is not allowed, this character is reserved to provide a port."
        ));
    }
    if pattern == "---" {
        return Err(format!(
            "Invalid host pattern '{pattern}' supplied, it is the beginning of a YAML file"
        ));
    }
    let ranges::Hosts { names, port } = ranges::hosts(&pattern)?;
    let mut vars = Vars::new();
    if let Some(port) = port {
        let node = Node::new(span.clone(), NodeKind::Int(i64::from(port)));
        vars.insert(Arc::from("ansible_port"), Variable::Template(node));
    }
    for word in words {
        let (key, value) = word
            .split_once('=')
            .ok_or_else(|| format!("Expected key=value host variable assignment, got: {word}"))?;
        vars.insert(Arc::from(key), Variable::Template(parse_literal(value, span)));
    }
    Ok((names, vars))
}

/// Words as a POSIX shell splits them, with `#` comments.
fn split_words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut in_word = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '#' if !in_word => break,
            blank if blank.is_whitespace() => {
                if in_word {
                    words.push(std::mem::take(&mut word));
                    in_word = false;
                }
            }
            quote @ ('"' | '\'') => {
                in_word = true;
                loop {
                    match characters.next() {
                        None => return Err(format!("a quotation mark is not closed in: {text}")),
                        Some(end) if end == quote => break,
                        Some('\\') if quote == '"' => match characters.next() {
                            Some(escaped @ ('"' | '\\')) => word.push(escaped),
                            Some(other) => word.extend(['\\', other]),
                            None => return Err(format!("a quotation mark is not closed in: {text}")),
                        },
                        Some(inner) => word.push(inner),
                    }
                }
            }
            '\\' => {
                in_word = true;
                word.extend(characters.next());
            }
            other => {
                in_word = true;
                word.push(other);
            }
        }
    }
    if in_word {
        words.push(word);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Inventory {
        let mut inventory = Inventory::default();
        parse(text, "hosts", &mut inventory).unwrap();
        inventory.reconcile();
        inventory
    }

    #[test]
    fn hosts_groups_children_and_vars_are_read() {
        let inventory = parsed(
            "lonely\n[web]\nw[1:2] ansible_port=2222 note='a b' # comment\n[db]\nd1:22\n[site:children]\nweb\ndb\n[site:vars]\nx = 5\n",
        );
        assert_eq!(
            inventory.hosts.keys().map(AsRef::as_ref).collect::<Vec<&str>>(),
            ["lonely", "w1", "w2", "d1"]
        );
        assert_eq!(inventory.hosts_of("site").len(), 3);
        assert_eq!(inventory.hosts_of("all").len(), 4);
        assert!(inventory.groups["ungrouped"].hosts.contains("lonely"));
        assert!(inventory.hosts["w1"].vars.contains_key("note"));
        assert!(inventory.hosts["d1"].vars.contains_key("ansible_port"));
        assert_eq!(inventory.groups["web"].depth, 2);
    }

    #[test]
    fn wrong_lines_are_named() {
        let cases = [
            ("[web\nx", None),
            (
                "h1 novalue",
                Some("hosts:1: Expected key=value host variable assignment, got: novalue"),
            ),
            (
                "[a:children]\nb",
                Some("hosts:2: Section [a:children] includes undefined group: b"),
            ),
            ("[a:stuff]", Some("unknown type: stuff")),
            ("h x='open", Some("not closed")),
        ];
        for (text, message) in cases {
            let error = parse(text, "hosts", &mut Inventory::default())
                .unwrap_err()
                .to_string();
            if let Some(message) = message {
                assert!(error.contains(message), "{text}: {error}");
            }
        }
    }

    #[test]
    fn addresses_of_ip_version_6_keep_their_colons() {
        let inventory = parsed("[::1]:22\nfe80::1\n");
        assert_eq!(
            inventory.hosts.keys().map(AsRef::as_ref).collect::<Vec<&str>>(),
            ["::1", "fe80::1"]
        );
    }
}
