//! What a host is and has besides files, packages and services: its name and time zone, timed jobs, databases.

use super::parameter::{boolean, integer, list, path, text};
use super::{Kind, ModuleSpec, Side};

pub(super) static MODULES: &[ModuleSpec] = &[
    ModuleSpec {
        name: "ansible.builtin.service_facts",
        side: Side::Agent,
        free_form: false,
        parameters: &[],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.builtin.getent",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            text("database").required(),
            boolean("fail_key").default("true"),
            text("key"),
            text("service"),
            text("split"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.builtin.cron",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            boolean("backup").default("false"),
            path("cron_file"),
            text("day").aliases(&["dom"]).default("*"),
            boolean("disabled").default("false"),
            boolean("env").default("false"),
            text("hour").default("*"),
            text("insertafter"),
            text("insertbefore"),
            text("job").aliases(&["value"]),
            text("minute").default("*"),
            text("month").default("*"),
            text("name").required(),
            text("special_time").choices(&[
                "reboot", "yearly", "annually", "monthly", "weekly", "daily", "hourly",
            ]),
            text("state").choices(&["absent", "present"]).default("present"),
            text("user"),
            text("weekday").aliases(&["dow"]).default("*"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.builtin.hostname",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            text("name").required(),
            text("use").choices(&[
                "alpine", "debian", "freebsd", "generic", "macos", "macosx", "darwin", "openbsd", "openrc",
                "redhat", "sles", "solaris", "systemd",
            ]),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "community.general.timezone",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            text("hwclock").aliases(&["rtc"]).choices(&["local", "UTC"]),
            text("name"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "community.general.alternatives",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            text("family"),
            path("link"),
            text("name").required(),
            path("path"),
            integer("priority"),
            text("state")
                .choices(&["present", "selected", "absent", "auto"])
                .default("selected"),
            list("subcommands").aliases(&["slaves"]).of(Kind::Dict),
        ],
        any_parameter: false,
    },
];
