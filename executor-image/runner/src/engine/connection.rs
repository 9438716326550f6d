//! How a task reaches its host: variables over keywords over the command line.

use std::{path::PathBuf, sync::Arc};

use slipway_language::{Scope, TemplateError, Value};
use slipway_protocol::Fence;

use super::{play::PlayRun, variables::truth};
use crate::{
    playbook::Task,
    plugins,
    transport::{
        AgentClient, Connection, ConnectionKind, ConnectionOptions, HostKeyChecking, Launch, Password,
        PluginUse, TransportError,
    },
};

/// Where a task runs, and as whom.
#[derive(Debug, Clone)]
pub struct Target {
    /// The connection.
    pub options: ConnectionOptions,
    /// The agent on it.
    pub launch: Launch,
    /// The fencing token of the run on this host.
    pub fence: Option<Fence>,
}

impl PlayRun {
    /// The connection to the host of this name that variables, keywords and the command line ask for.
    ///
    /// # Errors
    /// What makes the task fail, or the host unreachable.
    pub fn target(&self, task: &Task, host: &str, scope: &Scope) -> Result<Target, TransportError> {
        let run = &self.run.options;
        let settings = &task.settings;
        let variable = |names: &[&str]| -> Result<Option<String>, TemplateError> {
            for name in names {
                if let Some(text) = self.variable_text(name, scope)? {
                    return Ok(Some(text));
                }
            }
            Ok(None)
        };
        let kind = match variable(&["ansible_connection"])? {
            Some(kind) => Some(kind),
            None => self
                .text(settings.connection.as_ref(), scope)?
                .or_else(|| run.connection.clone()),
        };
        let kind = self.connection_kind(kind.as_deref(), scope)?;
        let user = match variable(&["ansible_user", "ansible_ssh_user"])? {
            Some(user) => Some(user),
            None => self
                .text(settings.remote_user.as_ref(), scope)?
                .or_else(|| run.remote_user.clone()),
        };
        let address = variable(&["ansible_host", "ansible_ssh_host"])?.unwrap_or_else(|| host.to_owned());
        let ssh = if kind == ConnectionKind::Ssh {
            self.ssh_arguments(scope, &address, user.as_deref())?
        } else {
            Arc::default()
        };
        let port = match variable(&["ansible_port", "ansible_ssh_port"])? {
            Some(port) => port
                .parse()
                .map_err(|_| TemplateError::new(format!("ansible_port {port:?} is not a port")))?,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a port is small; a wrong one does not connect"
            )]
            None => self
                .number(settings.port.as_ref(), scope)?
                .map(|port| port as u16)
                .or(run.settings.remote_port)
                .or(ssh.port)
                .unwrap_or(22),
        };
        let number = |names: &[&str], default: u64| -> Result<u64, TemplateError> {
            match variable(names)? {
                None => Ok(default),
                Some(text) => text
                    .trim()
                    .parse()
                    .map_err(|_| TemplateError::new(format!("{} {text:?} is not a number", names[0]))),
            }
        };
        let timeout = number(&["ansible_ssh_timeout", "ansible_timeout"], run.settings.timeout)?;
        let retries = number(&["ansible_ssh_retries"], run.settings.ssh_retries)?;
        let password = variable(&["ansible_ssh_password", "ansible_ssh_pass", "ansible_password"])?
            .map(Password)
            .or_else(|| run.connection_password.clone())
            .filter(|password| !password.0.is_empty());
        let private_key = variable(&["ansible_ssh_private_key_file", "ansible_private_key_file"])?
            .map(PathBuf::from)
            .or_else(|| run.private_key.clone());
        let checking = match variable(&["ansible_ssh_host_key_checking", "ansible_host_key_checking"])? {
            Some(text) if text == "accept-new" => HostKeyChecking::AcceptNew,
            Some(text) if truth(&text.as_str().into()) == Some(false) => HostKeyChecking::Off,
            Some(_) => HostKeyChecking::Pinned,
            None => ssh.host_key_checking.unwrap_or(run.host_key_checking),
        };
        let other = self.other_user(task, scope)?;
        let login = user
            .clone()
            .or_else(|| ssh.user.clone())
            .unwrap_or_else(|| run.own_user.clone());
        let already = match &kind {
            ConnectionKind::Local => Some(&run.own_user),
            // Who is reached by a plugin without a name may be anybody.
            ConnectionKind::Plugin(_) => user.as_ref(),
            ConnectionKind::Ssh | ConnectionKind::Memory => Some(&login),
        }
        .cloned();
        let options = ConnectionOptions {
            kind,
            address,
            port,
            user,
            private_key,
            host_key_checking: checking,
            password,
            timeout: ssh.connect_timeout.unwrap_or(timeout),
            retries: retries.max(ssh.attempts.map_or(0, |attempts| attempts.saturating_sub(1))),
            ssh,
        };
        // Becoming the user that one is already needs no sudo.
        let launch = Launch {
            r#become: other
                .filter(|other| run.settings.become_allow_same_user || Some(&other.user) != already.as_ref()),
        };
        // The fence is root's to keep; who is not root can do no harm that it guards against.
        let user = launch.r#become.as_ref().map(|other| &other.user);
        let is_root = user.or(already.as_ref()).is_some_and(|user| user == "root");
        let fence = if is_root { self.fence(scope)? } else { None };
        Ok(Target {
            options,
            launch,
            fence,
        })
    }

    /// What a name of a connection means: somebody's own plugin, what this program has, or what ansible-core has besides.
    fn connection_kind(&self, name: Option<&str>, scope: &Scope) -> Result<ConnectionKind, TemplateError> {
        let plugins = &self.run.options.plugins;
        let Some(name) = name else {
            return Ok(ConnectionKind::Ssh);
        };
        if !plugins.is_connection(name) {
            match name.strip_prefix("ansible.builtin.").unwrap_or(name) {
                "ssh" | "smart" | "paramiko" | "paramiko_ssh" => return Ok(ConnectionKind::Ssh),
                "local" => return Ok(ConnectionKind::Local),
                "memory" => return Ok(ConnectionKind::Memory),
                _ => {}
            }
        }
        Ok(ConnectionKind::Plugin(Arc::new(self.plugin_use(name, scope)?)))
    }

    /// What a connection plugin in Python is told of a task.
    pub(crate) fn plugin_use(&self, name: &str, scope: &Scope) -> Result<PluginUse, TemplateError> {
        let mut variables = Vec::new();
        let documented = self.run.options.plugins.connection_variables(name)?;
        for name in documented
            .iter()
            .map(String::as_str)
            .chain(["ansible_shell_type"])
        {
            if let Some(value) = scope.get(&self.run.templar, name)? {
                variables.push((Value::from(name), value));
            }
        }
        let shell = self.variable_text("ansible_shell_executable", scope)?;
        Ok(PluginUse {
            name: name.to_owned(),
            variables: plugins::encode(&Value::from_pairs(variables)).to_string(),
            executable: shell.unwrap_or_else(|| self.run.options.settings.executable.clone()),
        })
    }

    fn fence(&self, scope: &Scope) -> Result<Option<Fence>, TemplateError> {
        let Some(owner) = self.variable_text("slipway_fence_owner", scope)? else {
            return Ok(None);
        };
        let epoch = self
            .variable_text("slipway_fence_epoch", scope)?
            .unwrap_or_default();
        let epoch = epoch
            .parse()
            .map_err(|_| TemplateError::new(format!("slipway_fence_epoch {epoch:?} is not a number")))?;
        let run = self
            .variable_text("slipway_fence_run", scope)?
            .unwrap_or_default();
        Ok(Some(Fence { owner, epoch, run }))
    }

    /// The agent for a target, connecting if need be. Reports a host key that was accepted on the way.
    pub async fn agent(&self, host: &str, target: &Target) -> Result<Arc<AgentClient>, TransportError> {
        let agent = self
            .run
            .connections
            .agent(host, &target.options, &target.launch, target.fence.clone())
            .await;
        self.report_learned_keys();
        for started in self.run.connections.take_started() {
            self.run.printer.detail(&started, 3);
        }
        agent
    }

    /// The bare connection for a target.
    pub async fn connection(
        &self,
        host: &str,
        target: &Target,
    ) -> Result<Arc<dyn Connection>, TransportError> {
        let connection = self.run.connections.connection(host, &target.options).await;
        self.report_learned_keys();
        connection
    }

    fn report_learned_keys(&self) {
        for learned in self.run.connections.take_learned() {
            self.run.printer.host_key(&learned.host, &learned.key);
            self.run.printer.detail(
                &format!("{}: accepted the host key {}", learned.host, learned.key),
                1,
            );
        }
    }
}
