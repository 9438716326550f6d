//! Long messages in lines, broken where Python's `textwrap` breaks them.

/// Lines that are at most `columns` characters long, broken at blanks and after hyphens. Blanks where a line is broken are
/// left out, or stay at the end of the line with `keep_blanks`.
pub fn wrap(text: &str, columns: usize, keep_blanks: bool) -> String {
    let text: String = text
        .chars()
        .map(|character| {
            if character.is_ascii_whitespace() {
                ' '
            } else {
                character
            }
        })
        .collect();
    let mut lines: Vec<String> = Vec::new();
    let mut line: Vec<&str> = Vec::new();
    let mut room = columns;
    let mut end = |line: &mut Vec<&str>| {
        if !keep_blanks && line.last().is_some_and(|part| is_blank(part)) {
            line.pop();
        }
        if !line.is_empty() {
            lines.push(line.concat());
        }
        line.clear();
    };
    let mut is_first = true;
    for part in parts(&text) {
        let mut part = part;
        let mut length = part.chars().count();
        while length > room {
            if length > columns {
                // Longer than any line.
                let split = part
                    .char_indices()
                    .nth(room)
                    .map_or(part.len(), |(index, _)| index);
                line.push(&part[..split]);
                part = &part[split..];
                length -= room;
            }
            end(&mut line);
            is_first = false;
            room = columns;
        }
        if !keep_blanks && !is_first && line.is_empty() && is_blank(part) {
            continue;
        }
        line.push(part);
        room -= length;
    }
    end(&mut line);
    lines.join("\n")
}

fn is_blank(part: &str) -> bool {
    part.trim_start().is_empty()
}

/// The pieces that stay whole: blanks, words, and parts of words up to a hyphen between two letters before and one after.
fn parts(text: &str) -> Vec<&str> {
    let characters: Vec<(usize, char)> = text.char_indices().collect();
    let letter = |index: Option<usize>| {
        index
            .and_then(|index| characters.get(index))
            .is_some_and(|(_, character)| character.is_alphabetic())
    };
    let hyphen = |index: usize| {
        characters
            .get(index)
            .is_some_and(|(_, character)| *character == '-')
    };
    let mut parts = Vec::new();
    let mut begin = 0;
    for index in 1..characters.len() {
        let (place, character) = characters[index];
        let before = characters[index - 1].1;
        let at_hyphen = before == '-'
            && letter(index.checked_sub(2))
            && letter(index.checked_sub(3))
            && letter(Some(index))
            && letter(Some(if hyphen(index + 1) { index + 2 } else { index + 1 }));
        if (character == ' ') != (before == ' ') || at_hyphen {
            parts.push(&text[begin..place]);
            begin = place;
        }
    }
    if begin < text.len() {
        parts.push(&text[begin..]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    // What `textwrap.wrap(text, columns, drop_whitespace=not keep_blanks)` of Python gives.
    #[test]
    fn lines_are_broken_where_python_breaks_them() {
        for (text, columns, keep_blanks, expected) in [
            (
                "[WARNING]: one two\nthree",
                15,
                false,
                "[WARNING]: one\ntwo three",
            ),
            ("one two three", 8, true, "one two \nthree"),
            ("one two three", 7, true, "one two\n three"),
            ("a non-boolean value", 7, false, "a non-\nboolean\nvalue"),
            ("at 1-2-3", 5, false, "at\n1-2-3"),
            ("abcdefghij klm", 4, false, "abcd\nefgh\nij\nklm"),
            ("", 4, false, ""),
        ] {
            assert_eq!(wrap(text, columns, keep_blanks), expected, "{text}");
        }
    }
}
