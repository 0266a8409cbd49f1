//! The columns of the graph: what is read of an asset from all that is said of it.

use std::collections::{BTreeMap, BTreeSet};

use headwater_model::{AssetKind, Mesh};
use headwater_record::{Claim, ClaimBody, ClaimKey, RowRecord, Str};

use crate::keys::SlotKey;
use crate::sources::Sources;

/// The attribute that publishes a dataset.
pub(crate) const OUTPUT_PORT: &str = "output-port";
/// The attribute that names an owner; after a dot, the kind of owner.
pub(crate) const OWNER: &str = "owner";
/// The attribute that puts a tag on an asset.
pub(crate) const TAG: &str = "tag";

/// The attribute that names the data product that a dataset is a part of.
const DATA_PRODUCT: &str = "data-product";
/// Begins the words by which the graph's tags hold data products. No tag begins so.
const PRODUCT_MARK: char = '\u{1f}';

/// The word by which the graph's tags hold a data product.
pub(crate) fn word_of_product(name: &str) -> String {
    format!("{PRODUCT_MARK}{name}")
}

/// The data product that a word among the graph's tags stands for; none if it is a tag.
pub(crate) fn product_of_word(word: &str) -> Option<&str> {
    word.strip_prefix(PRODUCT_MARK)
}

/// True for `owner` and `owner.<kind>`.
pub(crate) fn is_owner(key: &str) -> bool {
    key.strip_prefix(OWNER)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// One asset's columns while its claims are read.
#[derive(Default)]
pub(crate) struct Columns {
    r#type: Option<(u8, i64, std::cmp::Reverse<String>, Str)>,
    owners: BTreeSet<Str>,
    tags: BTreeSet<Str>,
    sources: BTreeMap<u32, bool>,
    is_output_port: bool,
}

impl Columns {
    /// Reads what a slot says.
    pub(crate) fn read(&mut self, sources: &Sources, slot: SlotKey, claims: &[Claim]) {
        for claim in claims {
            match (&claim.key, &claim.body) {
                (ClaimKey::Entity, ClaimBody::Entity(entity)) => {
                    *self.sources.entry(slot.source).or_default() |= entity.is_declared;
                    if !matches!(&*entity.r#type, "DATASET" | "JOB") {
                        let source = sources.get(slot.source);
                        let rank = source.as_ref().map_or(0, crate::SourceState::rank);
                        let name = source.map(|source| source.key.to_string());
                        let candidate = (
                            rank + 4 * u8::from(entity.is_declared),
                            claim.valid_from,
                            std::cmp::Reverse(name.unwrap_or_default()),
                            entity.r#type.clone(),
                        );
                        if self.r#type.as_ref().is_none_or(|best| candidate > *best) {
                            self.r#type = Some(candidate);
                        }
                    }
                }
                (
                    ClaimKey::Attribute {
                        field: None,
                        key,
                        value,
                    },
                    _,
                ) => self.read_attribute(key, value),
                _ => {}
            }
        }
    }

    fn read_attribute(&mut self, key: &str, value: &Str) {
        match key {
            OUTPUT_PORT => self.is_output_port |= &**value == "true",
            TAG if product_of_word(value).is_none() => {
                self.tags.insert(value.clone());
            }
            DATA_PRODUCT if !value.is_empty() => {
                self.tags.insert(word_of_product(value).into());
            }
            key if is_owner(key) => {
                self.owners.insert(value.clone());
            }
            _ => {}
        }
    }

    /// True if any source says that the asset exists.
    pub(crate) fn has_sources(&self) -> bool {
        !self.sources.is_empty()
    }

    /// The sources, ordered: number × 2, plus 1 if it declares the asset.
    pub(crate) fn sources(&self) -> Vec<u32> {
        let sources = self.sources.iter();
        sources
            .map(|(source, is_declared)| source * 2 + u32::from(*is_declared))
            .collect()
    }

    pub(crate) fn owners(&self) -> &BTreeSet<Str> {
        &self.owners
    }

    pub(crate) fn tags(&self) -> &BTreeSet<Str> {
        &self.tags
    }

    /// The columns of `index`, which stands for itself; `words` are the numbers of its owners and of its tags.
    pub(crate) fn row(
        self,
        index: u32,
        kind: AssetKind,
        is_live: bool,
        domain: Option<u32>,
        words: (Vec<u32>, Vec<u32>),
    ) -> RowRecord {
        let unspecific = match kind {
            AssetKind::Dataset => "DATASET",
            AssetKind::Job => "JOB",
        };
        RowRecord {
            index,
            canonical: index,
            sources: self.sources(),
            is_declared: self.sources.values().any(|is_declared| *is_declared),
            r#type: self
                .r#type
                .map_or_else(|| unspecific.into(), |(_, _, _, name)| name),
            domain,
            owners: words.0,
            tags: words.1,
            is_live,
            is_output_port: self.is_output_port,
        }
    }
}

/// The domains of the sources that declare an asset; of a job that nobody declares, of those that name it.
pub(crate) fn domains_of_sources(
    sources: &Sources,
    kind: AssetKind,
    of_asset: &[u32],
) -> BTreeSet<Str> {
    let is_declared = of_asset.iter().any(|source| source % 2 == 1);
    of_asset
        .iter()
        .filter(|source| *source % 2 == 1 || (kind == AssetKind::Job && !is_declared))
        .filter_map(|source| sources.get(source / 2))
        .map(|source| source.key)
        .filter(|key| key.domain.as_str() != Mesh::UNASSIGNED)
        .map(|key| key.domain.as_str().into())
        .collect()
}
