//! Sources, what they submitted, and what was found in it.

use std::collections::BTreeSet;

use headwater_model::SourceKey;
use headwater_record::{DiagnosticRecord, SubmissionRecord, decode_value};
use headwater_store::Offset;

use crate::AskError;
use crate::ask::view::View;
use crate::keys;
use crate::sources::SourceState;

/// One accepted submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmissionView {
    /// Its source, by number.
    pub source: u32,
    /// Its offset.
    pub offset: u64,
    /// What it did.
    pub record: SubmissionRecord,
}

/// One finding of a submission.
pub type DiagnosticView = DiagnosticRecord;

impl View {
    /// The source with that key.
    pub fn source(&self, key: &SourceKey) -> Option<SourceState> {
        self.shared
            .sources
            .number(key)
            .and_then(|number| self.shared.sources.get(number))
    }

    /// The source with that number.
    pub fn source_by_number(&self, number: u32) -> Option<SourceState> {
        self.shared.sources.get(number)
    }

    /// The public id of a source.
    pub fn source_id(&self, source: &SourceState) -> String {
        format!("src_{}~{}", source.key.domain, source.key.name)
    }

    pub(crate) fn stale_sources(&self) -> BTreeSet<u32> {
        let all = self.shared.sources.all();
        all.into_iter()
            .filter(|source| source.is_stale)
            .map(|source| source.number)
            .collect()
    }

    /// Submissions of a source, newest first: at most `count` after the one at `after`.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn submissions(
        &self,
        source: u32,
        after: Option<u64>,
        count: usize,
    ) -> Result<Vec<SubmissionView>, AskError> {
        let prefix = keys::submissions_of(source);
        let newest = after.map_or(self.offset(), |after| {
            after.saturating_sub(1).min(self.offset())
        });
        let from = keys::submission(source, Offset::new(newest).unwrap_or(Offset::ZERO));
        let mut found = Vec::new();
        for item in self.reader().scan_from(&prefix, &from).take(count) {
            let (key, value) = item?;
            if let Some(offset) = keys::parse_submission(&key) {
                let record = decode_value("a submission", &value)?;
                found.push(SubmissionView {
                    source,
                    offset,
                    record,
                });
            }
        }
        Ok(found)
    }

    /// How many submissions of a source were accepted.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn submissions_count(&self, source: u32) -> Result<usize, AskError> {
        let prefix = keys::submissions_of(source);
        let from = keys::submission(source, self.published.offset);
        let mut count = 0;
        for item in self.reader().scan_from(&prefix, &from) {
            item?;
            count += 1;
        }
        Ok(count)
    }

    /// One submission of a source.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn submission(&self, source: u32, offset: u64) -> Result<Option<SubmissionView>, AskError> {
        let Some(at) = Offset::new(offset)
            .ok()
            .filter(|at| *at <= self.published.offset)
        else {
            return Ok(None);
        };
        let value = self.reader().get(&keys::submission(source, at))?;
        Ok(match value {
            Some(bytes) => Some(SubmissionView {
                source,
                offset,
                record: decode_value("a submission", &bytes)?,
            }),
            None => None,
        })
    }

    /// What was found in a submission: at most `count` from position `skip` on.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn diagnostics(
        &self,
        offset: u64,
        skip: usize,
        count: usize,
    ) -> Result<Vec<DiagnosticView>, AskError> {
        let Ok(offset) = Offset::new(offset) else {
            return Ok(Vec::new());
        };
        let prefix = keys::diagnostics_of(offset);
        let from = keys::diagnostic(offset, u32::try_from(skip).unwrap_or(u32::MAX));
        let mut found = Vec::new();
        for item in self.reader().scan_from(&prefix, &from).take(count) {
            found.push(decode_value("a finding", &item?.1)?);
        }
        Ok(found)
    }
}
