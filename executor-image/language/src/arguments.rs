//! Module arguments written as one text: `path=/x mode=0640`, and the free form of `command` and its like.

/// Arguments taken from one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    /// `key=value` pairs in order, quotes around a value removed.
    pub options: Vec<(String, String)>,
    /// What is left: the command line of a free form.
    pub free_form: String,
}

/// A text whose quotes or braces are not balanced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed at splitting arguments, either an unbalanced jinja2 block or quotes: {0}")]
pub struct ArgumentsError(pub String);

/// The options that `command`, `shell`, `script`, `raw` and their like take out of their free form.
pub const FREE_FORM_OPTIONS: &[&str] = &[
    "creates",
    "removes",
    "chdir",
    "executable",
    "warn",
    "stdin",
    "stdin_add_newline",
    "strip_empty_ends",
];

/// Splits `path=/x mode=0640`; words that are no pair go to the free form.
pub fn parse_key_values(text: &str) -> Result<Arguments, ArgumentsError> {
    parse(text, |_| true)
}

/// Splits a command line: only options that such modules know are taken out, the rest stays as it is written.
pub fn split_free_form(text: &str) -> Result<Arguments, ArgumentsError> {
    parse(text, |key| FREE_FORM_OPTIONS.contains(&key))
}

fn parse(text: &str, is_option: impl Fn(&str) -> bool) -> Result<Arguments, ArgumentsError> {
    let mut arguments = Arguments::default();
    let mut words = Vec::new();
    for word in split(text)? {
        let decoded = decode_escapes(&word);
        match unescaped_equals(&decoded) {
            Some(place) => {
                let (key, value) = (&decoded[..place], &decoded[place + 1..]);
                if is_option(key) {
                    set(&mut arguments.options, key.trim(), unquote(value.trim()));
                } else {
                    words.push(word);
                }
            }
            None if decoded.contains('=') => words.push(decoded.replace("\\=", "=")),
            None => words.push(word),
        }
    }
    arguments.free_form = join(&words);
    Ok(arguments)
}

/// Of two options with the same key the last wins.
fn set(options: &mut Vec<(String, String)>, key: &str, value: &str) {
    match options.iter_mut().find(|(known, _)| known == key) {
        Some(known) => value.clone_into(&mut known.1),
        None => options.push((key.to_owned(), value.to_owned())),
    }
}

/// The first `=` that is not the first character and has no backslash before it.
fn unescaped_equals(word: &str) -> Option<usize> {
    word.match_indices('=')
        .map(|(place, _)| place)
        .find(|place| *place > 0 && !word[..*place].ends_with('\\'))
}

fn unquote(text: &str) -> &str {
    for quote in ['"', '\''] {
        if text.len() > 1
            && text.starts_with(quote)
            && text.ends_with(quote)
            && !text.ends_with(&format!("\\{quote}"))
        {
            return &text[1..text.len() - 1];
        }
    }
    text
}

/// `\n`, `\t`, `\"`, `\x41`, `\u0041` …
fn decode_escapes(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find('\\') {
        decoded.push_str(&rest[..place]);
        let after = &rest[place + 1..];
        let code = |digits: usize| {
            let written = after.get(1..=digits)?;
            written
                .bytes()
                .all(|digit| digit.is_ascii_hexdigit())
                .then_some(())?;
            char::from_u32(u32::from_str_radix(written, 16).ok()?).map(|character| (character, digits + 1))
        };
        let found = match after.chars().next() {
            Some(plain @ ('\\' | '\'' | '"')) => Some((plain, 1)),
            Some('a') => Some(('\u{7}', 1)),
            Some('b') => Some(('\u{8}', 1)),
            Some('f') => Some(('\u{c}', 1)),
            Some('n') => Some(('\n', 1)),
            Some('r') => Some(('\r', 1)),
            Some('t') => Some(('\t', 1)),
            Some('v') => Some(('\u{b}', 1)),
            Some('x') => code(2),
            Some('u') => code(4),
            Some('U') => code(8),
            _ => None,
        };
        if let Some((character, length)) = found {
            decoded.push(character);
            rest = &after[length..];
        } else {
            decoded.push('\\');
            rest = after;
        }
    }
    decoded.push_str(rest);
    decoded
}

fn join(words: &[String]) -> String {
    let mut text = String::new();
    for word in words {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

/// Where the splitting stands: inside quotes, or inside `{{ }}`, `{% %}`, `{# #}`.
#[derive(Default)]
struct Splitter {
    words: Vec<String>,
    quote: Option<char>,
    /// How many of each kind of block are open.
    depths: [usize; 3],
}

const BLOCKS: [(&str, &str); 3] = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];

/// Splits at blanks and newlines outside of quotes and blocks. Surplus blanks and newlines stay at the end of the word
/// before them, so that [`join`] gives back the text as it was.
fn split(text: &str) -> Result<Vec<String>, ArgumentsError> {
    let mut splitter = Splitter::default();
    if text.is_empty() {
        return Ok(splitter.words);
    }
    let lines: Vec<&str> = text.split('\n').collect();
    for (index, line) in lines.iter().enumerate() {
        let mut continues = false;
        for (place, token) in line.split(' ').enumerate() {
            if token.is_empty() && place > 0 {
                splitter.append(" ");
            } else if token == "\\" && splitter.quote.is_none() {
                // A backslash at the end of a line joins it with the next.
                continues = true;
            } else {
                splitter.token(token, place);
            }
        }
        if index + 1 < lines.len() && !continues {
            splitter.append("\n");
        }
    }
    if splitter.quote.is_some() || splitter.in_block() {
        return Err(ArgumentsError(text.to_owned()));
    }
    Ok(splitter.words)
}

impl Splitter {
    fn in_block(&self) -> bool {
        self.depths.iter().any(|depth| *depth > 0)
    }

    /// Adds to the last word.
    fn append(&mut self, text: &str) {
        if self.words.is_empty() {
            self.words.push(String::new());
        }
        if let Some(last) = self.words.last_mut() {
            last.push_str(text);
        }
    }

    fn token(&mut self, token: &str, place: usize) {
        let was_quoted = self.quote.is_some();
        self.follow_quotes(token);
        let is_quoted = self.quote.is_some();
        let mut is_placed = true;
        if is_quoted && !was_quoted && !self.in_block() {
            self.words.push(token.to_owned());
        } else if self.in_block() || is_quoted || was_quoted {
            if place > 0 {
                self.append(" ");
            }
            self.append(token);
        } else {
            is_placed = false;
        }
        for (depth, (open, close)) in self.depths.iter_mut().zip(BLOCKS) {
            let before = *depth;
            *depth = (before + token.matches(open).count()).saturating_sub(token.matches(close).count());
            if *depth != before && !is_placed {
                self.words.push(token.to_owned());
                is_placed = true;
            }
        }
        if !is_placed && !token.is_empty() {
            self.words.push(token.to_owned());
        }
    }

    fn follow_quotes(&mut self, token: &str) {
        let mut previous = None;
        for character in token.chars() {
            if matches!(character, '"' | '\'') && previous != Some('\\') {
                match self.quote {
                    Some(open) if open == character => self.quote = None,
                    None => self.quote = Some(character),
                    Some(_) => {}
                }
            }
            previous = Some(character);
        }
    }
}
