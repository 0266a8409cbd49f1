//! Numbers of raw names.

use headwater_model::{AssetId, AssetIndex, AssetKind, AssetName};
use headwater_record::{NameRecord, decode_value, encode_value};
use headwater_store::Offset;

use crate::EngineError;
use crate::apply::Applier;
use crate::claims::Names;
use crate::keys;
use crate::reference::last_segment;

/// True for a name of which every domain may have its own.
pub(crate) fn is_scoped(name: &AssetName) -> bool {
    name.kind == AssetKind::Dataset && headwater_identity::is_scoped(name.name.namespace.as_str())
}

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
        if is_scoped(name) {
            return self.index_of_scoped(name);
        }
        let key = keys::name(name);
        let index = match applier.txn.get(&key)? {
            Some(bytes) => decode_value::<NameRecord>("a name", &bytes)?.index,
            None => self.number(name, key, None)?,
        };
        self.applier.names.insert(name.clone(), index);
        Ok(index)
    }
}

impl Numbering<'_> {
    /// The number that the name has in the domain whose source speaks.
    fn index_of_scoped(&mut self, name: &AssetName) -> Result<u32, EngineError> {
        let scope = self.applier.domain.clone();
        let key = keys::scoped_name(name, Some(&scope));
        match self.applier.txn.get(&key)? {
            Some(bytes) => Ok(decode_value::<NameRecord>("a name", &bytes)?.index),
            None => self.number(name, key, Some(&scope)),
        }
    }

    fn number(
        &mut self,
        name: &AssetName,
        key: Vec<u8>,
        scope: Option<&str>,
    ) -> Result<u32, EngineError> {
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
        let id = AssetId::new(name, scope.unwrap_or_default(), 0);
        if let Some(scope) = scope {
            applier
                .txn
                .put(keys::scope(asset), scope.as_bytes().to_vec());
        }
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
