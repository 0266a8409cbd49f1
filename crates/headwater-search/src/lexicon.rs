//! Terms, and for each the numbers of what it occurs in.

use std::ops::Range;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::dictionary::{Dictionary, DictionaryBuilder, Terms};
use crate::postings::{List, put_list};

/// Where in a name a term stands; the best place counts.
///
/// The place of a term is what tells names that equal or begin with a query from those that only have its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is the whole name.
    Whole = 0,
    /// It is the last segment of the name.
    Ending = 1,
    /// The name, or its last segment, begins with it.
    Beginning = 2,
    /// The name ends with it, after other runs of its last segment.
    Last = 3,
    /// Somewhere.
    Within = 4,
}

pub(crate) const PLACES: usize = 5;

/// An occurrence has its place in the low bits, and its number in the others.
const PLACE_BITS: u32 = 3;
/// The highest number that something which has terms may have.
pub(crate) const NUMBER_MAX: u32 = (1 << (32 - PLACE_BITS)) - 1;

fn occurrence(number: u32, place: u32) -> u32 {
    number << PLACE_BITS | place
}

fn number(occurrence: u32) -> u32 {
    occurrence >> PLACE_BITS
}

fn place(occurrence: u32) -> u32 {
    occurrence & ((1 << PLACE_BITS) - 1)
}

/// Terms and their lists. A record is a byte that says which of the lists it has, and these lists.
#[derive(Clone, Debug)]
pub(crate) struct Lexicon {
    pub(crate) dictionary: Dictionary,
    /// Where the records start; one more than there are terms.
    pub(crate) offsets: Vec<u32>,
    pub(crate) records: Bytes,
    /// All numbers are below it.
    pub(crate) bound: u32,
}

impl Lexicon {
    pub(crate) fn bytes_count(&self) -> u64 {
        let bytes_count = self.records.len() + 4 * self.offsets.len();
        bytes_count as u64 + self.dictionary.bytes_count() as u64
    }

    /// The lists of a term, by place.
    pub(crate) fn lists(&self, ordinal: u32) -> [List<'_>; PLACES] {
        let at = ordinal as usize;
        let record = match self.offsets.get(at..at + 2) {
            Some([start, end]) => self.records.get(*start as usize..*end as usize),
            _ => None,
        };
        take_lists(&mut record.unwrap_or_default(), self.bound)
    }

    /// The lists of a range of terms, which lie behind one another.
    pub(crate) fn lists_of(&self, terms: Range<u32>) -> impl Iterator<Item = [List<'_>; PLACES]> {
        let start = self.offsets.get(terms.start as usize).copied();
        let mut rest = start
            .and_then(|start| self.records.get(start as usize..))
            .unwrap_or_default();
        terms.map(move |_| take_lists(&mut rest, self.bound))
    }
}

fn take_lists<'a>(record: &mut &'a [u8], bound: u32) -> [List<'a>; PLACES] {
    let mut lists = [List::EMPTY; PLACES];
    let Some((mask, rest)) = record.split_first() else {
        return lists;
    };
    *record = rest;
    for (place, list) in lists.iter_mut().enumerate() {
        if mask >> place & 1 != 0 {
            *list = List::take(record, bound).unwrap_or(List::EMPTY);
        }
    }
    lists
}

/// Makes a lexicon of terms that come in order.
pub(crate) struct LexiconBuilder {
    dictionary: DictionaryBuilder,
    offsets: Vec<u32>,
    records: Vec<u8>,
    bound: u32,
    numbers: [Vec<u32>; PLACES],
}

impl LexiconBuilder {
    pub(crate) fn new(dictionary: DictionaryBuilder, bound: u32) -> Self {
        Self {
            dictionary,
            offsets: vec![0],
            records: Vec::new(),
            bound,
            numbers: Default::default(),
        }
    }

    /// Adds a term and its occurrences, in whatever order. A term without one is left out.
    #[expect(
        clippy::stable_sort_primitive,
        reason = "a stable sort makes use of what is in order already, as merged lists are"
    )]
    pub(crate) fn push(&mut self, term: &[u8], occurrences: &mut Vec<u32>) {
        occurrences.sort();
        occurrences.dedup_by_key(|occurrence| number(*occurrence));
        if occurrences.is_empty() {
            return;
        }
        for numbers in &mut self.numbers {
            numbers.clear();
        }
        for occurrence in occurrences.iter() {
            self.numbers[place(*occurrence) as usize].push(number(*occurrence));
        }
        let mut mask = 0;
        for (at, numbers) in self.numbers.iter().enumerate() {
            mask |= u8::from(!numbers.is_empty()) << at;
        }
        let start = self.records.len();
        self.records.push(mask);
        for numbers in self.numbers.iter().filter(|numbers| !numbers.is_empty()) {
            put_list(&mut self.records, numbers, self.bound);
        }
        let Ok(end) = u32::try_from(self.records.len()) else {
            // 4 GiB of lists: what comes after is not found, and what is there goes on being.
            self.records.truncate(start);
            return;
        };
        self.dictionary.push(term);
        self.offsets.push(end);
    }

    pub(crate) fn finish(mut self) -> Lexicon {
        self.offsets.shrink_to_fit();
        self.records.shrink_to_fit();
        Lexicon {
            dictionary: self.dictionary.finish(),
            offsets: self.offsets,
            records: self.records.into(),
            bound: self.bound,
        }
    }
}

/// Terms in the order in which documents name them.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    terms: FxHashMap<Box<str>, u32>,
    occurrences: Vec<Vec<u32>>,
}

impl Gathered {
    pub(crate) fn add(&mut self, term: &str, number: u32, place: Place) {
        let occurrence = occurrence(number, place as u32);
        if let Some(at) = self.terms.get(term) {
            self.occurrences[*at as usize].push(occurrence);
        } else {
            self.terms
                .insert(term.into(), self.occurrences.len() as u32);
            self.occurrences.push(vec![occurrence]);
        }
    }

    /// The lexicon of it; number `n` becomes `renumbered[n]`.
    pub(crate) fn finish(mut self, renumbered: &[u32], bound: u32, is_packed: bool) -> Lexicon {
        let mut terms: Vec<(Box<str>, u32)> = self.terms.into_iter().collect();
        terms.sort_unstable();
        let mut builder = LexiconBuilder::new(dictionary_builder(terms.len(), is_packed), bound);
        for (term, at) in terms {
            let mut occurrences = std::mem::take(&mut self.occurrences[at as usize]);
            for occurrence in &mut occurrences {
                let new = renumbered[number(*occurrence) as usize];
                *occurrence = self::occurrence(new, place(*occurrence));
            }
            builder.push(term.as_bytes(), &mut occurrences);
        }
        builder.finish()
    }
}

/// A packed segment has transducers, because that is what a file holds.
pub(crate) fn dictionary_builder(terms_max: usize, is_packed: bool) -> DictionaryBuilder {
    if is_packed {
        DictionaryBuilder::transducer()
    } else {
        DictionaryBuilder::new(terms_max)
    }
}

/// Number that stands for a document that is gone.
pub(crate) const GONE: u32 = u32::MAX;

/// One lexicon of several: number `n` of the `i`-th becomes `renumbered[i][n]`, and is left out if that is
/// [`GONE`].
pub(crate) fn merged(
    lexicons: &[&Lexicon],
    renumbered: &[Vec<u32>],
    bound: u32,
    is_packed: bool,
) -> Lexicon {
    let terms_max = lexicons
        .iter()
        .map(|lexicon| lexicon.dictionary.len())
        .sum();
    let mut builder = LexiconBuilder::new(dictionary_builder(terms_max, is_packed), bound);
    let mut cursors: Vec<Cursor<'_>> = lexicons
        .iter()
        .map(|lexicon| Cursor::new(lexicon.dictionary.terms()))
        .collect();
    let (mut term, mut occurrences) = (Vec::new(), Vec::new());
    loop {
        term.clear();
        let Some(least) = cursors.iter().filter_map(Cursor::term).min() else {
            return builder.finish();
        };
        term.extend_from_slice(least);
        occurrences.clear();
        for (at, cursor) in cursors.iter_mut().enumerate() {
            if cursor.term() != Some(&term) {
                continue;
            }
            for (place, list) in lexicons[at].lists(cursor.ordinal).iter().enumerate() {
                for number in list.iter() {
                    let new = renumbered[at].get(number as usize).copied().unwrap_or(GONE);
                    if new != GONE {
                        occurrences.push(occurrence(new, place as u32));
                    }
                }
            }
            cursor.advance();
        }
        builder.push(&term, &mut occurrences);
    }
}

/// The terms of one lexicon, one at hand.
struct Cursor<'a> {
    terms: Terms<'a>,
    term: Vec<u8>,
    ordinal: u32,
    is_done: bool,
}

impl<'a> Cursor<'a> {
    fn new(terms: Terms<'a>) -> Self {
        let mut cursor = Self {
            terms,
            term: Vec::new(),
            ordinal: 0,
            is_done: false,
        };
        cursor.advance();
        cursor
    }

    fn term(&self) -> Option<&[u8]> {
        (!self.is_done).then_some(&self.term)
    }

    fn advance(&mut self) {
        match self.terms.next() {
            Some((term, ordinal)) => {
                self.term.clear();
                self.term.extend_from_slice(term);
                self.ordinal = ordinal;
            }
            None => self.is_done = true,
        }
    }
}
