//! Hosts between commas: `a,b`; as `advanced_host_list` with ranges in them.

use std::sync::Arc;

use slipway_language::{Node, NodeKind, Span, Variable};

use super::{Inventory, InventoryError, ranges};

/// Whether the two plugins take a source.
pub fn is_list(source: &str) -> bool {
    source.contains(',') && !std::path::Path::new(source).exists()
}

/// Adds hosts between commas.
///
/// # Errors
/// A range of neither numbers nor letters. One whose form is wrong is taken for a name; `details` says so.
pub fn parse(
    source: &str,
    with_ranges: bool,
    inventory: &mut Inventory,
    details: &mut Vec<String>,
) -> Result<(), InventoryError> {
    for text in source.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        let ranges::Hosts { names, port } = if with_ranges {
            match ranges::hosts(text) {
                Ok(hosts) => hosts,
                Err(message) if ranges::is_of_form(&message) => {
                    details.push(format!(
                        "Unable to parse address from hostname, leaving unchanged: {message}"
                    ));
                    ranges::Hosts {
                        names: vec![text.to_owned()],
                        port: None,
                    }
                }
                Err(message) => return Err(InventoryError::Pattern(message)),
            }
        } else {
            let (name, port) = ranges::split_port(text);
            ranges::Hosts {
                names: vec![name.to_owned()],
                port,
            }
        };
        for name in names {
            if inventory.hosts.contains_key(name.as_str()) {
                continue;
            }
            inventory.add_to_group(&name, "ungrouped");
            if let Some(port) = port {
                let node = Node::new(Span::start_of(source), NodeKind::Int(i64::from(port)));
                let vars = &mut inventory.host(&name).vars;
                vars.insert(Arc::from("ansible_port"), Variable::Template(node));
            }
        }
    }
    Ok(())
}
