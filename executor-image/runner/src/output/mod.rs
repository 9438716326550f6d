//! The one place that prints: Ansible's familiar output for a person, event lines for a program.

mod color;
mod diff;
mod display;
mod events;
mod json;
mod printer;
mod stats;

pub use color::Color;
pub use display::{Banner, HostLine, ItemLine, TaskHeader};
pub use events::EventSink;
pub use json::python_json;
pub use printer::{HostOutcome, Printer, message_of, status};
pub use stats::Stats;
