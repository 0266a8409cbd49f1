//! Reading what offsets changed in the graph, as the state keeps it.

use headwater_record::{DeltaRecord, decode_value};
use headwater_store::Offset;

use crate::txn::Reader;
use crate::{EngineError, keys};

/// Shows `visit` what each offset after `after` and up to `until` changed, in order.
pub(crate) fn for_each_delta(
    reader: Reader<'_>,
    after: Offset,
    until: Offset,
    mut visit: impl FnMut(DeltaRecord) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let prefix = keys::deltas_prefix();
    let mut pending: Option<(u64, Vec<u8>)> = None;
    for item in reader.scan_from(&prefix, &keys::delta(after.next())) {
        let (key, part) = item?;
        let offset = keys::parse_delta(&key).ok_or(EngineError::Corrupt("a change's key"))?;
        if offset > until.get() {
            break;
        }
        match &mut pending {
            Some((of, bytes)) if *of == offset => bytes.extend(part),
            _ => {
                if let Some((_, bytes)) = pending.replace((offset, part)) {
                    visit(decode_value("a change", &bytes)?)?;
                }
            }
        }
    }
    if let Some((_, bytes)) = pending {
        visit(decode_value("a change", &bytes)?)?;
    }
    Ok(())
}
