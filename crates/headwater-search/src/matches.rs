//! All that a query matches in one segment, as groups of documents in the order of the hits.

use std::rc::Rc;

use crate::bitmap::Bitmap;
use crate::compare::Comparer;
use crate::document::Names;
use crate::fields::FieldSearch;
use crate::index::Part;
use crate::lexicon::Place;
use crate::position::Tier;
use crate::postings::List;
use crate::query::{Entities, Query};
use crate::words::{Budget, LEVELS, WordSets, in_place};

/// What a query matches in one segment.
pub(crate) struct Matches<'a> {
    pub(crate) part: &'a Part,
    pub(crate) sets: Vec<WordSets>,
    /// In the order of the hits.
    pub(crate) groups: Vec<Group<'a>>,
    pub(crate) budget: Budget,
}

/// Hits of one tier and, if they are fields, of one name.
pub(crate) struct Group<'a> {
    pub(crate) tier: Tier,
    /// The length and the name.
    pub(crate) field: Option<(u16, &'a str)>,
    pub(crate) documents: Documents<'a>,
}

/// Documents in order.
pub(crate) enum Documents<'a> {
    /// None of them is gone.
    Set(Bitmap),
    /// None of them is gone.
    Listed(Vec<u32>),
    /// All that have a field and are in none of the sets, gone or not.
    Rest {
        label: u32,
        list: List<'a>,
        sets: Vec<Rc<Bitmap>>,
    },
}

impl<'a> Matches<'a> {
    pub(crate) fn find(part: &'a Part, query: &'a Query, names: &dyn Names) -> Self {
        let mut budget = Budget {
            postings: query.limits.postings_max,
            is_whole: true,
        };
        let has_assets = query.entities != Entities::Fields;
        let has_documents = has_assets || query.words.len() > 1;
        let sets = query
            .words
            .iter()
            .map(|word| WordSets::look_up(&part.segment, word, query, has_documents, &mut budget));
        let sets: Vec<WordSets> = sets.collect();
        let mut comparer = Comparer::new(query);
        let mut groups = Vec::new();
        if has_assets {
            let assets = Assets {
                part,
                query,
                sets: &sets,
            };
            for (tier, set) in assets.tiers(names, &mut comparer) {
                groups.push(Group {
                    tier,
                    field: None,
                    documents: Documents::Set(set),
                });
            }
        }
        if query.entities != Entities::Assets {
            let fields = FieldSearch {
                part,
                query,
                sets: &sets,
            };
            groups.extend(fields.groups(&mut comparer, &mut budget));
        }
        groups.sort_by_key(|group| (group.tier, group.field));
        budget.postings = query.limits.postings_max;
        Self {
            part,
            sets,
            groups,
            budget,
        }
    }

    /// The documents of a group from `start` on.
    pub(crate) fn documents<'b>(
        &'b self,
        group: &'b Group<'a>,
        start: u32,
    ) -> Box<dyn Iterator<Item = u32> + 'b> {
        match &group.documents {
            Documents::Set(set) => Box::new(set.iter_from(start)),
            Documents::Listed(listed) => {
                let first = listed.partition_point(|document| *document < start);
                Box::new(listed[first..].iter().copied())
            }
            Documents::Rest { list, sets, .. } => Box::new(list.iter().filter(move |document| {
                *document >= start
                    && !sets.iter().any(|set| set.contains(*document))
                    && !self.part.gone.contains(*document)
            })),
        }
    }

    /// How many hits there are. What costs too much to count is left out.
    pub(crate) fn count(&self, budget: &mut Budget) -> u64 {
        let mut count = 0;
        for group in &self.groups {
            count += match &group.documents {
                Documents::Set(set) => set.count(),
                Documents::Listed(listed) => listed.len() as u64,
                Documents::Rest { label, list, sets } if sets.is_empty() => u64::from(
                    list.count()
                        .saturating_sub(self.part.gone.label_count(*label)),
                ),
                Documents::Rest { list, .. } if budget.spend(list.count().into()) => {
                    self.documents(group, 0).count() as u64
                }
                Documents::Rest { .. } => 0,
            };
        }
        count
    }
}

impl Group<'_> {
    /// How many entries are read to list it from its start.
    pub(crate) fn entries_count(&self) -> u64 {
        match &self.documents {
            Documents::Set(_) | Documents::Listed(_) => 0,
            Documents::Rest { list, .. } => list.count().into(),
        }
    }
}

/// The documents that match as assets.
struct Assets<'a> {
    part: &'a Part,
    query: &'a Query,
    sets: &'a [WordSets],
}

impl Assets<'_> {
    /// The documents by tier: no two sets share one, and none is gone.
    fn tiers(&self, names: &dyn Names, comparer: &mut Comparer<'_>) -> Vec<(Tier, Bitmap)> {
        let mut levels: Vec<Option<Bitmap>> = Vec::new();
        for at in 0..LEVELS.len() {
            let is_same = at > 0
                && self
                    .sets
                    .iter()
                    .all(|sets| Rc::ptr_eq(&sets.documents[at], &sets.documents[at - 1]));
            levels.push((!is_same).then(|| self.all_words(at)));
        }
        let mut tiers = if self.query.is_single() {
            self.placed()
        } else {
            self.compared(&levels, names, comparer)
        };
        for (tier, set) in LEVELS.into_iter().zip(levels) {
            tiers.extend(set.map(|set| (tier, set)));
        }
        let mut seen = Bitmap::new(self.part.segment.len());
        tiers.retain_mut(|(_, set)| {
            set.subtract(&seen);
            seen.union(set);
            self.part.gone.subtract_from(set);
            !set.is_empty()
        });
        tiers
    }

    /// The documents that match all words at a level or before.
    fn all_words(&self, level: usize) -> Bitmap {
        let mut sets = self.sets.iter().map(|sets| &sets.documents[level]);
        let mut all = sets
            .next()
            .map_or_else(Bitmap::default, |set| Bitmap::clone(set));
        for set in sets {
            all.intersect(set);
        }
        all
    }

    /// The first tiers of a query of one run, which the places of its terms tell.
    fn placed(&self) -> Vec<(Tier, Bitmap)> {
        let lexicon = &self.part.segment.names;
        let run = &self.query.words[0].run;
        let range = lexicon.dictionary.beginning_with(run);
        let own = match lexicon.dictionary.find(run) {
            Some(ordinal) => ordinal..ordinal + 1,
            None => 0..0,
        };
        let begins = [Place::Whole, Place::Ending, Place::Beginning];
        vec![
            (Tier::Whole, in_place(lexicon, own.clone(), &begins[..1])),
            (Tier::Ending, in_place(lexicon, own, &begins[1..2])),
            (Tier::Beginning, in_place(lexicon, range, &begins)),
        ]
    }

    /// The first tiers of a query of several runs: names that may be it are compared with it.
    fn compared(
        &self,
        levels: &[Option<Bitmap>],
        names: &dyn Names,
        comparer: &mut Comparer<'_>,
    ) -> Vec<(Tier, Bitmap)> {
        let segment = &self.part.segment;
        let bound = segment.len();
        let mut tiers =
            [Tier::Whole, Tier::Ending, Tier::Beginning].map(|tier| (tier, Bitmap::new(bound)));
        let last = self.query.folded.rsplit(' ').next();
        let (Some(first), Some(last), [Some(words), Some(prefixes), in_namespace, ..]) =
            (self.query.words.first(), last, levels)
        else {
            return Vec::new();
        };
        // A name that begins with several runs has the first of them whole; one that ends with them, the last.
        let at = |word: &str, places: &[Place]| {
            let own = segment.names.dictionary.find(word);
            let terms = own.map_or(0..0, |ordinal| ordinal..ordinal + 1);
            in_place(&segment.names, terms, places)
        };
        let ends = at(last, &[Place::Whole, Place::Ending, Place::Last]);
        let mut endings = words.clone();
        endings.intersect(&ends);
        let mut beginnings = at(&first.run, &[Place::Whole, Place::Ending, Place::Beginning]);
        beginnings.intersect(prefixes);
        beginnings.subtract(&endings);
        let mut with_namespace = in_namespace.clone().unwrap_or_default();
        with_namespace.intersect(&ends);
        with_namespace.subtract(&endings);
        with_namespace.subtract(&beginnings);
        let mut left = self.query.limits.compared_max;
        for candidates in [&endings, &beginnings, &with_namespace] {
            for document in candidates.iter() {
                if self.part.gone.contains(document) {
                    continue;
                }
                let Some(after) = left.checked_sub(1) else {
                    return tiers.into();
                };
                left = after;
                let mut best = segment
                    .aliases
                    .of(document)
                    .iter()
                    .filter_map(|alias| comparer.tier(alias))
                    .min();
                let key = segment.ranks.keys[document as usize];
                if let Some((namespace, name)) = names.names(key) {
                    let own = comparer.tier_with(namespace, name);
                    best = best.into_iter().chain(own).min();
                }
                if let Some((_, set)) = tiers.iter_mut().find(|(tier, _)| Some(*tier) == best) {
                    set.insert(document);
                }
            }
        }
        tiers.into()
    }
}
