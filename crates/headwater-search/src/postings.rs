//! Lists of numbers as bytes.
//!
//! A list is a varint of its length times two, plus one if it is dense. A dense list is a bit for each number below
//! the bound. Another one is a varint of how many bytes follow (left out for a single number), then the first number
//! and the gaps, varints all of them. Reading bytes that no list was written to gives some list; it never panics.

use crate::bitmap::{Bitmap, Bits, word_of};

/// A list as it lies in a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List<'a> {
    count: u32,
    is_dense: bool,
    body: &'a [u8],
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[inline]
fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let (first, mut rest) = bytes.split_first()?;
    let mut number = u64::from(first & 0x7f);
    let mut last = *first;
    let mut shift = 7;
    while last & 0x80 != 0 && shift < 64 {
        let (next, after) = rest.split_first()?;
        last = *next;
        number |= u64::from(last & 0x7f) << shift;
        shift += 7;
        rest = after;
    }
    *bytes = rest;
    Some(number)
}

/// Writes sorted numbers as the first and the gaps, and nothing that says how many.
pub(crate) fn put_gaps(out: &mut Vec<u8>, numbers: &[u32]) {
    let mut before = 0;
    for number in numbers {
        put_varint(out, u64::from(number - before));
        before = *number;
    }
}

/// The numbers that [`put_gaps`] wrote.
pub(crate) fn gaps(bytes: &[u8]) -> Numbers<'_> {
    Numbers {
        bytes,
        is_dense: false,
        number: 0,
        bits: Bits { word: 0, base: 0 },
        base_next: 0,
    }
}

/// Writes `numbers`, which are sorted, without repeats and below `bound`.
pub(crate) fn put_list(out: &mut Vec<u8>, numbers: &[u32], bound: u32) {
    let is_dense = numbers.len() > 8 && numbers.len() > bound as usize / 8;
    put_varint(out, (numbers.len() as u64) << 1 | u64::from(is_dense));
    if is_dense {
        let start = out.len();
        out.resize(start + bound.div_ceil(8) as usize, 0);
        for number in numbers {
            out[start + *number as usize / 8] |= 1 << (number % 8);
        }
    } else if let [number] = numbers {
        put_varint(out, (*number).into());
    } else {
        let mut body = Vec::with_capacity(numbers.len() * 2);
        put_gaps(&mut body, numbers);
        put_varint(out, body.len() as u64);
        out.extend_from_slice(&body);
    }
}

impl<'a> List<'a> {
    pub(crate) const EMPTY: Self = Self {
        count: 0,
        is_dense: false,
        body: &[],
    };

    /// Takes the list that `bytes` begin with; none if they are not one.
    pub(crate) fn take(bytes: &mut &'a [u8], bound: u32) -> Option<Self> {
        let header = take_varint(bytes)?;
        let (count, is_dense) = (u32::try_from(header >> 1).ok()?, header & 1 != 0);
        let len = if is_dense {
            bound.div_ceil(8) as usize
        } else if count == 1 {
            let mut after = *bytes;
            take_varint(&mut after)?;
            bytes.len() - after.len()
        } else {
            usize::try_from(take_varint(bytes)?).ok()?
        };
        let (body, rest) = bytes.split_at_checked(len)?;
        *bytes = rest;
        Some(Self {
            count,
            is_dense,
            body,
        })
    }

    /// How many numbers it has.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn add_to(&self, set: &mut Bitmap) {
        if self.is_dense {
            set.union_bytes(self.body);
        } else {
            for number in self.iter() {
                set.insert(number);
            }
        }
    }

    /// Its numbers, in order.
    pub(crate) fn iter(&self) -> Numbers<'a> {
        Numbers {
            is_dense: self.is_dense,
            ..gaps(self.body)
        }
    }
}

/// The numbers of a list.
pub(crate) struct Numbers<'a> {
    bytes: &'a [u8],
    is_dense: bool,
    number: u32,
    bits: Bits,
    base_next: u32,
}

impl Iterator for Numbers<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        if !self.is_dense {
            let gap = take_varint(&mut self.bytes)?;
            self.number = self.number.wrapping_add(gap as u32);
            return Some(self.number);
        }
        loop {
            if let Some(number) = self.bits.next() {
                return Some(number);
            }
            if self.bytes.is_empty() {
                return None;
            }
            let (word, rest) = self.bytes.split_at(self.bytes.len().min(8));
            self.bits = Bits {
                word: word_of(word),
                base: self.base_next,
            };
            self.base_next = self.base_next.wrapping_add(64);
            self.bytes = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_list_comes_back_as_it_was_written(
            numbers in proptest::collection::btree_set(0_u32..3000, 0..900),
            bound in 3000_u32..100_000,
        ) {
            let numbers: Vec<u32> = BTreeSet::into_iter(numbers).collect();
            let mut bytes = Vec::new();
            put_list(&mut bytes, &numbers, bound);
            bytes.push(7);
            let mut rest = bytes.as_slice();
            let list = List::take(&mut rest, bound).unwrap();
            prop_assert_eq!(rest, &[7]);
            prop_assert_eq!(list.count() as usize, numbers.len());
            prop_assert_eq!(list.iter().collect::<Vec<_>>(), numbers.clone());
            let mut set = Bitmap::new(bound);
            list.add_to(&mut set);
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), numbers);
        }

        #[test]
        fn nonsense_is_some_list_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut rest = bytes.as_slice();
            while let Some(list) = List::take(&mut rest, 100) {
                list.add_to(&mut Bitmap::new(100));
                prop_assert!(list.iter().count() <= 8 * bytes.len());
            }
        }
    }
}
