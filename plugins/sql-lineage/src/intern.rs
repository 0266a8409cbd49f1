//! Identifiers as numbers, so that comparing them costs nothing.

use rustc_hash::FxHashMap;

/// An identifier as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Symbol(u32);

/// What identifiers are compared by: the identifier in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Folded(u32);

/// All identifiers of a script.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    numbers: FxHashMap<Box<str>, Symbol>,
    texts: Vec<(Box<str>, Folded)>,
}

impl Interner {
    pub(crate) fn intern(&mut self, text: &str) -> Symbol {
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        let symbol = Symbol(self.texts.len() as u32);
        self.numbers.insert(text.into(), symbol);
        self.texts.push((text.into(), Folded(symbol.0)));
        let may_fold = text
            .bytes()
            .any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii());
        let lower = if may_fold {
            text.to_lowercase()
        } else {
            return symbol;
        };
        if lower != text {
            let Symbol(folded) = self.intern(&lower);
            self.texts[symbol.0 as usize].1 = Folded(folded);
        }
        symbol
    }

    /// The identifier's number, if it was met.
    pub(crate) fn known(&self, text: &str) -> Option<Symbol> {
        self.numbers.get(text).copied()
    }

    pub(crate) fn text(&self, symbol: Symbol) -> &str {
        &self.texts[symbol.0 as usize].0
    }

    pub(crate) fn fold(&self, symbol: Symbol) -> Folded {
        self.texts[symbol.0 as usize].1
    }
}
