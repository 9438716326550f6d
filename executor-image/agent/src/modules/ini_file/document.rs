//! A file of settings as lines, cut into sections.

/// The lines of a file. The first section has no name and no heading.
pub(super) struct Document {
    sections: Vec<Section>,
}

struct Section {
    name: Option<String>,
    heading: String,
    lines: Vec<String>,
}

/// Where a section is in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(usize);

impl Document {
    pub(super) fn parse(text: &str) -> Self {
        let mut sections = vec![Section {
            name: None,
            heading: String::new(),
            lines: Vec::new(),
        }];
        for line in text.split_inclusive('\n') {
            // The last line gets an end, so that another one can follow.
            let line = if line.ends_with('\n') {
                line.to_owned()
            } else {
                format!("{line}\n")
            };
            match heading(&line) {
                Some(name) => sections.push(Section {
                    name: Some(name),
                    heading: line,
                    lines: Vec::new(),
                }),
                None => {
                    if let Some(section) = sections.last_mut() {
                        section.lines.push(line);
                    }
                }
            }
        }
        Self { sections }
    }

    pub(super) fn text(&self) -> String {
        self.sections
            .iter()
            .flat_map(|section| std::iter::once(&section.heading).chain(&section.lines))
            .map(String::as_str)
            .collect()
    }

    /// The first section of this name (or the part before every section) whose lines fit.
    pub(super) fn find(&self, name: Option<&str>, fits: impl Fn(&[String]) -> bool) -> Option<Place> {
        self.sections
            .iter()
            .position(|section| section.name.as_deref() == name && fits(&section.lines))
            .map(Place)
    }

    pub(super) fn lines(&mut self, place: Place) -> &mut Vec<String> {
        &mut self.sections[place.0].lines
    }

    pub(super) fn add_section(&mut self, name: &str, lines: &[String]) {
        self.sections.push(Section {
            name: Some(name.to_owned()),
            heading: format!("[{name}]\n"),
            lines: lines.to_vec(),
        });
    }

    pub(super) fn remove_section(&mut self, place: Place) {
        self.sections.remove(place.0);
    }
}

/// The name in a section's heading.
fn heading(line: &str) -> Option<String> {
    let inside = line.trim_start().strip_prefix('[')?;
    let end = inside.find(']')?;
    Some(inside[..end].trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_what_it_was_parsed_from() {
        let text = "; head\na=1\n\n[x]\nb=2\n[ y ] ; note\n\n";
        let document = Document::parse(text);
        assert_eq!(document.text(), text);
        assert!(document.find(Some("y"), |_| true).is_some());
        assert!(document.find(None, |lines| lines.len() == 3).is_some());
        assert!(document.find(Some("z"), |_| true).is_none());
    }
}
