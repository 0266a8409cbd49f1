//! From facts to JSON.

use std::marker::PhantomData;

use headwater_model::{
    Coverage, Diagnostic, ExtractorVersion, FacetFact, Facts, Snapshot, Timestamp,
};
use serde::ser::{self, Serialize, SerializeStruct, Serializer};

use super::FactsError;
use super::records::{
    AliasRecord, AttributeRecord, DatasetRecord, DiagnosticRecord, EdgeRecord, ExtractorRecord,
    FacetRecord, FieldEdgeRecord, JobRecord, RunRecord, SelectorRecord,
};
use super::wire::{Instant, Wire};

/// What one document of facts says.
#[derive(Clone, Copy, Debug)]
pub struct FactsDocument<'a> {
    /// Which extractor made it.
    pub extractor: Option<&'a ExtractorVersion>,
    /// When the artifact was made, if it says.
    pub generated_at: Option<Timestamp>,
    /// What ends when it is no longer stated.
    pub covers: Coverage,
    /// What it states.
    pub facts: &'a Facts,
    /// What was found while reading the artifacts.
    pub diagnostics: &'a [Diagnostic],
}

impl<'a> From<&'a Snapshot> for FactsDocument<'a> {
    fn from(snapshot: &'a Snapshot) -> Self {
        Self {
            extractor: snapshot.extractor.as_ref(),
            generated_at: snapshot.generated_at,
            covers: snapshot.covers,
            facts: &snapshot.facts,
            diagnostics: &snapshot.diagnostics,
        }
    }
}

/// How a document is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonLayout {
    /// One line.
    Compact,
    /// Indented, for a person.
    Pretty,
}

/// Writes facts as JSON, in the order in which they stand.
///
/// # Errors
/// [`FactsError::Unwritable`] for a time that RFC 3339 can't write, and for a facet that holds no JSON.
pub fn facts_to_json(
    document: &FactsDocument<'_>,
    layout: JsonLayout,
) -> Result<String, FactsError> {
    let written = match layout {
        JsonLayout::Compact => serde_json::to_string(&Document(document)),
        JsonLayout::Pretty => serde_json::to_string_pretty(&Document(document)),
    };
    written.map_err(|error| FactsError::Unwritable {
        message: error.to_string(),
    })
}

struct Document<'a>(&'a FactsDocument<'a>);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let document = self.0;
        let facts = document.facts;
        let mut object = serializer.serialize_struct("Document", 13)?;
        if let Some(extractor) = document.extractor {
            object.serialize_field("extractor", &ExtractorRecord::from(extractor))?;
        }
        let generated_at = document.generated_at.map(|time| Wire(Instant::from(time)));
        object.serialize_field("generatedAt", &generated_at)?;
        let covers: Vec<_> = document.covers.kinds().map(Wire).collect();
        object.serialize_field("covers", &covers)?;
        object.serialize_field("datasets", &Each::<_, DatasetRecord>::of(&facts.datasets))?;
        object.serialize_field("jobs", &Each::<_, JobRecord>::of(&facts.jobs))?;
        object.serialize_field("edges", &Each::<_, EdgeRecord>::of(&facts.edges))?;
        object.serialize_field(
            "fieldEdges",
            &Each::<_, FieldEdgeRecord>::of(&facts.field_edges),
        )?;
        object.serialize_field(
            "selectors",
            &Each::<_, SelectorRecord>::of(&facts.selectors),
        )?;
        object.serialize_field("aliases", &Each::<_, AliasRecord>::of(&facts.aliases))?;
        object.serialize_field(
            "attributes",
            &Each::<_, AttributeRecord>::of(&facts.attributes),
        )?;
        object.serialize_field("facets", &Each::<_, FacetOut<'_>>::of(&facts.facets))?;
        object.serialize_field("runs", &Each::<_, RunRecord>::of(&facts.runs))?;
        object.serialize_field(
            "diagnostics",
            &Each::<_, DiagnosticRecord>::of(document.diagnostics),
        )?;
        object.end()
    }
}

/// Facts that are turned into records one at a time, so that writing never holds them twice.
struct Each<'a, F, R> {
    facts: &'a [F],
    record: PhantomData<R>,
}

impl<'a, F, R> Each<'a, F, R> {
    fn of(facts: &'a [F]) -> Self {
        Self {
            facts,
            record: PhantomData,
        }
    }
}

impl<'a, F, R: From<&'a F> + Serialize> Serialize for Each<'a, F, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.facts.iter().map(R::from))
    }
}

struct FacetOut<'a>(&'a FacetFact);

impl<'a> From<&'a FacetFact> for FacetOut<'a> {
    fn from(fact: &'a FacetFact) -> Self {
        Self(fact)
    }
}

impl Serialize for FacetOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fact = self.0;
        FacetRecord::of(fact)
            .map_err(|error| {
                ser::Error::custom(format!("facet {} of {}: {error}", fact.name, fact.on))
            })?
            .serialize(serializer)
    }
}
