//! Tasks that are begun before the task in front of them has ended, so that a host far away need not wait for one after the other.
//!
//! Such a task is prepared and its call is sent, for the agent to carry out if the one in front succeeds. Nothing of that may be seen:
//! what a task reads of this machine, says, or has others do could be different, or in another order, in its own turn. Whoever does
//! such a thing asks [`is_too_early`] first. The task is begun again then, in its turn, and what it has come to is thrown away.

use std::{
    future::pending,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::transport::{AgentClient, ConnectionKind, ConnectionOptions, Launch};

tokio::task_local! {
    /// The place of the task that is carried out; none where tasks are not in a row.
    static PLACE: Arc<Place>;
}

/// A task's place in a row of tasks.
#[derive(Debug)]
pub(crate) struct Place {
    /// The place in front, as long as it is not this one's turn.
    before: Mutex<Option<Arc<Self>>>,
    progress: watch::Sender<Progress>,
    turn: watch::Sender<bool>,
}

#[derive(Debug, Clone)]
enum Progress {
    Preparing,
    Sent(Arc<Sent>),
    /// It is skipped, or has failed already.
    NothingToSend,
    /// It must wait for its turn.
    GivenUp,
}

/// A call that is on its way.
#[derive(Debug)]
struct Sent {
    way: Way,
    agent: Arc<AgentClient>,
    stream: u32,
}

/// Which agent carries out a call: the host's name, how it is reached, and the user there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    pub host: Arc<str>,
    pub options: ConnectionOptions,
    pub launch: Launch,
}

impl Place {
    /// The place behind another one; the first if there is none, whose turn it is.
    pub fn new(before: Option<&Arc<Self>>) -> Arc<Self> {
        Arc::new(Self {
            before: Mutex::new(before.cloned()),
            progress: watch::Sender::new(Progress::Preparing),
            turn: watch::Sender::new(before.is_none()),
        })
    }

    /// Carries out the task at this place.
    pub async fn scope<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        PLACE.scope(self, work).await
    }

    /// Does something for the task at this place; nothing comes of it if that is too early.
    pub fn prepare<T>(self: &Arc<Self>, work: impl FnOnce() -> T) -> Option<T> {
        let done = PLACE.sync_scope(Arc::clone(self), work);
        (!self.has_given_up()).then_some(done)
    }

    /// Nothing is in front any more.
    pub fn begin_turn(&self) {
        // What is in front would be kept by what is behind, however long the row.
        *self.before.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.turn.send_replace(true);
    }

    /// Whether the task must be begun again in its turn.
    pub fn has_given_up(&self) -> bool {
        matches!(*self.progress.borrow(), Progress::GivenUp)
    }

    /// Whether the call is on its way.
    pub fn has_sent(&self) -> bool {
        matches!(*self.progress.borrow(), Progress::Sent(_))
    }

    /// Takes back the call unless it has begun.
    pub async fn withdraw(&self) {
        let progress = self.progress.borrow().clone();
        if let Progress::Sent(sent) = progress {
            sent.agent.withdraw(sent.stream).await;
        }
    }

    fn has_turn(&self) -> bool {
        *self.turn.borrow()
    }

    async fn turn_comes(&self) {
        // ok: this place holds the sender.
        let _ = self.turn.subscribe().wait_for(|turn| *turn).await;
    }

    async fn give_up<T>(&self) -> T {
        self.progress.send_replace(Progress::GivenUp);
        pending().await
    }

    fn in_front(&self) -> Option<Arc<Self>> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The nearest call in front, once it has been sent; none if the task there must wait for its turn.
    async fn sent_in_front(&self) -> Option<Arc<Sent>> {
        let mut next = self.in_front();
        loop {
            // Nothing is in front of the task whose turn it is, and it sends nothing: the next turn is near.
            let Some(place) = next else { return pending().await };
            let mut progress = place.progress.subscribe();
            let known = progress.wait_for(|progress| !matches!(progress, Progress::Preparing));
            match known.await.ok().as_deref() {
                Some(Progress::Sent(sent)) => return Some(Arc::clone(sent)),
                Some(Progress::NothingToSend) => next = place.in_front(),
                _ => return None,
            }
        }
    }
}

fn current() -> Option<Arc<Place>> {
    PLACE.try_with(Arc::clone).ok()
}

/// Whether this is done for a task before its turn, and must not be: it is done again then.
pub(crate) fn is_too_early() -> bool {
    let Some(place) = current().filter(|place| !place.has_turn()) else {
        return false;
    };
    place.progress.send_replace(Progress::GivenUp);
    true
}

/// The agent that a call goes to before its task's turn, and the call that it comes after; none if it is the task's turn.
pub(crate) async fn behind(way: &Way) -> Option<(Arc<AgentClient>, u32)> {
    let place = current()?;
    if place.has_given_up() {
        return pending().await;
    }
    tokio::select! {
        biased;
        () = place.turn_comes() => None,
        sent = place.sent_in_front() => match sent {
            Some(sent) if sent.way == *way => Some((Arc::clone(&sent.agent), sent.stream)),
            _ => place.give_up().await,
        },
    }
}

/// A call is on its way: others may be sent after it, if the agent is there for longer than for this one.
pub(crate) fn has_sent(way: Way, agent: &Arc<AgentClient>, stream: u32) {
    if let Some(place) = current()
        && matches!(way.options.kind, ConnectionKind::Ssh | ConnectionKind::Local)
    {
        let agent = Arc::clone(agent);
        let sent = Sent { way, agent, stream };
        place.progress.send_replace(Progress::Sent(Arc::new(sent)));
    }
}

/// The agent did not begin a call that was sent too early.
pub(crate) async fn not_begun<T>() -> T {
    match current() {
        Some(place) => place.give_up().await,
        None => pending().await,
    }
}

/// Waits for the task's turn: what follows can be seen.
pub(crate) async fn turn() {
    let Some(place) = current() else { return };
    place.progress.send_if_modified(|progress| {
        let is_preparing = matches!(progress, Progress::Preparing);
        if is_preparing {
            *progress = Progress::NothingToSend;
        }
        is_preparing
    });
    if place.has_given_up() {
        return pending().await;
    }
    place.turn_comes().await;
}
