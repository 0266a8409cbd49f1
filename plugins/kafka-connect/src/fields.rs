//! Which fields datasets have, as far as the catalog tells, and what connectors make of them.

use std::collections::{BTreeMap, BTreeSet};

use headwater_extractor::CatalogDataset;

use crate::flow::{Flow, Move, Reading};
use crate::record::Record;
use crate::state::literal;

/// How many connectors in a row are followed.
const ROUNDS_MAX: usize = 32;

type Name = (String, String);

/// All fields of the datasets of which all are known, by namespace and name.
#[derive(Debug, Default)]
pub(crate) struct Fields(BTreeMap<Name, BTreeSet<String>>);

impl Fields {
    pub(crate) fn of_catalog(datasets: Vec<CatalogDataset>) -> Self {
        let known = datasets.into_iter().map(|dataset| {
            let fields = dataset.fields.into_iter().collect();
            ((dataset.namespace, dataset.name), fields)
        });
        Self(known.collect())
    }

    /// Adds what the connectors write, where everything that they make it of is known.
    pub(crate) fn follow(&mut self, readings: &[Reading]) {
        if self.0.is_empty() {
            return;
        }
        let mut makers: BTreeMap<Name, Vec<&Flow>> = BTreeMap::new();
        for flow in readings.iter().flat_map(|reading| &reading.flows) {
            if let Some(to) = literal(flow.to.as_ref()) {
                makers.entry(to).or_default().push(flow);
            }
        }
        for _ in 0..ROUNDS_MAX {
            makers.retain(|to, _| !self.0.contains_key(to));
            let made: Vec<(Name, BTreeSet<String>)> = makers
                .iter()
                .filter_map(|(to, flows)| Some((to.clone(), self.made(flows)?)))
                .collect();
            if made.is_empty() {
                return;
            }
            self.0.extend(made);
        }
    }

    fn made(&self, flows: &[&Flow]) -> Option<BTreeSet<String>> {
        let mut all = BTreeSet::new();
        for flow in flows {
            all.extend(self.moves(flow)?.into_iter().filter_map(|step| step.to));
        }
        Some(all)
    }

    /// Every field that a flow moves, if that is known.
    pub(crate) fn moves(&self, flow: &Flow) -> Option<Vec<Move>> {
        let record = &flow.record;
        if !flow.moves.is_empty() || !record.is_known() {
            return None;
        }
        let fields = self.0.get(&literal(flow.from.as_ref())?)?;
        let rows = fields.iter().filter_map(|field| {
            let inner = field.strip_prefix(record.origin_prefix)?;
            Some((field, arrivals(record, inner)))
        });
        let moves: Vec<Move> = rows
            .flat_map(|(field, arrivals)| {
                arrivals.into_iter().map(|(to, subtype, is_masking)| Move {
                    from: Some(field.clone()),
                    to: Some(to),
                    how: vec![(true, subtype)],
                    is_masking,
                })
            })
            .collect();
        // A record of none of the fields is not the one that the catalog tells of.
        (!moves.is_empty()).then_some(moves)
    }
}

/// Names under which a field arrives, how, and whether it is masked.
fn arrivals(record: &Record, field: &str) -> Vec<(String, &'static str, bool)> {
    let mut all = Vec::new();
    for (now, origin) in &record.named {
        if origin.field == field {
            let is_same = !origin.is_changed && !origin.is_masked;
            let subtype = if is_same {
                "IDENTITY"
            } else {
                "TRANSFORMATION"
            };
            let shown = record.shown(now).into_iter();
            all.extend(shown.map(|to| (to, subtype, origin.is_masked)));
        }
    }
    let is_replaced = record.named.contains_key(field) || record.dropped.contains(field);
    if record.has_rest && !is_replaced {
        let shown = record.shown(field).into_iter();
        all.extend(shown.map(|to| (to, "IDENTITY", false)));
    }
    all
}
