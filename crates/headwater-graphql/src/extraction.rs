//! Sources that the service extracts, and their extractions.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject, Value};
use headwater_extraction::{ArtifactRecord, ExtractionRecord, SourceRecord, UsageRecord};
use headwater_model::{DomainName, SourceKey, SourceName, Timestamp};

use crate::cursor;
use crate::error::{internal, invalid};
use crate::page::{self, Connection, Edge, Total, cost};
use crate::plugin::Plugin;
use crate::quick::not_quick;
use crate::scalars::{DateTime, Json, Offset, int};
use crate::scope::scope;
use crate::source::{Diagnostic, Source};

/// A source that the service extracts: the extractor that it is bound to, and how it stands.
pub(crate) struct SourceBinding(pub(crate) SourceRecord);

/// An extraction of a source's artifacts, from when it was asked for.
pub(crate) struct Extraction {
    source: String,
    record: ExtractionRecord,
}

/// A file that the extractor reads.
#[derive(SimpleObject)]
pub(crate) struct Artifact {
    /// Its path, as evidence shows it.
    name: String,
    /// SHA-256, lowercase hex.
    digest: String,
    bytes: i32,
}

/// Where artifacts are fetched.
#[derive(SimpleObject)]
struct Fetch {
    urls: Vec<String>,
    every_seconds: i32,
    /// When it was last begun.
    last_at: Option<DateTime>,
}

/// Why an extraction was begun.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
enum ExtractionTrigger {
    /// Artifacts were sent.
    Upload,
    /// It was time to fetch.
    Schedule,
    /// Somebody asked for it.
    Request,
    /// Another version of the extractor, or another configuration.
    Change,
}

/// How an extraction stands.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
enum ExtractionState {
    /// It waits for a worker.
    Queued,
    /// Its artifacts are being fetched.
    Fetching,
    /// The extractor is running.
    Extracting,
    /// Its facts are being submitted.
    Submitting,
    /// Its facts are accepted.
    Succeeded,
    /// Artifacts, configuration and extractor are those of the last one: nothing was done.
    Unchanged,
    /// Nothing came of it; what the source said before stays, and it is stale.
    Failed,
    /// A later one took its place before it began.
    Superseded,
}

/// What an extraction used of what is allowed.
#[derive(SimpleObject)]
struct ExtractionUsage {
    memory_mebibytes: f64,
    memory_mebibytes_max: f64,
    time_ms: f64,
    time_ms_max: f64,
    facts: i32,
    facts_max: i32,
    read_mebibytes: f64,
    read_mebibytes_max: f64,
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

impl From<UsageRecord> for ExtractionUsage {
    fn from(of: UsageRecord) -> Self {
        Self {
            memory_mebibytes: mebibytes(of.memory_bytes),
            memory_mebibytes_max: mebibytes(of.memory_bytes_max),
            time_ms: of.time_us as f64 / 1000.0,
            time_ms_max: of.time_us_max as f64 / 1000.0,
            facts: int(of.facts),
            facts_max: int(of.facts_max),
            read_mebibytes: mebibytes(of.read_bytes),
            read_mebibytes_max: mebibytes(of.read_bytes_max),
        }
    }
}

fn instant(micros: i64) -> DateTime {
    DateTime(Timestamp::from_micros(micros))
}

/// The source of that name.
///
/// # Errors
/// `INVALID_INPUT` if one of them is no name.
pub(crate) fn key(domain: &str, name: &str) -> Result<SourceKey> {
    let domain = DomainName::parse(domain).map_err(|error| invalid(format!("domain {error}")))?;
    let name = SourceName::parse(name).map_err(|error| invalid(format!("name {error}")))?;
    Ok(SourceKey::new(domain, name))
}

/// A source that the service extracts: the extractor that it is bound to, and how it stands.
#[Object]
impl SourceBinding {
    async fn domain(&self) -> &str {
        &self.0.domain
    }

    async fn name(&self) -> &str {
        &self.0.source
    }

    /// Null until something was submitted.
    async fn source(&self, ctx: &Context<'_>) -> Result<Option<Source>> {
        let key = key(&self.0.domain, &self.0.source)?;
        Ok(scope(ctx).view.source(&key).map(Source::from))
    }

    /// The extractor's name.
    async fn plugin_name(&self) -> &str {
        &self.0.extractor
    }

    /// The version that its next extraction uses; null if it is gone.
    async fn plugin(&self, ctx: &Context<'_>) -> Option<Plugin> {
        Plugin::of_source(scope(ctx), &self.0)
    }

    /// Digest of the version that it uses whatever is active.
    async fn pinned_digest(&self) -> Option<&str> {
        self.0.pin.as_deref()
    }

    /// The extractor's configuration, without secrets.
    async fn config(&self) -> Result<Json> {
        let config = serde_json::to_value(&self.0.config).map_err(|error| internal(&error))?;
        Value::from_json(config)
            .map(Json)
            .map_err(|error| internal(&error))
    }

    /// Where its artifacts are fetched; null if they are sent.
    async fn fetch(&self) -> Option<Fetch> {
        self.0.fetch.as_ref().map(|fetch| Fetch {
            urls: fetch.urls.clone(),
            every_seconds: int(fetch.every_seconds),
            last_at: fetch.last_at.map(instant),
        })
    }

    async fn is_paused(&self) -> bool {
        self.0.paused.is_some()
    }

    /// Why it is paused.
    async fn pause_reason(&self) -> Option<&str> {
        self.0.paused.as_deref()
    }

    /// Failures since it last succeeded.
    async fn failures_in_row(&self) -> i32 {
        int(self.0.failures_in_row)
    }

    /// What there is to read, by name.
    #[graphql(complexity = "cost(first, 50, child_complexity)")]
    async fn artifacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(50)")] first: Option<i32>,
        after: Option<String>,
    ) -> Result<Connection<Artifact>> {
        let count = page::count(first, 50, scope(ctx).limits.page_max)?;
        let after: Option<(String,)> = after
            .map(|after| cursor::read("artifacts", &after))
            .transpose()?;
        let all = &self.0.artifacts;
        let start = after.map_or(0, |(after,)| {
            all.partition_point(|found| found.name <= after)
        });
        let end = (start + count).min(all.len());
        let edges = all[start..end].iter().map(|found| Edge {
            cursor: cursor::of("artifacts", &(&found.name,)),
            node: Artifact::from(found),
        });
        Ok(Connection {
            edges: edges.collect(),
            has_next: end < all.len(),
            has_previous: start > 0,
            total: Total::Count(all.len()),
        })
    }

    /// Its extractions, newest first; the newest 50 are remembered, unless it is configured otherwise.
    #[graphql(complexity = "cost(first, 20, child_complexity)")]
    async fn extractions(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(20)")] first: Option<i32>,
    ) -> Result<Vec<Extraction>> {
        let count = page::count(first, 20, scope(ctx).limits.page_max)?;
        let newest_first = self.0.extractions.iter().rev().take(count);
        Ok(newest_first
            .map(|record| Extraction::new(&self.0, record.clone()))
            .collect())
    }

    /// One of its extractions; null if it is not remembered.
    async fn extraction(&self, number: i32) -> Option<Extraction> {
        let mut all = self.0.extractions.iter();
        let found = all.find(|record| u64::try_from(number) == Ok(record.number));
        found.map(|record| Extraction::new(&self.0, record.clone()))
    }
}

impl From<&ArtifactRecord> for Artifact {
    fn from(record: &ArtifactRecord) -> Self {
        Self {
            name: record.name.clone(),
            digest: record.digest.clone(),
            bytes: int(record.bytes),
        }
    }
}

impl Extraction {
    pub(crate) fn new(source: &SourceRecord, record: ExtractionRecord) -> Self {
        Self {
            source: format!("{}/{}", source.domain, source.source),
            record,
        }
    }
}

/// An extraction of a source's artifacts, from when it was asked for.
#[Object]
impl Extraction {
    async fn id(&self) -> ID {
        ID(format!("ext_{}/{}", self.source, self.record.number))
    }

    /// Which of its source it is; the first is 1.
    async fn number(&self) -> i32 {
        int(self.record.number)
    }

    async fn trigger(&self) -> ExtractionTrigger {
        use headwater_extraction::Trigger;
        match self.record.trigger {
            Trigger::Upload => ExtractionTrigger::Upload,
            Trigger::Schedule => ExtractionTrigger::Schedule,
            Trigger::Request => ExtractionTrigger::Request,
            Trigger::Change => ExtractionTrigger::Change,
        }
    }

    async fn state(&self) -> ExtractionState {
        use headwater_extraction::ExtractionState as State;
        match self.record.state {
            State::Queued => ExtractionState::Queued,
            State::Fetching => ExtractionState::Fetching,
            State::Extracting => ExtractionState::Extracting,
            State::Submitting => ExtractionState::Submitting,
            State::Succeeded => ExtractionState::Succeeded,
            State::Unchanged => ExtractionState::Unchanged,
            State::Failed => ExtractionState::Failed,
            State::Superseded => ExtractionState::Superseded,
        }
    }

    /// How often it was begun: more than once if the service ended on the way.
    async fn attempts(&self) -> i32 {
        int(self.record.attempts)
    }

    async fn queued_at(&self) -> DateTime {
        instant(self.record.queued_at)
    }

    async fn started_at(&self) -> Option<DateTime> {
        self.record.started_at.map(instant)
    }

    async fn ended_at(&self) -> Option<DateTime> {
        self.record.ended_at.map(instant)
    }

    /// Digest of the extractor.
    async fn plugin_digest(&self) -> Option<&str> {
        self.record.extractor.as_deref()
    }

    async fn plugin_version(&self) -> Option<&str> {
        self.record.extractor_version.as_deref()
    }

    async fn artifacts_count(&self) -> i32 {
        int(self.record.artifacts_count)
    }

    /// Bytes of the artifacts.
    async fn artifacts_bytes(&self) -> i32 {
        int(self.record.artifacts_bytes)
    }

    async fn usage(&self) -> Option<ExtractionUsage> {
        self.record.usage.map(Into::into)
    }

    /// Where what it said is in the log; of one that failed, where that is said.
    async fn offset(&self) -> Option<Offset> {
        self.record.offset.map(Offset)
    }

    /// What it changed in the graph.
    async fn added_count(&self) -> Option<i32> {
        self.record.counts.map(|(added, _, _)| int(added))
    }

    async fn removed_count(&self) -> Option<i32> {
        self.record.counts.map(|(_, removed, _)| int(removed))
    }

    async fn unchanged_count(&self) -> Option<i32> {
        self.record.counts.map(|(_, _, unchanged)| int(unchanged))
    }

    /// Why nothing came of it.
    async fn error(&self) -> Option<&str> {
        self.record.error.as_deref()
    }

    async fn diagnostics_count(&self) -> i32 {
        int(self.record.diagnostics_count)
    }

    /// The first of what was found; all of it is with the submission.
    async fn diagnostics(&self) -> Vec<Diagnostic> {
        let found = self.record.diagnostics.iter();
        found.map(|found| Diagnostic(found.clone())).collect()
    }
}

not_quick!(Artifact, SourceBinding, Extraction);
