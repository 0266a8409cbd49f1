//! The naive reference: every document is looked at, one character after the other.

use std::collections::BTreeMap;

use headwater_search::{Part, Tier};

use crate::support::Doc;

/// A hit as the reference lists it: what decides its place, and what matched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expected {
    pub(crate) tier: Tier,
    /// Length and name.
    field: Option<(usize, String)>,
    length: usize,
    pub(crate) key: u32,
    part: String,
}

pub(crate) fn shown(part: &Part) -> String {
    format!("{part:?}")
}

#[derive(Clone, Debug)]
struct Run {
    text: String,
    parts: Vec<String>,
    begins_segment: bool,
}

fn class(character: char) -> u8 {
    match character {
        _ if character.is_numeric() => 0,
        _ if character.is_uppercase() => 1,
        _ => 2,
    }
}

fn runs(text: &str) -> Vec<Run> {
    let characters: Vec<char> = text.chars().collect();
    let (mut runs, mut at, mut begins_segment) = (Vec::new(), 0, true);
    while at < characters.len() {
        if !characters[at].is_alphanumeric() {
            begins_segment |= matches!(characters[at], '.' | '/');
            at += 1;
            continue;
        }
        let start = at;
        while at < characters.len() && characters[at].is_alphanumeric() {
            at += 1;
        }
        let run = &characters[start..at];
        let mut parts = vec![String::new()];
        for (place, character) in run.iter().enumerate() {
            let before = |back: usize| place.checked_sub(back).map(|place| class(run[place]));
            let own = class(*character);
            let next = run.get(place + 1).map(|next| class(*next));
            let is_cut = match (before(1), own) {
                (Some(0), own) => own != 0,
                (Some(_), 0) | (Some(2), 1) => true,
                (Some(1), 1) => next == Some(2),
                _ => false,
            };
            if is_cut {
                parts.push(String::new());
            }
            if let Some(last) = parts.last_mut() {
                last.extend(character.to_lowercase());
            }
        }
        let text = parts.concat();
        if parts.len() == 1 || parts.len() > 6 {
            parts.clear();
        }
        parts.retain(|part| part.chars().count() > 1);
        runs.push(Run {
            text,
            parts,
            begins_segment,
        });
        begins_segment = false;
    }
    runs
}

fn folded(runs: &[Run]) -> String {
    let texts: Vec<&str> = runs.iter().map(|run| run.text.as_str()).collect();
    texts.join(" ")
}

fn terms<'a>(texts: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let runs = texts.into_iter().flat_map(|text| runs(text));
    runs.flat_map(|run| [vec![run.text], run.parts].concat())
        .collect()
}

/// Edits between two words; a swap of neighbours is one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[a.len()][b.len()]
}

/// How a word matches some terms: equal to one, the beginning of one, a mistyping of one.
fn level(query: &[Run], word: &Run, terms: &[String]) -> Option<Tier> {
    let has = |wanted: &String| terms.contains(wanted);
    let begins = |wanted: &String| terms.iter().any(|term| term.starts_with(wanted.as_str()));
    let (last, others) = match word.parts.as_slice() {
        [others @ .., last] if !others.is_empty() => (Some(last), others),
        _ => (None, &[][..]),
    };
    if has(&word.text) || last.is_some_and(|last| has(last) && others.iter().all(has)) {
        return Some(Tier::Words);
    }
    if begins(&word.text) || last.is_some_and(|last| begins(last) && others.iter().all(has)) {
        return Some(Tier::Prefixes);
    }
    let edits_max = match word.text.chars().count() {
        _ if query.len() > 4 => 0,
        ..4 => 0,
        4..8 => 1,
        8.. => 2,
    };
    let is_near = |term: &String| distance(&word.text, term) <= edits_max;
    terms.iter().any(is_near).then_some(Tier::Typo)
}

/// Whether the query is a text, its last segments or its beginning.
fn whole(query: &str, text: &str) -> Option<Tier> {
    let runs = runs(text);
    let segments: Vec<usize> = (0..runs.len())
        .filter(|at| runs[*at].begins_segment)
        .collect();
    let last = segments.last()?;
    if folded(&runs) == query {
        return Some(Tier::Whole);
    }
    if segments.iter().any(|at| folded(&runs[*at..]) == query) {
        return Some(Tier::Ending);
    }
    let begins = folded(&runs).starts_with(query) || folded(&runs[*last..]).starts_with(query);
    begins.then_some(Tier::Beginning)
}

fn alone(query: &[Run], text: &String) -> Option<Tier> {
    let terms = terms([text]);
    let levels = query.iter().map(|word| level(query, word, &terms));
    let worst = levels.collect::<Option<Vec<_>>>()?.into_iter().max();
    whole(&folded(query), text).or(worst)
}

/// The level of each word in an asset.
fn levels(query: &[Run], doc: &Doc) -> Vec<Option<Tier>> {
    let names = terms([&doc.name].into_iter().chain(&doc.aliases));
    let namespace = terms([&doc.namespace]);
    // Descriptions have runs, and no parts.
    let described = doc.description.iter().flat_map(|text| runs(text));
    let described: Vec<String> = described.map(|run| run.text).collect();
    let of_word = |word: &Run| {
        let by_name = level(query, word, &names);
        let begins =
            |terms: &[String]| level(query, word, terms).is_some_and(|tier| tier <= Tier::Prefixes);
        by_name
            .filter(|tier| *tier <= Tier::Prefixes)
            .or(begins(&namespace).then_some(Tier::Namespace))
            .or(by_name)
            .or(begins(&described).then_some(Tier::Description))
    };
    query.iter().map(of_word).collect()
}

fn asset(query: &[Run], doc: &Doc) -> Option<(Tier, Part)> {
    let folded_query = folded(query);
    let texts = || [&doc.name].into_iter().chain(&doc.aliases);
    let behind = [runs(&doc.namespace), runs(&doc.name)];
    let is_behind = folded(&behind.concat()) == folded_query && !behind[1].is_empty();
    let best = texts().filter_map(|text| whole(&folded_query, text)).min();
    let levels = levels(query, doc);
    let worst = levels.iter().copied().collect::<Option<Vec<_>>>();
    let tier = match (is_behind, best) {
        (true, _) => Tier::Whole,
        (false, Some(best)) => best,
        (false, None) => worst?.into_iter().max()?,
    };
    let by_name = levels.iter().flatten().any(|tier| *tier <= Tier::Prefixes);
    let alias = doc
        .aliases
        .iter()
        .filter_map(|alias| Some((alone(query, alias)?, alias)))
        .min();
    let own = alone(query, &doc.name);
    let part = match alias {
        _ if tier == Tier::Description => Part::Description,
        _ if tier == Tier::Namespace && !by_name => Part::Namespace,
        Some((tier, alias)) if own.is_none_or(|own| tier < own) => Part::Alias(alias.clone()),
        _ => Part::Name,
    };
    Some((tier, part))
}

fn field(query: &[Run], doc: &Doc, field: &String) -> Option<Tier> {
    let terms = terms([field]);
    let of_field: Vec<Option<Tier>> = query
        .iter()
        .map(|word| level(query, word, &terms))
        .collect();
    let is_upto = |level: &Option<Tier>, tier: Tier| level.is_some_and(|level| level <= tier);
    if of_field.iter().all(|level| is_upto(level, Tier::Prefixes))
        && let Some(tier) = whole(&folded(query), field)
    {
        return Some(tier);
    }
    let of_asset = levels(query, doc);
    [Tier::Words, Tier::Prefixes, Tier::Namespace, Tier::Typo]
        .into_iter()
        .find(|tier| {
            of_field.iter().any(|level| is_upto(level, *tier))
                && of_field
                    .iter()
                    .zip(&of_asset)
                    .all(|(field, asset)| is_upto(field, *tier) || is_upto(asset, *tier))
        })
}

/// All hits, in order.
pub(crate) fn search(docs: &BTreeMap<u32, Doc>, text: &str) -> Vec<Expected> {
    let query = runs(text);
    let mut hits = Vec::new();
    if query.is_empty() {
        return hits;
    }
    for (key, doc) in docs {
        let length = folded(&runs(&doc.name)).chars().count();
        let mut add = |tier, field, part: Part| {
            hits.push(Expected {
                tier,
                field,
                length,
                key: *key,
                part: shown(&part),
            });
        };
        if let Some((tier, part)) = asset(&query, doc) {
            add(tier, None, part);
        }
        for name in &doc.fields {
            if let Some(tier) = field(&query, doc, name) {
                let place = (name.chars().count(), name.clone());
                add(tier, Some(place), Part::Field(name.clone()));
            }
        }
    }
    hits.sort();
    hits.dedup();
    hits
}

impl Expected {
    pub(crate) fn shown(&self) -> (Tier, u32, String) {
        (self.tier, self.key, self.part.clone())
    }
}
