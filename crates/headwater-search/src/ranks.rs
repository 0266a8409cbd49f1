//! The documents of a segment, numbered so that a better one has a lower number.

/// Documents in the order of their names' lengths, then of their keys.
///
/// What matches equally well is listed in this order, so that a set of documents is a list of hits, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranks {
    /// By document.
    pub(crate) keys: Vec<u32>,
    /// Documents in the order of their keys.
    pub(crate) by_key: Vec<u32>,
    /// Each length of a name in characters, and the first document of at least that length.
    pub(crate) lengths: Vec<(u16, u32)>,
}

impl Ranks {
    /// Numbers documents that come in order: length, then key.
    pub(crate) fn new(ranked: impl Iterator<Item = (u16, u32)>) -> Self {
        let mut ranks = Self::default();
        for (length, key) in ranked {
            if ranks.lengths.last().is_none_or(|last| last.0 != length) {
                ranks.lengths.push((length, ranks.keys.len() as u32));
            }
            ranks.keys.push(key);
        }
        ranks.by_key = (0..ranks.len()).collect();
        ranks
            .by_key
            .sort_unstable_by_key(|document| ranks.keys[*document as usize]);
        ranks.keys.shrink_to_fit();
        ranks
    }

    /// True if the columns, which a file held, belong together.
    pub(crate) fn is_sound(&self) -> bool {
        let key = |document: &u32| self.keys.get(*document as usize);
        self.by_key.len() == self.keys.len()
            && self.by_key.iter().all(|document| key(document).is_some())
            && self.by_key.is_sorted_by(|a, b| key(a) < key(b))
            && self.lengths.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1)
            && self.lengths.first().is_none_or(|first| first.1 == 0)
            && self.lengths.last().is_none_or(|last| last.1 < self.len())
            && self.lengths.is_empty() == self.keys.is_empty()
            && self
                .spans()
                .all(|(_, span)| self.keys[span].is_sorted_by(|a, b| a < b))
    }

    fn spans(&self) -> impl Iterator<Item = (u16, std::ops::Range<usize>)> + '_ {
        (0..self.lengths.len()).map(|at| (self.lengths[at].0, self.span(at)))
    }

    fn span(&self, at: usize) -> std::ops::Range<usize> {
        let end = self.lengths.get(at + 1).map_or(self.len(), |next| next.1);
        self.lengths[at].1 as usize..end as usize
    }

    pub(crate) fn len(&self) -> u32 {
        self.keys.len() as u32
    }

    /// The document of a key.
    pub(crate) fn document(&self, key: u32) -> Option<u32> {
        let at = self
            .by_key
            .binary_search_by_key(&key, |document| self.keys[*document as usize])
            .ok()?;
        Some(self.by_key[at])
    }

    /// The length and key of a document, which is there.
    pub(crate) fn rank(&self, document: u32) -> (u16, u32) {
        let at = self
            .lengths
            .partition_point(|(_, first)| *first <= document);
        let length = at.checked_sub(1).map_or(0, |at| self.lengths[at].0);
        (length, self.keys[document as usize])
    }

    /// How many documents do not come after (`length`, `key`).
    pub(crate) fn upto(&self, length: u16, key: u32) -> u32 {
        let at = self.lengths.partition_point(|(found, _)| *found < length);
        let Some((found, first)) = self.lengths.get(at).copied() else {
            return self.len();
        };
        if found > length {
            return first;
        }
        let keys = &self.keys[self.span(at)];
        first + keys.partition_point(|found| *found <= key) as u32
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (u16, u32)> + '_ {
        self.spans()
            .flat_map(|(length, span)| self.keys[span].iter().map(move |key| (length, *key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_found_by_key_and_by_rank() {
        let ranked = [(3, 7), (3, 9), (5, 1), (8, 4)];
        let ranks = Ranks::new(ranked.into_iter());
        assert!(ranks.is_sound());
        assert_eq!(ranks.all().collect::<Vec<_>>(), ranked);
        for (document, rank) in (0..).zip(ranked) {
            assert_eq!(ranks.rank(document), rank);
            assert_eq!(ranks.document(rank.1), Some(document));
            assert_eq!(ranks.upto(rank.0, rank.1), document + 1);
        }
        assert_eq!(ranks.document(2), None);
        for (length, key, expected) in [(0, 9, 0), (3, 8, 1), (4, 0, 2), (5, 0, 2), (9, 0, 4)] {
            assert_eq!(ranks.upto(length, key), expected);
        }
    }

    #[test]
    fn columns_that_do_not_belong_together_are_noticed() {
        let sound = Ranks::new([(3, 7), (3, 9), (5, 1)].into_iter());
        let changes: [fn(&mut Ranks); 6] = [
            |ranks| ranks.keys[1] = 7,
            |ranks| ranks.keys.swap(0, 1),
            |ranks| ranks.by_key[0] = 3,
            |ranks| ranks.by_key.truncate(2),
            |ranks| ranks.lengths[1].1 = 3,
            |ranks| ranks.lengths.clear(),
        ];
        for change in changes {
            let mut ranks = sound.clone();
            change(&mut ranks);
            assert!(!ranks.is_sound(), "{ranks:?}");
        }
    }
}
