//! A fast runner of Ansible playbooks.
//!
//! `inventory` says which hosts there are, `playbook` what is to be done; `engine` does it, by `actions` here and by agents
//! that it reaches through `transport`, some of it `early`; `foreign` finds modules that are not ours and sends them along, and `plugins` carries out
//! filters, tests and lookups in Python; `output` tells; `cli`
//! begins and ends it. `settings` is `ansible.cfg` and the environment. `documentation` prints what all these tables hold.

#![allow(
    clippy::similar_names,
    reason = "`context` and `content`, `items` and `item` are the words of this field"
)]

pub mod actions;
pub mod cli;
pub mod documentation;
mod early;
pub mod engine;
pub mod foreign;
pub mod inventory;
pub mod output;
pub mod playbook;
pub mod plugins;
pub mod settings;
pub mod transport;
