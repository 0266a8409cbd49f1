//! What sources say of edges, read for many edges at once.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{AssetIndex, EdgeKind};
use headwater_record::{Claim, ClaimBody, ClaimKey, EvidenceRecord};

use crate::AskError;
use crate::ask::batch::ClassClaims;
use crate::ask::details::AssertionView;
use crate::ask::field_edges::{FieldEdgeView, TransformationView, entity};
use crate::ask::view::{EdgeView, View};
use crate::ask::walks::WalkEdge;
use crate::keys::SlotKey;

/// What an assertion of the way through a job rests on.
const THROUGH_JOB: &str = "the job reads it, and nobody states the origins of what the job writes";

/// What sources say of an edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EdgeStatement {
    /// How values are taken in, ordered; of an edge between datasets, by all its edges between fields.
    pub transformations: Vec<TransformationView>,
    /// Who says so, in the order in which they first did.
    pub asserted_by: Vec<AssertionView>,
}

/// A claim that asserts an edge: its slot, the raw asset that owns it, the claim, and what says so.
pub(crate) type Asserting = (SlotKey, AssetIndex, Claim, Option<EvidenceRecord>);

/// The asset that the claims of an edge are put with.
fn owner(edge: &WalkEdge) -> AssetIndex {
    match edge {
        WalkEdge::Assets(edge) if edge.kind == EdgeKind::Writes => edge.from,
        WalkEdge::Assets(edge) => edge.to,
        WalkEdge::Fields(edge) => edge.to.asset(),
    }
}

impl View {
    /// What sources say of each of `edges`, in their order. How often the state is called does not depend on how many
    /// there are.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn edge_statements(&self, edges: &[WalkEdge]) -> Result<Vec<EdgeStatement>, AskError> {
        let mut found = self.stated_edges(edges)?;
        // The way through a job is asserted by whoever says that the job reads its beginning.
        let through: BTreeMap<&WalkEdge, WalkEdge> = edges
            .iter()
            .filter(|edge| found[*edge].asserted_by.is_empty())
            .filter_map(|edge| Some((edge, way_in(edge)?)))
            .collect();
        let ways_in: Vec<WalkEdge> = through.values().cloned().collect();
        let reads = self.stated_edges(&ways_in)?;
        for (edge, way_in) in &through {
            let statement = found.entry(edge).or_default();
            statement.asserted_by.clone_from(&reads[way_in].asserted_by);
            for assertion in &mut statement.asserted_by {
                assertion.note = Some(THROUGH_JOB.into());
            }
        }
        Ok(edges.iter().map(|edge| found[edge].clone()).collect())
    }

    /// What is said of the edges themselves; each has an entry.
    fn stated_edges<'a>(
        &self,
        edges: &'a [WalkEdge],
    ) -> Result<BTreeMap<&'a WalkEdge, EdgeStatement>, AskError> {
        let wanted: BTreeMap<&WalkEdge, usize> = edges.iter().zip(0..).collect();
        let mut transformations: BTreeMap<usize, BTreeSet<TransformationView>> = BTreeMap::new();
        let (mut asserting, mut of_edge): (Vec<Asserting>, Vec<usize>) = (Vec::new(), Vec::new());
        let owners: BTreeSet<AssetIndex> = edges.iter().map(owner).collect();
        let owners: Vec<AssetIndex> = owners.into_iter().collect();
        for (owner, class) in owners.iter().zip(self.class_claims(&owners)?) {
            for (slot, member, claim) in open_claims(class) {
                let Some(edge) = self.edge_of(*owner, &claim.key) else {
                    continue;
                };
                if let ClaimBody::FieldEdge {
                    transformations: said,
                    ..
                } = &claim.body
                {
                    let between = between_datasets(&edge).and_then(|edge| wanted.get(&edge));
                    let by_name = wanted.get(&edge);
                    for at in between.into_iter().chain(by_name) {
                        let all = transformations.entry(*at).or_default();
                        all.extend(said.iter().cloned());
                    }
                }
                let evidence = match &claim.body {
                    ClaimBody::Edge { evidence } | ClaimBody::FieldEdge { evidence, .. } => {
                        evidence.clone()
                    }
                    _ => continue,
                };
                if let Some(at) = wanted.get(&edge) {
                    of_edge.push(*at);
                    asserting.push((slot, member, claim, evidence));
                }
            }
        }
        let mut found: BTreeMap<&WalkEdge, EdgeStatement> = BTreeMap::new();
        let mut asserted: BTreeMap<usize, Vec<AssertionView>> = BTreeMap::new();
        for (at, assertion) in of_edge.into_iter().zip(self.assertions_of(asserting)?) {
            asserted.entry(at).or_default().push(assertion);
        }
        for (edge, at) in wanted {
            let mut asserted_by = asserted.remove(&at).unwrap_or_default();
            asserted_by.sort_by_key(|assertion| (assertion.asserted_at, assertion.source));
            let said = transformations.remove(&at).unwrap_or_default();
            let statement = EdgeStatement {
                transformations: said.into_iter().collect(),
                asserted_by,
            };
            found.insert(edge, statement);
        }
        Ok(found)
    }

    /// The edge that a claim of `owner` states, between assets that stand for themselves.
    pub(crate) fn edge_of(&self, owner: AssetIndex, key: &ClaimKey) -> Option<WalkEdge> {
        let canonical = |index: u32| self.graph().canonical(AssetIndex::new(index));
        let between = |from, to, kind, via| {
            WalkEdge::Assets(EdgeView {
                from,
                to,
                kind,
                via,
            })
        };
        Some(match key {
            ClaimKey::Reads(from) => between(canonical(*from)?, owner, EdgeKind::Reads, None),
            ClaimKey::Writes(to) => between(owner, canonical(*to)?, EdgeKind::Writes, None),
            ClaimKey::Follows(from) => between(canonical(*from)?, owner, EdgeKind::Follows, None),
            ClaimKey::Derives { from, via } => {
                let via = via.and_then(canonical);
                between(canonical(*from)?, owner, EdgeKind::Derives, via)
            }
            ClaimKey::FieldDerives {
                to_field,
                from,
                from_field,
                via,
            } => WalkEdge::Fields(FieldEdgeView {
                from: entity((canonical(*from)?, from_field.clone())),
                to: entity((owner, to_field.clone())),
                via: via.and_then(canonical),
            }),
            _ => return None,
        })
    }

    /// Those of `edges` that stand for "all origins are stated", and are not shown: edges of a dataset to itself that
    /// nobody states. Edges that can't be looked up are shown.
    pub(crate) fn edges_that_only_close_ways(&self, edges: &[EdgeView]) -> BTreeSet<EdgeView> {
        let loops: Vec<EdgeView> = edges
            .iter()
            .filter(|edge| {
                edge.from == edge.to && edge.kind == EdgeKind::Derives && edge.via.is_some()
            })
            .copied()
            .collect();
        let owners: BTreeSet<AssetIndex> = loops.iter().map(|edge| edge.to).collect();
        let owners: Vec<AssetIndex> = owners.into_iter().collect();
        let Ok(classes) = self.class_claims(&owners) else {
            return BTreeSet::new();
        };
        let mut closing: BTreeSet<EdgeView> = loops.into_iter().collect();
        for (owner, class) in owners.into_iter().zip(classes) {
            for (_, _, claim) in open_claims(class) {
                if let Some(WalkEdge::Assets(edge)) = self.edge_of(owner, &claim.key) {
                    closing.remove(&edge);
                }
            }
        }
        closing
    }

    /// Who asserts an edge.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn edge_assertions(&self, edge: &WalkEdge) -> Result<Vec<AssertionView>, AskError> {
        let found = self.edge_statements(std::slice::from_ref(edge))?.pop();
        Ok(found.unwrap_or_default().asserted_by)
    }
}

/// Every claim that holds: its slot, the raw asset that it is put with, and the claim.
pub(crate) fn open_claims(
    class: ClassClaims,
) -> impl Iterator<Item = (SlotKey, AssetIndex, Claim)> {
    class.into_iter().flat_map(|(member, claims)| {
        claims.into_iter().flat_map(move |(slot, record)| {
            let open = record.open.into_iter();
            open.map(move |claim| (slot, member, claim))
        })
    })
}

/// The edge between their datasets that an edge between fields is a part of.
fn between_datasets(edge: &WalkEdge) -> Option<WalkEdge> {
    match edge {
        WalkEdge::Assets(_) => None,
        WalkEdge::Fields(edge) => Some(WalkEdge::Assets(EdgeView {
            from: edge.from.asset(),
            to: edge.to.asset(),
            kind: EdgeKind::Derives,
            via: edge.via,
        })),
    }
}

/// The step into the job that makes an edge between datasets.
fn way_in(edge: &WalkEdge) -> Option<WalkEdge> {
    match edge {
        WalkEdge::Assets(EdgeView {
            from,
            kind: EdgeKind::Derives,
            via: Some(job),
            ..
        }) => Some(WalkEdge::Assets(EdgeView {
            from: *from,
            to: *job,
            kind: EdgeKind::Reads,
            via: None,
        })),
        _ => None,
    }
}
