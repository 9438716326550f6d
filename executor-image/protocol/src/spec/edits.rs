//! Modules that keep fragments, keys and options of files, and pack files together.

use super::parameter::{boolean, list, path, text};
use super::{Kind, ModuleSpec, Side};

pub(super) static MODULES: &[ModuleSpec] = &[
    ModuleSpec {
        name: "ansible.builtin.assemble",
        side: Side::Both,
        free_form: false,
        parameters: with_file_attributes![
            boolean("backup").default("false"),
            boolean("decrypt").default("true"),
            text("delimiter"),
            path("dest").required(),
            boolean("ignore_hidden").default("false"),
            text("regexp"),
            boolean("remote_src").default("true"),
            path("src").required(),
            text("validate"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.builtin.known_hosts",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            boolean("hash_host").default("false"),
            text("key"),
            text("name").required().aliases(&["host"]),
            path("path").default("~/.ssh/known_hosts"),
            text("state").choices(&["absent", "present"]).default("present"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.posix.authorized_key",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            text("comment"),
            boolean("exclusive").default("false"),
            boolean("follow").default("false"),
            text("key").required(),
            text("key_options"),
            boolean("manage_dir").default("true"),
            path("path"),
            text("state").choices(&["absent", "present"]).default("present"),
            text("user").required(),
            boolean("validate_certs").default("true"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "community.general.archive",
        side: Side::Agent,
        free_form: false,
        parameters: with_file_attributes![
            path("dest"),
            list("exclude_path").of(Kind::Path).default("[]"),
            list("exclusion_patterns").of(Kind::Path),
            boolean("force_archive").default("false"),
            text("format")
                .choices(&["bz2", "gz", "tar", "xz", "zip"])
                .default("gz"),
            list("path").of(Kind::Path).required(),
            boolean("remove").default("false"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "community.general.ini_file",
        side: Side::Agent,
        free_form: false,
        parameters: with_file_attributes![
            boolean("allow_no_value").default("false"),
            boolean("backup").default("false"),
            boolean("create").default("true"),
            boolean("exclusive").default("true"),
            boolean("follow").default("false"),
            boolean("ignore_spaces").default("false"),
            boolean("modify_inactive_option").default("true"),
            boolean("no_extra_spaces").default("false"),
            text("option"),
            path("path").required().aliases(&["dest"]),
            text("section"),
            list("section_has_values").of(Kind::Dict),
            text("state").choices(&["absent", "present"]).default("present"),
            text("value"),
            list("values"),
        ],
        any_parameter: false,
    },
];
