//! The SSH key of an account.

use std::path::{Path, PathBuf};

use super::check;
use crate::accounts::User;
use crate::answer::{Answer, Failure};
use crate::context::Context;
use crate::process::Process;
use crate::ssh_keygen::with_passphrase;

/// Makes the account's SSH key unless it has one that is to stay; tells whether it did.
pub(super) fn generate(
    context: &Context,
    user: &User,
    answer: &mut Answer,
    warnings: &mut Vec<String>,
) -> Result<bool, Failure> {
    let args = &context.args;
    let kind = args.required("ssh_key_type");
    let file = args
        .text("ssh_key_file")
        .map_or_else(|| PathBuf::from(format!(".ssh/id_{kind}")), PathBuf::from);
    let path = Path::new(&user.home).join(file);
    let public = PathBuf::from(format!("{}.pub", path.display()));
    // A link counts as a file that is there: through it another file would be written, and given away.
    let there: Vec<(&str, &Path)> = [("private", path.as_path()), ("public", public.as_path())]
        .into_iter()
        .filter(|(_, file)| file.symlink_metadata().is_ok())
        .collect();
    let is_new = there.is_empty() || args.flag("force");
    for (which, file) in there {
        let shown = file.display();
        if is_new {
            warnings.push(format!("Overwriting existing ssh key {which} file \"{shown}\""));
            if !context.check {
                std::fs::remove_file(file)
                    .map_err(|error| Failure::io(format!("removing {shown}"), &error))?;
            }
        } else {
            warnings.push(format!(
                "Found existing ssh key {which} file \"{shown}\", no force, so skipping ssh-keygen generation"
            ));
            break;
        }
    }
    if is_new && !context.check {
        let directory = path.parent().unwrap_or(Path::new("/"));
        let failed =
            |error: std::io::Error| Failure::io(format!("Failed to create {}", directory.display()), &error);
        if !directory.exists() {
            std::fs::create_dir_all(directory).map_err(failed)?;
            std::fs::set_permissions(directory, std::os::unix::fs::PermissionsExt::from_mode(0o700))
                .map_err(failed)?;
            std::os::unix::fs::chown(directory, Some(user.uid), Some(user.gid)).map_err(failed)?;
        }
        let comment = args
            .required("ssh_key_comment")
            .replace("$HOSTNAME", &rustix::system::uname().nodename().to_string_lossy());
        let program = with_passphrase(context, args.text("ssh_key_passphrase").unwrap_or_default())?;
        let mut process = program.process.args(["-q", "-t", kind, "-C", &comment]);
        if let Some(bits) = args.integer("ssh_key_bits").filter(|bits| *bits > 0) {
            process = process.arg("-b").arg(bits.to_string());
        }
        check(process.arg("-f").arg(&path).run()?, &user.name)?;
        for file in [&path, &public] {
            std::os::unix::fs::chown(file, Some(user.uid), Some(user.gid)).map_err(failed)?;
        }
    }
    if let Ok(text) = std::fs::read_to_string(&public) {
        answer.insert("ssh_public_key".to_owned(), text.trim().into());
        let output = Process::tool(context, "ssh-keygen")
            .arg("-lf")
            .arg(&public)
            .run()?;
        answer.insert("ssh_fingerprint".to_owned(), output.stdout.trim().into());
    } else {
        answer.insert("ssh_fingerprint".to_owned(), "".into());
    }
    answer.insert("ssh_key_file".to_owned(), path.to_string_lossy().into());
    Ok(is_new)
}
