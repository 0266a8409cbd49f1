//! Sources that failed, or that did not keep their promise.

use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_model::{SourceKey, Timestamp};
use headwater_record::{SubmissionRecord, decode_value};
use headwater_store::{Offset, ScanStep};

use crate::ask::view::View;
use crate::sources::{SourceState, Standing};
use crate::{AskError, EngineError, keys};

impl View {
    /// True if what the source says may be out of date: its last submission was a snapshot with an ERROR, or it
    /// promised a cadence and its last submission is older than that.
    ///
    /// Judged at the moment of the question. Of a view of the past, judged at the moment that it shows, by what the
    /// source had submitted then: when the offset was received, or at the time in the world, whichever was earlier.
    /// The newest offset is known until now. The promise is that of the mesh in force.
    pub fn is_stale(&self, source: &SourceState) -> bool {
        let standing = self.standings.get(source.number as usize);
        let standing = standing.copied().flatten();
        let cadence = self.mesh().cadences().get(&source.key);
        standing.is_some_and(|standing| standing.has_error)
            || cadence.is_some_and(|cadence| {
                !standing.is_some_and(|last| cadence.is_kept(last.received_at, self.judged_at))
            })
    }

    /// Sources that promised to submit and never did; their names may be misspelt.
    pub fn silent_sources(&self) -> Vec<SourceKey> {
        let promised = self.mesh().cadences().keys();
        let silent = promised.filter(|key| self.source(key).is_none());
        silent.cloned().collect()
    }

    pub(crate) fn stale_sources(&self) -> BTreeSet<u32> {
        let has_error = |standing: &Option<Standing>| standing.is_some_and(|s| s.has_error);
        let failed = (0..).zip(&*self.standings);
        let failed = failed.filter(|(_, standing)| has_error(standing));
        let mut stale: BTreeSet<u32> = failed.map(|(number, _)| number).collect();
        for key in self.mesh().cadences().keys() {
            if let Some(source) = self.source(key)
                && self.is_stale(&source)
            {
                stale.insert(source.number);
            }
        }
        stale
    }

    /// The same, judged at another moment.
    pub(crate) fn judged(mut self, at: Timestamp) -> Result<Self, AskError> {
        let offset = self.published.offset;
        let mut standings = self.standings.to_vec();
        let is_later = |s: &Standing| s.offset > offset.get() || s.received_at > at;
        let later = (0..)
            .zip(&standings)
            .filter(|(_, standing)| standing.as_ref().is_some_and(is_later));
        let later: Vec<u32> = later.map(|(number, _)| number).collect();
        for (number, newest) in later.iter().zip(self.newest_of_many(&later, offset)?) {
            let Some(standing) = standings.get_mut(*number as usize) else {
                continue;
            };
            // Mostly the newest one at an offset was received by the moment too.
            *standing = match newest {
                Some(newest) if newest.received_at > at => self.standing_by(*number, offset, at)?,
                newest => newest,
            };
        }
        self.standings = Arc::from(standings);
        self.judged_at = at;
        Ok(self)
    }

    /// What a source had submitted last at an offset and a moment.
    ///
    /// Submissions are received in the order of their offsets, or nearly so: where the clock of the service went back,
    /// a submission of that time may be taken for a later one.
    fn standing_by(
        &self,
        source: u32,
        offset: Offset,
        at: Timestamp,
    ) -> Result<Option<Standing>, EngineError> {
        let (mut found, mut low, mut high) = (None, 0, offset.get());
        let mut middle = high;
        while low <= high {
            match self.newest_upto(source, middle)? {
                Some(later) if later.received_at > at => {
                    let Some(before) = later.offset.checked_sub(1) else {
                        break;
                    };
                    high = before;
                }
                earlier => {
                    found = earlier;
                    low = middle + 1;
                }
            }
            middle = low + high.saturating_sub(low) / 2;
        }
        Ok(found)
    }

    /// The newest submission up to an offset of each of `sources`.
    fn newest_of_many(
        &self,
        sources: &[u32],
        offset: Offset,
    ) -> Result<Vec<Option<Standing>>, AskError> {
        let prefixes: Vec<Vec<u8>> = sources
            .iter()
            .map(|source| keys::submissions_of(*source))
            .collect();
        let mut found: Vec<Option<(u64, Vec<u8>)>> = vec![None; sources.len()];
        self.scan_many(&prefixes, &mut |at, key, value| {
            match keys::parse_submission(key) {
                // They stand newest first: skip those that weren't known yet.
                Some(number) if number > offset.get() => {
                    ScanStep::Seek(keys::submission(sources[at], offset))
                }
                Some(number) => {
                    found[at] = Some((number, value.to_vec()));
                    ScanStep::Stop
                }
                None => ScanStep::Next,
            }
        })?;
        let standings = found.into_iter().map(|newest| {
            let Some((offset, value)) = newest else {
                return Ok(None);
            };
            let record: SubmissionRecord =
                decode_value("a submission", &value).map_err(EngineError::from)?;
            Ok(Some(Standing::of(offset, &record)))
        });
        standings.collect()
    }

    fn newest_upto(&self, source: u32, offset: u64) -> Result<Option<Standing>, EngineError> {
        let prefix = keys::submissions_of(source);
        let offset = Offset::new(offset).unwrap_or(Offset::ZERO);
        let from = keys::submission(source, offset);
        let Some(newest) = self.reader().scan_from(&prefix, &from).next() else {
            return Ok(None);
        };
        let (key, value) = newest?;
        let offset =
            keys::parse_submission(&key).ok_or(EngineError::Corrupt("a submission's key"))?;
        let record: SubmissionRecord = decode_value("a submission", &value)?;
        Ok(Some(Standing::of(offset, &record)))
    }
}
