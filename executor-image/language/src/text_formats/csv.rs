//! Comma-separated values as Python's `csv` reads them.

/// The rows of a text.
pub(crate) fn rows(text: &str, delimiter: char) -> impl Iterator<Item = Vec<String>> {
    let mut rest = text.chars().peekable();
    std::iter::from_fn(move || {
        rest.peek()?;
        let mut row = Vec::new();
        let mut cell = String::new();
        let mut is_quoted = false;
        let mut is_empty = true;
        while let Some(character) = rest.next() {
            if is_quoted {
                match character {
                    '"' if rest.peek() == Some(&'"') => {
                        rest.next();
                        cell.push('"');
                    }
                    '"' => is_quoted = false,
                    other => cell.push(other),
                }
                continue;
            }
            match character {
                '\n' => break,
                '\r' => {
                    if rest.peek() == Some(&'\n') {
                        rest.next();
                    }
                    break;
                }
                '"' if cell.is_empty() => is_quoted = true,
                _ if character == delimiter => row.push(std::mem::take(&mut cell)),
                other => cell.push(other),
            }
            is_empty = false;
        }
        if !is_empty {
            row.push(cell);
        }
        Some(row)
    })
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn quotes_hold_delimiters_newlines_and_quotes() {
        let text = "a,\"b,c\",\"d\"\"e\"\r\n\n\"x\ny\",z,\n";
        let found: Vec<Vec<String>> = rows(text, ',').collect();
        assert_eq!(found, [vec!["a", "b,c", "d\"e"], vec![], vec!["x\ny", "z", ""]]);
    }
}
