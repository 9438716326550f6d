//! `unarchive`: an archive of this machine is sent first; one of the host or of the network is the agent's business.

use indexmap::IndexMap;
use slipway_language::FileKind;

use super::{ActionContext, Arguments, ResultMap, boolean, failure, text};
use crate::transport::TransportError;

pub(super) async fn run(
    context: &ActionContext<'_>,
    mut args: Arguments,
) -> Result<ResultMap, TransportError> {
    const MODULE: &str = "ansible.builtin.unarchive";
    let Some(source) = text(&args, "src") else {
        return Ok(failure("src is required"));
    };
    if boolean(&args, "remote_src").unwrap_or(false) || source.contains("://") {
        return context.call(MODULE, args, IndexMap::new()).await;
    }
    let path = match context.find(&source, FileKind::Files) {
        Ok(path) => path,
        Err(message) => return Ok(failure(message)),
    };
    let content = match context.read(&path, &mut args) {
        Ok(content) => content,
        Err(error) => {
            return Ok(failure(format!(
                "cannot read the archive {}: {error}",
                path.display()
            )));
        }
    };
    match context.put(&content).await? {
        Ok(sha256) => {
            context
                .call(MODULE, args, IndexMap::from([("src".to_owned(), sha256)]))
                .await
        }
        Err(reason) => Ok(failure(reason)),
    }
}
