//! Searching: what each segment matches, put together into one page.

use std::cmp::Ordering;

use crate::compare::Comparer;
use crate::document::Names;
use crate::index::Index;
use crate::matches::{Group, Matches};
use crate::position::{Hit, Part, Position, Results, Tier};
use crate::query::Query;
use crate::words::Budget;

/// Says whether the asset of a key may be a hit.
pub type Filter<'a> = dyn Fn(u32) -> bool + 'a;

impl Index {
    /// A page of the assets and fields that `query` matches and `filter` accepts, best first.
    ///
    /// Each asset is one hit, and each of its fields that match is another. `names` knows the names that documents
    /// were indexed with. Without a filter the count is exact and costs nothing; with one, every hit is put to it, up
    /// to [`Limits::examined_max`](crate::Limits::examined_max).
    pub fn search(&self, query: &Query, names: &dyn Names, filter: Option<&Filter<'_>>) -> Results {
        if query.words.is_empty() {
            return Results {
                is_total_exact: true,
                ..Results::default()
            };
        }
        let mut results = Results {
            is_total_exact: true,
            ..Results::default()
        };
        let mut page = Page {
            query,
            filter,
            names,
            found: Vec::new(),
            cut_at: None,
        };
        let mut examined_left = query.limits.examined_max;
        for part in self.parts() {
            let matches = Matches::find(part, query, names);
            let mut budget = Budget {
                postings: matches.budget.postings,
                is_whole: matches.budget.is_whole,
            };
            results.total_count += match filter {
                None => matches.count(&mut budget),
                Some(filter) => count_accepted(&matches, filter, &mut examined_left, &mut budget),
            };
            results.is_total_exact &= budget.is_whole;
            page.walk(&matches);
        }
        page.finish(&mut results);
        results
    }
}

/// How many of the first `examined_left` hits the filter accepts.
fn count_accepted(
    matches: &Matches<'_>,
    filter: &Filter<'_>,
    examined_left: &mut u32,
    budget: &mut Budget,
) -> u64 {
    let mut accepted = 0;
    for group in &matches.groups {
        if !budget.spend(group.entries_count()) {
            break;
        }
        for document in matches.documents(group, 0) {
            let Some(left) = examined_left.checked_sub(1) else {
                budget.is_whole = false;
                return accepted;
            };
            *examined_left = left;
            accepted += u64::from(filter(matches.part.segment.ranks.keys[document as usize]));
        }
    }
    accepted
}

/// The page, while segments add what they have for it.
struct Page<'a> {
    query: &'a Query,
    filter: Option<&'a Filter<'a>>,
    names: &'a dyn Names,
    found: Vec<Hit>,
    /// Some segment was walked up to here only.
    cut_at: Option<Position>,
}

impl<'a> Page<'a> {
    /// Adds the first hits of a segment, one more than a page has.
    fn walk(&mut self, matches: &Matches<'_>) {
        let wanted = self.found.len() + self.query.first as usize + 1;
        let ranks = &matches.part.segment.ranks;
        let mut entries_left = self.query.limits.postings_max;
        // Each page gets further than the one before, however tight the limits.
        let mut examined_left = self.query.limits.examined_max.max(1);
        let mut walked: Option<Position> = None;
        let mut comparer = Comparer::new(self.query);
        for group in &matches.groups {
            let from = self.start_in(group, matches);
            let Some(from) = from else {
                continue;
            };
            match entries_left.checked_sub(group.entries_count()) {
                Some(left) => entries_left = left,
                None if walked.is_some() => return self.cut(walked),
                None => entries_left = 0,
            }
            let mut last = None;
            for document in matches.documents(group, from) {
                let (length, key) = ranks.rank(document);
                if let Some(filter) = self.filter {
                    if examined_left == 0 {
                        return self.cut(
                            last.map(|(length, key)| position(group, length, key))
                                .or(walked),
                        );
                    }
                    examined_left -= 1;
                    last = Some((length, key));
                    if !filter(key) {
                        continue;
                    }
                }
                let part = self.part(matches, group, document, &mut comparer);
                let position = position(group, length, key);
                self.found.push(Hit {
                    key,
                    part,
                    position,
                });
                if self.found.len() == wanted {
                    return;
                }
            }
            walked = Some(position(group, u16::MAX, u32::MAX));
        }
    }

    /// The document from which on a group is part of the page; none if it is before the page.
    fn start_in(&self, group: &Group<'_>, matches: &Matches<'_>) -> Option<u32> {
        let Some(after) = &self.query.after else {
            return Some(0);
        };
        let field = after
            .field
            .as_ref()
            .map(|(length, name)| (*length, name.as_str()));
        match (group.tier, group.field).cmp(&(after.tier, field)) {
            Ordering::Less => None,
            Ordering::Equal => Some(matches.part.segment.ranks.upto(after.length, after.key)),
            Ordering::Greater => Some(0),
        }
    }

    fn cut(&mut self, at: Option<Position>) {
        self.cut_at = match self.cut_at.take() {
            Some(before) => at.into_iter().chain([before]).min(),
            None => at,
        };
    }

    /// What of the asset, or which field, matches.
    fn part(
        &self,
        matches: &Matches<'_>,
        group: &Group<'_>,
        document: u32,
        comparer: &mut Comparer<'a>,
    ) -> Part {
        if let Some((_, name)) = group.field {
            return Part::Field(name.to_owned());
        }
        let is_by_name = || {
            matches
                .sets
                .iter()
                .any(|sets| sets.documents[1].contains(document))
        };
        match group.tier {
            Tier::Description => return Part::Description,
            Tier::Namespace if !is_by_name() => return Part::Namespace,
            _ => {}
        }
        let segment = &matches.part.segment;
        let aliases = segment.aliases.of(document);
        if aliases.is_empty() {
            return Part::Name;
        }
        let key = segment.ranks.keys[document as usize];
        let own = self
            .names
            .names(key)
            .and_then(|(_, name)| comparer.tier_alone(name));
        let best = aliases
            .iter()
            .filter_map(|alias| Some((comparer.tier_alone(alias)?, alias)))
            .min();
        match best {
            Some((tier, alias)) if own.is_none_or(|own| tier < own) => {
                Part::Alias(alias.to_string())
            }
            _ => Part::Name,
        }
    }

    fn finish(mut self, results: &mut Results) {
        self.found
            .sort_unstable_by(|a, b| a.position.cmp(&b.position));
        if let Some(cut_at) = &self.cut_at {
            self.found.retain(|hit| hit.position <= *cut_at);
        }
        let is_full = self.found.len() > self.query.first as usize;
        self.found.truncate(self.query.first as usize);
        results.has_more = is_full || self.cut_at.is_some();
        results.cut_at = self.cut_at.filter(|_| !is_full);
        results.hits = self.found;
    }
}

fn position(group: &Group<'_>, length: u16, key: u32) -> Position {
    Position {
        tier: group.tier,
        field: group.field.map(|(length, name)| (length, name.to_owned())),
        length,
        key,
    }
}
