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
    "argv",
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
        match pair(&word) {
            Some((key, value)) if is_option(&key) => {
                arguments.options.push((key, unquote(&value).to_owned()))
            }
            _ => words.push(word),
        }
    }
    arguments.free_form = join(&words);
    Ok(arguments)
}

/// The key and value of a word with an `=` that is not escaped.
fn pair(word: &str) -> Option<(String, String)> {
    let mut previous = None;
    for (index, character) in word.char_indices() {
        if character == '=' && previous != Some('\\') && index > 0 {
            return Some((word[..index].to_owned(), word[index + 1..].to_owned()));
        }
        previous = Some(character);
    }
    None
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

/// Splits at blanks outside of quotes and of `{{ }}`, `{% %}`, `{# #}`; newlines stay at the end of their word.
fn split(text: &str) -> Result<Vec<String>, ArgumentsError> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut depth = 0_usize;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if quote.is_some() || depth > 0 => {
                word.push(character);
                word.extend(characters.next());
            }
            '\'' | '"' => {
                match quote {
                    Some(open) if open == character => quote = None,
                    None => quote = Some(character),
                    _ => {}
                }
                word.push(character);
            }
            '{' if matches!(characters.peek(), Some('{' | '%' | '#')) => {
                depth += 1;
                word.push(character);
                word.extend(characters.next());
            }
            '}' | '%' | '#' if depth > 0 && characters.peek() == Some(&'}') => {
                depth -= 1;
                word.push(character);
                word.extend(characters.next());
            }
            ' ' | '\t' | '\n' if quote.is_none() && depth == 0 => {
                if character == '\n' {
                    word.push('\n');
                }
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(character),
        }
    }
    if quote.is_some() || depth > 0 {
        return Err(ArgumentsError(text.to_owned()));
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}
