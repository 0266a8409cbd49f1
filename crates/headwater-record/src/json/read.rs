//! From JSON to a snapshot.

use headwater_model::{
    AliasFact, AttributeFact, Coverage, DatasetFact, Diagnostic, Digest, EdgeFact, EdgeKind,
    ExtractorVersion, FacetFact, Facts, FieldEdgeFact, JobFact, RunFact, SelectorFact, Severity,
    Snapshot, Zone,
};
use serde::Deserialize;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use super::records::{DocumentRecord, EdgeRecord, FacetRecord, RunRecord};
use super::wire::{Instant, Wire, WireText};
use super::{FACET_DEPTH_MAX, FactsError};

/// Reads a submission of facts.
///
/// Absent `covers` covers everything, `declared` is true where absent, and the digest is that of `bytes`. Times
/// without a zone are UTC and leave a warning among the diagnostics. The length of `bytes` is the caller's to bound.
///
/// # Errors
/// [`FactsError::Syntax`] and [`FactsError::Invalid`] name the place, the rule and what was found.
pub fn submission_from_json(bytes: &[u8]) -> Result<Snapshot, FactsError> {
    // serde reads an array as an object whose keys are left out: `[]` would be a document that ends everything.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(invalid(
            String::new(),
            "is an array, not an object".to_owned(),
        ));
    }
    let mut document: DocumentRecord<'_> =
        serde_json::from_slice(bytes).map_err(|error| located(bytes, &error))?;
    let covers = document.covers.take();
    let mut diagnostics: Vec<Diagnostic> = std::mem::take(&mut document.diagnostics)
        .into_iter()
        .map(Diagnostic::from)
        .collect();
    diagnostics.extend(zone_warning(&document));
    Ok(Snapshot {
        extractor: document.extractor.take().map(ExtractorVersion::from),
        generated_at: document.generated_at.take().map(|wire| wire.0.time),
        covers: covers.map_or(Coverage::ALL, |kinds| {
            kinds.into_iter().map(|kind| kind.0).collect()
        }),
        facts: facts_of(document)?,
        diagnostics,
        digest: Digest::of(bytes),
        idempotency_key: None,
    })
}

fn facts_of(document: DocumentRecord<'_>) -> Result<Facts, FactsError> {
    Ok(Facts {
        datasets: all(document.datasets, DatasetFact::from),
        jobs: all(document.jobs, JobFact::from),
        edges: checked(document.edges, edge_of)?,
        field_edges: all(document.field_edges, FieldEdgeFact::from),
        selectors: all(document.selectors, SelectorFact::from),
        aliases: all(document.aliases, AliasFact::from),
        attributes: all(document.attributes, AttributeFact::from),
        facets: checked(document.facets, facet_of)?,
        runs: all(document.runs, RunFact::from),
    })
}

fn all<R, F>(records: Vec<R>, convert: fn(R) -> F) -> Vec<F> {
    records.into_iter().map(convert).collect()
}

fn checked<R, F>(
    records: Vec<R>,
    convert: fn(usize, R) -> Result<F, FactsError>,
) -> Result<Vec<F>, FactsError> {
    records
        .into_iter()
        .enumerate()
        .map(|(index, record)| convert(index, record))
        .collect()
}

fn edge_of(index: usize, record: EdgeRecord) -> Result<EdgeFact, FactsError> {
    let stated = record.kind.as_ref().map(|kind| kind.0);
    let edge = EdgeFact::from(record);
    let kind = edge.kind();
    if let Some(stated) = stated
        && stated != kind
    {
        return Err(invalid(
            format!("/edges/{index}/kind"),
            format!(
                "is {}, but an edge from {} to {} is {}",
                stated.as_str(),
                word(&edge.from.kind),
                word(&edge.to.kind),
                kind.as_str()
            ),
        ));
    }
    let is_allowed = match (&edge.via, kind) {
        (None, _) | (Some(_), EdgeKind::Derives) => true,
        (Some(job), EdgeKind::Writes) => *job == edge.from.name,
        (Some(_), _) => false,
    };
    if !is_allowed {
        return Err(invalid(
            format!("/edges/{index}/via"),
            format!(
                "only a DERIVES edge takes a job, or a WRITES edge its own, and this one is {}",
                kind.as_str()
            ),
        ));
    }
    Ok(edge)
}

fn word<T: WireText>(value: &T) -> String {
    value.write().unwrap_or_default().into_owned()
}

fn facet_of(index: usize, record: FacetRecord<'_>) -> Result<FacetFact, FactsError> {
    let depth = nesting(record.value.get());
    if depth > FACET_DEPTH_MAX {
        return Err(invalid(
            format!("/facets/{index}/value"),
            format!("nests {depth} deep, more than {FACET_DEPTH_MAX}"),
        ));
    }
    Ok(FacetFact::from(record))
}

/// How deep arrays and objects nest in valid JSON.
fn nesting(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut is_escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        if in_string {
            in_string = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth -= 1,
            _ => {}
        }
    }
    deepest
}

/// One warning for all times whose zone was assumed.
fn zone_warning(document: &DocumentRecord<'_>) -> Option<Diagnostic> {
    let is_assumed = |wire: &Option<Wire<Instant>>| {
        wire.as_ref()
            .is_some_and(|wire| wire.0.zone == Zone::Assumed)
    };
    let of_run = |(index, run): (usize, &RunRecord)| {
        [("startedAt", &run.started_at), ("endedAt", &run.ended_at)]
            .into_iter()
            .filter(|(_, time)| is_assumed(time))
            .map(|(key, _)| format!("/runs/{index}/{key}"))
            .collect::<Vec<_>>()
    };
    let mut places = is_assumed(&document.generated_at)
        .then(|| "/generatedAt".to_owned())
        .into_iter()
        .chain(document.runs.iter().enumerate().flat_map(of_run));
    let first = places.next()?;
    let message = match places.count() {
        0 => format!("{first} states no zone: UTC is taken"),
        more => format!("{first} and {more} more times state no zone: UTC is taken"),
    };
    Some(Diagnostic::new(
        Severity::Warning,
        "facts/time-without-zone",
        message,
    ))
}

/// Finds the place of an error by reading once more with the path in hand, which good documents never pay for.
fn located(bytes: &[u8], error: &serde_json::Error) -> FactsError {
    let message = without_position(error);
    if !matches!(error.classify(), Category::Data) {
        return FactsError::Syntax {
            line: error.line(),
            column: error.column(),
            message,
        };
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    // The same bytes fail the same way; only the path is wanted.
    let _ = DocumentRecord::deserialize(tracked).map(drop);
    invalid(pointer_of(&track.path()), message)
}

/// The message alone: the pointer says where.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

fn pointer_of(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer += &["/", &index.to_string()].concat(),
            Segment::Map { key } => {
                pointer += &["/", &key.replace('~', "~0").replace('/', "~1")].concat();
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

fn invalid(pointer: String, message: String) -> FactsError {
    FactsError::Invalid { pointer, message }
}
