//! Settings by the names that Ansible's own code and the lookup `config` have for them.

use serde_json::Value;

use super::{Origin, Row, Settings, TABLE};

/// Names, and the fields of [`Settings`] behind them.
const NAMES: &[(&str, &str)] = &[
    ("ACTION_WARNINGS", "action_warnings"),
    ("AGNOSTIC_BECOME_PROMPT", "agnostic_become_prompt"),
    ("ALLOW_BROKEN_CONDITIONALS", "allow_broken_conditionals"),
    ("ANSIBLE_FORCE_COLOR", "force_color"),
    ("ANSIBLE_HOME", "home"),
    ("ANSIBLE_NOCOLOR", "nocolor"),
    ("ANY_ERRORS_FATAL", "any_errors_fatal"),
    ("BECOME_ALLOW_SAME_USER", "become_allow_same_user"),
    ("BECOME_PASSWORD_FILE", "become_password_file"),
    ("CACHE_PLUGIN", "fact_caching"),
    ("CACHE_PLUGIN_CONNECTION", "fact_caching_connection"),
    ("CACHE_PLUGIN_PREFIX", "fact_caching_prefix"),
    ("CACHE_PLUGIN_TIMEOUT", "fact_caching_timeout"),
    ("CALLBACKS_ENABLED", "callbacks_enabled"),
    ("COLLECTIONS_PATHS", "collections_path"),
    ("COLLECTIONS_SCAN_SYS_PATH", "collections_scan_sys_path"),
    ("COLOR_CHANGED", "color_changed"),
    ("COLOR_DEBUG", "color_debug"),
    ("COLOR_DEPRECATE", "color_deprecate"),
    ("COLOR_DIFF_ADD", "color_diff_add"),
    ("COLOR_DIFF_LINES", "color_diff_lines"),
    ("COLOR_DIFF_REMOVE", "color_diff_remove"),
    ("COLOR_ERROR", "color_error"),
    ("COLOR_INCLUDED", "color_included"),
    ("COLOR_OK", "color_ok"),
    ("COLOR_SKIP", "color_skip"),
    ("COLOR_UNREACHABLE", "color_unreachable"),
    ("COLOR_VERBOSE", "color_verbose"),
    ("COLOR_WARN", "color_warn"),
    ("CONNECTION_PASSWORD_FILE", "connection_password_file"),
    ("DEFAULT_ACTION_PLUGIN_PATH", "action_plugins"),
    ("DEFAULT_CALLBACK_PLUGIN_PATH", "callback_plugins"),
    ("DEFAULT_CONNECTION_PLUGIN_PATH", "connection_plugins"),
    ("DEFAULT_FILTER_PLUGIN_PATH", "filter_plugins"),
    ("DEFAULT_LOOKUP_PLUGIN_PATH", "lookup_plugins"),
    ("DEFAULT_TEST_PLUGIN_PATH", "test_plugins"),
    ("DEFAULT_ASK_PASS", "ask_pass"),
    ("DEFAULT_ASK_VAULT_PASS", "ask_vault_pass"),
    ("DEFAULT_BECOME", "becomes"),
    ("DEFAULT_BECOME_ASK_PASS", "become_ask_pass"),
    ("DEFAULT_BECOME_EXE", "become_exe"),
    ("DEFAULT_BECOME_FLAGS", "become_flags"),
    ("DEFAULT_BECOME_METHOD", "become_method"),
    ("DEFAULT_BECOME_USER", "become_user"),
    ("DEFAULT_EXECUTABLE", "executable"),
    ("DEFAULT_FORCE_HANDLERS", "force_handlers"),
    ("DEFAULT_FORKS", "forks"),
    ("DEFAULT_GATHERING", "gathering"),
    ("DEFAULT_HASH_BEHAVIOUR", "hash_behaviour"),
    ("DEFAULT_HOST_LIST", "inventory"),
    ("DEFAULT_INVENTORY_PLUGIN_PATH", "inventory_plugins"),
    ("DEFAULT_JINJA2_NATIVE", "jinja2_native"),
    ("DEFAULT_LOAD_CALLBACK_PLUGINS", "bin_ansible_callbacks"),
    ("DEFAULT_LOCAL_TMP", "local_tmp"),
    ("DEFAULT_LOG_PATH", "log_path"),
    ("DEFAULT_MANAGED_STR", "ansible_managed"),
    ("DEFAULT_MODULE_ARGS", "module_args"),
    ("DEFAULT_MODULE_NAME", "module_name"),
    ("DEFAULT_MODULE_PATH", "library"),
    ("DEFAULT_MODULE_UTILS_PATH", "module_utils"),
    ("DEFAULT_NO_LOG", "no_log"),
    ("DEFAULT_POLL_INTERVAL", "poll_interval"),
    ("DEFAULT_PRIVATE_KEY_FILE", "private_key_file"),
    ("DEFAULT_PRIVATE_ROLE_VARS", "private_role_vars"),
    ("DEFAULT_REMOTE_PORT", "remote_port"),
    ("DEFAULT_REMOTE_USER", "remote_user"),
    ("DEFAULT_ROLES_PATH", "roles_path"),
    ("DEFAULT_SELINUX_SPECIAL_FS", "special_context_filesystems"),
    ("DEFAULT_STDOUT_CALLBACK", "stdout_callback"),
    ("DEFAULT_STRATEGY", "strategy"),
    ("DEFAULT_TIMEOUT", "timeout"),
    ("DEFAULT_TRANSPORT", "transport"),
    ("DEFAULT_UNDEFINED_VAR_BEHAVIOR", "error_on_undefined_vars"),
    ("DEFAULT_VAULT_ENCRYPT_IDENTITY", "vault_encrypt_identity"),
    ("DEFAULT_VAULT_IDENTITY", "vault_identity"),
    ("DEFAULT_VAULT_IDENTITY_LIST", "vault_identity_list"),
    ("DEFAULT_VAULT_ID_MATCH", "vault_id_match"),
    ("DEFAULT_VAULT_PASSWORD_FILE", "vault_password_file"),
    ("DEFAULT_VARS_PLUGIN_PATH", "vars_plugins"),
    ("DEFAULT_VERBOSITY", "verbosity"),
    ("DEPRECATION_WARNINGS", "deprecation_warnings"),
    ("DIFF_ALWAYS", "diff_always"),
    ("DIFF_CONTEXT", "diff_context"),
    ("DISPLAY_SKIPPED_HOSTS", "display_skipped_hosts"),
    ("DUPLICATE_YAML_DICT_KEY", "duplicate_dict_key"),
    ("EDITOR", "editor"),
    ("ERROR_ON_MISSING_HANDLER", "error_on_missing_handler"),
    ("HOST_KEY_CHECKING", "host_key_checking"),
    ("HOST_PATTERN_MISMATCH", "host_pattern_mismatch"),
    ("INJECT_FACTS_AS_VARS", "inject_facts_as_vars"),
    ("INTERPRETER_PYTHON", "interpreter_python"),
    (
        "INVENTORY_ANY_UNPARSED_IS_FAILED",
        "inventory_any_unparsed_is_failed",
    ),
    ("INVENTORY_ENABLED", "inventory_enabled"),
    ("INVENTORY_EXPORT", "inventory_export"),
    ("INVENTORY_IGNORE_EXTS", "inventory_ignore_extensions"),
    ("INVENTORY_IGNORE_PATTERNS", "inventory_ignore_patterns"),
    ("INVENTORY_UNPARSED_IS_FAILED", "inventory_unparsed_is_failed"),
    ("INVENTORY_UNPARSED_WARNING", "inventory_unparsed_warning"),
    ("LOCALHOST_WARNING", "localhost_warning"),
    ("LOG_VERBOSITY", "log_verbosity"),
    ("PAGER", "pager"),
    ("PLAYBOOK_DIR", "playbook_dir"),
    ("PLUGIN_FILTERS_CFG", "plugin_filters_cfg"),
    ("SHOW_CUSTOM_STATS", "show_custom_stats"),
    ("TAGS_RUN", "run_tags"),
    ("TAGS_SKIP", "skip_tags"),
    ("TASK_TIMEOUT", "task_timeout"),
    ("TRANSFORM_INVALID_GROUP_CHARS", "force_valid_group_names"),
    ("VARIABLE_PLUGINS_ENABLED", "vars_plugins_enabled"),
    ("VAULT_ENCRYPT_SALT", "vault_encrypt_salt"),
    ("VALIDATE_ACTION_GROUP_METADATA", "validate_action_group_metadata"),
    ("VERBOSE_TO_STDERR", "verbose_to_stderr"),
    ("YAML_FILENAME_EXTENSIONS", "yaml_extensions"),
];

impl Settings {
    /// The value of a setting by Ansible's name for it, such as `DEFAULT_FORKS`.
    pub fn constant(&self, name: &str) -> Option<Value> {
        let (_, field) = NAMES.iter().find(|(known, _)| *known == name)?;
        self.field(field)
    }

    /// Every setting that Ansible has a name for: the name, its row of the table, and its value.
    pub fn constants(&self) -> impl Iterator<Item = (&'static str, &'static Row, Value)> {
        NAMES.iter().filter_map(|(name, field)| {
            let row = TABLE.iter().find(|row| row.name == *field)?;
            Some((*name, row, self.field(field)?))
        })
    }

    /// Where the value of this row is from, if it is not the default.
    pub fn origin(&self, row: &Row) -> Option<&Origin> {
        let found = self.origins.iter().find(|(field, _)| *field == row.name);
        found.map(|(_, origin)| origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Surroundings;

    #[test]
    fn every_name_has_a_field() {
        let settings = Settings::read(&Surroundings::default()).unwrap();
        for (name, _) in NAMES {
            assert!(settings.constant(name).is_some(), "{name}");
        }
        assert_eq!(settings.constant("DEFAULT_TIMEOUT"), Some(Value::from(10)));
        assert_eq!(settings.constant("DEFAULT_REMOTE_USER"), Some(Value::Null));
        assert_eq!(
            settings.constant("DEFAULT_GATHERING"),
            Some(Value::from("implicit"))
        );
        assert_eq!(settings.constant("NOTHING"), None);
    }
}
