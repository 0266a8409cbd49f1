//! Numbers of raw names.

use headwater_model::{AssetId, AssetIndex, AssetKind, AssetName};
use headwater_record::{NameRecord, decode_value, encode_value};
use headwater_store::Offset;

use crate::EngineError;
use crate::apply::Applier;
use crate::claims::Names;
use crate::keys;
use crate::reference::last_segment;

/// Numbers the names of one entry; those never heard of get the next numbers.
pub(crate) struct Numbering<'a> {
    pub(crate) applier: &'a mut Applier,
    pub(crate) offset: Offset,
    pub(crate) time: i64,
}

impl Names for Numbering<'_> {
    type Error = EngineError;

    fn index_of(&mut self, name: &AssetName) -> Result<u32, EngineError> {
        let applier = &mut *self.applier;
        if let Some(index) = applier.names.get(name) {
            return Ok(*index);
        }
        let key = keys::name(name);
        let index = match applier.txn.get(&key)? {
            Some(bytes) => decode_value::<NameRecord>("a name", &bytes)?.index,
            None => self.number(name, key)?,
        };
        self.applier.names.insert(name.clone(), index);
        Ok(index)
    }
}

impl Numbering<'_> {
    fn number(&mut self, name: &AssetName, key: Vec<u8>) -> Result<u32, EngineError> {
        let applier = &mut *self.applier;
        let next = applier.graph.assets_count() + applier.changes.names.len();
        let index = u32::try_from(next)
            .ok()
            .filter(|index| *index < AssetIndex::MAX);
        let index = index.ok_or(EngineError::TooManyAssets)?;
        let record = NameRecord {
            index,
            first_offset: self.offset.get(),
            first_seen: self.time,
        };
        let asset = AssetIndex::new(index);
        let id = AssetId::new(name, "", 0);
        applier.txn.put(key, encode_value(&record));
        applier.txn.put(keys::public_id(&id), encode_value(&index));
        let segment = last_segment(name.name.name.as_str());
        applier
            .txn
            .put(keys::ending(name.kind, segment, asset), Vec::new());
        applier.namespaces.intern(name.name.namespace.as_str());
        applier.changes.names.push((
            name.kind == AssetKind::Job,
            name.name.namespace.as_str().into(),
            name.name.name.as_str().into(),
        ));
        applier.changes.assets.insert(index);
        Ok(index)
    }
}
