//! The one table of settings: field, type, default, environment variables, places in `ansible.cfg`.
//!
//! Of several variables or places the last one that is set wins. A default is written as it would be in the file;
//! `{home}` in it is the setting `home`.

use std::{fmt, path::PathBuf};

use serde_json::Value;

use super::{
    Deprecation, DuplicateKey, Gathering, HashBehaviour, InvalidGroupName, OnMismatch, SettingsError, Source,
    Surroundings, UnlessSaid,
    file::ConfigurationFile,
    text::{FromText, ToValue, between_commas},
};

/// A setting, for documentation.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The field of [`Settings`].
    pub name: &'static str,
    /// Environment variables.
    pub environment: &'static [&'static str],
    /// Sections and keys of `ansible.cfg`.
    pub file: &'static [(&'static str, &'static str)],
    /// The default as text.
    pub default: &'static str,
    /// What it says.
    pub about: &'static str,
}

macro_rules! settings {
    (@parse $kind:ty) => { <$kind as FromText>::from_text };
    (@parse $kind:ty, $parse:path) => { $parse };
    ($(
        $(#[doc = $about:literal])+
        $name:ident: $kind:ty = $default:literal,
        [$($variable:ident),*] [$($section:ident . $key:tt),*] $(by $parse:path)?;
    )+) => {
        /// Everything that can be set outside of playbooks.
        #[derive(Debug, Clone)]
        pub struct Settings {
            /// The `ansible.cfg` that was read.
            pub config_file: Option<PathBuf>,
            /// What was odd about it.
            pub warnings: Vec<String>,
            /// What of it a later version does not have.
            pub deprecations: Vec<Deprecation>,
            /// Of the fields that are set, in the order of the table, where their values are from.
            pub origins: Vec<(&'static str, Origin)>,
            $($(#[doc = $about])+ pub $name: $kind,)+
        }

        /// Every setting.
        pub const TABLE: &[Row] = &[$(
            Row {
                name: stringify!($name),
                environment: &[$(stringify!($variable)),*],
                file: &[$((stringify!($section), stringify!($key))),*],
                default: $default,
                about: concat!($($about),+),
            },
        )+];

        impl Settings {
            pub(super) fn from_sources(
                surroundings: &Surroundings,
                file: &ConfigurationFile,
            ) -> Result<Self, SettingsError> {
                let mut rows = TABLE.iter();
                let reader = Reader::new(surroundings, file)?;
                let mut settings = Self {
                    config_file: None,
                    warnings: Vec::new(),
                    deprecations: Vec::new(),
                    origins: Vec::new(),
                    $($name: reader.read(rows.next(), settings!(@parse $kind $(, $parse)?))?,)+
                };
                let origin = |row: &Row| Some((row.name, reader.set(row)?.origin));
                settings.origins.extend(TABLE.iter().filter_map(origin));
                Ok(settings)
            }

            /// The value of a setting by the name of its field.
            pub(super) fn field(&self, name: &str) -> Option<Value> {
                match name {
                    $(stringify!($name) => Some(self.$name.to_value()),)+
                    _ => None,
                }
            }
        }
    };
}

/// Where the value of a setting is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// This environment variable.
    Environment(&'static str),
    /// A key of a section of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// `[section] key`
        place: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => formatter.write_str(name),
            Self::File { path, place } => write!(formatter, "{place} in {}", path.display()),
        }
    }
}

/// A value as it is set.
struct Set {
    value: String,
    origin: Origin,
}

struct Reader<'a> {
    surroundings: &'a Surroundings,
    file: &'a ConfigurationFile,
    home: String,
}

impl<'a> Reader<'a> {
    fn new(surroundings: &'a Surroundings, file: &'a ConfigurationFile) -> Result<Self, SettingsError> {
        let mut reader = Self {
            surroundings,
            file,
            home: String::new(),
        };
        let home: PathBuf = reader.read(TABLE.first(), PathBuf::from_text)?;
        reader.home = home.display().to_string();
        Ok(reader)
    }

    fn read<T>(
        &self,
        row: Option<&Row>,
        parse: impl Fn(&str, &Source<'_>) -> Result<T, String>,
    ) -> Result<T, SettingsError> {
        // The fields are made from the rows, in their order: there is one for each.
        let row = row.unwrap_or(&TABLE[0]);
        let set = self.set(row);
        let value = set.as_ref().map_or_else(
            || row.default.replace("{home}", &self.home),
            |set| set.value.clone(),
        );
        let origin = set.map(|set| set.origin);
        let directory = &self.surroundings.directory;
        let source = Source {
            surroundings: self.surroundings,
            base: match &origin {
                Some(Origin::File { path, .. }) => path.parent().unwrap_or(directory).to_path_buf(),
                _ => directory.clone(),
            },
            quoted: matches!(origin, Some(Origin::File { .. })),
        };
        parse(&value, &source).map_err(|message| SettingsError::Value {
            name: row.name,
            origin: origin.map_or_else(|| "its default".to_owned(), |origin| origin.to_string()),
            message,
            value,
        })
    }

    /// What a setting is set to: in the environment, or else in the file.
    fn set(&self, row: &Row) -> Option<Set> {
        let from_environment = row.environment.iter().rev().find_map(|name| {
            Some(Set {
                value: self.surroundings.variable(name)?.to_owned(),
                origin: Origin::Environment(name),
            })
        });
        let from_file = || {
            row.file.iter().rev().find_map(|(section, key)| {
                Some(Set {
                    value: self.file.get(section, key)?.to_owned(),
                    origin: Origin::File {
                        path: self.file.path.clone(),
                        place: format!("[{section}] {key}"),
                    },
                })
            })
        };
        from_environment.or_else(from_file)
    }
}

settings! {
    /// Directory of Ansible's own files. Must be first: other defaults are below it.
    home: PathBuf = "~/.ansible", [ANSIBLE_HOME] [defaults.home];

    // How hosts are reached.
    /// How many hosts are worked on at once.
    forks: usize = "50", [ANSIBLE_FORKS] [defaults.forks];
    /// Seconds that a connection may take.
    timeout: u64 = "10", [ANSIBLE_TIMEOUT, ANSIBLE_SSH_TIMEOUT] [defaults.timeout, ssh_connection.timeout];
    /// The connection of tasks that name none.
    transport: String = "ssh", [ANSIBLE_TRANSPORT] [defaults.transport];
    /// Whether a host's key must be known.
    host_key_checking: bool = "true", [ANSIBLE_HOST_KEY_CHECKING, ANSIBLE_SSH_HOST_KEY_CHECKING] [defaults.host_key_checking, ssh_connection.host_key_checking];
    /// The user to log in as.
    remote_user: Option<String> = "", [ANSIBLE_REMOTE_USER] [defaults.remote_user];
    /// The port of SSH.
    remote_port: Option<u16> = "", [ANSIBLE_REMOTE_PORT] [defaults.remote_port];
    /// The private key for SSH.
    private_key_file: Option<PathBuf> = "", [ANSIBLE_PRIVATE_KEY_FILE] [defaults.private_key_file];
    /// Arguments of the `ssh` program.
    ssh_args: String = "-C -o ControlMaster=auto -o ControlPersist=60s", [ANSIBLE_SSH_ARGS] [ssh_connection.ssh_args];
    /// Arguments of all programs of SSH.
    ssh_common_args: String = "", [ANSIBLE_SSH_COMMON_ARGS] [ssh_connection.ssh_common_args];
    /// Arguments of `ssh` alone.
    ssh_extra_args: String = "", [ANSIBLE_SSH_EXTRA_ARGS] [ssh_connection.ssh_extra_args];
    /// How often a connection is tried again.
    ssh_retries: u64 = "0", [ANSIBLE_SSH_RETRIES] [connection.retries, ssh_connection.retries];
    /// Whether the login password is asked for.
    ask_pass: bool = "false", [ANSIBLE_ASK_PASS] [defaults.ask_pass];
    /// File with the login password, or a program that prints it.
    connection_password_file: Option<PathBuf> = "", [ANSIBLE_CONNECTION_PASSWORD_FILE] [defaults.connection_password_file];
    /// The shell of commands.
    executable: String = "/bin/sh", [ANSIBLE_EXECUTABLE] [defaults.executable];
    /// Directory for temporary files on hosts.
    remote_tmp: String = "~/.ansible/tmp", [ANSIBLE_REMOTE_TEMP, ANSIBLE_REMOTE_TMP] [defaults.remote_tmp];
    /// Directory for temporary files here.
    local_tmp: PathBuf = "{home}/tmp", [ANSIBLE_LOCAL_TEMP] [defaults.local_tmp];
    /// Python on hosts: a path, or how it is found.
    interpreter_python: String = "auto", [ANSIBLE_PYTHON_INTERPRETER] [defaults.interpreter_python];

    // Becoming another user.
    /// Whether tasks run as another user.
    becomes: bool = "false", [ANSIBLE_BECOME] [privilege_escalation.become];
    /// The user that is become.
    become_user: Option<String> = "", [ANSIBLE_BECOME_USER] [privilege_escalation.become_user];
    /// How it is become.
    become_method: String = "sudo", [ANSIBLE_BECOME_METHOD] [privilege_escalation.become_method];
    /// The program for it, where its method has no own setting.
    become_exe: Option<String> = "", [ANSIBLE_BECOME_EXE] [privilege_escalation.become_exe];
    /// Flags of that program, where its method has no own setting.
    become_flags: Option<String> = "", [ANSIBLE_BECOME_FLAGS] [privilege_escalation.become_flags];
    /// The password for it, where its method has no own setting.
    become_pass: Option<String> = "", [ANSIBLE_BECOME_PASS] [];
    /// `become_user` of sudo.
    sudo_user: Option<String> = "", [ANSIBLE_SUDO_USER] [sudo_become_plugin.user];
    /// `become_exe` of sudo.
    sudo_exe: Option<String> = "", [ANSIBLE_SUDO_EXE] [sudo_become_plugin.executable];
    /// `become_flags` of sudo.
    sudo_flags: Option<String> = "", [ANSIBLE_SUDO_FLAGS] [sudo_become_plugin.flags];
    /// `become_pass` of sudo.
    sudo_pass: Option<String> = "", [ANSIBLE_SUDO_PASS] [sudo_become_plugin.password];
    /// `become_user` of su.
    su_user: Option<String> = "", [ANSIBLE_SU_USER] [su_become_plugin.user];
    /// `become_exe` of su.
    su_exe: Option<String> = "", [ANSIBLE_SU_EXE] [su_become_plugin.executable];
    /// `become_flags` of su.
    su_flags: Option<String> = "", [ANSIBLE_SU_FLAGS] [su_become_plugin.flags];
    /// `become_pass` of su.
    su_pass: Option<String> = "", [ANSIBLE_SU_PASS] [su_become_plugin.password];
    /// Whether a user is become that one already is.
    become_allow_same_user: bool = "false", [ANSIBLE_BECOME_ALLOW_SAME_USER] [privilege_escalation.become_allow_same_user];
    /// Whether the password for it is asked for.
    become_ask_pass: bool = "false", [ANSIBLE_BECOME_ASK_PASS] [privilege_escalation.become_ask_pass];
    /// Whether it is asked for by one name, whatever the method.
    agnostic_become_prompt: bool = "true", [ANSIBLE_AGNOSTIC_BECOME_PROMPT] [privilege_escalation.agnostic_become_prompt];
    /// File with that password, or a program that prints it.
    become_password_file: Option<PathBuf> = "", [ANSIBLE_BECOME_PASSWORD_FILE] [defaults.become_password_file];

    // Vault.
    /// Whether the password of the vault is asked for.
    ask_vault_pass: bool = "false", [ANSIBLE_ASK_VAULT_PASS] [defaults.ask_vault_pass];
    /// File with the password of the vault, or a program that prints it.
    vault_password_file: Option<PathBuf> = "", [ANSIBLE_VAULT_PASSWORD_FILE] [defaults.vault_password_file];
    /// Passwords of the vault, each as `label@source`.
    vault_identity_list: Vec<String> = "", [ANSIBLE_VAULT_IDENTITY_LIST] [defaults.vault_identity_list];
    /// The label of a password that is given without one.
    vault_identity: String = "default", [ANSIBLE_VAULT_IDENTITY] [defaults.vault_identity];
    /// The label of the password that encrypts.
    vault_encrypt_identity: Option<String> = "", [ANSIBLE_VAULT_ENCRYPT_IDENTITY] [defaults.vault_encrypt_identity];
    /// The salt that encrypts; a random one if none.
    vault_encrypt_salt: Option<String> = "", [ANSIBLE_VAULT_ENCRYPT_SALT] [defaults.vault_encrypt_salt];
    /// Whether only a password with the label of what is encrypted decrypts it.
    vault_id_match: bool = "false", [ANSIBLE_VAULT_ID_MATCH] [defaults.vault_id_match];

    // Where things are found.
    /// Roles.
    roles_path: Vec<PathBuf> = "{home}/roles:/usr/share/ansible/roles:/etc/ansible/roles", [ANSIBLE_ROLES_PATH] [defaults.roles_path];
    /// Collections.
    collections_path: Vec<PathBuf> = "{home}/collections:/usr/share/ansible/collections", [ANSIBLE_COLLECTIONS_PATHS, ANSIBLE_COLLECTIONS_PATH] [defaults.collections_paths, defaults.collections_path];
    /// Whether collections among Python's packages are found too.
    collections_scan_sys_path: bool = "true", [ANSIBLE_COLLECTIONS_SCAN_SYS_PATH] [defaults.collections_scan_sys_path];
    /// Modules.
    library: Vec<PathBuf> = "{home}/plugins/modules:/usr/share/ansible/plugins/modules", [ANSIBLE_LIBRARY] [defaults.library];
    /// Python that modules share.
    module_utils: Vec<PathBuf> = "{home}/plugins/module_utils:/usr/share/ansible/plugins/module_utils", [ANSIBLE_MODULE_UTILS] [defaults.module_utils];
    /// Action plugins.
    action_plugins: Vec<PathBuf> = "{home}/plugins/action:/usr/share/ansible/plugins/action", [ANSIBLE_ACTION_PLUGINS] [defaults.action_plugins];
    /// Callbacks in Python.
    callback_plugins: Vec<PathBuf> = "{home}/plugins/callback:/usr/share/ansible/plugins/callback", [ANSIBLE_CALLBACK_PLUGINS] [defaults.callback_plugins];
    /// Connections in Python.
    connection_plugins: Vec<PathBuf> = "{home}/plugins/connection:/usr/share/ansible/plugins/connection", [ANSIBLE_CONNECTION_PLUGINS] [defaults.connection_plugins];
    /// Filters in Python.
    filter_plugins: Vec<PathBuf> = "{home}/plugins/filter:/usr/share/ansible/plugins/filter", [ANSIBLE_FILTER_PLUGINS] [defaults.filter_plugins];
    /// Tests in Python.
    test_plugins: Vec<PathBuf> = "{home}/plugins/test:/usr/share/ansible/plugins/test", [ANSIBLE_TEST_PLUGINS] [defaults.test_plugins];
    /// Plugins of variables in Python.
    vars_plugins: Vec<PathBuf> = "{home}/plugins/vars:/usr/share/ansible/plugins/vars", [ANSIBLE_VARS_PLUGINS] [defaults.vars_plugins];
    /// Plugins of variables that must be named to be used.
    vars_plugins_enabled: Vec<String> = "host_group_vars", [ANSIBLE_VARS_ENABLED] [defaults.vars_plugins_enabled];
    /// The file with modules that are not to be used, instead of `/etc/ansible/plugin_filters.yml`.
    plugin_filters_cfg: Option<PathBuf> = "", [] [defaults.plugin_filters_cfg];
    /// Lookups in Python.
    lookup_plugins: Vec<PathBuf> = "{home}/plugins/lookup:/usr/share/ansible/plugins/lookup", [ANSIBLE_LOOKUP_PLUGINS] [defaults.lookup_plugins];
    /// Inventory plugins in Python.
    inventory_plugins: Vec<PathBuf> = "{home}/plugins/inventory:/usr/share/ansible/plugins/inventory", [ANSIBLE_INVENTORY_PLUGINS] [defaults.inventory_plugins];
    /// The directory that stands for the playbook's where there is none.
    playbook_dir: Option<PathBuf> = "", [ANSIBLE_PLAYBOOK_DIR] [defaults.playbook_dir];

    // Inventory.
    /// Sources of a run that names none.
    inventory: Vec<PathBuf> = "/etc/ansible/hosts", [ANSIBLE_INVENTORY] [defaults.inventory] by between_commas;
    /// Kinds of sources, in the order in which they are tried.
    inventory_enabled: Vec<String> = "host_list,script,auto,yaml,ini,toml", [ANSIBLE_INVENTORY_ENABLED] [inventory.enable_plugins];
    /// Ends of names of files in an inventory directory that are not inventories.
    inventory_ignore_extensions: Vec<String> = ".pyc,.pyo,.swp,.bak,~,.rpm,.md,.txt,.rst,.orig,.ini,.cfg,.retry", [ANSIBLE_INVENTORY_IGNORE] [defaults.inventory_ignore_extensions, inventory.ignore_extensions];
    /// Regular expressions for names of files that are not inventories either.
    inventory_ignore_patterns: Vec<String> = "", [ANSIBLE_INVENTORY_IGNORE_REGEX] [defaults.inventory_ignore_patterns, inventory.ignore_patterns];
    /// Whether one source that cannot be read ends the run.
    inventory_any_unparsed_is_failed: bool = "false", [ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED] [inventory.any_unparsed_is_failed];
    /// Whether it ends the run that none can be read.
    inventory_unparsed_is_failed: bool = "false", [ANSIBLE_INVENTORY_UNPARSED_FAILED] [inventory.unparsed_is_failed];
    /// Whether a warning tells that there is no inventory.
    inventory_unparsed_warning: bool = "true", [ANSIBLE_INVENTORY_UNPARSED_WARNING] [inventory.inventory_unparsed_warning];
    /// Whether what a script writes to standard error is shown.
    inventory_script_stderr: bool = "true", [ANSIBLE_INVENTORY_PLUGIN_SCRIPT_STDERR] [inventory_plugin_script.always_show_stderr];
    /// Whether `constructed` sees variables of the command line.
    inventory_use_extra_vars: bool = "false", [ANSIBLE_INVENTORY_USE_EXTRA_VARS] [inventory_plugins.use_extra_vars];
    /// `ansible-inventory --export`
    inventory_export: bool = "false", [ANSIBLE_INVENTORY_EXPORT] [inventory.export];
    /// Ends of names of YAML files.
    yaml_extensions: Vec<String> = ".yml,.yaml,.json", [ANSIBLE_YAML_FILENAME_EXT] [defaults.yaml_valid_extensions];
    /// What becomes of a pattern that matches no host.
    host_pattern_mismatch: OnMismatch = "warning", [ANSIBLE_HOST_PATTERN_MISMATCH] [inventory.host_pattern_mismatch];
    /// What becomes of names of groups that are no names of variables.
    force_valid_group_names: InvalidGroupName = "never", [ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS] [defaults.force_valid_group_names];
    /// Whether a warning tells that only the implicit `localhost` is there.
    localhost_warning: bool = "true", [ANSIBLE_LOCALHOST_WARNING] [defaults.localhost_warning];

    // Facts and variables.
    /// When facts are gathered.
    gathering: Gathering = "implicit", [ANSIBLE_GATHERING] [defaults.gathering];
    /// Where facts are kept: `memory`, `jsonfile`.
    fact_caching: String = "memory", [ANSIBLE_CACHE_PLUGIN] [defaults.fact_caching];
    /// The directory of `jsonfile`.
    fact_caching_connection: Option<PathBuf> = "", [ANSIBLE_CACHE_PLUGIN_CONNECTION] [defaults.fact_caching_connection];
    /// The beginning of names of its files.
    fact_caching_prefix: Option<String> = "", [ANSIBLE_CACHE_PLUGIN_PREFIX] [defaults.fact_caching_prefix];
    /// Seconds after which they are old; none is never.
    fact_caching_timeout: u64 = "86400", [ANSIBLE_CACHE_PLUGIN_TIMEOUT] [defaults.fact_caching_timeout];
    /// The modules that gather facts; `smart` is that of ansible-core, or one for the system of a network device.
    facts_modules: Vec<String> = "smart", [ANSIBLE_FACTS_MODULES] [defaults.facts_modules];
    /// Whether facts are variables by their own names too.
    inject_facts_as_vars: bool = "true", [ANSIBLE_INJECT_FACT_VARS] [defaults.inject_facts_as_vars];
    /// What becomes of a mapping that is defined again at a higher precedence.
    hash_behaviour: HashBehaviour = "replace", [ANSIBLE_HASH_BEHAVIOUR] [defaults.hash_behaviour];
    /// What becomes of a YAML key that stands twice.
    duplicate_dict_key: DuplicateKey = "warn", [ANSIBLE_DUPLICATE_YAML_DICT_KEY] [defaults.duplicate_dict_key];
    /// Whether what is odd about groups of modules is told.
    validate_action_group_metadata: bool = "true", [ANSIBLE_VALIDATE_ACTION_GROUP_METADATA] [defaults.validate_action_group_metadata];
    /// Whether roles keep their variables to themselves. Included roles do where nothing is said, others do not.
    private_role_vars: UnlessSaid = "", [ANSIBLE_PRIVATE_ROLE_VARS] [defaults.private_role_vars];

    // Templates.
    /// The template of `ansible_managed`.
    ansible_managed: String = "Ansible managed", [] [defaults.ansible_managed];
    /// Whether values of templates keep their types.
    jinja2_native: bool = "false", [ANSIBLE_JINJA2_NATIVE] [defaults.jinja2_native];
    /// Whether it is a mistake to name a variable that has no value; else the template stays as it is written.
    error_on_undefined_vars: bool = "true", [ANSIBLE_ERROR_ON_UNDEFINED_VARS] [defaults.error_on_undefined_vars];

    // How plays run.
    /// The strategy of plays that name none.
    strategy: String = "linear", [ANSIBLE_STRATEGY] [defaults.strategy];
    /// Whether one failure ends the play for all.
    any_errors_fatal: bool = "false", [ANSIBLE_ANY_ERRORS_FATAL] [defaults.any_errors_fatal];
    /// Whether handlers run on hosts where a task failed.
    force_handlers: bool = "false", [ANSIBLE_FORCE_HANDLERS] [defaults.force_handlers];
    /// Whether a handler that is not there ends the run.
    error_on_missing_handler: bool = "true", [ANSIBLE_ERROR_ON_MISSING_HANDLER] [defaults.error_on_missing_handler];
    /// Seconds that a task may take; zero is without end.
    task_timeout: u64 = "0", [ANSIBLE_TASK_TIMEOUT] [defaults.task_timeout];
    /// Seconds between looks at an asynchronous job.
    poll_interval: u64 = "15", [ANSIBLE_POLL_INTERVAL] [defaults.poll_interval];
    /// Where hosts keep the state of asynchronous jobs.
    async_dir: String = "~/.ansible_async", [ANSIBLE_ASYNC_DIR] [defaults.async_dir];
    /// Tags that run.
    run_tags: Vec<String> = "", [ANSIBLE_RUN_TAGS] [tags.run];
    /// Tags that do not run.
    skip_tags: Vec<String> = "", [ANSIBLE_SKIP_TAGS] [tags.skip];
    /// Whether results are hidden.
    no_log: bool = "false", [ANSIBLE_NO_LOG] [defaults.no_log];
    /// Whether `--diff` is always on.
    diff_always: bool = "false", [ANSIBLE_DIFF_ALWAYS] [diff.always];
    /// Lines around a difference.
    diff_context: usize = "3", [ANSIBLE_DIFF_CONTEXT] [diff.context];
    /// The module of `ansible` without `-m`.
    module_name: String = "command", [] [defaults.module_name];
    /// Its arguments without `-a`.
    module_args: Option<String> = "", [ANSIBLE_MODULE_ARGS] [defaults.module_args];
    /// File systems whose files cannot be replaced in one step under SELinux.
    special_context_filesystems: Vec<String> = "fuse,nfs,vboxsf,ramfs,9p,vfat", [ANSIBLE_SELINUX_SPECIAL_FS] [selinux.special_context_filesystems];

    // Output.
    /// How results are printed.
    stdout_callback: String = "default", [ANSIBLE_STDOUT_CALLBACK] [defaults.stdout_callback];
    /// What else listens to results.
    callbacks_enabled: Vec<String> = "", [ANSIBLE_CALLBACKS_ENABLED] [defaults.callbacks_enabled];
    /// Whether `ansible` heeds these two.
    bin_ansible_callbacks: bool = "false", [ANSIBLE_LOAD_CALLBACK_PLUGINS] [defaults.bin_ansible_callbacks];
    /// The directory of the callback `tree`.
    callback_tree_dir: PathBuf = "{home}/tree", [ANSIBLE_CALLBACK_TREE_DIR] [callback_tree.directory];
    /// `json` or `yaml`.
    callback_result_format: String = "json", [ANSIBLE_CALLBACK_RESULT_FORMAT] [defaults.callback_result_format];
    /// Whether results are indented; if it is not said, it depends on format and verbosity.
    callback_format_pretty: Option<bool> = "", [ANSIBLE_CALLBACK_FORMAT_PRETTY] [defaults.callback_format_pretty];
    /// Whether skipped hosts are shown.
    display_skipped_hosts: bool = "true", [ANSIBLE_DISPLAY_SKIPPED_HOSTS] [defaults.display_skipped_hosts];
    /// Whether hosts are shown on which nothing changed.
    display_ok_hosts: bool = "true", [ANSIBLE_DISPLAY_OK_HOSTS] [defaults.display_ok_hosts];
    /// Whether failures go to standard error.
    display_failed_stderr: bool = "false", [ANSIBLE_DISPLAY_FAILED_STDERR] [defaults.display_failed_stderr];
    /// Whether statistics that playbooks set are shown.
    show_custom_stats: bool = "false", [ANSIBLE_SHOW_CUSTOM_STATS] [defaults.show_custom_stats];
    /// Whether banners tell that it is a check.
    check_mode_markers: bool = "false", [ANSIBLE_CHECK_MODE_MARKERS] [defaults.check_mode_markers];
    /// Whether a failure shows where its task is written.
    show_task_path_on_failure: bool = "false", [ANSIBLE_SHOW_TASK_PATH_ON_FAILURE] [defaults.show_task_path_on_failure];
    /// Whether warnings of modules are shown.
    action_warnings: bool = "true", [ANSIBLE_ACTION_WARNINGS] [defaults.action_warnings];
    /// Whether deprecations are shown.
    deprecation_warnings: bool = "true", [ANSIBLE_DEPRECATION_WARNINGS] [defaults.deprecation_warnings];
    /// Whether a condition may have another value than true and false; a deprecation tells of it.
    allow_broken_conditionals: bool = "true", [ANSIBLE_ALLOW_BROKEN_CONDITIONALS] [defaults.allow_broken_conditionals];
    /// Whether no deprecation tells of such conditions, even where they are not allowed.
    disable_backported_inspections: bool = "false", [_ANSIBLE_DISABLE_BACKPORTED_INSPECTIONS] [defaults._disable_backported_inspections];
    /// How much is said without `-v`.
    verbosity: u8 = "0", [ANSIBLE_VERBOSITY] [defaults.verbosity];
    /// Whether what `-v` adds goes to standard error.
    verbose_to_stderr: bool = "false", [ANSIBLE_VERBOSE_TO_STDERR] [defaults.verbose_to_stderr];
    /// How much of what `-v` adds is written to the log, though nobody sees it.
    log_verbosity: u8 = "0", [ANSIBLE_LOG_VERBOSITY] [defaults.log_verbosity];
    /// File that the output is copied to.
    log_path: Option<PathBuf> = "", [ANSIBLE_LOG_PATH] [defaults.log_path];
    /// Whether there are colours even without a terminal.
    force_color: bool = "false", [ANSIBLE_FORCE_COLOR] [defaults.force_color];
    /// Whether there are no colours.
    nocolor: bool = "false", [ANSIBLE_NOCOLOR, NO_COLOR] [defaults.nocolor];
    /// Colour of what changed.
    color_changed: String = "yellow", [ANSIBLE_COLOR_CHANGED] [colors.changed];
    /// Colour of details.
    color_debug: String = "dark gray", [ANSIBLE_COLOR_DEBUG] [colors.debug];
    /// Colour of deprecations.
    color_deprecate: String = "purple", [ANSIBLE_COLOR_DEPRECATE] [colors.deprecate];
    /// Colour of added lines.
    color_diff_add: String = "green", [ANSIBLE_COLOR_DIFF_ADD] [colors.diff_add];
    /// Colour of places in differences.
    color_diff_lines: String = "cyan", [ANSIBLE_COLOR_DIFF_LINES] [colors.diff_lines];
    /// Colour of removed lines.
    color_diff_remove: String = "red", [ANSIBLE_COLOR_DIFF_REMOVE] [colors.diff_remove];
    /// Colour of failures.
    color_error: String = "red", [ANSIBLE_COLOR_ERROR] [colors.error];
    /// Colour of included files.
    color_included: String = "cyan", [ANSIBLE_COLOR_INCLUDED] [colors.included];
    /// Colour of what is as it should be.
    color_ok: String = "green", [ANSIBLE_COLOR_OK] [colors.ok];
    /// Colour of what was skipped.
    color_skip: String = "cyan", [ANSIBLE_COLOR_SKIP] [colors.skip];
    /// Colour of unreachable hosts.
    color_unreachable: String = "bright red", [ANSIBLE_COLOR_UNREACHABLE] [colors.unreachable];
    /// Colour of what `-v` adds.
    color_verbose: String = "blue", [ANSIBLE_COLOR_VERBOSE] [colors.verbose];
    /// Colour of warnings.
    color_warn: String = "bright purple", [ANSIBLE_COLOR_WARN] [colors.warn];

    // Programs.
    /// The editor of `ansible-vault edit`.
    editor: String = "vi", [ANSIBLE_EDITOR, EDITOR] [defaults.editor];
    /// The pager of `ansible-vault view`.
    pager: String = "less", [ANSIBLE_PAGER, PAGER] [defaults.pager];
}
