//! Formats of text that filters and lookups read: comma-separated values, INI.

pub(crate) mod csv;
pub(crate) mod ini;
