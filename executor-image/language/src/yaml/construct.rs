//! Builds nodes from the parser's events: anchors, merge keys, tags, duplicate keys, and limits.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};

use super::error::YamlError;
use super::flow::Moved;
use super::scalar;
use crate::node::{Encrypted, Node, NodeKind};
use crate::span::Span;

/// Containers deeper than this are refused: no playbook is so deep, and each level costs stack.
const MAXIMUM_DEPTH: usize = 128;
/// Values a document may have, aliases counted as often as they are used ("billion laughs").
const MAXIMUM_NODES: u64 = 5_000_000;
/// Bytes a document may have.
const MAXIMUM_SIZE: usize = 64 * 1024 * 1024;

/// What was read from one YAML text.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The value; nothing for an empty file.
    pub root: Option<Node>,
    /// What is allowed but probably a mistake.
    pub warnings: Vec<Warning>,
}

/// Something allowed but probably a mistake, such as a key given twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub span: Span,
    /// What.
    pub message: String,
}

/// Reads a text that holds at most one document. `file` names the text in spans and errors.
pub fn parse(text: &str, file: &str) -> Result<Document, YamlError> {
    let mut documents = documents(text, file)?;
    if documents.0.len() > 1 {
        let second = documents.0.swap_remove(1);
        return Err(YamlError::new(
            text,
            second.span,
            "a second document begins here; one is expected",
        )
        .with_hint("Remove the `---` line, or put the second document into a file of its own."));
    }
    Ok(Document {
        root: documents.0.pop(),
        warnings: documents.1,
    })
}

/// Reads all documents of a text.
pub fn parse_all(text: &str, file: &str) -> Result<Vec<Node>, YamlError> {
    documents(text, file).map(|(nodes, _)| nodes)
}

/// All documents of a text, and what is probably a mistake.
fn documents(text: &str, file: &str) -> Result<(Vec<Node>, Vec<Warning>), YamlError> {
    let mut moved = Moved::default();
    loop {
        let parsed = moved.apply(text);
        let mut constructor = Constructor::new(text, &parsed, file, &moved)?;
        let outcome = constructor.documents();
        let refused = constructor.refused.take();
        match (outcome, refused) {
            (Err(_), Some(refused)) if moved.add(refused.line, refused.column, &refused.reason, text) => {}
            (outcome, _) => return outcome.map_err(|error| error.of_file(file, text)),
        }
    }
}

/// An anchored value, with its size so that aliases count.
struct Anchored {
    node: Node,
    size: u64,
}

/// What the parser refuses.
struct Refused {
    /// Counted from 1.
    line: usize,
    /// Counted from 0, in the text as it is written.
    column: usize,
    reason: String,
}

struct Constructor<'text> {
    /// The text as it is written.
    text: &'text str,
    /// How the text that is parsed differs from it.
    moved: &'text Moved,
    /// What the parser refuses.
    refused: Option<Refused>,
    file: Arc<str>,
    parser: Parser<'text, StrInput<'text>>,
    anchors: HashMap<usize, Anchored>,
    warnings: Vec<Warning>,
    /// Values built so far, aliases expanded.
    size: u64,
    /// The lines of the text.
    lines: Vec<&'text str>,
    /// Where the last event ended, in characters; the length of the text, in characters.
    end: usize,
    length: usize,
}

impl<'text> Constructor<'text> {
    fn new(text: &'text str, parsed: &'text str, file: &str, moved: &'text Moved) -> Result<Self, YamlError> {
        let file: Arc<str> = file.into();
        if text.len() > MAXIMUM_SIZE {
            return Err(YamlError::new(
                "",
                Span::start_of(file),
                format!("larger than {MAXIMUM_SIZE} bytes"),
            ));
        }
        let parsed = parsed.strip_prefix('\u{feff}').unwrap_or(parsed);
        Ok(Self {
            text,
            moved,
            refused: None,
            file,
            parser: Parser::new_from_str(parsed),
            anchors: HashMap::new(),
            warnings: Vec::new(),
            size: 0,
            lines: parsed.lines().collect(),
            end: 0,
            length: parsed.chars().count(),
        })
    }

    fn documents(&mut self) -> Result<(Vec<Node>, Vec<Warning>), YamlError> {
        let mut roots = Vec::new();
        loop {
            let (event, marker) = self.next()?;
            match event {
                Event::StreamEnd => return Ok((roots, std::mem::take(&mut self.warnings))),
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::DocumentEnd => self.anchors.clear(),
                first => {
                    let node = self.node(first, marker, 0)?;
                    // An empty file is a document that holds nothing.
                    if !(node.is_null() && roots.is_empty() && self.text.trim().is_empty()) {
                        roots.push(node);
                    }
                }
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'text>, Marker), YamlError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.end = span.end.index();
                self.refuse_tabs(&event, span.start)?;
                Ok((event, span.start))
            }
            Some(Err(error)) => {
                let marker = error.marker();
                self.refused = Some(Refused {
                    line: marker.line(),
                    column: marker.col().saturating_sub(self.moved.blanks(marker.line())),
                    reason: error.info().to_owned(),
                });
                Err(self.error(*error.marker(), error.info()))
            }
            None => Ok((Event::StreamEnd, Marker::default())),
        }
    }

    /// YAML 1.1 allows no tab where a key or an item begins.
    fn refuse_tabs(&self, event: &Event<'_>, marker: Marker) -> Result<(), YamlError> {
        if !matches!(
            event,
            Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..)
        ) {
            return Ok(());
        }
        let line = self
            .lines
            .get(marker.line().saturating_sub(1))
            .copied()
            .unwrap_or_default();
        let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
        if marker.col() <= blanks && line[..blanks].contains('\t') {
            return Err(self.error(marker, "a tab stands before this value"));
        }
        Ok(())
    }

    fn span(&self, marker: Marker) -> Span {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Span::new(
            Arc::clone(&self.file),
            number(marker.line().max(1)),
            number(marker.col().saturating_sub(self.moved.blanks(marker.line())) + 1),
        )
    }

    fn error(&self, marker: Marker, message: impl Into<String>) -> YamlError {
        YamlError::new(self.text, self.span(marker), message)
    }

    fn count(&mut self, marker: Marker, nodes: u64) -> Result<(), YamlError> {
        self.size = self.size.saturating_add(nodes);
        if self.size > MAXIMUM_NODES {
            return Err(self.error(
                marker,
                format!("more than {MAXIMUM_NODES} values (aliases count as often as they are used)"),
            ));
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'text>, marker: Marker, depth: usize) -> Result<Node, YamlError> {
        if depth > MAXIMUM_DEPTH {
            return Err(self.error(marker, format!("nested deeper than {MAXIMUM_DEPTH} levels")));
        }
        let before = self.size;
        let (node, anchor) = match event {
            Event::Alias(anchor) => {
                let Some(anchored) = self.anchors.get(&anchor) else {
                    return Err(self.error(marker, "this alias is used before its anchor is complete"));
                };
                let (node, size) = (anchored.node.clone(), anchored.size);
                self.count(marker, size)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(marker, 1)?;
                // A block at the very end of a text without a last newline has none either.
                let is_cut = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
                    && self.end >= self.length
                    && !self.text.ends_with('\n');
                let text = if is_cut {
                    text.strip_suffix('\n').unwrap_or(&text)
                } else {
                    &*text
                };
                let kind = self.scalar(text, style, tag.as_deref(), marker)?;
                (Node::new(self.span(marker), kind), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.count(marker, 1)?;
                let is_unsafe = self.container_tag(tag.as_deref(), "seq", marker)?;
                let mut items = Vec::new();
                loop {
                    let (event, place) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break;
                    }
                    items.push(self.node(event, place, depth + 1)?);
                }
                let node = Node::new(self.span(marker), NodeKind::List(items.into()));
                (if is_unsafe { make_unsafe(&node) } else { node }, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.count(marker, 1)?;
                let is_unsafe = self.container_tag(tag.as_deref(), "map", marker)?;
                let entries = self.mapping(depth)?;
                let node = Node::new(self.span(marker), NodeKind::Map(entries.into()));
                (if is_unsafe { make_unsafe(&node) } else { node }, anchor)
            }
            other => return Err(self.error(marker, format!("unexpected {other:?}"))),
        };
        if anchor != 0 {
            self.anchors.insert(
                anchor,
                Anchored {
                    node: node.clone(),
                    size: self.size - before,
                },
            );
        }
        Ok(node)
    }

    fn mapping(&mut self, depth: usize) -> Result<Vec<(Node, Node)>, YamlError> {
        let mut entries: Vec<(Node, Node)> = Vec::new();
        let mut merged: Vec<(Node, Node)> = Vec::new();
        let mut positions: HashMap<String, usize> = HashMap::new();
        loop {
            let (event, marker) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event, marker, depth + 1)?;
            let (event, place) = self.next()?;
            let value = self.node(event, place, depth + 1)?;
            if is_merge {
                merged.extend(self.merge_source(&value, place)?);
                continue;
            }
            if matches!(key.kind, NodeKind::List(_) | NodeKind::Map(_)) {
                return Err(self
                    .error(marker, format!("{} cannot be a key", key.type_name()))
                    .with_hint(
                        "A value that begins with {{ must be quoted, or YAML takes it for a mapping.",
                    ));
            }
            if let Some(&position) = positions.get(&key_identity(&key)) {
                self.warnings.push(Warning {
                    span: entries[0].0.span.clone(),
                    message: format!(
                        "found a duplicate dict key ({}). Using last defined value only.",
                        key.as_str().map_or_else(|| key_identity(&key), str::to_owned),
                    ),
                });
                entries[position].1 = value;
            } else {
                positions.insert(key_identity(&key), entries.len());
                entries.push((key, value));
            }
        }
        if merged.is_empty() {
            return Ok(entries);
        }
        // As in PyYAML merged keys stand before the mapping's own, which win.
        let mut all: Vec<(Node, Node)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut put = |(key, value): (Node, Node)| {
            if let Some(&place) = places.get(&key_identity(&key)) {
                all[place].1 = value;
            } else {
                places.insert(key_identity(&key), all.len());
                all.push((key, value));
            }
        };
        merged.into_iter().for_each(&mut put);
        entries.into_iter().for_each(&mut put);
        Ok(all)
    }

    fn merge_source(&mut self, value: &Node, marker: Marker) -> Result<Vec<(Node, Node)>, YamlError> {
        let entries: Vec<(Node, Node)> = match &value.kind {
            NodeKind::Map(entries) => entries.to_vec(),
            NodeKind::List(items) if items.iter().all(|item| matches!(item.kind, NodeKind::Map(_))) => {
                // Of several sources the first wins.
                let mut seen = std::collections::HashSet::new();
                let entries = items.iter().flat_map(Node::entries);
                entries
                    .filter(|(key, _)| seen.insert(key_identity(key)))
                    .cloned()
                    .collect()
            }
            _ => {
                return Err(self.error(
                    marker,
                    format!(
                        "`<<` needs a mapping or a list of mappings, not {}",
                        value.type_name()
                    ),
                ));
            }
        };
        self.count(marker, entries.len() as u64)?;
        Ok(entries)
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        marker: Marker,
    ) -> Result<NodeKind, YamlError> {
        let Some(tag) = tag else {
            return Ok(match style {
                ScalarStyle::Plain => scalar::resolve(text),
                _ => NodeKind::Str(text.into()),
            });
        };
        let wrong =
            |expected: &str| self.error(marker, format!("`{text}` is not {expected}, as its tag says"));
        match tag_name(tag).as_str() {
            "!unsafe" => Ok(NodeKind::Unsafe(text.into())),
            "!" | "!!str" => Ok(NodeKind::Str(text.into())),
            "!!null" => Ok(NodeKind::Null),
            "!!bool" => match scalar::resolve(text) {
                kind @ NodeKind::Bool(_) => Ok(kind),
                _ => Err(wrong("a boolean")),
            },
            "!!int" => scalar::integer(text).ok_or_else(|| wrong("an integer")),
            "!!float" => scalar::float(text)
                .or_else(|| text.parse().ok().map(NodeKind::Float))
                .ok_or_else(|| wrong("a number")),
            "!!binary" => binary(text).ok_or_else(|| wrong("base64")),
            "!!timestamp" => Ok(scalar::resolve(text)),
            "!vault" | "!vault-encrypted" => {
                let text = text.trim();
                slipway_vault::Envelope::parse(text.as_bytes()).map_err(|error| {
                    self.error(marker, format!("this value is tagged !vault, but {error}"))
                })?;
                Ok(NodeKind::Vault(Encrypted::new(format!("{text}\n"))))
            }
            other => Err(self.unknown_tag(other, marker)),
        }
    }

    /// Whether a container is tagged `!unsafe`.
    fn container_tag(&self, tag: Option<&Tag>, own: &str, marker: Marker) -> Result<bool, YamlError> {
        match tag.map(tag_name).as_deref() {
            None | Some("!") => Ok(false),
            Some("!unsafe") => Ok(true),
            Some(name) if name.strip_prefix("!!") == Some(own) => Ok(false),
            Some(other) => Err(self.unknown_tag(other, marker)),
        }
    }

    fn unknown_tag(&self, name: &str, marker: Marker) -> YamlError {
        self.error(marker, format!("the tag `{name}` is not supported"))
            .with_hint(
                "Known tags: !unsafe, !vault, !!str, !!int, !!float, !!bool, !!null, !!binary, !!seq, !!map.",
            )
    }
}

/// What base64 encodes; other characters in it do not count, as in Python.
fn binary(text: &str) -> Option<NodeKind> {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let text: Vec<u8> = text.bytes().filter(is_base64).collect();
    STANDARD
        .decode(text)
        .ok()
        .map(|bytes| NodeKind::Bytes(bytes.into()))
}

fn tag_name(tag: &Tag) -> String {
    match tag.handle.as_str() {
        "tag:yaml.org,2002:" => format!("!!{}", tag.suffix),
        "!" | "" => format!("!{}", tag.suffix.trim_start_matches('!')),
        handle => format!("{handle}{}", tag.suffix),
    }
}

/// Two keys are the same if they are the same value: `1` and `"1"` differ.
fn key_identity(key: &Node) -> String {
    match &key.kind {
        NodeKind::Str(text) | NodeKind::Unsafe(text) => format!("\"{text}"),
        other => format!("{other:?}"),
    }
}

/// `!unsafe` on a list or mapping holds for all text inside.
fn make_unsafe(node: &Node) -> Node {
    let kind = match &node.kind {
        NodeKind::Str(text) => NodeKind::Unsafe(Arc::clone(text)),
        NodeKind::List(items) => NodeKind::List(items.iter().map(make_unsafe).collect()),
        NodeKind::Map(entries) => NodeKind::Map(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), make_unsafe(value)))
                .collect(),
        ),
        other => other.clone(),
    };
    Node::new(node.span.clone(), kind)
}
