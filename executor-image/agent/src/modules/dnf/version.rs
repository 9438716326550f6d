//! Versions of rpm's packages, in their order.

use std::cmp::Ordering;

/// Which of two versions, or releases, is the newer one.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let is_part = |character: char| character.is_ascii_alphanumeric() || "~^".contains(character);
    let (mut one, mut other) = (one, other);
    loop {
        one = one.trim_start_matches(|character| !is_part(character));
        other = other.trim_start_matches(|character| !is_part(character));
        // A tilde is before everything, even the end; a caret is behind the end and before everything else.
        match (one.strip_prefix('~'), other.strip_prefix('~')) {
            (Some(next), Some(other_next)) => {
                (one, other) = (next, other_next);
                continue;
            }
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        match (one.strip_prefix('^'), other.strip_prefix('^')) {
            (Some(next), Some(other_next)) => {
                (one, other) = (next, other_next);
                continue;
            }
            (Some(_), None) => {
                return if other.is_empty() {
                    Ordering::Greater
                } else {
                    Ordering::Less
                };
            }
            (None, Some(_)) => {
                return if one.is_empty() {
                    Ordering::Less
                } else {
                    Ordering::Greater
                };
            }
            (None, None) => {}
        }
        if one.is_empty() || other.is_empty() {
            return one.len().cmp(&other.len());
        }
        let (part, rest) = first_part(one);
        let (other_part, other_rest) = first_part(other);
        match compare_parts(part, other_part) {
            Ordering::Equal => (one, other) = (rest, other_rest),
            order => return order,
        }
    }
}

/// The digits or the letters at the beginning, and the rest.
fn first_part(text: &str) -> (&str, &str) {
    let is_digit = text.starts_with(|character: char| character.is_ascii_digit());
    let end = text
        .find(|character: char| !character.is_ascii_alphanumeric() || character.is_ascii_digit() != is_digit);
    text.split_at(end.unwrap_or(text.len()))
}

/// Numbers are newer than words.
fn compare_parts(one: &str, other: &str) -> Ordering {
    let is_number = |part: &str| part.starts_with(|character: char| character.is_ascii_digit());
    match (is_number(one), is_number(other)) {
        (true, true) => {
            let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
            one.len().cmp(&other.len()).then_with(|| one.cmp(other))
        }
        (false, false) => one.cmp(other),
        (one_is_number, _) => {
            if one_is_number {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_the_order_of_rpm() {
        for (older, newer) in [
            ("1.0", "1.1"),
            ("1.9", "1.10"),
            ("1.0", "1.0.1"),
            ("1.0~rc1", "1.0"),
            ("1.0~rc1", "1.0~rc2"),
            ("1.0", "1.0^git1"),
            ("1.0^git1", "1.0.1"),
            ("1.a", "1.1"),
            ("9.el8", "9.el9"),
            ("1.0", "1.0a"),
        ] {
            assert_eq!(compare(older, newer), Ordering::Less, "{older} {newer}");
            assert_eq!(compare(newer, older), Ordering::Greater, "{newer} {older}");
        }
        for (one, same) in [("1.0", "1_0"), ("1.01", "1.1"), ("1.0", "1.0")] {
            assert_eq!(compare(one, same), Ordering::Equal, "{one} {same}");
        }
    }
}
