//! What differs between two graphs.

use std::collections::BTreeSet;

use headwater_graph::{AssetFlags, EdgeKey, EdgeRef, Snapshot as Graph};
use headwater_model::AssetIndex;

use crate::ask::filter::{AssetFilter, Matcher};
use crate::ask::view::{EdgeView, View};

/// What differs: by number, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Assets that the later graph has.
    pub added_assets: Vec<AssetIndex>,
    /// Assets that the earlier graph has.
    pub removed_assets: Vec<AssetIndex>,
    /// Edges that the later graph has.
    pub added_edges: Vec<EdgeView>,
    /// Edges that the earlier graph has, between assets as the later one knows them.
    pub removed_edges: Vec<EdgeView>,
}

impl View {
    /// What `later` has that this view has not, and the other way round. A name that `later` counts as another one of
    /// an asset is that asset. A filter chooses assets by what the graph that has them says, and edges by their ends.
    pub fn diff(&self, later: &Self, filter: Option<&AssetFilter>) -> Diff {
        let (before, after) = (self.graph(), later.graph());
        let of = |index: AssetIndex| after.canonical(index).unwrap_or(index);
        let old: BTreeSet<AssetIndex> = live(before).map(of).collect();
        let new: BTreeSet<AssetIndex> = live(after).collect();
        let mut moved = BTreeSet::new();
        let mut removed = BTreeSet::new();
        for asset in before.assets() {
            for edge in before.edges_out(asset.index) {
                let mapped = EdgeRef {
                    from: of(edge.from),
                    to: of(edge.to),
                    via: edge.via.map(of),
                    ..edge
                };
                if !after.has_edge(key(&mapped)) {
                    removed.insert(EdgeView::from(mapped));
                } else if key(&mapped) != key(&edge) {
                    moved.insert(EdgeView::from(mapped));
                }
            }
        }
        let mut added = BTreeSet::new();
        for asset in after.assets() {
            let edges = after.edges_out(asset.index);
            let is_new = |edge: &EdgeRef| !before.has_edge(key(edge));
            added.extend(edges.filter(is_new).map(EdgeView::from));
        }
        let (matches_old, matches_new) = (
            filter.map(|filter| self.matcher(filter)),
            filter.map(|filter| later.matcher(filter)),
        );
        let shows = |matcher: &Option<Matcher>, graph: &Graph, index: AssetIndex| {
            let asset = graph.asset(index);
            asset.is_some_and(|asset| matcher.as_ref().is_none_or(|m| m.matches(&asset)))
        };
        let is_old = |index: &AssetIndex| shows(&matches_old, before, *index);
        let is_new = |index: &AssetIndex| shows(&matches_new, after, *index);
        let only_closing = |view: &View, edges: BTreeSet<EdgeView>| {
            let loops: Vec<EdgeView> = edges.iter().copied().filter(|e| e.from == e.to).collect();
            let closing = view.edges_that_only_close_ways(&loops);
            edges
                .into_iter()
                .filter(move |edge| !closing.contains(edge))
        };
        let added = only_closing(later, &added - &moved);
        let removed = only_closing(self, removed);
        Diff {
            added_assets: new.difference(&old).copied().filter(is_new).collect(),
            removed_assets: old.difference(&new).copied().filter(is_old).collect(),
            added_edges: added
                .filter(|edge| is_new(&edge.from) || is_new(&edge.to))
                .collect(),
            removed_edges: removed
                .filter(|edge| is_old(&edge.from) || is_old(&edge.to))
                .collect(),
        }
    }
}

/// Assets that somebody says exist.
fn live(graph: &Graph) -> impl Iterator<Item = AssetIndex> + '_ {
    let assets = graph.assets();
    let live = assets.filter(|asset| {
        asset.canonical == asset.index && !asset.flags.contains(AssetFlags::RETIRED)
    });
    live.map(|asset| asset.index)
}

fn key(edge: &EdgeRef) -> EdgeKey {
    EdgeKey {
        from: edge.from,
        to: edge.to,
        via: edge.via,
    }
}
