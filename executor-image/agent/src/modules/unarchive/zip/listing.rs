//! What `unzip -Z -T -s` tells of the files of an archive.

use chrono::{Local, NaiveDateTime};

use crate::file_attributes::umask;

/// What a file of the archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
    Link,
}

impl Kind {
    /// The letter that stands for it where changes are itemized.
    pub(super) const fn letter(self) -> char {
        match self {
            Self::Directory => 'd',
            Self::File => 'f',
            Self::Link => 'L',
        }
    }
}

/// A file of the archive.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub kind: Kind,
    pub mode: u32,
    pub size: u64,
    /// In seconds since the epoch.
    pub time: i64,
    pub name: String,
}

/// A line: mode, version, system, size, type, method, time, name. Heading and sum are none.
pub(super) fn parse(line: &str) -> Option<Listed> {
    let (fields, name) = super::fields(line)?;
    let (kind, letters) = (fields[0].chars().next()?, fields[0].get(1..)?);
    let kind = match kind {
        _ if name.ends_with('/') => Kind::Directory,
        'l' => Kind::Link,
        '-' | '?' => Kind::File,
        _ => return None,
    };
    let time = NaiveDateTime::parse_from_str(fields[6], "%Y%m%d.%H%M%S").ok()?;
    Some(Listed {
        kind,
        mode: mode(letters, kind),
        size: fields[3].parse().ok()?,
        time: time.and_local_timezone(Local).earliest()?.timestamp(),
        name: name.to_owned(),
    })
}

/// The mode that letters mean. An archive of a system without modes tells only whether a file is a program.
fn mode(letters: &str, kind: Kind) -> u32 {
    if letters.len() != 9 {
        let is_program = kind == Kind::Directory || letters.contains('x');
        return if is_program { 0o777 } else { 0o666 } & !umask();
    }
    letters.chars().enumerate().fold(0, |mode, (place, letter)| {
        let bit = 0o400 >> place;
        let special = 0o4000 >> (place / 3);
        mode | match letter {
            'r' | 'w' | 'x' => bit,
            's' | 't' => bit | special,
            'S' | 'T' => special,
            _ => 0,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_from_its_line() {
        let line = "-rwsr-x--t  2.0 unx     2802 b- defN 20200101.000000 a dir/b c";
        let listed = parse(line).unwrap();
        assert_eq!(listed.kind, Kind::File);
        assert_eq!(listed.mode, 0o5751);
        assert_eq!((listed.size, listed.name.as_str()), (2802, "a dir/b c"));
        let directory = parse("drwxr-xr-x  2.0 unx        0 b- stor 20200101.000000 top/").unwrap();
        assert_eq!((directory.kind, directory.mode), (Kind::Directory, 0o755));
        for line in [
            "Archive:  x.zip",
            "Zip file size: 10 bytes, number of entries: 4",
            "4 files, 9 bytes",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
