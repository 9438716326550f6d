//! INI inventories.

use std::sync::Arc;

use slipway_language::{Span, Variable};

use super::{Inventory, InventoryError, Vars, literal::parse_literal, ranges};

enum Section {
    Hosts(String),
    Vars(String),
    Children(String),
}

/// Adds an INI inventory to `inventory`.
pub fn parse(text: &str, file: &str, inventory: &mut Inventory) -> Result<(), InventoryError> {
    let name: Arc<str> = Arc::from(file);
    let mut section = Section::Hosts("ungrouped".to_owned());
    let mut used_before_definition: Vec<(String, u32)> = Vec::new();
    let mut defined: Vec<String> = vec!["all".to_owned(), "ungrouped".to_owned()];
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
        if let Some(header) = section_header(text) {
            section = parse_header(header).map_err(fail)?;
            match &section {
                Section::Hosts(group) | Section::Children(group) => {
                    inventory.group(group);
                    defined.push(group.clone());
                }
                Section::Vars(group) => {
                    inventory.group(group);
                    used_before_definition.push((group.clone(), line));
                }
            }
            continue;
        }
        match &section {
            Section::Hosts(group) => {
                let (names, vars) = host_line(text, &span).map_err(fail)?;
                for name in names {
                    inventory.host(&name).vars.extend(vars.clone());
                    inventory.group(group).hosts.insert(Arc::from(name));
                }
            }
            Section::Vars(group) => {
                let (key, value) = text
                    .split_once('=')
                    .ok_or_else(|| fail(format!("Expected key=value, got: {text}")))?;
                let node = parse_literal(value.trim(), &span);
                inventory
                    .group(group)
                    .vars
                    .insert(Arc::from(key.trim()), Variable::Template(node));
            }
            Section::Children(group) => {
                let child = text.split('#').next().unwrap_or(text).trim();
                inventory.group(group).children.insert(Arc::from(child));
                inventory.group(child);
                used_before_definition.push((child.to_owned(), line));
            }
        }
    }
    for (group, line) in used_before_definition {
        if !defined.contains(&group) {
            return Err(InventoryError::Line {
                file: file.to_owned(),
                line,
                message: format!("Section [{group}] is not defined: add it, or correct its name here"),
            });
        }
    }
    Ok(())
}

fn section_header(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let (header, rest) = inner.split_once(']')?;
    let rest = rest.trim();
    // `[::1]:22` and `[a:c]x` are hosts.
    (rest.is_empty() || rest.starts_with('#'))
        .then_some(header)
        .filter(|header| {
            header.split(':').all(|part| {
                !part.is_empty() && !part.chars().next().is_some_and(|first| first.is_ascii_digit())
            })
        })
}

fn parse_header(header: &str) -> Result<Section, String> {
    let (group, kind) = header.split_once(':').unwrap_or((header, "hosts"));
    let group = group.trim().to_owned();
    match kind.trim() {
        "hosts" => Ok(Section::Hosts(group)),
        "vars" => Ok(Section::Vars(group)),
        "children" => Ok(Section::Children(group)),
        other => Err(format!(
            "Section [{header}] has unknown type: {other} (known: hosts, vars, children)"
        )),
    }
}

fn host_line(text: &str, span: &Span) -> Result<(Vec<String>, Vars), String> {
    let mut words = split_words(text)?.into_iter();
    let pattern = words.next().unwrap_or_default();
    let (pattern, port) = split_port(&pattern);
    let names = ranges::expand(&pattern)?;
    let mut vars = Vars::new();
    if let Some(port) = port {
        let node = parse_literal(&port, span);
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

/// `name:port`, `[::1]:port`; an IPv6 address without brackets has no port.
fn split_port(pattern: &str) -> (String, Option<String>) {
    if let Some(rest) = pattern.strip_prefix('[')
        && let Some((address, port)) = rest.split_once(']')
        && address.matches(':').count() > 1
    {
        return (address.to_owned(), port.strip_prefix(':').map(str::to_owned));
    }
    let outside: String = {
        let mut depth = 0_i32;
        pattern
            .chars()
            .map(|character| {
                match character {
                    '[' => depth += 1,
                    ']' => depth -= 1,
                    _ => {}
                }
                if depth > 0 && character == ':' {
                    '.'
                } else {
                    character
                }
            })
            .collect()
    };
    if outside.matches(':').count() == 1
        && let Some(index) = outside.rfind(':')
        && outside[index + 1..].bytes().all(|byte| byte.is_ascii_digit())
    {
        return (pattern[..index].to_owned(), Some(pattern[index + 1..].to_owned()));
    }
    (pattern.to_owned(), None)
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
        inventory.reconcile().unwrap();
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
            ("[a:children]\nb", Some("hosts:2: Section [b] is not defined")),
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
