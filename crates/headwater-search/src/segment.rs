//! A segment: an immutable index of some documents.

use rustc_hash::FxHashMap;

use crate::document::Document;
use crate::labels::{Labels, LabelsBuilder};
use crate::lexicon::{GONE, Gathered, Lexicon, NUMBER_MAX, Place, merged};
use crate::ranks::Ranks;
use crate::text::{Reader, bounded_description, bounded_name};

/// An index of some documents, numbered by rank.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) ranks: Ranks,
    /// Terms of names and aliases.
    pub(crate) names: Lexicon,
    /// Terms of descriptions.
    pub(crate) descriptions: Lexicon,
    pub(crate) labels: Labels,
    pub(crate) aliases: Aliases,
}

/// The aliases of the few documents that have some.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aliases {
    /// In order.
    pub(crate) documents: Vec<u32>,
    pub(crate) texts: Vec<Vec<Box<str>>>,
}

impl Aliases {
    pub(crate) fn of(&self, document: u32) -> &[Box<str>] {
        match self.documents.binary_search(&document) {
            Ok(at) => &self.texts[at],
            Err(_) => &[],
        }
    }
}

impl Segment {
    pub(crate) fn len(&self) -> u32 {
        self.ranks.len()
    }

    /// True if it is as a file holds it.
    pub(crate) fn is_packed(&self) -> bool {
        [&self.names, &self.descriptions, &self.labels.lexicon]
            .iter()
            .all(|lexicon| lexicon.dictionary.bytes().is_some())
    }

    /// Bytes of memory: lists, dictionaries and columns. Aliases count by their texts.
    pub(crate) fn bytes_count(&self) -> u64 {
        let Labels {
            text,
            ends,
            offsets,
            records,
            lexicon,
            fields,
            ..
        } = &self.labels;
        let lexicons = [&self.names, &self.descriptions, lexicon].map(Lexicon::bytes_count);
        let aliases = self.aliases.texts.iter().flatten().map(|alias| alias.len());
        let columns = [
            &self.ranks.keys,
            &self.ranks.by_key,
            ends,
            offsets,
            &fields.offsets,
        ];
        let numbers_count: usize = columns.iter().map(|column| column.len()).sum();
        let bytes_count = text.len() + records.len() + fields.records.len() + 4 * numbers_count;
        lexicons.iter().sum::<u64>() + (bytes_count + aliases.sum::<usize>()) as u64
    }

    pub(crate) fn empty() -> Self {
        SegmentBuilder::default().finish(true)
    }

    /// One segment of the documents of several that `is_live` says are there, by segment and document.
    pub(crate) fn merge(
        segments: &[&Self],
        is_packed: bool,
        is_live: impl Fn(usize, u32) -> bool,
    ) -> Self {
        let mut ranked = Vec::new();
        for (at, segment) in segments.iter().enumerate() {
            for (document, (length, key)) in (0..).zip(segment.ranks.all()) {
                if is_live(at, document) && ranked.len() < NUMBER_MAX as usize {
                    ranked.push((length, key, at as u32, document));
                }
            }
        }
        ranked.sort_unstable();
        let mut renumbered: Vec<Vec<u32>> = segments
            .iter()
            .map(|segment| vec![GONE; segment.len() as usize])
            .collect();
        for (number, (_, _, at, document)) in (0..).zip(&ranked) {
            renumbered[*at as usize][*document as usize] = number;
        }
        let bound = ranked.len() as u32;
        let lexicon = |of: fn(&Self) -> &Lexicon| {
            let lexicons: Vec<&Lexicon> = segments.iter().map(|segment| of(segment)).collect();
            merged(&lexicons, &renumbered, bound, is_packed)
        };
        Self {
            names: lexicon(|segment| &segment.names),
            descriptions: lexicon(|segment| &segment.descriptions),
            labels: merged_labels(segments, &renumbered, bound, is_packed),
            aliases: merged_aliases(segments, &renumbered),
            ranks: Ranks::new(ranked.iter().map(|(length, key, ..)| (*length, *key))),
        }
    }
}

fn merged_labels(
    segments: &[&Segment],
    renumbered: &[Vec<u32>],
    bound: u32,
    is_packed: bool,
) -> Labels {
    let mut builder = LabelsBuilder::new(bound);
    let mut next = vec![0; segments.len()];
    let mut documents = Vec::new();
    loop {
        let at_hand = |at: usize, next: &[u32]| {
            let (labels, label) = (&segments[at].labels, next[at]);
            (label < labels.len()).then(|| (labels.is_field(label), labels.get(label)))
        };
        let least = (0..segments.len())
            .filter_map(|at| at_hand(at, &next))
            .min();
        let Some((is_field, text)) = least else {
            return builder.finish(is_packed);
        };
        documents.clear();
        for at in 0..segments.len() {
            if at_hand(at, &next) != Some((is_field, text)) {
                continue;
            }
            let numbers = segments[at].labels.list(next[at]).iter();
            documents.extend(
                numbers
                    .filter_map(|number| renumbered[at].get(number as usize).copied())
                    .filter(|number| *number != GONE),
            );
            next[at] += 1;
        }
        builder.push(is_field, text, &mut documents);
    }
}

fn merged_aliases(segments: &[&Segment], renumbered: &[Vec<u32>]) -> Aliases {
    let mut all = Vec::new();
    for (segment, renumbered) in segments.iter().zip(renumbered) {
        let aliases = &segment.aliases;
        for (document, texts) in aliases.documents.iter().zip(&aliases.texts) {
            all.push((renumbered[*document as usize], texts.clone()));
        }
    }
    aliases_of(all)
}

fn aliases_of(mut all: Vec<(u32, Vec<Box<str>>)>) -> Aliases {
    all.retain(|(document, _)| *document != GONE);
    all.sort_unstable();
    let (documents, texts) = all.into_iter().unzip();
    Aliases { documents, texts }
}

/// Makes a segment of documents that come in any order.
#[derive(Debug, Default)]
pub(crate) struct SegmentBuilder {
    /// The length of the name and the key of each.
    ranked: Vec<(u16, u32)>,
    names: Gathered,
    descriptions: Gathered,
    namespaces: FxHashMap<Box<str>, Vec<u32>>,
    fields: FxHashMap<Box<str>, Vec<u32>>,
    aliases: Vec<(u32, Vec<Box<str>>)>,
    reader: Reader,
}

impl SegmentBuilder {
    pub(crate) fn is_empty(&self) -> bool {
        self.ranked.is_empty()
    }

    /// Adds a document. Each key comes once.
    pub(crate) fn add(&mut self, key: u32, document: &Document<'_>) {
        let number = self.ranked.len() as u32;
        if number >= NUMBER_MAX {
            return;
        }
        let length = self.add_name(number, document.name);
        self.ranked.push((length, key));
        for alias in document.aliases.iter().take(Document::ALIASES_MAX) {
            self.add_name(number, alias);
        }
        if !document.aliases.is_empty() {
            let aliases = document.aliases.iter().take(Document::ALIASES_MAX);
            self.aliases
                .push((number, aliases.map(|alias| (*alias).into()).collect()));
        }
        label(&mut self.namespaces, document.namespace, number);
        for field in document.fields.iter().take(Document::FIELDS_MAX) {
            label(&mut self.fields, field, number);
        }
        if let Some(description) = document.description {
            let gathered = &mut self.descriptions;
            self.reader.runs(bounded_description(description), |run| {
                gathered.add(run.text, number, Place::Within);
            });
        }
    }

    /// The length of the folded name in characters.
    fn add_name(&mut self, number: u32, name: &str) -> u16 {
        let name = bounded_name(name);
        let (mut runs_count, mut last_segment, mut length) = (0_usize, 0, 0_usize);
        self.reader.runs(name, |run| {
            if run.begins_segment {
                last_segment = runs_count;
            }
            length += usize::from(runs_count > 0) + run.text.chars().count();
            runs_count += 1;
        });
        let gathered = &mut self.names;
        let mut at = 0;
        self.reader.runs(name, |run| {
            let place = match at {
                0 if runs_count == 1 => Place::Whole,
                _ if at == last_segment && at + 1 == runs_count => Place::Ending,
                _ if at == 0 || at == last_segment => Place::Beginning,
                _ if at + 1 == runs_count => Place::Last,
                _ => Place::Within,
            };
            gathered.add(run.text, number, place);
            for part in run.parts() {
                gathered.add(part, number, Place::Within);
            }
            at += 1;
        });
        u16::try_from(length).unwrap_or(u16::MAX)
    }

    pub(crate) fn finish(self, is_packed: bool) -> Segment {
        let bound = self.ranked.len() as u32;
        let mut order: Vec<u32> = (0..bound).collect();
        order.sort_unstable_by_key(|number| self.ranked[*number as usize]);
        let mut renumbered = vec![0; order.len()];
        for (new, old) in (0..).zip(&order) {
            renumbered[*old as usize] = new;
        }
        let mut labels = LabelsBuilder::new(bound);
        for (is_field, gathered) in [(false, self.namespaces), (true, self.fields)] {
            let mut sorted: Vec<_> = gathered.into_iter().collect();
            sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            for (text, mut documents) in sorted {
                for document in &mut documents {
                    *document = renumbered[*document as usize];
                }
                labels.push(is_field, &text, &mut documents);
            }
        }
        let aliases = self.aliases.into_iter();
        let aliases = aliases.map(|(number, texts)| (renumbered[number as usize], texts));
        Segment {
            names: self.names.finish(&renumbered, bound, is_packed),
            descriptions: self.descriptions.finish(&renumbered, bound, is_packed),
            labels: labels.finish(is_packed),
            aliases: aliases_of(aliases.collect()),
            ranks: Ranks::new(order.iter().map(|number| self.ranked[*number as usize])),
        }
    }
}

fn label(labels: &mut FxHashMap<Box<str>, Vec<u32>>, text: &str, number: u32) {
    match labels.get_mut(text) {
        Some(documents) => documents.push(number),
        None => {
            labels.insert(text.into(), vec![number]);
        }
    }
}
