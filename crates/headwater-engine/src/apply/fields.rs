//! Edges between fields: which come and which go at the end of an entry.

use std::collections::{BTreeMap, BTreeSet};

use headwater_graph::{Delta, Direction, FieldEdgeKey, FieldIndex, Snapshot as Graph};
use headwater_model::{AssetIndex, AssetKind};
use headwater_record::{DeltaRecord, FieldEdgeRecord, Str};

use crate::EngineError;
use crate::apply::Applier;
use crate::apply::changes::{RawField, RawFieldEdge};

/// What changes in the field graph.
#[derive(Default)]
pub(crate) struct FieldChanges {
    /// Fields that are new, numbered on from the last.
    pub(crate) new: Vec<RawField>,
    pub(crate) added: Vec<FieldEdgeRecord>,
    pub(crate) removed: Vec<FieldEdgeRecord>,
}

impl Applier {
    /// Turns what slots began and ceased to state of fields, and the move of names, into changes of the field graph.
    pub(crate) fn field_changes(
        &mut self,
        moved: &BTreeMap<u32, u32>,
    ) -> Result<FieldChanges, EngineError> {
        let stated = std::mem::take(&mut self.changes.fields_stated);
        let unstated = std::mem::take(&mut self.changes.fields_unstated);
        let has_fields = self.graph.fields_count() > 0;
        if stated.is_empty() && unstated.is_empty() && (moved.is_empty() || !has_fields) {
            return Ok(FieldChanges::default());
        }
        let of = |index: u32| {
            let moved = moved.get(&index).copied();
            moved.unwrap_or_else(|| self.canonical(index))
        };
        let mut alive: BTreeSet<RawFieldEdge> = stated.iter().map(|edge| edge.map(of)).collect();
        let mut doubtful: BTreeSet<RawFieldEdge> =
            unstated.iter().map(|edge| edge.map(of)).collect();
        if !moved.is_empty() {
            let mut members: BTreeSet<u32> = moved.keys().chain(moved.values()).copied().collect();
            members.extend(moved.keys().map(|member| self.canonical(*member)));
            let known = self.graph_field_edges_at(&members);
            let raw = self.raw_field_edges_at(&members, &known)?;
            alive.extend(raw.iter().map(|edge| edge.map(of)));
            doubtful.extend(known);
        }
        let mut owners: BTreeMap<u32, Vec<&RawFieldEdge>> = BTreeMap::new();
        for edge in doubtful.difference(&alive) {
            owners.entry(edge.to.0).or_default().push(edge);
        }
        let mut removed = BTreeSet::new();
        for (owner, edges) in owners {
            let mut held = BTreeSet::new();
            for member in self.members(owner, moved)? {
                for key in self.open_keys(member)? {
                    held.extend(RawFieldEdge::of(member, &key).map(|edge| edge.map(of)));
                }
            }
            let gone = edges.into_iter().filter(|edge| !held.contains(*edge));
            removed.extend(gone.cloned());
        }
        Ok(self.numbered(&alive, &removed))
    }

    /// The changes by number, of edges that are not there yet, or are there still.
    fn numbered(
        &self,
        alive: &BTreeSet<RawFieldEdge>,
        removed: &BTreeSet<RawFieldEdge>,
    ) -> FieldChanges {
        let mut numbers = Numbers::new(&self.graph);
        let mut changes = FieldChanges::default();
        for edge in removed {
            if let (Some(from), Some(to)) = (numbers.get(&edge.from), numbers.get(&edge.to)) {
                let record = FieldEdgeRecord {
                    from,
                    to,
                    via: edge.via,
                };
                if self.graph.has_field_edge(key(&record)) {
                    changes.removed.push(record);
                }
            }
        }
        for edge in alive {
            let record = FieldEdgeRecord {
                from: numbers.get_or_add(&edge.from),
                to: numbers.get_or_add(&edge.to),
                via: edge.via,
            };
            let is_old = (record.from.max(record.to) as usize) < self.graph.fields_count();
            if !(is_old && self.graph.has_field_edge(key(&record))) {
                changes.added.push(record);
            }
        }
        changes.new = numbers.new;
        changes
    }

    /// The edges between fields that end in one of `members`, or that one of them makes.
    fn graph_field_edges_at(&self, members: &BTreeSet<u32>) -> BTreeSet<RawFieldEdge> {
        let mut edges = BTreeSet::new();
        let has_job = members
            .iter()
            .any(|member| self.kind_of(*member) == AssetKind::Job);
        if has_job {
            // Nothing leads from a job to the fields it makes; that names of jobs move is rare.
            let all = (0..self.graph.fields_count() as u32).map(FieldIndex::new);
            for field in all {
                let made = self
                    .graph
                    .field_edges(field, Direction::Downstream)
                    .filter(|edge| edge.via.is_some_and(|via| members.contains(&via.get())));
                edges.extend(made.map(|edge| raw_field_edge(&self.graph, edge)));
            }
        }
        for member in members {
            for field in self.graph.fields_of(AssetIndex::new(*member)) {
                for direction in [Direction::Downstream, Direction::Upstream] {
                    let around = self.graph.field_edges(field, direction);
                    edges.extend(around.map(|edge| raw_field_edge(&self.graph, edge)));
                }
            }
        }
        edges
    }

    /// Every raw edge between fields, stated by anybody now, that touches one of `members`; `known` are those that
    /// the graph has of them.
    fn raw_field_edges_at(
        &self,
        members: &BTreeSet<u32>,
        known: &BTreeSet<RawFieldEdge>,
    ) -> Result<BTreeSet<RawFieldEdge>, EngineError> {
        let mut owners = members.clone();
        for dataset in known
            .iter()
            .map(|edge| edge.to.0)
            .collect::<BTreeSet<u32>>()
        {
            owners.extend(self.class_of(dataset)?);
        }
        let mut edges = BTreeSet::new();
        for owner in owners {
            for key in self.open_keys(owner)? {
                let edge = RawFieldEdge::of(owner, &key);
                edges.extend(edge.filter(|edge| edge.touches(members)));
            }
        }
        Ok(edges)
    }
}

fn raw_field(graph: &Graph, field: FieldIndex) -> RawField {
    graph.field(field).map_or((0, None), |field| {
        (field.dataset.get(), field.name.map(Str::from))
    })
}

/// An edge between fields of the graph by names.
pub(crate) fn raw_field_edge(graph: &Graph, edge: FieldEdgeKey) -> RawFieldEdge {
    RawFieldEdge {
        from: raw_field(graph, edge.from),
        to: raw_field(graph, edge.to),
        via: edge.via.map(AssetIndex::get),
    }
}

/// Numbers of fields of a graph, and of those that are added to it.
pub(crate) struct Numbers<'a> {
    graph: &'a Graph,
    known: BTreeMap<RawField, u32>,
    /// Datasets whose fields are among the known.
    datasets: BTreeSet<u32>,
    pub(crate) new: Vec<RawField>,
}

impl<'a> Numbers<'a> {
    pub(crate) fn new(graph: &'a Graph) -> Self {
        Self {
            graph,
            known: BTreeMap::new(),
            datasets: BTreeSet::new(),
            new: Vec::new(),
        }
    }

    fn get(&mut self, field: &RawField) -> Option<u32> {
        if self.datasets.insert(field.0) {
            for of_dataset in self.graph.fields_of(AssetIndex::new(field.0)) {
                self.known
                    .insert(raw_field(self.graph, of_dataset), of_dataset.get());
            }
        }
        self.known.get(field).copied()
    }

    pub(crate) fn get_or_add(&mut self, field: &RawField) -> u32 {
        if let Some(number) = self.get(field) {
            return number;
        }
        let number = (self.graph.fields_count() + self.new.len()) as u32;
        self.new.push(field.clone());
        self.known.insert(field.clone(), number);
        number
    }
}

fn key(edge: &FieldEdgeRecord) -> FieldEdgeKey {
    FieldEdgeKey {
        from: FieldIndex::new(edge.from),
        to: FieldIndex::new(edge.to),
        via: edge.via.map(AssetIndex::new),
    }
}

/// Adds the changes of the field graph to a delta: edges away, then fields, then edges in.
pub(crate) fn add_to(delta: &mut Delta, fields_count: usize, record: &DeltaRecord) {
    for edge in &record.fields_removed {
        delta.remove_field_edge(key(edge));
    }
    for (at, (dataset, name)) in record.fields.iter().enumerate() {
        let field = FieldIndex::new((fields_count + at) as u32);
        delta.add_field(field, AssetIndex::new(*dataset), name.as_deref());
    }
    for edge in &record.fields_added {
        delta.add_field_edge(key(edge));
    }
}
