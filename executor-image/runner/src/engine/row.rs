//! Tasks of a lone host that are begun before their turn: the next ones are sent while the first is carried out.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use futures::{FutureExt, future::BoxFuture};

use super::{
    HostState, Stop, TaskResult,
    batch::{Batch, passes_over},
    cursor::Cursor,
    executor,
    play::PlayRun,
    result::flag,
};
use crate::{
    actions,
    early::Place,
    output::TaskHeader,
    playbook::{Action, Task},
};

/// How many tasks are begun before their turn.
const LENGTH: usize = 8;

/// The tasks that have been begun, in their order.
#[derive(Debug, Default)]
pub(super) struct Row {
    begun: VecDeque<Begun>,
    /// Where the host will be after the last one, if all succeed.
    ahead: Option<Cursor>,
}

/// What is to be done at a place.
#[derive(Debug)]
pub(super) struct Order {
    pub play: Arc<PlayRun>,
    pub host: Arc<HostState>,
    pub task: Arc<Task>,
    pub header: Arc<TaskHeader>,
    pub receivers: Vec<Arc<HostState>>,
}

/// A task that has been begun.
struct Begun {
    order: Arc<Order>,
    place: Arc<Place>,
    work: BoxFuture<'static, TaskResult>,
    /// What it has come to, where that is known before anybody asks.
    done: Option<TaskResult>,
}

impl std::fmt::Debug for Begun {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Begun")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl Begun {
    fn new(order: Arc<Order>, place: Arc<Place>) -> Self {
        let given = Arc::clone(&order);
        let work = async move {
            let Order {
                play,
                host,
                task,
                header,
                receivers,
            } = &*given;
            executor::run_task(play, host, task, header, receivers).await
        };
        Self {
            work: Arc::clone(&place).scope(work).boxed(),
            order,
            place,
            done: None,
        }
    }

    /// Begins it again, in its turn.
    fn begin_again(&mut self) {
        *self = Self::new(Arc::clone(&self.order), Place::new(None));
    }

    /// The result, in its turn.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<TaskResult> {
        match self.done.take() {
            Some(done) => Poll::Ready(done),
            None => self.work.poll_unpin(context),
        }
    }
}

/// Whether a task may be begun before its turn: it is one call, and no other host has a part in it.
fn may_be_early(task: &Task) -> bool {
    let Action::Module(module) = &task.action else {
        return false;
    };
    let settings = &task.settings;
    actions::is_one_call(module)
        && task.r#loop.is_none()
        && task.until.is_none()
        && task.retries.is_none()
        && task.r#async.is_none()
        && settings.delegate_to.is_none()
        && settings.run_once.is_none()
        && settings.timeout.is_none()
}

/// Whether the next task may be begun before this one has ended: nothing of it depends on this one's result but whether it is done at
/// all, and the agent can tell that.
fn may_be_followed(task: &Task) -> bool {
    may_be_early(task)
        && task.module().is_some_and(|module| !actions::brings_facts(module.spec))
        && task.register.is_none()
        && task.failed_when.is_none()
        // One that is not there ends the run.
        && task.settings.notify.is_empty()
}

impl Row {
    /// Forgets what has been begun: the host goes elsewhere.
    pub fn clear(&mut self) {
        self.begun.clear();
        self.ahead = None;
    }

    /// The header of a task if it is the next one in the row; the row ends if another task comes next.
    pub fn next(&mut self, task: &Arc<Task>) -> Option<Arc<TaskHeader>> {
        match self.begun.front() {
            Some(next) if Arc::ptr_eq(&next.order.task, task) => Some(Arc::clone(&next.order.header)),
            _ => {
                self.clear();
                None
            }
        }
    }

    /// Begins the turn of a task.
    fn begin_turn(&mut self, order: Order) -> Begun {
        let Some(mut next) = self.begun.pop_front() else {
            return Begun::new(Arc::new(order), Place::new(None));
        };
        if next.place.has_given_up() {
            next.begin_again();
        }
        next.place.begin_turn();
        next
    }

    /// The result of the task whose turn it is. Meanwhile the others get ready.
    async fn result(&mut self, first: &mut Begun, stop: &Stop) -> TaskResult {
        let mut goes_on = !stop.is_requested();
        loop {
            tokio::select! {
                biased;
                result = std::future::poll_fn(|context| self.poll(first, context)) => return result,
                () = stop.wait(), if goes_on => {
                    goes_on = false;
                    self.withdraw().await;
                }
            }
        }
    }

    fn poll(&mut self, first: &mut Begun, context: &mut Context<'_>) -> Poll<TaskResult> {
        loop {
            if let Poll::Ready(result) = first.poll(context) {
                return Poll::Ready(result);
            }
            if !first.place.has_given_up() {
                break;
            }
            first.begin_again();
        }
        for index in 0..self.begun.len() {
            let next = &mut self.begun[index];
            // Whatever comes of it, it waits for its turn.
            let is_done = next.work.poll_unpin(context).is_ready();
            if is_done || next.place.has_given_up() {
                // There is no place behind it.
                self.begun.truncate(index);
                self.ahead = None;
                break;
            }
        }
        Poll::Pending
    }

    /// Takes back what has been sent and has not begun.
    async fn withdraw(&self) {
        for begun in &self.begun {
            begun.place.withdraw().await;
        }
    }

    /// Whether the next task has begun on the host already, when the run is to stop: it is ended in order, as all that has begun.
    pub async fn has_begun(&mut self) -> bool {
        let Some(next) = self.begun.front_mut().filter(|next| next.place.has_sent()) else {
            self.clear();
            return false;
        };
        next.place.withdraw().await;
        next.place.begin_turn();
        let done = std::future::poll_fn(|context| match next.poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if next.place.has_given_up() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        next.done = done.await;
        let has_begun = next.done.is_some();
        if !has_begun {
            self.clear();
        }
        has_begun
    }
}

impl Batch {
    /// Carries out a task on one host. If it is the only one of the play, the tasks after it get ready meanwhile.
    pub(super) async fn run_alone(&mut self, order: Order, handler: bool) -> TaskResult {
        let started = Instant::now();
        let stop = self.play.run.stop.clone();
        let mut first = self.row.begin_turn(order);
        if !handler && self.may_look_ahead() {
            self.look_ahead(&first);
        }
        let mut result = self.row.result(&mut first, &stop).await;
        result.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if flag(&result.map, "failed") || flag(&result.map, "unreachable") {
            self.row.clear();
        }
        result
    }

    /// Whether nobody could see that tasks are begun before their turn.
    fn may_look_ahead(&self) -> bool {
        self.hosts.len() == 1 && !self.asks && !self.play.run.printer.is_heard_elsewhere()
    }

    /// Begins the tasks that come after the one whose turn it is.
    fn look_ahead(&mut self, first: &Begun) {
        let host = Arc::clone(&first.order.host);
        if self.row.begun.is_empty() {
            self.row.ahead = self.cursors.get(&host.name).cloned();
        }
        while self.row.begun.len() < LENGTH {
            let last = self.row.begun.back().unwrap_or(first);
            if !may_be_followed(&last.order.task) {
                return;
            }
            let place = Place::new(Some(&last.place));
            let Some(mut cursor) = self.row.ahead.take() else {
                return;
            };
            let next = cursor
                .current()
                .filter(|task| may_be_early(task) && !passes_over(&host, task));
            let header = next.as_ref().and_then(|task| {
                let scope = self.play.scope(&host, Some(task));
                place.prepare(|| self.header(task, &scope, false))
            });
            let (Some(task), Some(header)) = (next, header) else {
                self.row.ahead = Some(cursor);
                return;
            };
            cursor.advance();
            self.row.ahead = Some(cursor);
            let order = Order {
                play: Arc::clone(&self.play),
                receivers: vec![Arc::clone(&host)],
                host: Arc::clone(&host),
                task,
                header,
            };
            self.row.begun.push_back(Begun::new(Arc::new(order), place));
        }
    }
}
