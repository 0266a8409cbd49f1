//! What is kept of the log: verbatim events up to a period, and what somebody asked to be erased not at all. Facts
//! stay, so that the state goes on following from the log.

use std::path::Path;

use headwater_model::{SourceKey, Statement, Timestamp};
use headwater_record::{Gone, LOG_VERSION, LogEntry, decode_entry, encode_gone, encode_submission};
use headwater_store::{Entry, Log, Offset, Payload, RewriteReport};

use crate::EngineError;
use crate::entries::{Assembler, Whole, payloads_of};

/// What is to be erased from a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// The verbatim body of the event at an offset; its facts stay.
    Event(Offset),
    /// The whole entry at an offset: nothing follows from it any more.
    Entry(Offset),
    /// All that a source ever submitted.
    Source(SourceKey),
}

/// Takes the verbatim bodies of events that were received before `before` out of the closed files of `log`. The state
/// that follows from the log stays the same. Files as they were are copied to `archive`, if there is one.
///
/// # Errors
/// [`EngineError`] if the log can't be read or written, or an entry does not decode.
pub fn drop_bodies(
    log: &dyn Log,
    before: Timestamp,
    archive: Option<&Path>,
) -> Result<RewriteReport, EngineError> {
    rewrite(log, archive, &mut |whole| {
        let LogEntry::Submission(mut submission, facts) =
            decode_entry(whole.version, &whole.bytes)?
        else {
            return Ok(None);
        };
        if submission.received_at >= before {
            return Ok(None);
        }
        let Statement::Event(event) = &mut submission.statement else {
            return Ok(None);
        };
        if event.body.is_empty() {
            return Ok(None);
        }
        event.body = "".into();
        Ok(Some(encode_submission(&submission, &facts)))
    })
}

/// Erases what `erasure` says from all files of `log`, which takes no submissions meanwhile. Returns how many entries
/// changed. Where whole entries are erased, the state has to be rebuilt from the log afterwards.
///
/// # Errors
/// [`EngineError`] if the log can't be read or written, or an entry does not decode.
pub fn erase(log: &dyn Log, erasure: &Erasure) -> Result<u64, EngineError> {
    log.seal()?;
    let mut count = 0;
    rewrite(log, None, &mut |whole| {
        let is_at = |offset: Offset| whole.offset == offset;
        let is_meant = match erasure {
            Erasure::Event(offset) | Erasure::Entry(offset) => is_at(*offset),
            Erasure::Source(_) => true,
        };
        if !is_meant {
            return Ok(None);
        }
        let entry = decode_entry(whole.version, &whole.bytes)?;
        let changed = match (erasure, entry) {
            (_, LogEntry::Gone(_)) => None,
            (Erasure::Entry(_), _) => Some(encode_gone(Gone::Erased)),
            (Erasure::Source(source), LogEntry::Submission(submission, _)) => {
                (submission.source == *source).then(|| encode_gone(Gone::Erased))
            }
            (Erasure::Event(_), LogEntry::Submission(mut submission, facts)) => {
                match &mut submission.statement {
                    Statement::Event(event) if !event.body.is_empty() => {
                        event.body = "".into();
                        Some(encode_submission(&submission, &facts))
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        count += u64::from(changed.is_some());
        Ok(changed)
    })?;
    Ok(count)
}

/// Gets an entry, and returns what stands in its place if it is to change.
type ChangeEntry<'a> = dyn FnMut(&Whole) -> Result<Option<Vec<u8>>, EngineError> + 'a;

fn rewrite(
    log: &dyn Log,
    archive: Option<&Path>,
    change: &mut ChangeEntry<'_>,
) -> Result<RewriteReport, EngineError> {
    let mut failed = None;
    let mut change_batch = |first: Offset, payloads: &mut [Payload]| {
        if failed.is_some() {
            return false;
        }
        match changed(first, payloads, change) {
            Ok(Some(new)) => {
                // As many as there were: each entry keeps its parts.
                for (old, new) in payloads.iter_mut().zip(new) {
                    *old = new;
                }
                true
            }
            Ok(None) => false,
            Err(error) => {
                failed = Some(error);
                false
            }
        }
    };
    let report = log.rewrite(&mut change_batch, archive)?;
    match failed {
        Some(error) => Err(error),
        None => Ok(report),
    }
}

/// The payloads of a batch as they are to be; none if none changes.
fn changed(
    first: Offset,
    payloads: &[Payload],
    change: &mut ChangeEntry<'_>,
) -> Result<Option<Vec<Payload>>, EngineError> {
    let mut assembler = Assembler::default();
    let mut new = Vec::with_capacity(payloads.len());
    let mut is_changed = false;
    let mut offset = first;
    for payload in payloads {
        let part = Entry {
            offset,
            payload: payload.clone(),
        };
        offset = offset.next();
        let Some(mut whole) = assembler.join(&part)? else {
            continue;
        };
        if let Some(bytes) = change(&whole)? {
            is_changed = true;
            whole.bytes = bytes;
            whole.version = LOG_VERSION;
        }
        let again =
            payloads_of(&whole).ok_or(EngineError::Corrupt("an entry of too many parts"))?;
        new.extend(again);
    }
    Ok(is_changed.then_some(new))
}
