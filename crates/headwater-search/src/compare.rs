//! Comparing a query with whole texts.

use std::collections::HashSet;

use crate::position::Tier;
use crate::query::{Query, Word};
use crate::text::{Reader, bounded_name};

/// Compares texts with one query; keeps its buffers from one to the next.
#[derive(Debug)]
pub(crate) struct Comparer<'a> {
    query: &'a Query,
    reader: Reader,
    folded: String,
    whole: String,
}

impl<'a> Comparer<'a> {
    pub(crate) fn new(query: &'a Query) -> Self {
        Self {
            query,
            reader: Reader::default(),
            folded: String::new(),
            whole: String::new(),
        }
    }

    /// Whether the query is the text, its last segments or its beginning.
    pub(crate) fn tier(&mut self, text: &str) -> Option<Tier> {
        let query = self.query.folded.as_str();
        self.folded.clear();
        let Self { reader, folded, .. } = self;
        let mut last_segment = 0;
        let mut places = [0_usize; Query::WORDS_MAX + 1];
        let mut places_count = 0;
        reader.fold(bounded_name(text), folded, |at| {
            last_segment = at;
            // An ending that is the query has no more segments than the query has words.
            places[places_count % places.len()] = at;
            places_count += 1;
        });
        if folded.is_empty() {
            return None;
        }
        let is_ending = |at: &usize| &folded[*at..] == query;
        if folded == query {
            Some(Tier::Whole)
        } else if places[..places_count.min(places.len())]
            .iter()
            .any(is_ending)
        {
            Some(Tier::Ending)
        } else if folded.starts_with(query) || folded[last_segment..].starts_with(query) {
            Some(Tier::Beginning)
        } else {
            None
        }
    }

    /// As [`Comparer::tier`], for a name that may be written behind its namespace.
    pub(crate) fn tier_with(&mut self, namespace: &str, name: &str) -> Option<Tier> {
        let tier = self.tier(name);
        let query = self.query.folded.as_str();
        let before = query.strip_suffix(self.folded.as_str());
        let Some(before) = before.and_then(|before| before.strip_suffix(' ')) else {
            return tier;
        };
        self.whole.clear();
        self.reader
            .fold(bounded_name(namespace), &mut self.whole, |_| ());
        if self.whole == before && !self.folded.is_empty() {
            Some(Tier::Whole)
        } else {
            tier
        }
    }

    /// How well a text matches all by itself.
    pub(crate) fn tier_alone(&mut self, text: &str) -> Option<Tier> {
        let mut terms = HashSet::new();
        self.reader.runs(bounded_name(text), |run| {
            terms.insert(run.text.to_owned());
            terms.extend(run.parts().map(str::to_owned));
        });
        let query = self.query;
        let levels = query.words.iter().map(|word| level(query, word, &terms));
        let worst = levels.collect::<Option<Vec<_>>>()?.into_iter().max();
        self.tier(text).or(worst)
    }
}

fn level(query: &Query, word: &Word, terms: &HashSet<String>) -> Option<Tier> {
    let has = |term: &String| terms.contains(term);
    let begins = |prefix: &String| terms.iter().any(|term| term.starts_with(prefix.as_str()));
    let parts = word.parts.split_last();
    if has(&word.run) || parts.is_some_and(|(last, others)| has(last) && others.iter().all(has)) {
        return Some(Tier::Words);
    }
    if begins(&word.run)
        || parts.is_some_and(|(last, others)| begins(last) && others.iter().all(has))
    {
        return Some(Tier::Prefixes);
    }
    let mut typos = query.typos(word)?;
    let is_near = |term: &String| {
        typos.truncate(0);
        term.chars().all(|character| typos.push(character)) && typos.is_near()
    };
    terms.iter().any(is_near).then_some(Tier::Typo)
}
