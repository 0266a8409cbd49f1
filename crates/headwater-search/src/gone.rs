//! Which documents of a segment are gone.

use std::sync::Arc;

use crate::bitmap::{Bitmap, Bits};
use crate::labels::Fields;

/// Words per page: 4,096 documents.
const PAGE: usize = 64;

type Page = [u64; PAGE];

/// Labels per page of counts.
const COUNTS: usize = 256;

/// A set that shares with its clones what they have in common: an addition copies one page (512 bytes) and the list
/// of pages (8 bytes per 4,096 documents).
#[derive(Clone, Debug, Default)]
pub(crate) struct Gone {
    pages: Arc<Vec<Option<Arc<Page>>>>,
    count: u32,
    /// How many of its documents have each label, shared in the same way. With it, counting the fields of a name
    /// that are left needs no look at what is gone.
    labels: Arc<Vec<Option<Arc<[u32; COUNTS]>>>>,
}

impl Gone {
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    #[inline]
    pub(crate) fn contains(&self, document: u32) -> bool {
        let word = document as usize / 64;
        match self.pages.get(word / PAGE) {
            Some(Some(page)) => page[word % PAGE] >> (document % 64) & 1 != 0,
            _ => false,
        }
    }

    /// How many of its documents have a field with this label.
    pub(crate) fn label_count(&self, label: u32) -> u32 {
        match self.labels.get(label as usize / COUNTS) {
            Some(Some(page)) => page[label as usize % COUNTS],
            _ => 0,
        }
    }

    /// Adds a document, whose labels `fields` knows; nothing happens if it is there.
    pub(crate) fn insert(&mut self, document: u32, fields: &Fields) {
        if self.contains(document) {
            return;
        }
        let word = document as usize / 64;
        let pages = Arc::make_mut(&mut self.pages);
        if pages.len() <= word / PAGE {
            pages.resize(word / PAGE + 1, None);
        }
        let page = pages[word / PAGE].get_or_insert_with(|| Arc::new([0; PAGE]));
        Arc::make_mut(page)[word % PAGE] |= 1 << (document % 64);
        self.count += 1;
        for label in fields.of(document) {
            let counts = Arc::make_mut(&mut self.labels);
            let at = label as usize / COUNTS;
            if counts.len() <= at {
                counts.resize(at + 1, None);
            }
            let page = counts[at].get_or_insert_with(|| Arc::new([0; COUNTS]));
            Arc::make_mut(page)[label as usize % COUNTS] += 1;
        }
    }

    /// Takes what is gone out of `set`.
    pub(crate) fn subtract_from(&self, set: &mut Bitmap) {
        let words = set.words_mut().chunks_mut(PAGE);
        for (words, page) in words.zip(self.pages.iter()) {
            if let Some(page) = page {
                for (word, gone) in words.iter_mut().zip(page.iter()) {
                    *word &= !gone;
                }
            }
        }
    }

    /// What is in here and not in `before`, from which this one was made.
    pub(crate) fn since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = u32> + 'a {
        let pages = self.pages.iter().enumerate();
        pages.flat_map(move |(at, page)| {
            let old = before.pages.get(at).and_then(Option::as_ref);
            let page = page
                .as_ref()
                .filter(|page| old.is_none_or(|old| !Arc::ptr_eq(old, page)));
            let base = (at * PAGE * 64) as u32;
            let words = page.into_iter().flat_map(|page| page.iter().enumerate());
            words.flat_map(move |(place, word)| Bits {
                word: word & !old.map_or(0, |old| old[place]),
                base: base + place as u32 * 64,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::LabelsBuilder;

    #[test]
    fn a_clone_keeps_what_was_and_the_difference_is_what_came() {
        let mut gone = Gone::default();
        // Document 5 has the fields 3 and 1000; nobody else has any.
        let mut labels = LabelsBuilder::new(6);
        for label in 0..=1000 {
            let documents = if [3, 1000].contains(&label) { 5 } else { 0 };
            labels.push(true, &format!("{label:04}"), &mut vec![documents]);
        }
        let labels = labels.finish(false);
        let fields = &labels.fields;
        gone.insert(5, fields);
        gone.insert(5, fields);
        let before = gone.clone();
        for document in [6, 5000, 100_000] {
            gone.insert(document, fields);
        }
        assert_eq!((before.count(), gone.count()), (1, 4));
        assert_eq!(
            [2, 3, 1000, 5000].map(|label| gone.label_count(label)),
            [0, 1, 1, 0]
        );
        assert!(!before.contains(6) && gone.contains(6) && !gone.contains(99_999));
        assert_eq!(gone.since(&before).collect::<Vec<_>>(), [6, 5000, 100_000]);
        let mut set = Bitmap::new(6000);
        for document in [4, 5, 5000, 5001] {
            set.insert(document);
        }
        gone.subtract_from(&mut set);
        assert_eq!(set.iter().collect::<Vec<_>>(), [4, 5001]);
    }
}
