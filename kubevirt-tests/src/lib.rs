//! End-to-end scenarios over any provider of machines.
//!
//! A scenario is a test in `tests/`: it asks a [`World`] for machines, writes ClusterDeployments, disturbs something, and waits for
//! what must become true. It does not know whose machines they are: that is what a [`MachineProvider`] is for. The
//! [invariants](invariants) are looked at whenever a scenario waits, and once more at its end.

pub mod invariants;
mod lab_provider;
mod provider;
mod state;
mod world;

pub use provider::{Artifacts, MachineProvider};
pub use state::State;
pub use world::{World, scenario};
