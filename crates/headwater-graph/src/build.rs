//! A whole graph at once, packed: what rebuilding from the state uses.

use headwater_model::{AssetIndex, EdgeKind};

use crate::adjacency::Adjacency;
use crate::csr::{Csr, Entry, VIA_NONE};
use crate::delta::{DeltaError, DeltaRule, EdgeKey, Operation};
use crate::row::AssetRow;
use crate::snapshot::{Counts, Parts, Snapshot};

impl Snapshot {
    /// The graph of these assets, numbered from 0, and these edges in any order; repeats count once.
    ///
    /// # Errors
    /// As [`Snapshot::apply`] of a delta that adds the assets and then the edges.
    pub fn build(
        rows: impl IntoIterator<Item = AssetRow>,
        edges: &[EdgeKey],
    ) -> Result<Self, DeltaError> {
        let mut parts = Self::new().parts().clone();
        let mut aliases = Vec::new();
        for (at, row) in rows.into_iter().enumerate() {
            let asset = AssetIndex::new(u32::try_from(at).unwrap_or(u32::MAX));
            let is_alias = row.canonical != asset;
            let operation = Operation::AddAsset { asset, row };
            parts.apply_at(at, &operation)?;
            if is_alias {
                aliases.push((at, operation));
            }
        }
        let assets_count = parts.rows.len();
        let lists = Lists::sort(&parts, edges).map_err(|(at, rule)| DeltaError::Invalid {
            operation: assets_count + at,
            rule,
        })?;
        if lists.downstream.len() > Self::EDGES_MAX {
            return Err(DeltaError::Full {
                operation: assets_count,
                what: "edges",
                max: Self::EDGES_MAX as u64,
            });
        }
        lists.pack(&mut parts);
        // Only a merged asset can break a rule now: into something else, or with edges.
        for (at, operation) in &aliases {
            parts.check_at(*at, operation)?;
        }
        Ok(Self::from_parts(parts))
    }
}

/// (asset, other end, via), sorted and without repeats.
type Sorted = Vec<(u32, u32, u32)>;

struct Lists {
    downstream: Sorted,
    upstream: Sorted,
    derivations: Sorted,
    followers: Sorted,
    followed: Sorted,
}

impl Lists {
    fn sort(parts: &Parts, edges: &[EdgeKey]) -> Result<Self, (usize, DeltaRule)> {
        let (mut downstream, mut followers) = (Sorted::with_capacity(edges.len()), Sorted::new());
        let mut derivations = Sorted::new();
        for (at, edge) in edges.iter().enumerate() {
            let via = edge.via.map_or(VIA_NONE, AssetIndex::get);
            let triple = (edge.from.get(), edge.to.get(), via);
            match parts.edge_kind(*edge).map_err(|rule| (at, rule))? {
                EdgeKind::Follows => followers.push(triple),
                EdgeKind::Derives if edge.via.is_some() => {
                    downstream.push(triple);
                    derivations.push((via, triple.1, triple.0));
                }
                _ => downstream.push(triple),
            }
        }
        for list in [&mut downstream, &mut followers, &mut derivations] {
            list.sort_unstable();
            list.dedup();
        }
        let mirrored = |list: &Sorted| {
            let mut mirror: Sorted = list
                .iter()
                .map(|(from, to, via)| (*to, *from, *via))
                .collect();
            mirror.sort_unstable();
            mirror
        };
        Ok(Self {
            upstream: mirrored(&downstream),
            followed: mirrored(&followers),
            downstream,
            derivations,
            followers,
        })
    }

    fn pack(&self, parts: &mut Parts) {
        let assets_count = parts.rows.len();
        let is_job: Vec<bool> = (0..assets_count as u32)
            .map(|index| {
                parts
                    .rows
                    .get(index)
                    .is_some_and(|row| row.kind() == headwater_model::AssetKind::Job)
            })
            .collect();
        let is_stated = |job: u32, dataset: u32| {
            let at = self
                .derivations
                .partition_point(|triple| *triple < (job, dataset, 0));
            self.derivations
                .get(at)
                .is_some_and(|triple| (triple.0, triple.1) == (job, dataset))
        };
        let entry = |from: u32, to: u32, other: u32, via: u32| match (
            is_job[from as usize],
            is_job[to as usize],
        ) {
            (false, false) => Entry::derives(other, via),
            (true, false) => Entry::writes(other, is_stated(from, to)),
            _ => Entry::plain(other),
        };
        parts.downstream = pack(assets_count, &self.downstream, |(from, to, via)| {
            entry(from, to, to, via)
        });
        parts.upstream = pack(assets_count, &self.upstream, |(to, from, via)| {
            entry(from, to, from, via)
        });
        parts.derivations = pack(assets_count, &self.derivations, |(_, to, from)| {
            Entry::derives(to, from)
        });
        parts.followers = pack(assets_count, &self.followers, |(_, to, _)| Entry::plain(to));
        parts.followed = pack(assets_count, &self.followed, |(_, from, _)| {
            Entry::plain(from)
        });
        parts.counts = Counts {
            walked: self.downstream.len(),
            derivations: self.derivations.len(),
            follows: self.followers.len(),
            changes: 0,
        };
    }
}

fn pack(
    assets_count: usize,
    sorted: &Sorted,
    entry: impl Fn((u32, u32, u32)) -> Entry,
) -> Adjacency {
    let mut rest = sorted.as_slice();
    let entry = &entry;
    let lists = (0..assets_count as u32).map(|index| {
        let end = rest.iter().take_while(|triple| triple.0 == index).count();
        let (list, after) = rest.split_at(end);
        rest = after;
        list.iter().map(move |triple| entry(*triple))
    });
    Adjacency::new(Csr::pack(assets_count, sorted.len(), lists))
}
