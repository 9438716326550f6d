//! Where one host is in a play: which task is next, and where a failure leads.

use std::sync::Arc;

use crate::playbook::{Block, Item, Task};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Main,
    Rescue,
    Always,
}

#[derive(Debug, Clone)]
struct Frame {
    block: Arc<Block>,
    section: Section,
    index: usize,
    /// A failure that goes on outwards when `always` is done.
    failed: bool,
}

impl Frame {
    fn new(block: Arc<Block>) -> Self {
        Self {
            block,
            section: Section::Main,
            index: 0,
            failed: false,
        }
    }

    fn items(&self) -> &[Item] {
        match self.section {
            Section::Main => &self.block.main,
            Section::Rescue => &self.block.rescue,
            Section::Always => &self.block.always,
        }
    }
}

/// One host's way through the tasks of a play.
#[derive(Debug, Clone)]
pub struct Cursor {
    stack: Vec<Frame>,
    failed: bool,
    /// Whether it cannot be reached.
    halted: bool,
}

impl Cursor {
    /// At the beginning of these tasks.
    pub fn new(items: Arc<[Item]>) -> Self {
        let root = Block {
            main: items,
            ..Block::default()
        };
        Self {
            stack: vec![Frame::new(Arc::new(root))],
            failed: false,
            halted: false,
        }
    }

    /// The next task; none when the host is done.
    pub fn current(&mut self) -> Option<Arc<Task>> {
        if self.halted {
            return None;
        }
        while let Some(frame) = self.stack.last_mut() {
            match frame.items().get(frame.index).cloned() {
                Some(Item::Task(task)) => return Some(task),
                Some(Item::Block(block)) => {
                    frame.index += 1;
                    self.stack.push(Frame::new(block));
                }
                None => self.end_section(),
            }
        }
        None
    }

    fn end_section(&mut self) {
        let Some(frame) = self.stack.last_mut() else {
            return;
        };
        match frame.section {
            Section::Main | Section::Rescue if !frame.block.always.is_empty() => {
                frame.section = Section::Always;
                frame.index = 0;
            }
            _ => {
                let failed = frame.failed;
                self.stack.pop();
                if failed {
                    self.fail();
                }
            }
        }
    }

    /// Goes past the current task.
    pub fn advance(&mut self) {
        if let Some(frame) = self.stack.last_mut() {
            frame.index += 1;
        }
    }

    /// The task that was last passed has failed: goes to the nearest `rescue` or `always`; without one the host is done.
    pub fn fail(&mut self) {
        while let Some(frame) = self.stack.last_mut() {
            match frame.section {
                Section::Main if !frame.block.rescue.is_empty() => {
                    frame.section = Section::Rescue;
                    frame.index = 0;
                    return;
                }
                Section::Main | Section::Rescue if !frame.block.always.is_empty() => {
                    frame.section = Section::Always;
                    frame.index = 0;
                    frame.failed = true;
                    return;
                }
                _ => {
                    self.stack.pop();
                }
            }
        }
        self.failed = true;
    }

    /// Whether a failure now would be rescued by some block.
    pub fn would_be_rescued(&self) -> bool {
        self.stack
            .iter()
            .any(|frame| frame.section == Section::Main && !frame.block.rescue.is_empty())
    }

    /// Whether the host has failed for good.
    pub fn is_failed(&self) -> bool {
        self.failed
    }

    /// Puts included tasks in front of what is left.
    pub fn include(&mut self, items: Arc<[Item]>) {
        self.stack.push(Frame::new(Arc::new(Block {
            main: items,
            ..Block::default()
        })));
    }

    /// Nothing more for this host, unless its failures are cleared.
    pub fn halt(&mut self) {
        self.halted = true;
    }

    /// Nothing more for this host.
    pub fn end(&mut self) {
        self.stack.clear();
    }

    /// Lets a failed host go on with what is left: nothing, for one that has left all blocks. One that could not be reached is tried again.
    pub fn clear_failure(&mut self) {
        self.failed = false;
        self.halted = false;
        for frame in &mut self.stack {
            frame.failed = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::{Action, Meta, Settings};
    use slipway_language::{Node, Span};

    fn task(name: &str) -> Item {
        let span = Span::start_of("t");
        Item::Task(Arc::new(Task {
            name: Some(Node::text(span.clone(), name)),
            span,
            action_name: Arc::from("meta"),
            action: Action::Meta(Meta::Noop),
            settings: Settings::default(),
            vars: Arc::default(),
            r#loop: None,
            register: None,
            changed_when: None,
            failed_when: None,
            until: None,
            retries: None,
            delay: None,
            r#async: None,
            poll: None,
            role: None,
            include_vars: Vec::new(),
            listen: Vec::new(),
            implicit: false,
        }))
    }

    fn block(main: &[Item], rescue: &[Item], always: &[Item]) -> Item {
        Item::Block(Arc::new(Block {
            main: main.into(),
            rescue: rescue.into(),
            always: always.into(),
        }))
    }

    /// The names of the tasks that run when those in `failing` fail.
    fn run(items: &[Item], failing: &[&str]) -> (String, bool) {
        let mut cursor = Cursor::new(items.into());
        let mut names = Vec::new();
        while let Some(task) = cursor.current() {
            let name = task.name.as_ref().and_then(Node::as_str).unwrap().to_owned();
            cursor.advance();
            if failing.contains(&name.as_str()) {
                cursor.fail();
            }
            names.push(name);
        }
        (names.join(" "), cursor.is_failed())
    }

    #[test]
    fn failures_lead_to_rescue_and_always() {
        let simple = [
            block(&[task("a"), task("b")], &[task("r")], &[task("z")]),
            task("after"),
        ];
        let nested = [
            block(
                &[block(&[task("a")], &[], &[task("inner")])],
                &[task("r")],
                &[task("outer")],
            ),
            task("after"),
        ];
        let cases: &[(&[Item], &[&str], &str, bool)] = &[
            (&simple, &[], "a b z after", false),
            (&simple, &["a"], "a r z after", false),
            (&simple, &["a", "r"], "a r z", true),
            (&simple, &["z"], "a b z", true),
            (&simple, &["after"], "a b z after", true),
            (&nested, &["a"], "a inner r outer after", false),
            (&nested, &["inner"], "a inner r outer after", false),
            (&nested, &["a", "r"], "a inner r outer", true),
        ];
        for (items, failing, expected, failed) in cases {
            assert_eq!(
                run(items, failing),
                ((*expected).to_owned(), *failed),
                "failing: {failing:?}"
            );
        }
    }

    #[test]
    fn included_tasks_come_next_and_fail_into_the_block_around() {
        let items = [block(&[task("include"), task("b")], &[task("r")], &[])];
        let mut cursor = Cursor::new(items.as_slice().into());
        cursor.current();
        cursor.advance();
        cursor.include([task("x"), task("y")].as_slice().into());
        assert_eq!(
            cursor.current().unwrap().name.as_ref().unwrap().as_str(),
            Some("x")
        );
        cursor.advance();
        cursor.fail();
        assert_eq!(
            cursor.current().unwrap().name.as_ref().unwrap().as_str(),
            Some("r")
        );
    }
}
