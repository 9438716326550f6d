//! Formats of text that filters and lookups read: comma-separated values, INI, and the encodings of texts.

pub(crate) mod csv;
pub(crate) mod encoding;
pub(crate) mod ini;
