//! All that a query matches in one segment, as groups of documents in the order of the hits.

use std::collections::HashMap;
use std::rc::Rc;

use crate::bitmap::Bitmap;
use crate::compare::Comparer;
use crate::document::Names;
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
    documents: Documents<'a>,
}

enum Documents<'a> {
    Set(Bitmap),
    /// Those that have the field, are in the last set and in none before it.
    List(List<'a>, Rc<[Condition]>, usize),
}

/// The documents of which a field is a hit of a tier: those of a set, or all.
type Condition = (Tier, Option<Rc<Bitmap>>);

impl<'a> Matches<'a> {
    pub(crate) fn find(part: &'a Part, query: &'a Query, names: &dyn Names) -> Self {
        let mut budget = Budget {
            postings: query.limits.postings_max,
            is_whole: true,
        };
        let has_assets = query.entities != Entities::Fields;
        let has_documents = has_assets || query.words.len() > 1;
        let sets = query.words.iter().map(|word| {
            let limits = &query.limits;
            WordSets::look_up(&part.segment, word, has_documents, limits, &mut budget)
        });
        let sets: Vec<WordSets> = sets.collect();
        let mut comparer = Comparer::new(query);
        let mut groups = Vec::new();
        if has_assets {
            let assets = Assets {
                part,
                query,
                sets: &sets,
            };
            for (tier, set) in assets.tiers(names, &mut comparer, &mut budget) {
                groups.push(Group {
                    tier,
                    field: None,
                    documents: Documents::Set(set),
                });
            }
        }
        if query.entities != Entities::Assets {
            add_fields(&mut groups, part, query, &sets, &mut comparer, &mut budget);
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
            Documents::List(list, conditions, at) => {
                Box::new(list.iter().filter(move |document| {
                    *document >= start
                        && holds(conditions, *at, *document)
                        && !self.part.gone.contains(*document)
                }))
            }
        }
    }

    /// How many documents a group has; none if counting costs more than is left.
    pub(crate) fn count(&self, group: &Group<'a>, budget: &mut Budget) -> Option<u64> {
        match &group.documents {
            Documents::Set(set) => Some(set.count()),
            Documents::List(list, conditions, at) => {
                let is_all = *at == 0 && conditions[0].1.is_none();
                if is_all && self.part.gone.count() == 0 {
                    Some(list.count().into())
                } else if budget.spend(list.count().into()) {
                    Some(self.documents(group, 0).count() as u64)
                } else {
                    None
                }
            }
        }
    }

    /// How many entries are read to list a group from its start.
    pub(crate) fn entries_count(&self, group: &Group<'a>) -> u64 {
        match &group.documents {
            Documents::Set(_) => 0,
            Documents::List(list, ..) => list.count().into(),
        }
    }
}

fn holds(conditions: &[Condition], at: usize, document: u32) -> bool {
    let is_in = |(_, set): &Condition| set.as_ref().is_none_or(|set| set.contains(document));
    is_in(&conditions[at]) && !conditions[..at].iter().any(is_in)
}

/// The documents that match as assets.
struct Assets<'a> {
    part: &'a Part,
    query: &'a Query,
    sets: &'a [WordSets],
}

impl Assets<'_> {
    /// The documents by tier: no two sets share one, and none is gone.
    fn tiers(
        &self,
        names: &dyn Names,
        comparer: &mut Comparer<'_>,
        budget: &mut Budget,
    ) -> Vec<(Tier, Bitmap)> {
        let mut levels: Vec<Option<Bitmap>> = Vec::new();
        for at in 0..LEVELS.len() {
            let is_same = at > 0
                && self
                    .sets
                    .iter()
                    .all(|sets| Rc::ptr_eq(&sets.documents[at], &sets.documents[at - 1]));
            levels.push((!is_same).then(|| self.all_words(at)));
        }
        let mut tiers = if self.query.is_single {
            self.placed()
        } else {
            self.compared(&levels, names, comparer, budget)
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
        budget: &mut Budget,
    ) -> Vec<(Tier, Bitmap)> {
        let segment = &self.part.segment;
        let bound = segment.len();
        let mut tiers =
            [Tier::Whole, Tier::Ending, Tier::Beginning].map(|tier| (tier, Bitmap::new(bound)));
        let (Some(first), [Some(words), Some(prefixes), in_namespace, ..]) =
            (self.query.words.first(), levels)
        else {
            return Vec::new();
        };
        // A name that begins with several runs has the first of them whole.
        let lexicon = &segment.names;
        let own = lexicon
            .dictionary
            .find(&first.run)
            .map_or(0..0, |at| at..at + 1);
        let places = [Place::Whole, Place::Ending, Place::Beginning];
        let mut beginnings = in_place(lexicon, own, &places);
        beginnings.intersect(prefixes);
        beginnings.subtract(words);
        let mut with_namespace = in_namespace.clone().unwrap_or_default();
        with_namespace.subtract(prefixes);
        let mut left = self.query.limits.compared_max;
        for candidates in [words, &beginnings, &with_namespace] {
            for document in candidates.iter() {
                if self.part.gone.contains(document) {
                    continue;
                }
                let Some(after) = left.checked_sub(1) else {
                    budget.is_whole &= candidates.is_empty();
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

/// Adds the fields that match: a field has at least one of the words, and it or its asset has the rest.
fn add_fields<'a>(
    groups: &mut Vec<Group<'a>>,
    part: &'a Part,
    query: &Query,
    sets: &[WordSets],
    comparer: &mut Comparer<'_>,
    budget: &mut Budget,
) {
    let labels = &part.segment.labels;
    let mut rest = Rests {
        sets,
        cache: HashMap::new(),
    };
    let mut seen = Bitmap::new(labels.len());
    let mut left = query.limits.fields_max;
    // The closest first, because there is a bound.
    for level in 0..3 {
        let mut found = Bitmap::new(labels.len());
        for sets in sets {
            found.union(&sets.labels[level]);
        }
        found.subtract(&seen);
        seen.union(&found);
        for label in found.iter_from(labels.namespaces_count) {
            let Some(after) = left.checked_sub(1) else {
                budget.is_whole = false;
                return;
            };
            left = after;
            let text = labels.get(label);
            let mut conditions = rest.conditions(label);
            let is_whole = |(tier, set): &Condition| *tier <= Tier::Prefixes && set.is_none();
            if conditions.iter().any(is_whole)
                && let Some(tier) = comparer.tier(text)
            {
                conditions = vec![(tier, None)];
            }
            let length = u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
            let (list, conditions) = (labels.list(label), Rc::<[Condition]>::from(conditions));
            groups.extend((0..conditions.len()).map(|at| Group {
                tier: conditions[at].0,
                field: Some((length, text)),
                documents: Documents::List(list, Rc::clone(&conditions), at),
            }));
        }
    }
}

/// The documents that have the words that a field has not.
struct Rests<'a> {
    sets: &'a [WordSets],
    /// By level and words, a bit each.
    cache: HashMap<(usize, u32), Rc<Bitmap>>,
}

impl Rests<'_> {
    /// By tier, the documents whose field with this label is a hit.
    fn conditions(&mut self, label: u32) -> Vec<Condition> {
        let mut conditions: Vec<Condition> = Vec::new();
        for (level, of_label) in [(0, 0), (1, 1), (2, 1), (3, 2)] {
            let is_missing = |at: &usize| !self.sets[*at].labels[of_label].contains(label);
            let missing: Vec<usize> = (0..self.sets.len()).filter(is_missing).collect();
            if missing.len() == self.sets.len() {
                continue;
            }
            if missing.is_empty() {
                conditions.push((LEVELS[level], None));
                return conditions;
            }
            let set = self.rest(level, &missing);
            let is_new = conditions
                .last()
                .is_none_or(|(_, last)| last.as_ref().is_none_or(|last| !Rc::ptr_eq(last, &set)));
            if is_new && !set.is_empty() {
                conditions.push((LEVELS[level], Some(set)));
            }
        }
        conditions
    }

    fn rest(&mut self, level: usize, missing: &[usize]) -> Rc<Bitmap> {
        if let [only] = missing {
            return Rc::clone(&self.sets[*only].documents[level]);
        }
        let mask = missing.iter().fold(0, |mask, at| mask | 1 << at);
        let sets = self.sets;
        let make = || {
            let mut all = Bitmap::clone(&sets[missing[0]].documents[level]);
            for at in &missing[1..] {
                all.intersect(&sets[*at].documents[level]);
            }
            Rc::new(all)
        };
        Rc::clone(self.cache.entry((level, mask)).or_insert_with(make))
    }
}
