//! One connection for each host and way to reach it, one agent for each user on it.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use slipway_protocol::Fence;
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use super::{
    AgentBinary, AgentClient, Carriers, Connection, ConnectionKind, ConnectionOptions, Launch,
    TransportError,
    batch::{BatchConnection, Contents},
    host_keys::{self, KnownHosts},
    local::LocalConnection,
    memory::MemoryConnection,
    ssh,
};

/// How many connections are made at once.
const CONNECTING_AT_ONCE: usize = 64;

/// Seconds between two tries at most.
const LONGEST_PAUSE: u64 = 30;

/// What messages call the agent.
const AGENT: &str = "slipway-agent";

/// What all connections share.
#[derive(Debug)]
pub struct HostsOptions {
    /// The known-hosts file; the usual one if none.
    pub known_hosts: Option<PathBuf>,
    /// Whether the agent stays on hosts for the next run.
    pub keep_agent: bool,
    /// Who carries out connection plugins.
    pub carriers: Option<Arc<dyn Carriers>>,
}

/// A host key that was accepted at first use.
#[derive(Debug, Clone)]
pub struct LearnedKey {
    /// Inventory name of the host.
    pub host: String,
    /// The key in OpenSSH's form.
    pub key: String,
}

/// Connections by host.
#[derive(Debug)]
pub struct Hosts {
    /// None for runs that touch no host.
    agent: Option<Arc<AgentBinary>>,
    known: Arc<KnownHosts>,
    options: HostsOptions,
    slots: Mutex<HashMap<Way, Arc<AsyncMutex<Slot>>>>,
    connecting: Semaphore,
    learned: Mutex<Vec<LearnedKey>>,
    started: Mutex<Vec<String>>,
    contents: Arc<Contents>,
}

/// A host's inventory name and how it is reached: several hosts may delegate to one, as different users.
type Way = (String, ConnectionOptions);

#[derive(Debug, Default)]
struct Slot {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    connection: Arc<dyn Connection>,
    agents: HashMap<Launch, Arc<AgentClient>>,
}

impl Hosts {
    /// No connections yet.
    pub fn new(agent: Option<AgentBinary>, options: HostsOptions) -> Self {
        let file = options
            .known_hosts
            .clone()
            .unwrap_or_else(host_keys::default_file);
        Self {
            agent: agent.map(Arc::new),
            known: KnownHosts::new(file),
            options,
            slots: Mutex::default(),
            connecting: Semaphore::new(CONNECTING_AT_ONCE),
            learned: Mutex::default(),
            started: Mutex::default(),
            contents: Arc::default(),
        }
    }

    /// The agent on a host for a user, connecting and starting it if need be.
    ///
    /// # Errors
    /// Why the host cannot be reached.
    pub async fn agent(
        &self,
        host: &str,
        options: &ConnectionOptions,
        launch: &Launch,
        fence: Option<Fence>,
    ) -> Result<Arc<AgentClient>, TransportError> {
        let slot = self.slot(host, options);
        let mut slot = slot.lock().await;
        let open = self.open(host, &mut slot, options).await?;
        if let Some(agent) = open.agents.get(launch) {
            if agent.is_alive() {
                return Ok(Arc::clone(agent));
            }
            open.agents.remove(launch);
        }
        let started = start(open.connection.as_ref(), launch, fence).await;
        let command = launch
            .r#become
            .as_ref()
            .map_or_else(|| AGENT.to_owned(), |other| other.command(AGENT));
        self.started
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(format!("<{}> EXEC {command}", options.address));
        match started {
            Ok(agent) => {
                let agent = Arc::new(agent);
                open.agents.insert(launch.clone(), Arc::clone(&agent));
                Ok(agent)
            }
            Err(error) => {
                // A connection without any agent may be the broken part: the next task makes a new one.
                if open.agents.is_empty() {
                    open.connection.close().await;
                    slot.open = None;
                }
                Err(error)
            }
        }
    }

    /// The bare connection to a host, for commands without the agent.
    pub async fn connection(
        &self,
        host: &str,
        options: &ConnectionOptions,
    ) -> Result<Arc<dyn Connection>, TransportError> {
        let slot = self.slot(host, options);
        let mut slot = slot.lock().await;
        Ok(Arc::clone(&self.open(host, &mut slot, options).await?.connection))
    }

    /// The files in which a host's key is looked for.
    pub fn known_hosts(&self, options: &ConnectionOptions) -> Vec<PathBuf> {
        match options.ssh.known_hosts.as_slice() {
            [] => vec![self.known.file.clone()],
            files => files.to_vec(),
        }
    }

    /// Closes the connections of a host; the next task makes a new one.
    pub async fn reset(&self, host: &str) {
        let slots: Vec<Arc<AsyncMutex<Slot>>> = self
            .lock_slots()
            .iter()
            .filter(|((name, _), _)| name == host)
            .map(|(_, slot)| Arc::clone(slot))
            .collect();
        for slot in slots {
            let open = slot.lock().await.open.take();
            if let Some(open) = open {
                drop(open.agents);
                open.connection.reset().await;
            }
        }
    }

    /// Tells every agent to stop what it is doing.
    pub async fn cancel_all(&self) {
        let slots: Vec<Arc<AsyncMutex<Slot>>> = self.lock_slots().values().cloned().collect();
        for slot in slots {
            // A slot that is locked is connecting: there is nothing to stop yet.
            let Ok(slot) = slot.try_lock() else { continue };
            for agent in slot.open.iter().flat_map(|open| open.agents.values()) {
                agent.cancel_all().await;
            }
        }
    }

    /// Forgets every agent: calls that are under way end as if the connection were lost.
    pub fn abandon(&self) {
        let slots: Vec<Arc<AsyncMutex<Slot>>> = self.lock_slots().values().cloned().collect();
        for slot in slots {
            let Ok(slot) = slot.try_lock() else { continue };
            for agent in slot.open.iter().flat_map(|open| open.agents.values()) {
                agent.abandon();
            }
        }
    }

    /// Ends every connection, in parallel.
    pub async fn close(&self) {
        let slots: Vec<Arc<AsyncMutex<Slot>>> = self.lock_slots().drain().map(|(_, slot)| slot).collect();
        futures::future::join_all(slots.into_iter().map(|slot| async move {
            let open = slot.lock().await.open.take();
            if let Some(open) = open {
                drop(open.agents);
                if !self.options.keep_agent {
                    open.connection.remove_agent().await;
                }
                open.connection.close().await;
            }
        }))
        .await;
    }

    /// How agents were started since the last call, as Ansible tells of what it runs on hosts.
    pub fn take_started(&self) -> Vec<String> {
        std::mem::take(&mut *self.started.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Host keys that were accepted at first use since the last call.
    pub fn take_learned(&self) -> Vec<LearnedKey> {
        std::mem::take(&mut *self.learned.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock_slots(&self) -> std::sync::MutexGuard<'_, HashMap<Way, Arc<AsyncMutex<Slot>>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, host: &str, options: &ConnectionOptions) -> Arc<AsyncMutex<Slot>> {
        let way = (host.to_owned(), options.clone());
        Arc::clone(self.lock_slots().entry(way).or_default())
    }

    async fn open<'a>(
        &self,
        host: &str,
        slot: &'a mut Slot,
        options: &ConnectionOptions,
    ) -> Result<&'a mut Open, TransportError> {
        let usable = slot
            .open
            .as_ref()
            .is_some_and(|open| open.agents.is_empty() || open.agents.values().any(|agent| agent.is_alive()));
        if !usable {
            if let Some(old) = slot.open.take() {
                drop(old.agents);
                old.connection.close().await;
            }
            let connection = self.connect(host, options).await?;
            slot.open = Some(Open {
                connection,
                agents: HashMap::new(),
            });
        }
        slot.open.as_mut().ok_or_else(|| {
            TransportError::Unreachable("the connection was closed while it was being made".to_owned())
        })
    }

    async fn connect(
        &self,
        host: &str,
        options: &ConnectionOptions,
    ) -> Result<Arc<dyn Connection>, TransportError> {
        if options.kind == ConnectionKind::Memory {
            return Ok(Arc::new(MemoryConnection));
        }
        let agent = self
            .agent
            .as_ref()
            .ok_or_else(|| TransportError::Unreachable("this run has no agent".to_owned()))?;
        if options.kind == ConnectionKind::Local {
            return Ok(Arc::new(LocalConnection::new(Arc::clone(agent))));
        }
        if let (ConnectionKind::Plugin(_), Some(carriers)) = (&options.kind, &self.options.carriers) {
            let carrier = carriers.open(host, options);
            let contents = Arc::clone(&self.contents);
            return Ok(Arc::new(BatchConnection::new(
                carrier,
                Arc::clone(agent),
                contents,
            )));
        }
        let mut tries: u32 = 0;
        let (connection, learned) = loop {
            let permit = self.connecting.acquire().await;
            let made = ssh::connect(options, &self.known, agent).await;
            drop(permit);
            match made {
                Err(_) if u64::from(tries) < options.retries => {
                    // As long as Ansible waits: nothing at first, then twice as long each time.
                    let pause = 2_u64.saturating_pow(tries).saturating_sub(1).min(LONGEST_PAUSE);
                    tokio::time::sleep(Duration::from_secs(pause)).await;
                    tries += 1;
                }
                made => break made?,
            }
        };
        if let Some(key) = learned {
            let learned = LearnedKey {
                host: host.to_owned(),
                key,
            };
            self.learned
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(learned);
        }
        Ok(Arc::new(connection))
    }
}

async fn start(
    connection: &dyn Connection,
    launch: &Launch,
    fence: Option<Fence>,
) -> Result<AgentClient, TransportError> {
    let greeting = AgentClient::greeting(fence)?;
    let pipe = connection.start_agent(launch.clone(), greeting).await?;
    AgentClient::start(pipe).await
}
