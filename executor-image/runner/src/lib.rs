//! A fast runner of Ansible playbooks.

pub mod actions;
pub mod cli;
pub mod engine;
pub mod inventory;
pub mod output;
pub mod playbook;
pub mod transport;
