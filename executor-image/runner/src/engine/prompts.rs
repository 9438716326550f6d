//! `vars_prompt`: a play's questions to the person at the terminal. Where nobody is there, answers are the defaults.

use std::{io::IsTerminal, sync::Arc};

use slipway_language::{Node, NodeKind, Scope, TemplateError, Variable, encrypt_password, is_omit, to_text};

use super::{
    Run,
    play::{PlayRun, scope_without_host},
    run::Fatal,
    variables::truth,
};
use crate::{
    output::keys::{Keys, Pressed},
    playbook::{Loader, Play},
};

/// A signal as if from the keyboard.
const INTERRUPT: i32 = 2;

/// A question, and what its options are rendered with.
struct Question<'a> {
    prompt: &'a Node,
    play: &'a PlayRun,
    scope: &'a Scope,
}

/// The play with the answers among its variables; none if the person ends the run instead.
///
/// # Errors
/// When an option is not understood, or an answer cannot be encrypted as it wants.
pub(super) async fn answered(
    run: &Arc<Run>,
    play: &Arc<Play>,
    loader: &Loader,
) -> Result<Option<Arc<Play>>, Fatal> {
    if play.prompts.is_empty() {
        return Ok(Some(Arc::clone(play)));
    }
    let (draft, scope) = scope_without_host(run, play, loader);
    let mut vars = (*play.vars).clone();
    for prompt in &play.prompts {
        run.printer.prompted(prompt);
        let question = Question {
            prompt,
            play: &draft,
            scope: &scope,
        };
        let Some(answer) = question.answer(run).await? else {
            return Ok(None);
        };
        let kind = if question.flag("unsafe", false)? {
            NodeKind::Unsafe(Arc::from(answer))
        } else {
            NodeKind::Str(Arc::from(answer))
        };
        let name = prompt.get("name").and_then(Node::as_str).unwrap_or_default();
        vars.insert(
            Arc::from(name),
            Variable::Template(Node::new(prompt.span.clone(), kind)),
        );
    }
    Ok(Some(Arc::new(Play {
        vars: Arc::new(vars),
        ..(**play).clone()
    })))
}

impl Question<'_> {
    fn failed(&self, keyword: &str, message: &str) -> Fatal {
        let place = self
            .prompt
            .get(keyword)
            .map_or(&self.prompt.span, |node| &node.span);
        Fatal::at(place, message)
    }

    /// An option as text; none if it is not given, or null.
    fn text(&self, keyword: &str) -> Result<Option<String>, Fatal> {
        let Some(node) = self.prompt.get(keyword) else {
            return Ok(None);
        };
        let said = |error: TemplateError| self.failed(keyword, &error.to_string());
        let value = self.play.run.templar.render(node, self.scope).map_err(said)?;
        Ok((!value.is_none() && !is_omit(&value)).then(|| to_text(&value)))
    }

    fn flag(&self, keyword: &str, default: bool) -> Result<bool, Fatal> {
        match self.text(keyword)? {
            None => Ok(default),
            Some(text) => truth(&text.as_str().into()).ok_or_else(|| {
                self.failed(
                    keyword,
                    &format!("{keyword} must be true or false, it is {text:?}"),
                )
            }),
        }
    }

    /// What the person says, or the default, encrypted if that is wanted.
    async fn answer(&self, run: &Run) -> Result<Option<String>, Fatal> {
        let default = self.text("default")?;
        let mut answer = None;
        if std::io::stdin().is_terminal() {
            match self.ask(run, default.as_deref()).await? {
                Some(typed) => answer = Some(typed),
                None => return Ok(None),
            }
        } else {
            run.printer
                .warning("Not prompting as we are not in interactive mode");
        }
        let answer = answer
            .filter(|answer| !answer.is_empty() || default.is_none())
            .or(default);
        match self.text("encrypt")?.filter(|kind| !kind.is_empty()) {
            None => Ok(Some(answer.unwrap_or_else(|| "None".to_owned()))),
            Some(kind) => self.encrypted(&kind, answer).map(Some),
        }
    }

    /// Asks until two answers are the same, if that is wanted; none if the run is to stop.
    async fn ask(&self, run: &Run, default: Option<&str>) -> Result<Option<String>, Fatal> {
        let prompt = match self.text("prompt")? {
            Some(prompt) => prompt,
            None => self.text("name")?.unwrap_or_default(),
        };
        let text = match default {
            Some(default) => format!("{prompt} [{default}]: "),
            None => format!("{prompt}: "),
        };
        let is_private = self.flag("private", true)?;
        let is_confirmed = self.flag("confirm", false)?;
        loop {
            let Some(answer) = typed(run, &text, is_private).await else {
                return Ok(None);
            };
            if !is_confirmed {
                return Ok(Some(answer));
            }
            match typed(run, &format!("confirm {text}"), is_private).await {
                None => return Ok(None),
                Some(again) if again == answer => return Ok(Some(answer)),
                Some(_) => run.printer.say("***** VALUES ENTERED DO NOT MATCH ****"),
            }
        }
    }

    /// The hash of an answer.
    fn encrypted(&self, kind: &str, answer: Option<String>) -> Result<String, Fatal> {
        let answer = answer.ok_or_else(|| {
            self.failed(
                "encrypt",
                "there is nobody to ask, and no default to encrypt: give the encrypted value with -e, or a default",
            )
        })?;
        let salt = self.text("salt")?;
        let size = match self.text("salt_size")? {
            None => None,
            Some(size) => Some(size.parse().map_err(|_| {
                let said = format!("salt_size must be a number of letters, it is {size:?}");
                self.failed("salt_size", &said)
            })?),
        };
        encrypt_password(&answer, kind, salt.as_deref(), size).map_err(|error| self.failed("encrypt", &error))
    }
}

/// A line of the terminal; none if the run is to stop.
async fn typed(run: &Run, text: &str, is_private: bool) -> Option<String> {
    let keys = Keys {
        limit: None,
        end: b"\r\n",
        interrupt: b"\x03",
        shown: !is_private,
        last: "\n",
    };
    run.printer.settle();
    match keys.ask(text, run.stop.asked()).await {
        Pressed::End(typed) => Some(typed),
        Pressed::Nothing => None,
        Pressed::Interrupt => {
            run.stop.request(INTERRUPT);
            None
        }
    }
}
