//! Reads playbook files and resolves names of files and roles.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use slipway_language::{
    Layer, LookupHost, Node, NodeKind, PluginKind, Plugins, Scope, Templar, TemplateError, Variable,
    VaultError,
};

use crate::{
    foreign::{Catalog, ForeignModule, Module},
    inventory::Vars,
    settings::{self, DuplicateKey},
};

use super::{
    defaults::Defaults,
    error::{LoadError, Problem},
    model::{Play, Role},
    settings::{Settings, list},
};

/// What surrounds the tasks that are being loaded.
#[derive(Debug, Clone)]
pub struct LoadContext {
    /// Inherited keywords.
    pub settings: Settings,
    /// The role that they belong to.
    pub role: Option<Arc<Role>>,
    /// Directory of the file that they stand in.
    pub directory: PathBuf,
    /// Variables of the `include_tasks` around them.
    pub include_vars: Vec<Arc<Vars>>,
    /// Whether they are handlers.
    pub handlers: bool,
    /// Whether it is sure that they run: only then does a thorough loader look into what they include, and only then is a mistake that
    /// would end them an error before anything runs.
    pub is_sure: bool,
    /// Whether the playbook expects that they may fail: what Ansible finds out when a task runs is then left to that.
    pub may_fail: bool,
}

/// What becomes of a mistake that Ansible would find only when a task runs or a variable is used: playbooks live with some that never
/// are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The task will run: an error before anything does.
    Certain,
    /// The task may be skipped, the variable may not be used: a warning.
    Doubtful,
    /// The playbook expects the task to fail: nothing is said.
    Expected,
}

impl Outcome {
    /// Of what may be skipped within this.
    pub(super) fn doubted(self) -> Self {
        match self {
            Self::Certain | Self::Doubtful => Self::Doubtful,
            Self::Expected => Self::Expected,
        }
    }
}

impl LoadContext {
    /// What becomes of mistakes in what is surely looked at when the play comes to a task.
    pub(super) fn outcome(&self) -> Outcome {
        if self.may_fail {
            Outcome::Expected
        } else if self.is_sure && self.settings.when.is_empty() {
            Outcome::Certain
        } else {
            Outcome::Doubtful
        }
    }
}

/// Loads playbooks, and files that a running play includes.
#[derive(Debug, Clone)]
pub struct Loader {
    pub(super) templar: Templar,
    pub(super) lookup: Arc<dyn LookupHost>,
    /// `-e`: with the play's own variables, all that file names of imports may use.
    pub(super) extra_vars: Arc<Vars>,
    /// Directories of the setting `roles_path`.
    pub(super) roles_path: Vec<PathBuf>,
    /// What plays are that say nothing of it.
    pub(super) defaults: Defaults,
    /// Modules that are not the runner's own.
    pub(super) modules: Catalog,
    /// Directories of `ANSIBLE_COLLECTIONS_PATH`.
    pub(super) collections_path: Vec<PathBuf>,
    /// Directory of the playbook that is being loaded.
    pub(super) playbook_directory: PathBuf,
    /// Variables of the play that is being loaded.
    pub(super) play_vars: Arc<Vars>,
    /// What is wrong so far.
    pub(super) problems: Vec<Problem>,
    /// Whether what only a running play comes upon is looked for as well: mistakes in what is sure to be included, handlers
    /// that are not there.
    pub(super) thorough: bool,
    /// Whether only some of the tasks will run, or none.
    pub(super) is_selecting: bool,
    /// What becomes of mistakes in what is being loaded.
    pub(super) outcome: Outcome,
    /// Filters, tests and lookups that were not found yet: a role that is read later may have them.
    pub(super) missing: Vec<((PluginKind, String), Problem, Outcome)>,
    /// Includes that were already looked into.
    pub(super) looked_into: HashSet<String>,
    /// Names of the roles that are being loaded, against roles that depend on themselves.
    pub(super) roles_in_progress: Vec<String>,
    /// Warnings of YAML files, such as duplicate keys.
    pub(super) warnings: Vec<String>,
}

impl Loader {
    /// A loader for the playbook in a directory.
    pub fn new(
        templar: Templar,
        lookup: Arc<dyn LookupHost>,
        extra_vars: Arc<Vars>,
        playbook_directory: PathBuf,
        defaults: &settings::Settings,
    ) -> Self {
        if let Some(plugins) = templar.plugins() {
            plugins.add_folder(&playbook_directory);
        }
        let modules = Catalog::new(defaults, &playbook_directory);
        Self {
            warnings: modules.warning().map(str::to_owned).into_iter().collect(),
            templar,
            modules,
            lookup,
            extra_vars,
            roles_path: defaults.roles_path.clone(),
            collections_path: defaults.collections_path.clone(),
            defaults: Defaults::new(defaults),
            playbook_directory,
            play_vars: Arc::default(),
            problems: Vec::new(),
            missing: Vec::new(),
            thorough: false,
            is_selecting: false,
            outcome: Outcome::Certain,
            looked_into: HashSet::new(),
            roles_in_progress: Vec::new(),
        }
    }

    /// The same loader, which also looks for what Ansible tells only when the play comes to it.
    #[must_use]
    pub fn thorough(self, thorough: bool) -> Self {
        Self { thorough, ..self }
    }

    /// The same loader, for a run of only some of the tasks, or of none.
    #[must_use]
    pub fn selecting(self, is_selecting: bool) -> Self {
        Self { is_selecting, ..self }
    }

    /// The same loader for includes of a running play: it knows that play's variables and nothing is wrong yet.
    #[must_use]
    pub fn for_play(&self, play: &Play) -> Self {
        Self {
            play_vars: Arc::clone(&play.vars),
            playbook_directory: play.directory.clone(),
            problems: Vec::new(),
            missing: Vec::new(),
            thorough: false,
            looked_into: HashSet::new(),
            warnings: Vec::new(),
            ..self.clone()
        }
    }

    /// Modules and plugins of a role, or beside an imported playbook, can be used from now on.
    pub(super) fn add_folder(&self, folder: &Path) {
        self.modules.add(folder);
        if let Some(plugins) = self.templar.plugins() {
            plugins.add_folder(folder);
        }
    }

    /// Whether a lookup is written in Python.
    pub(super) fn is_lookup_plugin(&self, name: &str) -> bool {
        self.templar
            .plugins()
            .is_some_and(|plugins| plugins.is_there(PluginKind::Lookup, name))
    }

    /// A module as its collection has it, though the runner has one of that name.
    ///
    /// # Errors
    /// When it is there and cannot be used.
    pub fn module_of_collection(&self, name: &str) -> Result<Option<Arc<ForeignModule>>, String> {
        self.modules
            .of_collection(name)
            .map_err(|error| error.to_string())
    }

    /// The module that a task would mean by a name.
    ///
    /// # Errors
    /// When it is there and cannot be used.
    pub fn module_named(&self, name: &str) -> Result<Option<Module>, String> {
        self.modules.find(name, &[]).map_err(|error| error.to_string())
    }

    /// Fails if anything was found wrong.
    pub fn finish(&mut self) -> Result<(), LoadError> {
        for ((kind, name), problem, outcome) in std::mem::take(&mut self.missing) {
            let is_there = |plugins: &Arc<dyn Plugins>| plugins.is_there(kind, &name);
            if !self.templar.plugins().is_some_and(is_there) {
                self.within(outcome, |loader| loader.mistake(problem));
            }
        }
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(LoadError {
            problems: std::mem::take(&mut self.problems),
        })
    }

    /// Warnings of the files that were read.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        // The same role used twice has the same mistake once.
        let same = |known: &Problem| known.span == problem.span && known.message == problem.message;
        if !self.problems.iter().any(same) {
            self.problems.push(problem);
        }
    }

    /// Loads something whose mistakes have this outcome.
    pub(super) fn within<T>(&mut self, outcome: Outcome, load: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.outcome, outcome);
        let loaded = load(self);
        self.outcome = outer;
        loaded
    }

    /// A mistake that Ansible would find only when the task runs.
    pub(super) fn mistake(&mut self, problem: Problem) {
        match self.outcome {
            Outcome::Certain if !self.is_selecting => self.problem(problem),
            Outcome::Certain | Outcome::Doubtful => {
                let warning = problem.in_a_line();
                if !self.warnings.contains(&warning) {
                    self.warnings.push(warning);
                }
            }
            Outcome::Expected => {}
        }
    }

    /// Templates anywhere in a value: syntax, filters, tests, lookups.
    pub(super) fn check_templates(&mut self, node: &Node) {
        for problem in self.templar.check(node) {
            self.template_problem(problem);
        }
    }

    /// The keyword `when`: the first of several conditions decides whether the next is looked at.
    pub(super) fn check_when(&mut self, when: Option<&Node>) {
        let conditions = when.map(list).unwrap_or_default();
        for (index, condition) in conditions.iter().enumerate() {
            let outcome = if index == 0 {
                self.outcome
            } else {
                self.outcome.doubted()
            };
            self.within(outcome, |loader| loader.check_condition(condition));
        }
    }

    /// A condition, or a list of them.
    pub(super) fn check_condition(&mut self, node: &Node) {
        for problem in self.templar.check_condition(node) {
            self.template_problem(problem);
        }
    }

    fn template_problem(&mut self, found: slipway_language::Problem) {
        let problem = Problem::new(&found.span, found.message);
        match found.missing {
            Some(missing) => self.missing.push((missing, problem, self.outcome)),
            None => self.mistake(problem),
        }
    }

    /// Reads a YAML file.
    pub(super) fn read(&mut self, path: &Path) -> Result<Option<Node>, Problem> {
        let name = display_path(path);
        let bytes = self.lookup.read_decrypted(path).map_err(|error| Problem {
            span: None,
            message: format!("cannot read {name}: {error}"),
            hint: None,
            locked: error
                .get_ref()
                .is_some_and(<dyn std::error::Error + Send + Sync>::is::<VaultError>),
            include: None,
        })?;
        let text = String::from_utf8(bytes).map_err(|_| Problem {
            span: None,
            message: format!("{name} is not UTF-8 text"),
            hint: None,
            locked: false,
            include: None,
        })?;
        let document = slipway_language::yaml::parse(&text, &name).map_err(|error| Problem {
            span: Some(error.span.clone()),
            message: error.message.clone(),
            hint: error.hint,
            locked: false,
            include: None,
        })?;
        // All that can be odd about a file is a key that stands twice.
        let mut warnings = document.warnings.iter().map(|warning| {
            let span = &warning.span;
            format!(
                "While constructing a mapping from {}, line {}, column {}, {}",
                path.display(),
                span.line,
                span.column,
                warning.message
            )
        });
        match (self.defaults.duplicate_key, document.warnings.first()) {
            (DuplicateKey::Error, Some(warning)) => {
                let message = warnings.next().unwrap_or_default();
                return Err(Problem::new(&warning.span, message));
            }
            (DuplicateKey::Warn, _) => self.warnings.extend(warnings),
            _ => {}
        }
        Ok(document.root)
    }

    /// The settings of a block, task, role or play with its keywords laid over those around it. Templates among
    /// tags that use what is known while loading are rendered here, others when the play begins or the include is expanded.
    pub(super) fn settings(&mut self, around: &Settings, node: &Node) -> Result<Settings, Problem> {
        let mut settings = self.settings_without_defaults(around, node)?;
        if let Some(defaults) = node.get("module_defaults") {
            settings.module_defaults.extend(self.module_defaults(defaults)?);
        }
        Ok(settings)
    }

    fn settings_without_defaults(&self, around: &Settings, node: &Node) -> Result<Settings, Problem> {
        let Some(tags) = node.get("tags").filter(|tags| tags.has_templates()) else {
            return around.with(node);
        };
        let mut vars = around.vars.clone();
        let own = node.get("vars").map(Node::entries).unwrap_or_default();
        vars.push(Arc::new(
            own.iter()
                .filter_map(|(name, value)| {
                    Some((Arc::from(name.as_str()?), Variable::Template(value.clone())))
                })
                .collect(),
        ));
        let mut known = Vec::new();
        for tag in super::settings::list(tags) {
            match self.static_texts(&tag, &vars) {
                Some(texts) => known.extend(texts.into_iter().map(|text| Node::text(tag.span.clone(), text))),
                None => known.push(tag),
            }
        }
        let known = Node::new(tags.span.clone(), NodeKind::List(known.into()));
        let entries = node.entries().iter().map(|(key, value)| {
            let value = if key.as_str() == Some("tags") {
                &known
            } else {
                value
            };
            (key.clone(), value.clone())
        });
        around.with(&Node::new(node.span.clone(), NodeKind::Map(entries.collect())))
    }

    /// Text of a keyword that is needed while loading; templates may use extra variables, the play's variables and `vars`.
    pub(super) fn static_text(&self, node: &Node, vars: &[Arc<Vars>]) -> Result<String, Problem> {
        if !node.has_templates() {
            return match &node.kind {
                NodeKind::Str(text) | NodeKind::Unsafe(text) => Ok(text.to_string()),
                NodeKind::Int(number) => Ok(number.to_string()),
                _ => Err(Problem::new(
                    &node.span,
                    format!("a name was expected, this is {}", node.type_name()),
                )),
            };
        }
        let value = self.static_value(node, vars).map_err(|error| {
            Problem::new(
                &node.span,
                format!("the name of what is imported cannot be known when the playbook is loaded: {error}"),
            )
            .hint("use include_tasks or include_role for names that depend on hosts or facts")
        })?;
        Ok(slipway_language::to_text(&value))
    }

    /// A switch that is needed while loading; none if it is not written.
    pub(super) fn static_switch(
        &self,
        node: Option<Node>,
        vars: &[Arc<Vars>],
    ) -> Result<Option<bool>, Problem> {
        let Some(node) = node else { return Ok(None) };
        if let NodeKind::Bool(on) = node.kind {
            return Ok(Some(on));
        }
        let text = self.static_text(&node, vars)?;
        Ok(Some(super::settings::is_true(&Node::text(
            node.span.clone(),
            text,
        ))))
    }

    /// The texts that a template gives, if what it uses is known while loading.
    fn static_texts(&self, node: &Node, vars: &[Arc<Vars>]) -> Option<Vec<String>> {
        if !node.has_templates() {
            return None;
        }
        let value = self.static_value(node, vars).ok()?;
        Some(match value.try_iter() {
            Ok(values) if value.as_str().is_none() => {
                values.map(|value| slipway_language::to_text(&value)).collect()
            }
            _ => vec![slipway_language::to_text(&value)],
        })
    }

    fn static_value(&self, node: &Node, vars: &[Arc<Vars>]) -> Result<minijinja::Value, TemplateError> {
        let mut layers: Vec<Arc<dyn Layer>> = vec![Arc::clone(&self.play_vars) as Arc<dyn Layer>];
        layers.extend(vars.iter().map(|vars| Arc::clone(vars) as Arc<dyn Layer>));
        layers.push(Arc::clone(&self.extra_vars) as Arc<dyn Layer>);
        let mut magic = Vars::new();
        let directory = self.playbook_directory.display().to_string();
        magic.insert(Arc::from("playbook_dir"), Variable::Data(directory.into()));
        layers.push(Arc::new(magic));
        let scope = Scope::new(layers, Arc::clone(&self.lookup));
        self.templar.render(node, &scope)
    }

    /// Variables of a `vars:` mapping.
    pub(super) fn vars(&mut self, node: Option<&Node>) -> Vars {
        let Some(node) = node else {
            return Vars::new();
        };
        self.within(Outcome::Doubtful, |loader| loader.check_templates(node));
        let mut vars = Vars::new();
        for (key, value) in node.entries() {
            match key.as_str() {
                Some(name) if is_identifier(name) => {
                    vars.insert(Arc::from(name), Variable::Template(value.clone()));
                }
                Some(name) => self.problem(
                    Problem::new(&key.span, format!("{name:?} is not a valid name of a variable")).hint(
                        "names consist of letters, digits and underscores, do not begin with a digit and are no words of Python",
                    ),
                ),
                None => self.problem(Problem::new(&key.span, "the name of a variable must be a string")),
            }
        }
        vars
    }
}

/// The words that Python keeps for itself: no variable may be called so.
const RESERVED: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Whether this may be the name of a variable.
pub fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
        && !RESERVED.contains(&name)
}

/// A path as messages show it: relative to the working directory where it is below it.
pub fn display_path(path: &Path) -> String {
    let shown = std::env::current_dir()
        .ok()
        .and_then(|current| path.strip_prefix(current).ok().map(Path::to_path_buf));
    shown.unwrap_or_else(|| path.to_path_buf()).display().to_string()
}

/// A path without `.` and `..`, made absolute; links are kept.
pub fn normalize(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut normal = PathBuf::new();
    for component in absolute.components() {
        match component {
            std::path::Component::ParentDir => {
                normal.pop();
            }
            std::path::Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}
