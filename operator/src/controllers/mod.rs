//! The controllers, one folder each. `mod` wires what wakes it, `observe` reads, `plan` decides, `act` writes.

#[cfg(test)]
pub mod fixtures;
pub mod machine_state;

use std::{future::Future, pin::Pin, sync::Arc};

use crate::runtime::Context;

/// A controller that runs until shutdown.
pub type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The table of controllers: each module has `pub async fn run(context: Arc<Context>)`.
macro_rules! controllers {
    ($($name:ident),* $(,)?) => {
        /// Names of all controllers, as `--controllers` takes them.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// The controller called `name`, ready to run until shutdown.
        ///
        /// # Errors
        /// When there is no controller of that name.
        pub fn run(name: &str, context: Arc<Context>) -> anyhow::Result<Running> {
            match name {
                $(stringify!($name) => Ok(Box::pin($name::run(context))),)*
                _ => anyhow::bail!("there is no controller called {name}; there are {}", NAMES.join(", ")),
            }
        }
    };
}

pub mod addons;
pub mod clusterdeployment;
pub mod clusterinstall;
pub mod job;
pub mod machine;
pub mod machineset;
pub mod nodehealthy;

controllers!(
    clusterdeployment,
    machineset,
    machine,
    clusterinstall,
    job,
    nodehealthy,
    addons
);
