//! Host patterns: `web:db`, `all,!old`, `web:&staging`, `node[0:2]`, `~rack[ab].*`, `db*`.

use std::{path::Path, sync::Arc};

use indexmap::IndexSet;
use regex::Regex;

use super::{Inventory, InventoryError, ranges};

/// The hosts that a pattern selects, and the terms that matched nothing.
#[derive(Debug, Default)]
pub struct Selection {
    /// In inventory order of each term, each host once.
    pub hosts: IndexSet<Arc<str>>,
    /// Terms that matched no host and no group, for a warning.
    pub unmatched: Vec<String>,
}

/// Selects hosts. Unions come first, then intersections (`&`), then exclusions (`!`), whatever order they are written in.
/// A term that is a host is that host and no group of its name.
pub fn select(inventory: &Inventory, patterns: &[String]) -> Result<Selection, InventoryError> {
    let terms: Vec<String> = patterns.iter().flat_map(|pattern| split(pattern)).collect();
    let (mut plain, mut intersections, mut exclusions) = (Vec::new(), Vec::new(), Vec::new());
    for term in &terms {
        match term.as_bytes().first() {
            Some(b'!') => exclusions.push(&term[1..]),
            Some(b'&') => intersections.push(&term[1..]),
            _ => plain.push(term.as_str()),
        }
    }
    // Commas alone are a pattern without names: it means everybody, too.
    if plain.is_empty() && patterns.iter().any(|pattern| !pattern.trim().is_empty()) {
        plain.push("all");
    }
    let mut selection = Selection::default();
    for term in plain {
        if inventory.hosts.contains_key(term) {
            selection.hosts.insert(Arc::from(term));
            continue;
        }
        let hosts = matches(inventory, term, &mut selection.unmatched)?;
        selection.hosts.extend(hosts);
    }
    for term in intersections {
        let hosts = matches(inventory, term, &mut selection.unmatched)?;
        selection.hosts.retain(|host| hosts.contains(host));
    }
    for term in exclusions {
        let hosts = matches(inventory, term, &mut selection.unmatched)?;
        selection.hosts.retain(|host| !hosts.contains(host));
    }
    Ok(selection)
}

/// Splits at commas, or at colons outside brackets if there is no comma; a pattern that is an address stays whole.
pub fn split(pattern: &str) -> Vec<String> {
    let trimmed = |part: &str| Some(part.trim().to_owned()).filter(|part| !part.is_empty());
    if pattern.contains(',') {
        return pattern.split(',').filter_map(trimmed).collect();
    }
    let (_, port) = ranges::split_port(pattern);
    if port.is_some() || pattern.parse::<std::net::Ipv6Addr>().is_ok() {
        return trimmed(pattern).into_iter().collect();
    }
    let (mut parts, mut depth, mut current) = (Vec::new(), 0_u32, String::new());
    for character in pattern.chars() {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            // Blanks part patterns too, so that `a | first` is three of them, no filter.
            ':' | ' ' | '\t' | '\n' if depth == 0 => {
                parts.extend(trimmed(&std::mem::take(&mut current)));
                continue;
            }
            _ => {}
        }
        current.push(character);
    }
    parts.extend(trimmed(&current));
    parts
}

/// The patterns of `--limit`: `@file` stands for the lines of a file.
pub fn limit(limit: &str) -> Result<Vec<String>, InventoryError> {
    let mut patterns = Vec::new();
    for part in split(limit) {
        let Some(file) = part.strip_prefix('@') else {
            patterns.push(part);
            continue;
        };
        let path = Path::new(file);
        if !path.exists() {
            return Err(InventoryError::Pattern(format!(
                "Unable to find limit file {file}"
            )));
        }
        if path.is_dir() {
            return Err(InventoryError::Pattern(format!(
                "Limit starting with \"@\" must be a file, not a directory: {file}"
            )));
        }
        let text = std::fs::read_to_string(path).map_err(|source| InventoryError::Read {
            path: path.to_path_buf(),
            source,
        })?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        patterns.extend(lines.map(str::to_owned));
    }
    Ok(patterns)
}

fn matches(
    inventory: &Inventory,
    term: &str,
    unmatched: &mut Vec<String>,
) -> Result<IndexSet<Arc<str>>, InventoryError> {
    let (name, subscript) = split_subscript(term)?;
    let matcher = Matcher::new(name)?;
    let mut hosts: IndexSet<Arc<str>> = IndexSet::new();
    let mut matched = false;
    for group in inventory.groups.keys().filter(|group| matcher.matches(group)) {
        matched = true;
        hosts.extend(inventory.hosts_of(group));
    }
    // A name with a point may be that of a host though a group has it too.
    if !matched || !matches!(matcher, Matcher::Exact(_)) || name.contains('.') {
        for (host, known) in &inventory.hosts {
            if matcher.matches(host) && (!known.implicit || matches!(matcher, Matcher::Exact(_))) {
                matched = true;
                hosts.insert(Arc::clone(host));
            }
        }
    }
    if !matched && name != "all" {
        unmatched.push(term.to_owned());
    }
    Ok(match subscript {
        None => hosts,
        Some(subscript) => subscript.apply(&hosts),
    })
}

/// Whether Ansible makes up a host of this name.
pub fn is_local_name(name: &str) -> bool {
    matches!(name, "localhost" | "127.0.0.1" | "::1")
}

enum Matcher {
    Exact(String),
    Regex(Regex),
    Glob(glob::Pattern),
}

impl Matcher {
    fn new(term: &str) -> Result<Self, InventoryError> {
        if term == "all" || term == "*" {
            return Ok(Self::Exact("all".to_owned()));
        }
        if let Some(expression) = term.strip_prefix('~') {
            // Anchored at the start only, as Python's `match` is.
            return Regex::new(&format!("^(?:{expression})"))
                .map(Self::Regex)
                .map_err(|error| {
                    InventoryError::Pattern(format!(
                        "the host pattern {term:?} is not a regular expression: {error}"
                    ))
                });
        }
        if term.contains(['*', '?', '[']) {
            return glob::Pattern::new(term).map(Self::Glob).map_err(|error| {
                InventoryError::Pattern(format!("the host pattern {term:?} is not a glob: {error}"))
            });
        }
        Ok(Self::Exact(term.to_owned()))
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Regex(regex) => regex.is_match(name),
            Self::Glob(glob) => glob.matches(name),
        }
    }
}

enum Subscript {
    Index(isize),
    Slice(isize, Option<isize>),
}

impl Subscript {
    fn apply(&self, hosts: &IndexSet<Arc<str>>) -> IndexSet<Arc<str>> {
        let place = |index: isize| {
            if index < 0 {
                hosts.len().checked_sub(index.unsigned_abs())
            } else {
                usize::try_from(index).ok()
            }
        };
        match *self {
            Self::Index(index) => place(index)
                .and_then(|index| hosts.get_index(index).cloned())
                .into_iter()
                .collect(),
            Self::Slice(start, end) => {
                let start = place(start).unwrap_or(0);
                let end = end
                    .map_or(Some(hosts.len()), |end| place(end).map(|end| end + 1))
                    .unwrap_or(0);
                hosts
                    .iter()
                    .skip(start)
                    .take(end.saturating_sub(start))
                    .cloned()
                    .collect()
            }
        }
    }
}

fn split_subscript(term: &str) -> Result<(&str, Option<Subscript>), InventoryError> {
    if term.starts_with('~') || !term.ends_with(']') {
        return Ok((term, None));
    }
    let Some((name, inside)) = term[..term.len() - 1].rsplit_once('[') else {
        return Ok((term, None));
    };
    let number = |text: &str| text.parse::<isize>();
    let looks_numeric = !inside.is_empty()
        && inside
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"-:".contains(&byte));
    if name.is_empty() || !looks_numeric || inside == "-" {
        return Ok((term, None));
    }
    let wrong = |_| {
        InventoryError::Pattern(format!(
            "the subscript [{inside}] of the host pattern {term:?} is not a number or a range"
        ))
    };
    let subscript = match inside.split_once(':') {
        None => Subscript::Index(number(inside).map_err(wrong)?),
        Some((start, end)) => {
            let start = if start.is_empty() {
                0
            } else {
                number(start).map_err(wrong)?
            };
            let end = if end.is_empty() {
                None
            } else {
                Some(number(end).map_err(wrong)?)
            };
            Subscript::Slice(start, end)
        }
    };
    Ok((name, Some(subscript)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory() -> Inventory {
        let mut inventory = Inventory::default();
        super::super::ini::parse(
            "lonely\n[web]\nw1\nw2\nw3\n[db]\nd1\nd2\n[old]\nw3\nd2\n[site:children]\nweb\ndb\n",
            "hosts",
            &mut inventory,
        )
        .unwrap();
        inventory.reconcile();
        inventory
    }

    #[test]
    fn patterns_select_as_ansible_does() {
        let inventory = inventory();
        // `all` goes through the groups breadth first: hosts of `old` come before those of the groups below `site`.
        for (pattern, expected) in [
            ("all", "lonely w3 d2 w1 w2 d1"),
            ("*", "lonely w3 d2 w1 w2 d1"),
            ("web", "w1 w2 w3"),
            ("web:db", "w1 w2 w3 d1 d2"),
            ("web,db", "w1 w2 w3 d1 d2"),
            ("site:!old", "w1 w2 d1"),
            ("!old", "lonely w1 w2 d1"),
            ("!old:web", "w1 w2"),
            ("site:&old", "w3 d2"),
            ("w*", "w1 w2 w3"),
            ("w?", "w1 w2 w3"),
            ("~[wd]1", "w1 d1"),
            ("web[0]", "w1"),
            ("web[-1]", "w3"),
            ("web[1:2]", "w2 w3"),
            ("web[1:]", "w2 w3"),
            ("web[0:1],db", "w1 w2 d1 d2"),
            ("w1:d1", "w1 d1"),
            ("a*", "lonely w3 d2 w1 w2 d1"),
            ("nothing", ""),
        ] {
            let selection = select(&inventory, &[pattern.to_owned()]).unwrap();
            let hosts: Vec<&str> = selection.hosts.iter().map(AsRef::as_ref).collect();
            assert_eq!(hosts.join(" "), expected, "{pattern}");
        }
    }

    #[test]
    fn a_limit_file_has_a_pattern_a_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "web\n\ndb\n").unwrap();
        let patterns = limit(&format!("@{},other", file.path().display())).unwrap();
        assert_eq!(patterns, ["web", "db", "other"]);
        let error = limit("@/nonexistent").unwrap_err().to_string();
        assert!(error.contains("/nonexistent"), "{error}");
    }

    #[test]
    fn a_term_that_matches_nothing_is_reported() {
        let selection = select(&inventory(), &["web:nope".to_owned()]).unwrap();
        assert_eq!(selection.unmatched, ["nope"]);
    }

    #[test]
    fn a_wrong_regular_expression_is_refused() {
        let error = select(&inventory(), &["~[".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("not a regular expression"), "{error}");
    }
}
