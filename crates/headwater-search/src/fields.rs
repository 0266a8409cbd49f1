//! The fields that a query matches: a field has at least one of the words, and it or its asset has the rest.

use std::collections::HashMap;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::bitmap::Bitmap;
use crate::compare::Comparer;
use crate::index::Part;
use crate::matches::{Documents, Group};
use crate::position::Tier;
use crate::query::Query;
use crate::words::{Budget, LEVELS, WordSets};

/// The documents of which a field is a hit of a tier: those of a set, or all that no earlier condition has.
type Condition = (Tier, Option<Rc<Bitmap>>);

/// Looks for fields in one segment.
pub(crate) struct FieldSearch<'a, 'q> {
    pub(crate) part: &'a Part,
    pub(crate) query: &'q Query,
    pub(crate) sets: &'q [WordSets],
}

/// A label with some of the words.
struct Found {
    label: u32,
    conditions: Vec<Condition>,
    /// By condition, the documents of its set that have the field.
    listed: Vec<Vec<u32>>,
}

impl Found {
    /// Puts a document that has the field under the first condition that holds.
    fn add(&mut self, document: u32) {
        for ((_, set), listed) in self.conditions.iter().zip(&mut self.listed) {
            match set {
                None => return,
                Some(set) if set.contains(document) => return listed.push(document),
                Some(_) => {}
            }
        }
    }
}

impl<'a> FieldSearch<'a, '_> {
    pub(crate) fn groups(
        &self,
        comparer: &mut Comparer<'_>,
        budget: &mut Budget,
    ) -> Vec<Group<'a>> {
        let mut found = self.labels(comparer, budget);
        self.list(&mut found, budget);
        let labels = &self.part.segment.labels;
        let mut groups = Vec::new();
        for Found {
            label,
            conditions,
            mut listed,
        } in found
        {
            let text = labels.get(label);
            let length = u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
            let mut before = Vec::new();
            for ((tier, set), listed) in conditions.into_iter().zip(&mut listed) {
                let documents = if let Some(set) = set {
                    before.push(set);
                    Documents::Listed(std::mem::take(listed))
                } else {
                    Documents::Rest {
                        label,
                        list: labels.list(label),
                        sets: std::mem::take(&mut before),
                    }
                };
                groups.push(Group {
                    tier,
                    field: Some((length, text)),
                    documents,
                });
            }
        }
        groups
    }

    /// The labels with some of the words, the closest first, because there is a bound.
    fn labels(&self, comparer: &mut Comparer<'_>, budget: &mut Budget) -> Vec<Found> {
        let labels = &self.part.segment.labels;
        let mut rests = Rests {
            sets: self.sets,
            cache: HashMap::new(),
        };
        let mut seen = Bitmap::new(labels.len());
        let mut all = Vec::new();
        for level in 0..3 {
            let mut found = Bitmap::new(labels.len());
            for sets in self.sets {
                found.union(&sets.labels[level]);
            }
            found.subtract(&seen);
            seen.union(&found);
            for label in found.iter_from(labels.namespaces_count) {
                if all.len() == self.query.limits.fields_max as usize {
                    budget.is_whole = false;
                    return all;
                }
                let mut conditions = rests.conditions(label);
                let is_whole = |(tier, set): &Condition| *tier <= Tier::Prefixes && set.is_none();
                if conditions.iter().any(is_whole)
                    && let Some(tier) = comparer.tier(labels.get(label))
                {
                    conditions = vec![(tier, None)];
                }
                all.push(Found {
                    label,
                    listed: vec![Vec::new(); conditions.len()],
                    conditions,
                });
            }
        }
        all
    }

    /// Lists the documents under the conditions that are sets, one way or the other, whichever reads less.
    fn list(&self, found: &mut [Found], budget: &mut Budget) {
        let labels = &self.part.segment.labels;
        let mut entries_count = 0;
        let mut wanted: FxHashMap<u32, usize> = FxHashMap::default();
        let mut sets: Vec<&Rc<Bitmap>> = Vec::new();
        for (at, found) in found.iter().enumerate() {
            let mut own = found.conditions.iter().rev();
            // Each set has those before it.
            if let Some(largest) = own.find_map(|(_, set)| set.as_ref()) {
                wanted.insert(found.label, at);
                entries_count += u64::from(labels.list(found.label).count());
                if !sets.iter().any(|set| Rc::ptr_eq(set, largest)) {
                    sets.push(largest);
                }
            }
        }
        let mut documents = Bitmap::new(self.part.segment.len());
        for set in sets {
            documents.union(set);
        }
        self.part.gone.subtract_from(&mut documents);
        let entries_max = self.query.limits.field_entries_max;
        let fields_count = labels.fields.records.len() as u64;
        let each = fields_count / u64::from(self.part.segment.len().max(1)) + 1;
        let documents_count = documents.count();
        if entries_count <= entries_max && entries_count < documents_count * each {
            for (label, at) in wanted {
                for document in labels.list(label).iter() {
                    if documents.contains(document) {
                        found[at].add(document);
                    }
                }
            }
            return;
        }
        let mut is_wanted = Bitmap::new(labels.len());
        for label in wanted.keys() {
            is_wanted.insert(*label);
        }
        let documents_max = entries_max / each;
        budget.is_whole &= documents_count <= documents_max;
        for document in documents.iter().take(documents_max as usize) {
            for label in labels.fields.of(document) {
                if is_wanted.contains(label)
                    && let Some(at) = wanted.get(&label)
                {
                    found[*at].add(document);
                }
            }
        }
    }
}

/// The documents that have the words that a field has not.
struct Rests<'a> {
    sets: &'a [WordSets],
    /// By level and words, a bit each; none where there is no such document.
    cache: HashMap<(usize, u32), Option<Rc<Bitmap>>>,
}

impl Rests<'_> {
    /// By tier, the documents whose field with this label is a hit.
    fn conditions(&mut self, label: u32) -> Vec<Condition> {
        let mut conditions: Vec<Condition> = Vec::new();
        for (level, of_label) in [(0, 0), (1, 1), (2, 1), (3, 2)] {
            let missing = (0..self.sets.len())
                .filter(|at| !self.sets[*at].labels[of_label].contains(label))
                .fold(0_u32, |missing, at| missing | 1 << at);
            if missing.count_ones() as usize == self.sets.len() {
                continue;
            }
            if missing == 0 {
                conditions.push((LEVELS[level], None));
                return conditions;
            }
            let sets = self.sets;
            let rest = self.cache.entry((level, missing));
            let Some(set) = rest.or_insert_with(|| rest_of(sets, level, missing)) else {
                continue;
            };
            let is_same =
                |(_, last): &Condition| last.as_ref().is_some_and(|last| Rc::ptr_eq(last, set));
            if !conditions.last().is_some_and(is_same) {
                conditions.push((LEVELS[level], Some(Rc::clone(set))));
            }
        }
        conditions
    }
}

/// The documents that have the words of a mask at a level.
fn rest_of(sets: &[WordSets], level: usize, mask: u32) -> Option<Rc<Bitmap>> {
    let mut words = (0..sets.len()).filter(|at| mask >> at & 1 != 0);
    let mut all = Rc::clone(&sets[words.next()?].documents[level]);
    for at in words {
        Rc::make_mut(&mut all).intersect(&sets[at].documents[level]);
    }
    (!all.is_empty()).then_some(all)
}
