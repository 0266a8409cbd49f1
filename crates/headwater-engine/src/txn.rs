//! The state as a reader sees it, and as the commit in progress sees it: what is stored, and over it what is not yet.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use headwater_model::AssetIndex;
use headwater_record::{ClaimsRecord, decode_value};
use headwater_store::{Offset, State, StateBatch};

use crate::EngineError;
use crate::keys::{self, SlotKey};

/// The largest part of a value that is split.
const PART_BYTES: usize = 256 << 10;

/// Keys that the state surely applies in one step, with room to spare.
const STEP_KEYS_MAX: usize = 9_000;

type Pending = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Reads the state, and what a commit has put over it.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    state: &'a dyn State,
    pending: Option<&'a Pending>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(state: &'a dyn State) -> Self {
        Self {
            state,
            pending: None,
        }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        if let Some(value) = self.pending.and_then(|pending| pending.get(key)) {
            return Ok(value.clone());
        }
        Ok(self.state.get(key)?.map(|value| value.to_vec()))
    }

    /// Keys that begin with `prefix`, ascending, with their values.
    pub(crate) fn scan(
        &self,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), EngineError>> + 'a {
        self.scan_from(prefix, prefix)
    }

    /// Keys that begin with `prefix` and are not below `from`.
    pub(crate) fn scan_from(
        &self,
        prefix: &'a [u8],
        from: &[u8],
    ) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), EngineError>> + 'a {
        let end = keys::after(prefix);
        let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let range = (Bound::Included(from), end);
        let is_empty = matches!(end, Bound::Excluded(end) if end <= from);
        let pending = self.pending.filter(|_| !is_empty);
        let mut pending = pending
            .map(|pending| pending.range::<[u8], _>(range))
            .into_iter()
            .flatten()
            .peekable();
        // A state that is being opened tells what it knows only if it knows where that ends.
        let mut stored = self.state.scan_range(range.0, range.1).peekable();
        std::iter::from_fn(move || {
            loop {
                let pending_first = match (pending.peek(), stored.peek()) {
                    (Some((newer, _)), Some(Ok((older, _)))) => {
                        if newer.as_slice() == &**older {
                            stored.next();
                            true
                        } else {
                            newer.as_slice() < &**older
                        }
                    }
                    (Some(_), None) => true,
                    _ => false,
                };
                if !pending_first {
                    return stored.next().map(|item| {
                        let (key, value) = item?;
                        Ok((key.to_vec(), value.to_vec()))
                    });
                }
                if let Some((key, Some(value))) = pending.next() {
                    return Some(Ok((key.clone(), value.clone())));
                }
            }
        })
    }

    /// A value that was put in parts; none if there is no part.
    pub(crate) fn get_parts(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        let mut value = None;
        for item in self.scan(key) {
            value.get_or_insert_with(Vec::new).extend(item?.1);
        }
        Ok(value)
    }

    /// What each slot says of an asset, as known at `offset`.
    pub(crate) fn claims(
        &self,
        owner: AssetIndex,
        offset: Offset,
    ) -> Result<Vec<(SlotKey, ClaimsRecord)>, EngineError> {
        let prefix = keys::claims_of(owner);
        let mut from = prefix.clone();
        let mut found = Vec::new();
        while let Some((slot, version)) = self.first_version(&prefix, &from)? {
            if version > offset.get() {
                // Versions stand newest first: skip those that weren't known yet.
                from = keys::claims(owner, slot, offset);
                match self.first_version(&prefix, &from)? {
                    Some((same, _)) if same == slot => {}
                    _ => {
                        from = after(keys::claims_of_slot(owner, slot));
                        continue;
                    }
                }
            }
            if let Some(record) = self.claims_of_slot(owner, slot, offset)? {
                found.push((slot, record));
            }
            from = after(keys::claims_of_slot(owner, slot));
        }
        Ok(found)
    }

    fn first_version(
        &self,
        prefix: &[u8],
        from: &[u8],
    ) -> Result<Option<(SlotKey, u64)>, EngineError> {
        let reader: Reader<'_> = *self;
        let first = reader.scan_from(prefix, from).next().transpose()?;
        Ok(first.and_then(|(key, _)| keys::parse_claims(&key)))
    }

    /// What one slot says of an asset, as known at `offset`.
    pub(crate) fn claims_of_slot(
        &self,
        owner: AssetIndex,
        slot: SlotKey,
        offset: Offset,
    ) -> Result<Option<ClaimsRecord>, EngineError> {
        let prefix = keys::claims_of_slot(owner, slot);
        let from = keys::claims(owner, slot, offset);
        let reader: Reader<'_> = *self;
        let mut version = None;
        let mut value = Vec::new();
        for item in reader.scan_from(&prefix, &from) {
            let (key, part) = item?;
            let found = keys::parse_claims(&key).map(|(_, version)| version);
            if version.is_some() && version != found {
                break;
            }
            version = found;
            value.extend(part);
        }
        Ok(match version {
            Some(_) => Some(decode_value("a claim", &value)?),
            None => None,
        })
    }

    /// What one slot said of an asset as known at `offset`, newest version first, up to the first one that is enough.
    pub(crate) fn versions_of_slot(
        &self,
        owner: AssetIndex,
        slot: SlotKey,
        offset: Offset,
        is_enough: impl Fn(&ClaimsRecord) -> bool,
    ) -> Result<Vec<ClaimsRecord>, EngineError> {
        let prefix = keys::claims_of_slot(owner, slot);
        let from = keys::claims(owner, slot, offset);
        let reader: Reader<'_> = *self;
        let mut found = Vec::new();
        let mut parts: Option<(Option<u64>, Vec<u8>)> = None;
        for item in reader.scan_from(&prefix, &from) {
            let (key, part) = item?;
            let version = keys::parse_claims(&key).map(|(_, version)| version);
            match &mut parts {
                Some((of, bytes)) if *of == version => bytes.extend(part),
                _ => {
                    if let Some((_, bytes)) = parts.replace((version, part)) {
                        let record = decode_value("a claim", &bytes)?;
                        let is_last = is_enough(&record);
                        found.push(record);
                        if is_last {
                            return Ok(found);
                        }
                    }
                }
            }
        }
        if let Some((_, bytes)) = parts {
            found.push(decode_value("a claim", &bytes)?);
        }
        Ok(found)
    }
}

/// The first key after all that begin with `prefix`.
pub(crate) fn after(mut prefix: Vec<u8>) -> Vec<u8> {
    while let Some(last) = prefix.pop() {
        if last < u8::MAX {
            prefix.push(last + 1);
            break;
        }
    }
    prefix
}

/// The state with the changes of a commit over it.
pub(crate) struct Txn {
    state: Arc<dyn State>,
    pending: Pending,
}

impl Txn {
    pub(crate) fn new(state: Arc<dyn State>) -> Self {
        Self {
            state,
            pending: BTreeMap::new(),
        }
    }

    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader {
            state: &*self.state,
            pending: Some(&self.pending),
        }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.reader().get(key)
    }

    pub(crate) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.pending.insert(key, Some(value));
    }

    pub(crate) fn delete(&mut self, key: Vec<u8>) {
        self.pending.insert(key, None);
    }

    /// Puts a value in parts under `key` and a part number.
    pub(crate) fn put_parts(&mut self, key: &[u8], value: &[u8]) {
        let empty = value.is_empty().then_some(value);
        for (number, part) in value.chunks(PART_BYTES).chain(empty).enumerate() {
            let mut key = key.to_vec();
            key.extend_from_slice(&(number as u32).to_be_bytes());
            self.put(key, part.to_vec());
        }
    }

    /// Makes what is pending part of the state.
    ///
    /// The state applies a large batch in several steps. If the service dies between two of them, what stands there
    /// is neither the old state nor the new one: a mark says so until the last step takes it away.
    pub(crate) fn commit(&mut self, applied: Offset) -> Result<(), EngineError> {
        let mut batch = StateBatch::new();
        let takes_steps = self.pending.len() >= STEP_KEYS_MAX;
        if takes_steps {
            batch.put(keys::UNDER_WAY, &[]);
            self.state.apply(&batch, self.state.applied_offset()?)?;
            batch.clear();
        }
        for (key, value) in &self.pending {
            match value {
                Some(value) => batch.put(key, value),
                None => batch.delete(key),
            }
        }
        if takes_steps {
            batch.delete(keys::UNDER_WAY);
        }
        self.state.apply(&batch, applied)?;
        self.pending.clear();
        Ok(())
    }
}
