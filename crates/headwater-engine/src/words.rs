//! Numbered words: names of domains, owners and tags, which the graph's columns hold by number.

use std::sync::Arc;

use headwater_record::Str;
use parking_lot::RwLock;
use rustc_hash::FxHashMap;

/// Words by number and numbers by word; it only grows, so that every snapshot's numbers stay good.
#[derive(Clone, Default)]
pub(crate) struct Words(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    words: Vec<Str>,
    numbers: FxHashMap<Str, u32>,
}

impl Words {
    pub(crate) fn number(&self, word: &str) -> Option<u32> {
        self.0.read().numbers.get(word).copied()
    }

    /// How many words there are.
    pub(crate) fn len(&self) -> usize {
        self.0.read().words.len()
    }

    pub(crate) fn word(&self, number: u32) -> Option<Str> {
        self.0.read().words.get(number as usize).cloned()
    }

    /// The word's number, and whether it is new.
    pub(crate) fn intern(&self, word: &str) -> (u32, bool) {
        if let Some(number) = self.number(word) {
            return (number, false);
        }
        let mut known = self.0.write();
        let number = known.words.len() as u32;
        let word: Str = word.into();
        known.words.push(word.clone());
        known.numbers.insert(word, number);
        (number, true)
    }
}
