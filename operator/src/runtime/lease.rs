//! The Lease that decides which replica of the operator acts.
//!
//! Every write carries the resourceVersion that it was decided on, so of two replicas that try at once one is refused.
//! Whether a Lease has run out is judged by the own clock only, from the moment at which it was last seen to change:
//! clocks of other machines do not matter. Each call has its own time limit, so that a connection that is accepted and
//! never answered cannot outlast the Lease.

use std::time::{Duration, Instant};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use thiserror::Error;

use super::backoff::with_jitter;

/// Why a Lease is not held any more.
#[derive(Debug, Error)]
pub enum LeaseLost {
    /// Another replica has it.
    #[error("the Lease was taken by {0}")]
    Taken(String),
    /// It could not be renewed in time, so another replica may have it.
    #[error("the Lease could not be renewed for {} seconds: {cause}", .silence.as_secs())]
    NotRenewed {
        /// Since when.
        silence: Duration,
        /// What the last try met.
        cause: String,
    },
}

/// A Lease and who wants it.
#[derive(Clone)]
pub struct LeaseManager {
    api: Api<Lease>,
    name: String,
    identity: String,
    duration: Duration,
}

/// A held Lease.
pub struct Leadership {
    manager: LeaseManager,
    lease: Lease,
    renewed: Instant,
}

/// What came of one try to renew.
enum Renewal {
    Done,
    Taken(String),
    Failed(String),
}

/// How often a replica that waits looks at the Lease: one that was given back is taken soon. As long as client-go's retry
/// period.
const LOOK_PERIOD: Duration = Duration::from_secs(2);

/// What a look at the Lease says.
#[derive(Debug, PartialEq, Eq)]
enum Claimable {
    /// It may be taken or renewed.
    Yes,
    /// Somebody else has it, and for how long at most.
    HeldBy(String, Duration),
}

impl LeaseManager {
    /// The Lease `namespace`/`name`, wanted by `identity` and given up by others after `duration` without renewal.
    pub fn new(client: Client, namespace: &str, name: &str, identity: &str, duration: Duration) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity: identity.to_owned(),
            duration,
        }
    }

    /// Waits until the Lease is ours.
    pub async fn acquire(&self) -> Leadership {
        let mut seen: Option<(Lease, Instant)> = None;
        loop {
            let wait = match self.try_acquire(&mut seen).await {
                Ok(Ok(leadership)) => return leadership,
                Ok(Err((holder, remaining))) => {
                    tracing::debug!("the Lease {} is held by {holder}", self.name);
                    remaining.min(self.renew_interval()).min(LOOK_PERIOD)
                }
                Err(error) => {
                    tracing::warn!("the Lease {} could not be read or written: {error}", self.name);
                    self.renew_interval()
                }
            };
            tokio::time::sleep(with_jitter(wait, &(&self.identity, Timestamp::now()))).await;
        }
    }

    /// One try. `seen` is the Lease as last seen and since when it has been so.
    async fn try_acquire(
        &self,
        seen: &mut Option<(Lease, Instant)>,
    ) -> Result<Result<Leadership, (String, Duration)>, String> {
        let started = Instant::now();
        let Some(lease) = self.limited(self.api.get_opt(&self.name)).await? else {
            let lease = Lease {
                metadata: ObjectMeta {
                    name: Some(self.name.clone()),
                    ..ObjectMeta::default()
                },
                spec: Some(self.claim(None)),
            };
            let lease = self
                .limited(self.api.create(&PostParams::default(), &lease))
                .await?;
            return Ok(Ok(Leadership {
                manager: self.clone(),
                lease,
                renewed: started,
            }));
        };
        let since = match seen {
            Some((last, since)) if last.metadata.resource_version == lease.metadata.resource_version => {
                *since
            }
            _ => started,
        };
        *seen = Some((lease.clone(), since));
        match claimable(
            lease.spec.as_ref(),
            &self.identity,
            self.duration,
            since.elapsed(),
        ) {
            Claimable::HeldBy(holder, remaining) => Ok(Err((holder, remaining))),
            Claimable::Yes => {
                let lease = self.write(lease).await?;
                Ok(Ok(Leadership {
                    manager: self.clone(),
                    lease,
                    renewed: started,
                }))
            }
        }
    }

    /// Writes our claim over `lease`, refused if it has changed since.
    async fn write(&self, lease: Lease) -> Result<Lease, String> {
        let spec = Some(self.claim(lease.spec.as_ref()));
        let next = Lease { spec, ..lease };
        self.limited(self.api.replace(&self.name, &PostParams::default(), &next))
            .await
    }

    /// The claim that follows `current`.
    fn claim(&self, current: Option<&LeaseSpec>) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        let ours = current.is_some_and(|spec| spec.holder_identity.as_deref() == Some(&self.identity));
        let transitions = current.and_then(|spec| spec.lease_transitions).unwrap_or(0);
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.duration.as_secs()).ok(),
            acquire_time: current
                .filter(|_| ours)
                .and_then(|spec| spec.acquire_time.clone())
                .or_else(|| Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(if ours { transitions } else { transitions + 1 }),
            ..LeaseSpec::default()
        }
    }

    /// Three tries fit into the time of a Lease.
    fn renew_interval(&self) -> Duration {
        self.duration / 3
    }

    async fn limited<T>(&self, call: impl Future<Output = kube::Result<T>>) -> Result<T, String> {
        match tokio::time::timeout(self.renew_interval(), call).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!(
                "no answer for {} seconds",
                self.renew_interval().as_secs_f32()
            )),
        }
    }
}

impl Leadership {
    /// Renews the Lease until it is lost; says why.
    pub async fn hold(&mut self) -> LeaseLost {
        // Others may take the Lease when its time is over; we stop some time before, whatever a call is waiting for.
        let deadline = self.manager.duration * 5 / 6;
        let mut cause = "no answer".to_owned();
        loop {
            tokio::time::sleep(self.manager.renew_interval() / 2).await;
            let silence = self.renewed.elapsed();
            let remaining = deadline.checked_sub(silence).unwrap_or_default();
            match tokio::time::timeout(remaining, self.renew()).await {
                Ok(Renewal::Done) => {}
                Ok(Renewal::Taken(holder)) => return LeaseLost::Taken(holder),
                Ok(Renewal::Failed(why)) => {
                    tracing::warn!("the Lease {} could not be renewed: {why}", self.manager.name);
                    cause = why;
                }
                Err(_) => {
                    return LeaseLost::NotRenewed {
                        silence: self.renewed.elapsed(),
                        cause,
                    };
                }
            }
        }
    }

    async fn renew(&mut self) -> Renewal {
        let started = Instant::now();
        let cause = match self.manager.write(self.lease.clone()).await {
            Ok(lease) => {
                self.lease = lease;
                self.renewed = started;
                return Renewal::Done;
            }
            Err(cause) => cause,
        };
        // A write that was carried out and whose answer was lost makes the next one a conflict: look again.
        if let Ok(Some(lease)) = self
            .manager
            .limited(self.manager.api.get_opt(&self.manager.name))
            .await
        {
            let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone());
            match holder {
                Some(holder) if holder != self.manager.identity => return Renewal::Taken(holder),
                _ => self.lease = lease,
            }
        }
        Renewal::Failed(cause)
    }

    /// Gives the Lease back, so that another replica need not wait.
    pub async fn vacate(self) {
        let mut lease = self.lease;
        if let Some(spec) = lease.spec.as_mut() {
            spec.holder_identity = None;
            spec.renew_time = Some(MicroTime(Timestamp::now()));
        }
        let parameters = PostParams::default();
        let write = self.manager.api.replace(&self.manager.name, &parameters, &lease);
        if let Err(error) = self.manager.limited(write).await {
            tracing::warn!("the Lease {} could not be given back: {error}", self.manager.name);
        }
    }
}

/// Whether `identity` may write its claim over `spec`, which has not changed for `unchanged`.
fn claimable(spec: Option<&LeaseSpec>, identity: &str, duration: Duration, unchanged: Duration) -> Claimable {
    let Some(spec) = spec else { return Claimable::Yes };
    let Some(holder) = spec
        .holder_identity
        .as_deref()
        .filter(|holder| !holder.is_empty() && *holder != identity)
    else {
        return Claimable::Yes;
    };
    let lasts = spec
        .lease_duration_seconds
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map_or(duration, Duration::from_secs);
    match lasts.checked_sub(unchanged) {
        Some(remaining) if !remaining.is_zero() => Claimable::HeldBy(holder.to_owned(), remaining),
        _ => Claimable::Yes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(holder: &str) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(15),
            ..LeaseSpec::default()
        }
    }

    #[test]
    fn a_lease_is_taken_only_when_it_is_free_ours_or_unchanged_for_its_time() {
        let seconds = Duration::from_secs;
        let ask =
            |spec: Option<&LeaseSpec>, unchanged| claimable(spec, "me", seconds(15), seconds(unchanged));
        assert_eq!(ask(None, 0), Claimable::Yes);
        assert_eq!(ask(Some(&LeaseSpec::default()), 0), Claimable::Yes);
        assert_eq!(ask(Some(&held_by("")), 0), Claimable::Yes);
        assert_eq!(ask(Some(&held_by("me")), 0), Claimable::Yes);
        assert_eq!(
            ask(Some(&held_by("you")), 5),
            Claimable::HeldBy("you".to_owned(), seconds(10))
        );
        assert_eq!(ask(Some(&held_by("you")), 15), Claimable::Yes);
    }
}
