//! What must be refused before it is in the log: whatever is there has to be applied, now and on every replay.

use headwater_model::{AttributeFact, Facts, Manual, Statement, Submission};

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
        Statement::Manual(manual) => {
            check_manual(manual)?;
            &manual.facts
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

/// Checks that a person states one fact that may be stated so, and says who and why.
fn check_manual(manual: &Manual) -> Result<(), SubmitError> {
    let texts = [
        ("author", &manual.author, Manual::AUTHOR_BYTES_MAX),
        ("reason", &manual.reason, Manual::REASON_BYTES_MAX),
    ];
    for (what, text, bytes_max) in texts {
        if text.trim().is_empty() {
            return Err(SubmitError::Invalid(format!("{what} is empty")));
        }
        if text.len() > bytes_max {
            return Err(too_long(what, text.len(), bytes_max));
        }
        let is_forbidden = |c: &char| c.is_control() && *c != '\n' && *c != '\t';
        if text.chars().any(|c| is_forbidden(&c)) {
            return Err(SubmitError::Invalid(format!(
                "{what} has a control character"
            )));
        }
    }
    let Facts {
        datasets,
        jobs,
        aliases,
        attributes,
        ..
    } = &manual.facts;
    let described = datasets.iter().map(|of| &of.description);
    for text in described.chain(jobs.iter().map(|of| &of.description)) {
        let bytes = text.as_ref().map_or(0, |text| text.len());
        if bytes == 0 {
            return Err(SubmitError::Invalid("the description is empty".into()));
        }
        if bytes > ATTRIBUTE_BYTES_MAX {
            return Err(too_long("the description", bytes, ATTRIBUTE_BYTES_MAX));
        }
    }
    let is_nameless = |text: &str| {
        text.split('=')
            .next()
            .is_none_or(|name| name.trim().is_empty())
    };
    if attributes.iter().any(|of| is_nameless(&of.value)) {
        return Err(SubmitError::Invalid("the owner or tag is empty".into()));
    }
    if let Some(alias) = aliases.iter().find(|of| of.of.name == of.alias) {
        return Err(SubmitError::Invalid(format!(
            "{} is no alias of itself",
            alias.of
        )));
    }
    match manual.facts.count() {
        1 => Ok(()),
        count => Err(SubmitError::Invalid(format!(
            "a manual statement is about one fact, not {count}"
        ))),
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
