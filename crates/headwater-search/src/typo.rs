//! Edit distance, one character of the term at a time, so that terms with one beginning share the work.

/// Words of fewer characters are taken as they are spelt.
pub(crate) const ONE_TYPO_CHARS_MIN: usize = 4;
/// From this many characters on, two typos are forgiven.
pub(crate) const TWO_TYPOS_CHARS_MIN: usize = 8;

/// What a word may be mistyped as: at most this many characters left out, added, replaced or swapped with their
/// neighbour (optimal string alignment: no place is edited twice).
#[derive(Debug)]
pub(crate) struct Typos {
    word: Vec<char>,
    edits_max: u8,
    /// The characters of the term so far, and a row of distances for each beginning of it.
    term: Vec<char>,
    rows: Vec<u8>,
}

impl Typos {
    /// None for a word that is too short to be mistyped.
    pub(crate) fn of(word: &str) -> Option<Self> {
        let word: Vec<char> = word.chars().collect();
        let edits_max = match word.len() {
            ..ONE_TYPO_CHARS_MIN => return None,
            ONE_TYPO_CHARS_MIN..TWO_TYPOS_CHARS_MIN => 1,
            TWO_TYPOS_CHARS_MIN.. => 2,
        };
        let rows = (0..=word.len()).map(|at| at as u8).collect();
        Some(Self {
            word,
            edits_max,
            term: Vec::new(),
            rows,
        })
    }

    pub(crate) fn depth(&self) -> usize {
        self.term.len()
    }

    /// Goes back to the term's first `depth` characters.
    pub(crate) fn truncate(&mut self, depth: usize) {
        self.term.truncate(depth);
        self.rows.truncate((depth + 1) * self.width());
    }

    fn width(&self) -> usize {
        self.word.len() + 1
    }

    /// Adds a character of the term. False if nothing that begins like this is near enough.
    pub(crate) fn push(&mut self, character: char) -> bool {
        let (width, depth) = (self.width(), self.depth() + 1);
        let far = self.edits_max + 1;
        let start = self.rows.len();
        self.rows.resize(start + width, far);
        self.term.push(character);
        if depth <= usize::from(self.edits_max) {
            self.rows[start] = depth as u8;
        }
        // Cells further from the diagonal than the edits allowed are far anyway.
        let first = depth.saturating_sub(self.edits_max.into()).max(1);
        let last = (depth + usize::from(self.edits_max)).min(width - 1);
        let mut least = self.rows[start];
        for at in first..=last {
            let above = &self.rows[start - width..start];
            let is_same = self.word[at - 1] == character;
            let mut distance = (above[at - 1] + u8::from(!is_same))
                .min(above[at] + 1)
                .min(self.rows[start + at - 1] + 1);
            let is_swap = depth > 1
                && at > 1
                && self.word[at - 2] == character
                && self.word[at - 1] == self.term[depth - 2];
            if is_swap {
                distance = distance.min(self.rows[start - 2 * width + at - 2] + 1);
            }
            self.rows[start + at] = distance.min(far);
            least = least.min(distance);
        }
        least <= self.edits_max
    }

    /// True if the term so far is the word but for the edits allowed.
    pub(crate) fn is_near(&self) -> bool {
        self.rows.last().is_some_and(|last| *last <= self.edits_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, term: &str, expected: bool) {
        let mut typos = Typos::of(word).expect("the word is long enough");
        let goes_on = term.chars().all(|character| typos.push(character));
        assert_eq!(goes_on && typos.is_near(), expected, "{word} for {term}");
    }

    #[test]
    fn a_word_of_four_may_have_one_typo_and_one_of_eight_two() {
        for (word, term, expected) in [
            ("oders", "orders", true),
            ("order", "orders", true),
            ("roders", "orders", true),
            ("orderd", "orders", true),
            ("xorders", "orders", true),
            ("odres", "orders", false),
            ("date", "dt", false),
            ("custmoers", "customers", true),
            ("cutsmoers", "customers", true),
            ("ctsmoers", "customers", false),
            ("größe", "grösse", false),
            ("größe", "große", true),
        ] {
            check(word, term, expected);
        }
        assert!(Typos::of("ord").is_none());
    }

    #[test]
    fn going_back_forgets_what_came_after() {
        let mut typos = Typos::of("orders").expect("the word is long enough");
        for character in "ordxy".chars() {
            typos.push(character);
        }
        typos.truncate(3);
        assert!("ers".chars().all(|character| typos.push(character)) && typos.is_near());
    }
}
