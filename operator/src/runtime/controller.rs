//! The loop under every controller: a queue of objects to look at, bounded concurrency, a time limit, backoff for each
//! object, metrics, and a span in the log.

use std::{
    convert::Infallible,
    fmt::Debug,
    future::Future,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{
    FutureExt, Stream, StreamExt,
    stream::{self, BoxStream},
};
use kube::{
    Resource,
    runtime::{
        controller::{Action, Config, applier},
        reflector::ObjectRef,
    },
};
use tracing::Instrument;

use super::{
    Context, backoff,
    backoff::Backoff,
    error::Error,
    events::Notice,
    watches::{Touched, Watch},
};

/// After how many failures in a row an Event tells about them.
const FAILURES_WORTH_AN_EVENT: u32 = 3;
/// Time within which the touches of one object are one.
const DEBOUNCE: Duration = Duration::from_millis(50);

/// A controller of kind `K`: what makes it look at an object.
pub struct Controller<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
{
    name: &'static str,
    context: Arc<Context>,
    watch: Watch<K>,
    queue: BoxStream<'static, ObjectRef<K>>,
}

impl<K> Controller<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
{
    /// A controller that looks at each object of `watch` at start and whenever it is touched.
    pub fn new(name: &'static str, context: &Arc<Context>, watch: &Watch<K>) -> Self {
        let store = watch.store().clone();
        let own = watch.touched().flat_map(move |touched| {
            stream::iter(match touched {
                Touched::One(object) => vec![ObjectRef::from_obj(&*object)],
                Touched::Any => store
                    .state()
                    .iter()
                    .map(|object| ObjectRef::from_obj(&**object))
                    .collect(),
            })
        });
        Self {
            name,
            context: Arc::clone(context),
            watch: watch.clone(),
            queue: own.boxed(),
        }
    }

    /// Looks also at the objects that `map` names whenever an object of another kind is touched or deleted.
    #[must_use]
    pub fn related<R>(self, watch: &Watch<R>, map: impl Fn(&R) -> Vec<ObjectRef<K>> + Send + 'static) -> Self
    where
        R: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
    {
        let own = self.watch.store().clone();
        let related = watch.touched().flat_map(move |touched| {
            stream::iter(match touched {
                Touched::One(object) => map(&object),
                // Objects may have gone unseen, so their mapping is not asked: every own object is looked at.
                Touched::Any => own
                    .state()
                    .iter()
                    .map(|object| ObjectRef::from_obj(&**object))
                    .collect(),
            })
        });
        self.trigger(related)
    }

    /// Looks also at every object that `references` names.
    #[must_use]
    pub fn trigger(self, references: impl Stream<Item = ObjectRef<K>> + Send + 'static) -> Self {
        Self {
            queue: stream::select(self.queue, references).boxed(),
            ..self
        }
    }

    /// Calls `reconcile` for each object in the queue until shutdown; work that has begun is then finished.
    ///
    /// A returned action says when to look again by the clock; `Action::await_change()` looks again after a long while
    /// only. An error is logged and tried again with backoff.
    pub async fn run<F, Work>(self, reconcile: F)
    where
        F: Fn(Arc<K>, Arc<Context>) -> Work + Send + Sync + 'static,
        Work: Future<Output = Result<Action, Error>> + Send + 'static,
    {
        let Self {
            name,
            context,
            watch,
            queue,
        } = self;
        let shutdown = context.shutdown.clone();
        let state = Arc::new(Loop {
            name,
            failures: Backoff::of_failures(),
            conflicts: Backoff::of_conflicts(),
            reconcile,
        });
        let config = Config::default()
            .concurrency(context.settings.concurrency)
            .debounce(DEBOUNCE);
        let queue = queue.map(Ok::<_, Infallible>).take_until(shutdown.requested());
        let run = applier(
            move |object, context| {
                let state = Arc::clone(&state);
                async move { Ok::<_, Infallible>(state.work(object, context).await) }.boxed()
            },
            |_, error: &Infallible, _| match *error {},
            context,
            watch.store().clone(),
            queue,
            config,
        );
        // What remains as an error here is an object that was deleted while it was queued.
        run.for_each(|_| std::future::ready(())).await;
        tracing::debug!(controller = name, "stopped");
    }
}

/// What the loop of one controller keeps.
struct Loop<K, F>
where
    K: Resource<DynamicType = ()>,
{
    name: &'static str,
    failures: Backoff<ObjectRef<K>>,
    conflicts: Backoff<ObjectRef<K>>,
    reconcile: F,
}

impl<K, F> Loop<K, F>
where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
{
    /// When to try again after `error`, and how many failures in a row that makes. That somebody else changed an object
    /// first is none: the decision was made from what is old, and is made again from what is there.
    fn judge(&self, error: &Error, reference: &ObjectRef<K>) -> (Option<u32>, Duration) {
        if error.is_conflict() {
            return (None, self.conflicts.failed(reference).1);
        }
        let (count, wait) = self.failures.failed(reference);
        (Some(count), wait)
    }

    /// Work on the object went well.
    fn forget(&self, reference: &ObjectRef<K>) {
        self.failures.succeeded(reference);
        self.conflicts.succeeded(reference);
    }

    async fn failed(&self, error: &Error, reference: &ObjectRef<K>, object: &K, context: &Context) -> Action {
        let (failures, wait) = self.judge(error, reference);
        let Some(count) = failures else {
            tracing::debug!("somebody was first, trying again in {wait:.0?}: {error}");
            return Action::requeue(wait);
        };
        context.metrics.failed(self.name, error.category());
        tracing::warn!(
            category = error.category(),
            "failed, trying again in {wait:.0?}: {error}"
        );
        if count == FAILURES_WORTH_AN_EVENT {
            let notice = Notice::warning("ReconcileFailed", format!("{} keeps failing: {error}", self.name));
            context.events.publish(object, &notice).await;
        }
        Action::requeue(wait)
    }
}

impl<K, F, Work> Loop<K, F>
where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
    F: Fn(Arc<K>, Arc<Context>) -> Work,
    Work: Future<Output = Result<Action, Error>> + Send,
{
    /// Works on `object` once; an error becomes a later try.
    async fn work(&self, object: Arc<K>, context: Arc<Context>) -> Action {
        let reference = ObjectRef::from_obj(&*object);
        let span = tracing::info_span!("reconcile", controller = self.name, object = %short(&reference));
        let started = Instant::now();
        let limit = context.settings.reconcile_timeout;
        let result = async {
            let work =
                AssertUnwindSafe((self.reconcile)(Arc::clone(&object), Arc::clone(&context))).catch_unwind();
            match tokio::time::timeout(limit, work).await {
                Ok(Ok(result)) => result,
                Ok(Err(panic)) => Err(Error::Panic(panic_text(&*panic))),
                Err(_) => Err(Error::Timeout(limit)),
            }
        }
        .instrument(span.clone())
        .await;
        context.metrics.ran(self.name, started.elapsed());
        match result {
            Ok(action) => {
                self.forget(&reference);
                if action == Action::await_change() {
                    Action::requeue(backoff::resync(&reference))
                } else {
                    action
                }
            }
            Err(error) => {
                self.failed(&error, &reference, &object, &context)
                    .instrument(span)
                    .await
            }
        }
    }
}

/// `namespace/name` of a reference.
fn short<K: Resource<DynamicType = ()>>(reference: &ObjectRef<K>) -> String {
    match &reference.namespace {
        Some(namespace) => format!("{} {namespace}/{}", K::kind(&()), reference.name),
        None => format!("{} {}", K::kind(&()), reference.name),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use slipway_api::Machine;

    use super::*;
    use crate::runtime::Doing;

    fn answered(code: u16, reason: &str) -> Error {
        let status = Status::failure("it was changed", reason).with_code(code);
        Err::<(), _>(kube::Error::Api(status.boxed()))
            .doing(|| "write the status of Machine fleet/m1".to_owned())
            .unwrap_err()
    }

    #[test]
    fn a_conflict_is_no_failure_however_often_it_comes() {
        let state = Loop::<Machine, ()> {
            name: "job",
            failures: Backoff::of_failures(),
            conflicts: Backoff::of_conflicts(),
            reconcile: (),
        };
        let reference = ObjectRef::new("m1").within("fleet");
        for _ in 0..20 {
            let (failures, wait) = state.judge(&answered(409, "Conflict"), &reference);
            assert_eq!(failures, None);
            assert!(wait <= Duration::from_secs(6), "{wait:?}");
        }
        let (_, wait) = state.judge(&answered(409, "Conflict"), &reference);
        assert!(wait >= Duration::from_secs(4), "no tight loop: {wait:?}");
        assert_eq!(
            state.judge(&answered(503, "ServiceUnavailable"), &reference).0,
            Some(1)
        );
        assert_eq!(
            state.judge(&answered(409, "AlreadyExists"), &reference).0,
            Some(2),
            "that an object exists already does not pass by itself"
        );
        state.forget(&reference);
        let (_, wait) = state.judge(&answered(409, "Conflict"), &reference);
        assert!(wait <= Duration::from_millis(240), "{wait:?}");
    }
}
