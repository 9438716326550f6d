//! Hosts and groups.

use std::{collections::HashMap, sync::Arc};

use indexmap::{IndexMap, IndexSet};
use slipway_language::{Node, NodeKind, Span, Variable};

use super::Vars;

/// A host by its inventory name.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// Variables written beside the host in the inventory itself.
    pub vars: Vars,
}

/// A group of hosts and groups.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Hosts that are members themselves.
    pub hosts: IndexSet<Arc<str>>,
    /// Groups that are members.
    pub children: IndexSet<Arc<str>>,
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
    /// Whether `localhost` was made up because no source names it.
    pub implicit_localhost: bool,
}

impl Default for Inventory {
    fn default() -> Self {
        let mut groups = IndexMap::new();
        groups.insert(Arc::from("all"), Group::default());
        groups.insert(Arc::from("ungrouped"), Group::default());
        Self {
            hosts: IndexMap::new(),
            groups,
            sources: Vec::new(),
            implicit_localhost: false,
        }
    }
}

impl Inventory {
    /// The host, made if it is new.
    pub fn host(&mut self, name: &str) -> &mut Host {
        self.hosts.entry(Arc::from(name)).or_default()
    }

    /// The group, made if it is new.
    pub fn group(&mut self, name: &str) -> &mut Group {
        self.groups.entry(Arc::from(name)).or_default()
    }

    /// Completes what sources leave unsaid: groups without a parent belong to `all`, hosts without a group to
    /// `ungrouped`; then depths and priorities.
    ///
    /// # Errors
    /// The name of a group that contains itself.
    pub fn reconcile(&mut self) -> Result<(), Arc<str>> {
        let names: Vec<Arc<str>> = self.groups.keys().cloned().collect();
        let mut with_parent: IndexSet<Arc<str>> = IndexSet::new();
        for (name, group) in &self.groups {
            if name.as_ref() != "all" {
                with_parent.extend(group.children.iter().cloned());
            }
        }
        let top: Vec<Arc<str>> = names
            .iter()
            .filter(|name| !matches!(name.as_ref(), "all" | "ungrouped") && !with_parent.contains(*name))
            .cloned()
            .collect();
        let all = self.group("all");
        all.children.shift_insert(0, Arc::from("ungrouped"));
        all.children.extend(top);
        let mut grouped: IndexSet<Arc<str>> = IndexSet::new();
        for (name, group) in &self.groups {
            if !matches!(name.as_ref(), "all" | "ungrouped") {
                grouped.extend(group.hosts.iter().cloned());
            }
        }
        let hosts: Vec<Arc<str>> = self.hosts.keys().cloned().collect();
        let ungrouped = self.group("ungrouped");
        ungrouped.hosts.retain(|host| !grouped.contains(host));
        ungrouped
            .hosts
            .extend(hosts.into_iter().filter(|host| !grouped.contains(host)));
        self.set_depths()?;
        for group in self.groups.values_mut() {
            if let Some(Variable::Template(node)) = group.vars.get("ansible_group_priority") {
                group.priority = match &node.kind {
                    NodeKind::Int(number) => *number,
                    NodeKind::Str(text) => text.trim().parse().unwrap_or(1),
                    _ => 1,
                };
            } else {
                group.priority = 1;
            }
        }
        Ok(())
    }

    fn set_depths(&mut self) -> Result<(), Arc<str>> {
        for group in self.groups.values_mut() {
            group.depth = 0;
        }
        let mut changed = true;
        let mut rounds = 0;
        while changed {
            changed = false;
            rounds += 1;
            for index in 0..self.groups.len() {
                let (depth, children) = (self.groups[index].depth, self.groups[index].children.clone());
                for child in children {
                    if let Some(group) = self.groups.get_mut(&child)
                        && group.depth <= depth
                    {
                        group.depth = depth + 1;
                        changed = true;
                        if rounds > self.groups.len() + 1 {
                            return Err(child);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The hosts of a group and of the groups below it, breadth first, each once.
    pub fn hosts_of(&self, group: &str) -> IndexSet<Arc<str>> {
        let mut hosts = IndexSet::new();
        for name in self.descendants(group) {
            if let Some(group) = self.groups.get(&name) {
                hosts.extend(group.hosts.iter().cloned());
            }
        }
        hosts
    }

    /// Whether a group is another one, or a member of it at any depth.
    pub fn is_below(&self, above: &str, name: &str) -> bool {
        self.descendants(above).contains(name)
    }

    fn descendants(&self, group: &str) -> IndexSet<Arc<str>> {
        let mut found: IndexSet<Arc<str>> = IndexSet::from([Arc::from(group)]);
        let mut next = 0;
        while let Some(name) = found.get_index(next).cloned() {
            next += 1;
            if let Some(group) = self.groups.get(&name) {
                found.extend(group.children.iter().cloned());
            }
        }
        found
    }

    /// The groups of every host, parents included, `all` excluded, by name (the magic variable `group_names`).
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
            let (depth, priority) = self
                .groups
                .get(name)
                .map_or((0, 1), |group| (group.depth, group.priority));
            (depth, priority, Arc::clone(name))
        });
    }

    /// Adds the `localhost` that Ansible makes up when a play asks for one that no source names: connection
    /// `local`, member of no group.
    pub fn add_implicit_localhost(&mut self, name: &str) {
        self.host(name).vars.extend(Self::local_vars());
        self.implicit_localhost = true;
    }

    /// The variables of a `localhost` that no source names.
    pub fn local_vars() -> Vars {
        let local = Node {
            span: Span {
                file: Arc::from("implicit localhost"),
                line: 1,
                column: 1,
            },
            kind: NodeKind::Str(Arc::from("local")),
        };
        Vars::from_iter([(Arc::from("ansible_connection"), Variable::Template(local))])
    }
}
