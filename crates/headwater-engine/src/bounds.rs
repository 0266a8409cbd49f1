//! What must be refused before it is in the log: whatever is there has to be applied, now and on every replay.

use headwater_model::{AttributeFact, Statement, Submission};

use crate::SubmitError;

/// The most bytes of an attribute's value: owners and tags are numbered words of the state.
const ATTRIBUTE_BYTES_MAX: usize = 16 << 10;
/// The most bytes of an extractor's name, version or digest.
const EXTRACTOR_BYTES_MAX: usize = 1 << 10;
/// The most bytes of the mesh in the log: it is one value of the state.
const MESH_BYTES_MAX: usize = 1 << 20;

/// Checks the texts whose length no type bounds and that become values of the state.
pub(crate) fn check(submission: &Submission) -> Result<(), SubmitError> {
    let facts = match &submission.statement {
        Statement::Event(event) => &event.facts,
        Statement::Snapshot(snapshot) => {
            if let Some(extractor) = &snapshot.extractor {
                for text in [&extractor.name, &extractor.version, &extractor.digest] {
                    if text.len() > EXTRACTOR_BYTES_MAX {
                        return Err(too_long(
                            "a text about the extractor",
                            text.len(),
                            EXTRACTOR_BYTES_MAX,
                        ));
                    }
                }
            }
            &snapshot.facts
        }
    };
    let is_too_long = |fact: &&AttributeFact| fact.value.len() > ATTRIBUTE_BYTES_MAX;
    match facts.attributes.iter().find(is_too_long) {
        Some(fact) => {
            let what = format!("the value of attribute {} of {}", fact.key, fact.on);
            Err(too_long(&what, fact.value.len(), ATTRIBUTE_BYTES_MAX))
        }
        None => Ok(()),
    }
}

/// Checks that the mesh fits into the state.
pub(crate) fn check_mesh(entry: &[u8]) -> Result<(), SubmitError> {
    if entry.len() > MESH_BYTES_MAX {
        return Err(too_long("the mesh", entry.len(), MESH_BYTES_MAX));
    }
    Ok(())
}

fn too_long(what: &str, bytes: usize, bytes_max: usize) -> SubmitError {
    SubmitError::Invalid(format!("{what} has {bytes} bytes, more than {bytes_max}"))
}
