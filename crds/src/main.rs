//! Prints what makes an API server serve the kinds of Slipway as YAML, or writes it to a folder.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use clap::Parser;
use slipway_api::manifest;

/// Print the custom resource definitions of slipway.io as YAML.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// Write one file for each kind into this folder, instead of printing them.
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let files = manifest::files().context("writing the definitions as YAML")?;
    let Some(folder) = arguments.dir else {
        let documents: Vec<String> = files.into_iter().map(|(_, text)| text).collect();
        let documents = format!("---\n{}", documents.join("---\n"));
        return match io::stdout().write_all(documents.as_bytes()) {
            // Whoever reads has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.context("printing the definitions"),
        };
    };
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
