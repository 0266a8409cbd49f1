//! The graph as it held at a time.

use std::collections::BTreeSet;

use headwater_graph::{AssetSet, Direction, EdgeRef, Snapshot as Graph};
use headwater_model::{AssetIndex, AssetKind, EdgeKind};
use headwater_record::{Claim, DeltaRecord, EdgeRecord, FieldEdgeRecord, RowRecord, decode_value};

use crate::apply::{
    Columns, Numbers, RawFieldEdge, differs, domains_of_sources, graph_delta, raw_edge,
    raw_field_edge, retired_row,
};
use crate::ask::{ClaimsOf, View, held_at};
use crate::keys::{self, SlotKey};
use crate::published::Published;
use crate::{AskError, EngineError};

/// One asset in so many whose past differs: from there on all that is said is read from front to back.
pub(super) const SCAN_SHARE: usize = 16;

/// What a later offset needs to know of a held graph, so that it can be carried on.
pub(super) struct Basis {
    /// The assets of which anything begins or ends after the time.
    pub(super) turned: AssetSet,
    /// How many words there were, where a domain, an owner or a tag of then was none of them.
    words_count: Option<usize>,
}

impl Basis {
    pub(super) fn new(turned: AssetSet, now: &View, has_all_words: bool) -> Self {
        let words_count = (!has_all_words).then(|| now.shared.words.len());
        Self {
            turned,
            words_count,
        }
    }

    pub(super) fn had_all_words(&self) -> bool {
        self.words_count.is_none()
    }

    /// False if a word that was missing may be there by now.
    pub(super) fn has_all_words(&self, now: &View) -> bool {
        self.words_count
            .is_none_or(|count| count == now.shared.words.len())
    }
}

/// What `now` shows, as it held at `time`.
pub(super) fn published(now: &View, time: i64) -> Result<(Published, Basis), AskError> {
    let owners = turned(now, time)?;
    let graph = now.graph();
    let canonicals: BTreeSet<AssetIndex> = owners
        .into_iter()
        .filter_map(|owner| graph.canonical(AssetIndex::new(owner)))
        .collect();
    let canonicals: Vec<AssetIndex> = canonicals.into_iter().collect();
    let mut held = Held::new(now, graph);
    if canonicals.len() * SCAN_SHARE < graph.assets_count() {
        held.settle_all(&canonicals, time)?;
    } else {
        let mut said = all_held_at(now, time)?;
        let classes = now.classes(&canonicals)?;
        for (canonical, class) in canonicals.iter().zip(&classes) {
            let of_class = class.iter().map(|member| {
                let slots = said.get_mut(member.as_usize());
                (*member, slots.map(std::mem::take).unwrap_or_default())
            });
            held.settle(*canonical, &of_class.collect::<Vec<_>>());
        }
    }
    let (past, has_all_words) = held.finish()?;
    let mut turned = AssetSet::with_capacity(graph.assets_count());
    for canonical in canonicals {
        turned.insert(canonical);
    }
    let basis = Basis::new(turned, now, has_all_words);
    Ok((super::past(now, past, Some(time), None), basis))
}

/// The raw assets of which anything known begins or ends after `time`.
fn turned(now: &View, time: i64) -> Result<BTreeSet<u32>, EngineError> {
    let mut owners = BTreeSet::new();
    let (prefix, after) = (keys::turns_prefix(), keys::turns_after(time));
    for item in now.reader().scan_from(&prefix, &after) {
        let (key, part) = item?;
        if keys::parse_turn(&key).is_some_and(|offset| offset <= now.offset()) {
            owners.extend(decode_value::<Vec<u32>>("a turn", &part)?);
        }
    }
    Ok(owners)
}

/// What each slot said of each raw asset, of all assets, at `time`.
fn all_held_at(now: &View, time: i64) -> Result<Vec<ClaimsOf>, AskError> {
    let mut said: Vec<ClaimsOf> = vec![Vec::new(); now.graph().assets_count()];
    let mut current: Option<(AssetIndex, SlotKey)> = None;
    let mut versions: Vec<(SlotKey, u64, Vec<u8>)> = Vec::new();
    let mut finish = |of: Option<(AssetIndex, SlotKey)>, versions: &mut Vec<_>| {
        if let Some((owner, slot)) = of
            && let Some(slots) = said.get_mut(owner.as_usize())
        {
            for (_, versions) in crate::ask::decode_history(std::mem::take(versions))? {
                slots.push((slot, held_at(&versions, time)));
            }
        }
        Ok::<(), AskError>(())
    };
    let prefix = keys::all_claims();
    for item in now.reader().scan(&prefix) {
        let (key, part) = item?;
        let (Some(owner), Some((slot, version))) =
            (keys::parse_owner(&key), keys::parse_claims(&key))
        else {
            return Err(EngineError::Corrupt("a claim's key").into());
        };
        if version > now.offset() {
            continue;
        }
        if current != Some((owner, slot)) {
            finish(current.replace((owner, slot)), &mut versions)?;
        }
        match versions.last_mut() {
            Some((_, known, bytes)) if *known == version => bytes.extend(part),
            _ => versions.push((slot, version, part)),
        }
    }
    finish(current, &mut versions)?;
    Ok(said)
}

/// What differs between a graph that is there already and that of then.
pub(super) struct Held<'a> {
    now: &'a View,
    base: &'a Graph,
    numbers: Numbers<'a>,
    delta: DeltaRecord,
    has_all_words: bool,
}

impl<'a> Held<'a> {
    /// `base` has the assets of `now`, and each stands for the same ones.
    pub(super) fn new(now: &'a View, base: &'a Graph) -> Self {
        Self {
            now,
            base,
            numbers: Numbers::new(base),
            delta: DeltaRecord::default(),
            has_all_words: true,
        }
    }

    /// The graph with all that was noted, and whether every word of then is known.
    pub(super) fn finish(self) -> Result<(Graph, bool), EngineError> {
        let mut delta = self.delta;
        delta.fields = self.numbers.new;
        let mut past = self.base.apply(&graph_delta(self.base, &delta))?;
        if past.needs_compaction() {
            past = past.compacted();
        }
        Ok((past, self.has_all_words))
    }

    /// Notes what differs of assets at `time`.
    pub(super) fn settle_all(
        &mut self,
        canonicals: &[AssetIndex],
        time: i64,
    ) -> Result<(), AskError> {
        let classes = self.now.classes(canonicals)?;
        let members: Vec<AssetIndex> = classes.iter().flatten().copied().collect();
        let mut histories = self.now.histories(&members)?.into_iter();
        for (canonical, class) in canonicals.iter().zip(&classes) {
            let mut said = Vec::new();
            for (member, history) in class.iter().zip(histories.by_ref()) {
                let slots = history.iter();
                let of_member = slots.map(|(slot, versions)| (*slot, held_at(versions, time)));
                said.push((*member, of_member.collect()));
            }
            self.settle(*canonical, &said);
        }
        Ok(())
    }

    /// Notes what differs of an asset that was then as it is now; `row` is its row if that changed.
    pub(super) fn settle_as_now(&mut self, asset: AssetIndex, row: Option<&RowRecord>) {
        let graph = self.now.graph();
        let Some(kind) = graph.kind(asset) else {
            return;
        };
        self.delta
            .rows
            .extend(row.filter(|row| differs(self.base, row)).cloned());
        self.settle_edges(asset, kind, &owned_edges(graph, asset, kind));
        self.settle_fields(asset, &owned_field_edges(graph, asset));
    }

    /// Notes what differs of an asset, of whose raw names `said` was said then.
    fn settle(&mut self, canonical: AssetIndex, said: &[(AssetIndex, ClaimsOf)]) {
        let graph = self.now.graph();
        let Some(kind) = graph.kind(canonical) else {
            return;
        };
        let of = |index: u32| {
            let known = graph.canonical(AssetIndex::new(index));
            known.map_or(index, AssetIndex::get)
        };
        let mut columns = Columns::default();
        let mut edges = BTreeSet::new();
        let mut field_edges = BTreeSet::new();
        for (member, slots) in said {
            for (slot, record) in slots {
                columns.read(&self.now.shared.sources, *slot, &record.open);
                for Claim { key, .. } in &record.open {
                    let field_edge = RawFieldEdge::of(member.get(), key);
                    field_edges.extend(field_edge.map(|edge| edge.map(of)));
                    let edge = raw_edge(member.get(), key);
                    edges.extend(edge.map(|edge| EdgeRecord {
                        from: of(edge.from),
                        to: of(edge.to),
                        via: edge.via.map(of),
                    }));
                }
            }
        }
        self.settle_row(canonical, kind, columns, !edges.is_empty());
        self.settle_edges(canonical, kind, &edges);
        self.settle_fields(canonical, &field_edges);
    }

    fn settle_edges(&mut self, asset: AssetIndex, kind: AssetKind, held: &BTreeSet<EdgeRecord>) {
        let there = owned_edges(self.base, asset, kind);
        self.delta.removed.extend(there.difference(held).copied());
        self.delta.added.extend(held.difference(&there).copied());
    }

    fn settle_row(
        &mut self,
        canonical: AssetIndex,
        kind: AssetKind,
        columns: Columns,
        has_edges: bool,
    ) {
        let (graph, shared) = (self.now.graph(), &self.now.shared);
        let Some(asset) = graph.asset(canonical) else {
            return;
        };
        let sources = columns.sources();
        let claimants = &self.now.published.claimants;
        let claimed = claimants.domain_of(kind, asset.namespace, asset.name);
        let has_all_words = &mut self.has_all_words;
        let mut number = |word: &str| {
            let number = shared.words.number(word);
            *has_all_words &= number.is_some();
            number
        };
        let domain = if let Some(domain) = claimed {
            number(domain)
        } else {
            let domains = domains_of_sources(&shared.sources, kind, &sources);
            let only = domains.first().filter(|_| domains.len() == 1);
            only.and_then(|domain| number(domain))
        };
        let mut numbers = |words: &BTreeSet<headwater_record::Str>| {
            let known = words.iter().filter_map(|word| number(word));
            let mut numbers: Vec<u32> = known.collect();
            numbers.sort_unstable();
            numbers
        };
        let words = (numbers(columns.owners()), numbers(columns.tags()));
        let is_live = columns.has_sources() || has_edges;
        let retired = retired_row(graph, canonical.get()).filter(|_| !is_live);
        let row =
            retired.unwrap_or_else(|| columns.row(canonical.get(), kind, is_live, domain, words));
        if differs(self.base, &row) {
            self.delta.rows.push(row);
        }
    }

    fn settle_fields(&mut self, dataset: AssetIndex, held: &BTreeSet<RawFieldEdge>) {
        let there = owned_field_edges(self.base, dataset);
        let mut numbered = |edge: &RawFieldEdge| FieldEdgeRecord {
            from: self.numbers.get_or_add(&edge.from),
            to: self.numbers.get_or_add(&edge.to),
            via: edge.via,
        };
        self.delta
            .fields_removed
            .extend(there.difference(held).map(&mut numbered));
        self.delta
            .fields_added
            .extend(held.difference(&there).map(numbered));
    }
}

/// The edges of the graph that what is said of `asset` states.
fn owned_edges(graph: &Graph, asset: AssetIndex, kind: AssetKind) -> BTreeSet<EdgeRecord> {
    let is_owned = |edge: &EdgeRef, is_into: bool| match (kind, edge.kind) {
        (AssetKind::Job, EdgeKind::Writes) => !is_into,
        (AssetKind::Job, EdgeKind::Reads | EdgeKind::Follows)
        | (AssetKind::Dataset, EdgeKind::Derives) => is_into,
        _ => false,
    };
    let into = graph.edges_in(asset).filter(|edge| is_owned(edge, true));
    let out = graph.edges_out(asset).filter(|edge| is_owned(edge, false));
    into.chain(out)
        .map(|edge| EdgeRecord {
            from: edge.from.get(),
            to: edge.to.get(),
            via: edge.via.map(AssetIndex::get),
        })
        .collect()
}

/// The edges between fields that what is said of `dataset` states.
fn owned_field_edges(graph: &Graph, dataset: AssetIndex) -> BTreeSet<RawFieldEdge> {
    graph
        .fields_of(dataset)
        .flat_map(|field| graph.field_edges(field, Direction::Upstream))
        .map(|edge| raw_field_edge(graph, edge))
        .collect()
}
