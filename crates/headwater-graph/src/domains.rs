//! Which domains depend on which.

use std::collections::BTreeMap;

use headwater_model::AssetIndex;
use rustc_hash::FxHashMap;

use crate::csr::VIA_NONE;
use crate::row::AssetFlags;
use crate::snapshot::Snapshot;

/// The dataset edges from one domain into another.
///
/// A dataset edge is a step of a walk between two datasets: a Derives edge, or a way through one job into an output
/// whose origins are not stated. Two such steps differ if an end or the job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainLink {
    /// The number of the domain whose data flows.
    pub from: u32,
    /// The number of the domain that it flows into.
    pub to: u32,
    /// How many dataset edges there are.
    pub dataset_edges_count: u64,
    /// How many edges between fields there are; those that end in a dataset as a whole count too.
    pub field_edges_count: u64,
    /// How many dataset edges leave a published output port.
    pub through_ports_count: u64,
    /// How many of them do not.
    pub around_ports_count: u64,
}

/// One dataset edge between two domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Crossing {
    /// The dataset whose data flows.
    pub from: AssetIndex,
    /// The dataset that it flows into.
    pub to: AssetIndex,
    /// The job between, if known.
    pub via: Option<AssetIndex>,
    /// Whether `from` is a published output port.
    pub is_through_port: bool,
}

/// Edges through ports, and around them.
#[derive(Clone, Copy, Default)]
struct Tally {
    through: u64,
    around: u64,
    fields: u64,
}

impl Tally {
    fn count(&mut self, is_port: bool, edges: u64) {
        if is_port {
            self.through += edges;
        } else {
            self.around += edges;
        }
    }
}

impl Snapshot {
    /// All pairs of domains between which data flows, by their numbers.
    ///
    /// Counts per job and domain, so a job with many inputs and outputs costs their sum, not their product.
    pub fn domain_links(&self) -> Vec<DomainLink> {
        let mut tallies: BTreeMap<(u32, u32), Tally> = BTreeMap::new();
        for index in 0..self.assets_count() as u32 {
            if self.is_job(index) {
                self.tally_job(index, &mut tallies);
            } else {
                self.tally_derives(index, &mut tallies);
            }
        }
        self.tally_fields(&mut tallies);
        tallies
            .into_iter()
            .map(|((from, to), tally)| DomainLink {
                from,
                to,
                dataset_edges_count: tally.through + tally.around,
                field_edges_count: tally.fields,
                through_ports_count: tally.through,
                around_ports_count: tally.around,
            })
            .collect()
    }

    fn tally_job(&self, job: u32, tallies: &mut BTreeMap<(u32, u32), Tally>) {
        let mut outputs: FxHashMap<u32, u64> = FxHashMap::default();
        for output in self
            .parts()
            .downstream
            .entries(job)
            .filter(|output| !output.is_special)
        {
            if let Some(domain) = self.domain(AssetIndex::new(output.asset)) {
                *outputs.entry(domain).or_default() += 1;
            }
        }
        if outputs.is_empty() {
            return;
        }
        let mut inputs: FxHashMap<(u32, bool), u64> = FxHashMap::default();
        for input in self.parts().upstream.entries(job) {
            if let Some(domain) = self.domain(AssetIndex::new(input.asset)) {
                *inputs
                    .entry((domain, self.is_port(input.asset)))
                    .or_default() += 1;
            }
        }
        for ((from, is_port), inputs_count) in &inputs {
            for (to, outputs_count) in outputs.iter().filter(|(to, _)| *to != from) {
                let tally = tallies.entry((*from, *to)).or_default();
                tally.count(*is_port, inputs_count * outputs_count);
            }
        }
    }

    fn tally_derives(&self, dataset: u32, tallies: &mut BTreeMap<(u32, u32), Tally>) {
        let Some(from) = self.domain(AssetIndex::new(dataset)) else {
            return;
        };
        let is_port = self.is_port(dataset);
        for entry in self
            .parts()
            .downstream
            .entries(dataset)
            .filter(|entry| entry.is_special)
        {
            let to = self.domain(AssetIndex::new(entry.asset));
            if let Some(to) = to.filter(|to| *to != from) {
                tallies.entry((from, to)).or_default().count(is_port, 1);
            }
        }
    }

    fn tally_fields(&self, tallies: &mut BTreeMap<(u32, u32), Tally>) {
        let fields = &self.parts().fields;
        for (field, row) in fields.rows().enumerate() {
            let Some(from) = self.domain(AssetIndex::new(row.dataset)) else {
                continue;
            };
            for entry in fields.downstream.entries(field as u32) {
                let to = fields.row_of(entry.asset).dataset;
                let to = self.domain(AssetIndex::new(to));
                if let Some(to) = to.filter(|to| *to != from) {
                    tallies.entry((from, to)).or_default().fields += 1;
                }
            }
        }
    }

    fn is_port(&self, index: u32) -> bool {
        self.row(index)
            .is_some_and(|row| row.has(AssetFlags::OUTPUT_PORT))
    }

    /// The dataset edges from one domain into another, by the number of the dataset that they leave. Lazy: taking
    /// the first few costs a pass over the assets up to there.
    pub fn crossings(
        &self,
        from_domain: u32,
        to_domain: u32,
    ) -> impl Iterator<Item = Crossing> + '_ {
        let crosses = from_domain != to_domain;
        (0..self.assets_count() as u32)
            .filter(move |index| crosses && !self.is_job(*index))
            .filter(move |index| self.domain(AssetIndex::new(*index)) == Some(from_domain))
            .flat_map(move |index| self.crossings_of(index, to_domain))
    }

    fn crossings_of(&self, dataset: u32, to_domain: u32) -> impl Iterator<Item = Crossing> + '_ {
        let downstream = &self.parts().downstream;
        let is_through_port = self.is_port(dataset);
        let enters = move |index: u32| self.domain(AssetIndex::new(index)) == Some(to_domain);
        downstream
            .entries(dataset)
            .flat_map(move |entry| {
                let derived = entry.is_special.then_some((entry.asset, entry.via));
                let job = entry.asset;
                let written = (!entry.is_special)
                    .then(|| downstream.entries(job).filter(|output| !output.is_special))
                    .into_iter()
                    .flatten()
                    .map(move |output| (output.asset, job));
                derived.into_iter().chain(written)
            })
            .filter(move |(to, _)| enters(*to))
            .map(move |(to, via)| Crossing {
                from: AssetIndex::new(dataset),
                to: AssetIndex::new(to),
                via: (via != VIA_NONE).then(|| AssetIndex::new(via)),
                is_through_port,
            })
    }
}
