//! Edges between fields: how values are taken in, who says so, and the links of one field.

use std::collections::{BTreeMap, BTreeSet};

use headwater_graph::Direction;
use headwater_model::AssetIndex;
use headwater_record::{ClaimBody, Str, TransformationRecord};

use crate::AskError;
use crate::ask::details::{AssertionView, FieldView};
use crate::ask::edges::{EdgeStatement, open_claims};
use crate::ask::view::View;
use crate::ask::walks::{WalkEdge, WalkEntity};

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

/// Whose links are asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldLinksQuestion {
    /// The dataset.
    pub dataset: AssetIndex,
    /// Its field.
    pub field: Str,
    /// True for links to what it derives from, false for those to what derives from it.
    pub is_upstream: bool,
}

/// What is said of edges between fields, by from, to and via.
type Edges = BTreeMap<(End, End, Option<AssetIndex>), EdgeStatement>;

/// Positions of questions, by the dataset and the field that they ask about.
#[derive(Default)]
struct Asked(BTreeMap<AssetIndex, BTreeMap<Str, Vec<usize>>>);

impl Asked {
    fn put(&mut self, question: &FieldLinksQuestion, at: usize) {
        let fields = self.0.entry(question.dataset).or_default();
        let positions = fields.entry(question.field.clone()).or_default();
        positions.push(at);
    }

    /// Whoever asks about that end: of a whole dataset, about any field of it.
    fn at(&self, (dataset, field): &End) -> Vec<usize> {
        match (self.0.get(dataset), field) {
            (None, _) => Vec::new(),
            (Some(fields), None) => fields.values().flatten().copied().collect(),
            (Some(fields), Some(field)) => fields.get(field).cloned().unwrap_or_default(),
        }
    }
}

impl View {
    /// Everything that is said of the edges between fields that `questions` ask for; for each its own.
    fn edges_asked_for(&self, questions: &[FieldLinksQuestion]) -> Result<Vec<Edges>, AskError> {
        let (mut upstream, mut downstream) = (Asked::default(), Asked::default());
        let mut entered = BTreeSet::new();
        for (at, question) in questions.iter().enumerate() {
            if question.is_upstream {
                upstream.put(question, at);
                entered.insert(question.dataset);
            } else {
                downstream.put(question, at);
                entered.extend(self.datasets_fed_by(question.dataset, &question.field));
            }
        }
        let entered: Vec<AssetIndex> = entered.into_iter().collect();
        let mut edges = vec![Edges::new(); questions.len()];
        let (mut asserting, mut keys) = (Vec::new(), Vec::new());
        for (dataset, class) in entered.iter().zip(self.class_claims(&entered)?) {
            for (slot, member, claim) in open_claims(class) {
                let Some(WalkEdge::Fields(edge)) = self.edge_of(*dataset, &claim.key) else {
                    continue;
                };
                let ClaimBody::FieldEdge {
                    transformations,
                    evidence,
                } = &claim.body
                else {
                    continue;
                };
                let (from, to) = (end(&edge.from), end(&edge.to));
                let mut asked = upstream.at(&to);
                asked.extend(downstream.at(&from));
                if asked.is_empty() {
                    continue;
                }
                let key = (from, to, edge.via);
                for at in &asked {
                    let statement = edges[*at].entry(key.clone()).or_default();
                    let said = transformations.iter().cloned();
                    statement.transformations.extend(said);
                }
                let evidence = evidence.clone();
                keys.push((asked, key));
                asserting.push((slot, member, claim, evidence));
            }
        }
        for ((asked, key), assertion) in keys.into_iter().zip(self.assertions_of(asserting)?) {
            for at in asked {
                let statement = edges[at].entry(key.clone()).or_default();
                statement.asserted_by.push(assertion.clone());
            }
        }
        for statement in edges.iter_mut().flat_map(BTreeMap::values_mut) {
            statement.transformations.sort_unstable();
            statement.transformations.dedup();
            let said = &mut statement.asserted_by;
            said.sort_by_key(|assertion| (assertion.asserted_at, assertion.source));
        }
        Ok(edges)
    }

    /// The links of each of some fields, one step upstream or downstream, by the field at the other end. How often the
    /// state is called does not depend on how many there are.
    ///
    /// An edge that ends in a dataset as a whole links every field of it.
    ///
    /// # Errors
    /// [`AskError::Engine`] if the state can't be read.
    pub fn field_links(
        &self,
        questions: &[FieldLinksQuestion],
    ) -> Result<Vec<Vec<FieldLinkView>>, AskError> {
        let edges = self.edges_asked_for(questions)?;
        let other = |question: &FieldLinksQuestion, from: &End, to: &End| {
            if question.is_upstream { from } else { to }.clone()
        };
        let asked = questions.iter().zip(&edges);
        let wholes: BTreeSet<AssetIndex> = asked
            .flat_map(|(question, edges)| {
                edges.keys().map(|(from, to, _)| other(question, from, to))
            })
            .filter_map(|(dataset, field)| field.is_none().then_some(dataset))
            .collect();
        let wholes: Vec<AssetIndex> = wholes.into_iter().collect();
        let fields_of: BTreeMap<AssetIndex, Vec<FieldView>> = wholes
            .iter()
            .copied()
            .zip(self.details_many(&wholes)?)
            .map(|(dataset, details)| (dataset, details.fields))
            .collect();
        let links = questions.iter().zip(edges).map(|(question, edges)| {
            let mut links = Vec::new();
            for ((from, to, via), statement) in edges {
                let (dataset, field) = other(question, &from, &to);
                let others = if let Some(field) = field {
                    vec![field]
                } else {
                    let fields = fields_of.get(&dataset).into_iter().flatten();
                    fields.map(|field| field.name.clone()).collect()
                };
                let here = (question.dataset, question.field.clone());
                links.extend(others.into_iter().map(|name| {
                    let there = (dataset, name);
                    let (from, to) = if question.is_upstream {
                        (there, here.clone())
                    } else {
                        (here.clone(), there)
                    };
                    FieldLinkView {
                        from,
                        to,
                        via,
                        transformations: statement.transformations.clone(),
                        asserted_by: statement.asserted_by.clone(),
                    }
                }));
            }
            in_order(links)
        });
        Ok(links.collect())
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
}

/// Links by their ends, those between the same fields put together: one by name and one by the whole dataset.
fn in_order(mut links: Vec<FieldLinkView>) -> Vec<FieldLinkView> {
    let key = |link: &FieldLinkView| (link.from.clone(), link.to.clone(), link.via);
    links.sort_by_key(key);
    links.dedup_by(|later, first| {
        let is_same = key(later) == key(first);
        if is_same {
            first.transformations.append(&mut later.transformations);
            first.transformations.sort_unstable();
            first.transformations.dedup();
            first.asserted_by.append(&mut later.asserted_by);
        }
        is_same
    });
    links
}

/// What stands at an end.
pub(crate) fn entity((asset, field): (AssetIndex, Option<Str>)) -> WalkEntity {
    match field {
        Some(field) => WalkEntity::Field(asset, field),
        None => WalkEntity::Asset(asset),
    }
}

fn end(entity: &WalkEntity) -> End {
    match entity {
        WalkEntity::Asset(asset) => (*asset, None),
        WalkEntity::Field(asset, name) => (*asset, Some(name.clone())),
    }
}
