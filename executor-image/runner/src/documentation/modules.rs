//! Modules and their options.

use slipway_protocol::spec::{self, ModuleSpec, Side};

use super::{Kind, Reference, list, remarks, table};

pub fn section(reference: &Reference) -> String {
    let mut modules: Vec<&ModuleSpec> = spec::modules().collect();
    modules.sort_by_key(|module| module.name);
    let rows = modules.iter().map(|module| {
        let by = match module.side {
            Side::Agent => "agent",
            Side::Both => "both",
            Side::Runner => "runner",
        };
        [
            format!("`{}`", module.name),
            by.to_owned(),
            options(module),
            missing(module, reference),
            remarks::text(Kind::Module, module.name),
        ]
    });
    let own = table(
        [
            "module",
            "by",
            "options (other names)",
            "options not supported",
            "differs",
        ],
        rows,
    );
    let others = reference.modules.keys().filter(|name| spec::find(name).is_none());
    let redirected = reference.modules.keys().filter_map(|name| {
        let found = spec::find(name)?;
        (found.name != name).then(|| [format!("`{name}`"), format!("`{}`", found.name)])
    });
    format!(
        "## Modules\n\n\
         These are written in Rust. *agent* is carried out by the agent on the host, *runner* by the runner alone, *both* by the runner, which \
         reads files or renders templates here, and then by the agent. No module of this table needs Python on the host. An option that is not \
         listed is refused when the playbook is loaded.\n\n{own}\n\
         {}\n\
         Of ansible-core's modules these are run with Python on the host, with the module's own code from an installed ansible-core \
         ([modules.md](modules.md)): {}. So is every other module of a collection or a `library/`.\n",
        table(["name", "carried out as"], redirected),
        list(others)
    )
}

fn options(module: &ModuleSpec) -> String {
    let mut options: Vec<String> = module
        .parameters
        .iter()
        .map(|parameter| {
            if parameter.aliases.is_empty() {
                format!("`{}`", parameter.name)
            } else {
                format!("`{}` ({})", parameter.name, list(parameter.aliases))
            }
        })
        .collect();
    if module.free_form {
        options.insert(0, "free text".to_owned());
    }
    if module.any_parameter {
        options.push("any".to_owned());
    }
    options.join(", ")
}

fn missing(module: &ModuleSpec, reference: &Reference) -> String {
    let theirs = reference
        .modules
        .get(module.name)
        .map(Vec::as_slice)
        .unwrap_or_default();
    list(
        theirs
            .iter()
            .filter(|name| module.parameter(name).is_none() && !module.any_parameter),
    )
}
