//! Graphs without cycles whose out-degrees follow a power law.

#![allow(
    clippy::cast_sign_loss,
    dead_code,
    reason = "a share of a count is not negative; not every bench needs every shape"
)]

use headwater_graph::{AssetRow, EdgeKey};
use headwater_model::{AssetIndex, AssetKind};

/// Vigna's `SplitMix64`: the same graphs in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        (self.unit() * f64::from(bound)) as u32
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    /// Every second asset is a job; edges are Reads and Writes.
    Jobs,
    /// All are datasets; edges are Derives.
    Datasets,
}

impl Shape {
    pub(crate) fn kind(self, index: u32) -> AssetKind {
        if self == Self::Jobs && index % 2 == 1 {
            AssetKind::Job
        } else {
            AssetKind::Dataset
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jobs => "Reads and Writes",
            Self::Datasets => "Derives",
        }
    }
}

/// An edge into `to` from an older asset, the older the likelier: a power law in the out-degrees.
pub(crate) fn edge(random: &mut Random, shape: Shape, to: u32) -> Option<EdgeKey> {
    let mut from = (random.unit().powi(3) * f64::from(to)) as u32;
    if shape == Shape::Jobs && (from + to).is_multiple_of(2) {
        from = from
            .checked_sub(1)
            .or(Some(from + 1))
            .filter(|from| *from < to)?;
    }
    Some(EdgeKey {
        from: AssetIndex::new(from),
        to: AssetIndex::new(to),
        via: None,
    })
}

pub(crate) fn edges(shape: Shape, assets_count: u32, edges_count: usize) -> Vec<EdgeKey> {
    let mut random = Random(7);
    let mut edges = Vec::with_capacity(edges_count);
    while edges.len() < edges_count {
        let to = 1 + random.below(assets_count - 1);
        edges.extend(edge(&mut random, shape, to));
        if edges.len() == edges_count {
            edges.sort_unstable();
            edges.dedup();
        }
    }
    edges
}

pub(crate) fn rows(shape: Shape, assets_count: u32) -> impl Iterator<Item = AssetRow> {
    (0..assets_count).map(move |index| {
        let asset = AssetIndex::new(index);
        let name = format!("warehouse.schema_{}.t{index}", index % 97);
        AssetRow::new(asset, shape.kind(index), "postgres://db:5432", &name)
    })
}

/// The edges in the order in which they might arrive: any.
pub(crate) fn shuffled(mut edges: Vec<EdgeKey>) -> Vec<EdgeKey> {
    let mut random = Random(5);
    for at in (1..edges.len()).rev() {
        edges.swap(at, random.below(at as u32 + 1) as usize);
    }
    edges
}
