//! `ansible-vault encrypt_string`: texts become encrypted values of YAML.

use std::{
    fmt::Write,
    io::{IsTerminal, Read},
};

use zeroize::Zeroizing;

use super::super::{
    arguments::StringArguments,
    refusal::{Refusal, exit},
};

use crate::output::prompt;

/// How far the lines of an encrypted value are indented.
const INDENT: &str = "          ";

/// A text, where it is from, and the name of its variable.
struct Text {
    plain: Zeroizing<String>,
    origin: &'static str,
    name: Option<String>,
}

/// Whether standard input is read.
fn reads_standard_input(strings: &StringArguments) -> bool {
    strings.stdin_name.is_some()
        || strings.texts.iter().any(|text| text == "-")
        || (strings.texts.is_empty() && !strings.prompt)
}

/// Refuses arguments that do not fit together.
pub fn check(strings: &StringArguments) -> Result<(), Refusal> {
    if strings.prompt && reads_standard_input(strings) {
        return Err(Refusal::new(
            exit::OPTIONS,
            "The --prompt option is not supported if also reading input from stdin",
        ));
    }
    Ok(())
}

/// The encrypted values. If there are several, standard error says which is which.
pub fn encrypted(
    strings: &StringArguments,
    seal: impl Fn(&[u8]) -> Result<String, Refusal>,
) -> Result<String, Refusal> {
    let texts = gather(strings)?;
    let mut output = String::new();
    for (index, text) in texts.iter().enumerate() {
        let sealed = seal(text.plain.as_bytes())?;
        if texts.len() > 1 {
            let number = index + 1;
            let origin = text.origin;
            match &text.name {
                Some(name) => eprintln!(
                    "# The encrypted version of variable (\"{name}\", the string #{number} from {origin})."
                ),
                None => eprintln!("# The encrypted version of the string #{number} from {origin}.)"),
            }
        }
        if let Some(name) = &text.name {
            let _ = write!(output, "{name}: ");
        }
        output.push_str("!vault |\n");
        for line in sealed.lines() {
            let _ = writeln!(output, "{INDENT}{line}");
        }
    }
    Ok(output)
}

fn gather(strings: &StringArguments) -> Result<Vec<Text>, Refusal> {
    let mut texts = Vec::new();
    if strings.prompt {
        texts.push(prompted(strings.show_input)?);
    }
    if reads_standard_input(strings) {
        if std::io::stdout().is_terminal() {
            eprintln!(
                "Reading plaintext input from stdin. (ctrl-d to end input, twice if your content does not already have a newline)"
            );
        }
        let mut plain = Zeroizing::new(String::new());
        std::io::stdin()
            .read_to_string(&mut plain)
            .map_err(|error| Refusal::new(exit::ERROR, format!("cannot read standard input: {error}")))?;
        if plain.is_empty() {
            return Err(empty("stdin was empty"));
        }
        texts.push(Text {
            plain,
            origin: "stdin",
            name: strings.stdin_name.clone(),
        });
    }
    let given: Vec<&String> = strings.texts.iter().filter(|text| *text != "-").collect();
    if let Some(last) = strings.name.last()
        && given.len() > strings.name.len()
    {
        eprintln!("The number of --name options do not match the number of args.");
        eprintln!("The last named variable will be \"{last}\". The rest will not have names.");
    }
    for (index, text) in given.into_iter().enumerate() {
        if text.is_empty() {
            return Err(empty(
                "The plaintext provided from the command line args was empty",
            ));
        }
        texts.push(Text {
            plain: Zeroizing::new(text.clone()),
            origin: "the command line args",
            name: strings.name.get(index).cloned(),
        });
    }
    Ok(texts)
}

fn prompted(shown: bool) -> Result<Text, Refusal> {
    let failed = |error: std::io::Error| Refusal::new(exit::ERROR, format!("nothing can be asked: {error}"));
    let name = prompt::line("Variable name (enter for no name): ").map_err(failed)?;
    let plain = if shown {
        prompt::line("String to encrypt:").map_err(failed)?
    } else {
        Some(prompt::secret("String to encrypt (hidden): ").map_err(failed)?)
    };
    let plain = plain
        .filter(|plain| !plain.is_empty())
        .ok_or_else(|| empty("The plaintext provided from the prompt was empty"))?;
    Ok(Text {
        plain: Zeroizing::new(plain),
        origin: "the interactive prompt",
        name: name.filter(|name| !name.is_empty()),
    })
}

fn empty(what: &str) -> Refusal {
    Refusal::new(exit::OPTIONS, format!("{what}, not encrypting"))
}
