//! Questions to the person at the terminal.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::echo::Echo;

/// Asks for something that the terminal must not show. Without a terminal the answer is a line of standard input, so that
/// programs can answer too.
///
/// # Errors
/// When there is no answer.
pub fn secret(prompt: &str) -> io::Result<String> {
    let terminal = File::options().read(true).write(true).open("/dev/tty");
    let answer = if let Ok(terminal) = terminal {
        secret_from(terminal, prompt)?
    } else {
        let mut errors = io::stderr().lock();
        write!(errors, "{prompt}")?;
        errors.flush()?;
        answered(&mut io::stdin().lock())?
    };
    answer.ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "nobody answered"))
}

/// Asks a question whose answer may be seen; none at the end of standard input.
///
/// # Errors
/// When standard input cannot be read.
pub fn line(prompt: &str) -> io::Result<Option<String>> {
    let mut output = io::stdout().lock();
    write!(output, "{prompt}")?;
    output.flush()?;
    drop(output);
    answered(&mut io::stdin().lock())
}

fn secret_from(mut terminal: File, prompt: &str) -> io::Result<Option<String>> {
    let shown = tcgetattr(&terminal)?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    let echo = Echo::watch(terminal.try_clone()?, shown, "\n")?;
    // Before the question: a program that waits for it answers at once, and the terminal would show that.
    tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
    write!(terminal, "{prompt}")?;
    let answer = answered(&mut BufReader::new(&terminal));
    echo.restore();
    answer
}

fn answered(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut answer = String::new();
    let count = from.read_line(&mut answer)?;
    let answer = answer.trim_end_matches(['\n', '\r']).to_owned();
    Ok((count > 0).then_some(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_line_without_its_end_and_the_end_of_input_is_none() {
        let mut input = io::Cursor::new("one \r\n\n");
        assert_eq!(answered(&mut input).unwrap().as_deref(), Some("one "));
        assert_eq!(answered(&mut input).unwrap().as_deref(), Some(""));
        assert_eq!(answered(&mut input).unwrap(), None);
    }
}
