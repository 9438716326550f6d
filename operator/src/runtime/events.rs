//! Kubernetes Events: what a person wants to know, once for each transition.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client, Resource,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use slipway_report::shorten;

/// Longest note that the API server takes.
const NOTE_LIMIT: usize = 1024;

/// Something worth telling about an object. Made by a plan where a state changes; so a plan that finds nothing to
/// change tells nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether somebody may have to do something.
    pub warning: bool,
    /// One word in camel case, such as `MachineClaimed`.
    pub reason: &'static str,
    /// One sentence.
    pub note: String,
}

impl Notice {
    /// Something that went as wanted.
    pub fn normal(reason: &'static str, note: impl Into<String>) -> Self {
        Self {
            warning: false,
            reason,
            note: note.into(),
        }
    }

    /// Something that somebody may have to look at.
    pub fn warning(reason: &'static str, note: impl Into<String>) -> Self {
        Self {
            warning: true,
            reason,
            note: note.into(),
        }
    }
}

/// The one recorder that all controllers share, so that repeats are counted and not written anew.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
}

impl Events {
    /// Events written by the replica called `identity`.
    pub fn new(client: Client, identity: &str) -> Self {
        let reporter = Reporter {
            controller: "slipway.io/operator".to_owned(),
            instance: Some(identity.to_owned()),
        };
        Self {
            recorder: Recorder::new(client, reporter),
        }
    }

    /// Tells `notice` about `object`. An Event that cannot be written is logged and no error: it is news, not state.
    pub async fn publish<K>(&self, object: &K, notice: &Notice)
    where
        K: Resource<DynamicType = ()>,
    {
        self.publish_about(&object.object_ref(&()), notice).await;
    }

    /// Tells `notice` about the object that `reference` names.
    pub async fn publish_about(&self, reference: &ObjectReference, notice: &Notice) {
        let kind = reference.kind.as_deref().unwrap_or_default();
        let name = reference.name.as_deref().unwrap_or_default();
        if notice.warning {
            tracing::warn!(reason = notice.reason, "{kind} {name}: {}", notice.note);
        } else {
            tracing::info!(reason = notice.reason, "{kind} {name}: {}", notice.note);
        }
        let event = Event {
            type_: if notice.warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: notice.reason.to_owned(),
            note: Some(shorten(&notice.note, NOTE_LIMIT)),
            action: notice.reason.to_owned(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, reference).await {
            tracing::warn!("an Event about {kind} {name} could not be written: {error}");
        }
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Events").finish_non_exhaustive()
    }
}
