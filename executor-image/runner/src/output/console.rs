//! Where lines go: to the terminal in colours, to standard error, to the log.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, IsTerminal, Write},
};

use super::{
    Color, Palette,
    relay::{Relay, Teller},
    wrap::wrap,
};
use crate::settings::Settings;

/// How wide output is where no terminal says.
const COLUMNS: usize = 79;

/// The outlets for lines.
pub struct Console {
    output: Box<dyn Write + Send>,
    errors: Box<dyn Write + Send>,
    palette: Palette,
    columns: usize,
    log: Option<File>,
    /// Warnings that have been printed.
    warned: HashSet<String>,
    /// Whether what `-v` adds goes to standard error.
    verbose_to_stderr: bool,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Console")
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

impl Console {
    /// Standard output, as wide and as colourful as its terminal and the settings say.
    ///
    /// # Errors
    /// A log that cannot be written; then there is none.
    pub fn standard(settings: &Settings) -> (Self, Option<String>) {
        let terminal = io::stdout().is_terminal();
        let size = terminal
            .then(|| rustix::termios::tcgetwinsize(io::stdout()).ok())
            .flatten();
        let columns = size.map_or(COLUMNS, |size| usize::from(size.ws_col).saturating_sub(1));
        let colored = (terminal || settings.force_color) && !settings.nocolor;
        let mut console = Self::new(Box::new(io::stdout()), columns.max(COLUMNS));
        if colored {
            console.palette = Palette::new(settings);
        }
        console.verbose_to_stderr = settings.verbose_to_stderr;
        let mut problem = None;
        if let Some(path) = &settings.log_path {
            match File::options().create(true).append(true).open(path) {
                Ok(file) => console.log = Some(file),
                Err(error) => problem = Some(format!("cannot write the log {}: {error}", path.display())),
            }
        }
        (console, problem)
    }

    /// Any writer, without colours.
    pub fn new(output: Box<dyn Write + Send>, columns: usize) -> Self {
        Self {
            output,
            errors: Box::new(io::stderr()),
            palette: Palette::default(),
            columns,
            log: None,
            warned: HashSet::new(),
            verbose_to_stderr: false,
        }
    }

    /// Sends what is printed from here on through a relay, which begins where lines have gone until now.
    ///
    /// # Errors
    /// When there can be no relay.
    pub fn divert(&mut self, teller: Box<dyn Teller>) -> io::Result<Relay> {
        let output = std::mem::replace(&mut self.output, Box::new(io::sink()));
        let errors = std::mem::replace(&mut self.errors, Box::new(io::sink()));
        let relay = Relay::start(teller, output, errors)?;
        self.output = relay.output();
        self.errors = relay.errors();
        Ok(relay)
    }

    /// The text in a colour.
    pub fn paint(&self, text: &str, color: Color) -> String {
        self.palette.paint(text, color)
    }

    /// A line.
    pub fn line(&mut self, text: &str, color: Option<Color>) {
        let text = text.strip_suffix('\n').unwrap_or(text);
        self.log(text, color);
        let painted = color.map_or_else(|| text.to_owned(), |color| self.paint(text, color));
        // ok: a reader that went away ends nothing; the run goes on.
        let _ = self.output.write_all((painted + "\n").as_bytes());
        let _ = self.output.flush();
    }

    /// Bytes as they are, for events.
    pub fn output(&mut self) -> &mut dyn Write {
        self.output.as_mut()
    }

    /// A line for standard error.
    pub fn error_line(&mut self, text: &str, color: Option<Color>) {
        self.log(text, color);
        let painted = color.map_or_else(|| text.to_owned(), |color| self.paint(text, color));
        let _ = self.output.flush();
        let _ = self.errors.write_all((painted + "\n").as_bytes());
    }

    /// What `-v` adds.
    pub fn verbose(&mut self, text: &str) {
        if self.verbose_to_stderr {
            self.error_line(text, Some(Color::Verbose));
        } else {
            self.line(text, Some(Color::Verbose));
        }
    }

    /// A text with stars behind it, as wide as the terminal allows.
    pub fn banner(&mut self, text: &str) {
        let text = banner(text, self.columns);
        self.line(&text, None);
    }

    /// A warning, once for each text.
    pub fn warning(&mut self, text: &str) {
        let text = wrap(&format!("[WARNING]: {text}"), self.columns, false);
        self.once(&text, Color::Warn);
    }

    /// A deprecation, once for each text.
    pub fn deprecated(&mut self, text: &str) {
        // Ansible leaves the blanks of these where the lines end.
        let text = wrap(&format!("[DEPRECATION WARNING]: {text}"), self.columns, true);
        self.once(text.trim(), Color::Deprecate);
    }

    fn once(&mut self, text: &str, color: Color) {
        if self.warned.insert(text.to_owned()) {
            self.error_line(text, Some(color));
        }
    }

    /// A line for the log alone.
    pub fn only_log(&mut self, text: &str) {
        self.log(text, Some(Color::Verbose));
    }

    fn log(&mut self, text: &str, color: Option<Color>) {
        let Some(log) = &mut self.log else {
            return;
        };
        // Ansible tells by its colour how much a line matters.
        let level = match color {
            Some(Color::Error | Color::Unreachable) => "ERROR",
            Some(Color::Warn | Color::Skip | Color::Deprecate) => "WARNING",
            Some(Color::Debug) => "DEBUG",
            _ => "INFO",
        };
        let text = text.trim_start_matches('\n');
        let now = chrono::Local::now().format("%Y-%m-%d %H:%M:%S,%3f");
        let process = std::process::id();
        let user = std::env::var("USER").unwrap_or_default();
        let _ = writeln!(log, "{now} p={process} u={user} n=ansible {level}| {text}");
    }
}

/// `text ****…`, as wide as `columns`.
fn banner(text: &str, columns: usize) -> String {
    let stars = columns.saturating_sub(text.chars().count()).max(3);
    format!("\n{text} {}", "*".repeat(stars))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banners_are_eighty_columns_wide() {
        assert_eq!(banner("PLAY [x]", 79).trim_start().len(), 80);
    }
}
