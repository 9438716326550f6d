//! What state a machine is in: one pure rule for every controller that writes a Machine's status, so that no two of
//! them argue about its phase.

use slipway_api::{
    Machine, MachinePhase, MachineSpec, MachineStatus, Operation, RunPhase,
    conditions::{self, NODE_READY},
};

/// The phase of a machine with this spec, whose status is about to be `status`.
///
/// Each controller records what it knows (`lastRun`, `cleanedEpoch`, conditions) and then writes this phase. `Releasing`
/// is decided by the machine controllers alone and stays until the claim is gone.
pub fn phase(spec: &MachineSpec, status: &MachineStatus) -> Option<MachinePhase> {
    if spec.claim_ref.is_none() {
        unclaimed(spec, status)
    } else {
        Some(claimed(status))
    }
}

/// A machine that nobody has looked at yet has no phase.
fn unclaimed(spec: &MachineSpec, status: &MachineStatus) -> Option<MachinePhase> {
    if spec.unschedulable {
        return Some(MachinePhase::Maintenance);
    }
    if spec.force_release {
        return Some(MachinePhase::Quarantined);
    }
    match status.cleaned_epoch {
        Some(epoch) if epoch == spec.claim_epoch => Some(MachinePhase::Idle),
        None if spec.claim_epoch == 0 && !has_failed_check(status) => None,
        _ => Some(MachinePhase::Quarantined),
    }
}

fn has_failed_check(status: &MachineStatus) -> bool {
    status
        .last_run
        .as_ref()
        .is_some_and(|run| run.phase == RunPhase::Failed)
}

fn claimed(status: &MachineStatus) -> MachinePhase {
    if status.phase == Some(MachinePhase::Releasing) {
        return MachinePhase::Releasing;
    }
    match &status.last_run {
        Some(run) if matches!(run.operation, Operation::Install | Operation::ScaleOut) => match run.phase {
            RunPhase::Pending | RunPhase::Running => MachinePhase::Deploying,
            RunPhase::Failed | RunPhase::Cancelled => MachinePhase::Failed,
            RunPhase::Succeeded => by_node(status).unwrap_or(MachinePhase::Deployed),
        },
        // Runs that install nothing leave the machine in the phase that it was in.
        _ => by_node(status).unwrap_or(match status.phase {
            Some(known @ (MachinePhase::Deploying | MachinePhase::Deployed | MachinePhase::Failed)) => known,
            _ => MachinePhase::Claimed,
        }),
    }
}

/// What the machine's Node says of it; nothing while it has none.
fn by_node(status: &MachineStatus) -> Option<MachinePhase> {
    match conditions::get(&status.conditions, NODE_READY)?.status.as_str() {
        "True" => Some(MachinePhase::Ready),
        "False" => Some(MachinePhase::NotReady),
        // The cluster does not answer: what was known last stands.
        _ => status
            .phase
            .filter(|known| matches!(known, MachinePhase::Ready | MachinePhase::NotReady)),
    }
}

/// Whether `machine` is on its way out of its cluster.
pub fn is_releasing(machine: &Machine) -> bool {
    machine.spec.claim_ref.is_some() && machine.phase() == Some(MachinePhase::Releasing)
}

#[cfg(test)]
mod tests {
    use slipway_api::conditions::{NewCondition, reasons};

    use super::*;
    use crate::controllers::fixtures;

    fn with_run(operation: Operation, phase: RunPhase) -> MachineStatus {
        MachineStatus {
            last_run: Some(fixtures::last_run(operation, phase)),
            ..MachineStatus::default()
        }
    }

    fn with_node(status: Option<bool>, phase: Option<MachinePhase>) -> MachineStatus {
        let mut next = MachineStatus {
            phase,
            ..with_run(Operation::Install, RunPhase::Succeeded)
        };
        let condition = NewCondition {
            kind: NODE_READY,
            status,
            reason: reasons::AS_WANTED,
            message: "",
            observed_generation: None,
        };
        conditions::set(&mut next.conditions, &condition, &fixtures::time(0));
        next
    }

    #[test]
    fn an_unclaimed_machine_is_idle_only_when_it_is_known_to_be_clean() {
        let machine = fixtures::machine("m1");
        let cleaned = |epoch| MachineStatus {
            cleaned_epoch: epoch,
            ..MachineStatus::default()
        };
        let fresh = &machine.spec;
        assert_eq!(phase(fresh, &cleaned(None)), None);
        assert_eq!(phase(fresh, &cleaned(Some(0))), Some(MachinePhase::Idle));
        assert_eq!(
            phase(fresh, &with_run(Operation::Check, RunPhase::Failed)),
            Some(MachinePhase::Quarantined)
        );
        let used = MachineSpec {
            claim_epoch: 3,
            ..fresh.clone()
        };
        assert_eq!(
            phase(&used, &cleaned(None)),
            Some(MachinePhase::Quarantined),
            "its status was lost"
        );
        assert_eq!(phase(&used, &cleaned(Some(2))), Some(MachinePhase::Quarantined));
        assert_eq!(phase(&used, &cleaned(Some(3))), Some(MachinePhase::Idle));
        let maintained = MachineSpec {
            unschedulable: true,
            ..used.clone()
        };
        assert_eq!(
            phase(&maintained, &cleaned(Some(3))),
            Some(MachinePhase::Maintenance)
        );
        let forced = MachineSpec {
            force_release: true,
            ..used
        };
        assert_eq!(phase(&forced, &cleaned(Some(3))), Some(MachinePhase::Quarantined));
    }

    #[test]
    fn a_claimed_machine_goes_from_claimed_to_ready_with_its_run_and_its_node() {
        let spec = fixtures::claimed("m1", "shop-worker", 0).spec;
        let rows = [
            (MachineStatus::default(), MachinePhase::Claimed),
            (
                with_run(Operation::Reset, RunPhase::Succeeded),
                MachinePhase::Claimed,
            ),
            (
                with_run(Operation::Install, RunPhase::Running),
                MachinePhase::Deploying,
            ),
            (
                with_run(Operation::ScaleOut, RunPhase::Succeeded),
                MachinePhase::Deployed,
            ),
            (
                with_run(Operation::Install, RunPhase::Failed),
                MachinePhase::Failed,
            ),
            (with_node(Some(true), None), MachinePhase::Ready),
            (with_node(Some(false), None), MachinePhase::NotReady),
            (with_node(None, Some(MachinePhase::Ready)), MachinePhase::Ready),
            (
                with_node(None, Some(MachinePhase::Deployed)),
                MachinePhase::Deployed,
            ),
            (
                with_node(Some(true), Some(MachinePhase::Releasing)),
                MachinePhase::Releasing,
            ),
        ];
        for (status, expected) in rows {
            assert_eq!(phase(&spec, &status), Some(expected), "{status:?}");
        }
    }
}
