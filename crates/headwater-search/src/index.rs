//! The index: segments that are never changed, and what of them is gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::document::Document;
use crate::gone::Gone;
use crate::segment::{Segment, SegmentBuilder};

/// Small segments of about one size that become one.
const FANOUT: usize = 8;
/// Segments are not made larger than this on the writer's thread: merging them would take longer than a commit.
const MERGED_DOCUMENTS_MAX: u32 = 4096;

/// An immutable index of documents by key. A clone costs a counter.
///
/// The first segment is the base; the others, and what is gone of the base, are the overlay.
#[derive(Clone, Debug)]
pub struct Index {
    parts: Arc<Vec<Part>>,
}

/// A segment, and which of its documents were replaced or removed since.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) segment: Arc<Segment>,
    pub(crate) gone: Gone,
}

impl Part {
    fn new(segment: Segment) -> Self {
        Self {
            segment: Arc::new(segment),
            gone: Gone::default(),
        }
    }

    fn live_count(&self) -> u32 {
        self.segment.len() - self.gone.count()
    }

    /// 0 for fewer than [`FANOUT`] documents, and one more for each [`FANOUT`] times as many.
    fn class(&self) -> u32 {
        self.live_count().max(1).ilog(FANOUT as u32)
    }
}

impl Default for Index {
    fn default() -> Self {
        Self {
            parts: Arc::new(vec![Part::new(Segment::empty())]),
        }
    }
}

impl Index {
    /// An index without documents.
    pub fn new() -> Self {
        Self::default()
    }

    /// The index with documents put, replaced (`Some`) or removed (`None`), by key; the last word on a key counts.
    /// Removing what is not there changes nothing.
    ///
    /// It costs what changes, and at times the merging of at most 4,096 documents of earlier changes. An index that
    /// is made of many documents at once is to be compacted before it is asked.
    #[must_use]
    pub fn apply<'a>(
        &self,
        changes: impl IntoIterator<Item = (u32, Option<Document<'a>>)>,
    ) -> Self {
        let changes: BTreeMap<u32, Option<Document<'a>>> = changes.into_iter().collect();
        let mut parts = Vec::clone(&self.parts);
        let mut builder = SegmentBuilder::default();
        for (key, document) in &changes {
            for part in &mut parts {
                if let Some(number) = part.segment.ranks.document(*key) {
                    part.gone.insert(number, &part.segment.labels.fields);
                }
            }
            if let Some(document) = document {
                builder.add(*key, document);
            }
        }
        if !builder.is_empty() {
            parts.push(Part::new(builder.finish(false)));
        }
        let mut is_base = true;
        parts.retain(|part| std::mem::take(&mut is_base) || part.live_count() > 0);
        merge_small(&mut parts);
        Self {
            parts: Arc::new(parts),
        }
    }

    /// All documents in one segment. Takes seconds for a million; the index goes on changing meanwhile, and
    /// [`Index::adopt`] brings the two together.
    #[must_use]
    pub fn compact(&self) -> Compacted {
        Compacted {
            after: Self {
                parts: Arc::new(vec![Part::new(merge(&self.parts, true))]),
            },
            before: self.clone(),
        }
    }

    /// This index over the segment of a compaction, which began with this index or with one that this index was
    /// made of by [`Index::apply`]. It costs what changed since.
    #[must_use]
    pub fn adopt(&self, compacted: &Compacted) -> Self {
        let mut base = compacted.after.parts[0].clone();
        let mut forget = |part: &Part, document: u32| {
            let key = part.segment.ranks.keys[document as usize];
            if let Some(number) = base.segment.ranks.document(key) {
                base.gone.insert(number, &base.segment.labels.fields);
            }
        };
        let is_same = |a: &Part, b: &Part| Arc::ptr_eq(&a.segment, &b.segment);
        let before = &compacted.before.parts;
        for part in before.iter() {
            // A segment that was merged into another since has all its documents there, or they are gone.
            let now = self.parts.iter().find(|now| is_same(now, part));
            match now {
                Some(now) => now
                    .gone
                    .since(&part.gone)
                    .for_each(|number| forget(part, number)),
                None => (0..part.segment.len())
                    .filter(|number| !part.gone.contains(*number))
                    .for_each(|number| forget(part, number)),
            }
        }
        let is_newer = |part: &&Part| !before.iter().any(|old| is_same(old, part));
        let newer = self.parts.iter().filter(is_newer).cloned();
        Self {
            parts: Arc::new(std::iter::once(base).chain(newer).collect()),
        }
    }

    /// How many documents there are.
    pub fn documents_count(&self) -> u64 {
        self.parts
            .iter()
            .map(|part| u64::from(part.live_count()))
            .sum()
    }

    /// Documents that changed since the base was made; removed ones count too. A hundredth of all is a good time to
    /// compact: queries cost half as much again to twice as much then.
    pub fn overlay_count(&self) -> u64 {
        let newer = self.documents_count() - u64::from(self.parts[0].live_count());
        newer.max(u64::from(self.parts[0].gone.count()))
    }

    /// Bytes of memory that the segments hold.
    pub fn bytes_count(&self) -> u64 {
        self.parts
            .iter()
            .map(|part| part.segment.bytes_count())
            .sum()
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The only segment, if it is as a file holds it.
    pub(crate) fn packed(&self) -> Option<&Segment> {
        let [part] = self.parts.as_slice() else {
            return None;
        };
        (part.gone.count() == 0 && part.segment.is_packed()).then_some(&part.segment)
    }

    pub(crate) fn of_segment(segment: Segment) -> Self {
        Self {
            parts: Arc::new(vec![Part::new(segment)]),
        }
    }
}

/// A finished compaction: hand it to [`Index::adopt`].
#[derive(Clone, Debug)]
pub struct Compacted {
    before: Index,
    after: Index,
}

impl Compacted {
    /// The compacted index: what it was when the compaction began.
    pub fn index(&self) -> &Index {
        &self.after
    }
}

fn merge(parts: &[Part], is_packed: bool) -> Segment {
    let segments: Vec<&Segment> = parts.iter().map(|part| part.segment.as_ref()).collect();
    Segment::merge(&segments, is_packed, |at, document| {
        !parts[at].gone.contains(document)
    })
}

/// Merges segments of one size until no size has too many, so that each document is merged once for every
/// [`FANOUT`] times as many that there are.
fn merge_small(parts: &mut Vec<Part>) {
    let mut class = 0;
    while FANOUT.pow(class) <= MERGED_DOCUMENTS_MAX as usize {
        let overlay = || parts.iter().skip(1).filter(|part| part.class() == class);
        let documents: u32 = overlay().map(Part::live_count).sum();
        if overlay().count() >= FANOUT && documents <= MERGED_DOCUMENTS_MAX {
            let small: Vec<Part> = overlay().cloned().collect();
            let mut is_base = true;
            parts.retain(|part| std::mem::take(&mut is_base) || part.class() != class);
            parts.push(Part::new(merge(&small, false)));
        }
        class += 1;
    }
}
