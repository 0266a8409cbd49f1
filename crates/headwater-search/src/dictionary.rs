//! The terms of an index in byte order, each with its ordinal.

use std::ops::Range;

use bytes::Bytes;
use fst::raw::{Builder, Fst, Stream};
use fst::{IntoStreamer, Streamer};

use crate::typo::Typos;

/// From this many terms on, a dictionary is a transducer. A transducer is small and fast to walk, but making one
/// costs a megabyte of working memory, however few its terms.
const FST_TERMS_MIN: usize = 8192;

/// Terms in order: a transducer, or for few of them a list.
#[derive(Clone)]
pub(crate) enum Dictionary {
    Fst(Fst<Bytes>),
    List(TermList),
}

impl std::fmt::Debug for Dictionary {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Dictionary({} terms)", self.len())
    }
}

/// Terms behind one another.
#[derive(Clone, Debug, Default)]
pub(crate) struct TermList {
    text: Vec<u8>,
    ends: Vec<u32>,
}

impl TermList {
    fn get(&self, ordinal: u32) -> &[u8] {
        let at = ordinal as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[at] as usize]
    }

    fn push(&mut self, term: &[u8]) {
        self.text.extend_from_slice(term);
        self.ends.push(self.text.len() as u32);
    }

    /// How many terms are below `bound`.
    fn lower_bound(&self, bound: &[u8]) -> u32 {
        let (mut low, mut high) = (0, self.ends.len() as u32);
        while low < high {
            let middle = low.midpoint(high);
            if self.get(middle) < bound {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

impl Dictionary {
    pub(crate) fn of_bytes(bytes: Bytes) -> Result<Self, fst::Error> {
        Fst::new(bytes).map(Self::Fst)
    }

    /// Its bytes, if it is a transducer.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Fst(fst) => Some(fst.as_bytes()),
            Self::List(_) => None,
        }
    }

    pub(crate) fn bytes_count(&self) -> usize {
        match self {
            Self::Fst(fst) => fst.as_bytes().len(),
            Self::List(list) => list.text.len() + 4 * list.ends.len(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Fst(fst) => fst.len(),
            Self::List(list) => list.ends.len(),
        }
    }

    /// The ordinal of `term`.
    pub(crate) fn find(&self, term: &str) -> Option<u32> {
        match self {
            Self::Fst(fst) => fst.get(term).map(|output| output.value() as u32),
            Self::List(list) => {
                let at = list.lower_bound(term.as_bytes());
                ((at as usize) < list.ends.len() && list.get(at) == term.as_bytes()).then_some(at)
            }
        }
    }

    /// The ordinals of the terms that begin with `prefix`.
    pub(crate) fn beginning_with(&self, prefix: &str) -> Range<u32> {
        let mut after = prefix.as_bytes().to_vec();
        // No byte of a UTF-8 text is the highest, so there is always a next one.
        match after.last_mut() {
            Some(last) => *last += 1,
            None => return 0..self.len() as u32,
        }
        self.lower_bound(prefix.as_bytes())..self.lower_bound(&after)
    }

    fn lower_bound(&self, bound: &[u8]) -> u32 {
        match self {
            Self::List(list) => list.lower_bound(bound),
            Self::Fst(fst) => {
                let mut stream = fst.range().ge(bound).into_stream();
                let first = stream.next().map(|(_, output)| output.value() as u32);
                first.unwrap_or(fst.len() as u32)
            }
        }
    }

    /// Calls `visit` with the ordinals of the terms that `typos` may be a mistyping of.
    /// False if it gave up after `steps_max` steps.
    pub(crate) fn near(
        &self,
        typos: &mut Typos,
        steps_max: u32,
        visit: &mut impl FnMut(u32),
    ) -> bool {
        typos.truncate(0);
        match self {
            Self::List(list) => {
                near_in_list(list, typos, visit);
                true
            }
            Self::Fst(fst) => near_in_fst(fst, typos, steps_max, visit),
        }
    }

    pub(crate) fn terms(&self) -> Terms<'_> {
        match self {
            Self::Fst(fst) => Terms::Fst(fst.stream()),
            Self::List(list) => Terms::List(list, 0),
        }
    }
}

/// The terms of a dictionary, in order.
pub(crate) enum Terms<'a> {
    Fst(Stream<'a>),
    List(&'a TermList, u32),
}

impl Terms<'_> {
    /// The next term and its ordinal.
    pub(crate) fn next(&mut self) -> Option<(&[u8], u32)> {
        match self {
            Self::Fst(stream) => stream
                .next()
                .map(|(term, output)| (term, output.value() as u32)),
            Self::List(list, next) => {
                let ordinal = *next;
                if ordinal as usize >= list.ends.len() {
                    return None;
                }
                *next += 1;
                Some((list.get(ordinal), ordinal))
            }
        }
    }
}

/// A list is below [`FST_TERMS_MIN`] terms, which is its bound.
fn near_in_list(list: &TermList, typos: &mut Typos, visit: &mut impl FnMut(u32)) {
    // The bytes of the last term that the rows stand for, and the beginning that nothing near begins with.
    let mut walked = String::new();
    let mut dead: Option<usize> = None;
    for ordinal in 0..list.ends.len() as u32 {
        let term = list.get(ordinal);
        if let Some(dead) = dead
            && term.starts_with(&walked.as_bytes()[..dead])
        {
            continue;
        }
        dead = None;
        let Ok(term) = std::str::from_utf8(term) else {
            continue;
        };
        let (mut shared, mut depth) = (0, 0);
        for (old, new) in walked.chars().zip(term.chars()) {
            if old != new || depth == typos.depth() {
                break;
            }
            shared += new.len_utf8();
            depth += 1;
        }
        walked.truncate(shared);
        typos.truncate(depth);
        for character in term[shared..].chars() {
            walked.push(character);
            if !typos.push(character) {
                dead = Some(walked.len());
                break;
            }
        }
        if dead.is_none() && typos.is_near() {
            visit(ordinal);
        }
    }
}

/// A node on the way down, and what led there.
struct Step {
    address: usize,
    next: usize,
    ordinal: u64,
    depth: usize,
    /// The first bytes of a character that is not whole yet.
    pending: [u8; 4],
    pending_len: usize,
}

fn near_in_fst(
    fst: &Fst<Bytes>,
    typos: &mut Typos,
    steps_max: u32,
    visit: &mut impl FnMut(u32),
) -> bool {
    let mut steps = 0;
    let mut stack = vec![Step {
        address: fst.root().addr(),
        next: 0,
        ordinal: 0,
        depth: 0,
        pending: [0; 4],
        pending_len: 0,
    }];
    while let Some(top) = stack.last_mut() {
        let node = fst.node(top.address);
        if top.next >= node.len() {
            stack.pop();
            continue;
        }
        let transition = node.transition(top.next);
        top.next += 1;
        steps += 1;
        if steps > steps_max {
            return false;
        }
        typos.truncate(top.depth);
        let mut step = Step {
            address: transition.addr,
            next: 0,
            ordinal: top.ordinal + transition.out.value(),
            depth: top.depth,
            pending: top.pending,
            pending_len: top.pending_len,
        };
        if step.pending_len == step.pending.len() {
            continue;
        }
        step.pending[step.pending_len] = transition.inp;
        step.pending_len += 1;
        let character = match transition.inp {
            ..0x80 => Some(char::from(transition.inp)),
            _ => std::str::from_utf8(&step.pending[..step.pending_len])
                .ok()
                .and_then(|text| text.chars().next()),
        };
        if let Some(character) = character {
            if !typos.push(character) {
                continue;
            }
            step.depth += 1;
            step.pending_len = 0;
            let node = fst.node(step.address);
            if node.is_final() && typos.is_near() {
                visit((step.ordinal + node.final_output().value()) as u32);
            }
        }
        stack.push(step);
    }
    true
}

/// Makes a dictionary of terms that come in order.
pub(crate) enum DictionaryBuilder {
    Fst(Box<Builder<Vec<u8>>>, u64),
    List(TermList),
}

impl DictionaryBuilder {
    /// For at most `terms_max` terms.
    pub(crate) fn new(terms_max: usize) -> Self {
        if terms_max < FST_TERMS_MIN {
            Self::List(TermList::default())
        } else {
            Self::transducer()
        }
    }

    /// For however many terms, as a file holds them.
    pub(crate) fn transducer() -> Self {
        Self::Fst(Box::new(Builder::memory()), 0)
    }

    /// Adds a term that is above all before.
    pub(crate) fn push(&mut self, term: &[u8]) {
        match self {
            Self::List(list) => list.push(term),
            Self::Fst(builder, next) => {
                builder
                    .insert(term, *next)
                    .expect("terms come in order, and memory takes everything");
                *next += 1;
            }
        }
    }

    pub(crate) fn finish(self) -> Dictionary {
        match self {
            Self::List(list) => Dictionary::List(list),
            Self::Fst(builder, _) => Dictionary::Fst(
                builder
                    .into_fst()
                    .map_data(Bytes::from)
                    .expect("the bytes stay the same"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn both(terms: &BTreeSet<String>) -> [Dictionary; 2] {
        [DictionaryBuilder::new(0), DictionaryBuilder::transducer()].map(|mut builder| {
            for term in terms {
                builder.push(term.as_bytes());
            }
            builder.finish()
        })
    }

    fn is_near(word: &str, term: &str) -> bool {
        let mut typos = Typos::of(word).unwrap();
        for character in term.chars() {
            typos.push(character);
        }
        typos.is_near()
    }

    proptest! {
        #[test]
        fn a_list_and_a_transducer_find_what_a_scan_finds(
            terms in proptest::collection::btree_set("[abcé注]{1,9}", 0..60),
            word in "[abcé注]{1,9}",
        ) {
            let sorted: Vec<&String> = terms.iter().collect();
            for dictionary in both(&terms) {
                prop_assert_eq!(dictionary.len(), sorted.len());
                let place = sorted.iter().position(|term| **term == word);
                prop_assert_eq!(dictionary.find(&word).map(|at| at as usize), place);
                let range = dictionary.beginning_with(&word);
                for (at, term) in sorted.iter().enumerate() {
                    prop_assert_eq!(range.contains(&(at as u32)), term.starts_with(&word));
                }
                if let Some(mut typos) = Typos::of(&word) {
                    let mut found = Vec::new();
                    let is_whole = dictionary.near(&mut typos, 1_000_000, &mut |at| found.push(at));
                    let expected: Vec<u32> = (0..sorted.len() as u32)
                        .filter(|at| is_near(&word, sorted[*at as usize]))
                        .collect();
                    prop_assert!(is_whole);
                    prop_assert_eq!(found, expected);
                }
                let mut walk = dictionary.terms();
                let mut walked = Vec::new();
                while let Some((term, ordinal)) = walk.next() {
                    prop_assert_eq!(ordinal as usize, walked.len());
                    walked.push(String::from_utf8(term.to_vec()).unwrap());
                }
                prop_assert_eq!(walked.iter().collect::<Vec<_>>(), sorted.clone());
            }
        }
    }

    #[test]
    fn a_walk_gives_up_at_its_bound() {
        let terms = ["alpha", "alphb", "alphc"].map(str::to_owned).into();
        let [_, transducer] = both(&terms);
        let mut typos = Typos::of("alpha").unwrap();
        assert!(!transducer.near(&mut typos, 3, &mut |_| {}));
        assert!(transducer.near(&mut typos, 30, &mut |_| {}));
    }
}
