//! What opening reads of the state, for the next start to have it at once.

use std::ops::Range;

use headwater_store::Excerpt;

use crate::engine::Shared;
use crate::txn::Reader;
use crate::{EngineError, keys};

/// The ranges of the state that [`crate::recovery`] reads when the graph file is as new as the state.
fn ranges(shared: &Shared) -> Result<Vec<Range<Vec<u8>>>, EngineError> {
    let reader = Reader::new(&*shared.state);
    let mut ranges: Vec<Range<Vec<u8>>> = [
        keys::WORDS,
        keys::SOURCES,
        keys::MESH,
        keys::COMMITTED_AT,
        keys::VERSION,
        keys::UNDER_WAY,
    ]
    .into_iter()
    .filter_map(|tag| Some(tag.to_vec()..keys::after(tag)?))
    .collect();
    // Of a source, the newest submission: it comes first.
    for source in shared.sources.all() {
        let prefix = keys::submissions_of(source.number);
        let end = match reader.scan(&prefix).next().transpose()? {
            Some((newest, _)) => [&*newest, &[0]].concat(),
            None => keys::after(&prefix).unwrap_or_default(),
        };
        ranges.push(prefix..end);
    }
    let applied = shared.state.applied_offset()?;
    let deltas = keys::deltas_prefix();
    ranges.extend(keys::after(&deltas).map(|end| keys::delta(applied.next())..end));
    Ok(ranges)
}

pub(crate) fn excerpt(shared: &Shared) -> Result<Option<Excerpt>, EngineError> {
    Ok(Excerpt::of(&*shared.state, ranges(shared)?)?)
}
