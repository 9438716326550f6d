//! The arguments of each program, named as Ansible names them.

mod adhoc;
mod config;
mod inventory;
mod playbook;
mod shared;
mod vault;

pub use adhoc::AdHocArguments;
#[cfg(test)]
pub use config::ConfigCommonArguments;
pub use config::{ConfigAction, ConfigProgramArguments, DumpFormat, ListFormat};
pub use inventory::InventoryProgramArguments;
pub use playbook::PlaybookArguments;
pub use shared::{
    BecomeArguments, ConnectionArguments, InventoryArguments, PasswordArguments, RunArguments, VaultArguments,
};
pub use vault::{EncryptArguments, StringArguments, VaultAction, VaultProgramArguments};
