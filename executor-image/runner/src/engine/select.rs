//! The tasks of a play that tags and `--start-at-task` choose.

use std::sync::Arc;

use crate::playbook::{Block, Item, TagSelection, Task};

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
