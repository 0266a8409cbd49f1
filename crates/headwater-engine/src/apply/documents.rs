//! What the index of names is told of assets that changed.

use std::collections::BTreeSet;

use headwater_graph::AssetFlags;
use headwater_model::AssetIndex;
use headwater_record::{ClaimBody, ClaimKey, DeltaRecord, Str};
use headwater_search::Document;
use headwater_store::Offset;

use crate::EngineError;
use crate::apply::Applier;

/// Documents that are read and indexed at a time.
const BATCH: usize = 4096;

/// The names and texts of one asset.
struct Texts {
    asset: AssetIndex,
    aliases: Vec<String>,
    fields: BTreeSet<Str>,
    description: Option<Str>,
}

/// The raw assets that a change says to index anew.
pub(crate) fn touched(delta: &DeltaRecord) -> impl Iterator<Item = u32> {
    let rows = delta.rows.iter().map(|row| row.index);
    rows.chain(delta.documents.iter().copied())
}

impl Applier {
    /// Indexes raw assets, and the assets that stand for them, as they are now.
    pub(crate) fn index_documents(&mut self, raw: &BTreeSet<u32>) -> Result<(), EngineError> {
        let canonicals = raw.iter().map(|index| self.canonical(*index));
        let mut touched: BTreeSet<u32> = canonicals.collect();
        touched.extend(raw);
        let mut waiting = touched.into_iter().peekable();
        while waiting.peek().is_some() {
            let batch: Vec<(u32, Option<Texts>)> = waiting
                .by_ref()
                .take(BATCH)
                .map(|index| Ok((index, self.texts(index)?)))
                .collect::<Result<_, EngineError>>()?;
            let documents = batch.iter().map(|(index, texts)| {
                let document = texts.as_ref().and_then(|texts| self.document(texts));
                (*index, document)
            });
            self.index = self.index.apply(documents);
        }
        Ok(())
    }

    /// Indexes every asset.
    pub(crate) fn index_all(&mut self) -> Result<(), EngineError> {
        let all: BTreeSet<u32> = (0..self.graph.assets_count() as u32).collect();
        self.index_documents(&all)?;
        self.index = self.index.compact().index().clone();
        Ok(())
    }

    fn document<'a>(&'a self, texts: &'a Texts) -> Option<Document<'a>> {
        let asset = self.graph.asset(texts.asset)?;
        Some(Document {
            namespace: asset.namespace,
            name: asset.name,
            aliases: texts.aliases.iter().map(String::as_str).collect(),
            fields: texts.fields.iter().map(|field| &**field).collect(),
            description: texts.description.as_deref(),
        })
    }

    /// None for what is not shown: merged names, and assets that nobody speaks of any more.
    fn texts(&self, index: u32) -> Result<Option<Texts>, EngineError> {
        let asset = AssetIndex::new(index);
        let is_shown = self.graph.asset(asset).is_some_and(|known| {
            known.canonical == asset && !known.flags.contains(AssetFlags::RETIRED)
        });
        if !is_shown {
            return Ok(None);
        }
        let of_edges = self.graph.fields_of(asset);
        let named = of_edges.filter_map(|field| self.graph.field(field)?.name);
        let mut texts = Texts {
            asset,
            aliases: Vec::new(),
            fields: named.map(Str::from).collect(),
            description: None,
        };
        let mut best = None;
        for member in self.class_of(index)? {
            if member != index
                && let Some(raw) = self.graph.asset(AssetIndex::new(member))
            {
                texts.aliases.push(raw.name.to_owned());
            }
            let reader = self.txn.reader();
            for (slot, record) in reader.claims(AssetIndex::new(member), Offset::MAX)? {
                for claim in record.open {
                    match (claim.key, claim.body) {
                        (ClaimKey::Field(name), _) => {
                            texts.fields.insert(name);
                        }
                        (ClaimKey::Entity, ClaimBody::Entity(entity)) => {
                            let declares = 4 * u8::from(entity.is_declared);
                            let source = self.sources.get(slot.source);
                            let rank = source.map_or(0, |source| source.rank()) + declares;
                            let rank = (rank, claim.valid_from, slot.source);
                            if let Some(description) = entity.description
                                && best.is_none_or(|best| rank >= best)
                            {
                                best = Some(rank);
                                texts.description = Some(description);
                            }
                        }
                        _ => {}
                    }
                }
            }
        }
        Ok(Some(texts))
    }
}
