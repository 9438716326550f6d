//! The controllers that build and keep Kubernetes clusters on machines.
//!
//! [`runtime`] is what every controller stands on: one shared watch for each kind, a work queue with backoff, a
//! lease, metrics, events. [`controllers`] holds one folder for each controller, in three steps:
//! `observe` reads, `plan` decides and knows neither client nor clock, `act` writes.

pub mod controllers;
pub mod executor;
pub mod runtime;
