//! Modes of files as people write them: `0644`, `u=rw,g=r,o=r`, `a+X`, `g=u`.

use serde_json::Value;

/// The permission bits of a mode, set-id and sticky bits included.
pub const PERMISSION_BITS: u32 = 0o7777;

/// What is known of the file whose mode is worked out.
#[derive(Debug, Clone, Copy)]
pub struct Current {
    /// Its permission bits.
    pub mode: u32,
    /// Whether it is a directory, which `X` asks for.
    pub directory: bool,
    /// The umask, which clauses without a user obey.
    pub umask: u32,
}

/// Why a mode is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModeError {
    /// It is neither octal nor symbolic.
    #[error("bad symbolic permission for mode: {0}")]
    Unreadable(String),
    /// It has more than permission bits.
    #[error("{0}")]
    TooLarge(u64),
}

/// The mode that a `mode` argument asks for. A number is taken as it is (YAML has read `0644` as octal); text is octal or symbolic.
///
/// # Errors
/// When it is no mode.
pub fn resolve(mode: &Value, current: Current) -> Result<u32, ModeError> {
    match mode {
        Value::Number(number) => {
            let number = number
                .as_u64()
                .ok_or_else(|| ModeError::Unreadable(number.to_string()))?;
            permission_bits(number)
        }
        Value::String(text) => {
            let digits = text.strip_prefix("0o").unwrap_or(text);
            match u64::from_str_radix(digits, 8) {
                Ok(number) => permission_bits(number),
                Err(_) => text
                    .split(',')
                    .try_fold(current.mode, |mode, clause| apply_clause(clause, mode, current)),
            }
        }
        other => Err(ModeError::Unreadable(other.to_string())),
    }
}

fn permission_bits(number: u64) -> Result<u32, ModeError> {
    u32::try_from(number)
        .ok()
        .filter(|mode| *mode <= PERMISSION_BITS)
        .ok_or(ModeError::TooLarge(number))
}

/// Shift of the bits of each class of users.
const CLASSES: [(char, u32); 3] = [('u', 6), ('g', 3), ('o', 0)];

/// One clause: users, then operators each with its permissions, `ug=r+w`.
fn apply_clause(clause: &str, mode: u32, current: Current) -> Result<u32, ModeError> {
    let bad = || ModeError::Unreadable(clause.to_owned());
    let start = clause.find(['=', '+', '-']).ok_or_else(bad)?;
    let (users, mut operations) = clause.split_at(start);
    if !users.chars().all(|user| "ugoa".contains(user)) || (users.contains('a') && users != "a") {
        return Err(bad());
    }
    let (users, obeyed_umask) = match users {
        "" => ("ugo", current.umask),
        "a" => ("ugo", 0),
        users => (users, 0),
    };
    let mut mode = mode;
    while let Some(operator) = operations.chars().next() {
        let rest = &operations[1..];
        let end = rest.find(['=', '+', '-']).unwrap_or(rest.len());
        let permissions = &rest[..end];
        operations = &rest[end..];
        if !permissions
            .chars()
            .all(|permission| "rwxXstugo".contains(permission))
        {
            return Err(bad());
        }
        for (class, shift) in CLASSES {
            if !users.contains(class) {
                continue;
            }
            let bits = permissions.chars().fold(0, |bits, permission| {
                bits | permission_of(permission, class, shift, mode, current, obeyed_umask)
            });
            mode = match operator {
                '=' => mode & !class_bits(class, shift) | bits,
                '+' => mode | bits,
                _ => mode & !bits,
            };
        }
    }
    Ok(mode)
}

/// Every bit that `=` clears for a class: its three, and its special one.
fn class_bits(class: char, shift: u32) -> u32 {
    let special = match class {
        'u' => 0o4000,
        'g' => 0o2000,
        _ => 0o1000,
    };
    (0o7 << shift) | special
}

fn permission_of(permission: char, class: char, shift: u32, mode: u32, current: Current, umask: u32) -> u32 {
    let copied = |from: u32| ((mode >> from) & 0o7) << shift;
    match permission {
        'r' => (0o4 << shift) & !umask,
        'w' => (0o2 << shift) & !umask,
        'x' => (0o1 << shift) & !umask,
        'X' if current.directory || mode & 0o111 != 0 => 0o1 << shift,
        's' if class == 'u' => 0o4000,
        's' if class == 'g' => 0o2000,
        't' if class == 'o' => 0o1000,
        'u' => copied(6),
        'g' => copied(3),
        'o' => copied(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn modes_are_worked_out_as_chmod_does() {
        for (mode, file, directory, expected) in [
            (json!("0640"), 0o600, false, 0o640),
            (json!("640"), 0o600, false, 0o640),
            (json!(0o640), 0o600, false, 0o640),
            (json!(644), 0o600, false, 0o1204),
            (json!("u=rwX,g=rX,o="), 0o644, false, 0o640),
            (json!("u=rwX,g=rX,o="), 0o644, true, 0o750),
            (json!("u=rwX,g=rX,o="), 0o744, false, 0o750),
            (json!("a+x"), 0o644, false, 0o755),
            (json!("+x"), 0o600, false, 0o711),
            (json!("+w"), 0o444, false, 0o644),
            (json!("g=u"), 0o700, false, 0o770),
            (json!("o-rwx"), 0o777, false, 0o770),
            (json!("u+s,g+s,o+t"), 0o755, true, 0o7755),
            (json!("u=rw"), 0o4755, false, 0o655),
            (json!("ug=r+w"), 0o000, false, 0o660),
            (json!("u+x,g=u"), 0o640, false, 0o770),
        ] {
            let current = Current {
                mode: file,
                directory,
                umask: 0o022,
            };
            assert_eq!(resolve(&mode, current), Ok(expected), "{mode} on {file:o}");
        }
    }

    #[test]
    fn what_is_no_mode_is_refused() {
        let current = Current {
            mode: 0o644,
            directory: false,
            umask: 0o022,
        };
        for mode in [
            json!("rw"),
            json!("u=q"),
            json!("z+x"),
            json!(""),
            json!("010000"),
            json!(65536),
            json!(null),
        ] {
            assert!(resolve(&mode, current).is_err(), "{mode}");
        }
    }
}
