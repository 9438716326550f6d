//! `ansible.builtin.setup`: facts about this host.

use serde_json::Value;

use crate::answer::{Outcome, answer};
use crate::context::Context;
use crate::facts;

pub(super) fn run(context: &mut Context) -> Outcome {
    let subset = context.args.list("gather_subset");
    let filters: Vec<String> = context
        .args
        .list("filter")
        .into_iter()
        .filter(|filter| !filter.is_empty())
        .collect();
    let mut collected = facts::collect(context, &subset)?;
    context
        .warnings
        .extend(facts::complaints_of_local_facts(&collected));
    collected.insert("gather_subset".to_owned(), subset.into());
    collected.insert("module_setup".to_owned(), Value::Bool(true));
    if !filters.is_empty() {
        let patterns: Vec<glob::Pattern> = filters
            .iter()
            .filter_map(|filter| glob::Pattern::new(filter).ok())
            .collect();
        collected.retain(|name, _| {
            let short = name.strip_prefix("ansible_").unwrap_or(name);
            patterns
                .iter()
                .any(|pattern| pattern.matches(name) || pattern.matches(short))
        });
    }
    let mut answer = answer!({"changed": false});
    // Not in the macro, which would copy all of them.
    answer.insert("ansible_facts".to_owned(), Value::Object(collected));
    Ok(answer)
}
