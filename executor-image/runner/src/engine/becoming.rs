//! Whom a task becomes, and how: variables over keywords over the command line and the settings.

use slipway_language::{Scope, TemplateError};

use super::{play::PlayRun, variables::truth};
use crate::{
    playbook::{Keyword, Task},
    settings,
    transport::{Become, BecomeMethod, Password},
};

/// What the settings say for one method: its own over those for all.
struct Defaults<'a> {
    user: Option<&'a String>,
    executable: Option<&'a String>,
    flags: Option<&'a String>,
    password: Option<&'a String>,
}

impl<'a> Defaults<'a> {
    fn of(settings: &'a settings::Settings, method: BecomeMethod) -> Self {
        let (user, executable, flags, password) = match method {
            BecomeMethod::Sudo => (
                &settings.sudo_user,
                &settings.sudo_exe,
                &settings.sudo_flags,
                &settings.sudo_pass,
            ),
            BecomeMethod::Su => (
                &settings.su_user,
                &settings.su_exe,
                &settings.su_flags,
                &settings.su_pass,
            ),
        };
        Self {
            user: user.as_ref().or(settings.become_user.as_ref()),
            executable: executable.as_ref().or(settings.become_exe.as_ref()),
            flags: flags.as_ref().or(settings.become_flags.as_ref()),
            password: password.as_ref().or(settings.become_pass.as_ref()),
        }
    }
}

impl PlayRun {
    /// Whom the task becomes, and how.
    pub(super) fn other_user(&self, task: &Task, scope: &Scope) -> Result<Option<Become>, TemplateError> {
        let keywords = &task.settings;
        let options = &self.run.options;
        let wanted = match scope.get(&self.run.templar, "ansible_become")? {
            Some(value) => truth(&value),
            None => None,
        };
        let wanted = match wanted {
            Some(wanted) => wanted,
            None => self
                .boolean(keywords.r#become.as_ref(), scope)?
                .unwrap_or(options.r#become),
        };
        if !wanted {
            return Ok(None);
        }
        let setting = |name: &str, keyword: Option<&Keyword>| -> Result<Option<String>, TemplateError> {
            match self.variable_text(name, scope)? {
                Some(text) => Ok(Some(text)),
                None => self.text(keyword, scope),
            }
        };
        let method = setting("ansible_become_method", keywords.become_method.as_ref())?
            .unwrap_or_else(|| options.settings.become_method.clone());
        let method = method_named(&method)?;
        // Each method has variables of its own, which win.
        let word = method.name();
        let option = |name: &str, keyword: Option<&Keyword>| -> Result<Option<String>, TemplateError> {
            match self.variable_text(&format!("ansible_{word}_{name}"), scope)? {
                Some(text) => Ok(Some(text)),
                None => setting(&format!("ansible_become_{name}"), keyword),
            }
        };
        let defaults = Defaults::of(&options.settings, method);
        let user = option("user", keywords.become_user.as_ref())?
            .or_else(|| defaults.user.cloned())
            .unwrap_or_else(|| "root".to_owned());
        let password = match option("pass", None)? {
            Some(password) => Some(password),
            None => option("password", None)?,
        };
        let password = password
            .or_else(|| defaults.password.cloned())
            .map(Password)
            .or_else(|| options.become_password.clone());
        Ok(Some(Become {
            method,
            user,
            executable: option("exe", keywords.become_exe.as_ref())?.or_else(|| defaults.executable.cloned()),
            flags: option("flags", keywords.become_flags.as_ref())?.or_else(|| defaults.flags.cloned()),
            password: password.filter(|password| !password.0.is_empty()),
        }))
    }
}

fn method_named(name: &str) -> Result<BecomeMethod, TemplateError> {
    match name.strip_prefix("ansible.builtin.").unwrap_or(name) {
        "sudo" => Ok(BecomeMethod::Sudo),
        "su" => Ok(BecomeMethod::Su),
        other => Err(TemplateError::new(format!(
            "the become method {other:?} is not supported (supported: sudo, su)"
        ))),
    }
}
