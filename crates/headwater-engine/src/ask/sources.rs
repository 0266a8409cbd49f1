//! Sources, what they submitted, and what was found in it.

use headwater_model::SourceKey;
use headwater_record::{DiagnosticRecord, SubmissionRecord, decode_value};
use headwater_store::{Offset, ScanStep};

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

/// A page of a source's submissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubmissionsQuestion {
    /// The source, by number.
    pub source: u32,
    /// The submission after which the page begins, by its offset.
    pub after: Option<u64>,
    /// The most submissions.
    pub count: usize,
}

/// A page of what was found in a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DiagnosticsQuestion {
    /// The submission's offset.
    pub offset: u64,
    /// How many findings come before the page.
    pub skip: usize,
    /// The most findings.
    pub count: usize,
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

    /// The submissions that each of `questions` asks for, newest first. How often the state is called does not depend
    /// on how many there are.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn submissions(
        &self,
        questions: &[SubmissionsQuestion],
    ) -> Result<Vec<Vec<SubmissionView>>, AskError> {
        let first = |question: &SubmissionsQuestion| {
            let after = question.after.map(|after| after.saturating_sub(1));
            let newest = after.map_or(self.offset(), |after| after.min(self.offset()));
            keys::submission(question.source, Offset::new(newest).unwrap_or(Offset::ZERO))
        };
        let firsts: Vec<Vec<u8>> = questions.iter().map(first).collect();
        let prefixes = questions.iter().map(|q| keys::submissions_of(q.source));
        let mut read: Vec<Vec<(u64, Vec<u8>)>> = vec![Vec::new(); questions.len()];
        self.scan_many(&prefixes.collect::<Vec<_>>(), &mut |at, key, value| {
            if key < firsts[at].as_slice() {
                return ScanStep::Seek(firsts[at].clone());
            }
            if read[at].len() < questions[at].count
                && let Some(offset) = keys::parse_submission(key)
            {
                read[at].push((offset, value.to_vec()));
            }
            if read[at].len() < questions[at].count {
                ScanStep::Next
            } else {
                ScanStep::Stop
            }
        })?;
        let mut found = Vec::with_capacity(questions.len());
        for (question, read) in questions.iter().zip(read) {
            let decoded = read.into_iter().map(|(offset, value)| {
                let record = decode_value("a submission", &value)?;
                Ok(SubmissionView {
                    source: question.source,
                    offset,
                    record,
                })
            });
            found.push(decoded.collect::<Result<_, AskError>>()?);
        }
        Ok(found)
    }

    /// How many submissions of each of `sources` were accepted. How often the state is called does not depend on how
    /// many there are.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn submissions_counts(&self, sources: &[u32]) -> Result<Vec<usize>, AskError> {
        let prefixes: Vec<Vec<u8>> = sources.iter().map(|s| keys::submissions_of(*s)).collect();
        let mut counts = vec![0; sources.len()];
        self.scan_many(&prefixes, &mut |at, key, _| {
            let known = keys::parse_submission(key);
            counts[at] += usize::from(known.is_some_and(|offset| offset <= self.offset()));
            ScanStep::Next
        })?;
        Ok(counts)
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

    /// What was found in each of some submissions. How often the state is called does not depend on how many there
    /// are.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn diagnostics(
        &self,
        questions: &[DiagnosticsQuestion],
    ) -> Result<Vec<Vec<DiagnosticView>>, AskError> {
        let offset = |question: &DiagnosticsQuestion| {
            // No submission has an offset that is none.
            Offset::new(question.offset).unwrap_or(Offset::ZERO)
        };
        let first = |question: &DiagnosticsQuestion| {
            let skip = u32::try_from(question.skip).unwrap_or(u32::MAX);
            keys::diagnostic(offset(question), skip)
        };
        let firsts: Vec<Vec<u8>> = questions.iter().map(first).collect();
        let prefixes = questions.iter().map(|q| keys::diagnostics_of(offset(q)));
        let mut read: Vec<Vec<Vec<u8>>> = vec![Vec::new(); questions.len()];
        self.scan_many(&prefixes.collect::<Vec<_>>(), &mut |at, key, value| {
            if key < firsts[at].as_slice() {
                return ScanStep::Seek(firsts[at].clone());
            }
            if read[at].len() < questions[at].count {
                read[at].push(value.to_vec());
            }
            if read[at].len() < questions[at].count {
                ScanStep::Next
            } else {
                ScanStep::Stop
            }
        })?;
        let mut found = Vec::with_capacity(questions.len());
        for read in read {
            let decoded = read
                .into_iter()
                .map(|value| Ok(decode_value("a finding", &value)?));
            found.push(decoded.collect::<Result<_, AskError>>()?);
        }
        Ok(found)
    }
}
