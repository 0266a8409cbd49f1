//! What another version of an extractor would change in the graph, without changing it.

use std::time::{Duration, Instant};

use headwater_engine::{Caller, DryRun};
use headwater_model::SourceKey;
use headwater_record::DiagnosticRecord;

use crate::error::ExtractionError;
use crate::record::{VersionRecord, found as found_record};
use crate::run::snapshot;
use crate::service::Extractions;

/// How long sources are tried; the rest is named and not tried.
const TIME_MAX: Duration = Duration::from_secs(20);
/// Of what was found, as much is shown of each source.
const DIAGNOSTICS_MAX: usize = 20;

/// What activating a version would change.
#[derive(Debug)]
pub struct ActivationPlan {
    /// The version.
    pub version: VersionRecord,
    /// Sources that would use it, by domain and name.
    pub sources: Vec<SourcePlan>,
    /// Sources that were not tried: there was no time.
    pub untried: Vec<SourceKey>,
}

/// What it would change of one source.
#[derive(Debug)]
pub struct SourcePlan {
    /// The source.
    pub source: SourceKey,
    /// What would come, go and stay; or why nothing would come of it.
    pub change: Result<DryRun, String>,
    /// What would be found.
    pub diagnostics: Vec<DiagnosticRecord>,
}

impl Extractions {
    /// Lets a version of an extractor, installed or only sent, read what the sources that would use it have read last,
    /// and compares what it says with the graph. Keeps nothing.
    ///
    /// # Errors
    /// If there is no such version.
    pub fn plan(&self, name: &str, version: &str) -> Result<ActivationPlan, ExtractionError> {
        let (version, sources) = {
            let state = self.ready();
            let staged = state
                .staged
                .iter()
                .find(|(of, staged)| of == name && staged.digest == *version);
            let version = if let Some((_, staged)) = staged {
                staged.clone()
            } else {
                let digest = state.digest_of(name, version)?;
                let found = state.extractors[name].version(&digest);
                found.cloned().expect("its digest was just found")
            };
            let sources: Vec<_> = state
                .sources
                .iter()
                .filter(|(_, source)| {
                    source.extractor == *name
                        && source.pin.is_none()
                        && !source.artifacts.is_empty()
                })
                .map(|(key, source)| (key.clone(), source.clone()))
                .collect();
            (version, sources)
        };
        let until = Instant::now() + TIME_MAX;
        let mut plan = ActivationPlan {
            version,
            sources: Vec::new(),
            untried: Vec::new(),
        };
        for (key, source) in sources {
            if Instant::now() > until {
                plan.untried.push(key);
                continue;
            }
            let mut diagnostics = Vec::new();
            let extracted = self.shared.extract(&key, &source, &plan.version);
            let change = extracted.and_then(|extracted| {
                let found = extracted.extraction.diagnostics.iter();
                diagnostics = found.take(DIAGNOSTICS_MAX).map(found_record).collect();
                snapshot(name, &plan.version, &extracted.extraction)
            });
            let change = change.map_err(|failure| failure.message().to_owned());
            let change = change.and_then(|snapshot| {
                let engine = self.shared.engine.upgrade().ok_or("the service stops")?;
                let view = engine.view(Caller::everyone());
                view.dry_run(&key, &snapshot, (self.shared.calendar)())
                    .map_err(|error| error.to_string())
            });
            plan.sources.push(SourcePlan {
                source: key,
                change,
                diagnostics,
            });
        }
        Ok(plan)
    }
}
