//! Keywords of plays, roles, blocks, tasks and handlers; `loop_control`; the actions of `meta`.

use std::collections::BTreeSet;

use super::{Kind, Reference, differences, list, remarks, table};
use crate::playbook::{LoopControl, Meta, Place, is_supported};

const PLACES: [(&str, Place); 6] = [
    ("play", Place::Play),
    ("role", Place::Role),
    ("block", Place::Block),
    ("task", Place::Task),
    ("handler", Place::Handler),
    ("include", Place::Include),
];

pub fn section(reference: &Reference) -> String {
    let names: BTreeSet<&String> = PLACES
        .iter()
        .flat_map(|(place, _)| reference.keywords(place))
        .collect();
    let rows = names.into_iter().map(|name| {
        let cells = PLACES.map(|(word, place)| {
            let theirs = reference.keywords(word).contains(name);
            match (theirs, is_supported(name, place)) {
                (true, true) => "yes",
                (true, false) => "no",
                (false, true) => "more",
                (false, false) => "–",
            }
            .to_owned()
        });
        let [play, role, block, task, handler, include] = cells;
        let remark = remarks::text(Kind::Keyword, name);
        [
            format!("`{name}`"),
            play,
            role,
            block,
            task,
            handler,
            include,
            remark,
        ]
    });
    let keywords = table(
        [
            "keyword", "play", "role", "block", "task", "handler", "include", "differs",
        ],
        rows,
    );
    let (loop_control, no_loop_control) = split(reference.keywords("loop_control"), |name| {
        LoopControl::KEYWORDS.contains(&name)
    });
    let (meta, no_meta) = split(&reference.meta, |name| {
        Meta::NAMES.iter().any(|(known, _)| *known == name)
    });
    format!(
        "## Keywords\n\n\
         *include* are `include_tasks` and `include_role`; every other keyword goes to what they include by `apply`. *more* is taken here and \
         not there. `with_NAME` is a loop over any of the [lookups](#lookups).\n\n{keywords}\n\
         | part | supported | not supported |\n|---|---|---|\n\
         | `loop_control` | {loop_control} | {no_loop_control} |\n\
         | `meta` | {meta} | {no_meta} |\n\n{}",
        differences(Kind::Meta, "meta"),
    )
}

fn split(names: &[String], supported: impl Fn(&str) -> bool) -> (String, String) {
    let (yes, no): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| supported(name));
    let no = if no.is_empty() { "–".to_owned() } else { list(no) };
    (list(yes), no)
}
