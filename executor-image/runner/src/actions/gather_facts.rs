//! `gather_facts`: what the modules find that `facts_modules` names. Usually that is the agent's own.

use futures::future::join_all;
use indexmap::IndexMap;
use serde_json::{Value, json};
use slipway_language::{from_json, merge_facts, to_json};

use super::{ActionContext, Arguments, ResultMap, boolean, map};
use crate::{
    foreign::{self, Module},
    playbook::canonical,
    transport::TransportError,
};

/// The module that finds out which others are meant.
const SMART: &str = "smart";
/// The module of ansible-core.
const SETUP: &str = "setup";

/// The modules for the systems of network devices.
const OF_NETWORKS: &[(&str, &str)] = &[
    ("arista.eos.eos", "arista.eos.eos_facts"),
    ("asa", "ansible.legacy.asa_facts"),
    ("cisco.asa.asa", "cisco.asa.asa_facts"),
    ("cisco.ios.ios", "cisco.ios.ios_facts"),
    ("cisco.iosxr.iosxr", "cisco.iosxr.iosxr_facts"),
    ("cisco.nxos.nxos", "cisco.nxos.nxos_facts"),
    ("eos", "ansible.legacy.eos_facts"),
    ("exos", "ansible.legacy.exos_facts"),
    ("extreme.exos.exos", "extreme.exos.exos_facts"),
    ("extreme.slxos.slxos", "extreme.slxos.slxos_facts"),
    ("extreme.voss.voss", "extreme.voss.voss_facts"),
    ("frr", "ansible.legacy.frr_facts"),
    ("frr.frr.frr", "frr.frr.frr_facts"),
    ("ios", "ansible.legacy.ios_facts"),
    ("iosxr", "ansible.legacy.iosxr_facts"),
    ("junipernetworks.junos.junos", "junipernetworks.junos.junos_facts"),
    ("junos", "ansible.legacy.junos_facts"),
    ("nxos", "ansible.legacy.nxos_facts"),
    ("slxos", "ansible.legacy.slxos_facts"),
    ("voss", "ansible.legacy.voss_facts"),
    ("vyos", "ansible.legacy.vyos_facts"),
    ("vyos.vyos.vyos", "vyos.vyos.vyos_facts"),
];

fn text_of(value: &Value) -> String {
    slipway_language::to_text(&from_json(value.clone()))
}

/// Gathers the facts of a host.
pub(super) async fn run(
    context: &ActionContext<'_>,
    mut args: Arguments,
) -> Result<ResultMap, TransportError> {
    let names = match modules(context, &args) {
        Ok(names) => names,
        Err(message) => return Ok(map(json!({"failed": true, "msg": message}))),
    };
    let parallel = variable(context, "ansible_facts_parallel").map(|value| to_json(&value));
    let parallel = parallel.or_else(|| args.get("parallel").cloned());
    args.shift_remove("parallel");
    let mut result = if let [only] = names.as_slice()
        && canonical(only) == SETUP
    {
        context.call_instead("ansible.builtin.setup", args).await?
    } else {
        let given = Arguments::from_iter([("parallel".to_owned(), parallel.unwrap_or(Value::Null))]);
        let parallel = boolean(&given, "parallel").unwrap_or(names.len() > 1);
        Box::pin(several(context, &names, &args, parallel)).await?
    };
    // The facts themselves are long; they are shown only to who asks for details.
    if !result.contains_key("failed") {
        result.insert("_ansible_verbose_override".to_owned(), Value::Bool(true));
        // Before the facts themselves are kept: the cache says so too.
        for receiver in context.item.fact_receivers() {
            receiver.set_gathered();
        }
    }
    Ok(result)
}

fn variable(context: &ActionContext<'_>, name: &str) -> Option<slipway_language::Value> {
    let item = context.item;
    item.scope.get(&item.play.run.templar, name).ok().flatten()
}

/// The names of the modules.
fn modules(context: &ActionContext<'_>, args: &Arguments) -> Result<Vec<String>, String> {
    let run = &context.item.play.run;
    let set = variable(context, "ansible_facts_modules").map(|value| match to_json(&value) {
        Value::Array(names) => names.iter().map(text_of).collect(),
        other => text_of(&other)
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect(),
    });
    let mut names: Vec<String> = set.unwrap_or_else(|| run.options.settings.facts_modules.clone());
    let Some(smart) = names.iter().position(|name| name == SMART) else {
        return Ok(names);
    };
    names.remove(smart);
    let has_setup = |names: &[String]| names.iter().any(|name| canonical(name) == SETUP);
    let system = args
        .get("network_os")
        .map(text_of)
        .or_else(|| variable(context, "ansible_network_os").map(|value| slipway_language::to_text(&value)))
        .filter(|system| !system.is_empty());
    let Some(system) = system else {
        if !has_setup(&names) {
            names.push("ansible.legacy.setup".to_owned());
        }
        return Ok(names);
    };
    match OF_NETWORKS.iter().find(|(known, _)| *known == system) {
        Some((_, module)) => names.push((*module).to_owned()),
        None if names.is_empty() => {
            return Err(format!(
                "No fact modules available and we could not find a fact module for your network OS ({system}), try setting one via the `FACTS_MODULES` configuration."
            ));
        }
        None => {}
    }
    if has_setup(&names) {
        run.printer.warning(
            "Detected 'setup' module and a network OS is set, the output when running it will reflect 'localhost' and not the target when a netwoking connection plugin is used.",
        );
    }
    Ok(names)
}

/// Carries out several modules; on conflict the last one wins.
async fn several(
    context: &ActionContext<'_>,
    names: &[String],
    args: &Arguments,
    parallel: bool,
) -> Result<ResultMap, TransportError> {
    let loader = &context.item.play.loader;
    let modules: Result<Vec<Module>, String> =
        names.iter().map(|name| loader.module_of_facts(name)).collect();
    let modules = match modules {
        Ok(modules) => modules,
        Err(message) => return Ok(map(json!({"failed": true, "msg": message}))),
    };
    let calls = names
        .iter()
        .zip(modules)
        .map(|(name, module)| one(context, name, module, args, parallel));
    let results = if parallel {
        join_all(calls).await
    } else {
        let mut results = Vec::new();
        for call in calls {
            results.push(call.await);
        }
        results
    };
    let mut gathered = json!({"ansible_facts": {}, "warnings": [], "deprecations": []});
    let (mut failed, mut skipped) = (ResultMap::new(), ResultMap::new());
    for (name, result) in names.iter().zip(results) {
        let result = result?;
        if boolean(&result, "failed").unwrap_or(false) {
            failed.insert(name.clone(), Value::Object(result));
        } else if boolean(&result, "skipped").unwrap_or(false) {
            skipped.insert(name.clone(), Value::Object(result));
        } else {
            let part = |key: &str, none: Value| result.get(key).cloned().unwrap_or(none);
            let found = json!({
                "ansible_facts": part("ansible_facts", json!({})),
                "warnings": part("warnings", json!([])),
                "deprecations": part("deprecations", json!([])),
            });
            gathered = to_json(&merge_facts(&from_json(gathered), &from_json(found)));
        }
    }
    let mut result = map(json!({"changed": false}));
    result.extend(map(gathered));
    let listed = |modules: &ResultMap| modules.keys().cloned().collect::<Vec<_>>().join(", ");
    if !skipped.is_empty() {
        let said = format!("The following modules were skipped: {}\n", listed(&skipped));
        result.insert("msg".to_owned(), said.into());
        if skipped.len() == names.len() {
            result.insert("skipped".to_owned(), true.into());
        }
        result.insert("skipped_modules".to_owned(), skipped.into());
    }
    if !failed.is_empty() {
        let said = format!("The following modules failed to execute: {}\n", listed(&failed));
        result.insert("failed".to_owned(), true.into());
        result.insert("msg".to_owned(), said.into());
        result.insert("failed_modules".to_owned(), failed.into());
    }
    if let Some(Value::Object(facts)) = result.get_mut("ansible_facts") {
        facts.insert("_ansible_facts_gathered".to_owned(), true.into());
    }
    Ok(result)
}

/// Carries out one of several modules.
async fn one(
    context: &ActionContext<'_>,
    name: &str,
    module: Module,
    args: &Arguments,
    parallel: bool,
) -> Result<ResultMap, TransportError> {
    let mut args = args.clone();
    args.retain(|_, value| !value.is_null());
    if canonical(name) == SETUP {
        return context.call_instead("ansible.builtin.setup", args).await;
    }
    let timeout = args.get("gather_timeout").map(text_of);
    // Only ansible-core's own module is known to take these.
    for (argument, called) in [
        ("gather_subset", "subset"),
        ("gather_timeout", "timeout"),
        ("filter", "filter"),
    ] {
        let given = args.shift_remove(argument).filter(|given| {
            argument != "gather_subset" || (given != &json!("all") && given != &json!(["all"]))
        });
        if let Some(given) = given {
            let given = text_of(&given);
            let said = format!("Not passing {called}({given}) to {name}");
            context.item.play.run.printer.warning(&said);
        }
    }
    let full_name = match &module {
        Module::Foreign(module) if module.name.contains('.') => module.name.clone(),
        Module::Foreign(module) => format!("ansible.legacy.{}", module.name),
        Module::Action(plugin) => plugin.name.clone(),
        Module::Native(spec) => spec.name.to_owned(),
    };
    let args = match context.with_defaults(&full_name, args) {
        Ok(args) => args,
        Err(failed) => return Ok(failed),
    };
    // What knows no timeout is ended by it.
    let timeout = timeout
        .and_then(|seconds| seconds.parse().ok())
        .filter(|_| parallel);
    let limited = ActionContext {
        timeout: timeout.or(context.timeout),
        background: None,
        ..*context
    };
    let mut result = match module {
        Module::Foreign(module) => foreign::run(&limited, &module, args).await?,
        Module::Action(plugin) => super::plugin::run(&limited, &plugin, args).await?,
        Module::Native(spec) => limited.call(spec.name, args, IndexMap::new()).await?,
    };
    if timeout.is_some() && result.contains_key("timedout") {
        result.insert("msg".to_owned(), "Timeout exceeded".into());
    }
    Ok(result)
}
