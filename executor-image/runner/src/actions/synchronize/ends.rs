//! Where `rsync` runs, and what it copies from where to where.

use slipway_language::{FileKind, to_text};

use super::super::{ActionContext, Arguments, boolean, text};
use crate::{
    engine::Target,
    transport::{Become, BecomeMethod, ConnectionKind},
};

/// The machine on which `rsync` is started.
#[derive(Debug)]
pub enum Place {
    /// This one.
    Here,
    /// The host that the task delegates to.
    Host(Box<Target>),
}

impl Place {
    /// The path of a program, where it can be known.
    pub fn program(&self, name: &str) -> String {
        let is_here = match self {
            Self::Here => true,
            Self::Host(target) => target.options.kind == ConnectionKind::Local,
        };
        let path = std::env::var_os("PATH").filter(|_| is_here && !name.contains('/'));
        let found = path.and_then(|path| {
            std::env::split_paths(&path)
                .map(|directory| directory.join(name))
                .find(|file| file.is_file())
        });
        found.map_or_else(|| name.to_owned(), |file| file.display().to_string())
    }
}

/// What one task copies.
#[derive(Debug)]
pub struct Ends {
    /// Where it is started.
    pub place: Place,
    /// The host at the other end, if that is another machine.
    pub over_ssh: Option<Target>,
    /// As `rsync` takes it.
    pub source: String,
    /// As `rsync` takes it.
    pub destination: String,
}

impl Ends {
    /// What the task asks for.
    ///
    /// # Errors
    /// When the hosts cannot be known, or the other end cannot be reached from where `rsync` is started.
    pub fn of(
        context: &ActionContext<'_>,
        args: &Arguments,
        source: &str,
        destination: &str,
    ) -> Result<Self, String> {
        let item = context.item;
        let worker = item.target().map_err(|error| error.to_string())?;
        let (place, over_ssh) = match &item.delegate {
            None if worker.options.kind == ConnectionKind::Local => (Place::Host(Box::new(worker)), None),
            None => (Place::Here, Some(worker)),
            Some(delegate) => {
                let name = delegate.host.name.as_ref();
                let address = item.set.get(&item.play.run.templar, "ansible_host");
                let address = address
                    .map_err(|error| error.to_string())?
                    .map(|value| to_text(&value));
                if name == item.host.name.as_ref() || address.as_deref() == Some(name) {
                    (Place::Host(Box::new(worker)), None)
                } else {
                    let own = item.play.target(item.task, &item.host.name, &item.set);
                    let mut own = own.map_err(|error| error.to_string())?;
                    // How the other host is reached says nothing of this one.
                    own.options.kind = ConnectionKind::Ssh;
                    (Self::from(worker, name, &mut own)?, Some(own))
                }
            }
        };
        let pull = text(args, "mode").as_deref() == Some("pull");
        let (near, far) = (|path| near(context, path), |target, path| far(target, args, path));
        let (source, destination) = match &over_ssh {
            None => (near(source), near(destination)),
            Some(target) if pull => (far(target, source), near(destination)),
            Some(target) => (near(source), far(target, destination)),
        };
        let ends = Self {
            place,
            over_ssh,
            source,
            destination,
        };
        ends.check()?;
        Ok(ends)
    }

    /// The machine that a task delegates to, to reach its own host from there.
    fn from(mut worker: Target, name: &str, own: &mut Target) -> Result<Place, String> {
        if worker.options.kind == ConnectionKind::Local {
            return Ok(Place::Here);
        }
        if own.options.password.is_some() {
            return Err(format!(
                "synchronize cannot log in from {name} with a password: give {name} a key that the other host accepts"
            ));
        }
        // Another user is become at the other end, and its key is one of that machine.
        worker.launch.r#become = None;
        own.options.private_key = None;
        Ok(Place::Host(Box::new(worker)))
    }

    /// Refuses at once what would wait for a password that nobody can give.
    fn check(&self) -> Result<(), String> {
        let Some(target) = &self.over_ssh else {
            return Ok(());
        };
        match &target.launch.r#become {
            Some(other) if other.method == BecomeMethod::Su && other.password.is_some() => {
                Err(no_password_for(other))
            }
            _ => Ok(()),
        }
    }
}

/// A path of the other machine.
fn far(target: &Target, args: &Arguments, path: &str) -> String {
    if path.starts_with("rsync://") {
        return path.to_owned();
    }
    let user = target.options.user.as_ref();
    let user = user.filter(|_| boolean(args, "set_remote_user").unwrap_or(true));
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    let address = &target.options.address;
    if address.contains(':') {
        return format!("{user}[{address}]:{path}");
    }
    // A path may name the host itself.
    match (path.contains(':'), path.contains('@')) {
        (false, _) => format!("{user}{address}:{path}"),
        (true, false) => format!("{user}{path}"),
        (true, true) => path.to_owned(),
    }
}

/// A path of the machine on which `rsync` runs: its end, with a slash or without, means something to `rsync`.
fn near(context: &ActionContext<'_>, path: &str) -> String {
    if path.starts_with("rsync://") {
        return path.to_owned();
    }
    let end = if path.ends_with('/') { "/" } else { "" };
    let expanded = match (path.strip_prefix('~'), std::env::var("HOME")) {
        (Some(rest), Ok(home)) if rest.is_empty() || rest.starts_with('/') => format!("{home}{rest}"),
        _ => path.to_owned(),
    };
    let absolute = context.find(&expanded, FileKind::Files);
    let absolute = absolute.unwrap_or_else(|_| context.item.play.directory.join(&expanded));
    format!("{}{end}", absolute.display().to_string().trim_end_matches('/'))
}

/// Why nobody else can be become, and what to do.
pub fn no_password_for(other: &Become) -> String {
    let (method, user) = (other.method.name(), &other.user);
    format!(
        "synchronize cannot give {method} a password, because rsync talks through its input: let the login user run rsync as {user} without one (in sudoers: NOPASSWD: /usr/bin/rsync), log in as {user}, or use copy or unarchive"
    )
}
