//! The kinds of `slipway.io/v1alpha1`: what an administrator writes, and what the controllers record.
//!
//! | kind | written by | says |
//! |---|---|---|
//! | [`ClusterDeployment`] | an administrator | everything wanted of one business cluster |
//! | [`MachineSet`] | the operator | one role of one cluster: how many machines, which ones |
//! | [`Machine`] | an administrator, then the operator | one host, and who has claimed it |
//! | [`Cluster`] | the operator | what was done to and observed of one business cluster |
//! | [`PlaybookRun`] | the operator, or an administrator | one playbook run against named hosts |
//!
//! The rules that the API server itself enforces (CEL) stand on the types, each with a message for the person
//! who breaks it. [`manifest`] turns the types into `CustomResourceDefinition` objects; the program
//! `slipway-crds` prints them.

pub mod admission;
pub mod cluster;
pub mod cluster_deployment;
pub mod conditions;
pub mod labels;
pub mod machine;
pub mod machine_set;
pub mod manifest;
pub mod names;
pub mod playbook_run;
pub mod references;
mod schema;

pub use cluster::{Cluster, ClusterPhase, ClusterSpec, ClusterStatus};
pub use cluster_deployment::{ClusterDeployment, ClusterDeploymentSpec, ClusterDeploymentStatus};
pub use machine::{ClaimRef, Machine, MachinePhase, MachineSpec, MachineStatus};
pub use machine_set::{MachineRole, MachineSet, MachineSetSpec, MachineSetStatus, Taint};
pub use playbook_run::{Operation, PlaybookRun, PlaybookRunSpec, PlaybookRunStatus, RunPhase};

/// The API group of every kind.
pub const GROUP: &str = "slipway.io";
/// The only version of the API group.
pub const VERSION: &str = "v1alpha1";
