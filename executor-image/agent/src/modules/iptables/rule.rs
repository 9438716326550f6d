//! The words of a rule, in the order in which Ansible writes them: an existing rule is found by the same words.

use serde_json::Value;

use crate::arguments::Arguments;

/// A rule's words.
pub fn words(args: &Arguments) -> Vec<String> {
    let mut rule = Rule {
        args,
        words: Vec::new(),
    };
    let matches = args.list("match");
    let has = |name: &str| matches.iter().any(|known| known == name);

    rule.options(&[("protocol", "-p"), ("source", "-s"), ("destination", "-d")]);
    for name in &matches {
        rule.value("-m", name);
    }
    rule.tcp_flags();
    rule.option("jump", "-j");
    let jumps_to = args.text("jump").map(str::to_ascii_lowercase);
    if jumps_to.as_deref() == Some("tee") {
        rule.option("gateway", "--gateway");
    }
    rule.options(&[
        ("log_prefix", "--log-prefix"),
        ("log_level", "--log-level"),
        ("to_destination", "--to-destination"),
    ]);
    if !args.list("destination_ports").is_empty() {
        rule.extension("multiport");
        rule.joined("destination_ports", "--dports");
    }
    rule.options(&[
        ("to_source", "--to-source"),
        ("goto", "-g"),
        ("in_interface", "-i"),
        ("out_interface", "-o"),
        ("fragment", "-f"),
        ("set_counters", "-c"),
        ("source_port", "--source-port"),
        ("destination_port", "--destination-port"),
        ("to_ports", "--to-ports"),
        ("set_dscp_mark", "--set-dscp"),
        ("set_dscp_mark_class", "--set-dscp-class"),
    ]);
    match args.required("syn") {
        "match" => rule.push("--syn"),
        "negate" => {
            rule.push("!");
            rule.push("--syn");
        }
        _ => {}
    }
    if has("conntrack") {
        rule.joined("ctstate", "--ctstate");
    } else if has("state") {
        rule.joined("ctstate", "--state");
    } else if !args.list("ctstate").is_empty() {
        rule.extension("conntrack");
        rule.joined("ctstate", "--ctstate");
    }
    if args.text("src_range").is_some() || args.text("dst_range").is_some() {
        if !has("iprange") {
            rule.extension("iprange");
        }
        rule.options(&[("src_range", "--src-range"), ("dst_range", "--dst-range")]);
    }
    if args.text("match_set").is_some() {
        if !has("set") {
            rule.extension("set");
        }
        rule.option("match_set", "--match-set");
        if let Some(flags) = args.text("match_set_flags") {
            rule.push(flags);
        }
    }
    if args.text("limit").is_some() || args.text("limit_burst").is_some() {
        rule.extension("limit");
        rule.options(&[("limit", "--limit"), ("limit_burst", "--limit-burst")]);
    }
    for (parameter, option) in [("uid_owner", "--uid-owner"), ("gid_owner", "--gid-owner")] {
        if args.text(parameter).is_some() {
            rule.extension("owner");
            rule.option(parameter, option);
        }
    }
    if args.text("jump").is_none() && args.text("reject_with").is_some() {
        rule.value("-j", "REJECT");
    }
    rule.option("reject_with", "--reject-with");
    rule.option(
        "icmp_type",
        if args.required("ip_version") == "ipv6" {
            "--icmpv6-type"
        } else {
            "--icmp-type"
        },
    );
    if args.text("comment").is_some() {
        rule.extension("comment");
        rule.option("comment", "--comment");
    }
    rule.words
}

struct Rule<'a> {
    args: &'a Arguments,
    words: Vec<String>,
}

impl Rule<'_> {
    fn push(&mut self, word: &str) {
        self.words.push(word.to_owned());
    }

    /// An option and its value; `!` before the value negates the option.
    fn value(&mut self, option: &str, value: &str) {
        let positive = value.strip_prefix('!');
        if positive.is_some() {
            self.push("!");
        }
        self.push(option);
        self.push(positive.unwrap_or(value));
    }

    fn option(&mut self, parameter: &str, option: &str) {
        if let Some(value) = self.args.text(parameter) {
            self.value(option, value);
        }
    }

    fn options(&mut self, pairs: &[(&str, &str)]) {
        for (parameter, option) in pairs {
            self.option(parameter, option);
        }
    }

    fn extension(&mut self, name: &str) {
        self.push("-m");
        self.push(name);
    }

    fn joined(&mut self, parameter: &str, option: &str) {
        let values = self.args.list(parameter);
        if !values.is_empty() {
            self.push(option);
            self.push(&values.join(","));
        }
    }

    fn tcp_flags(&mut self) {
        let Some(flags) = self.args.mapping("tcp_flags") else {
            return;
        };
        let list = |key: &str| {
            let items = flags.get(key)?.as_array()?;
            let names: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            Some(names.join(","))
        };
        if let (Some(all), Some(set)) = (list("flags"), list("flags_set")) {
            self.push("--tcp-flags");
            self.push(&all);
            self.push(&set);
        }
    }
}
