//! Package managers.

use super::parameter::{boolean, integer, list, path, text};
use super::{ModuleSpec, Side};

pub(super) static MODULES: &[ModuleSpec] = &[
    ModuleSpec {
        name: "ansible.builtin.apt",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            boolean("allow_change_held_packages").default("false"),
            boolean("allow_downgrade")
                .aliases(&["allow-downgrade", "allow_downgrades", "allow-downgrades"])
                .default("false"),
            boolean("allow_unauthenticated")
                .aliases(&["allow-unauthenticated"])
                .default("false"),
            boolean("autoclean").default("false"),
            boolean("autoremove").default("false"),
            integer("cache_valid_time").default("0"),
            boolean("clean").default("false"),
            path("deb"),
            text("default_release").aliases(&["default-release"]),
            text("dpkg_options").default("force-confdef,force-confold"),
            boolean("fail_on_autoremove").default("false"),
            boolean("force").default("false"),
            boolean("force_apt_get").default("false"),
            boolean("install_recommends").aliases(&["install-recommends"]),
            integer("lock_timeout").default("60"),
            list("name").aliases(&["package", "pkg"]),
            boolean("only_upgrade").default("false"),
            integer("policy_rc_d"),
            boolean("purge").default("false"),
            text("state")
                .choices(&["absent", "build-dep", "fixed", "latest", "present"])
                .default("present"),
            boolean("update_cache").aliases(&["update-cache"]),
            integer("update_cache_retries").default("5"),
            integer("update_cache_retry_max_delay").default("12"),
            text("upgrade")
                .choices(&["dist", "full", "no", "safe", "yes"])
                .default("no"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.builtin.dnf",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            boolean("allow_downgrade").default("false"),
            boolean("allowerasing").default("false"),
            boolean("autoremove").default("false"),
            boolean("best"),
            boolean("bugfix").default("false"),
            boolean("cacheonly").default("false"),
            text("conf_file"),
            text("disable_excludes"),
            boolean("disable_gpg_check").default("false"),
            list("disable_plugin").default("[]"),
            list("disablerepo").default("[]"),
            text("download_dir"),
            boolean("download_only").default("false"),
            list("enable_plugin").default("[]"),
            list("enablerepo").default("[]"),
            list("exclude").default("[]"),
            boolean("install_repoquery").default("true"),
            boolean("install_weak_deps").default("true"),
            text("installroot").default("/"),
            text("list"),
            integer("lock_timeout").default("30"),
            list("name").aliases(&["pkg"]).default("[]"),
            boolean("nobest"),
            text("releasever"),
            boolean("security").default("false"),
            boolean("skip_broken").default("false"),
            boolean("sslverify").default("true"),
            text("state").choices(&["absent", "present", "installed", "removed", "latest"]),
            boolean("update_cache")
                .aliases(&["expire-cache"])
                .default("false"),
            boolean("update_only").default("false"),
            text("use_backend")
                .aliases(&["use"])
                .choices(&["auto", "dnf", "yum", "yum4", "dnf4", "dnf5"])
                .default("auto"),
            boolean("validate_certs").default("true"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.builtin.package",
        side: Side::Both,
        free_form: false,
        parameters: &[
            list("name"),
            text("state"),
            boolean("update_cache").aliases(&["update-cache"]),
            text("use").default("auto"),
        ],
        // The module of the package manager knows more.
        any_parameter: true,
    },
];
