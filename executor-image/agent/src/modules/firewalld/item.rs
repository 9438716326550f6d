//! What a zone may have: a service, a port, a rule.

use serde_json::Value;

use crate::answer::Failure;
use crate::arguments::{Arguments, boolean};

/// Something that a zone has or has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A value of a kind that is named as `firewall-cmd` does: `service`, `rich-rule`.
    Value(&'static str, String),
    /// A switch, and whether it is meant to be on.
    Switch(&'static str, bool),
    /// What happens to packets that nothing else takes.
    Target(String),
}

/// Parameters and their names in options.
const VALUES: [(&str, &str); 7] = [
    ("service", "service"),
    ("port", "port"),
    ("protocol", "protocol"),
    ("rich_rule", "rich-rule"),
    ("source", "source"),
    ("interface", "interface"),
    ("icmp_block", "icmp-block"),
];
const SWITCHES: [(&str, &str); 3] = [
    ("masquerade", "masquerade"),
    ("icmp_block_inversion", "icmp-block-inversion"),
    ("forward", "forward"),
];

impl Item {
    /// The item that a call is about; nothing when it is about a zone itself.
    ///
    /// # Errors
    /// When it is about several.
    pub fn of(args: &Arguments) -> Result<Option<Self>, Failure> {
        let mut items: Vec<Self> = Vec::new();
        for (parameter, kind) in VALUES {
            if let Some(value) = args.text(parameter) {
                items.push(Self::Value(kind, value.to_owned()));
            }
        }
        for (parameter, kind) in SWITCHES {
            if let Some(value) = args.text(parameter) {
                let on = boolean(&Value::from(value)).unwrap_or(true);
                items.push(Self::Switch(kind, on));
            }
        }
        if let Some(target) = args.text("target") {
            items.push(Self::Target(target.to_owned()));
        }
        if let Some(Value::Array(forwards)) = args.value("port_forward") {
            for forward in forwards {
                items.push(Self::Value("forward-port", port_forward(forward)?));
            }
        }
        if items.len() > 1 {
            return Err(Failure::new(
                "can only operate on port, service, protocol, rich_rule, masquerade, icmp_block, icmp_block_inversion, \
                 interface, source, forward, port_forward or target at once",
            ));
        }
        Ok(items.pop())
    }

    /// `--add-service=http`
    pub fn option(&self, verb: &str) -> String {
        match self {
            Self::Value(kind, value) => format!("--{verb}-{kind}={value}"),
            Self::Switch(kind, _) => format!("--{verb}-{kind}"),
            Self::Target(target) => format!("--set-target={target}"),
        }
    }

    /// Whether the zone is to have it: a switch that is meant to be off is turned round.
    pub fn wants(&self, enabled: bool) -> bool {
        match self {
            Self::Switch(_, on) => enabled == *on,
            _ => enabled,
        }
    }

    /// The item in messages.
    pub fn describe(&self) -> String {
        match self {
            Self::Value(kind, value) => format!("{} {value}", kind.replace('-', "_")),
            Self::Switch(kind, _) => kind.replace('-', "_"),
            Self::Target(target) => format!("target {target}"),
        }
    }
}

/// `port=80:proto=tcp:toport=8080:toaddr=10.0.0.1`
fn port_forward(forward: &Value) -> Result<String, Failure> {
    let text = |key: &str| match &forward[key] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let required = |key: &str| {
        text(key).ok_or_else(|| Failure::new(format!("{key} must be specified for port forward")))
    };
    let mut words = vec![
        format!("port={}", required("port")?),
        format!("proto={}", required("proto")?),
        format!("toport={}", required("toport")?),
    ];
    words.extend(text("toaddr").map(|address| format!("toaddr={address}")));
    Ok(words.join(":"))
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;
    use serde_json::json;
    use slipway_protocol::spec;

    use super::*;

    fn item(given: &Value) -> Result<Option<Item>, Failure> {
        let spec = spec::find("ansible.posix.firewalld").unwrap();
        let args = crate::arguments::check(spec, given.as_object().unwrap(), &IndexMap::new()).unwrap();
        Item::of(&args)
    }

    #[test]
    fn a_call_is_about_one_thing_and_its_option_is_the_programs() {
        let port = item(&json!({"port": "80/tcp", "state": "enabled"}))
            .unwrap()
            .unwrap();
        assert_eq!(port.option("query"), "--query-port=80/tcp");
        let masquerade = item(&json!({"masquerade": "no", "state": "enabled"}))
            .unwrap()
            .unwrap();
        assert_eq!(masquerade.option("remove"), "--remove-masquerade");
        assert!(!masquerade.wants(true) && masquerade.wants(false));
        let forward =
            json!({"port_forward": [{"port": 80, "proto": "tcp", "toport": 8080}], "state": "enabled"});
        assert_eq!(
            item(&forward).unwrap().unwrap().option("add"),
            "--add-forward-port=port=80:proto=tcp:toport=8080"
        );
        assert_eq!(item(&json!({"zone": "x", "state": "present"})).unwrap(), None);
        assert!(item(&json!({"port": "80/tcp", "service": "http", "state": "enabled"})).is_err());
    }
}
