//! Why machines of the pool were not claimed, in a message of bounded length.

use std::{collections::BTreeMap, fmt::Write as _};

use kube::{
    ResourceExt,
    core::{Selector, SelectorExt},
};
use slipway_api::Machine;

/// Most names after one reason.
const NAMES_LIMIT: usize = 3;

/// Why a machine may not be claimed; nothing if it may.
pub fn why(machine: &Machine, selector: &Selector) -> Option<String> {
    let spec = &machine.spec;
    if machine.metadata.deletion_timestamp.is_some() {
        return Some("being deleted".to_owned());
    }
    if let Some(claim) = &spec.claim_ref {
        return Some(format!("claimed by {}", claim.name));
    }
    if !selector.matches(machine.labels()) {
        return Some("labels do not match the selector".to_owned());
    }
    if spec.unschedulable {
        return Some("unschedulable".to_owned());
    }
    if spec.force_release {
        return Some("released by force".to_owned());
    }
    if machine.is_claimable() {
        return None;
    }
    let was_looked_at = machine
        .status
        .as_ref()
        .is_some_and(|status| status.phase.is_some());
    Some(if was_looked_at {
        "not clean".to_owned()
    } else {
        "not checked yet".to_owned()
    })
}

/// Sums up why each of `machines` was passed over.
pub fn summary(machines: impl Iterator<Item = (String, String)>) -> String {
    let mut by_reason: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (machine, reason) in machines {
        // One line for all other sets: their names are of no use here, their machines are.
        let reason = if reason.starts_with("claimed by") {
            "claimed by another set".to_owned()
        } else {
            reason
        };
        by_reason.entry(reason).or_default().push(machine);
    }
    if by_reason.is_empty() {
        return "there are no other machines in this namespace".to_owned();
    }
    let mut reasons: Vec<_> = by_reason.into_iter().collect();
    reasons.sort_by_key(|(_, machines)| std::cmp::Reverse(machines.len()));
    let mut text = String::from("passed over: ");
    for (index, (reason, machines)) in reasons.iter().enumerate() {
        let shown = machines
            .iter()
            .take(NAMES_LIMIT)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        let dots = if machines.len() > NAMES_LIMIT { ", …" } else { "" };
        let comma = if index > 0 { "; " } else { "" };
        // ok: writing to a string does not fail.
        let _ = write!(text, "{comma}{} {reason} ({shown}{dots})", machines.len());
    }
    text
}
