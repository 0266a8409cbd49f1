//! Keys of the state.
//!
//! One tag byte, then big-endian numbers and texts. Keys of versioned records end in the inverted offset, so that a
//! scan meets the newest version first, and in a part number, so that values stay small:
//!
//! | tag | key | value |
//! |---|---|---|
//! | `n` | kind, namespace, 0, name; 0, domain where names are scoped | `NameRecord` |
//! | `z` | index | the domain in which the name means something (scoped names only) |
//! | `g` | digest of a normal form, index | digest of the form that it has if quotes were dropped; of a job, of its variant |
//! | `u` | digest of a quoted form, index | digest of the form of the bare name |
//! | `p` | kind, 128 bits of the public id | index |
//! | `x` | kind, last segment of the name, 0, index | – |
//! | `f` | owner, slot, inverted offset, part | `ClaimsRecord` |
//! | `k` | slot, owner | – while a snapshot slot speaks of it; 0 once any slot no longer does |
//! | `s` | slot | `SlotRecord` |
//! | `c` | digest of a contribution, part | encoded facts |
//! | `a` | index, index, slot, owner | – (aliases that hold, and links by rules, from both ends) |
//! | `o` | source | `SourceRecord` |
//! | `b` | source, inverted offset | `SubmissionRecord` |
//! | `d` | offset, number | `DiagnosticRecord` |
//! | `i` | source, digest of an event | offset |
//! | `j` | source, digest of an idempotency key | offset |
//! | `q` | source; digest of what a person asserts | how many of these the source has; its number |
//! | `r` | digest of a run's id, source, job | `RunRecord` |
//! | `h` | offset, part | `DeltaRecord` |
//! | `l` | index, owner | – (whose claims ever named it as read, written or an alias) |
//! | `e` | valid time, offset, part | assets of which that offset says something up to that time |
//! | `w` | number of a word | the word: name of a domain, an owner or a tag |
//! | `m` | – | the mesh, as in the log |
//! | `t` | – | when the newest entry was received |
//! | `v` | – | version of all this |
//! | `y` | – | – (while a commit of several steps is under way) |

use headwater_model::{AssetId, AssetIndex, AssetKind, AssetName, Digest, IdKind};
use headwater_record::{Half, RunKey};
use headwater_store::Offset;

/// Whose statement it is: a source, and within it a job, a dataset or everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SlotKey {
    pub(crate) source: u32,
    pub(crate) kind: SlotKind,
    /// The job or dataset; of a fact that a person asserts, its number within the source; 0 for a snapshot.
    pub(crate) subject: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum SlotKind {
    Snapshot = 0,
    Runs = 1,
    Job = 2,
    Dataset = 3,
    Manual = 4,
}

impl SlotKey {
    pub(crate) const BYTES: usize = 9;

    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&self.source.to_be_bytes());
        bytes[4] = self.kind as u8;
        bytes[5..].copy_from_slice(&self.subject.to_be_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let kind = match bytes.get(4)? {
            0 => SlotKind::Snapshot,
            1 => SlotKind::Runs,
            2 => SlotKind::Job,
            3 => SlotKind::Dataset,
            4 => SlotKind::Manual,
            _ => return None,
        };
        Some(Self {
            source: read_u32(bytes, 0)?,
            kind,
            subject: read_u32(bytes, 5)?,
        })
    }
}

pub(crate) fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn key(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let bytes = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut key = Vec::with_capacity(1 + bytes);
    key.push(tag);
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

fn kind_byte(kind: AssetKind) -> u8 {
    match kind {
        AssetKind::Dataset => 0,
        AssetKind::Job => 1,
    }
}

fn inverted(offset: Offset) -> [u8; 8] {
    (!offset.get()).to_be_bytes()
}

pub(crate) fn name(name: &AssetName) -> Vec<u8> {
    key(
        b'n',
        &[
            &[kind_byte(name.kind)],
            name.name.namespace.as_str().as_bytes(),
            &[0],
            name.name.name.as_str().as_bytes(),
        ],
    )
}

/// The key of a name that means something in one domain only; without a domain, of all of them.
pub(crate) fn scoped_name(name: &AssetName, scope: Option<&str>) -> Vec<u8> {
    let mut key = self::name(name);
    key.push(0);
    key.extend_from_slice(scope.unwrap_or_default().as_bytes());
    key
}

pub(crate) fn public_id(id: &AssetId) -> Vec<u8> {
    let kind = match id.kind() {
        IdKind::Dataset => 0,
        IdKind::Job => 1,
    };
    key(b'p', &[&[kind], id.as_bytes()])
}

pub(crate) fn ending_prefix(kind: AssetKind, segment: &str) -> Vec<u8> {
    key(b'x', &[&[kind_byte(kind)], segment.as_bytes(), &[0]])
}

pub(crate) fn ending(kind: AssetKind, segment: &str, index: AssetIndex) -> Vec<u8> {
    let mut key = ending_prefix(kind, segment);
    key.extend_from_slice(&index.get().to_be_bytes());
    key
}

/// The number at the end of a key.
pub(crate) fn last_u32(key: &[u8]) -> Option<u32> {
    read_u32(key, key.len().checked_sub(4)?)
}

pub(crate) fn claims_of(owner: AssetIndex) -> Vec<u8> {
    key(b'f', &[&owner.get().to_be_bytes()])
}

pub(crate) fn claims_of_slot(owner: AssetIndex, slot: SlotKey) -> Vec<u8> {
    key(b'f', &[&owner.get().to_be_bytes(), &slot.to_bytes()])
}

pub(crate) fn claims(owner: AssetIndex, slot: SlotKey, offset: Offset) -> Vec<u8> {
    key(
        b'f',
        &[
            &owner.get().to_be_bytes(),
            &slot.to_bytes(),
            &inverted(offset),
        ],
    )
}

/// The asset of a key that [`claims`] made.
pub(crate) fn parse_owner(key: &[u8]) -> Option<AssetIndex> {
    read_u32(key, 1).map(AssetIndex::new)
}

pub(crate) fn all_claims() -> [u8; 1] {
    [b'f']
}

/// Slot and offset of a key that [`claims`] made; a part number follows.
pub(crate) fn parse_claims(key: &[u8]) -> Option<(SlotKey, u64)> {
    let slot = SlotKey::from_bytes(key.get(5..5 + SlotKey::BYTES)?)?;
    let at = 5 + SlotKey::BYTES;
    let inverted = u64::from_be_bytes(key.get(at..at + 8)?.try_into().ok()?);
    Some((slot, !inverted))
}

pub(crate) fn owners_of(slot: SlotKey) -> Vec<u8> {
    key(b'k', &[&slot.to_bytes()])
}

pub(crate) fn owner_of(slot: SlotKey, owner: AssetIndex) -> Vec<u8> {
    key(b'k', &[&slot.to_bytes(), &owner.get().to_be_bytes()])
}

pub(crate) fn slot(slot: SlotKey) -> Vec<u8> {
    key(b's', &[&slot.to_bytes()])
}

pub(crate) fn contribution(digest: Half) -> Vec<u8> {
    key(b'c', &[&digest])
}

pub(crate) fn aliases_of(index: AssetIndex) -> Vec<u8> {
    key(b'a', &[&index.get().to_be_bytes()])
}

pub(crate) fn alias(from: AssetIndex, to: AssetIndex, slot: SlotKey, owner: AssetIndex) -> Vec<u8> {
    key(
        b'a',
        &[
            &from.get().to_be_bytes(),
            &to.get().to_be_bytes(),
            &slot.to_bytes(),
            &owner.get().to_be_bytes(),
        ],
    )
}

/// Whose claims ever named `index` as what they read, write or call by another name.
pub(crate) fn named_by(index: AssetIndex) -> Vec<u8> {
    key(b'l', &[&index.get().to_be_bytes()])
}

pub(crate) fn named(index: AssetIndex, owner: AssetIndex) -> Vec<u8> {
    key(
        b'l',
        &[&index.get().to_be_bytes(), &owner.get().to_be_bytes()],
    )
}

/// What links two names besides the aliases that sources state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Link {
    /// A source states it.
    Asserted,
    /// Rules give both names one normal form.
    Exact,
    /// The owner, a bare name, may be the other one by folding.
    Folded,
    /// The owner, a bare name, may be the other one, whose quotes were dropped.
    Quoted,
}

/// The source of links by rules: no source has that number.
const RULES: u32 = u32::MAX;

impl Link {
    /// The slot under which links by rules stand among the aliases.
    pub(crate) fn slot(self) -> SlotKey {
        SlotKey {
            source: RULES,
            kind: SlotKind::Snapshot,
            subject: self as u32,
        }
    }

    fn of(slot: SlotKey) -> Self {
        match (slot.source, slot.subject) {
            (RULES, 1) => Self::Exact,
            (RULES, 2) => Self::Folded,
            (RULES, 3) => Self::Quoted,
            _ => Self::Asserted,
        }
    }
}

/// What links the ends of a key that [`alias`] made, and who owns the link.
pub(crate) fn parse_link(key: &[u8]) -> Option<(Link, u32)> {
    let slot = SlotKey::from_bytes(key.get(9..9 + SlotKey::BYTES)?)?;
    Some((Link::of(slot), read_u32(key, 9 + SlotKey::BYTES)?))
}

pub(crate) fn scope(index: AssetIndex) -> Vec<u8> {
    key(b'z', &[&index.get().to_be_bytes()])
}

pub(crate) fn forms(form: &Half) -> Vec<u8> {
    key(b'g', &[form])
}

pub(crate) fn form(form: &Half, index: AssetIndex) -> Vec<u8> {
    key(b'g', &[form, &index.get().to_be_bytes()])
}

pub(crate) fn doubts(form: &Half) -> Vec<u8> {
    key(b'u', &[form])
}

pub(crate) fn doubt(form: &Half, index: AssetIndex) -> Vec<u8> {
    key(b'u', &[form, &index.get().to_be_bytes()])
}

/// The other end of a key that [`alias`] made.
pub(crate) fn parse_alias(key: &[u8]) -> Option<AssetIndex> {
    read_u32(key, 5).map(AssetIndex::new)
}

pub(crate) fn source(source: u32) -> Vec<u8> {
    key(b'o', &[&source.to_be_bytes()])
}

pub(crate) fn submissions_of(source: u32) -> Vec<u8> {
    key(b'b', &[&source.to_be_bytes()])
}

pub(crate) fn submission(source: u32, offset: Offset) -> Vec<u8> {
    key(b'b', &[&source.to_be_bytes(), &inverted(offset)])
}

/// The offset of a key that [`submission`] made.
pub(crate) fn parse_submission(key: &[u8]) -> Option<u64> {
    Some(!u64::from_be_bytes(key.get(5..13)?.try_into().ok()?))
}

pub(crate) fn diagnostics_of(offset: Offset) -> Vec<u8> {
    key(b'd', &[&offset.get().to_be_bytes()])
}

pub(crate) fn diagnostic(offset: Offset, number: u32) -> Vec<u8> {
    key(b'd', &[&offset.get().to_be_bytes(), &number.to_be_bytes()])
}

pub(crate) fn seen_event(source: u32, digest: Half) -> Vec<u8> {
    key(b'i', &[&source.to_be_bytes(), &digest])
}

pub(crate) fn seen_key(source: u32, digest: Half) -> Vec<u8> {
    key(b'j', &[&source.to_be_bytes(), &digest])
}

/// The number of facts that people ever asserted in a source.
pub(crate) fn manual_count(source: u32) -> Vec<u8> {
    key(b'q', &[&source.to_be_bytes()])
}

/// The number of one of them.
pub(crate) fn manual(source: u32, fact: Half) -> Vec<u8> {
    key(b'q', &[&source.to_be_bytes(), &fact])
}

/// What the keys of a run hold of its id.
pub(crate) fn run_key(run: &str) -> RunKey {
    let half = Digest::of(run.as_bytes()).half();
    let mut key = RunKey::default();
    key.copy_from_slice(&half[..8]);
    key
}

pub(crate) fn runs_with(run: RunKey) -> Vec<u8> {
    key(b'r', &[&run])
}

/// The run of the job that `slot` is about, as its source tells it.
pub(crate) fn run(run: RunKey, slot: SlotKey) -> Vec<u8> {
    key(
        b'r',
        &[
            &run,
            &slot.source.to_be_bytes(),
            &slot.subject.to_be_bytes(),
        ],
    )
}

/// Source and job of a key that [`run`] made.
pub(crate) fn parse_run(key: &[u8]) -> Option<SlotKey> {
    Some(SlotKey {
        source: read_u32(key, 9)?,
        kind: SlotKind::Runs,
        subject: read_u32(key, 13)?,
    })
}

pub(crate) fn delta(offset: Offset) -> Vec<u8> {
    key(b'h', &[&offset.get().to_be_bytes()])
}

pub(crate) fn deltas_prefix() -> [u8; 1] {
    [b'h']
}

/// The offset of a key that [`delta`] made.
pub(crate) fn parse_delta(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(1..9)?.try_into().ok()?))
}

/// Times as bytes that order as they do.
fn ordered(time: i64) -> [u8; 8] {
    (time.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

pub(crate) fn turn(time: i64, offset: Offset) -> Vec<u8> {
    key(b'e', &[&ordered(time), &offset.get().to_be_bytes()])
}

/// The first key of [`turn`] for times after `time`.
pub(crate) fn turns_after(time: i64) -> Vec<u8> {
    match time.checked_add(1) {
        Some(next) => key(b'e', &[&ordered(next)]),
        None => vec![b'e' + 1],
    }
}

pub(crate) fn turns_prefix() -> [u8; 1] {
    [b'e']
}

/// The offset of a key that [`turn`] made.
pub(crate) fn parse_turn(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(9..17)?.try_into().ok()?))
}

pub(crate) fn word(number: u32) -> Vec<u8> {
    key(b'w', &[&number.to_be_bytes()])
}

pub(crate) const WORDS: &[u8] = b"w";
pub(crate) const SOURCES: &[u8] = b"o";
pub(crate) const MESH: &[u8] = b"m";
pub(crate) const COMMITTED_AT: &[u8] = b"t";
pub(crate) const VERSION: &[u8] = b"v";
pub(crate) const UNDER_WAY: &[u8] = b"y";

/// The first key after all that begin with `prefix`; none if there is no such key.
pub(crate) fn after(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut after = prefix[..=last].to_vec();
    after[last] += 1;
    Some(after)
}
