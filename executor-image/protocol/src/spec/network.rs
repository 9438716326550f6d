//! Modules that fetch over HTTP or wait for a port.

use super::parameter::{boolean, integer, list, mapping, path, raw, text};
use super::{Kind, ModuleSpec, Side};

pub(super) static MODULES: &[ModuleSpec] = &[
    ModuleSpec {
        name: "ansible.builtin.get_url",
        side: Side::Agent,
        free_form: false,
        parameters: with_file_attributes![
            boolean("backup").default("false"),
            text("checksum").default(""),
            path("client_cert"),
            path("client_key"),
            boolean("decompress").default("true"),
            path("dest").required(),
            boolean("force").default("false"),
            boolean("force_basic_auth").default("false"),
            mapping("headers"),
            text("http_agent").default("ansible-httpget"),
            integer("timeout").default("10"),
            path("tmp_dest"),
            text("url").required(),
            text("url_password").aliases(&["password"]).secret(),
            list("unredirected_headers").default("[]"),
            text("url_username").aliases(&["username"]),
            boolean("use_gssapi").default("false"),
            boolean("use_netrc").default("true"),
            boolean("use_proxy").default("true"),
            boolean("validate_certs").default("true"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.builtin.uri",
        side: Side::Agent,
        free_form: false,
        parameters: with_file_attributes![
            raw("body"),
            text("body_format")
                .choices(&["form-urlencoded", "json", "raw", "form-multipart"])
                .default("raw"),
            path("ca_path"),
            path("client_cert"),
            path("client_key"),
            path("creates"),
            boolean("decompress").default("true"),
            path("dest"),
            text("follow_redirects")
                .choices(&["all", "no", "none", "safe", "urllib2", "yes"])
                .default("safe"),
            boolean("force").default("false"),
            boolean("force_basic_auth").default("false"),
            mapping("headers").default("{}"),
            text("http_agent").default("ansible-httpget"),
            text("method").default("GET"),
            boolean("remote_src").default("false"),
            path("removes"),
            boolean("return_content").default("false"),
            path("src"),
            list("status_code").of(Kind::Int).default("[200]"),
            integer("timeout").default("30"),
            path("unix_socket"),
            list("unredirected_headers").default("[]"),
            text("url").required(),
            text("url_password").aliases(&["password"]).secret(),
            text("url_username").aliases(&["user"]),
            boolean("use_gssapi").default("false"),
            boolean("use_netrc").default("true"),
            boolean("use_proxy").default("true"),
            boolean("validate_certs").default("true"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.builtin.wait_for",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            list("active_connection_states").default(
                "[\"ESTABLISHED\", \"FIN_WAIT1\", \"FIN_WAIT2\", \"SYN_RECV\", \"SYN_SENT\", \"TIME_WAIT\"]",
            ),
            integer("connect_timeout").default("5"),
            integer("delay").default("0"),
            list("exclude_hosts"),
            text("host").default("127.0.0.1"),
            text("msg"),
            path("path"),
            integer("port"),
            text("search_regex"),
            integer("sleep").default("1"),
            text("state")
                .choices(&["absent", "drained", "present", "started", "stopped"])
                .default("started"),
            integer("timeout").default("300"),
        ],
        any_parameter: false,
    },
];
