//! Modules that run what the playbook says.

use super::parameter::{boolean, list, path, text};
use super::{ModuleSpec, Side};

pub(super) static MODULES: &[ModuleSpec] = &[
    ModuleSpec {
        name: "ansible.builtin.async_status",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            text("jid").required(),
            text("mode").choices(&["status", "cleanup"]).default("status"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.builtin.command",
        side: Side::Agent,
        free_form: true,
        parameters: &[
            list("argv"),
            path("chdir"),
            text("cmd"),
            path("creates"),
            boolean("expand_argument_vars").default("true"),
            path("removes"),
            text("stdin"),
            boolean("stdin_add_newline").default("true"),
            boolean("strip_empty_ends").default("true"),
            text("executable"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.builtin.shell",
        side: Side::Agent,
        free_form: true,
        parameters: &[
            path("chdir"),
            text("cmd"),
            path("creates"),
            path("executable"),
            path("removes"),
            text("stdin"),
            boolean("stdin_add_newline").default("true"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.builtin.raw",
        side: Side::Agent,
        free_form: true,
        parameters: &[text("executable")],
        // What `creates=` and the like mean elsewhere, it passes over.
        any_parameter: true,
    },
    ModuleSpec {
        name: "ansible.builtin.script",
        side: Side::Both,
        free_form: true,
        parameters: &[
            text("chdir"),
            text("cmd"),
            text("creates"),
            text("executable"),
            text("removes"),
        ],
        any_parameter: false,
    },
];
