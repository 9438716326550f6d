//! Software that is neither a file nor a package of the system: checkouts, Python packages.

use super::parameter::{boolean, integer, list, path, raw, text};
use super::{ModuleSpec, Side};

pub(super) static MODULES: &[ModuleSpec] = &[
    ModuleSpec {
        name: "ansible.builtin.git",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            boolean("accept_hostkey").default("false"),
            boolean("accept_newhostkey").default("false"),
            path("archive"),
            text("archive_prefix"),
            boolean("bare").default("false"),
            boolean("clone").default("true"),
            integer("depth"),
            path("dest"),
            path("executable"),
            boolean("force").default("false"),
            list("gpg_allowlist").aliases(&["gpg_whitelist"]).default("[]"),
            path("key_file"),
            boolean("recursive").default("true"),
            text("reference"),
            text("refspec"),
            text("remote").default("origin"),
            text("repo").required().aliases(&["name"]),
            path("separate_git_dir"),
            boolean("single_branch").default("false"),
            text("ssh_opts"),
            boolean("track_submodules").default("false"),
            raw("umask"),
            boolean("update").default("true"),
            boolean("verify_commit").default("false"),
            text("version").default("HEAD"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.builtin.pip",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            boolean("break_system_packages").default("false"),
            path("chdir"),
            boolean("editable").default("false"),
            path("executable"),
            text("extra_args"),
            list("name"),
            text("requirements"),
            text("state")
                .choices(&["absent", "forcereinstall", "latest", "present"])
                .default("present"),
            text("umask"),
            text("version"),
            path("virtualenv"),
            path("virtualenv_command").default("virtualenv"),
            text("virtualenv_python"),
            boolean("virtualenv_site_packages").default("false"),
        ],
        any_parameter: false,
    },
];
