//! Sources that the service extracts: to which extractor each is bound, and how it stands.

use headwater_model::{ExtractorConfig, SourceKey};
use headwater_record::redact_json;

use crate::error::ExtractionError;
use crate::fetch;
use crate::record::{ExtractionRecord, FetchRecord, SourceRecord, Trigger, VERSION};
use crate::service::{Extractions, State, unbound};
use crate::upload::Upload;

/// Bytes of a source's configuration.
const CONFIG_BYTES_MAX: usize = 1 << 20;
/// Addresses that one source is fetched from.
const URLS_MAX: usize = 100;
/// The shortest time between two fetches of a source, in seconds.
const EVERY_SECONDS_MIN: u64 = 10;

/// What a source is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// The extractor's name.
    pub extractor: String,
    /// Digest of the version that it uses whatever is active.
    pub pin: Option<String>,
    /// The extractor's configuration.
    pub config: ExtractorConfig,
    /// Where its artifacts are fetched, and how many seconds lie between two fetches; none if they are sent.
    pub fetch: Option<(Vec<String>, u64)>,
}

type Result<T> = std::result::Result<T, ExtractionError>;

impl Extractions {
    /// All sources, by domain and name; secrets in their configuration are not shown.
    pub fn sources(&self) -> Vec<SourceRecord> {
        let state = self.shared.state.lock();
        state.sources.values().map(shown).collect()
    }

    /// One source.
    pub fn source(&self, key: &SourceKey) -> Option<SourceRecord> {
        self.shared.state.lock().sources.get(key).map(shown)
    }

    /// Binds a source to an extractor, or binds it anew. With artifacts it is extracted.
    ///
    /// # Errors
    /// If there is no such extractor or version, or if its configuration or an address breaks a rule.
    pub fn bind(&self, key: &SourceKey, binding: Binding) -> Result<SourceRecord> {
        let digest = {
            let state = self.ready();
            check(&state, &binding)?
        };
        let fetch = binding.fetch.map(|(urls, every_seconds)| {
            self.check_fetch(&urls, every_seconds)?;
            Ok(FetchRecord {
                urls,
                every_seconds,
                last_at: None,
                seen: std::collections::BTreeMap::new(),
            })
        });
        let fetch = fetch.transpose()?;
        let bytes = binding
            .config
            .iter()
            .map(|(key, value)| key.len() + value.len());
        if bytes.sum::<usize>() > CONFIG_BYTES_MAX {
            let message = format!("the configuration has more than {CONFIG_BYTES_MAX} bytes");
            return Err(ExtractionError::TooLarge(message));
        }
        let extractor = self
            .shared
            .load(&digest)
            .map_err(ExtractionError::Invalid)?;
        extractor
            .check_config(&binding.config)
            .map_err(|rule| ExtractionError::Invalid(format!("configuration: {rule}")))?;
        let mut state = self.shared.state.lock();
        let known = state.sources.get(key);
        if known.is_none() && state.sources.len() >= self.shared.options.sources_max {
            let message = format!("{} sources are bound already", state.sources.len());
            return Err(ExtractionError::TooLarge(message));
        }
        let mut record = known.cloned().unwrap_or_else(|| empty(key));
        record.extractor = binding.extractor;
        record.pin = binding.pin;
        record.config = binding.config;
        record.fetch = fetch;
        let has_artifacts = !record.artifacts.is_empty();
        self.shared.folder.write_source(key, &record)?;
        state.sources.insert(key.clone(), record);
        if has_artifacts {
            self.shared
                .enqueue(&mut state, key, Trigger::Change, |_, _| Ok(()))?;
        }
        self.shared.wake.notify_all();
        Ok(shown(state.source(key)?))
    }

    fn check_fetch(&self, urls: &[String], every_seconds: u64) -> Result<()> {
        if urls.is_empty() || urls.len() > URLS_MAX {
            let message = format!(
                "{} addresses are given; there must be 1 to {URLS_MAX}",
                urls.len()
            );
            return Err(ExtractionError::Invalid(message));
        }
        if every_seconds < EVERY_SECONDS_MIN {
            return Err(ExtractionError::Invalid(format!(
                "{every_seconds} s lie between two fetches; there must be at least {EVERY_SECONDS_MIN}"
            )));
        }
        let rules = &self.shared.options.fetch;
        urls.iter().try_for_each(|url| {
            fetch::rule_of(rules, url)
                .map(|_| ())
                .map_err(|failure| ExtractionError::Invalid(failure.to_string()))
        })
    }

    /// Forgets a source and its artifacts. What it submitted stays until something else of its name is submitted.
    ///
    /// # Errors
    /// If it is not bound, or the disk fails.
    pub fn unbind(&self, key: &SourceKey) -> Result<()> {
        let mut state = self.shared.state.lock();
        state.source(key)?;
        self.shared.folder.remove_source(key)?;
        state.sources.remove(key);
        state.queue.retain(|waiting| waiting != key);
        Ok(())
    }

    /// Binds a source to one version of its extractor whatever is active, or to the active one again.
    ///
    /// # Errors
    /// If there is no such source or version.
    pub fn pin(&self, key: &SourceKey, digest: Option<&str>) -> Result<SourceRecord> {
        let mut state = self.ready();
        let record = state.source(key)?;
        let digest = match digest {
            Some(wanted) => Some(state.digest_of(&record.extractor, wanted)?),
            None => None,
        };
        let has_artifacts = !record.artifacts.is_empty();
        self.shared.change(&mut state, key, |record| {
            record.pin = digest;
            Ok(())
        })?;
        if has_artifacts {
            self.shared
                .enqueue(&mut state, key, Trigger::Change, |_, _| Ok(()))?;
        }
        Ok(shown(state.source(key)?))
    }

    /// Lets nothing of a source be extracted until it is resumed.
    ///
    /// # Errors
    /// If it is not bound, or the disk fails.
    pub fn pause(&self, key: &SourceKey, reason: &str) -> Result<SourceRecord> {
        let mut state = self.shared.state.lock();
        self.shared.change(&mut state, key, |record| {
            record.paused = Some(reason.to_owned());
            Ok(())
        })?;
        Ok(shown(state.source(key)?))
    }

    /// Lets a source be extracted again.
    ///
    /// # Errors
    /// If it is not bound, or the disk fails.
    pub fn resume(&self, key: &SourceKey) -> Result<SourceRecord> {
        let mut state = self.shared.state.lock();
        self.shared.change(&mut state, key, |record| {
            record.paused = None;
            record.failures_in_row = 0;
            Ok(())
        })?;
        self.shared.wake.notify_all();
        Ok(shown(state.source(key)?))
    }

    /// Extracts a source from its artifacts, which are fetched if it fetches; though nothing changed, if `is_forced`.
    ///
    /// # Errors
    /// If it is not bound, has nothing to read, or too much waits already.
    pub fn request(&self, key: &SourceKey, is_forced: bool) -> Result<ExtractionRecord> {
        let mut state = self.shared.state.lock();
        let record = state.source(key)?;
        if record.fetch.is_none() && record.artifacts.is_empty() {
            let message = format!("source {key} has no artifacts: send some first");
            return Err(ExtractionError::Invalid(message));
        }
        self.shared
            .enqueue(&mut state, key, Trigger::Request, |_, extraction| {
                extraction.is_forced = is_forced;
                Ok(())
            })
    }

    /// Begins to receive artifacts of a source. One that is bound to no extractor will be bound to `extractor`,
    /// unconfigured, once they are accepted.
    ///
    /// # Errors
    /// If it is bound to no extractor and none is given, or to another one, or if there is none of that name.
    pub fn receive(&self, key: &SourceKey, extractor: Option<&str>) -> Result<Upload> {
        let bound = self.source(key).map(|record| record.extractor);
        let unbound_to = match (bound, extractor) {
            (Some(bound), Some(wanted)) if bound != *wanted => {
                let message = format!("source {key} is bound to extractor {bound}, not {wanted}");
                return Err(ExtractionError::Invalid(message));
            }
            (Some(_), _) => None,
            (None, Some(wanted)) => {
                check(&self.ready(), &to_extractor(wanted))?;
                Some(wanted.to_owned())
            }
            (None, None) => return Err(unbound(key)),
        };
        let options = &self.shared.options;
        let folder = std::sync::Arc::clone(&self.shared.folder);
        Ok(
            Upload::new(folder, options.upload_bytes_max, options.artifacts_max)
                .bound_to(unbound_to),
        )
    }

    /// Takes what was received for a source's artifacts and queues their extraction: once this returns, both are
    /// durable. With `is_partial` artifacts that were not received stay.
    ///
    /// # Errors
    /// If nothing was received, there is no room, too much waits already, or the disk fails. Nothing is kept then.
    pub fn accept(
        &self,
        key: &SourceKey,
        mut upload: Upload,
        is_partial: bool,
    ) -> Result<ExtractionRecord> {
        if upload.files_count() == 0 {
            let message = "no artifacts were received".to_owned();
            return Err(ExtractionError::Invalid(message));
        }
        if let Some(extractor) = upload.unbound_to()
            && self.source(key).is_none()
        {
            self.bind(key, to_extractor(extractor))?;
        }
        let mut state = self.shared.state.lock();
        if is_partial {
            let known = state.source(key)?.artifacts.clone();
            known
                .iter()
                .try_for_each(|artifact| upload.keep(artifact))?;
        }
        self.shared.adopt(&mut state, key, &upload, |state| {
            let artifacts = upload.records().cloned().collect();
            self.shared
                .enqueue(state, key, Trigger::Upload, |record, _| {
                    record.artifacts = artifacts;
                    Ok(())
                })
        })
    }
}

impl crate::service::Shared {
    /// Takes over the content of what was received, and then lets `record` say so.
    pub(crate) fn adopt<T>(
        &self,
        state: &mut State,
        key: &SourceKey,
        upload: &Upload,
        record: impl FnOnce(&mut State) -> Result<T>,
    ) -> Result<T> {
        let of_others = state
            .sources
            .iter()
            .filter(|(other, _)| *other != key)
            .flat_map(|(_, source)| &source.artifacts)
            .map(|artifact| artifact.bytes);
        let own = upload.records().map(|artifact| artifact.bytes);
        let bytes = of_others.chain(own).sum::<u64>();
        if bytes > self.options.store_bytes_max {
            return Err(ExtractionError::TooLarge(format!(
                "all artifacts would have {bytes} bytes, more than {}",
                self.options.store_bytes_max
            )));
        }
        self.folder.take_artifacts(key, upload.contents())?;
        let value = record(state);
        // An extraction that runs may still read what was there before; it cleans up when it ends.
        if !state.running.contains(key) {
            let kept = state.source(key)?.artifacts.clone();
            self.folder.keep_artifacts(key, &kept);
        }
        value
    }
}

/// A binding without configuration.
fn to_extractor(name: &str) -> Binding {
    Binding {
        extractor: name.to_owned(),
        ..Binding::default()
    }
}

/// The digest of the version that the binding uses.
fn check(state: &State, binding: &Binding) -> Result<String> {
    let name = &binding.extractor;
    let Some(extractor) = state.extractors.get(name) else {
        let known: Vec<&str> = state.extractors.keys().map(String::as_str).collect();
        return Err(ExtractionError::NotFound(format!(
            "there is no extractor {name}; there are: {}",
            known.join(", ")
        )));
    };
    match &binding.pin {
        Some(digest) => state.digest_of(name, digest),
        None => Ok(extractor.active.clone()),
    }
}

fn empty(key: &SourceKey) -> SourceRecord {
    SourceRecord {
        version: VERSION,
        domain: key.domain.to_string(),
        source: key.name.to_string(),
        extractor: String::new(),
        pin: None,
        config: ExtractorConfig::new(),
        fetch: None,
        paused: None,
        failures_in_row: 0,
        artifacts: Vec::new(),
        done: None,
        next_number: 1,
        extractions: Vec::new(),
    }
}

/// The record without secrets.
fn shown(record: &SourceRecord) -> SourceRecord {
    let mut shown = record.clone();
    let json = serde_json::to_string(&shown.config).expect("a map of strings is JSON");
    if let Some(clean) = redact_json(&json) {
        shown.config = serde_json::from_str(&clean).unwrap_or_default();
    }
    shown
}
