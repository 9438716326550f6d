//! Kubernetes.

use super::parameter::{boolean, integer, list, mapping, path, raw, text};
use super::{ModuleSpec, Parameter, Side};

/// The parameters of both modules, the first of them of one alone.
macro_rules! parameters {
    ($($own:expr),* $(,)?) => {
        &[
            $($own,)*
            text("api_key").secret(),
            text("api_version").aliases(&["api", "version"]).default("v1"),
            path("ca_cert").aliases(&["ssl_ca_cert"]),
            path("client_cert").aliases(&["cert_file"]),
            path("client_key").aliases(&["key_file"]),
            text("context"),
            list("hidden_fields"),
            text("host"),
            list("impersonate_groups"),
            text("impersonate_user"),
            raw("kubeconfig").secret(),
            list("label_selectors"),
            text("name"),
            text("namespace"),
            text("no_proxy"),
            text("password").secret(),
            boolean("persist_config"),
            text("proxy"),
            mapping("proxy_headers"),
            text("username"),
            boolean("validate_certs").aliases(&["verify_ssl"]),
            boolean("wait").default("false"),
            mapping("wait_condition"),
            integer("wait_sleep").default("5"),
            integer("wait_timeout").default("120"),
        ]
    };
}

static OBJECTS: &[Parameter] = parameters![
    boolean("append_hash").default("false"),
    boolean("apply").default("false"),
    boolean("continue_on_error").default("false"),
    boolean("delete_all").aliases(&["all"]).default("false"),
    mapping("delete_options"),
    boolean("force").default("false"),
    text("generate_name"),
    text("kind"),
    list("merge_type").choices(&["merge", "strategic-merge"]),
    raw("resource_definition").aliases(&["definition", "inline"]),
    mapping("server_side_apply"),
    path("src"),
    text("state")
        .choices(&["present", "absent", "patched"])
        .default("present"),
    raw("template"),
    mapping("validate"),
];

static INFO: &[Parameter] = parameters![list("field_selectors"), text("kind").required()];

pub(super) static MODULES: &[ModuleSpec] = &[
    ModuleSpec {
        name: "kubernetes.core.k8s",
        side: Side::Runner,
        free_form: false,
        parameters: OBJECTS,
        any_parameter: false,
    },
    ModuleSpec {
        name: "kubernetes.core.k8s_info",
        side: Side::Runner,
        free_form: false,
        parameters: INFO,
        any_parameter: false,
    },
];
