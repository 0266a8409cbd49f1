//! Edges between fields: how values are taken in, who says so, and the links of one field.

use std::collections::{BTreeMap, BTreeSet};

use headwater_graph::Direction;
use headwater_model::AssetIndex;
use headwater_record::{ClaimBody, ClaimKey, Str, TransformationRecord};

use crate::AskError;
use crate::ask::details::AssertionView;
use crate::ask::view::View;
use crate::ask::walks::WalkEntity;

/// How a value is taken in.
pub type TransformationView = TransformationRecord;

/// An edge between fields, or between a field and a dataset as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldEdgeView {
    /// Where data comes from.
    pub from: WalkEntity,
    /// Where it goes.
    pub to: WalkEntity,
    /// The job that does it, if known.
    pub via: Option<AssetIndex>,
}

/// A link of a field, one step away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldLinkView {
    /// Where data comes from.
    pub from: (AssetIndex, Str),
    /// Where it goes.
    pub to: (AssetIndex, Str),
    /// The job that does it, if known.
    pub via: Option<AssetIndex>,
    /// How values are taken in.
    pub transformations: Vec<TransformationView>,
    /// Who says so.
    pub asserted_by: Vec<AssertionView>,
}

/// A field of an asset that stands for itself; without a name the dataset as a whole.
type End = (AssetIndex, Option<Str>);

/// What sources say of one edge.
#[derive(Default)]
struct Stated {
    transformations: BTreeSet<TransformationView>,
    asserted_by: Vec<AssertionView>,
}

/// What is said of edges between fields, by from, to and via.
type Edges = BTreeMap<(End, End, Option<AssetIndex>), Stated>;

impl View {
    /// Everything that is said of edges between fields into a dataset, of those that `is_wanted`.
    fn edges_into(
        &self,
        dataset: AssetIndex,
        is_wanted: impl Fn(&End, &End, Option<AssetIndex>) -> bool,
    ) -> Result<Edges, AskError> {
        let canonical = |index: u32| self.graph().canonical(AssetIndex::new(index));
        let mut edges = Edges::new();
        let (mut claims, mut keys) = (Vec::new(), Vec::new());
        for (owner, of_slots) in self.class_claims(&[dataset])?.pop().unwrap_or_default() {
            let open = of_slots
                .into_iter()
                .flat_map(|(slot, record)| record.open.into_iter().map(move |claim| (slot, claim)));
            for (slot, claim) in open {
                let ClaimKey::FieldDerives {
                    to_field,
                    from,
                    from_field,
                    via,
                } = &claim.key
                else {
                    continue;
                };
                let Some(from) = canonical(*from) else {
                    continue;
                };
                let (from, to) = ((from, from_field.clone()), (dataset, to_field.clone()));
                let via = via.and_then(canonical);
                let ClaimBody::FieldEdge {
                    transformations,
                    evidence,
                } = &claim.body
                else {
                    continue;
                };
                if is_wanted(&from, &to, via) {
                    let stated: &mut Stated =
                        edges.entry((from.clone(), to.clone(), via)).or_default();
                    stated
                        .transformations
                        .extend(transformations.iter().cloned());
                    let evidence = evidence.clone();
                    keys.push((from, to, via));
                    claims.push((slot, owner, claim, evidence));
                }
            }
        }
        for (key, assertion) in keys.into_iter().zip(self.assertions_of(claims)?) {
            edges.entry(key).or_default().asserted_by.push(assertion);
        }
        for stated in edges.values_mut() {
            stated
                .asserted_by
                .sort_by_key(|assertion| (assertion.asserted_at, assertion.source));
        }
        Ok(edges)
    }

    fn stated(&self, edge: &FieldEdgeView) -> Result<Stated, AskError> {
        let (from, to) = (end(&edge.from), end(&edge.to));
        let mut edges =
            self.edges_into(to.0, |a, b, via| *a == from && *b == to && via == edge.via)?;
        Ok(edges
            .pop_first()
            .map(|(_, stated)| stated)
            .unwrap_or_default())
    }

    /// How an edge between fields takes values in.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn transformations(
        &self,
        edge: &FieldEdgeView,
    ) -> Result<Vec<TransformationView>, AskError> {
        Ok(self.stated(edge)?.transformations.into_iter().collect())
    }

    /// How any of some edges takes values in. What is said of each dataset that they enter is read once.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn transformations_of(
        &self,
        edges: &[FieldEdgeView],
    ) -> Result<Vec<TransformationView>, AskError> {
        let mut wanted: BTreeMap<AssetIndex, BTreeSet<(End, End, Option<AssetIndex>)>> =
            BTreeMap::new();
        for edge in edges {
            let (from, to) = (end(&edge.from), end(&edge.to));
            wanted.entry(to.0).or_default().insert((from, to, edge.via));
        }
        let mut found = BTreeSet::new();
        for (dataset, keys) in wanted {
            let stated = self.edges_into(dataset, |from, to, via| {
                keys.contains(&(from.clone(), to.clone(), via))
            })?;
            found.extend(
                stated
                    .into_values()
                    .flat_map(|stated| stated.transformations),
            );
        }
        Ok(found.into_iter().collect())
    }

    /// Who asserts an edge between fields.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn field_edge_assertions(
        &self,
        edge: &FieldEdgeView,
    ) -> Result<Vec<AssertionView>, AskError> {
        Ok(self.stated(edge)?.asserted_by)
    }

    /// How the edges between fields of two datasets take values in.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn transformations_between(
        &self,
        from: AssetIndex,
        to: AssetIndex,
        via: Option<AssetIndex>,
    ) -> Result<Vec<TransformationView>, AskError> {
        let edges = self.edges_into(to, |a, _, by| a.0 == from && by == via)?;
        let all: BTreeSet<TransformationView> = edges
            .into_values()
            .flat_map(|stated| stated.transformations)
            .collect();
        Ok(all.into_iter().collect())
    }

    /// The links of a field one step upstream or downstream, by the field at the other end.
    ///
    /// An edge that ends in a dataset as a whole links every field of it.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn field_links(
        &self,
        dataset: AssetIndex,
        name: &str,
        is_upstream: bool,
    ) -> Result<Vec<FieldLinkView>, AskError> {
        let is_here = |end: &End| end.0 == dataset && end.1.as_deref().is_none_or(|f| f == name);
        let mut edges = Edges::new();
        if is_upstream {
            edges = self.edges_into(dataset, |_, to, _| is_here(to))?;
        } else {
            for target in self.datasets_fed_by(dataset, name) {
                edges.extend(self.edges_into(target, |from, _, _| is_here(from))?);
            }
        }
        let here: Str = name.into();
        let mut links = Vec::new();
        for ((from, to, via), stated) in edges {
            let others = self.fields_at(if is_upstream { &from } else { &to })?;
            for other in others {
                let (from, to) = if is_upstream {
                    ((from.0, other), (dataset, here.clone()))
                } else {
                    ((dataset, here.clone()), (to.0, other))
                };
                links.push(FieldLinkView {
                    from,
                    to,
                    via,
                    transformations: stated.transformations.iter().cloned().collect(),
                    asserted_by: stated.asserted_by.clone(),
                });
            }
        }
        let key = |link: &FieldLinkView| (link.from.clone(), link.to.clone(), link.via);
        links.sort_by_key(key);
        links.dedup_by(|later, first| {
            let is_same = key(later) == key(first);
            if is_same {
                // One by name and one by the whole dataset.
                first.transformations.append(&mut later.transformations);
                first.transformations.sort_unstable();
                first.transformations.dedup();
                first.asserted_by.append(&mut later.asserted_by);
            }
            is_same
        });
        Ok(links)
    }

    fn datasets_fed_by(&self, dataset: AssetIndex, name: &str) -> BTreeSet<AssetIndex> {
        let graph = self.graph();
        [Some(name), None]
            .into_iter()
            .filter_map(|name| graph.find_field(dataset, name))
            .flat_map(|field| graph.field_edges(field, Direction::Downstream))
            .filter_map(|edge| Some(graph.field(edge.to)?.dataset))
            .collect()
    }

    /// The field at an end, or all fields of the dataset.
    fn fields_at(&self, (dataset, name): &End) -> Result<Vec<Str>, AskError> {
        if let Some(name) = name {
            return Ok(vec![name.clone()]);
        }
        let fields = self.details(*dataset)?.fields;
        Ok(fields.into_iter().map(|field| field.name).collect())
    }
}

fn end(entity: &WalkEntity) -> End {
    match entity {
        WalkEntity::Asset(asset) => (*asset, None),
        WalkEntity::Field(asset, name) => (*asset, Some(name.clone())),
    }
}
