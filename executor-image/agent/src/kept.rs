//! What programs of the host have answered, kept beside the agent's own file for its next runs.
//!
//! Only answers that follow from the program's own file, from other files that are named, and from what stands in the question: as long
//! as all of them are what they were, the program would say the same, and is not started. They are kept in the folder of the stored agent
//! if it is this user's own and nobody else can write there; else, and for an agent that is started from elsewhere, each run asks.
//! A file that is damaged or not this user's is as none.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The most that is kept, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// The most answers that are kept: the oldest make room.
const MOST: usize = 100;

/// How each program begins that is not a script. What a script says may depend on anything.
const ELF: [u8; 4] = *b"\x7fELF";

/// Answers that are kept.
#[derive(Debug, Default)]
pub struct Kept {
    /// Where; nothing where they may not be kept.
    file: Option<PathBuf>,
    answers: IndexMap<String, Answer>,
}

/// What a program has said.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    /// The files that it depends on, each with what it was.
    files: Vec<(PathBuf, String)>,
    text: String,
}

impl Kept {
    /// The answers that are kept for this agent and user.
    #[must_use]
    pub fn open() -> Self {
        place().map(Self::of_file).unwrap_or_default()
    }

    fn of_file(file: PathBuf) -> Self {
        let answers = read(&file).unwrap_or_default();
        Self {
            file: Some(file),
            answers,
        }
    }

    /// What the program answers to a question: as it is kept, or by asking it, which gives nothing where the answer is not to be kept
    /// either. `dependencies` tells the files, besides the program, that an answer depends on.
    pub fn answer(
        &mut self,
        program: &Path,
        question: &str,
        dependencies: impl Fn(&str) -> Vec<PathBuf>,
        ask: impl FnOnce() -> Option<String>,
    ) -> Option<String> {
        if self.file.is_none() {
            return ask();
        }
        let question = format!("{} {question}", program.display());
        if let Some(answer) = self.answers.get(&question)
            && answer.files.iter().all(|(path, state)| *state == state_of(path))
        {
            return Some(answer.text.clone());
        }
        // Before it is asked: a program that is replaced meanwhile is asked again by the next run.
        let state = state_of(program);
        let text = ask()?;
        if is_elf(program) {
            let others = dependencies(&text);
            let files = std::iter::once((program.to_owned(), state))
                .chain(others.into_iter().map(|path| {
                    let state = state_of(&path);
                    (path, state)
                }))
                .collect();
            let answer = Answer {
                files,
                text: text.clone(),
            };
            self.answers.shift_remove(&question);
            while self.answers.len() >= MOST {
                self.answers.shift_remove_index(0);
            }
            self.answers.insert(question, answer);
            // ok: the next run asks again.
            let _ = self.write();
        }
        Some(text)
    }

    /// Writes all anew under another name: two agents at once do not meet.
    fn write(&self) -> std::io::Result<()> {
        let Some((file, folder)) = self.file.as_deref().and_then(|file| Some((file, file.parent()?))) else {
            return Ok(());
        };
        let json = serde_json::to_string(&self.answers)?;
        let mut new = tempfile::Builder::new().prefix(".new.").tempfile_in(folder)?;
        new.write_all(format!("{}\n{json}", digest(&json)).as_bytes())?;
        new.persist(file).map_err(|error| error.error)?;
        Ok(())
    }
}

/// The file beside the stored agent, if the folder is this user's and nobody else can write there.
fn place() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let folder = program.parent()?;
    let user = rustix::process::geteuid().as_raw();
    let is_store = *folder == *format!("/var/tmp/slipway-agent-{user}");
    let metadata = folder.symlink_metadata().ok()?;
    let is_own = metadata.is_dir() && metadata.uid() == user && metadata.mode() & 0o022 == 0;
    let name = program.file_name()?.to_str()?;
    (is_store && is_own).then(|| folder.join(format!("{name}.answers")))
}

fn read(file: &Path) -> Option<IndexMap<String, Answer>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(file, flags, Mode::empty()).ok()?);
    let metadata = file.metadata().ok()?;
    let is_own = metadata.is_file()
        && metadata.uid() == rustix::process::geteuid().as_raw()
        && metadata.mode() & 0o022 == 0;
    if !is_own {
        return None;
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    let (expected, json) = text.split_once('\n')?;
    if digest(json) != expected {
        return None;
    }
    serde_json::from_str(json).ok()
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// Which file a path leads to, and what it is by its number, length and times; one that is changed has another time of its change.
fn state_of(path: &Path) -> String {
    let known = path.canonicalize().and_then(|real| {
        let metadata = real.symlink_metadata()?;
        Ok(format!(
            "{} {} {} {} {}.{:09} {}.{:09}",
            real.display(),
            metadata.dev(),
            metadata.ino(),
            metadata.size(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec(),
        ))
    });
    known.unwrap_or_default()
}

fn is_elf(program: &Path) -> bool {
    let mut beginning = [0; 4];
    File::open(program)
        .and_then(|mut file| file.read_exact(&mut beginning))
        .is_ok()
        && beginning == ELF
}

/// What the kernel has said, as part of a question: its own version is another part, as it decides what the rest means.
#[must_use]
pub fn state_of_kernel(said: &[u8]) -> String {
    let kernel = rustix::system::uname();
    let mut digest = Sha256::new();
    for part in [
        kernel.release().to_bytes_with_nul(),
        kernel.version().to_bytes_with_nul(),
        said,
    ] {
        digest.update(part);
    }
    hex::encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder with two programs and a file, and answers that are kept there.
    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            let place = Self(tempfile::tempdir().unwrap());
            place.write("program", "\x7fELF one");
            place.write("script", "#!/bin/sh");
            place.write("library", "one");
            place
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn write(&self, name: &str, content: &str) {
            std::fs::write(self.path(name), content).unwrap();
        }

        /// What a run that would be told `said` takes for the answer of a program.
        fn run(&self, program: &str, said: &str) -> String {
            let mut kept = Kept::of_file(self.path("answers"));
            let library = self.path("library");
            let dependencies = |_: &str| vec![library.clone()];
            kept.answer(&self.path(program), "--version", dependencies, || {
                Some(said.to_owned())
            })
            .unwrap()
        }
    }

    #[test]
    fn a_program_is_asked_once_and_again_when_it_or_what_it_depends_on_is_another() {
        let place = Place::new();
        assert_eq!(place.run("program", "1"), "1");
        assert_eq!(place.run("program", "2"), "1");
        // Of the same length, and as old as before: the kernel knows that it was changed.
        let old = std::fs::metadata(place.path("program"))
            .unwrap()
            .modified()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        place.write("program", "\x7fELF two");
        let file = File::options().write(true).open(place.path("program")).unwrap();
        file.set_modified(old).unwrap();
        assert_eq!(place.run("program", "3"), "3");
        assert_eq!(place.run("program", "4"), "3");
        std::fs::remove_file(place.path("library")).unwrap();
        assert_eq!(place.run("program", "5"), "5");
        assert_eq!(place.run("program", "6"), "5");
    }

    #[test]
    fn a_script_is_asked_each_time() {
        let place = Place::new();
        assert_eq!(place.run("script", "1"), "1");
        assert_eq!(place.run("script", "2"), "2");
    }

    #[test]
    fn a_file_that_is_damaged_or_that_others_may_write_is_as_none() {
        let place = Place::new();
        place.run("program", "1");
        let whole = std::fs::read_to_string(place.path("answers")).unwrap();
        for damaged in [
            "",
            "{}",
            &whole.replace("\"1\"", "\"7\""),
            &whole[..whole.len() - 1],
        ] {
            place.write("answers", damaged);
            assert_eq!(place.run("program", "2"), "2", "{damaged}");
        }
        let everybody = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(place.path("answers"), everybody).unwrap();
        assert_eq!(place.run("program", "3"), "3");
        assert_eq!(place.run("program", "4"), "3", "it was made anew");
    }

    #[test]
    fn what_nobody_answers_is_not_kept_and_the_oldest_answers_make_room() {
        let place = Place::new();
        let mut kept = Kept::of_file(place.path("answers"));
        let program = place.path("program");
        assert_eq!(kept.answer(&program, "?", |_| Vec::new(), || None), None);
        for number in 0..=MOST {
            let said = Some(number.to_string());
            kept.answer(&program, &number.to_string(), |_| Vec::new(), || said);
        }
        assert_eq!(kept.answers.len(), MOST);
        let asked = |kept: &mut Kept, question: &str| {
            kept.answer(&program, question, |_| Vec::new(), || Some("again".to_owned()))
        };
        assert_eq!(asked(&mut kept, "1").as_deref(), Some("1"));
        assert_eq!(asked(&mut kept, "0").as_deref(), Some("again"));
    }
}
