//! The command line: arguments, listings, signals, exit codes.

mod arguments;
mod extra_vars;
mod listing;
mod run;
mod signals;

pub use run::main;
