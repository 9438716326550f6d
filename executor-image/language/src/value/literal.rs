//! Python literals, as `ast.literal_eval` reads them, with JSON's `true`, `false` and `null` as further names.

use minijinja::Value;
use minijinja::value::{Tuple, ValueKind};

use super::convert::{items, map, sequence};

/// Deeper brackets are no literal to us.
const MAXIMUM_DEPTH: usize = 100;

/// The value of a literal; nothing if the text is none. A set becomes a list.
pub fn evaluate(text: &str) -> Option<Value> {
    read(text, true)
}

/// As [`evaluate`], without the names of JSON.
pub fn evaluate_python(text: &str) -> Option<Value> {
    read(text, false)
}

fn read(text: &str, has_json_names: bool) -> Option<Value> {
    let mut reader = Reader {
        text,
        position: 0,
        depth: 0,
        has_json_names,
    };
    if text.starts_with([' ', '\t']) {
        return None;
    }
    reader.skip_blank();
    let first = reader.value()?;
    reader.skip_blank();
    if !reader.take(',') {
        return (reader.position == text.len()).then_some(first);
    }
    // A tuple needs no brackets, and may end with a comma.
    let mut items = vec![first];
    loop {
        reader.skip_blank();
        if reader.position == text.len() {
            return Some(Value::from(Tuple::from(items)));
        }
        items.push(reader.value()?);
        reader.skip_blank();
        if !reader.take(',') && reader.position != text.len() {
            return None;
        }
    }
}

struct Reader<'text> {
    text: &'text str,
    position: usize,
    depth: usize,
    has_json_names: bool,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, expected: char) -> bool {
        if self.peek() == Some(expected) {
            self.position += expected.len_utf8();
            return true;
        }
        false
    }

    /// Skips blanks, newlines and comments, which brackets allow anywhere.
    fn skip_blank(&mut self) {
        while let Some(next) = self.peek() {
            if next == '#' {
                self.position += self.rest().find('\n').unwrap_or(self.rest().len());
            } else if matches!(next, ' ' | '\t' | '\n' | '\r' | '\u{c}') {
                self.position += 1;
            } else {
                break;
            }
        }
    }

    fn value(&mut self) -> Option<Value> {
        self.depth += 1;
        if self.depth > MAXIMUM_DEPTH {
            return None;
        }
        let value = match self.peek()? {
            '[' => {
                self.position += 1;
                let (items, _) = self.items(']')?;
                sequence(items)
            }
            '(' => {
                self.position += 1;
                let (mut items, has_comma) = self.items(')')?;
                if items.len() == 1 && !has_comma {
                    items.pop()?
                } else {
                    Value::from(Tuple::from(items))
                }
            }
            '{' => self.braces()?,
            '\'' | '"' => self.strings()?,
            'r' | 'R' | 'u' | 'U' | 'b' | 'B' if self.string_prefix() => self.strings()?,
            next if next.is_ascii_digit() || matches!(next, '.' | '-' | '+') => self.number()?,
            _ => self.name()?,
        };
        self.depth -= 1;
        Some(value)
    }

    /// Items up to the closing bracket, and whether there was a comma.
    fn items(&mut self, close: char) -> Option<(Vec<Value>, bool)> {
        let mut items = Vec::new();
        let mut has_comma = false;
        loop {
            self.skip_blank();
            if self.take(close) {
                return Some((items, has_comma));
            }
            items.push(self.value()?);
            self.skip_blank();
            if self.take(',') {
                has_comma = true;
            } else if self.peek() != Some(close) {
                return None;
            }
        }
    }

    fn braces(&mut self) -> Option<Value> {
        self.position += 1;
        self.skip_blank();
        if self.take('}') {
            return Some(map(Vec::<(Value, Value)>::new()));
        }
        let first = self.value()?;
        self.skip_blank();
        if !self.take(':') {
            // A set.
            let mut items = vec![first];
            self.skip_blank();
            if self.take(',') {
                items.extend(self.items('}')?.0);
            } else if !self.take('}') {
                return None;
            }
            return items.iter().all(is_hashable).then(|| sequence(items));
        }
        self.skip_blank();
        let mut entries = vec![(first, self.value()?)];
        loop {
            self.skip_blank();
            let has_comma = self.take(',');
            self.skip_blank();
            if self.take('}') {
                return entries
                    .iter()
                    .all(|(key, _)| is_hashable(key))
                    .then(|| map(entries));
            }
            if !has_comma {
                return None;
            }
            let key = self.value()?;
            self.skip_blank();
            if !self.take(':') {
                return None;
            }
            self.skip_blank();
            entries.push((key, self.value()?));
        }
    }

    fn name(&mut self) -> Option<Value> {
        let end = self
            .rest()
            .find(|next: char| !(next.is_alphanumeric() || next == '_'))
            .unwrap_or(self.rest().len());
        let value = match &self.rest()[..end] {
            "True" => Value::from(true),
            "False" => Value::from(false),
            "None" => Value::from(()),
            "true" if self.has_json_names => Value::from(true),
            "false" if self.has_json_names => Value::from(false),
            "null" if self.has_json_names => Value::from(()),
            _ => return None,
        };
        self.position += end;
        Some(value)
    }

    fn number(&mut self) -> Option<Value> {
        let mut negative = false;
        // Python takes one sign.
        if let Some(sign @ ('-' | '+')) = self.peek() {
            negative = sign == '-';
            self.position += 1;
            self.skip_blank();
        }
        let bytes = self.rest().as_bytes();
        let is_based = bytes.len() > 1 && bytes[0] == b'0' && matches!(bytes[1] | 32, b'x' | b'o' | b'b');
        let mut end = 0;
        while end < bytes.len() {
            let byte = bytes[end];
            let is_exponent_sign =
                matches!(byte, b'+' | b'-') && !is_based && end > 0 && bytes[end - 1] | 32 == b'e';
            if !(byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_' || is_exponent_sign) {
                break;
            }
            end += 1;
        }
        let written = &self.rest()[..end];
        if written.ends_with('_') || written.contains("__") || written.starts_with('_') {
            return None;
        }
        let digits = written.replace('_', "");
        let value = if is_based {
            let radix = match bytes[1] | 32 {
                b'x' => 16,
                b'o' => 8,
                _ => 2,
            };
            integer(i128::from_str_radix(&digits[2..], radix).ok()?, negative)
        } else if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            if digits.is_empty()
                || (digits.len() > 1 && digits.starts_with('0') && !digits.trim_matches('0').is_empty())
            {
                return None;
            }
            integer(digits.parse().ok()?, negative)
        } else {
            if !digits
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
            {
                return None;
            }
            let float: f64 = digits.parse().ok()?;
            Value::from(if negative { -float } else { float })
        };
        self.position += end;
        Some(value)
    }

    /// Whether a string with a prefix such as `r` begins here.
    fn string_prefix(&self) -> bool {
        let end = self.rest().find(['\'', '"']).unwrap_or(usize::MAX);
        matches!(end, 1 | 2)
            && self.rest()[..end]
                .chars()
                .all(|letter| matches!(letter, 'r' | 'R' | 'u' | 'U'))
    }

    /// One string, or several that stand side by side.
    fn strings(&mut self) -> Option<Value> {
        let mut text = self.string()?;
        loop {
            let before = self.position;
            self.skip_blank();
            if matches!(self.peek(), Some('\'' | '"'))
                || (matches!(self.peek(), Some('r' | 'R' | 'u' | 'U')) && self.string_prefix())
            {
                text.push_str(&self.string()?);
            } else {
                self.position = before;
                return Some(Value::from(text));
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let mut raw = false;
        while let Some(prefix @ ('r' | 'R' | 'u' | 'U')) = self.peek() {
            raw |= matches!(prefix, 'r' | 'R');
            self.position += 1;
        }
        let quote = self.peek()?;
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let end: &str = if self.rest().starts_with(&triple) {
            &triple
        } else {
            &triple[..1]
        };
        self.position += end.len();
        let mut text = String::new();
        loop {
            if self.rest().starts_with(end) {
                self.position += end.len();
                return Some(text);
            }
            let next = self.peek()?;
            self.position += next.len_utf8();
            match next {
                '\\' if raw => {
                    text.push('\\');
                    let following = self.peek()?;
                    self.position += following.len_utf8();
                    text.push(following);
                }
                '\\' => self.escape(&mut text)?,
                '\n' if end.len() == 1 => return None,
                _ => text.push(next),
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Option<()> {
        let next = self.peek()?;
        self.position += next.len_utf8();
        match next {
            '\n' => {}
            '\\' | '\'' | '"' => text.push(next),
            'a' => text.push('\u{7}'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'v' => text.push('\u{b}'),
            'x' => text.push(self.code(2)?),
            'u' => text.push(self.code(4)?),
            'U' => text.push(self.code(8)?),
            '0'..='7' => {
                self.position -= 1;
                let digits = self
                    .rest()
                    .bytes()
                    .take(3)
                    .take_while(|byte| matches!(byte, b'0'..=b'7'))
                    .count();
                let code = u32::from_str_radix(&self.rest()[..digits], 8).ok()?;
                self.position += digits;
                text.push(char::from_u32(code)?);
            }
            // Python keeps a backslash before what is no escape.
            _ => {
                text.push('\\');
                text.push(next);
            }
        }
        Some(())
    }

    fn code(&mut self, digits: usize) -> Option<char> {
        let code = u32::from_str_radix(self.rest().get(..digits)?, 16).ok()?;
        self.position += digits;
        char::from_u32(code)
    }
}

/// Whether Python takes a value for a key or into a set: `{{ 1 }}`, a set in a set, is no literal.
fn is_hashable(value: &Value) -> bool {
    match value.kind() {
        ValueKind::Map => false,
        ValueKind::Seq => value.is_tuple() && items(value).iter().all(is_hashable),
        _ => true,
    }
}

fn integer(magnitude: i128, negative: bool) -> Value {
    let value = if negative { -magnitude } else { magnitude };
    i64::try_from(value).map_or_else(|_| Value::from(value), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read_as_python_reads_them() {
        for (text, expected) in [
            ("[1, 'a', True, null]", Some("[1, 'a', True, None]")),
            (
                "{\"a\": 1.5, 'b': (1,), 'c': ()}",
                Some("{'a': 1.5, 'b': (1,), 'c': ()}"),
            ),
            ("[ 1, 2, ]  ", Some("[1, 2]")),
            ("[\n  \"x\", # comment\n]\n", Some("['x']")),
            ("['a' 'b', r'\\d', '\\x41']", Some("['ab', '\\\\d', 'A']")),
            ("[0x10, 0o17, 1_000, -3, 1e3]", Some("[16, 15, 1000, -3, 1000.0]")),
            ("[007]", None),
            ("[1 + 2]", None),
            ("[1], [2]", Some("([1], [2])")),
            ("[1],", Some("([1],)")),
            ("[1],,", None),
            ("[1] [2]", None),
            ("[--1]", None),
            ("[a]", None),
            ("{1, 2}", Some("[1, 2]")),
            ("{(1, 2): {3}, 4: {},}", Some("{(1, 2): [3], 4: {}}")),
            ("{{ 1 }}", None),
            ("{{ 'test' }}", None),
            ("{[1]: 2}", None),
            ("{(1, [2]): 3}", None),
            ("{1: 2 3: 4}", None),
            ("[1", None),
            ("[1] x", None),
            ("", None),
        ] {
            assert_eq!(
                evaluate(text)
                    .map(|value| crate::value::python::repr(&value))
                    .as_deref(),
                expected,
                "{text}"
            );
        }
    }
}
