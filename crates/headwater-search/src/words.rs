//! What a single word of a query matches in one segment.

use std::ops::Range;
use std::rc::Rc;

use crate::bitmap::Bitmap;
use crate::lexicon::{Lexicon, Place};
use crate::position::Tier;
use crate::query::{Limits, Query, Word};
use crate::segment::Segment;
use crate::typo::Typos;

/// The levels at which a word may match a document, from close to far.
pub(crate) const LEVELS: [Tier; 5] = [
    Tier::Words,
    Tier::Prefixes,
    Tier::Namespace,
    Tier::Typo,
    Tier::Description,
];

/// The sets of one word. Each level includes those before it.
#[derive(Debug)]
pub(crate) struct WordSets {
    /// Documents, by level.
    pub(crate) documents: [Rc<Bitmap>; LEVELS.len()],
    /// Labels that have the word, a term that begins with it, a mistyping of it.
    pub(crate) labels: [Bitmap; 3],
}

/// What is left to spend, and whether anything was left out.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) postings: u64,
    pub(crate) is_whole: bool,
}

impl Budget {
    /// Spends `postings`; false if there are not as many left.
    pub(crate) fn spend(&mut self, postings: u64) -> bool {
        if let Some(left) = self.postings.checked_sub(postings) {
            self.postings = left;
            true
        } else {
            self.is_whole = false;
            false
        }
    }
}

impl WordSets {
    /// Looks a word up; in the labels only, unless documents are wanted too.
    pub(crate) fn look_up(
        segment: &Segment,
        word: &Word,
        query: &Query,
        has_documents: bool,
        budget: &mut Budget,
    ) -> Self {
        let mut search = LookUp {
            word,
            typos: query.typos(word),
            limits: &query.limits,
            budget,
        };
        let (equal, begins) = search.terms(&segment.labels.lexicon);
        let mut near = begins.clone();
        search.add_near(&segment.labels.lexicon, &mut near);
        let labels = [equal, begins, near];
        let documents = if has_documents {
            search.documents(segment, &labels[1])
        } else {
            std::array::from_fn(|_| Rc::default())
        };
        Self { documents, labels }
    }
}

struct LookUp<'a> {
    word: &'a Word,
    typos: Option<Typos>,
    limits: &'a Limits,
    budget: &'a mut Budget,
}

impl LookUp<'_> {
    fn documents(&mut self, segment: &Segment, labels: &Bitmap) -> [Rc<Bitmap>; LEVELS.len()] {
        let (equal, begins) = self.terms(&segment.names);
        let begins = Rc::new(begins);
        let mut in_namespace = Rc::clone(&begins);
        let namespaces = labels
            .iter()
            .take_while(|label| !segment.labels.is_field(*label));
        for label in namespaces {
            segment
                .labels
                .list(label)
                .add_to(Rc::make_mut(&mut in_namespace));
        }
        let mut near = Rc::clone(&in_namespace);
        if self.typos.is_some() {
            self.add_near(&segment.names, Rc::make_mut(&mut near));
        }
        let mut described = Rc::clone(&near);
        if segment.descriptions.dictionary.len() > 0 {
            let (_, begins) = self.terms(&segment.descriptions);
            Rc::make_mut(&mut described).union(&begins);
        }
        [Rc::new(equal), begins, in_namespace, near, described]
    }

    /// What has the word as a term, and what has a term that begins with it.
    ///
    /// Several parts stand for the word too: `OrderItems` is `orderitems`, or else `order` and `items`.
    fn terms(&mut self, lexicon: &Lexicon) -> (Bitmap, Bitmap) {
        let mut equal = equal_to(lexicon, &self.word.run);
        let mut begins = equal.clone();
        self.add_range(
            lexicon,
            lexicon.dictionary.beginning_with(&self.word.run),
            &mut begins,
        );
        if let Some((last, others)) = self.word.parts.split_last() {
            let mut last_equal = equal_to(lexicon, last);
            let mut last_begins = last_equal.clone();
            let range = lexicon.dictionary.beginning_with(last);
            self.add_range(lexicon, range, &mut last_begins);
            for other in others {
                let other = equal_to(lexicon, other);
                last_equal.intersect(&other);
                last_begins.intersect(&other);
            }
            equal.union(&last_equal);
            begins.union(&last_begins);
        }
        (equal, begins)
    }

    fn add_range(&mut self, lexicon: &Lexicon, terms: Range<u32>, set: &mut Bitmap) {
        for lists in lexicon.lists_of(terms) {
            let count = lists.iter().map(|list| u64::from(list.count())).sum();
            if !self.budget.spend(count) {
                return;
            }
            for list in lists.iter().filter(|list| list.count() > 0) {
                list.add_to(set);
            }
        }
    }

    /// Adds what has a term that the word may be a mistyping of.
    fn add_near(&mut self, lexicon: &Lexicon, set: &mut Bitmap) {
        let Some(typos) = &mut self.typos else {
            return;
        };
        let mut near = Vec::new();
        let steps_max = self.limits.typo_steps_max;
        let is_whole = lexicon
            .dictionary
            .near(typos, steps_max, &mut |term| near.push(term));
        self.budget.is_whole &= is_whole && near.len() <= self.limits.typo_terms_max as usize;
        near.truncate(self.limits.typo_terms_max as usize);
        for term in near {
            self.add_range(lexicon, term..term + 1, set);
        }
    }
}

fn equal_to(lexicon: &Lexicon, term: &str) -> Bitmap {
    let mut set = Bitmap::new(lexicon.bound);
    if let Some(ordinal) = lexicon.dictionary.find(term) {
        for list in lexicon.lists(ordinal) {
            list.add_to(&mut set);
        }
    }
    set
}

/// What has a term in a place: names that are `term`, or end with it, or begin with it.
pub(crate) fn in_place(lexicon: &Lexicon, terms: Range<u32>, places: &[Place]) -> Bitmap {
    let mut set = Bitmap::new(lexicon.bound);
    for lists in lexicon.lists_of(terms) {
        for place in places {
            if lists[*place as usize].count() > 0 {
                lists[*place as usize].add_to(&mut set);
            }
        }
    }
    set
}
