//! What the tests share: the programs, a real SSH server on loopback.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod comparison;
pub mod reference;
pub mod terminal;

use std::{
    fmt::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The runner under test.
pub const RUNNER: &str = env!("CARGO_BIN_EXE_slipway-playbook");

/// The agent: `SLIPWAY_AGENT`, or one built from the same sources.
pub fn agent() -> &'static Path {
    static AGENT: OnceLock<PathBuf> = OnceLock::new();
    AGENT.get_or_init(|| {
        if let Some(agent) = std::env::var_os("SLIPWAY_AGENT") {
            return PathBuf::from(agent);
        }
        let directory = Path::new(RUNNER).parent().unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "slipway-agent"]);
        if directory.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "the agent does not build");
        directory.join("slipway-agent")
    })
}

/// The folder of the ansible-core that `ci/ansible-environment` has installed.
pub fn ansible_core() -> PathBuf {
    let cache = std::env::var_os("SLIPWAY_CACHE").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/slipway"),
        PathBuf::from,
    );
    let versions = std::fs::read_dir(cache.join("ansible/lib"));
    versions
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("site-packages/ansible"))
        .find(|path| path.is_dir())
        .unwrap_or_default()
}

/// The runner with its agent, without what the person's own settings would change.
pub fn runner() -> Command {
    let mut command = Command::new(RUNNER);
    command
        .env("SLIPWAY_AGENT", agent())
        .env("SLIPWAY_ANSIBLE_CORE", ansible_core())
        .env_remove("ANSIBLE_INVENTORY")
        .stdin(Stdio::null());
    command
}

/// Runs `playbook` in a directory of its own with these arguments; `{dir}` stands for the directory.
pub fn play(playbook: &str, arguments: &[&str]) -> Played {
    let directory = tempfile::tempdir().unwrap();
    play_in(directory, playbook, arguments)
}

/// The same in a directory that has been prepared.
pub fn play_in(directory: TempDir, playbook: &str, arguments: &[&str]) -> Played {
    std::fs::write(directory.path().join("site.yml"), playbook).unwrap();
    let output = runner()
        .current_dir(directory.path())
        .args(arguments)
        .arg("site.yml")
        .output()
        .unwrap();
    Played::new(directory, &output)
}

/// What a run printed.
#[derive(Debug)]
pub struct Played {
    pub directory: TempDir,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Played {
    pub fn new(directory: TempDir, output: &Output) -> Self {
        Self {
            directory,
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test unless the run ended so and said all of this.
    pub fn assert(&self, code: i32, said: &[&str]) {
        let all = format!("{}{}", self.stdout, self.stderr);
        assert_eq!(self.code, code, "{all}");
        for text in said {
            assert!(all.contains(text), "{text:?} was not said:\n{all}");
        }
    }
}

/// A real OpenSSH server on a free port of loopback, ended when dropped.
pub struct Sshd {
    pub directory: TempDir,
    pub port: u16,
    /// Where the homes of users are that only this server knows.
    pub homes: Option<PathBuf>,
    child: Child,
}

/// Users of [`Sshd::with_users`] and their passwords.
pub const USERS: &[(&str, &str)] = &[
    ("admin", "pass word of admin"),
    ("free", "password-of-free"),
    ("other", "password-of-other"),
];

impl Sshd {
    /// Starts a server. `mount` is a command that runs before it in a mount namespace of its own; `extra` are lines of
    /// its configuration.
    pub fn start(mount: &str, extra: &str) -> Self {
        assert!(
            Path::new("/usr/sbin/sshd").is_file(),
            "this test needs a real SSH server: apt-get install openssh-server"
        );
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["host", "other_host", "user", "other_user"] {
            let status = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(path(name))
                .status();
            assert!(status.unwrap().success());
        }
        std::fs::copy(path("user.pub"), path("authorized")).unwrap();
        // The server refuses to start without its privilege separation directory.
        std::fs::create_dir_all("/run/sshd").unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = format!(
            "{extra}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
             PermitRootLogin prohibit-password\nPasswordAuthentication no\nPidFile none\n",
            path("host").display(),
            path("authorized").display()
        );
        std::fs::write(path("sshd_config"), config).unwrap();
        let serve = format!(
            "{mount} exec /usr/sbin/sshd -D -e -f {}",
            path("sshd_config").display()
        );
        let child = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", &serve])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "sshd did not start: root is needed"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        let server = Self {
            directory,
            port,
            homes: None,
            child,
        };
        server.trust("host");
        server
    }

    /// Starts a server on which there are users: `admin` may use sudo with a password, `free` without, and `other` is
    /// somebody to become. Only this server knows them.
    pub fn with_users(extra: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let directory = files.keep();
        let shown = directory.display().to_string();
        let hash = |password: &str| {
            let output = Command::new("openssl").args(["passwd", "-6", password]).output();
            String::from_utf8(output.unwrap().stdout)
                .unwrap()
                .trim()
                .to_owned()
        };
        let (mut passwd, mut shadow) = (
            std::fs::read_to_string("/etc/passwd").unwrap(),
            std::fs::read_to_string("/etc/shadow").unwrap(),
        );
        for (index, (name, password)) in USERS.iter().enumerate() {
            let home = directory.join(name);
            std::fs::create_dir(&home).unwrap();
            let id = 61_000 + u32::try_from(index).unwrap();
            std::os::unix::fs::chown(&home, Some(id), Some(65534)).unwrap();
            writeln!(passwd, "{name}:x:{id}:65534::{}:/bin/sh", home.display()).unwrap();
            writeln!(shadow, "{name}:{}:19000:0:99999:7:::", hash(password)).unwrap();
        }
        let write = |name: &str, content: &str, mode: u32| {
            let file = directory.join(name);
            std::fs::write(&file, content).unwrap();
            std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        };
        std::fs::set_permissions(&directory, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        write("passwd", &passwd, 0o644);
        write("shadow", &shadow, 0o640);
        write(
            "sudoers",
            "admin ALL=(ALL) ALL\nfree ALL=(ALL) NOPASSWD: ALL\n",
            0o440,
        );
        let mounts = format!(
            "mount --bind {shown}/passwd /etc/passwd; mount --bind {shown}/shadow /etc/shadow; \
             mount -t tmpfs -o mode=755 tmpfs /etc/sudoers.d; cp {shown}/sudoers /etc/sudoers.d/slipway; \
             mount -t tmpfs -o mode=711 tmpfs /run/sudo; mount -t tmpfs -o mode=1777 tmpfs /var/tmp;"
        );
        let mut server = Self::start(&mounts, extra);
        server.homes = Some(directory);
        server
    }

    /// Writes the known-hosts file with one of the keys.
    pub fn trust(&self, key: &str) {
        let public = std::fs::read_to_string(self.path(&format!("{key}.pub"))).unwrap();
        let public: Vec<&str> = public.split_whitespace().take(2).collect();
        let line = format!("[127.0.0.1]:{} {}\n", self.port, public.join(" "));
        std::fs::write(self.path("known_hosts"), line).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs a playbook against the server, as root, as host `server`.
    pub fn play(&self, playbook: &str, arguments: &[&str]) -> Played {
        self.play_in(tempfile::tempdir().unwrap(), playbook, arguments)
    }

    /// The same in a directory that has been prepared.
    pub fn play_in(&self, directory: TempDir, playbook: &str, arguments: &[&str]) -> Played {
        self.inventory("root");
        let (hosts, known) = (
            self.path("hosts").display().to_string(),
            self.path("known_hosts").display().to_string(),
        );
        let mut all = vec!["-i", &hosts, "--known-hosts", &known];
        all.extend(arguments);
        play_in(directory, playbook, &all)
    }
}

impl Sshd {
    /// Writes an inventory with the host `server`, to log in with the key as this user.
    pub fn inventory(&self, user: &str) -> PathBuf {
        let inventory = format!(
            "server ansible_host=127.0.0.1 ansible_port={} ansible_user={user} ansible_ssh_private_key_file={}\n",
            self.port,
            self.path("user").display()
        );
        std::fs::write(self.path("hosts"), inventory).unwrap();
        self.path("hosts")
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(homes) = &self.homes {
            let _ = std::fs::remove_dir_all(homes);
        }
    }
}
