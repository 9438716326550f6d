//! One play: its hosts, its batches, what all its tasks share.

use std::{
    collections::{HashMap, HashSet},
    hash::BuildHasher,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use indexmap::IndexSet;
use slipway_language::{Layer, LookupHost, Node, NodeKind, Scope, TemplateError};

use super::{
    HostState, Run, SharedVars,
    batch::{Batch, BatchEnd},
    files::TaskFiles,
    prompts,
    run::Fatal,
    told,
};
use crate::{
    inventory::{Vars, pattern, read_play_vars_file},
    output::PlayHeader,
    playbook::{Loader, Play},
    settings::OnMismatch,
};

/// A play that runs.
#[derive(Debug)]
pub struct PlayRun {
    pub(crate) run: Arc<Run>,
    pub(crate) play: Arc<Play>,
    /// The play's name, rendered; its hosts if it has none.
    pub(crate) name: String,
    /// The patterns of its hosts, rendered.
    pub(crate) patterns: Vec<String>,
    /// Directory of the playbook.
    pub(crate) directory: PathBuf,
    /// Defaults and variables of static roles and of public includes: every task sees them.
    pub(crate) role_defaults: Arc<SharedVars>,
    pub(crate) role_vars: Arc<SharedVars>,
    /// The names of roles that tasks have included.
    pub(crate) included_roles: Arc<Mutex<Vec<Arc<str>>>>,
    /// `vars_files` by host.
    pub(crate) vars_files: HashMap<Arc<str>, Vec<Arc<Vars>>>,
    /// The play's hosts as the inventory orders them, and those that its tasks add.
    pub(crate) all_hosts: Arc<Mutex<Vec<Arc<str>>>>,
    pub(crate) batch: Vec<Arc<str>>,
    pub(crate) files: Arc<dyn LookupHost>,
    pub(crate) loader: Loader,
    /// Hosts that have failed or cannot be reached.
    pub(crate) removed: Arc<Mutex<HashSet<Arc<str>>>>,
}

/// How a play ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlayEnd {
    /// The next play may run.
    GoOn,
    /// The rest of the playbook does not run.
    Break,
}

impl PlayRun {
    /// The hosts that still take part: of the play, or of this batch.
    pub(super) fn live_hosts(&self, whole_play: bool) -> Vec<Arc<str>> {
        let hosts = if whole_play {
            self.all_hosts()
        } else {
            self.batch.clone()
        };
        let removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
        hosts
            .iter()
            .filter(|host| !removed.contains(*host))
            .cloned()
            .collect()
    }

    /// Tells that the play, or a batch of it, begins.
    pub(super) fn tell(self: &Arc<Self>, hosts: usize, tasks: usize, check: bool) {
        let printer = &self.run.printer;
        let banner = printer.play_banner(&self.name, check);
        let header = PlayHeader {
            play: &self.play,
            name: &self.name,
            banner: &banner,
            patterns: &self.patterns,
            answers: printer.is_heard_elsewhere().then(|| told::answers(self)),
        };
        printer.play_started(&header, hosts, tasks);
    }

    /// The play's hosts, those that its tasks have added among them.
    pub(super) fn all_hosts(&self) -> Vec<Arc<str>> {
        self.all_hosts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A task has added a host. It takes part in later plays.
    pub(crate) fn host_added(&self, name: &str) {
        let mut hosts = self.all_hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if !hosts.iter().any(|known| known.as_ref() == name) {
            hosts.push(Arc::from(name));
        }
    }

    /// The play's name and its patterns of hosts, rendered.
    ///
    /// # Errors
    /// When the patterns cannot be known.
    pub fn title(self: &Arc<Self>, scope: &Scope) -> Result<(String, Vec<String>), TemplateError> {
        let patterns = host_patterns(self, scope)?;
        let name = match &self.play.name {
            Some(name) => self.run.templar.render(name, scope).map_or_else(
                |_| name.as_str().unwrap_or_default().to_owned(),
                |value| slipway_language::to_text(&value),
            ),
            None => patterns.join(","),
        };
        Ok((name, patterns))
    }

    /// What the play's own keywords may use: no host's variables.
    fn header_scope(self: &Arc<Self>) -> Scope {
        let nobody = HostState::nobody();
        self.scope(&nobody, None)
    }
}

/// Prepares a play without hosts yet.
fn header(run: &Arc<Run>, play: &Arc<Play>, loader: &Loader) -> PlayRun {
    let role_defaults = SharedVars::default();
    let role_vars = SharedVars::default();
    for role in &play.roles {
        if role
            .public
            .unwrap_or(run.options.settings.private_role_vars.0 != Some(true))
        {
            export(&role.defaults, &role_defaults);
            export(&role.vars, &role_vars);
        }
    }
    PlayRun {
        run: Arc::clone(run),
        play: Arc::clone(play),
        name: String::new(),
        patterns: Vec::new(),
        directory: play.directory.clone(),
        role_defaults: Arc::new(role_defaults),
        role_vars: Arc::new(role_vars),
        included_roles: Arc::default(),
        vars_files: HashMap::new(),
        all_hosts: Arc::default(),
        batch: Vec::new(),
        files: TaskFiles::new(None, &play.directory, &run.options.vault, Some(run)),
        loader: loader.for_play(play),
        removed: Arc::default(),
    }
}

/// Makes a role's variables visible to the whole play.
pub(super) fn export(layers: &[Arc<dyn Layer>], to: &SharedVars) {
    for layer in layers {
        for name in layer.names() {
            if let Some(variable) = layer.get(&name) {
                to.set(name, variable);
            }
        }
    }
}

/// What a play knows without a host, for what is decided before any task runs.
pub fn scope_without_host(run: &Arc<Run>, play: &Arc<Play>, loader: &Loader) -> (Arc<PlayRun>, Scope) {
    // Magic variables ask the play, which they do not keep alive.
    let play = Arc::new(header(run, play, loader));
    let scope = play.header_scope();
    (play, scope)
}

/// Runs a play.
pub(super) async fn run_play(run: &Arc<Run>, play: &Arc<Play>, loader: &Loader) -> Result<PlayEnd, Fatal> {
    let Some(play) = &prompts::answered(run, play, loader).await? else {
        return Ok(PlayEnd::Break);
    };
    let mut head = header(run, play, loader);
    let draft = Arc::new(header(run, play, loader));
    let scope = draft.header_scope();
    let failed = |error: TemplateError| Fatal::at(&play.span, &format!("the play cannot start: {error}"));
    let (name, patterns) = draft.title(&scope).map_err(failed)?;
    let hosts = run.hosts_of(&patterns)?;
    (head.name, head.patterns) = (name, patterns);
    head.all_hosts = Arc::new(Mutex::new(hosts.iter().cloned().collect()));
    let hosts = ordered(&draft, &scope, hosts).map_err(failed)?;
    let batches = batches(&draft, &scope, &hosts).map_err(failed)?;
    if batches.is_empty() {
        Arc::new(head).tell(0, 0, run.options.check);
        run.printer.no_hosts_matched();
        return Ok(PlayEnd::GoOn);
    }
    for host in &hosts {
        if let Some(host) = run.roster.host(host) {
            host.begin_play();
        }
    }
    head.removed
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .extend(run.out_of_play());
    for batch in batches {
        let mut part = PlayRun {
            run: Arc::clone(run),
            play: Arc::clone(play),
            name: head.name.clone(),
            patterns: head.patterns.clone(),
            directory: play.directory.clone(),
            role_defaults: Arc::clone(&head.role_defaults),
            role_vars: Arc::clone(&head.role_vars),
            included_roles: Arc::clone(&head.included_roles),
            vars_files: HashMap::new(),
            all_hosts: Arc::clone(&head.all_hosts),
            batch: batch.clone(),
            files: Arc::clone(&head.files),
            loader: head.loader.clone(),
            removed: Arc::clone(&head.removed),
        };
        if !play.vars_files.is_empty() {
            part.vars_files = read_vars_files(&part, &batch)?;
        }
        let part = Arc::new(part);
        let bad_before = run.bad_hosts();
        let end = Batch::new(&part)?.run().await?;
        if run.stop.is_requested() {
            return Ok(PlayEnd::Break);
        }
        match end {
            BatchEnd::EndPlay => return Ok(PlayEnd::GoOn),
            BatchEnd::Break => return Ok(PlayEnd::Break),
            BatchEnd::Done => {}
        }
        // A batch in which every host failed ends the playbook.
        if run.bad_hosts().saturating_sub(bad_before) == batch.len() {
            return Ok(PlayEnd::Break);
        }
    }
    Ok(PlayEnd::GoOn)
}

fn host_patterns(play: &Arc<PlayRun>, scope: &Scope) -> Result<Vec<String>, TemplateError> {
    let mut patterns = Vec::new();
    for node in &play.play.hosts {
        let value = play.run.templar.render(node, scope)?;
        match value.try_iter() {
            _ if slipway_language::is_omit(&value) => {}
            Ok(values) if value.as_str().is_none() => {
                patterns.extend(values.map(|value| slipway_language::to_text(&value)));
            }
            _ => patterns.push(slipway_language::to_text(&value)),
        }
    }
    Ok(patterns)
}

/// The hosts in the order that the play asks for.
fn ordered(
    play: &Arc<PlayRun>,
    scope: &Scope,
    hosts: IndexSet<Arc<str>>,
) -> Result<Vec<Arc<str>>, TemplateError> {
    let mut hosts: Vec<Arc<str>> = hosts.into_iter().collect();
    match play.text(play.play.order.as_ref(), scope)?.as_deref() {
        None | Some("inventory") => {}
        Some("sorted") => hosts.sort(),
        Some("reverse_sorted") => {
            hosts.sort();
            hosts.reverse();
        }
        Some("reverse_inventory") => hosts.reverse(),
        Some("shuffle") => {
            // Seeded anew each time: the order of the digests is as random as any.
            let state = std::hash::RandomState::new();
            hosts.sort_by_cached_key(|host| state.hash_one(host));
        }
        Some(other) => return Err(TemplateError::new(format!("the order {other:?} is not known"))),
    }
    Ok(hosts)
}

/// The batches that `serial` asks for.
fn batches(
    play: &Arc<PlayRun>,
    scope: &Scope,
    hosts: &[Arc<str>],
) -> Result<Vec<Vec<Arc<str>>>, TemplateError> {
    let mut sizes = Vec::new();
    if let Some(serial) = &play.play.serial {
        let value = play.run.templar.render(serial, scope)?;
        let texts: Vec<String> = match value.try_iter() {
            _ if slipway_language::is_omit(&value) => Vec::new(),
            Ok(values) if value.as_str().is_none() => {
                values.map(|value| slipway_language::to_text(&value)).collect()
            }
            _ => vec![slipway_language::to_text(&value)],
        };
        for text in texts {
            let wrong = || {
                TemplateError::new(format!("serial {text:?} is neither a number nor a percentage"))
                    .at(&serial.span)
            };
            let size = match text.trim().strip_suffix('%') {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    clippy::cast_precision_loss,
                    reason = "hosts are few enough"
                )]
                Some(percent) => {
                    let percent: f64 = percent.trim().parse().map_err(|_| wrong())?;
                    ((percent / 100.0 * hosts.len() as f64) as usize).max(1)
                }
                None => match text.trim().parse::<i64>().map_err(|_| wrong())? {
                    size @ 1.. => usize::try_from(size).unwrap_or(usize::MAX),
                    _ => hosts.len(),
                },
            };
            sizes.push(size.max(1));
        }
    }
    let mut rest = hosts;
    let mut batches = Vec::new();
    let mut sizes = sizes.into_iter();
    let mut size = hosts.len().max(1);
    while !rest.is_empty() {
        // The last size repeats.
        size = sizes.next().unwrap_or(size);
        let (batch, after) = rest.split_at(size.min(rest.len()));
        batches.push(batch.to_vec());
        rest = after;
    }
    Ok(batches)
}

fn read_vars_files(play: &PlayRun, hosts: &[Arc<str>]) -> Result<HashMap<Arc<str>, Vec<Arc<Vars>>>, Fatal> {
    let shared = Arc::new(PlayRun {
        vars_files: HashMap::new(),
        ..header(&play.run, &play.play, &play.loader)
    });
    let mut read: HashMap<PathBuf, Arc<Vars>> = HashMap::new();
    let mut by_host = HashMap::new();
    for name in hosts {
        let Some(host) = play.run.roster.host(name) else {
            continue;
        };
        let scope = shared.scope(&host, None);
        let mut files = Vec::new();
        for entry in &play.play.vars_files {
            let candidates: Vec<&Node> = match &entry.kind {
                NodeKind::List(nodes) => nodes.iter().collect(),
                _ => vec![entry],
            };
            let mut tried = Vec::new();
            let mut unknown = false;
            let mut found = None;
            for candidate in candidates {
                // A name that needs facts is passed over until they are there.
                let Ok(value) = play.run.templar.render(candidate, &scope) else {
                    unknown = true;
                    continue;
                };
                let text = slipway_language::to_text(&value);
                found = play.files.find_file(&text, slipway_language::FileKind::Vars);
                if found.is_some() {
                    break;
                }
                tried.push(text);
            }
            match found {
                Some(path) => {
                    let vars = match read.get(&path) {
                        Some(vars) => Arc::clone(vars),
                        None => Arc::new(
                            read_play_vars_file(&path, &play.run.options.vault)
                                .map_err(|error| Fatal::invalid(error.to_string()))?,
                        ),
                    };
                    read.insert(path, Arc::clone(&vars));
                    files.push(vars);
                }
                None if unknown => {}
                None => {
                    return Err(Fatal::at(
                        &entry.span,
                        &format!("vars file {} was not found", tried.join(" or ")),
                    ));
                }
            }
        }
        by_host.insert(Arc::clone(name), files);
    }
    Ok(by_host)
}

impl Run {
    /// The hosts that patterns choose within the limit of the run.
    pub(super) fn hosts_of(&self, patterns: &[String]) -> Result<IndexSet<Arc<str>>, Fatal> {
        let selection = pattern::select(&self.roster.inventory(), patterns)
            .map_err(|error| Fatal::invalid(error.to_string()))?;
        for term in &selection.unmatched {
            let said = format!("Could not match supplied host pattern, ignoring: {term}");
            match self.options.settings.host_pattern_mismatch {
                OnMismatch::Warning => self.printer.warning(&said),
                OnMismatch::Error => return Err(Fatal::invalid(said)),
                OnMismatch::Ignore => {}
            }
        }
        let mut hosts = selection.hosts;
        if let Some(limit) = &self.limit {
            hosts.retain(|host| limit.contains(host));
        }
        Ok(hosts)
    }
}
