//! Every name that templates know, for documentation.

use crate::template::environment;

/// Filters, under each name that they have.
pub fn filters() -> &'static [String] {
    environment::filter_names()
}

/// Tests, under each name that they have.
pub fn tests() -> &'static [String] {
    environment::test_names()
}

/// Lookups, under each name that they have. Each is a loop too: `with_<name>`.
pub fn lookups() -> &'static [String] {
    environment::lookup_names()
}

/// Functions.
pub fn functions() -> Vec<String> {
    environment::function_names()
}
