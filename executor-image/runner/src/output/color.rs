//! Colours, when a terminal shows them.

use anstyle::{AnsiColor, Style};

/// The colours of Ansible's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// Details.
    Debug,
    /// Included files.
    Included,
}

impl Color {
    const fn style(self) -> Style {
        let style = Style::new();
        match self {
            Self::Ok => style.fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green))),
            Self::Changed => style.fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow))),
            Self::Skip | Self::Included => style.fg_color(Some(anstyle::Color::Ansi(AnsiColor::Cyan))),
            Self::Error => style.fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red))),
            Self::Unreachable => style.fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red))).bold(),
            Self::Warn => style
                .fg_color(Some(anstyle::Color::Ansi(AnsiColor::Magenta)))
                .bold(),
            Self::Debug => style.fg_color(Some(anstyle::Color::Ansi(AnsiColor::BrightBlack))),
        }
    }

    /// The text in this colour.
    pub fn paint(self, text: &str, enabled: bool) -> String {
        if !enabled {
            return text.to_owned();
        }
        let style = self.style();
        // Each line on its own, so that a pager that cuts lines keeps the colours.
        text.split('\n')
            .map(|line| {
                if line.is_empty() {
                    String::new()
                } else {
                    format!("{style}{line}{style:#}")
                }
            })
            .collect::<Vec<String>>()
            .join("\n")
    }
}
