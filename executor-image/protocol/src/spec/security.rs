//! Firewalls, SELinux and keys.

use super::parameter::{boolean, integer, list, mapping, path, text};
use super::{Kind, ModuleSpec, Side};

pub(super) static MODULES: &[ModuleSpec] = &[
    ModuleSpec {
        name: "ansible.builtin.iptables",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            text("action").choices(&["append", "insert"]).default("append"),
            text("chain"),
            boolean("chain_management").default("false"),
            text("comment"),
            list("ctstate").default("[]"),
            text("destination"),
            text("destination_port"),
            list("destination_ports").default("[]"),
            text("dst_range"),
            boolean("flush").default("false"),
            text("fragment"),
            text("gateway"),
            text("gid_owner"),
            text("goto"),
            text("icmp_type"),
            text("in_interface"),
            text("ip_version").choices(&["ipv4", "ipv6"]).default("ipv4"),
            text("jump"),
            text("limit"),
            text("limit_burst"),
            text("log_level").choices(&[
                "0", "1", "2", "3", "4", "5", "6", "7", "emerg", "alert", "crit", "error", "warning",
                "notice", "info", "debug",
            ]),
            text("log_prefix"),
            list("match").default("[]"),
            text("match_set"),
            text("match_set_flags").choices(&["src", "dst", "src,dst", "dst,src", "src,src", "dst,dst"]),
            boolean("numeric").default("false"),
            text("out_interface"),
            text("policy").choices(&["ACCEPT", "DROP", "QUEUE", "RETURN"]),
            text("protocol"),
            text("reject_with"),
            text("rule_num"),
            text("set_counters"),
            text("set_dscp_mark"),
            text("set_dscp_mark_class"),
            text("source"),
            text("source_port"),
            text("src_range"),
            text("state").choices(&["absent", "present"]).default("present"),
            text("syn")
                .choices(&["ignore", "match", "negate"])
                .default("ignore"),
            text("table")
                .choices(&["filter", "nat", "mangle", "raw", "security"])
                .default("filter"),
            mapping("tcp_flags"),
            text("to_destination"),
            text("to_ports"),
            text("to_source"),
            text("uid_owner"),
            text("wait"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.posix.firewalld",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            text("forward"),
            text("icmp_block"),
            text("icmp_block_inversion"),
            boolean("immediate").default("false"),
            text("interface"),
            text("masquerade"),
            boolean("offline").default("false"),
            boolean("permanent").default("false"),
            text("port"),
            list("port_forward").of(Kind::Dict),
            text("protocol"),
            text("rich_rule"),
            text("service"),
            text("source"),
            text("state")
                .required()
                .choices(&["absent", "disabled", "enabled", "present"]),
            text("target").choices(&["default", "ACCEPT", "DROP", "%%REJECT%%"]),
            integer("timeout").default("0"),
            text("zone"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.posix.seboolean",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            boolean("ignore_selinux_state").default("false"),
            text("name").required(),
            boolean("persistent").default("false"),
            boolean("state").required(),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "ansible.posix.selinux",
        side: Side::Agent,
        free_form: false,
        parameters: &[
            text("configfile")
                .aliases(&["conf", "file"])
                .default("/etc/selinux/config"),
            text("policy"),
            text("state")
                .required()
                .choices(&["enforcing", "permissive", "disabled"]),
            boolean("update_kernel_param").default("false"),
        ],
        any_parameter: false,
    },
    ModuleSpec {
        name: "community.crypto.openssh_keypair",
        side: Side::Agent,
        free_form: false,
        parameters: with_file_attributes![
            text("backend")
                .choices(&["auto", "cryptography", "opensshbin"])
                .default("auto"),
            text("comment"),
            boolean("force").default("false"),
            text("passphrase").secret(),
            path("path").required(),
            text("private_key_format")
                .choices(&["auto", "ssh"])
                .default("auto"),
            text("regenerate")
                .choices(&[
                    "never",
                    "fail",
                    "partial_idempotence",
                    "full_idempotence",
                    "always",
                ])
                .default("partial_idempotence"),
            integer("size"),
            text("state").choices(&["present", "absent"]).default("present"),
            text("type")
                .choices(&["rsa", "dsa", "rsa1", "ecdsa", "ed25519"])
                .default("rsa"),
        ],
        any_parameter: false,
    },
];
