//! The agent: it reads frames from its input, carries out the modules they ask for on this host, and writes the results.
//!
//! [`serve`] is the connection: greeting, fencing, file contents, calls. [`call`] carries out one call: it checks the
//! arguments, finds the module in [`modules`] and completes the result; [`job`] carries out one that outlives the connection. The other files are what modules share.

#![allow(clippy::similar_names)] // the context of a call, the content of a file: neither has a better name

pub mod accounts;
pub mod answer;
pub mod arguments;
pub mod atomic_write;
pub mod call;
mod calls;
pub mod checksum;
pub mod context;
pub mod control;
pub mod encoding;
pub mod facts;
mod fence;
pub mod file_attributes;
pub mod foreign;
pub mod glob_paths;
pub mod host_names;
pub mod http;
pub mod init_scripts;
mod invocation;
pub mod job;
mod kept;
pub mod modules;
pub mod openpgp;
pub mod path_state;
pub mod process;
pub mod python_regex;
pub mod python_text;
pub mod selinux;
pub mod selinux_mode;
pub mod serve;
pub mod ssh_keygen;
mod store;
pub mod symbolic_mode;
pub mod text_edit;
