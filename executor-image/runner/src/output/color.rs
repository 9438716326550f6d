//! Colours, when a terminal shows them: Ansible's, by the names that its settings give them.

use std::collections::HashMap;

use crate::settings::Settings;

/// What a colour stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Color {
    /// Nothing changed.
    Ok,
    /// Something changed.
    Changed,
    /// Skipped.
    Skip,
    /// Failed.
    Error,
    /// Unreachable.
    Unreachable,
    /// Warnings.
    Warn,
    /// Deprecations.
    Deprecate,
    /// Tasks that are tried again.
    Debug,
    /// What `-v` adds.
    Verbose,
    /// Included files.
    Included,
    /// Added lines.
    DiffAdd,
    /// Removed lines.
    DiffRemove,
    /// Places in differences.
    DiffLines,
}

/// The codes of a terminal for each colour; none where there are no colours.
#[derive(Debug, Clone, Default)]
pub struct Palette(HashMap<Color, String>);

impl Palette {
    /// The colours of the settings.
    pub fn new(settings: &Settings) -> Self {
        let codes = [
            (Color::Ok, &settings.color_ok),
            (Color::Changed, &settings.color_changed),
            (Color::Skip, &settings.color_skip),
            (Color::Error, &settings.color_error),
            (Color::Unreachable, &settings.color_unreachable),
            (Color::Warn, &settings.color_warn),
            (Color::Deprecate, &settings.color_deprecate),
            (Color::Debug, &settings.color_debug),
            (Color::Verbose, &settings.color_verbose),
            (Color::Included, &settings.color_included),
            (Color::DiffAdd, &settings.color_diff_add),
            (Color::DiffRemove, &settings.color_diff_remove),
            (Color::DiffLines, &settings.color_diff_lines),
        ];
        let codes = codes
            .into_iter()
            .filter_map(|(color, name)| Some((color, code(name)?)));
        Self(codes.collect())
    }

    /// The text in a colour.
    pub fn paint(&self, text: &str, color: Color) -> String {
        let Some(code) = self.0.get(&color) else {
            return text.to_owned();
        };
        // Each line on its own, so that a pager that cuts lines keeps the colours.
        let lines = text
            .split('\n')
            .map(|line| format!("\u{1b}[{code}m{line}\u{1b}[0m"));
        lines.collect::<Vec<String>>().join("\n")
    }
}

/// The code of a colour by its name: `red`, `bright red`, `color123`, `rgb125`, `gray7`.
fn code(name: &str) -> Option<String> {
    let named = match name {
        "normal" => "0",
        "black" => "0;30",
        "red" => "0;31",
        "green" => "0;32",
        "yellow" => "0;33",
        "blue" => "0;34",
        "purple" | "magenta" => "0;35",
        "cyan" => "0;36",
        "bright gray" => "0;37",
        "dark gray" => "1;30",
        "bright red" => "1;31",
        "bright green" => "1;32",
        "bright yellow" => "1;33",
        "bright blue" => "1;34",
        "bright purple" | "bright magenta" => "1;35",
        "bright cyan" => "1;36",
        "white" => "1;37",
        _ => "",
    };
    if !named.is_empty() {
        return Some(named.to_owned());
    }
    let number = |prefix: &str| name.strip_prefix(prefix)?.parse::<u32>().ok();
    let index = if let Some(number) = number("color") {
        number
    } else if let Some(number) = number("gray") {
        232 + number
    } else {
        let digits: Vec<u32> = name
            .strip_prefix("rgb")?
            .chars()
            .map(|digit| digit.to_digit(6))
            .collect::<Option<_>>()?;
        let [red, green, blue] = <[u32; 3]>::try_from(digits).ok()?;
        16 + 36 * red + 6 * green + blue
    };
    Some(format!("38;5;{index}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_known_by_ansibles_names() {
        for (name, expected) in [
            ("bright purple", Some("1;35")),
            ("color208", Some("38;5;208")),
            ("rgb125", Some("38;5;69")),
            ("gray1", Some("38;5;233")),
            ("rgb999", None),
            ("mauve", None),
        ] {
            assert_eq!(code(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn each_line_is_painted_on_its_own() {
        let settings = Settings::read(&crate::settings::Surroundings::default()).unwrap();
        let palette = Palette::new(&settings);
        assert_eq!(
            palette.paint("a\nb", Color::Error),
            "\u{1b}[0;31ma\u{1b}[0m\n\u{1b}[0;31mb\u{1b}[0m"
        );
        assert_eq!(Palette::default().paint("a", Color::Error), "a");
    }
}
