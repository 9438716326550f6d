//! How one text is written in YAML: plain, or in quotes.

use crate::node::NodeKind;
use crate::yaml::scalar::resolve;

/// How a text may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
    Folded,
}

/// What is in a text that decides how it may be written.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about a text")]
pub(super) struct Analysis {
    pub(super) is_empty: bool,
    pub(super) is_multi_line: bool,
    pub(super) flow_plain: bool,
    pub(super) block_plain: bool,
    pub(super) single_quoted: bool,
    pub(super) block: bool,
}

/// Characters that end a line in YAML 1.1.
pub(super) fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_blank(character: Option<&char>) -> bool {
    character.is_none_or(|character| matches!(character, '\0' | ' ' | '\t') || is_break(*character))
}

/// Whether a character may stand in a text without an escape. As in libyaml, those beyond the basic plane may not.
pub(super) fn is_printable(character: char) -> bool {
    matches!(character, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && character != '\u{feff}'
}

pub(super) fn analyze(text: &str) -> Analysis {
    if text.is_empty() {
        return Analysis {
            is_empty: true,
            block_plain: true,
            single_quoted: true,
            ..Analysis::default()
        };
    }
    let characters: Vec<char> = text.chars().collect();
    let mut block_indicators = text.starts_with("---") || text.starts_with("...");
    let mut flow_indicators = block_indicators;
    let (mut line_breaks, mut special) = (false, false);
    let (mut break_space, mut space_break) = (false, false);
    let (mut previous_space, mut previous_break) = (false, false);
    for (index, &character) in characters.iter().enumerate() {
        let before_blank = is_blank(characters.get(index + 1));
        let after_blank = index == 0 || is_blank(characters.get(index - 1));
        if index == 0 {
            match character {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
                | '`' => {
                    flow_indicators = true;
                    block_indicators = true;
                }
                '?' | ':' => {
                    flow_indicators = true;
                    block_indicators |= before_blank;
                }
                '-' if before_blank => {
                    flow_indicators = true;
                    block_indicators = true;
                }
                _ => {}
            }
        } else {
            match character {
                ',' | '?' | '[' | ']' | '{' | '}' => flow_indicators = true,
                ':' => {
                    flow_indicators = true;
                    block_indicators |= before_blank;
                }
                '#' if after_blank => {
                    flow_indicators = true;
                    block_indicators = true;
                }
                _ => {}
            }
        }
        special |= !is_printable(character);
        if character == ' ' {
            break_space |= previous_break;
            (previous_space, previous_break) = (true, false);
        } else if is_break(character) {
            line_breaks = true;
            space_break |= previous_space;
            (previous_space, previous_break) = (false, true);
        } else {
            (previous_space, previous_break) = (false, false);
        }
    }
    let first = characters[0];
    let last = characters[characters.len() - 1];
    let bad_ends = first == ' ' || is_break(first) || last == ' ' || is_break(last);
    let plain = !bad_ends && !break_space && !space_break && !special && !line_breaks;
    Analysis {
        is_empty: false,
        is_multi_line: line_breaks,
        flow_plain: plain && !flow_indicators,
        block_plain: plain && !block_indicators,
        single_quoted: !break_space && !space_break && !special,
        block: last != ' ' && !space_break && !special,
    }
}

/// Whether a plain text would be read back as this very text.
pub(super) fn reads_as_text(text: &str) -> bool {
    // Dates and numbers too large for us are text to us, but not to other readers.
    matches!(resolve(text), NodeKind::Str(same) if *same == *text)
        && !matches!(text, "=" | "<<")
        && !looks_like_date(text)
        && crate::yaml::scalar::integer(text).is_none()
}

fn looks_like_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return false;
    }
    let is_date = bytes.len() == 10
        && bytes[7] == b'-'
        && [5, 6, 8, 9].iter().all(|index| bytes[*index].is_ascii_digit());
    is_date || crate::yaml::scalar::is_timestamp(text)
}
