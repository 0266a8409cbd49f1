//! Secrets are dropped before anything is kept: values of keys that name secrets, credentials in URLs and connection
//! strings, private keys.
//!
//! Keys stay, and what is dropped is replaced by [`REDACTED`]. Names of columns are names, whatever they say. What is
//! dropped, exactly, is on the page about secrets in the documentation.

mod facts;
mod gate;
mod json;
mod keys;
mod name;
mod sql;
mod text;

use headwater_model::{EventSubject, Snapshot, Statement, Submission, Text};

/// Stands where a secret was.
pub const REDACTED: &str = "[redacted]";

/// True if there may be secrets in `text`; false if there are surely none. Fast.
pub fn may_hold_secrets(text: &[u8]) -> bool {
    gate::is_open(text)
}

/// `text` without its secrets; none if it has none.
pub fn redact_text(text: &str) -> Option<String> {
    if !may_hold_secrets(text.as_bytes()) {
        return None;
    }
    text::redact(text)
}

/// `json` without its secrets, and else verbatim: order, numbers and white space; none if it has none. What is not JSON
/// is taken for text.
pub fn redact_json(json: &str) -> Option<String> {
    if !may_hold_secrets(json.as_bytes()) {
        return None;
    }
    match json::redact(json, None) {
        Ok(clean) => clean,
        Err(json::NotJson) => text::redact(json),
    }
}

/// Takes all secrets out of a submission. `facts` are its facts as JSON, by which it is seen whether they have to be
/// looked at; true if they changed, and so have to be encoded anew.
pub fn redact_submission(submission: &mut Submission, facts: &[u8]) -> bool {
    match &mut submission.statement {
        Statement::Snapshot(snapshot) => redact_snapshot(snapshot, facts),
        Statement::Event(event) => {
            // What an event states is read from its body, and so has no secret that the body has not.
            if !may_hold_secrets(event.body.as_bytes()) {
                return false;
            }
            let has_changed = may_hold_secrets(facts) && facts::redact(&mut event.facts);
            if let Some(body) = redact_json(&event.body) {
                event.body = body.into();
            }
            match &mut event.subject {
                EventSubject::Run { job, details, .. } => {
                    facts::name(job);
                    for text in [&mut details.error, &mut details.url] {
                        optional(text);
                    }
                    if let Some((parent, _)) = &mut details.parent {
                        facts::name(parent);
                    }
                }
                EventSubject::Job(name) | EventSubject::Dataset(name) => {
                    facts::name(name);
                }
            }
            for found in &mut event.diagnostics {
                facts::diagnostic(found);
            }
            has_changed
        }
        Statement::Manual(manual) => {
            in_place(&mut manual.author);
            in_place(&mut manual.reason);
            may_hold_secrets(facts) && facts::redact(&mut manual.facts)
        }
    }
}

/// Takes all secrets out of a snapshot, as [`redact_submission`].
pub fn redact_snapshot(snapshot: &mut Snapshot, facts: &[u8]) -> bool {
    for found in &mut snapshot.diagnostics {
        facts::diagnostic(found);
    }
    may_hold_secrets(facts) && facts::redact(&mut snapshot.facts)
}

/// True if there was a secret in it.
fn in_place(text: &mut Text) -> bool {
    match redact_text(text) {
        Some(clean) => {
            *text = clean.into();
            true
        }
        None => false,
    }
}

fn optional(text: &mut Option<Text>) -> bool {
    text.as_mut().is_some_and(in_place)
}

#[cfg(test)]
mod tests;
