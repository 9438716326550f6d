//! Hosts and groups.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use indexmap::{IndexMap, IndexSet};
use slipway_language::{Node, NodeKind, Span, Variable};

use super::{InventoryError, Vars, merged, names::Naming, pattern::is_local_name};

/// A host by its inventory name.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// Variables written beside the host in the inventory itself.
    pub vars: Vars,
    /// The source that first named it; none if a playbook did.
    pub source: Option<Arc<str>>,
    /// Whether it was made up because a pattern asked for it: a `localhost` that no source names.
    pub implicit: bool,
}

/// A group of hosts and groups.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Hosts that are members themselves.
    pub hosts: IndexSet<Arc<str>>,
    /// Groups that are members.
    pub children: IndexSet<Arc<str>>,
    /// Groups that it is a member of.
    pub parents: IndexSet<Arc<str>>,
    /// Variables written in the inventory itself.
    pub vars: Vars,
    /// Distance from `all`: deeper groups win.
    pub depth: usize,
    /// `ansible_group_priority`: higher wins at the same depth.
    pub priority: i64,
}

/// Every host and group, `all` and `ungrouped` included.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// Hosts in the order in which they were first named.
    pub hosts: IndexMap<Arc<str>, Host>,
    /// Groups in the order in which they were first named.
    pub groups: IndexMap<Arc<str>, Group>,
    /// The sources as given with `-i`.
    pub sources: Vec<String>,
    /// The source that is being read.
    pub(super) current_source: Option<Arc<str>>,
    /// Whether a mapping that a later source defines again is merged with the earlier one (`hash_behaviour = merge`).
    pub(super) merges: bool,
    /// What is done about odd names of groups.
    pub(super) naming: Naming,
}

impl Default for Inventory {
    fn default() -> Self {
        let mut inventory = Self {
            hosts: IndexMap::new(),
            groups: IndexMap::new(),
            sources: Vec::new(),
            current_source: None,
            merges: false,
            naming: Naming::default(),
        };
        inventory.group("all");
        inventory.group("ungrouped");
        inventory.link("all", "ungrouped");
        inventory
    }
}

impl Inventory {
    /// The host, made if it is new.
    pub fn host(&mut self, name: &str) -> &mut Host {
        let source = &self.current_source;
        self.hosts.entry(Arc::from(name)).or_insert_with(|| Host {
            source: source.clone(),
            ..Host::default()
        })
    }

    /// The group, made if it is new.
    pub fn group(&mut self, name: &str) -> &mut Group {
        self.groups.entry(Arc::from(name)).or_insert_with(|| Group {
            priority: 1,
            ..Group::default()
        })
    }

    /// Makes a host a member of a group; both are made if they are new.
    pub fn add_to_group(&mut self, host: &str, group: &str) {
        self.host(host);
        self.group(group).hosts.insert(Arc::from(host));
    }

    /// Makes a group a member of another; both are made if they are new.
    ///
    /// # Errors
    /// When the group would contain itself.
    pub fn add_child(&mut self, group: &str, child: &str) -> Result<(), InventoryError> {
        // Whatever has no parent when all sources are read becomes a child of `all`.
        if child == "all" || self.is_below(child, group) {
            return Err(InventoryError::Groups(format!(
                "the group {child} cannot be a child of {group}: it would contain itself"
            )));
        }
        self.link(group, child);
        Ok(())
    }

    fn link(&mut self, group: &str, child: &str) {
        self.group(group).children.insert(Arc::from(child));
        self.group(child).parents.insert(Arc::from(group));
        self.deepen(child);
    }

    /// Depths below a group that got a parent.
    fn deepen(&mut self, start: &str) {
        let mut waiting = vec![Arc::<str>::from(start)];
        while let Some(name) = waiting.pop() {
            let group = &self.groups[&name];
            let above = group.parents.iter().filter_map(|parent| self.groups.get(parent));
            let depth = above.map(|parent| parent.depth + 1).max().unwrap_or(0);
            if depth > group.depth {
                waiting.extend(group.children.iter().cloned());
                self.groups[&name].depth = depth;
            }
        }
    }

    /// Sets a variable of a group; `ansible_group_priority` is none, but says which group wins.
    pub fn set_group_variable(&mut self, group: &str, name: &str, variable: Variable) {
        if name == "ansible_group_priority" {
            let priority = match &variable {
                Variable::Template(Node { kind, .. }) => match kind {
                    NodeKind::Int(number) => Some(*number),
                    NodeKind::Str(text) => text.trim().parse().ok(),
                    _ => None,
                },
                Variable::Data(value) | Variable::Answer(value) => value.as_i64(),
                Variable::View(_) => None,
            };
            if let Some(priority) = priority {
                self.group(group).priority = priority;
            }
            return;
        }
        let merges = self.merges;
        define(&mut self.group(group).vars, Arc::from(name), variable, merges);
    }

    /// Sets variables of a host.
    pub fn set_host_variables(
        &mut self,
        host: &str,
        variables: impl IntoIterator<Item = (Arc<str>, Variable)>,
    ) {
        let merges = self.merges;
        let vars = &mut self.host(host).vars;
        for (name, variable) in variables {
            define(vars, name, variable, merges);
        }
    }

    /// Completes what sources leave unsaid: groups without a parent belong to `all`, hosts without a group to
    /// `ungrouped`. Returns the names that both a host and a group have.
    pub fn reconcile(&mut self) -> Vec<Arc<str>> {
        let top: Vec<Arc<str>> = self
            .groups
            .iter()
            .filter(|(name, group)| name.as_ref() != "all" && group.parents.is_empty())
            .map(|(name, _)| Arc::clone(name))
            .collect();
        for name in top {
            self.link("all", &name);
        }
        let mut grouped: HashSet<Arc<str>> = HashSet::new();
        for (name, group) in &self.groups {
            if !matches!(name.as_ref(), "all" | "ungrouped") {
                grouped.extend(group.hosts.iter().cloned());
            }
        }
        let lonely: Vec<Arc<str>> = self
            .hosts
            .iter()
            .filter(|(name, host)| !host.implicit && !grouped.contains(*name))
            .map(|(name, _)| Arc::clone(name))
            .collect();
        let ungrouped = self.group("ungrouped");
        ungrouped.hosts.retain(|host| !grouped.contains(host));
        ungrouped.hosts.extend(lonely);
        let both = self.groups.keys().filter(|name| self.hosts.contains_key(*name));
        both.cloned().collect()
    }

    /// The hosts of a group and of the groups below it, breadth first, each once.
    pub fn hosts_of(&self, group: &str) -> IndexSet<Arc<str>> {
        let mut hosts = IndexSet::new();
        for name in closure(group, |name| self.groups.get(name).map(|group| &group.children)) {
            if let Some(group) = self.groups.get(&name) {
                hosts.extend(group.hosts.iter().cloned());
            }
        }
        hosts
    }

    /// The groups above a group.
    fn ancestors(&self, group: &str) -> IndexSet<Arc<str>> {
        let mut above = closure(group, |name| self.groups.get(name).map(|group| &group.parents));
        above.shift_remove(group);
        above
    }

    /// The groups of a host, parents included, `all` excluded, by name (the magic variable `group_names`).
    pub fn groups_of(&self, host: &str) -> Vec<Arc<str>> {
        let mut names: HashSet<Arc<str>> = HashSet::new();
        for (name, group) in &self.groups {
            if group.hosts.contains(host) && names.insert(Arc::clone(name)) {
                names.extend(self.ancestors(name));
            }
        }
        let mut names: Vec<Arc<str>> = names.into_iter().filter(|name| name.as_ref() != "all").collect();
        names.sort();
        names
    }

    /// The groups of every host, parents included, `all` excluded, by name.
    pub fn groups_of_all(&self) -> HashMap<Arc<str>, Vec<Arc<str>>> {
        let mut groups: HashMap<Arc<str>, Vec<Arc<str>>> = HashMap::new();
        for name in self.groups.keys().filter(|name| name.as_ref() != "all") {
            for host in self.hosts_of(name) {
                groups.entry(host).or_default().push(Arc::clone(name));
            }
        }
        for names in groups.values_mut() {
            names.sort();
        }
        groups
    }

    /// Sorts groups of a host into the order in which their variables are laid over each other.
    pub fn sort_by_precedence(&self, names: &mut [Arc<str>]) {
        names.sort_by_key(|name| {
            let group = self.groups.get(name);
            let (depth, priority) = group.map_or((0, 1), |group| (group.depth, group.priority));
            (depth, priority, Arc::clone(name))
        });
    }

    /// Whether a group is another one, or a member of it at any depth.
    pub fn is_below(&self, above: &str, name: &str) -> bool {
        above == name || self.ancestors(name).contains(above)
    }

    /// Whether a host is there only because a pattern asked for it.
    pub fn is_implicit(&self, host: &str) -> bool {
        self.hosts.get(host).is_some_and(|host| host.implicit)
    }

    /// Adds the `localhost` that Ansible makes up when a pattern asks for one that no source names: connection
    /// `local`, member of no group, though it has the variables of `all`.
    pub fn add_implicit_localhost(&mut self, name: &str) {
        if !is_local_name(name) || self.hosts.contains_key(name) {
            return;
        }
        let host = self.host(name);
        host.implicit = true;
        host.source = None;
        host.vars.extend(Self::local_vars());
    }

    /// The variables of a `localhost` that no source names.
    pub fn local_vars() -> Vars {
        let variable =
            |text: &str| Variable::Template(Node::text(Span::start_of("implicit localhost"), text));
        Vars::from_iter([
            (Arc::from("ansible_connection"), variable("local")),
            (
                Arc::from("ansible_python_interpreter"),
                variable("{{ ansible_playbook_python }}"),
            ),
        ])
    }
}

/// Defines a variable, perhaps again.
fn define(vars: &mut Vars, name: Arc<str>, variable: Variable, merges: bool) {
    let variable = match vars.get(&name) {
        Some(known) if merges => merged(known.clone(), variable),
        _ => variable,
    };
    vars.insert(name, variable);
}

/// What is reached from a group by one relation, breadth first, the group itself first.
fn closure<'a>(start: &str, next: impl Fn(&str) -> Option<&'a IndexSet<Arc<str>>>) -> IndexSet<Arc<str>> {
    let mut found: IndexSet<Arc<str>> = IndexSet::from([Arc::from(start)]);
    let mut position = 0;
    while let Some(name) = found.get_index(position).cloned() {
        position += 1;
        found.extend(next(&name).into_iter().flatten().cloned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_would_contain_itself_is_refused() {
        let mut inventory = Inventory::default();
        inventory.add_child("site", "web").unwrap();
        for (group, child) in [("web", "site"), ("web", "web"), ("site", "all")] {
            let error = inventory.add_child(group, child).unwrap_err().to_string();
            assert!(
                error.contains(&format!("the group {child} cannot be a child of {group}")),
                "{error}"
            );
        }
    }

    #[test]
    fn deeper_groups_win_and_then_those_of_higher_priority() {
        let mut inventory = Inventory::default();
        inventory.add_to_group("h", "b");
        inventory.add_to_group("h", "a");
        inventory.add_to_group("h", "z");
        inventory.add_child("top", "a").unwrap();
        let five = Variable::Data(5.into());
        inventory.set_group_variable("b", "ansible_group_priority", five);
        inventory.reconcile();
        let mut names = inventory.groups_of("h");
        inventory.sort_by_precedence(&mut names);
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        assert_eq!(names, ["top", "z", "b", "a"]);
        assert!(inventory.groups["b"].vars.is_empty());
    }

    #[test]
    fn a_group_cannot_contain_itself() {
        let mut inventory = Inventory::default();
        inventory.add_child("a", "b").unwrap();
        inventory.add_child("b", "c").unwrap();
        let error = inventory.add_child("c", "a").unwrap_err().to_string();
        assert!(error.contains("contain itself"), "{error}");
    }
}
