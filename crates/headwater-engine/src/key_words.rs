//! Keys of the state in words, for whoever reads that two states differ.

use headwater_record::{SourceRecord, decode_value};
use headwater_store::State;

use crate::keys::{self, SlotKey, SlotKind, read_u32};

/// What `key` stands for, with the source's name where `state` has it. Never empty; control characters are escaped.
pub(crate) fn describe(state: &dyn State, key: &[u8]) -> String {
    let Some((tag, rest)) = key.split_first() else {
        return "no key".to_owned();
    };
    let known = match tag {
        b'n' => name(rest),
        b'p' => Some("a public id".to_owned()),
        b'x' => rest
            .split(|byte| *byte == 0)
            .find(|part| !part.is_empty())
            .map(|ending| format!("the names that end in {}", escaped(ending))),
        b'f' => claims(state, key),
        b'k' => slot(state, rest).map(|slot| format!("the assets that {slot} speaks of")),
        b's' => slot(state, rest),
        b'c' => Some("a contribution of run events".to_owned()),
        b'a' => number(rest).map(|asset| format!("an alias of asset {asset}")),
        b'l' => number(rest).map(|asset| format!("whose claims ever named asset {asset}")),
        b'o' => number(rest).map(|source| source_words(state, source)),
        b'b' => {
            let offset = keys::parse_submission(key);
            let source = number(rest).map(|source| source_words(state, source));
            offset
                .zip(source)
                .map(|(offset, source)| format!("the submission at offset {offset} of {source}"))
        }
        b'd' => big_endian(rest, 0)
            .map(|offset| format!("a finding of the submission at offset {offset}")),
        b'i' => number(rest).map(|source| format!("an event of {}", source_words(state, source))),
        b'j' => number(rest).map(|source| {
            let source = source_words(state, source);
            format!("an idempotency key of {source}")
        }),
        b'q' => number(rest)
            .map(|source| format!("the number of a fact in {}", source_words(state, source))),
        b'r' => keys::parse_run(key).map(|run| {
            let source = source_words(state, run.source);
            format!("a run of job {}, as {source} tells it", run.subject)
        }),
        b'h' => keys::parse_delta(key)
            .map(|offset| format!("the change of the graph at offset {offset}")),
        b'w' => number(rest).map(|word| format!("word {word}")),
        b'm' => Some("the mesh".to_owned()),
        b't' => Some("the time of the newest entry".to_owned()),
        b'v' => Some("the version of the state".to_owned()),
        b'y' => Some("the mark of a commit under way".to_owned()),
        _ => None,
    };
    let shown = escaped(key);
    match known {
        Some(words) => format!("{words} (key {shown})"),
        None => format!("key {shown}"),
    }
}

fn escaped(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

fn number(rest: &[u8]) -> Option<u32> {
    read_u32(rest, 0)
}

fn big_endian(rest: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(rest.get(at..at + 8)?.try_into().ok()?))
}

fn name(rest: &[u8]) -> Option<String> {
    let (kind, name) = rest.split_first()?;
    let kind = if *kind == 0 { "dataset" } else { "job" };
    let parts: Vec<_> = name
        .splitn(2, |byte| *byte == 0)
        .map(String::from_utf8_lossy)
        .collect();
    Some(format!("the name of {kind} {}", parts.join(" / ")))
}

fn claims(state: &dyn State, key: &[u8]) -> Option<String> {
    let asset = read_u32(key, 1)?;
    let (slot, offset) = keys::parse_claims(key)?;
    let slot = slot_words(state, slot);
    Some(format!(
        "what {slot} says of asset {asset} since offset {offset}"
    ))
}

fn slot(state: &dyn State, rest: &[u8]) -> Option<String> {
    Some(slot_words(state, SlotKey::from_bytes(rest)?))
}

fn slot_words(state: &dyn State, slot: SlotKey) -> String {
    let source = source_words(state, slot.source);
    match slot.kind {
        SlotKind::Snapshot => format!("the snapshot of {source}"),
        SlotKind::Runs => format!("the runs of job {} in {source}", slot.subject),
        SlotKind::Job => format!("job {} as designed in {source}", slot.subject),
        SlotKind::Dataset => format!("dataset {} as designed in {source}", slot.subject),
        SlotKind::Manual => format!("fact {} of {source}", slot.subject),
    }
}

fn source_words(state: &dyn State, source: u32) -> String {
    let record = state.get(&keys::source(source)).ok().flatten();
    let record = record.and_then(|bytes| decode_value::<SourceRecord>("a source", &bytes).ok());
    match record {
        Some(record) => format!("source {}/{}", record.domain, record.name),
        None => format!("source number {source}"),
    }
}
