//! Plain sets of documents, a bit each.

/// A set of numbers below a bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bitmap {
    words: Vec<u64>,
    bound: u32,
}

impl Bitmap {
    pub(crate) fn new(bound: u32) -> Self {
        Self {
            words: vec![0; bound.div_ceil(64) as usize],
            bound,
        }
    }

    /// Adds a number; one that is not below the bound is left out.
    #[inline]
    pub(crate) fn insert(&mut self, number: u32) {
        if number < self.bound {
            self.words[number as usize / 64] |= 1 << (number % 64);
        }
    }

    #[inline]
    pub(crate) fn contains(&self, number: u32) -> bool {
        self.words
            .get(number as usize / 64)
            .is_some_and(|word| word >> (number % 64) & 1 != 0)
    }

    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }

    pub(crate) fn union(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    pub(crate) fn intersect(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    /// Adds the set whose bits are these bytes, lowest first.
    pub(crate) fn union_bytes(&mut self, bytes: &[u8]) {
        for (word, bytes) in self.words.iter_mut().zip(bytes.chunks(8)) {
            *word |= word_of(bytes);
        }
        let odd = self.bound % 64;
        if odd != 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << odd) - 1;
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Its numbers from `start` on, in order.
    pub(crate) fn iter_from(&self, start: u32) -> impl Iterator<Item = u32> + '_ {
        let first = start as usize / 64;
        let mask = u64::MAX << (start % 64);
        self.words
            .iter()
            .enumerate()
            .skip(first)
            .flat_map(move |(at, word)| {
                let word = if at == first { word & mask } else { *word };
                Bits {
                    word,
                    base: at as u32 * 64,
                }
            })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.iter_from(0)
    }
}

/// At most eight bytes as a word, the lowest first.
pub(crate) fn word_of(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    let len = bytes.len().min(8);
    word[..len].copy_from_slice(&bytes[..len]);
    u64::from_le_bytes(word)
}

/// The bits of one word.
pub(crate) struct Bits {
    pub(crate) word: u64,
    pub(crate) base: u32,
}

impl Iterator for Bits {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.word == 0 {
            return None;
        }
        let bit = self.word.trailing_zeros();
        self.word &= self.word - 1;
        Some(self.base + bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_in_order_from_any_start() {
        let mut set = Bitmap::new(200);
        for number in [0, 63, 64, 65, 199, 200, 1000] {
            set.insert(number);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 65, 199]);
        assert_eq!(set.iter_from(64).collect::<Vec<_>>(), [64, 65, 199]);
        assert_eq!(set.iter_from(66).collect::<Vec<_>>(), [199]);
        assert_eq!(set.iter_from(1000).count(), 0);
        assert!(!set.contains(1000) && set.contains(199));
    }

    #[test]
    fn bytes_beyond_the_bound_are_left_out() {
        let mut set = Bitmap::new(67);
        set.union_bytes(&[255; 40]);
        assert_eq!(set.count(), 67);
    }
}
