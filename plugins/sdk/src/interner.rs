//! Strings that cross to the host once.

use rustc_hash::FxHashMap;

/// Maps short strings to the symbols under which they were sent.
///
/// A string that is longer than [`Self::TEXT_BYTES_MAX`] (SQL, a description) is rarely sent
/// twice and would be kept twice, so it is not remembered; nor is anything once the table is
/// full. What is not remembered is sent again, which is correct, only larger.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    symbols: FxHashMap<Box<str>, u32>,
    kept_bytes: usize,
    next: u32,
}

impl Interner {
    /// The longest string that is remembered: names are at most this long.
    pub(crate) const TEXT_BYTES_MAX: usize = 1024;
    /// All remembered strings together.
    pub(crate) const KEPT_BYTES_MAX: usize = 64 << 20;

    /// The symbol of `text`, and whether the caller has to send it now.
    pub(crate) fn symbol(&mut self, text: &str) -> (u32, bool) {
        if let Some(&symbol) = self.symbols.get(text) {
            return (symbol, false);
        }
        let symbol = self.next;
        self.next += 1;
        if text.len() <= Self::TEXT_BYTES_MAX
            && self.kept_bytes + text.len() <= Self::KEPT_BYTES_MAX
        {
            self.kept_bytes += text.len();
            self.symbols.insert(text.into(), symbol);
        }
        (symbol, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_string_is_sent_once_and_a_long_one_each_time() {
        let mut interner = Interner::default();
        let long = "x".repeat(Interner::TEXT_BYTES_MAX + 1);
        assert_eq!(interner.symbol("a"), (0, true));
        assert_eq!(interner.symbol("a"), (0, false));
        assert_eq!(interner.symbol(&long), (1, true));
        assert_eq!(interner.symbol(&long), (2, true));
        assert_eq!(interner.symbol("a"), (0, false));
    }

    #[test]
    fn a_full_table_still_gives_every_string_a_symbol() {
        let mut interner = Interner {
            kept_bytes: Interner::KEPT_BYTES_MAX,
            ..Interner::default()
        };
        assert_eq!(interner.symbol("a"), (0, true));
        assert_eq!(interner.symbol("a"), (1, true));
    }
}
