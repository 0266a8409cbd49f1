//! Facts as the log and the state keep them: the compact form of facts as JSON, so that one family of records serves
//! clients, log and state.

use headwater_model::{Coverage, Facts};

use crate::RecordError;
use crate::json::{FactsDocument, FactsError, JsonLayout, facts_to_json, submission_from_json};

/// Encodes facts; equal facts give equal bytes.
///
/// # Errors
/// [`FactsError::Unwritable`] for facts that the format has no words for.
pub fn encode_facts(facts: &Facts) -> Result<Vec<u8>, FactsError> {
    let document = FactsDocument {
        extractor: None,
        generated_at: None,
        covers: Coverage::NONE,
        facts,
        diagnostics: &[],
    };
    facts_to_json(&document, JsonLayout::Compact).map(String::into_bytes)
}

/// Decodes what [`encode_facts`] wrote.
///
/// # Errors
/// [`RecordError::Facts`] if `bytes` are no such facts.
pub fn decode_facts(bytes: &[u8]) -> Result<Facts, RecordError> {
    Ok(submission_from_json(bytes)?.facts)
}
