//! Where our answer differs from ansible-core's on purpose: the group, the case as Python prints it, and why.

/// Each is used by the golden test; one that no case needs fails it.
pub const EXCEPTIONS: &[(&str, &str, &str)] = &[];
