//! How `ssh`, started by `rsync`, logs in. A password it asks this program for, which asks the runner: the password is on no command
//! line, in no environment and in no file.

use std::{
    ffi::OsString,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
};

use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::UnixListener, task::JoinHandle};

use super::{
    super::{ActionContext, Arguments, boolean, text},
    ends::Place,
    options::word,
};
use crate::{
    engine::Target,
    transport::{HostKeyChecking, Password},
};

/// The environment variable with the socket that answers.
const SOCKET: &str = "SLIPWAY_ASKPASS";

/// Answers logins with a password as long as it lives.
pub struct Login {
    directory: TempDir,
    answering: JoinHandle<()>,
}

impl Login {
    /// Answers with this password.
    ///
    /// # Errors
    /// When a socket cannot be made.
    pub fn new(password: &Password) -> std::io::Result<Self> {
        // Nobody else may enter it.
        let directory = tempfile::Builder::new().prefix("slipway-ssh-").tempdir()?;
        let listener = UnixListener::bind(directory.path().join("socket"))?;
        let password = password.clone();
        let answering = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                // ok: who asked has gone.
                let _ = stream.write_all(password.0.as_bytes()).await;
            }
        });
        Ok(Self { directory, answering })
    }

    /// What makes `ssh` ask.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("slipway-playbook"));
        vec![
            ("SSH_ASKPASS", program.into()),
            ("SSH_ASKPASS_REQUIRE", "force".into()),
            // Without it, versions before 8.4 do not ask a program.
            (
                "DISPLAY",
                std::env::var_os("DISPLAY").unwrap_or_else(|| ":".into()),
            ),
            (SOCKET, self.directory.path().join("socket").into()),
        ]
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

/// Answers `ssh`, if this process was started for it: whether a password was printed. It asks other things too, which are not answered.
pub fn answer() -> Option<bool> {
    let socket = std::env::var_os(SOCKET)?;
    let question = std::env::args().nth(1).unwrap_or_default();
    let asks_password = question.to_lowercase().contains("password");
    Some(asks_password && print(&socket).is_ok())
}

fn print(socket: &OsString) -> std::io::Result<()> {
    let mut password = Vec::new();
    UnixStream::connect(socket)?.read_to_end(&mut password)?;
    password.push(b'\n');
    let mut output = std::io::stdout();
    output.write_all(&password)?;
    output.flush()
}

/// The command of the remote shell, with which the other end is reached.
pub fn shell(context: &ActionContext<'_>, args: &Arguments, target: &Target, place: &Place) -> String {
    let options = &target.options;
    let mut words = vec![place.program("ssh")];
    let mut say = |more: &[&str]| words.extend(more.iter().map(|text| (*text).to_owned()));
    if !boolean(args, "ssh_connection_multiplexing").unwrap_or(false) {
        say(&["-S", "none"]);
    }
    let key = text(args, "private_key").or_else(|| {
        let file = options.private_key.as_ref();
        file.map(|file| file.display().to_string())
    });
    if let Some(key) = key {
        say(&["-i", &key]);
    }
    let port = text(args, "dest_port").unwrap_or_else(|| options.port.to_string());
    say(&["-o", &format!("Port={port}")]);
    let checking = match boolean(args, "verify_host") {
        Some(true) => HostKeyChecking::Pinned,
        Some(false) => HostKeyChecking::Off,
        None => options.host_key_checking,
    };
    let strict = match checking {
        HostKeyChecking::Pinned => "yes",
        HostKeyChecking::AcceptNew => "accept-new",
        HostKeyChecking::Off => "no",
    };
    say(&["-o", &format!("StrictHostKeyChecking={strict}")]);
    match place {
        _ if checking == HostKeyChecking::Off => say(&["-o", "UserKnownHostsFile=/dev/null"]),
        // The same files by which the runner knows the host.
        Place::Here => {
            let known = context.item.play.run.connections.known_hosts(options);
            let known: Vec<String> = known.iter().map(|file| file.display().to_string()).collect();
            say(&["-o", &format!("UserKnownHostsFile={}", known.join(" "))]);
        }
        Place::Host(_) => {}
    }
    if options.password.is_some() {
        // A wrong one is not tried again.
        say(&["-o", "NumberOfPasswordPrompts=1"]);
    }
    let words: Vec<String> = words.iter().map(|text| word(text)).collect();
    [vec![words.join(" ")], more_arguments(context, args)]
        .concat()
        .join(" ")
}

/// The arguments of `ssh` that settings and variables name, if the task wants them for `rsync` too.
fn more_arguments(context: &ActionContext<'_>, args: &Arguments) -> Vec<String> {
    if !boolean(args, "use_ssh_args").unwrap_or(false) {
        return Vec::new();
    }
    let item = context.item;
    let settings = &item.play.run.options.settings;
    [
        ("ansible_ssh_args", settings.ssh_args.as_str()),
        ("ansible_ssh_common_args", &settings.ssh_common_args),
        ("ansible_ssh_extra_args", &settings.ssh_extra_args),
    ]
    .into_iter()
    .map(|(variable, setting)| {
        let set = item.play.variable_text(variable, &item.scope).ok().flatten();
        set.unwrap_or_else(|| setting.to_owned())
    })
    .filter(|words| !words.is_empty())
    .collect()
}
