//! The plugin `constructed`: variables and groups made of the variables of hosts that other sources have named.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::{Value, value::ValueKind};
use slipway_language::{Layer, Node, NodeKind, Scope, Variable, to_text};

use super::{Context, HostVariables, Inventory, InventoryError, Stage, Vars, names};

/// Keys of its configuration.
const KEYS: &[&str] = &[
    "plugin",
    "strict",
    "compose",
    "groups",
    "keyed_groups",
    "use_vars_plugins",
    "use_extra_vars",
    "leading_separator",
];

/// Makes what the configuration asks for.
pub fn parse(root: &Node, inventory: &mut Inventory, context: &Context<'_>) -> Result<(), InventoryError> {
    if let Some((key, _)) = root
        .entries()
        .iter()
        .find(|(key, _)| !key.as_str().is_some_and(|key| KEYS.contains(&key)))
    {
        return Err(wrong(key, "is no option of the inventory plugin constructed"));
    }
    let flag = |name: &str, default: bool| match root.get(name).map(|node| &node.kind) {
        Some(NodeKind::Bool(value)) => *value,
        Some(NodeKind::Str(text)) => matches!(text.to_lowercase().as_str(), "true" | "yes" | "on" | "1"),
        _ => default,
    };
    let construct = Construct {
        context,
        strict: flag("strict", false),
        leading_separator: flag("leading_separator", true),
        use_extra_vars: flag("use_extra_vars", context.settings.inventory_use_extra_vars),
    };
    let files = if flag("use_vars_plugins", false) {
        Some(HostVariables::load(
            inventory,
            &context.directory,
            &context.vault,
            context.settings,
            Stage::Inventory,
        )?)
    } else {
        None
    };
    let hosts: Vec<Arc<str>> = inventory.hosts.keys().cloned().collect();
    for host in hosts {
        let before = construct.scope(&host, inventory, files.as_ref())?;
        for (name, expression) in root.get("compose").map(Node::entries).unwrap_or_default() {
            if let Some(value) = construct.evaluate(expression, &before)? {
                let name = Arc::from(name.as_str().unwrap_or_default());
                inventory.set_host_variables(&host, [(name, Variable::Data(value))]);
            }
        }
        let after = construct.scope(&host, inventory, files.as_ref())?;
        for (name, condition) in root.get("groups").map(Node::entries).unwrap_or_default() {
            if construct.holds(condition, &after)? {
                let name = names::safe(name.as_str().unwrap_or_default());
                inventory.add_to_group(&host, &name);
            }
        }
        for keyed in root
            .get("keyed_groups")
            .and_then(Node::as_list)
            .unwrap_or_default()
        {
            construct.keyed_group(&host, keyed, &after, inventory)?;
        }
    }
    Ok(())
}

fn wrong(node: &Node, message: &str) -> InventoryError {
    let shown = node.as_str().map(|text| format!("{text:?} ")).unwrap_or_default();
    InventoryError::Plugin(format!("{}: {shown}{message}", node.span))
}

struct Construct<'a> {
    context: &'a Context<'a>,
    /// Whether what cannot be evaluated is an error; else it is passed over.
    strict: bool,
    leading_separator: bool,
    use_extra_vars: bool,
}

impl Construct<'_> {
    fn scope(
        &self,
        host: &str,
        inventory: &Inventory,
        files: Option<&HostVariables>,
    ) -> Result<Scope, InventoryError> {
        let mut layers: Vec<Arc<dyn Layer>> = Vec::new();
        if let Some(files) = files {
            layers.extend(files.of_host_so_far(inventory, host)?);
        } else {
            let mut groups = inventory.groups_of(host);
            inventory.sort_by_precedence(&mut groups);
            groups.insert(0, Arc::from("all"));
            for group in groups {
                layers.push(Arc::new(inventory.groups[&group].vars.clone()));
            }
            layers.push(Arc::new(inventory.hosts[host].vars.clone()));
        }
        let mut own = Vars::new();
        let mut set = |name: &str, value: Value| own.insert(Arc::from(name), Variable::Data(value));
        set("inventory_hostname", Value::from(host));
        set(
            "inventory_hostname_short",
            Value::from(host.split('.').next().unwrap_or(host)),
        );
        let groups = inventory.groups_of(host);
        set(
            "group_names",
            groups.iter().map(|name| Value::from(name.as_ref())).collect(),
        );
        layers.push(Arc::new(own));
        if self.use_extra_vars {
            layers.push(Arc::clone(&self.context.extra_vars) as Arc<dyn Layer>);
        }
        Ok(Scope::new(layers, Arc::clone(&self.context.files)))
    }

    /// The value of an expression; none if it cannot be known and that is no error.
    fn evaluate(&self, expression: &Node, scope: &Scope) -> Result<Option<Value>, InventoryError> {
        let Some(text) = expression.as_str() else {
            return Ok(Some(self.render(expression, scope)?));
        };
        self.try_text(&format!("{{{{{text}}}}}"), expression, scope)
    }

    fn render(&self, node: &Node, scope: &Scope) -> Result<Value, InventoryError> {
        self.context
            .templar
            .render(node, scope)
            .map_err(|error| wrong(node, &format!("cannot be evaluated: {error}")))
    }

    fn try_text(&self, template: &str, node: &Node, scope: &Scope) -> Result<Option<Value>, InventoryError> {
        match self.context.templar.render_text(template, &node.span, scope) {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.strict => Err(wrong(node, &format!("cannot be evaluated: {error}"))),
            Err(_) => Ok(None),
        }
    }

    fn holds(&self, condition: &Node, scope: &Scope) -> Result<bool, InventoryError> {
        let text = match &condition.kind {
            NodeKind::Bool(value) => return Ok(*value),
            _ => condition.as_str().unwrap_or_default(),
        };
        let template = format!("{{% if {text} %}}True{{% else %}}False{{% endif %}}");
        let value = self.try_text(&template, condition, scope)?;
        Ok(value.is_some_and(|value| to_text(&value) == "True"))
    }

    fn keyed_group(
        &self,
        host: &str,
        keyed: &Node,
        scope: &Scope,
        inventory: &mut Inventory,
    ) -> Result<(), InventoryError> {
        let key = keyed
            .get("key")
            .ok_or_else(|| wrong(keyed, "a keyed group needs a key"))?;
        let Some(value) = self.evaluate(key, scope)? else {
            return Ok(());
        };
        let text = |name: &str| keyed.get(name).map(node_text);
        let default = text("default_value");
        let trailing = keyed.get("trailing_separator");
        if default.is_some() && trailing.is_some() {
            return Err(wrong(
                keyed,
                "parameters are mutually exclusive for keyed groups: default_value|trailing_separator",
            ));
        }
        let trailing = !matches!(trailing.map(|node| &node.kind), Some(NodeKind::Bool(false)));
        let empty_text = value.as_str() == Some("");
        let is_empty = !value.is_true() && value.kind() != ValueKind::Number;
        if value.is_none() || (is_empty && !(empty_text && default.is_some())) {
            let allowed = matches!(value.kind(), ValueKind::Seq | ValueKind::Map);
            return if self.strict && !allowed {
                Err(wrong(key, &format!("no key or an empty one for the host {host}")))
            } else {
                Ok(())
            };
        }
        let prefix = text("prefix").unwrap_or_default();
        let separator = text("separator").unwrap_or_else(|| "_".to_owned());
        let parent = match keyed.get("parent_group") {
            None => None,
            Some(node) => match self.try_text(&node_text(node), node, scope)? {
                Some(value) => Some(names::safe(&to_text(&value))),
                None => return Ok(()),
            },
        };
        let bare = bare_names(&value, &separator, default.as_deref(), trailing)
            .ok_or_else(|| wrong(key, "a key must be a string, a list of strings or a mapping"))?;
        for name in bare {
            let between = if prefix.is_empty() && !self.leading_separator {
                ""
            } else {
                separator.as_str()
            };
            let group = names::safe(&format!("{prefix}{between}{name}"));
            inventory.add_to_group(host, &group);
            if let Some(parent) = &parent {
                inventory.add_child(parent, &group)?;
            }
        }
        Ok(())
    }
}

fn node_text(node: &Node) -> String {
    match &node.kind {
        NodeKind::Str(text) | NodeKind::Unsafe(text) => text.to_string(),
        NodeKind::Int(number) => number.to_string(),
        NodeKind::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
        _ => String::new(),
    }
}

/// What follows the prefix in names of groups.
fn bare_names(value: &Value, separator: &str, default: Option<&str>, trailing: bool) -> Option<Vec<String>> {
    let or_default = |text: String| match default {
        Some(default) if text.is_empty() => default.to_owned(),
        _ => text,
    };
    if value.as_str().is_some() {
        return Some(vec![or_default(to_text(value))]);
    }
    match value.kind() {
        ValueKind::Map => {
            let pairs: IndexMap<String, String> = value
                .try_iter()
                .ok()?
                .map(|key| {
                    let item = value.get_item(&key).unwrap_or_default();
                    (to_text(&key), to_text(&item))
                })
                .collect();
            let joined = |(key, item): (String, String)| match (item.is_empty(), default) {
                (true, Some(default)) => format!("{key}{separator}{default}"),
                (true, None) if !trailing => key,
                _ => format!("{key}{separator}{item}"),
            };
            Some(pairs.into_iter().map(joined).collect())
        }
        ValueKind::Seq | ValueKind::Iterable => Some(
            value
                .try_iter()
                .ok()?
                .map(|item| or_default(to_text(&item)))
                .collect(),
        ),
        _ => None,
    }
}
