//! Two public keys, for the modules that keep keys: the first has a subkey. Their secret halves are thrown away.

/// `{key}` of the table, and what the web server answers at `/key`.
pub const ONE: &str = include_str!("keys/one.asc");
/// `{other key}`, and what it answers at `/other-key`.
pub const TWO: &str = include_str!("keys/two.asc");
