//! Labels, annotations and finalizers that Slipway writes or reads.

/// Label: name of the cluster that an object belongs to.
pub const CLUSTER: &str = "slipway.io/cluster";
/// Label: name of the MachineSet that has claimed a Machine.
pub const MACHINE_SET: &str = "slipway.io/machine-set";
/// Label: role of a MachineSet, or of a Machine that it has claimed.
pub const ROLE: &str = "slipway.io/role";
/// Label: name of the PlaybookRun that an executor object was made for.
pub const RUN: &str = "slipway.io/run";
/// Label: uid of the PlaybookRun that an executor object was made for; a Job of another run is never adopted.
pub const RUN_UID: &str = "slipway.io/run-uid";
/// Label: operation of a PlaybookRun.
pub const OPERATION: &str = "slipway.io/operation";
/// Label: name of the addon that an object in a business cluster belongs to.
pub const ADDON: &str = "slipway.io/addon";
/// Label: the tool that manages an object, as Kubernetes recommends it.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY`] on every object of ours.
pub const MANAGED_BY_SLIPWAY: &str = "slipway";

/// Annotation: any new value asks for another try of an operation that has stopped after too many failures.
pub const RETRY: &str = "slipway.io/retry";
/// Annotation: hash of what an object was made from, so that an unchanged one is not written again.
pub const INPUTS_HASH: &str = "slipway.io/inputs-hash";

/// Finalizer of a ClusterDeployment: its machines are reset and released before it goes.
pub const CLUSTER_DEPLOYMENT_FINALIZER: &str = "clusterdeployments.slipway.io/teardown";
/// Finalizer of a MachineSet: its claims are given back before it goes.
pub const MACHINE_SET_FINALIZER: &str = "machinesets.slipway.io/release";
/// Finalizer of a Machine: a claimed machine stays until it is released.
pub const MACHINE_FINALIZER: &str = "machines.slipway.io/claimed";
/// Finalizer of a PlaybookRun: its executor is stopped and its result read before it goes.
pub const PLAYBOOK_RUN_FINALIZER: &str = "playbookruns.slipway.io/executor";
/// Finalizer of an executor's Job: the result is read before it goes.
pub const JOB_FINALIZER: &str = "playbookruns.slipway.io/result";
