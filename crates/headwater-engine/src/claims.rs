//! Facts as claims: each fact put with the asset that owns it, under a key that says what it is about.

use std::collections::BTreeMap;

use headwater_model::{
    AssetKind, AssetName, Coverage, DatasetFact, Diagnostic, EdgeFact, EdgeKind, Evidence,
    FactKind, Facts, FieldEdgeFact, JobFact, QualifiedName, Side,
};
use headwater_record::{
    CHECKS_FACET, ClaimBody, ClaimKey, DiagnosticRecord, EntityBody, EvidenceRecord, Str,
    TransformationRecord, merge_checks,
};

/// Finds the number of a raw name.
pub(crate) trait Names {
    type Error;

    fn index_of(&mut self, name: &AssetName) -> Result<u32, Self::Error>;
}

/// What one statement says of each asset: owner, then what about it.
pub(crate) type Stated = BTreeMap<u32, BTreeMap<ClaimKey, ClaimBody>>;

/// The kinds of fact that a claim is; whether its slot's coverage has all of them decides whether silence ends it.
pub(crate) fn fact_kinds(key: &ClaimKey, body: &ClaimBody, owner: AssetKind) -> Coverage {
    let kind = match key {
        ClaimKey::Entity => match (body, owner) {
            (ClaimBody::Entity(entity), _) if entity.is_implied() => {
                return Coverage::from_bits(entity.implied_by);
            }
            (_, AssetKind::Dataset) => FactKind::Datasets,
            (_, AssetKind::Job) => FactKind::Jobs,
        },
        ClaimKey::Field(_) => FactKind::Fields,
        ClaimKey::Attribute { .. } => FactKind::Attributes,
        ClaimKey::Facet(_) => FactKind::Facets,
        ClaimKey::Reads(_)
        | ClaimKey::Writes(_)
        | ClaimKey::Derives { .. }
        | ClaimKey::Follows(_)
        | ClaimKey::OriginsStated { .. } => FactKind::Edges,
        ClaimKey::FieldDerives { .. } => FactKind::FieldEdges,
        ClaimKey::Alias(_) => FactKind::Aliases,
        ClaimKey::Selector { .. } => FactKind::Selectors,
    };
    Coverage::NONE.with(kind)
}

/// Adds what `facts` state to `stated`, which older statements may have filled: the newer word counts, and what it
/// leaves open is kept.
pub(crate) fn state<N: Names>(
    stated: &mut Stated,
    facts: &Facts,
    names: &mut N,
) -> Result<(), N::Error> {
    for dataset in &facts.datasets {
        state_dataset(stated, dataset, names)?;
    }
    for job in &facts.jobs {
        state_job(stated, job, names)?;
    }
    for edge in &facts.edges {
        state_edge(stated, edge, names)?;
    }
    for edge in &facts.field_edges {
        state_field_edge(stated, edge, names)?;
    }
    for selector in &facts.selectors {
        let owner = implied(
            stated,
            &selector.job.clone().job(),
            FactKind::Selectors,
            names,
        )?;
        let key = ClaimKey::Selector {
            writes: selector.side == Side::Writes,
            namespace: selector.namespace.as_str().into(),
            pattern: selector.pattern.as_str().into(),
        };
        let evidence = selector.evidence.as_ref().map(evidence_record);
        put(stated, owner, key, ClaimBody::Edge { evidence });
    }
    for alias in &facts.aliases {
        let owner = implied(stated, &alias.of, FactKind::Aliases, names)?;
        let other = names.index_of(&AssetName {
            kind: alias.of.kind,
            name: alias.alias.clone(),
        })?;
        let body = ClaimBody::Alias {
            reason: alias.reason.clone(),
            evidence: alias.evidence.as_ref().map(evidence_record),
        };
        if owner != other {
            put(stated, owner, ClaimKey::Alias(other), body);
        }
    }
    for attribute in &facts.attributes {
        let owner = implied(stated, &attribute.on, FactKind::Attributes, names)?;
        let key = ClaimKey::Attribute {
            field: attribute.field.as_ref().map(|f| f.as_str().into()),
            key: attribute.key.as_str().into(),
            value: attribute.value.clone(),
        };
        put(stated, owner, key, ClaimBody::None);
    }
    for facet in &facts.facets {
        let owner = implied(stated, &facet.on, FactKind::Facets, names)?;
        let key = ClaimKey::Facet(facet.name.as_str().into());
        put(stated, owner, key, ClaimBody::Json(facet.json.clone()));
    }
    for edge in &facts.field_edges {
        state_way(stated, edge, names)?;
    }
    for run in &facts.runs {
        implied(stated, &run.job.clone().job(), FactKind::Jobs, names)?;
    }
    Ok(())
}

fn state_dataset<N: Names>(
    stated: &mut Stated,
    dataset: &DatasetFact,
    names: &mut N,
) -> Result<(), N::Error> {
    let owner = names.index_of(&dataset.name.clone().dataset())?;
    let body = EntityBody {
        r#type: dataset.r#type.as_str().into(),
        is_declared: dataset.is_declared,
        implied_by: 0,
        description: dataset.description.clone(),
        sql: None,
        parent: None,
        evidence: dataset.evidence.as_ref().map(evidence_record),
    };
    put(stated, owner, ClaimKey::Entity, ClaimBody::Entity(body));
    for (position, field) in dataset.fields.iter().enumerate() {
        let body = ClaimBody::Field {
            position: position as u32,
            r#type: field.r#type.clone(),
            description: field.description.clone(),
        };
        put(
            stated,
            owner,
            ClaimKey::Field(field.name.as_str().into()),
            body,
        );
    }
    Ok(())
}

fn state_job<N: Names>(stated: &mut Stated, job: &JobFact, names: &mut N) -> Result<(), N::Error> {
    let owner = names.index_of(&job.name.clone().job())?;
    let parent = match &job.parent {
        Some(parent) => Some(implied(
            stated,
            &parent.clone().job(),
            FactKind::Jobs,
            names,
        )?),
        None => None,
    };
    let body = EntityBody {
        r#type: job.r#type.as_str().into(),
        is_declared: true,
        implied_by: 0,
        description: job.description.clone(),
        sql: job.sql.clone(),
        parent,
        evidence: job.evidence.as_ref().map(evidence_record),
    };
    put(stated, owner, ClaimKey::Entity, ClaimBody::Entity(body));
    Ok(())
}

fn state_edge<N: Names>(
    stated: &mut Stated,
    edge: &EdgeFact,
    names: &mut N,
) -> Result<(), N::Error> {
    let from = implied(stated, &edge.from, FactKind::Edges, names)?;
    let to = implied(stated, &edge.to, FactKind::Edges, names)?;
    let via = implied_job(stated, edge.via.as_ref(), FactKind::Edges, names)?;
    let (owner, key) = match edge.kind() {
        EdgeKind::Reads => (to, ClaimKey::Reads(from)),
        EdgeKind::Writes => (from, ClaimKey::Writes(to)),
        EdgeKind::Derives => (to, ClaimKey::Derives { from, via }),
        EdgeKind::Follows => (to, ClaimKey::Follows(from)),
    };
    let evidence = edge.evidence.as_ref().map(evidence_record);
    if edge.kind() == EdgeKind::Writes && via == Some(from) {
        let body = ClaimBody::Edge {
            evidence: evidence.clone(),
        };
        put(stated, to, ClaimKey::OriginsStated { via: from }, body);
    }
    put(stated, owner, key, ClaimBody::Edge { evidence });
    Ok(())
}

fn state_field_edge<N: Names>(
    stated: &mut Stated,
    edge: &FieldEdgeFact,
    names: &mut N,
) -> Result<(), N::Error> {
    let from = implied(
        stated,
        &edge.from.dataset.clone().dataset(),
        FactKind::FieldEdges,
        names,
    )?;
    let owner = implied(
        stated,
        &edge.to.dataset.clone().dataset(),
        FactKind::FieldEdges,
        names,
    )?;
    let key = ClaimKey::FieldDerives {
        to_field: edge.to.field.as_ref().map(|f| f.as_str().into()),
        from,
        from_field: edge.from.field.as_ref().map(|f| f.as_str().into()),
        via: implied_job(stated, edge.via.as_ref(), FactKind::FieldEdges, names)?,
    };
    let transformation = |t: &headwater_model::Transformation| TransformationRecord {
        is_direct: t.is_direct,
        subtype: t.subtype.clone(),
        description: t.description.clone(),
        is_masking: t.is_masking,
    };
    let body = ClaimBody::FieldEdge {
        transformations: edge.transformations.iter().map(transformation).collect(),
        evidence: edge.evidence.as_ref().map(evidence_record),
    };
    put(stated, owner, key, body);
    Ok(())
}

/// Where data flows between fields, it flows between their datasets: said as the job's reading and writing, or as a
/// derivation if no job is known, unless the facts say so themselves.
fn state_way<N: Names>(
    stated: &mut Stated,
    edge: &FieldEdgeFact,
    names: &mut N,
) -> Result<(), N::Error> {
    let from = names.index_of(&edge.from.dataset.clone().dataset())?;
    let to = names.index_of(&edge.to.dataset.clone().dataset())?;
    let via = implied_job(stated, edge.via.as_ref(), FactKind::FieldEdges, names)?;
    let derives = ClaimKey::Derives { from, via };
    let says = |owner: u32, key: &ClaimKey| {
        stated
            .get(&owner)
            .is_some_and(|claims| claims.contains_key(key))
    };
    if from == to || says(to, &derives) {
        return Ok(());
    }
    let ways = match via {
        None => vec![(to, derives)],
        Some(job) => vec![(job, ClaimKey::Reads(from)), (job, ClaimKey::Writes(to))],
    };
    for (owner, key) in ways {
        let claims = stated.entry(owner).or_default();
        claims
            .entry(key)
            .or_insert(ClaimBody::Edge { evidence: None });
    }
    Ok(())
}

fn implied_job<N: Names>(
    stated: &mut Stated,
    job: Option<&QualifiedName>,
    by: FactKind,
    names: &mut N,
) -> Result<Option<u32>, N::Error> {
    job.map(|job| implied(stated, &job.clone().job(), by, names))
        .transpose()
}

/// Whoever uses a name in a fact says that the asset exists, for as long as such a fact holds.
fn implied<N: Names>(
    stated: &mut Stated,
    name: &AssetName,
    by: FactKind,
    names: &mut N,
) -> Result<u32, N::Error> {
    let owner = names.index_of(name)?;
    let bit = Coverage::NONE.with(by).bits();
    let claims = stated.entry(owner).or_default();
    let claim = claims.entry(ClaimKey::Entity).or_insert_with(|| {
        ClaimBody::Entity(EntityBody {
            r#type: unspecific(name.kind),
            is_declared: false,
            implied_by: bit,
            description: None,
            sql: None,
            parent: None,
            evidence: None,
        })
    });
    if let ClaimBody::Entity(entity) = claim
        && entity.is_implied()
    {
        entity.implied_by |= bit;
    }
    Ok(owner)
}

fn unspecific(kind: AssetKind) -> Str {
    match kind {
        AssetKind::Dataset => "DATASET".into(),
        AssetKind::Job => "JOB".into(),
    }
}

fn put(stated: &mut Stated, owner: u32, key: ClaimKey, body: ClaimBody) {
    let claims = stated.entry(owner).or_default();
    match claims.get_mut(&key) {
        Some(older) => merge(older, body),
        None => {
            claims.insert(key, body);
        }
    }
}

/// The newer word counts; what it leaves open is kept.
fn merge(older: &mut ClaimBody, newer: ClaimBody) {
    match (older, newer) {
        (ClaimBody::Entity(older), ClaimBody::Entity(newer)) => {
            let is_specific = !matches!(&*newer.r#type, "DATASET" | "JOB");
            if is_specific {
                older.r#type = newer.r#type;
            }
            older.is_declared |= newer.is_declared;
            older.implied_by = match (older.implied_by, newer.implied_by) {
                (0, _) | (_, 0) => 0,
                (older, newer) => older | newer,
            };
            older.description = newer.description.or_else(|| older.description.take());
            older.sql = newer.sql.or_else(|| older.sql.take());
            older.parent = newer.parent.or(older.parent);
            older.evidence = newer.evidence.or_else(|| older.evidence.take());
        }
        (
            ClaimBody::Field {
                position,
                r#type,
                description,
            },
            ClaimBody::Field {
                position: newer_position,
                r#type: newer_type,
                description: newer_description,
            },
        ) => {
            *position = newer_position;
            *r#type = newer_type.or_else(|| r#type.take());
            *description = newer_description.or_else(|| description.take());
        }
        (older, newer) => *older = newer,
    }
}

/// What a claim says after a statement that does not cover it says it again: what the statement leaves open is kept,
/// and so is the order of fields. Outcomes of checks come piece by piece, and are united.
pub(crate) fn supplemented(key: &ClaimKey, older: &ClaimBody, newer: ClaimBody) -> ClaimBody {
    if let (ClaimKey::Facet(name), ClaimBody::Json(old), ClaimBody::Json(new)) =
        (key, older, &newer)
    {
        if **name == *CHECKS_FACET
            && let Some(united) = merge_checks(old, new)
        {
            return ClaimBody::Json(united.into());
        }
        return newer;
    }
    let mut whole = older.clone();
    merge(&mut whole, newer);
    if let (ClaimBody::Field { position, .. }, ClaimBody::Field { position: was, .. }) =
        (&mut whole, older)
    {
        *position = *was;
    }
    whole
}

/// The most bytes of each text of a finding that are kept.
const MESSAGE_BYTES_MAX: usize = 16 << 10;

pub(crate) fn diagnostic_record(diagnostic: &Diagnostic) -> DiagnosticRecord {
    let cut = |text: &Str| Str::from(&text[..text.floor_char_boundary(MESSAGE_BYTES_MAX)]);
    let place = diagnostic.at.as_ref().map(evidence_record);
    DiagnosticRecord {
        severity: diagnostic.severity as u8,
        code: cut(&diagnostic.code),
        message: cut(&diagnostic.message),
        at: place.map(|at| EvidenceRecord {
            artifact: cut(&at.artifact),
            pointer: at.pointer.as_ref().map(cut),
            ..at
        }),
    }
}

pub(crate) fn evidence_record(evidence: &Evidence) -> EvidenceRecord {
    EvidenceRecord {
        artifact: evidence.artifact.clone(),
        pointer: evidence.pointer.clone(),
        line: evidence.line,
        column: evidence.column,
    }
}
