//! Walking fields: what they reach, by asset.

use headwater_graph::{
    ClosureOptions, Direction, Entity, FieldClosure, FieldLineageEdge, FieldRoot, LineageOptions,
};
use headwater_model::AssetIndex;
use headwater_record::Str;
use rustc_hash::FxHashMap;

use crate::ask::field_edges::{FieldEdgeView, entity};
use crate::ask::view::{EdgeView, View};
use crate::ask::walks::{
    Completeness, ImpactQuestion, LineageAnswer, LineageQuestion, ReachedAsset, Root, WalkEdge,
    WalkEntity, WalkNode, cut, directions,
};

/// Edges of a job that are looked at for how it takes a value in.
const EFFECT_EDGES_MAX: usize = 100;

/// A walk over fields, and its entries by asset.
pub(crate) struct FieldWalk {
    closure: FieldClosure,
    direction: Direction,
    /// Entries in the order of their assets, the nearest of an asset first.
    entries: Vec<u32>,
    /// Where the entries of an asset are.
    of_asset: FxHashMap<AssetIndex, (u32, u32)>,
}

impl FieldWalk {
    fn new(closure: FieldClosure, direction: Direction) -> Self {
        let mut entries: Vec<u32> = (0..closure.entries.len() as u32).collect();
        entries.sort_unstable_by_key(|at| (closure.entries[*at as usize].asset, *at));
        let mut of_asset: FxHashMap<AssetIndex, (u32, u32)> = FxHashMap::default();
        for (place, at) in entries.iter().enumerate() {
            let asset = closure.entries[*at as usize].asset;
            let range = of_asset.entry(asset).or_insert((place as u32, 0));
            range.1 = place as u32 + 1;
        }
        Self {
            closure,
            direction,
            entries,
            of_asset,
        }
    }

    fn entries_of(&self, asset: AssetIndex) -> &[u32] {
        let range = self.of_asset.get(&asset);
        range.map_or(&[], |(start, end)| {
            &self.entries[*start as usize..*end as usize]
        })
    }

    /// Every asset once, at its nearest.
    pub(crate) fn reached(&self) -> Vec<ReachedAsset> {
        let nearest = |(start, _): &(u32, u32)| {
            let entry = self.entries[*start as usize] as usize;
            let reached = &self.closure.entries[entry];
            ReachedAsset {
                index: reached.asset,
                hops: reached.hops,
                entry,
            }
        };
        self.of_asset.values().map(nearest).collect()
    }

    pub(crate) fn path(&self, entry: usize) -> Vec<AssetIndex> {
        self.closure.path(entry).0
    }

    pub(crate) fn root(&self, entry: usize) -> Option<AssetIndex> {
        self.closure.root(entry)
    }

    /// The fields of an asset that were reached by name, in order; none if it was reached as a whole: then all of them
    /// were.
    pub(crate) fn fields(&self, view: &View, asset: AssetIndex) -> Vec<Str> {
        let mut fields: Vec<Str> = Vec::new();
        for at in self.entries_of(asset) {
            match self.closure.entries[*at as usize].entity {
                Entity::Field(field) => {
                    let field = view.graph().field(field);
                    fields.extend(field.and_then(|field| field.name).map(Str::from));
                }
                Entity::Dataset(_) => return Vec::new(),
                Entity::Job(_) => {}
            }
        }
        fields.sort_unstable();
        fields
    }

    /// The edges by which the last steps to an asset take values in.
    pub(crate) fn last_steps(&self, view: &View, asset: AssetIndex) -> Vec<FieldEdgeView> {
        let mut edges = Vec::new();
        for at in self.entries_of(asset) {
            let reached = &self.closure.entries[*at as usize];
            let Some((before, via)) = self.closure.last_step(*at as usize) else {
                continue;
            };
            let name = |field| view.graph().field(field).and_then(|field| field.name);
            let near = (before, reached.from_field.and_then(name).map(Str::from));
            match reached.entity {
                Entity::Field(field) => {
                    let far = (asset, name(field).map(Str::from));
                    edges.push(self.edge(near, far, via));
                }
                Entity::Dataset(_) => edges.push(self.edge(near, (asset, None), via)),
                Entity::Job(job) => {
                    let Some(field) = reached.from_field else {
                        continue;
                    };
                    let around = view.graph().field_edges(field, self.direction);
                    let made = around.filter(|edge| edge.via == Some(job));
                    for edge in made.take(EFFECT_EDGES_MAX) {
                        let far = match self.direction {
                            Direction::Downstream => edge.to,
                            Direction::Upstream => edge.from,
                        };
                        if let Some(far) = view.graph().field(far) {
                            let far = (far.dataset, far.name.map(Str::from));
                            edges.push(self.edge(near.clone(), far, Some(job)));
                        }
                    }
                }
            }
        }
        edges
    }

    fn edge(
        &self,
        near: (AssetIndex, Option<Str>),
        far: (AssetIndex, Option<Str>),
        via: Option<AssetIndex>,
    ) -> FieldEdgeView {
        let (from, to) = match self.direction {
            Direction::Downstream => (near, far),
            Direction::Upstream => (far, near),
        };
        FieldEdgeView {
            from: entity(from),
            to: entity(to),
            via,
        }
    }
}

impl View {
    /// Where the graph starts a walk over fields.
    pub(crate) fn field_root(&self, root: &Root) -> FieldRoot {
        match &root.field {
            Some(field) => {
                let number = self.graph().find_field(root.asset, Some(field.as_str()));
                FieldRoot::Field(root.asset, number)
            }
            None => FieldRoot::Asset(root.asset),
        }
    }

    pub(crate) fn walk_fields(
        &self,
        question: &ImpactQuestion<'_>,
        direction: Direction,
        options: &ClosureOptions,
        is_stop: impl Fn(AssetIndex) -> bool,
    ) -> FieldWalk {
        let roots: Vec<FieldRoot> = question
            .of
            .iter()
            .map(|root| self.field_root(root))
            .collect();
        let closure = self
            .graph()
            .field_closure(&roots, direction, options, is_stop, |_| {
                (question.is_over)()
            });
        FieldWalk::new(closure, direction)
    }

    pub(crate) fn completeness_of(&self, walk: &FieldWalk) -> Completeness {
        let closure = &walk.closure;
        let roots = closure.roots.iter().map(|root| root.asset());
        let mut visited: Vec<AssetIndex> = walk.of_asset.keys().copied().chain(roots).collect();
        visited.sort_unstable();
        visited.dedup();
        let cut_by = closure.cut_by.map(cut).into_iter().collect();
        Completeness {
            without_fields_count: closure.without_fields.len(),
            ..self.completeness(visited.into_iter(), cut_by, closure.frontier.clone())
        }
    }

    /// Nodes and edges around fields.
    pub(crate) fn draw_fields(
        &self,
        question: &LineageQuestion<'_>,
        options: &LineageOptions,
        is_stop: impl Fn(AssetIndex) -> bool,
        is_kept: impl Fn(AssetIndex) -> bool,
    ) -> LineageAnswer {
        let roots: Vec<FieldRoot> = question
            .of
            .iter()
            .map(|root| self.field_root(root))
            .collect();
        let found = self.graph().field_lineage(
            &roots,
            directions(question.direction),
            options,
            is_stop,
            |_| (question.is_over)(),
        );
        let mut nodes: Vec<WalkNode> = Vec::with_capacity(found.nodes.len());
        // A field in which no edge ends is not in the graph, and is a root all the same.
        for root in &question.of {
            if let (Some(field), FieldRoot::Field(_, None)) = (&root.field, self.field_root(root)) {
                nodes.push(WalkNode {
                    entity: WalkEntity::Field(root.asset, field.as_str().into()),
                    hops: 0,
                });
            }
        }
        let mut visited: Vec<AssetIndex> = nodes
            .iter()
            .map(|node| node.entity.asset())
            .chain(found.nodes.iter().map(|node| node.asset))
            .collect();
        visited.sort_unstable();
        visited.dedup();
        let cut_by = found.cut_by.iter().copied().map(cut).collect();
        let completeness = Completeness {
            without_fields_count: found.without_fields.len(),
            ..self.completeness(visited.into_iter(), cut_by, found.frontier.clone())
        };
        nodes.extend(found.nodes.iter().map(|node| WalkNode {
            entity: self.walk_entity(node.entity),
            hops: node.hops,
        }));
        nodes.retain(|node| is_kept(node.entity.asset()));
        let edges = found.edges.iter().map(|edge| self.walk_edge(edge));
        let edges = edges
            .filter(|edge| match edge {
                WalkEdge::Assets(edge) => is_kept(edge.from) && is_kept(edge.to),
                WalkEdge::Fields(edge) => is_kept(edge.from.asset()) && is_kept(edge.to.asset()),
            })
            .collect();
        LineageAnswer {
            nodes,
            edges,
            completeness,
        }
    }

    fn walk_entity(&self, entity: Entity) -> WalkEntity {
        match entity {
            Entity::Dataset(asset) | Entity::Job(asset) => WalkEntity::Asset(asset),
            Entity::Field(field) => {
                let field = self
                    .graph()
                    .field(field)
                    .expect("a walk reaches only fields of its graph");
                match field.name {
                    Some(name) => WalkEntity::Field(field.dataset, name.into()),
                    None => WalkEntity::Asset(field.dataset),
                }
            }
        }
    }

    fn walk_edge(&self, edge: &FieldLineageEdge) -> WalkEdge {
        let (from, to) = (self.walk_entity(edge.from), self.walk_entity(edge.to));
        match (edge.is_between_fields, &from, &to) {
            (false, WalkEntity::Asset(from), WalkEntity::Asset(to)) => WalkEdge::Assets(EdgeView {
                from: *from,
                to: *to,
                kind: edge.kind,
                via: edge.via,
            }),
            _ => WalkEdge::Fields(FieldEdgeView {
                from,
                to,
                via: edge.via,
            }),
        }
    }
}
