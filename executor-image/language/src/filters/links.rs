//! Jinja's filter `urlize`: addresses in a text become links.

use std::sync::LazyLock;

use fancy_regex::Regex;
use minijinja::{Error, Value};

use super::call::{Call, flag, items};
use super::markup::escaped;
use super::text::whole;
use crate::value::python;

pub(super) const JINJA_FILTERS: super::Table = &[("urlize", links)];

/// An address of the web: with a scheme or `www.`, or below a well-known domain.
static WEB: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let host = r"(?:https?://|www\.)(?:(?:[\w%-]+\.)+)?(?:[a-z]{2,63}|xn--[\w%]{2,59})";
    let known = r"(?:[\w%-]{2,63}\.)+(?:com|net|int|edu|gov|org|info|mil)";
    let number = r"https?://(?:\d{1,3}(?:\.\d{1,3}){3}|\[(?:[\da-f]{0,4}:){2}(?:[\da-f]{0,4}:?){1,6}\])";
    Regex::new(&format!(
        r"(?i)^(?:{host}|{known}|{number})(?::\d{{1,5}})?(?:[/?#]\S*)?$"
    ))
    .ok()
});

/// An address of mail.
static MAIL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\S+@\w[\w.-]*\.\w+$").ok());

/// What a scheme looks like.
static SCHEME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\w.+-]{2,}:/{0,2}$").ok());

/// What may stand around an address without being part of it.
const OPENING: [&str; 3] = ["(", "<", "&lt;"];
const CLOSING: [&str; 6] = [")", ">", ".", ",", "\n", "&gt;"];
/// What belongs together inside of one.
const PAIRS: [(&str, &str); 3] = [("(", ")"), ("<", ">"), ("&lt;", "&gt;")];

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    let pattern = pattern.as_ref();
    pattern.is_some_and(|pattern| pattern.is_match(text).unwrap_or(false))
}

/// How links are written.
struct Style {
    limit: Option<usize>,
    attributes: String,
    schemes: Vec<String>,
}

fn links(call: &mut Call<'_, '_, '_>) -> Result<Value, Error> {
    let [limit, no_follow, target, relation, schemes] =
        call.bind(["trim_url_limit", "nofollow", "target", "rel", "extra_schemes"])?;
    let text = call.text()?;
    let given = |value: Option<Value>| value.filter(|value| !value.is_none());
    let mut relations: Vec<String> = given(relation)
        .map(|relation| python::to_text(&relation))
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    relations.push("noopener".to_owned());
    if flag(no_follow.as_ref(), false)? {
        relations.push("nofollow".to_owned());
    }
    relations.sort();
    relations.dedup();
    let mut attributes = format!(" rel=\"{}\"", escaped(&relations.join(" ")));
    if let Some(target) = given(target) {
        let target = escaped(&python::to_text(&target));
        attributes = format!("{attributes} target=\"{target}\"");
    }
    let schemes: Vec<String> = match given(schemes) {
        Some(schemes) => items(&schemes)?.iter().map(python::to_text).collect(),
        None => Vec::new(),
    };
    if let Some(wrong) = schemes.iter().find(|scheme| !matches(&SCHEME, scheme)) {
        return Err(call.error(format!("'{wrong}' is not a valid URI scheme prefix.")));
    }
    let limit = match given(limit) {
        Some(limit) => usize::try_from(whole(call, Some(&limit), 0)?).ok(),
        None => None,
    };
    let style = Style {
        limit,
        attributes,
        schemes,
    };
    Ok(Value::from(style.text(&escaped(&text))))
}

impl Style {
    fn text(&self, text: &str) -> String {
        let mut shown = String::new();
        for word in text.split_inclusive(char::is_whitespace) {
            let bare = word.trim_end_matches(char::is_whitespace);
            shown.push_str(&self.word(bare));
            shown.push_str(&word[bare.len()..]);
        }
        shown
    }

    fn word(&self, word: &str) -> String {
        let mut middle = word;
        while let Some(opening) = OPENING.iter().find(|opening| middle.starts_with(**opening)) {
            middle = &middle[opening.len()..];
        }
        let head = &word[..word.len() - middle.len()];
        let whole = middle;
        while let Some(closing) = CLOSING.iter().find(|closing| middle.ends_with(**closing)) {
            middle = &middle[..middle.len() - closing.len()];
        }
        // What was opened inside of the address is closed inside of it.
        for (opening, closing) in PAIRS {
            let open = middle.matches(opening).count();
            if open <= middle.matches(closing).count() {
                continue;
            }
            for _ in 0..open {
                let tail = &whole[middle.len()..];
                let Some(place) = tail.find(closing) else { break };
                middle = &whole[..middle.len() + place + closing.len()];
            }
        }
        let tail = &whole[middle.len()..];
        format!("{head}{}{tail}", self.link(middle))
    }

    fn link(&self, text: &str) -> String {
        let attributes = &self.attributes;
        if matches(&WEB, text) {
            let is_whole = text.starts_with("https://") || text.starts_with("http://");
            let scheme = if is_whole { "" } else { "https://" };
            return format!(
                "<a href=\"{scheme}{text}\"{attributes}>{}</a>",
                self.trimmed(text)
            );
        }
        if let Some(address) = text
            .strip_prefix("mailto:")
            .filter(|address| matches(&MAIL, address))
        {
            return format!("<a href=\"{text}\">{address}</a>");
        }
        if !text.starts_with("www.") && !text.starts_with('@') && !text.contains(':') && matches(&MAIL, text)
        {
            return format!("<a href=\"mailto:{text}\">{text}</a>");
        }
        let is_link = |scheme: &String| text != scheme && text.starts_with(scheme.as_str());
        if self.schemes.iter().any(is_link) {
            return format!("<a href=\"{text}\"{attributes}>{text}</a>");
        }
        text.to_owned()
    }

    fn trimmed(&self, text: &str) -> String {
        match self.limit {
            Some(limit) if text.chars().count() > limit => {
                format!("{}...", text.chars().take(limit).collect::<String>())
            }
            _ => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_links_as_in_jinja() {
        let style = Style {
            limit: Some(20),
            attributes: " rel=\"noopener\"".to_owned(),
            schemes: vec!["tel:".to_owned()],
        };
        for (text, expected) in [
            (
                "see http://a.example.com/x?y=1, (www.example.org) or mail a@b.example.com.",
                "see <a href=\"http://a.example.com/x?y=1\" rel=\"noopener\">http://a.example.com...</a>, (<a href=\"https://www.example.org\" rel=\"noopener\">www.example.org</a>) or mail <a href=\"mailto:a@b.example.com\">a@b.example.com</a>.",
            ),
            (
                "https://en.wikipedia.org/wiki/A_(b) <http://10.0.0.1:80/>",
                "<a href=\"https://en.wikipedia.org/wiki/A_(b)\" rel=\"noopener\">https://en.wikipedia...</a> &lt;<a href=\"http://10.0.0.1:80/\" rel=\"noopener\">http://10.0.0.1:80/</a>&gt;",
            ),
            (
                "example.com example.xyz http://[::1]/ mailto:me@x.org",
                "<a href=\"https://example.com\" rel=\"noopener\">example.com</a> example.xyz <a href=\"http://[::1]/\" rel=\"noopener\">http://[::1]/</a> <a href=\"mailto:me@x.org\">me@x.org</a>",
            ),
            (
                "foo bar  a:b @a@b tel:123\nnext.net",
                "foo bar  a:b @a@b <a href=\"tel:123\" rel=\"noopener\">tel:123</a>\n<a href=\"https://next.net\" rel=\"noopener\">next.net</a>",
            ),
        ] {
            assert_eq!(style.text(&escaped(text)), expected);
        }
    }
}
