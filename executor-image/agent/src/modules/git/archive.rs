//! A packed file of the checkout's tree.

use std::path::Path;

use super::checkout::Checkout;
use crate::answer::{Answer, Failure};
use crate::atomic_write::{Content, replace};
use crate::checksum::Algorithm;

/// Packs the tree where the call asks for it and what is there differs.
pub(super) fn make(checkout: &Checkout<'_>, answer: &mut Answer) -> Result<(), Failure> {
    let args = &checkout.context.args;
    let Some(archive) = args.text("archive") else {
        return Ok(());
    };
    if checkout.context.check {
        answer.insert("changed".to_owned(), true.into());
        return Ok(());
    }
    let format = format(archive).ok_or_else(|| {
        Failure::new(format!(
            "Unable to get file extension from archive file name : {archive}"
        ))
        .with(
            "details",
            "Please specify archive as filename with extension. File extension can be one of \
             ['tar', 'tar.gz', 'zip', 'tgz']",
        )
    })?;
    let staged = tempfile::Builder::new()
        .prefix("archive-")
        .tempfile_in(&checkout.context.temporary)
        .map_err(|error| Failure::io("making a temporary file", &error))?;
    let output = staged.path().to_string_lossy();
    let format_option = format!("--format={format}");
    let output_option = format!("--output={output}");
    let prefix_option = args
        .text("archive_prefix")
        .map(|prefix| format!("--prefix={prefix}"));
    let mut words = vec!["archive", format_option.as_str(), output_option.as_str()];
    words.extend(prefix_option.as_deref());
    words.push(checkout.version);
    let output = checkout.run(&words)?;
    if output.code != 0 {
        return Err(Failure::new("Failed to perform archive operation")
            .with(
                "details",
                format!("Git archive command failed to create archive {archive}"),
            )
            .with("rc", output.code)
            .with("stderr", output.stderr));
    }
    let digest = |path: &Path| {
        Algorithm::Sha256
            .of_file(path)
            .map_err(|error| Failure::io(format!("reading {}", path.display()), &error))
    };
    let target = Path::new(archive);
    if target.exists() && digest(target)? == digest(staged.path())? {
        return Ok(());
    }
    replace(Content::File(staged.path()), target, false)?;
    answer.insert("changed".to_owned(), true.into());
    Ok(())
}

fn format(archive: &str) -> Option<&'static str> {
    ["zip", "tar.gz", "tar", "tgz"]
        .into_iter()
        .find(|extension| archive.ends_with(&format!(".{extension}")))
}
