//! Settling an entry: from what its claims touched to rows and edges of the graph.

use std::collections::{BTreeMap, BTreeSet};

use headwater_graph::{AssetFlags, AssetRow, Delta, EdgeKey, Snapshot as Graph};
use headwater_model::{AssetIndex, AssetKind};
use headwater_record::{
    BeforeRecord, DeltaRecord, DiagnosticRecord, EdgeRecord, RowRecord, Str, encode_value,
};
use headwater_store::Offset;

use crate::EngineError;
use crate::apply::columns::{Columns, domains_of_sources};
use crate::apply::{Applier, Counts, documents};
use crate::keys;

/// Assets in one value under the time of a turn.
const TURN_OWNERS_MAX: usize = 32 << 10;
/// Names of one asset besides the one that stands for it that patterns of domains are tried on.
const NAMES_CLAIMED_MAX: usize = 64;

impl Applier {
    /// Dataset or job, for names of this entry too.
    pub(crate) fn kind_of(&self, index: u32) -> AssetKind {
        if let Some(asset) = self.graph.asset(AssetIndex::new(index)) {
            return asset.kind;
        }
        let at = (index as usize).saturating_sub(self.graph.assets_count());
        match self.changes.names.get(at) {
            Some((true, _, _)) => AssetKind::Job,
            _ => AssetKind::Dataset,
        }
    }

    pub(crate) fn name_of(&self, index: u32) -> (Str, Str) {
        if let Some(asset) = self.graph.asset(AssetIndex::new(index)) {
            return (asset.namespace.into(), asset.name.into());
        }
        let at = (index as usize).saturating_sub(self.graph.assets_count());
        self.changes.names.get(at).map_or_else(
            || ("".into(), "".into()),
            |(_, namespace, name)| (namespace.clone(), name.clone()),
        )
    }

    /// Turns what the entry touched into one delta, applies it to the graph and keeps it under the offset.
    pub(crate) fn settle(&mut self, offset: Offset) -> Result<Counts, EngineError> {
        let counts = self.changes.counts;
        self.put_turns(offset);
        let delta = self.delta()?;
        self.changes = crate::apply::changes::Changes::default();
        if !delta.is_empty() {
            self.txn
                .put_parts(&keys::delta(offset), &encode_value(&delta));
            let documents: Vec<u32> = documents::touched(&delta).collect();
            let delta = graph_delta(&self.graph, &delta);
            self.graph = self.graph.apply(&delta)?;
            self.documents.extend(documents);
            if let Some(recent) = &mut self.recent {
                recent.push(delta);
            }
        }
        Ok(counts)
    }

    /// Keeps which assets something new is said of, under the time up to which it is.
    fn put_turns(&mut self, offset: Offset) {
        for (time, owners) in std::mem::take(&mut self.changes.turns) {
            let owners: Vec<u32> = owners.into_iter().collect();
            self.turns.note(offset, time, &owners);
            let prefix = keys::turn(time, offset);
            for (part, owners) in owners.chunks(TURN_OWNERS_MAX).enumerate() {
                let mut key = prefix.clone();
                key.extend_from_slice(&(part as u32).to_be_bytes());
                self.txn.put(key, encode_value(&owners));
            }
        }
    }

    fn delta(&mut self) -> Result<DeltaRecord, EngineError> {
        self.key_names()?;
        let identities = std::mem::take(&mut self.changes.identities);
        let moved = self.reclassify(&identities)?;
        let (added, removed) = self.edges(&moved)?;
        let fields = self.field_changes(&moved)?;
        let mut assets = std::mem::take(&mut self.changes.assets);
        let ends_added: BTreeSet<u32> = added.iter().flat_map(|e| [e.from, e.to]).collect();
        // An edge makes its ends live; of those that are, it changes nothing.
        assets.extend(ends_added.iter().filter(|index| !self.is_live(**index)));
        assets.extend(removed.iter().flat_map(|edge| [edge.from, edge.to]));
        for (member, canonical) in &moved {
            assets.extend([*member, *canonical, self.canonical(*member)]);
        }
        let of = |index: u32| {
            moved
                .get(&index)
                .copied()
                .unwrap_or_else(|| self.canonical(index))
        };
        let canonicals: BTreeSet<u32> = assets.iter().map(|index| of(*index)).collect();
        let touched: BTreeSet<u32> = assets.union(&canonicals).copied().collect();
        let mut rows = Vec::new();
        // An asset stands for itself before another points to it.
        for index in &canonicals {
            let row = self.row(*index, &moved, &ends_added, &removed)?;
            rows.extend(Some(row).filter(|row| self.differs(row)));
        }
        for index in touched.difference(&canonicals) {
            let canonical = moved
                .get(index)
                .copied()
                .unwrap_or_else(|| self.canonical(*index));
            let row = merged_row(*index, canonical);
            rows.extend(Some(row).filter(|row| self.differs(row)));
        }
        let mut documents = std::mem::take(&mut self.changes.documents);
        documents.extend(fields.new.iter().map(|(dataset, _)| *dataset));
        for row in &rows {
            documents.remove(&row.index);
        }
        let before = self.before(&rows);
        Ok(DeltaRecord {
            names: std::mem::take(&mut self.changes.names),
            rows,
            added: added.into_iter().collect(),
            removed: removed.into_iter().collect(),
            fields: fields.new,
            fields_added: fields.added,
            fields_removed: fields.removed,
            documents: documents.into_iter().collect(),
            before,
            runs_failed: std::mem::take(&mut self.changes.runs_failed),
            checks_failed: std::mem::take(&mut self.changes.checks_failed)
                .into_iter()
                .collect(),
        })
    }

    /// Edges that appear in the graph and edges that go away.
    fn edges(
        &mut self,
        moved: &BTreeMap<u32, u32>,
    ) -> Result<(BTreeSet<EdgeRecord>, BTreeSet<EdgeRecord>), EngineError> {
        let stated = std::mem::take(&mut self.changes.stated);
        let unstated = std::mem::take(&mut self.changes.unstated);
        let of = |index: u32| {
            moved
                .get(&index)
                .copied()
                .unwrap_or_else(|| self.canonical(index))
        };
        let canonical = |edge: &EdgeRecord| EdgeRecord {
            from: of(edge.from),
            to: of(edge.to),
            via: edge.via.map(of),
        };
        let mut alive: BTreeSet<EdgeRecord> = stated.iter().map(canonical).collect();
        let mut doubtful: BTreeSet<EdgeRecord> = unstated.iter().map(canonical).collect();
        if !moved.is_empty() {
            let mut members: BTreeSet<u32> = moved.keys().chain(moved.values()).copied().collect();
            members.extend(moved.keys().map(|member| self.canonical(*member)));
            let raw = self.raw_edges_at(&members)?;
            alive.extend(raw.iter().map(canonical));
            doubtful.extend(self.graph_edges_at(&members));
        }
        let mut owners: BTreeMap<u32, BTreeSet<EdgeRecord>> = BTreeMap::new();
        for edge in doubtful.difference(&alive) {
            owners.entry(self.owner(edge)).or_default().insert(*edge);
        }
        let mut removed = BTreeSet::new();
        for (owner, edges) in owners {
            let held = self.canonical_edges_of(owner, moved)?;
            removed.extend(edges.difference(&held).copied());
            alive.extend(edges.intersection(&held).copied());
        }
        removed.retain(|edge| self.graph.has_edge(edge_key(edge)));
        alive.retain(|edge| !self.graph.has_edge(edge_key(edge)));
        Ok((alive, removed))
    }

    fn graph_edges_at(&self, members: &BTreeSet<u32>) -> BTreeSet<EdgeRecord> {
        let mut edges = BTreeSet::new();
        for member in members {
            let asset = AssetIndex::new(*member);
            let made = self.graph.outputs(asset).flat_map(|output| {
                self.graph
                    .edges_in(output)
                    .filter(move |edge| edge.via == Some(asset))
            });
            let around = self
                .graph
                .edges_out(asset)
                .chain(self.graph.edges_in(asset));
            edges.extend(around.chain(made).map(|edge| EdgeRecord {
                from: edge.from.get(),
                to: edge.to.get(),
                via: edge.via.map(AssetIndex::get),
            }));
        }
        edges
    }

    /// The asset whose claims state an edge: its job, else the end it points to.
    fn owner(&self, edge: &EdgeRecord) -> u32 {
        match (self.kind_of(edge.from), self.kind_of(edge.to)) {
            (AssetKind::Job, AssetKind::Dataset) => edge.from,
            _ => edge.to,
        }
    }

    /// The edges that anybody states with `canonical` as their owner, between assets that stand for themselves.
    fn canonical_edges_of(
        &self,
        canonical: u32,
        moved: &BTreeMap<u32, u32>,
    ) -> Result<BTreeSet<EdgeRecord>, EngineError> {
        let of = |index: u32| {
            moved
                .get(&index)
                .copied()
                .unwrap_or_else(|| self.canonical(index))
        };
        let mut edges = BTreeSet::new();
        for member in self.members(canonical, moved)? {
            for key in self.open_keys(member)? {
                if let Some(edge) = crate::apply::changes::raw_edge(member, &key) {
                    edges.insert(EdgeRecord {
                        from: of(edge.from),
                        to: of(edge.to),
                        via: edge.via.map(of),
                    });
                }
            }
        }
        Ok(edges)
    }

    /// The raw names for which `canonical` stands once this entry is settled.
    pub(crate) fn members(
        &self,
        canonical: u32,
        moved: &BTreeMap<u32, u32>,
    ) -> Result<BTreeSet<u32>, EngineError> {
        let mut members: BTreeSet<u32> = self
            .class_of(canonical)?
            .into_iter()
            .filter(|member| !moved.contains_key(member))
            .collect();
        members.extend(
            moved
                .iter()
                .filter(|(_, to)| **to == canonical)
                .map(|(from, _)| *from),
        );
        members.insert(canonical);
        Ok(members)
    }

    fn row(
        &mut self,
        canonical: u32,
        moved: &BTreeMap<u32, u32>,
        ends_added: &BTreeSet<u32>,
        removed: &BTreeSet<EdgeRecord>,
    ) -> Result<RowRecord, EngineError> {
        let mut columns = Columns::default();
        for member in self.members(canonical, moved)? {
            for (slot, record) in self
                .txn
                .reader()
                .claims(AssetIndex::new(member), Offset::MAX)?
            {
                columns.read(&self.sources, slot, &record.open);
            }
        }
        let kind = self.kind_of(canonical);
        let is_live = columns.has_sources() || self.will_have_edges(canonical, ends_added, removed);
        if !is_live && let Some(row) = retired_row(&self.graph, canonical) {
            return Ok(row);
        }
        let sources = columns.sources();
        let members: Vec<u32> = self.members(canonical, moved)?.into_iter().collect();
        let domain = self.domain(canonical, &members, kind, &sources);
        let owners = self.words_of(columns.owners());
        let tags = self.words_of(columns.tags());
        Ok(columns.row(canonical, kind, is_live, domain, (owners, tags)))
    }

    /// True if the graph has the asset and somebody says that it exists.
    fn is_live(&self, index: u32) -> bool {
        let asset = self.graph.asset(AssetIndex::new(index));
        asset.is_some_and(|asset| !asset.flags.contains(AssetFlags::RETIRED))
    }

    fn will_have_edges(
        &self,
        index: u32,
        ends_added: &BTreeSet<u32>,
        removed: &BTreeSet<EdgeRecord>,
    ) -> bool {
        if ends_added.contains(&index) {
            return true;
        }
        let asset = AssetIndex::new(index);
        let mut there = self
            .graph
            .edges_out(asset)
            .chain(self.graph.edges_in(asset));
        there.any(|edge| {
            !removed.contains(&EdgeRecord {
                from: edge.from.get(),
                to: edge.to.get(),
                via: edge.via.map(AssetIndex::get),
            })
        })
    }

    /// The domain that claims an asset: by a pattern for its name, else for another of its names, else that of the
    /// sources that declare it (name it, for a job).
    fn domain(
        &mut self,
        index: u32,
        members: &[u32],
        kind: AssetKind,
        sources: &[u32],
    ) -> Option<u32> {
        let others = members.iter().filter(|member| **member != index);
        for member in [&index].into_iter().chain(others.take(NAMES_CLAIMED_MAX)) {
            let (namespace, name) = self.name_of(*member);
            if let Some(domain) = self.claimants.domain_of(kind, &namespace, &name) {
                let domain = domain.to_owned();
                return Some(self.intern(&domain));
            }
        }
        let (namespace, name) = self.name_of(index);
        let domains = domains_of_sources(&self.sources, kind, sources);
        if domains.len() > 1 {
            let names: Vec<&str> = domains.iter().map(|name| &**name).collect();
            self.findings.push(DiagnosticRecord {
                severity: 1,
                code: "domain/disagreement".into(),
                message: format!(
                    "{namespace}/{name} is declared by sources of several domains ({}), so it belongs to none; claim it with a pattern in the mesh file",
                    names.join(", ")
                )
                .into(),
                at: None,
            });
            return None;
        }
        domains.first().map(|name| self.intern(name))
    }

    /// Gives every asset its domain anew, after the mesh changed.
    pub(crate) fn assign_domains(&mut self) {
        let domains: Vec<String> = self
            .claimants
            .mesh()
            .domains()
            .iter()
            .map(|d| d.name.to_string())
            .collect();
        for name in domains {
            self.intern(&name);
        }
        let mut others: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for asset in self.graph.assets() {
            if asset.canonical != asset.index {
                let of = others.entry(asset.canonical.get()).or_default();
                of.push(asset.index.get());
            }
        }
        for index in 0..self.graph.assets_count() as u32 {
            let Some(asset) = self.graph.asset(AssetIndex::new(index)) else {
                continue;
            };
            if asset.canonical.get() != index {
                continue;
            }
            let (kind, before, sources) = (asset.kind, asset.domain, asset.sources.to_vec());
            let members = others.get(&index).map_or(&[][..], Vec::as_slice);
            if self.domain(index, members, kind, &sources) != before {
                self.changes.assets.insert(index);
            }
        }
        self.findings.clear();
    }

    /// What those of `rows` were before that were shown.
    fn before(&self, rows: &[RowRecord]) -> Vec<BeforeRecord> {
        let shown = rows.iter().filter_map(|row| {
            let asset = self.graph.asset(AssetIndex::new(row.index))?;
            crate::ask::is_shown(&asset).then_some(asset)
        });
        shown
            .map(|asset| BeforeRecord {
                index: asset.index.get(),
                r#type: asset.asset_type.into(),
                domain: asset.domain,
                owners: asset.owners.to_vec(),
                tags: asset.tags.to_vec(),
            })
            .collect()
    }

    fn differs(&self, row: &RowRecord) -> bool {
        differs(&self.graph, row)
    }
}

/// True if the graph's columns of the asset are not those.
pub(crate) fn differs(graph: &Graph, row: &RowRecord) -> bool {
    let Some(asset) = graph.asset(AssetIndex::new(row.index)) else {
        return true;
    };
    asset.canonical.get() != row.canonical
        || *asset.asset_type != *row.r#type
        || asset.domain != row.domain
        || asset.owners != row.owners
        || asset.tags != row.tags
        || asset.sources != row.sources
        || asset.flags != flags(row, asset.kind)
}

/// The columns of an asset that nobody asserts: what was last said of it. None if nothing was.
pub(crate) fn retired_row(graph: &Graph, index: u32) -> Option<RowRecord> {
    let asset = graph.asset(AssetIndex::new(index))?;
    Some(RowRecord {
        index,
        canonical: index,
        r#type: asset.asset_type.into(),
        domain: asset.domain,
        owners: asset.owners.to_vec(),
        tags: asset.tags.to_vec(),
        sources: Vec::new(),
        is_live: false,
        is_declared: false,
        is_output_port: false,
    })
}

fn merged_row(index: u32, canonical: u32) -> RowRecord {
    RowRecord {
        index,
        canonical,
        r#type: "".into(),
        domain: None,
        owners: Vec::new(),
        tags: Vec::new(),
        sources: Vec::new(),
        is_live: false,
        is_declared: false,
        is_output_port: false,
    }
}

fn flags(row: &RowRecord, kind: AssetKind) -> AssetFlags {
    let mut flags = AssetFlags::empty();
    let is_unresolved = kind == AssetKind::Dataset && row.is_live && !row.is_declared;
    for (is_set, flag) in [
        (row.is_declared, AssetFlags::DECLARED),
        (is_unresolved, AssetFlags::UNRESOLVED),
        (row.is_output_port, AssetFlags::OUTPUT_PORT),
        (!row.is_live, AssetFlags::RETIRED),
    ] {
        if is_set {
            flags = flags.with(flag);
        }
    }
    flags
}

fn edge_key(edge: &EdgeRecord) -> EdgeKey {
    EdgeKey {
        from: AssetIndex::new(edge.from),
        to: AssetIndex::new(edge.to),
        via: edge.via.map(AssetIndex::new),
    }
}

/// The delta as the graph takes it: names, then edges away, then rows, then edges in.
pub(crate) fn graph_delta(graph: &Graph, record: &DeltaRecord) -> Delta {
    let mut delta = Delta::new();
    let first = graph.assets_count() as u32;
    let mut rows: BTreeMap<u32, AssetRow> = BTreeMap::new();
    for (at, (is_job, namespace, name)) in record.names.iter().enumerate() {
        let asset = AssetIndex::new(first + at as u32);
        let kind = if *is_job {
            AssetKind::Job
        } else {
            AssetKind::Dataset
        };
        let row = AssetRow::new(asset, kind, namespace, name);
        rows.insert(asset.get(), row.clone());
        delta.add_asset(asset, row);
    }
    for edge in &record.removed {
        let key = edge_key(edge);
        delta.remove_edge(key.from, key.to, key.via);
    }
    for record in &record.rows {
        let asset = AssetIndex::new(record.index);
        let base = rows
            .get(&record.index)
            .cloned()
            .or_else(|| graph.asset(asset).map(|known| known.to_row()));
        let Some(mut row) = base else { continue };
        row.canonical = AssetIndex::new(record.canonical);
        row.asset_type = (*record.r#type).into();
        row.domain = record.domain;
        row.owners.clone_from(&record.owners);
        row.tags.clone_from(&record.tags);
        row.sources.clone_from(&record.sources);
        row.flags = flags(record, row.kind);
        delta.set_row(asset, row);
    }
    for edge in &record.added {
        let key = edge_key(edge);
        delta.add_edge(key.from, key.to, key.via);
    }
    super::fields::add_to(&mut delta, graph.fields_count(), record);
    delta
}
