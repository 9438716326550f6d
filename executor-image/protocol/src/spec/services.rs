//! Services.

use super::parameter::{boolean, integer, list, text};
use super::{ModuleSpec, Side};

pub(super) static MODULES: &[ModuleSpec] = &[
    ModuleSpec {
        name: "ansible.builtin.service",
        side: Side::Both,
        free_form: false,
        parameters: &[
            text("arguments").aliases(&["args"]).default(""),
            boolean("enabled"),
            text("name").required(),
            text("pattern"),
            text("runlevel").default("default"),
            integer("sleep"),
            text("state").choices(&["reloaded", "restarted", "started", "stopped"]),
            text("use").default("auto"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.builtin.sysvinit",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            text("arguments").aliases(&["args"]),
            boolean("daemonize").default("false"),
            boolean("enabled"),
            text("name").required().aliases(&["service"]),
            text("pattern"),
            list("runlevels"),
            integer("sleep").default("1"),
            text("state").choices(&["started", "stopped", "restarted", "reloaded"]),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.builtin.systemd_service",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            boolean("daemon_reexec")
                .aliases(&["daemon-reexec"])
                .default("false"),
            boolean("daemon_reload")
                .aliases(&["daemon-reload"])
                .default("false"),
            boolean("enabled"),
            boolean("force"),
            boolean("masked"),
            text("name").aliases(&["service", "unit"]),
            boolean("no_block").default("false"),
            text("scope")
                .choices(&["system", "user", "global"])
                .default("system"),
            text("state").choices(&["reloaded", "restarted", "started", "stopped"]),
        ],
        any_parameter: false,
    },
];
