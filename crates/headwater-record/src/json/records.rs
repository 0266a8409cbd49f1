//! The objects of the format, and the facts they stand for.

use headwater_model::{
    AliasFact, AssetKind, AssetName, AttributeFact, AttributeKey, DatasetFact, Diagnostic,
    EdgeFact, EdgeKind, Evidence, ExtractorVersion, FacetFact, FacetName, FactKind, FieldEdgeFact,
    FieldEnd, FieldFact, FieldName, JobFact, Name, Namespace, QualifiedName, RunFact, RunId,
    RunState, SelectorFact, Severity, Side, Text, Transformation, TypeName,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::wire::{Instant, Mode, Wire, nullable};

/// The whole document, as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub(super) struct DocumentRecord<'a> {
    #[serde(default)]
    pub(super) extractor: Option<ExtractorRecord>,
    #[serde(default)]
    pub(super) generated_at: Option<Wire<Instant>>,
    #[serde(default)]
    pub(super) covers: Option<Vec<Wire<FactKind>>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) datasets: Vec<DatasetRecord>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) jobs: Vec<JobRecord>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) edges: Vec<EdgeRecord>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) field_edges: Vec<FieldEdgeRecord>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) selectors: Vec<SelectorRecord>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) aliases: Vec<AliasRecord>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) attributes: Vec<AttributeRecord>,
    #[serde(borrow, default, deserialize_with = "nullable")]
    pub(super) facets: Vec<FacetRecord<'a>>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) runs: Vec<RunRecord>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) diagnostics: Vec<DiagnosticRecord>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct ExtractorRecord {
    name: Wire<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<Wire<Text>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<Wire<Text>>,
}

impl From<&ExtractorVersion> for ExtractorRecord {
    fn from(extractor: &ExtractorVersion) -> Self {
        let stated = |text: &Text| (!text.is_empty()).then(|| Wire(text.clone()));
        Self {
            name: Wire(extractor.name.clone()),
            version: stated(&extractor.version),
            digest: stated(&extractor.digest),
        }
    }
}

impl From<ExtractorRecord> for ExtractorVersion {
    fn from(record: ExtractorRecord) -> Self {
        Self {
            name: record.name.0,
            version: unwrap(record.version).unwrap_or_default(),
            digest: unwrap(record.digest).unwrap_or_default(),
        }
    }
}

/// A namespace and a name in it, where the kind of asset is fixed by the place.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct NameRecord {
    namespace: Wire<Namespace>,
    name: Wire<Name>,
}

impl From<&QualifiedName> for NameRecord {
    fn from(name: &QualifiedName) -> Self {
        Self {
            namespace: Wire(name.namespace.clone()),
            name: Wire(name.name.clone()),
        }
    }
}

impl From<NameRecord> for QualifiedName {
    fn from(record: NameRecord) -> Self {
        Self::new(record.namespace.0, record.name.0)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct AssetRecord {
    kind: Wire<AssetKind>,
    namespace: Wire<Namespace>,
    name: Wire<Name>,
}

impl From<&AssetName> for AssetRecord {
    fn from(asset: &AssetName) -> Self {
        Self {
            kind: Wire(asset.kind),
            namespace: Wire(asset.name.namespace.clone()),
            name: Wire(asset.name.name.clone()),
        }
    }
}

impl From<AssetRecord> for AssetName {
    fn from(record: AssetRecord) -> Self {
        Self {
            kind: record.kind.0,
            name: QualifiedName::new(record.namespace.0, record.name.0),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct EvidenceRecord {
    artifact: Wire<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pointer: Option<Wire<Text>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
}

impl From<&Evidence> for EvidenceRecord {
    fn from(evidence: &Evidence) -> Self {
        Self {
            artifact: Wire(evidence.artifact.clone()),
            pointer: evidence.pointer.clone().map(Wire),
            line: evidence.line,
            column: evidence.column,
        }
    }
}

impl From<EvidenceRecord> for Evidence {
    fn from(record: EvidenceRecord) -> Self {
        Self {
            artifact: record.artifact.0,
            pointer: unwrap(record.pointer),
            line: record.line,
            column: record.column,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct DatasetRecord {
    namespace: Wire<Namespace>,
    name: Wire<Name>,
    #[serde(default)]
    r#type: Option<Wire<TypeName>>,
    #[serde(default)]
    declared: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<Wire<Text>>,
    #[serde(default, deserialize_with = "nullable")]
    fields: Vec<FieldRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceRecord>,
}

impl From<&DatasetFact> for DatasetRecord {
    fn from(fact: &DatasetFact) -> Self {
        Self {
            namespace: Wire(fact.name.namespace.clone()),
            name: Wire(fact.name.name.clone()),
            r#type: Some(Wire(fact.r#type.clone())),
            declared: Some(fact.is_declared),
            description: fact.description.clone().map(Wire),
            fields: fact.fields.iter().map(FieldRecord::from).collect(),
            evidence: fact.evidence.as_ref().map(EvidenceRecord::from),
        }
    }
}

impl From<DatasetRecord> for DatasetFact {
    fn from(record: DatasetRecord) -> Self {
        Self {
            name: QualifiedName::new(record.namespace.0, record.name.0),
            r#type: unwrap(record.r#type).unwrap_or_else(TypeName::dataset),
            is_declared: record.declared.unwrap_or(true),
            description: unwrap(record.description),
            fields: record.fields.into_iter().map(FieldFact::from).collect(),
            evidence: record.evidence.map(Evidence::from),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct FieldRecord {
    name: Wire<FieldName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r#type: Option<Wire<Text>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<Wire<Text>>,
}

impl From<&FieldFact> for FieldRecord {
    fn from(fact: &FieldFact) -> Self {
        Self {
            name: Wire(fact.name.clone()),
            r#type: fact.r#type.clone().map(Wire),
            description: fact.description.clone().map(Wire),
        }
    }
}

impl From<FieldRecord> for FieldFact {
    fn from(record: FieldRecord) -> Self {
        Self {
            name: record.name.0,
            r#type: unwrap(record.r#type),
            description: unwrap(record.description),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct JobRecord {
    namespace: Wire<Namespace>,
    name: Wire<Name>,
    #[serde(default)]
    r#type: Option<Wire<TypeName>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<Wire<Text>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sql: Option<Wire<Text>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<NameRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceRecord>,
}

impl From<&JobFact> for JobRecord {
    fn from(fact: &JobFact) -> Self {
        Self {
            namespace: Wire(fact.name.namespace.clone()),
            name: Wire(fact.name.name.clone()),
            r#type: Some(Wire(fact.r#type.clone())),
            description: fact.description.clone().map(Wire),
            sql: fact.sql.clone().map(Wire),
            parent: fact.parent.as_ref().map(NameRecord::from),
            evidence: fact.evidence.as_ref().map(EvidenceRecord::from),
        }
    }
}

impl From<JobRecord> for JobFact {
    fn from(record: JobRecord) -> Self {
        Self {
            name: QualifiedName::new(record.namespace.0, record.name.0),
            r#type: unwrap(record.r#type).unwrap_or_else(TypeName::job),
            description: unwrap(record.description),
            sql: unwrap(record.sql),
            parent: record.parent.map(QualifiedName::from),
            evidence: record.evidence.map(Evidence::from),
        }
    }
}

/// `kind` follows from the ends; a document may leave it out, and is refused if it states another.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct EdgeRecord {
    #[serde(default)]
    pub(super) kind: Option<Wire<EdgeKind>>,
    from: AssetRecord,
    to: AssetRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    via: Option<NameRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceRecord>,
}

impl From<&EdgeFact> for EdgeRecord {
    fn from(fact: &EdgeFact) -> Self {
        Self {
            kind: Some(Wire(fact.kind())),
            from: AssetRecord::from(&fact.from),
            to: AssetRecord::from(&fact.to),
            via: fact.via.as_ref().map(NameRecord::from),
            evidence: fact.evidence.as_ref().map(EvidenceRecord::from),
        }
    }
}

impl From<EdgeRecord> for EdgeFact {
    fn from(record: EdgeRecord) -> Self {
        Self {
            from: AssetName::from(record.from),
            to: AssetName::from(record.to),
            via: record.via.map(QualifiedName::from),
            evidence: record.evidence.map(Evidence::from),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct FieldEndRecord {
    namespace: Wire<Namespace>,
    name: Wire<Name>,
    #[serde(default)]
    field: Option<Wire<FieldName>>,
}

impl From<&FieldEnd> for FieldEndRecord {
    fn from(end: &FieldEnd) -> Self {
        Self {
            namespace: Wire(end.dataset.namespace.clone()),
            name: Wire(end.dataset.name.clone()),
            field: end.field.clone().map(Wire),
        }
    }
}

impl From<FieldEndRecord> for FieldEnd {
    fn from(record: FieldEndRecord) -> Self {
        Self {
            dataset: QualifiedName::new(record.namespace.0, record.name.0),
            field: unwrap(record.field),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct TransformationRecord {
    r#type: Wire<Mode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subtype: Option<Wire<Text>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<Wire<Text>>,
    #[serde(default, deserialize_with = "nullable")]
    masking: bool,
}

impl From<&Transformation> for TransformationRecord {
    fn from(transformation: &Transformation) -> Self {
        Self {
            r#type: Wire(if transformation.is_direct {
                Mode::Direct
            } else {
                Mode::Indirect
            }),
            subtype: transformation.subtype.clone().map(Wire),
            description: transformation.description.clone().map(Wire),
            masking: transformation.is_masking,
        }
    }
}

impl From<TransformationRecord> for Transformation {
    fn from(record: TransformationRecord) -> Self {
        Self {
            is_direct: record.r#type.0 == Mode::Direct,
            subtype: unwrap(record.subtype),
            description: unwrap(record.description),
            is_masking: record.masking,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct FieldEdgeRecord {
    from: FieldEndRecord,
    to: FieldEndRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    via: Option<NameRecord>,
    #[serde(default, deserialize_with = "nullable")]
    transformations: Vec<TransformationRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceRecord>,
}

impl From<&FieldEdgeFact> for FieldEdgeRecord {
    fn from(fact: &FieldEdgeFact) -> Self {
        Self {
            from: FieldEndRecord::from(&fact.from),
            to: FieldEndRecord::from(&fact.to),
            via: fact.via.as_ref().map(NameRecord::from),
            transformations: fact
                .transformations
                .iter()
                .map(TransformationRecord::from)
                .collect(),
            evidence: fact.evidence.as_ref().map(EvidenceRecord::from),
        }
    }
}

impl From<FieldEdgeRecord> for FieldEdgeFact {
    fn from(record: FieldEdgeRecord) -> Self {
        Self {
            from: FieldEnd::from(record.from),
            to: FieldEnd::from(record.to),
            via: record.via.map(QualifiedName::from),
            transformations: record
                .transformations
                .into_iter()
                .map(Transformation::from)
                .collect(),
            evidence: record.evidence.map(Evidence::from),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct SelectorRecord {
    job: NameRecord,
    side: Wire<Side>,
    namespace: Wire<Namespace>,
    pattern: Wire<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceRecord>,
}

impl From<&SelectorFact> for SelectorRecord {
    fn from(fact: &SelectorFact) -> Self {
        Self {
            job: NameRecord::from(&fact.job),
            side: Wire(fact.side),
            namespace: Wire(fact.namespace.clone()),
            pattern: Wire(fact.pattern.clone()),
            evidence: fact.evidence.as_ref().map(EvidenceRecord::from),
        }
    }
}

impl From<SelectorRecord> for SelectorFact {
    fn from(record: SelectorRecord) -> Self {
        Self {
            job: QualifiedName::from(record.job),
            side: record.side.0,
            namespace: record.namespace.0,
            pattern: record.pattern.0,
            evidence: record.evidence.map(Evidence::from),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct AliasRecord {
    kind: Wire<AssetKind>,
    namespace: Wire<Namespace>,
    name: Wire<Name>,
    alias: NameRecord,
    reason: Wire<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceRecord>,
}

impl From<&AliasFact> for AliasRecord {
    fn from(fact: &AliasFact) -> Self {
        Self {
            kind: Wire(fact.of.kind),
            namespace: Wire(fact.of.name.namespace.clone()),
            name: Wire(fact.of.name.name.clone()),
            alias: NameRecord::from(&fact.alias),
            reason: Wire(fact.reason.clone()),
            evidence: fact.evidence.as_ref().map(EvidenceRecord::from),
        }
    }
}

impl From<AliasRecord> for AliasFact {
    fn from(record: AliasRecord) -> Self {
        Self {
            of: AssetName {
                kind: record.kind.0,
                name: QualifiedName::new(record.namespace.0, record.name.0),
            },
            alias: QualifiedName::from(record.alias),
            reason: record.reason.0,
            evidence: record.evidence.map(Evidence::from),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct AttributeOnRecord {
    kind: Wire<AssetKind>,
    namespace: Wire<Namespace>,
    name: Wire<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<Wire<FieldName>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct AttributeRecord {
    on: AttributeOnRecord,
    key: Wire<AttributeKey>,
    value: Wire<Text>,
}

impl From<&AttributeFact> for AttributeRecord {
    fn from(fact: &AttributeFact) -> Self {
        Self {
            on: AttributeOnRecord {
                kind: Wire(fact.on.kind),
                namespace: Wire(fact.on.name.namespace.clone()),
                name: Wire(fact.on.name.name.clone()),
                field: fact.field.clone().map(Wire),
            },
            key: Wire(fact.key.clone()),
            value: Wire(fact.value.clone()),
        }
    }
}

impl From<AttributeRecord> for AttributeFact {
    fn from(record: AttributeRecord) -> Self {
        Self {
            on: AssetName {
                kind: record.on.kind.0,
                name: QualifiedName::new(record.on.namespace.0, record.on.name.0),
            },
            field: unwrap(record.on.field),
            key: record.key.0,
            value: record.value.0,
        }
    }
}

/// `value` is kept as it was written, to the digit.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct FacetRecord<'a> {
    on: AssetRecord,
    name: Wire<FacetName>,
    #[serde(borrow)]
    pub(super) value: &'a RawValue,
}

impl<'a> FacetRecord<'a> {
    /// The record of a facet.
    ///
    /// # Errors
    /// The parser's message if the facet does not hold JSON.
    pub(super) fn of(fact: &'a FacetFact) -> Result<Self, serde_json::Error> {
        Ok(Self {
            on: AssetRecord::from(&fact.on),
            name: Wire(fact.name.clone()),
            value: serde_json::from_str(&fact.json)?,
        })
    }
}

impl From<FacetRecord<'_>> for FacetFact {
    fn from(record: FacetRecord<'_>) -> Self {
        Self {
            on: AssetName::from(record.on),
            name: record.name.0,
            json: record.value.get().into(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub(super) struct RunRecord {
    job: NameRecord,
    run_id: Wire<RunId>,
    state: Wire<RunState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) started_at: Option<Wire<Instant>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ended_at: Option<Wire<Instant>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<Wire<Text>>,
}

impl From<&RunFact> for RunRecord {
    fn from(fact: &RunFact) -> Self {
        Self {
            job: NameRecord::from(&fact.job),
            run_id: Wire(fact.run.clone()),
            state: Wire(fact.state),
            started_at: fact.started_at.map(|time| Wire(time.into())),
            ended_at: fact.ended_at.map(|time| Wire(time.into())),
            message: fact.message.clone().map(Wire),
        }
    }
}

impl From<RunRecord> for RunFact {
    fn from(record: RunRecord) -> Self {
        Self {
            job: QualifiedName::from(record.job),
            run: record.run_id.0,
            state: record.state.0,
            started_at: record.started_at.map(|instant| instant.0.time),
            ended_at: record.ended_at.map(|instant| instant.0.time),
            message: unwrap(record.message),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(super) struct DiagnosticRecord {
    severity: Wire<Severity>,
    code: Wire<Text>,
    message: Wire<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact: Option<Wire<Text>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pointer: Option<Wire<Text>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
}

impl From<&Diagnostic> for DiagnosticRecord {
    fn from(diagnostic: &Diagnostic) -> Self {
        let at = diagnostic.at.as_ref();
        Self {
            severity: Wire(diagnostic.severity),
            code: Wire(diagnostic.code.clone()),
            message: Wire(diagnostic.message.clone()),
            artifact: at.map(|at| Wire(at.artifact.clone())),
            pointer: at.and_then(|at| at.pointer.clone()).map(Wire),
            line: at.and_then(|at| at.line),
            column: at.and_then(|at| at.column),
        }
    }
}

impl From<DiagnosticRecord> for Diagnostic {
    fn from(record: DiagnosticRecord) -> Self {
        let has_place = record.artifact.is_some()
            || record.pointer.is_some()
            || record.line.is_some()
            || record.column.is_some();
        Self {
            severity: record.severity.0,
            code: record.code.0,
            message: record.message.0,
            at: has_place.then(|| Evidence {
                artifact: unwrap(record.artifact).unwrap_or_default(),
                pointer: unwrap(record.pointer),
                line: record.line,
                column: record.column,
            }),
        }
    }
}

fn unwrap<T>(wire: Option<Wire<T>>) -> Option<T> {
    wire.map(|wire| wire.0)
}
