//! `line_comment_prefix`: takes the comments out that end with their line. The parser would take the end of the line, too, and leave the
//! blanks before.

use std::borrow::Cow;

use super::options::TemplateOptions;

/// The source without such comments.
pub(super) fn without<'source>(source: &'source str, options: &TemplateOptions) -> Cow<'source, str> {
    let prefix = options.line_comment_prefix.as_str();
    if prefix.is_empty() || !source.contains(prefix) {
        return Cow::Borrowed(source);
    }
    let tags = [
        (&options.variable_start_string, &options.variable_end_string),
        (&options.block_start_string, &options.block_end_string),
        (&options.comment_start_string, &options.comment_end_string),
    ];
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(comment) = rest.find(prefix) {
        let tag = tags
            .iter()
            .filter_map(|(start, end)| Some((rest.find(start.as_str())?, start.len(), end)))
            .min_by_key(|(begin, length, _)| (*begin, std::cmp::Reverse(*length)));
        if let Some((begin, length, end)) = tag.filter(|(begin, ..)| *begin <= comment) {
            // What is in a tag is no comment.
            let inside = begin + length;
            let length = match rest[inside..].find(end.as_str()) {
                Some(found) => inside + found + end.len(),
                None => rest.len(),
            };
            text.push_str(&rest[..length]);
            rest = &rest[length..];
        } else {
            text.push_str(rest[..comment].trim_end_matches([' ', '\t']));
            rest = &rest[comment..];
            rest = &rest[rest.find(['\n', '\r']).unwrap_or(rest.len())..];
        }
    }
    text.push_str(rest);
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_end_with_their_line_and_are_none_in_tags() {
        let options = TemplateOptions {
            line_comment_prefix: "##".into(),
            ..TemplateOptions::default()
        };
        for (source, expected) in [
            ("a ## b\n  ## c\nd", "a\n\nd"),
            (
                "{{ '##' }}{% set x = '##' %} ## {{ y }}\r\nz",
                "{{ '##' }}{% set x = '##' %}\r\nz",
            ),
            ("{# ## #}##", "{# ## #}"),
            ("{{ '## without an end", "{{ '## without an end"),
            ("none", "none"),
        ] {
            assert_eq!(without(source, &options), expected, "{source}");
        }
    }
}
