//! What the entry in progress has touched, until it is settled.

use std::collections::{BTreeMap, BTreeSet};

use headwater_record::{ClaimKey, EdgeRecord, RunFailureRecord, Str};

use crate::apply::Counts;

/// Collected while claims change; settled into rows and edges of the graph at the end of the entry.
#[derive(Default)]
pub(crate) struct Changes {
    /// Raw names that the entry named first: is it a job, namespace, name.
    pub(crate) names: Vec<(bool, Str, Str)>,
    /// Raw assets whose claims about themselves changed.
    pub(crate) assets: BTreeSet<u32>,
    /// Raw edges that a slot began to state.
    pub(crate) stated: BTreeSet<EdgeRecord>,
    /// Raw edges that a slot ceased to state.
    pub(crate) unstated: BTreeSet<EdgeRecord>,
    /// Raw edges between fields that a slot began to state.
    pub(crate) fields_stated: BTreeSet<RawFieldEdge>,
    /// Raw edges between fields that a slot ceased to state.
    pub(crate) fields_unstated: BTreeSet<RawFieldEdge>,
    /// Raw assets at an end of an alias that came or went, or whose being declared changed.
    pub(crate) identities: BTreeSet<u32>,
    /// Raw assets whose names, fields or descriptions changed.
    pub(crate) documents: BTreeSet<u32>,
    /// Raw assets of which something new is said, by the latest time at which that begins or ends.
    pub(crate) turns: BTreeMap<i64, BTreeSet<u32>>,
    /// Runs that went wrong.
    pub(crate) runs_failed: Vec<RunFailureRecord>,
    /// Checks of raw datasets that fail and did not.
    pub(crate) checks_failed: BTreeSet<(u32, Str)>,
    /// Claims.
    pub(crate) counts: Counts,
}

impl Changes {
    /// Notes that a claim of `owner` came (`is_stated`) or went.
    pub(crate) fn note(&mut self, owner: u32, key: &ClaimKey, is_stated: bool) {
        match raw_edge(owner, key) {
            Some(edge) if is_stated => {
                self.stated.insert(edge);
            }
            Some(edge) => {
                self.unstated.insert(edge);
            }
            None => match key {
                ClaimKey::Alias(other) => {
                    self.identities.extend([owner, *other]);
                    self.assets.extend([owner, *other]);
                    self.documents.extend([owner, *other]);
                }
                ClaimKey::Entity => {
                    self.assets.insert(owner);
                    self.documents.insert(owner);
                }
                ClaimKey::Attribute { field: None, .. } => {
                    self.assets.insert(owner);
                }
                ClaimKey::Field(_) => {
                    self.documents.insert(owner);
                }
                ClaimKey::FieldDerives { .. } => {
                    let edges = if is_stated {
                        &mut self.fields_stated
                    } else {
                        &mut self.fields_unstated
                    };
                    edges.extend(RawFieldEdge::of(owner, key));
                }
                _ => {}
            },
        }
    }
}

/// The edge that a claim states.
pub(crate) fn raw_edge(owner: u32, key: &ClaimKey) -> Option<EdgeRecord> {
    let (from, to, via) = match *key {
        ClaimKey::Reads(from) | ClaimKey::Follows(from) => (from, owner, None),
        ClaimKey::Writes(to) => (owner, to, None),
        ClaimKey::Derives { from, via } => (from, owner, via),
        // An edge to itself, which is never walked, closes the way through the job as any stated origin does.
        ClaimKey::OriginsStated { via } => (owner, owner, Some(via)),
        _ => return None,
    };
    Some(EdgeRecord { from, to, via })
}

/// A field of a raw asset; without a name the dataset as a whole.
pub(crate) type RawField = (u32, Option<Str>);

/// An edge between fields as claims state it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RawFieldEdge {
    pub(crate) from: RawField,
    pub(crate) to: RawField,
    pub(crate) via: Option<u32>,
}

impl RawFieldEdge {
    /// The edge that a claim of `owner` states.
    pub(crate) fn of(owner: u32, key: &ClaimKey) -> Option<Self> {
        let ClaimKey::FieldDerives {
            to_field,
            from,
            from_field,
            via,
        } = key
        else {
            return None;
        };
        Some(Self {
            from: (*from, from_field.clone()),
            to: (owner, to_field.clone()),
            via: *via,
        })
    }

    /// The same edge between the assets that stand for its ends.
    pub(crate) fn map(&self, of: impl Fn(u32) -> u32) -> Self {
        Self {
            from: (of(self.from.0), self.from.1.clone()),
            to: (of(self.to.0), self.to.1.clone()),
            via: self.via.map(of),
        }
    }

    pub(crate) fn touches(&self, members: &BTreeSet<u32>) -> bool {
        let ends = [Some(self.from.0), Some(self.to.0), self.via];
        ends.into_iter().flatten().any(|end| members.contains(&end))
    }
}
