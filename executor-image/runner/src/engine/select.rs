//! The tasks of a play that tags and `--start-at-task` choose.

use std::sync::Arc;

use minijinja::Value;
use slipway_language::{Scope, Templar, TemplateError, to_text};

use crate::playbook::{Block, Item, TagSelection, Task, split_names};

/// The items with the tasks that are not chosen left out.
pub fn selected_items(items: &[Item], chosen: &mut dyn FnMut(&Task) -> bool) -> Arc<[Item]> {
    let mut selected = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Item::Task(task) => {
                if chosen(task) {
                    selected.push(item.clone());
                }
            }
            Item::Block(block) => {
                let block = Block {
                    main: selected_items(&block.main, chosen),
                    rescue: selected_items(&block.rescue, chosen),
                    always: selected_items(&block.always, chosen),
                };
                if !(block.main.is_empty() && block.rescue.is_empty() && block.always.is_empty()) {
                    selected.push(Item::Block(Arc::new(block)));
                }
            }
        }
    }
    selected.into()
}

/// Chooses by tags; tasks that the engine makes are always chosen.
pub fn by_tags(tags: &TagSelection) -> impl FnMut(&Task) -> bool + '_ {
    |task| task.implicit || tags.allows(&task.settings.tags)
}

/// The items with the templates among their tags rendered. They can use what the play knows without a host.
///
/// # Errors
/// When a template cannot be rendered.
pub fn with_tags(items: &[Item], templar: &Templar, scope: &Scope) -> Result<Arc<[Item]>, TemplateError> {
    let block = |items: &[Item]| with_tags(items, templar, scope);
    items
        .iter()
        .map(|item| {
            Ok(match item {
                Item::Task(task) if task.settings.tag_templates.is_empty() => item.clone(),
                Item::Task(task) => {
                    let mut task = Task::clone(task);
                    for node in std::mem::take(&mut task.settings.tag_templates) {
                        let value = templar
                            .render(&node, scope)
                            .map_err(|error| error.at(&node.span))?;
                        task.settings.add_tags(names(&value));
                    }
                    Item::Task(Arc::new(task))
                }
                Item::Block(inner) => Item::Block(Arc::new(Block {
                    main: block(&inner.main)?,
                    rescue: block(&inner.rescue)?,
                    always: block(&inner.always)?,
                })),
            })
        })
        .collect()
}

/// The tags of a value: a list of them, or text with commas.
fn names(value: &Value) -> Vec<Arc<str>> {
    match value.try_iter() {
        Ok(values) if value.as_str().is_none() => values
            .flat_map(|value| split_names(&to_text(&value)).collect::<Vec<_>>())
            .collect(),
        _ => split_names(&to_text(value)).collect(),
    }
}

/// Every task in the order of the source, those of `rescue` and `always` included.
pub fn walk_tasks(items: &[Item], visit: &mut dyn FnMut(&Arc<Task>)) {
    for item in items {
        match item {
            Item::Task(task) => visit(task),
            Item::Block(block) => {
                walk_tasks(&block.main, visit);
                walk_tasks(&block.rescue, visit);
                walk_tasks(&block.always, visit);
            }
        }
    }
}

/// How many tasks these are, those that the engine makes left out.
pub fn count_tasks(items: &[Item]) -> usize {
    let mut count = 0;
    walk_tasks(items, &mut |task| count += usize::from(!task.implicit));
    count
}
