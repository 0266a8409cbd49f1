//! The host's side of one call: what the guest reads, logs and emits.

use std::io;
use std::time::Duration;

use headwater_model::{Artifact, Content, Diagnostic, Digest, Severity};
use sha2::{Digest as _, Sha256};
use wasmtime::component::Resource;

use crate::HostConfig;
use crate::bindings::headwater::extractor::{host, types as wit};
use crate::bindings::{ArtifactHandle, SinkHandle};
use crate::collector::{Collector, severity};
use crate::limiter::{Limiter, bytes_text};
use crate::place::{Refusal, cut_to};

/// The most bytes that one `read` gives.
pub(crate) const READ_BYTES_MAX: u32 = 8 << 20;
/// Bytes that are digested between two looks at the clock.
const DIGEST_CHUNK_BYTES: usize = 1 << 20;
/// Lines that are kept to be shown with a failure.
const LAST_LINES_MAX: usize = 5;
/// Of each of them, as much.
const LAST_WORDS_BYTES_MAX: usize = 1024;
/// Lines that are kept as findings.
const FINDINGS_MAX: usize = 100;
/// The longest line; the rest is cut.
const LINE_BYTES_MAX: usize = 2048;

/// An artifact of the call.
#[derive(Debug)]
struct Opened {
    artifact: Artifact,
    digest: Option<String>,
}

/// What the guest logged: the last lines, and those that a person should see.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    extractor: String,
    count_left: usize,
    bytes_left: usize,
    dropped: usize,
    last: Vec<(Severity, String)>,
    findings: Vec<Diagnostic>,
}

impl Lines {
    fn new(extractor: &str, config: &HostConfig) -> Self {
        Self {
            extractor: extractor.to_owned(),
            count_left: config.log_lines_max,
            bytes_left: config.log_bytes_max,
            ..Self::default()
        }
    }

    fn push(&mut self, severity: Severity, message: &str) {
        let line = cut_to(message.trim_end(), LINE_BYTES_MAX);
        // The last words explain a failure: they are kept even after the quota.
        if self.last.len() == LAST_LINES_MAX {
            self.last.remove(0);
        }
        self.last.push((severity, line.to_owned()));
        if self.count_left == 0 || self.bytes_left < line.len() {
            self.dropped += 1;
            return;
        }
        self.count_left -= 1;
        self.bytes_left -= line.len();
        tracing::debug!(extractor = %self.extractor, ?severity, "{}: {line}", self.extractor);
        // An error in the log is not an error of the input: only findings decide what ends.
        if severity >= Severity::Warning && self.findings.len() < FINDINGS_MAX {
            let finding = Diagnostic::new(Severity::Warning, "host/log", line);
            self.findings.push(finding);
        }
    }

    /// Errors among the last lines, for a message, or else the last line; empty if nothing was said.
    pub(crate) fn last_words(&self) -> String {
        let errors: Vec<String> = (self.last.iter())
            .filter(|(severity, _)| *severity == Severity::Error)
            .map(|(_, line)| words(line))
            .collect();
        if !errors.is_empty() {
            return format!(": {}", errors.join("; "));
        }
        match self.last.last().map(|(_, line)| words(line)) {
            Some(line) if !line.is_empty() => format!(", after it logged: {line}"),
            _ => String::new(),
        }
    }

    fn into_findings(self) -> Vec<Diagnostic> {
        if self.dropped > 0 {
            tracing::debug!(extractor = %self.extractor, lines_count = self.dropped, "{}: {} more lines were dropped", self.extractor, self.dropped);
        }
        self.findings
    }
}

/// All that one call owns on the host's side; it lives and ends with the call's store.
#[derive(Debug)]
pub(crate) struct CallState {
    pub(crate) limiter: Limiter,
    pub(crate) collector: Collector,
    pub(crate) lines: Lines,
    /// What making the guest's instance took.
    pub(crate) instantiated_in: Duration,
    artifacts: Vec<Opened>,
    read_bytes: u64,
    read_bytes_max: u64,
}

impl CallState {
    pub(crate) fn new(
        extractor: &str,
        config: &HostConfig,
        limiter: Limiter,
        collector: Collector,
        read_bytes_max: u64,
        artifacts: &[Artifact],
    ) -> Self {
        Self {
            limiter,
            collector,
            lines: Lines::new(extractor, config),
            instantiated_in: Duration::ZERO,
            artifacts: (artifacts.iter().cloned())
                .map(|artifact| Opened {
                    artifact,
                    digest: None,
                })
                .collect(),
            read_bytes: 0,
            read_bytes_max,
        }
    }

    /// Bytes of artifacts that the guest read.
    pub(crate) fn read_bytes(&self) -> u64 {
        self.read_bytes
    }

    /// Reads for the guest; where that fails, the call does.
    fn read_content(
        &mut self,
        handle: &Resource<ArtifactHandle>,
        offset: u64,
        count: usize,
    ) -> Result<Vec<u8>, Refusal> {
        let artifact = &self.opened(handle).artifact;
        let bytes = artifact
            .content
            .read(offset, count)
            .map_err(|error| unreadable(&artifact.name, &error))?;
        self.read_bytes += bytes.len() as u64;
        if self.read_bytes > self.read_bytes_max {
            return Err(Refusal::Quota(format!(
                "it read {} of its artifacts; one call may read {}",
                bytes_text(self.read_bytes),
                bytes_text(self.read_bytes_max)
            )));
        }
        Ok(bytes)
    }

    pub(crate) fn into_parts(self) -> (Collector, Vec<Diagnostic>) {
        (self.collector, self.lines.into_findings())
    }

    // The engine checks every handle against those that this call gave out.
    fn opened(&self, handle: &Resource<ArtifactHandle>) -> &Opened {
        &self.artifacts[handle.rep() as usize]
    }
}

impl wit::Host for CallState {}

impl host::Host for CallState {
    fn log(&mut self, level: wit::Severity, message: String) {
        self.lines.push(severity(level), &message);
    }
}

impl host::HostArtifact for CallState {
    fn name(&mut self, handle: Resource<ArtifactHandle>) -> String {
        self.opened(&handle).artifact.name.to_string()
    }

    fn media_type(&mut self, handle: Resource<ArtifactHandle>) -> String {
        self.opened(&handle).artifact.media_type.to_string()
    }

    fn size(&mut self, handle: Resource<ArtifactHandle>) -> u64 {
        self.opened(&handle).artifact.content.len()
    }

    fn digest(&mut self, handle: Resource<ArtifactHandle>) -> String {
        let opened = &mut self.artifacts[handle.rep() as usize];
        if opened.digest.is_none() {
            let digested = digest_in_time(&opened.artifact.content, &mut self.collector);
            opened.digest = digested.unwrap_or_else(|error| {
                let refusal = unreadable(&opened.artifact.name, &error);
                self.collector.refuse(refusal);
                None
            });
        }
        // Without a digest the call has failed already.
        opened.digest.clone().unwrap_or_default()
    }

    fn read(&mut self, handle: Resource<ArtifactHandle>, offset: u64, len: u32) -> Vec<u8> {
        let count = len.min(READ_BYTES_MAX) as usize;
        self.read_content(&handle, offset, count)
            .unwrap_or_else(|refusal| {
                self.collector.refuse(refusal);
                Vec::new()
            })
    }

    fn drop(&mut self, _handle: Resource<ArtifactHandle>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl host::HostSink for CallState {
    fn emit(
        &mut self,
        _sink: Resource<SinkHandle>,
        facts: wit::Batch,
    ) -> Result<(), host::SinkError> {
        self.collector.emit(facts).map_err(sink_error)
    }

    fn diagnose(
        &mut self,
        _sink: Resource<SinkHandle>,
        found: Vec<wit::Diagnostic>,
    ) -> Result<(), host::SinkError> {
        self.collector.diagnose(found).map_err(sink_error)
    }

    fn drop(&mut self, _sink: Resource<SinkHandle>) -> wasmtime::Result<()> {
        Ok(())
    }
}

/// The digest of `content`; none if the call's time is over before it is there.
fn digest_in_time(content: &Content, collector: &mut Collector) -> io::Result<Option<String>> {
    let (mut hasher, mut offset) = (Sha256::new(), 0);
    while !collector.is_late() {
        let chunk = content.read(offset, DIGEST_CHUNK_BYTES)?;
        if chunk.is_empty() {
            let digest = Digest::from_bytes(hasher.finalize().into());
            return Ok(Some(digest.to_string()));
        }
        hasher.update(&chunk);
        offset += chunk.len() as u64;
    }
    Ok(None)
}

fn sink_error(refusal: Refusal) -> host::SinkError {
    match refusal {
        Refusal::Invalid(message) => host::SinkError::Invalid(message),
        Refusal::Quota(message) => host::SinkError::Quota(message),
        Refusal::Late(_) => host::SinkError::Cancelled,
    }
}

/// A line as a message may hold it: cut, and without what moves a cursor.
fn words(line: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let line: String = line.chars().map(plain).collect();
    cut_to(line.trim(), LAST_WORDS_BYTES_MAX).to_owned()
}

fn unreadable(name: &str, error: &io::Error) -> Refusal {
    Refusal::Invalid(format!("artifact {name} can't be read any more: {error}"))
}
