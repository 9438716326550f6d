//! Volumes of LVM.

use serde_json::{Map, Value, json};

use super::Facts;
use crate::answer::answer;
use crate::context::Context;
use crate::process::{Process, find_program};

pub(super) fn collect(context: &Context) -> Facts {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root || find_program("vgs".as_ref(), &context.environment).is_none() {
        return answer!({"lvm": "N/A"});
    }
    let groups = rows(
        context,
        "vgs",
        "vg_name,pv_count,lv_count,vg_size,vg_free",
        |row| {
            let value = json!({
                "num_pvs": row.get(1)?, "num_lvs": row.get(2)?, "size_g": row.get(3)?, "free_g": row.get(4)?,
            });
            Some((row.first()?.clone(), value))
        },
    );
    let volumes = rows(context, "lvs", "lv_name,vg_name,lv_size", |row| {
        Some((
            row.first()?.clone(),
            json!({"vg": row.get(1)?, "size_g": row.get(2)?}),
        ))
    });
    let devices = rows(context, "pvs", "pv_name,vg_name,pv_size,pv_free", |row| {
        let value = json!({"vg": row.get(1)?, "size_g": row.get(2)?, "free_g": row.get(3)?});
        Some((row.first()?.clone(), value))
    });
    answer!({"lvm": {"lvs": volumes, "vgs": groups, "pvs": devices}})
}

/// What one of LVM's programs lists, by name; sizes are in gibibytes.
fn rows(
    context: &Context,
    program: &str,
    columns: &str,
    entry: impl Fn(&[String]) -> Option<(String, Value)>,
) -> Map<String, Value> {
    let output = Process::tool(context, program)
        .args([
            "--noheadings",
            "--nosuffix",
            "--units",
            "g",
            "--separator",
            ",",
            "-o",
            columns,
        ])
        .run();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let row: Vec<String> = line.trim().split(',').map(str::to_owned).collect();
            entry(&row)
        })
        .collect()
}
