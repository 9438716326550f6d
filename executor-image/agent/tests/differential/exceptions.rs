//! Differences that are meant, each with its reason.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use crate::rows::Row;

/// A difference that is meant.
struct Exception {
    /// The section of the table.
    section: &'static str,
    /// The module.
    module: &'static str,
    /// The key of the result; an end of `*` stands for any rest.
    key: &'static str,
    /// Text that Ansible's value contains.
    theirs: &'static str,
    /// Why the agent differs.
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        section: "setup",
        module: "setup",
        key: "msg",
        theirs: "Bad subset",
        reason: "Ansible names every collector that it has",
    },
    Exception {
        section: "file",
        module: "file",
        key: "msg",
        theirs: "is not a valid boolean",
        reason: "Python lists a set in an order of its own",
    },
    Exception {
        section: "copy",
        module: "copy",
        key: "msg",
        theirs: "dest is required",
        reason: "Ansible's copy checks its arguments a second time on the controller, with other words",
    },
    Exception {
        section: "stat",
        module: "stat",
        key: "stat.mimetype",
        theirs: "unknown",
        reason: "a link that leads nowhere has a type all the same: inode/symlink",
    },
    Exception {
        section: "stat",
        module: "tempfile",
        key: "msg",
        theirs: "No such file or directory",
        reason: "the message contains a random name",
    },
    Exception {
        section: "assemble",
        module: "assemble",
        key: "msg",
        theirs: "Invalid Regexp",
        reason: "another engine says in other words what is wrong with an expression",
    },
    Exception {
        section: "assemble",
        module: "assemble",
        key: "msg",
        theirs: "Could not replace file",
        reason: "Ansible names its temporary file, too",
    },
    Exception {
        section: "assemble",
        module: "assemble",
        key: "msg",
        theirs: "src and dest are required",
        reason: "Ansible's assemble checks its arguments on the controller, with other words",
    },
    Exception {
        section: "known_hosts",
        module: "known_hosts",
        key: "msg",
        theirs: "Failed to write to file",
        reason: "Ansible names its temporary file",
    },
    Exception {
        section: "known_hosts",
        module: "known_hosts",
        key: "diff.after",
        theirs: "example.org ssh-rsa",
        reason: "Ansible's diff does not show what it takes away when no key is given",
    },
    Exception {
        section: "known_hosts",
        module: "known_hosts",
        key: "diff.after",
        theirs: "|1|<salt and hash>",
        reason: "the same for a host whose name is hashed",
    },
    Exception {
        section: "archive",
        module: "community.general.archive",
        key: "size",
        theirs: "",
        reason: "the host's tar and zip write shorter headers than Python's",
    },
    Exception {
        section: "archive",
        module: "community.general.archive",
        key: "msg",
        theirs: "MODULE FAILURE",
        reason: "Ansible's module ends with a traceback where a directory is missing",
    },
    Exception {
        section: "archive",
        module: "community.general.archive",
        key: "module_std*",
        theirs: "",
        reason: "that traceback",
    },
    Exception {
        section: "archive",
        module: "community.general.archive",
        key: "rc",
        theirs: "1",
        reason: "the code that Python ended with after it",
    },
    Exception {
        section: "apt",
        module: "apt",
        key: "msg",
        theirs: "'/usr/bin/apt-get -y",
        reason: "the command that failed is another one: apt-get itself waits for its lock",
    },
    Exception {
        section: "apt_key",
        module: "apt_key",
        key: "stderr*",
        theirs: "no command supplied",
        reason: "Ansible lets gpg guess what it is to do, and gpg says so",
    },
    Exception {
        section: "apt_key",
        module: "apt_key",
        key: "msg",
        theirs: "how did i get here?!?!",
        reason: "the agent says what is missing",
    },
    Exception {
        section: "rpm_key",
        module: "rpm_key",
        key: "msg",
        theirs: "MODULE FAILURE",
        reason: "Ansible's module ends with a traceback where a file is no armored key",
    },
    Exception {
        section: "rpm_key",
        module: "rpm_key",
        key: "module_std*",
        theirs: "",
        reason: "that traceback",
    },
    Exception {
        section: "rpm_key",
        module: "rpm_key",
        key: "rc",
        theirs: "1",
        reason: "the code that Python ended with after it",
    },
    Exception {
        section: "apt_repository",
        module: "apt_repository",
        key: "diff",
        theirs: "[]",
        reason: "Ansible's diff does not show a repository that was commented out and is put in force again",
    },
    Exception {
        section: "apt_repository",
        module: "apt_repository",
        key: "msg",
        theirs: "Failed to update apt cache",
        reason: "python-apt does not tell Ansible what failed, apt-get does",
    },
    Exception {
        section: "apt_repository",
        module: "apt_repository",
        key: "warnings",
        theirs: "retrying",
        reason: "Ansible warns of every try",
    },
    Exception {
        section: "git",
        module: "git",
        key: "cmd",
        theirs: "git ls-remote",
        reason: "Ansible asks for the branches before it clones; git says the same when it clones at once",
    },
    Exception {
        section: "security",
        module: "ansible.posix.selinux",
        key: "msg",
        theirs: "libselinux-python",
        reason: "the agent needs no library of Python",
    },
    Exception {
        section: "security",
        module: "ansible.posix.seboolean",
        key: "msg",
        theirs: "libselinux-python",
        reason: "the agent needs no library of Python",
    },
    Exception {
        section: "security",
        module: "ansible.posix.firewalld",
        key: "msg",
        theirs: "Failed to import the required Python library (firewall)",
        reason: "the agent needs no library of Python, but firewall-cmd",
    },
    Exception {
        section: "wait_for",
        module: "wait_for",
        key: "msg",
        theirs: "Invalid regular expression",
        reason: "the message is that of another library of regular expressions",
    },
    Exception {
        section: "uri",
        module: "uri",
        key: "msg",
        theirs: "Could not replace file",
        reason: "Ansible names its temporary file, too",
    },
    Exception {
        section: "unarchive",
        module: "unarchive",
        key: "msg",
        theirs: "src (or content) and dest are required",
        reason: "Ansible's unarchive checks its arguments on the controller, with other words",
    },
    Exception {
        section: "unarchive",
        module: "unarchive",
        key: "msg",
        theirs: "Failed to find handler",
        reason: "Ansible tries every program in turn and prints what each said; the agent looks at the first bytes",
    },
];

/// Which exceptions were needed.
#[derive(Debug, Default)]
pub struct Used(BTreeSet<usize>);

impl Used {
    /// Whether a difference is meant.
    pub fn explains(&mut self, row: &Row, key: &str, theirs: &Value) -> bool {
        let found = EXCEPTIONS.iter().position(|exception| {
            let key_fits = exception
                .key
                .strip_suffix('*')
                .map_or(exception.key == key, |start| key.starts_with(start));
            exception.module == row.module && key_fits && theirs.to_string().contains(exception.theirs)
        });
        found.is_some_and(|index| {
            self.0.insert(index);
            true
        })
    }

    /// An exception that no row needs any more is to be taken out.
    pub fn report_unused(&self, section: &str, report: &mut String) {
        for (index, exception) in EXCEPTIONS.iter().enumerate() {
            if exception.section == section && !self.0.contains(&index) {
                let _ = writeln!(
                    report,
                    "exception {} {} ({}) is not needed",
                    exception.module, exception.key, exception.reason
                );
            }
        }
    }
}
