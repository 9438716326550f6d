//! Prints the `CustomResourceDefinition` objects of Slipway as YAML, or writes them to a folder.

use std::{fs, path::PathBuf};

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
    for definition in manifest::custom_resource_definitions() {
        let text = manifest::to_yaml(&definition)
            .with_context(|| format!("writing the definition of {} as YAML", definition.spec.names.kind))?;
        match &arguments.dir {
            None => print!("---\n{text}"),
            Some(folder) => {
                let path = folder.join(manifest::file_name(&definition));
                fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
                fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
            }
        }
    }
    Ok(())
}
