//! Which fields datasets have: what `headwater-catalog.json` is made of.

use async_graphql::{Result, SimpleObject};
use headwater_model::AssetKind;

use crate::dataset::Dataset;
use crate::error::{ask_error, too_large};
use crate::lineage::Snapshot;
use crate::scalars::Reference;
use crate::scope::Scope;

/// Fields in one answer.
const FIELDS_MAX: usize = 200_000;

/// Which fields datasets have.
#[derive(SimpleObject)]
pub(crate) struct Catalog {
    /// The state of the graph that all of it was read from.
    snapshot: Snapshot,
    /// One for each reference, in their order.
    datasets: Vec<CatalogEntry>,
}

/// Which fields one dataset has.
#[derive(SimpleObject)]
pub(crate) struct CatalogEntry {
    /// As it was asked.
    reference: Reference,
    /// The dataset; null if the reference names none, or several.
    dataset: Option<Dataset>,
    /// All its fields, in its order, without fields within fields; null unless a source lists all that there are.
    fields: Option<Vec<String>>,
}

impl Catalog {
    /// Looks each of `of` up. What names nothing has no fields.
    ///
    /// # Errors
    /// `LIMIT_EXCEEDED` for more references or fields than one answer has; `BAD_REFERENCE`.
    pub(crate) fn read(scope: &Scope, of: Vec<Reference>) -> Result<Self> {
        let max = scope.limits.page_max;
        if of.len() > max {
            return Err(too_large("of", of.len(), max));
        }
        let mut entries = Vec::with_capacity(of.len());
        for reference in of {
            let found = scope.view.resolve(&reference.0).map_err(ask_error)?.asset;
            let is_dataset = |index: &_| {
                let asset = scope.view.asset(*index);
                asset.is_some_and(|asset| asset.kind == AssetKind::Dataset)
            };
            entries.push((reference, found.filter(is_dataset)));
        }
        let found: Vec<_> = entries.iter().filter_map(|(_, index)| *index).collect();
        let columns = scope.view.columns_many(&found).map_err(ask_error)?;
        let count = columns.iter().flatten().map(Vec::len).sum();
        if count > FIELDS_MAX {
            return Err(too_large("the number of fields", count, FIELDS_MAX));
        }
        let mut columns = columns.into_iter();
        let datasets = entries.into_iter().map(|(reference, index)| CatalogEntry {
            reference,
            dataset: index.map(Dataset::new),
            fields: index
                .and_then(|_| columns.next().flatten())
                .map(|names| names.iter().map(ToString::to_string).collect()),
        });
        Ok(Self {
            snapshot: Snapshot::of(scope),
            datasets: datasets.collect(),
        })
    }
}
