//! Webhooks: telling other services what changed.
//!
//! Each webhook has one cursor, the offset up to which its receiver took everything, kept in a file beside the data.
//! Sets of changes are posted one after the other, in order; one that fails is posted again, and nothing after it comes
//! before it. So a receiver gets everything at least once, and a repeat has the delivery id of the first.

mod cursor;
mod payload;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use headwater_engine::{AskError, AssetFilter, Caller, OffsetChanges};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::sync::watch;

use crate::router::App;
use cursor::Cursor;

/// Changes in one delivery; what an offset changed beyond that comes in further ones.
const CHANGES_MAX: usize = 200;
/// Offsets that are looked at in one step.
const OFFSETS_MAX: usize = 64;

/// Where to tell what.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// What it is called: in its cursor's file, in deliveries, in metrics. ASCII letters, digits, `-` and `_`.
    pub name: String,
    /// Where deliveries are posted to.
    pub url: String,
    /// Signs deliveries.
    pub secret: String,
    /// Chooses changes, as a subscription's filter does.
    pub filter: Option<AssetFilter>,
    /// Chooses changes upstream of the assets that this chooses.
    pub upstream_of: Option<AssetFilter>,
}

/// How deliveries are tried again.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    /// The pause after the first failure; each further one is twice as long. Default 1 s.
    pub pause: Duration,
    /// The longest pause. Default 5 min.
    pub pause_max: Duration,
    /// Attempts after which a delivery is given up, and the next one comes. Default 100: about eight hours.
    pub attempts_max: u32,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            pause: Duration::from_secs(1),
            pause_max: Duration::from_mins(5),
            attempts_max: 100,
        }
    }
}

impl Retries {
    /// The pause after that many failed attempts.
    fn pause_after(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(20);
        self.pause
            .saturating_mul(1 << doublings)
            .min(self.pause_max)
    }
}

/// One request to a receiver.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where to.
    pub url: String,
    /// Header `Headwater-Delivery`: the same for each attempt.
    pub id: String,
    /// Header `Headwater-Signature`: `t=<seconds since 1970>,v1=<hex>`, an HMAC-SHA256 over `<seconds>.<body>`.
    pub signature: String,
    /// JSON.
    pub body: Vec<u8>,
}

/// Posts a delivery and waits for the status of the answer; blocks.
pub type Post = Arc<dyn Fn(&Delivery) -> Result<u16, String> + Send + Sync>;

/// What is counted of webhooks.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) delivered: AtomicU64,
    pub(crate) failed_attempts: AtomicU64,
    pub(crate) given_up: AtomicU64,
}

/// Begins to tell; ends when the service stops. `folder` holds the cursors.
pub fn start(
    app: &App,
    webhooks: Vec<Webhook>,
    folder: &std::path::Path,
    post: &Post,
    retries: Retries,
) {
    for webhook in webhooks {
        let teller = Teller {
            app: app.clone(),
            post: Arc::clone(post),
            retries,
            cursor: Cursor::new(folder.join(&webhook.name)),
            webhook,
        };
        tokio::spawn(teller.run());
    }
}

/// One webhook at work.
struct Teller {
    app: App,
    webhook: Webhook,
    post: Post,
    retries: Retries,
    cursor: Cursor,
}

/// Why a teller ends.
enum End {
    /// The service stops.
    Stopped,
    /// It can't go on; the reason was logged.
    Failed,
}

impl Teller {
    async fn run(self) {
        let name = self.webhook.name.clone();
        if let End::Failed = self.tell_all().await {
            tracing::error!(webhook = %name, "webhook {name} is not served until the service is restarted");
        }
    }

    async fn tell_all(self) -> End {
        let mut stop = self.app.stop.subscribe();
        let newest = self.app.engine.view(Caller::everyone()).offset();
        let mut done = match self.cursor.read(newest) {
            Ok(offset) => offset,
            Err(error) => {
                tracing::error!(%error, "{error}");
                return End::Failed;
            }
        };
        let teller = Arc::new(self);
        loop {
            if teller.keep(done).await.is_none() {
                return End::Failed;
            }
            tokio::select! {
                () = stopping(&mut stop) => return End::Stopped,
                () = teller.app.engine.visible(done + 1) => {}
            }
            let (found, upto) = match teller.changes_after(done).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::error!(%error, "changes can't be read: {error}");
                    return End::Failed;
                }
            };
            for delivery in found {
                tokio::select! {
                    () = stopping(&mut stop) => return End::Stopped,
                    () = teller.deliver(&delivery) => {}
                }
                if let Some(closes) = delivery.closes
                    && teller.keep(closes).await.is_none()
                {
                    return End::Failed;
                }
            }
            done = upto;
        }
    }

    /// Keeps the cursor; none if that fails.
    async fn keep(self: &Arc<Self>, offset: u64) -> Option<()> {
        let teller = Arc::clone(self);
        let kept = tokio::task::spawn_blocking(move || teller.cursor.write(offset)).await;
        match kept {
            Ok(Ok(())) => Some(()),
            Ok(Err(error)) => {
                tracing::error!(%error, "{error}");
                None
            }
            Err(_) => None,
        }
    }

    /// What is to be told after an offset, and up to where that is all.
    async fn changes_after(
        self: &Arc<Self>,
        after: u64,
    ) -> Result<(Vec<payload::Told>, u64), AskError> {
        let teller = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || {
            let view = teller.app.engine.view(Caller::everyone());
            let filter = teller.webhook.filter.as_ref();
            let page = view.changes_after(after, filter, OFFSETS_MAX)?;
            let mut offsets: Vec<OffsetChanges> = page.offsets;
            if let Some(of) = &teller.webhook.upstream_of {
                view.retain_upstream(&mut offsets, of);
            }
            let name = &teller.webhook.name;
            let told = offsets
                .iter()
                .map(|found| payload::told(&view, name, found, CHANGES_MAX))
                .collect::<Result<Vec<_>, _>>()?;
            Ok((told.into_iter().flatten().collect(), page.upto))
        });
        read.await
            .unwrap_or_else(|error| Err(AskError::Invalid(error.to_string())))
    }

    /// Posts until it is taken, or given up.
    async fn deliver(self: &Arc<Self>, told: &payload::Told) {
        let (name, counts) = (&self.webhook.name, &self.app.webhook_counts);
        for attempt in 1..=self.retries.attempts_max {
            let delivery = self.signed(told);
            let post = Arc::clone(&self.post);
            let posted = tokio::task::spawn_blocking(move || post(&delivery)).await;
            let refusal = match posted {
                Ok(Ok(status)) if (200..300).contains(&status) => {
                    counts.delivered.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Ok(Ok(status)) => format!("it answered {status}"),
                Ok(Err(error)) => error,
                Err(error) => error.to_string(),
            };
            counts.failed_attempts.fetch_add(1, Ordering::Relaxed);
            let pause = self.retries.pause_after(attempt);
            tracing::warn!(
                webhook = %name, delivery = %told.id, attempt,
                "webhook {name} did not take {}: {refusal}; again in {} ms", told.id, pause.as_millis()
            );
            if attempt < self.retries.attempts_max {
                tokio::time::sleep(pause).await;
            }
        }
        counts.given_up.fetch_add(1, Ordering::Relaxed);
        tracing::error!(webhook = %name, delivery = %told.id, "webhook {name} never took {}", told.id);
    }

    /// The request, signed now: a receiver may refuse old signatures.
    fn signed(&self, told: &payload::Told) -> Delivery {
        let seconds = (self.app.clock)().as_micros().div_euclid(1_000_000);
        Delivery {
            url: self.webhook.url.clone(),
            id: told.id.clone(),
            signature: signature(&self.webhook.secret, seconds, &told.body),
            body: told.body.clone(),
        }
    }
}

/// `t=<seconds>,v1=<hex>`: an HMAC-SHA256 of `<seconds>.<body>`.
fn signature(secret: &str, seconds: i64, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length will do");
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    let mut hex = String::new();
    for byte in mac.finalize().into_bytes() {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    format!("t={seconds},v1={hex}")
}

async fn stopping(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|is_stopping| *is_stopping).await;
}

/// Where the cursors of a data folder are.
pub fn folder(data: &std::path::Path) -> PathBuf {
    data.join("webhooks")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let retries = Retries::default();
        let seconds = |attempts| retries.pause_after(attempts).as_secs();
        let found = [1, 2, 3, 9, 10, 100].map(seconds);
        assert_eq!(found, [1, 2, 4, 256, 300, 300]);
    }

    #[test]
    fn a_signature_is_what_the_documentation_computes() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac secret
        let found = signature("secret", 1_700_000_000, b"{}");
        assert_eq!(
            found,
            "t=1700000000,v1=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
        );
    }
}
