//! The one place that prints: callbacks print Ansible's familiar output for a person, event lines are for a program.

mod callback;
pub mod callbacks;
mod color;
mod console;
mod diff;
mod display;
mod echo;
mod events;
mod json;
pub mod keys;
mod printer;
pub mod prompt;
mod relay;
mod stats;
mod wrap;
mod yaml;

pub use callback::{Callback, HostOutcome, Included, ItemOutcome, JobStage, PlayHeader};
pub use color::{Color, Palette};
pub use console::Console;
pub use display::{HostLine, ItemLine, PLACE, TOLD, TaskHeader};
pub use echo::leave_signals_to_the_run;
pub use events::EventSink;
pub use json::python_json;
pub use printer::{Printer, message_of, status};
pub use relay::{Answers, Relay, Teller};
pub use stats::Stats;
pub use yaml::python_yaml;
