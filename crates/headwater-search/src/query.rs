//! What is asked.

use crate::position::Position;
use crate::text::Reader;
use crate::typo::Typos;

/// Which entities are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Entities {
    /// Assets and fields.
    #[default]
    All,
    /// Assets only.
    Assets,
    /// Fields only.
    Fields,
}

/// Why a query is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The text is longer than [`Query::BYTES_MAX`].
    #[error("the search text has {bytes} bytes, more than {bytes_max}")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// The text has more words than [`Query::WORDS_MAX`].
    #[error("the search text has {words} words, more than {words_max}")]
    TooManyWords {
        /// How many it has.
        words: usize,
        /// The bound.
        words_max: usize,
    },
    /// More hits are asked for than [`Query::FIRST_MAX`].
    #[error("a search is asked for {first} hits, more than {first_max}")]
    TooManyHits {
        /// How many are asked for.
        first: u32,
        /// The bound.
        first_max: u32,
    },
}

/// What a query may cost; beyond it the answer says that it is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Hits that are put to the filter, in each of two walks: one from the start, to count, and one for the page.
    pub examined_max: u32,
    /// Names that are compared with a query of several words, in each segment, best first. Beyond it a name that
    /// equals or begins with the query is ranked like one that has its words.
    pub compared_max: u32,
    /// Entries of lists that are read in each segment: first for the words, then to count, then for the page.
    pub postings_max: u64,
    /// Fields of assets that are looked at in each segment, because the asset has those words that they have not; best
    /// assets first.
    pub field_entries_max: u64,
    /// Steps through the dictionary for each word's typos.
    pub typo_steps_max: u32,
    /// Terms that a word may be a mistyping of, in each dictionary.
    pub typo_terms_max: u32,
    /// Names of fields that match some word, in each segment.
    pub fields_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            examined_max: 50_000,
            compared_max: 4_000,
            postings_max: 4_000_000,
            field_entries_max: 500_000,
            typo_steps_max: 50_000,
            typo_terms_max: 1_000,
            fields_max: 10_000,
        }
    }
}

/// A search: words that all have to match, and which page of the hits.
#[derive(Clone, Debug)]
pub struct Query {
    /// The folded form of the text.
    pub(crate) folded: String,
    /// No two are the same.
    pub(crate) words: Vec<Word>,
    /// Repeats included.
    runs_count: usize,
    pub(crate) first: u32,
    pub(crate) after: Option<Position>,
    pub(crate) entities: Entities,
    pub(crate) limits: Limits,
}

/// A run of the query and its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) run: String,
    /// None, or at least two.
    pub(crate) parts: Vec<String>,
}

impl Query {
    /// The longest text.
    pub const BYTES_MAX: usize = 256;
    /// Words of a text, repeats included.
    pub const WORDS_MAX: usize = 8;
    /// Texts of more words than this, repeats included, are taken as they are spelt: they are copied rather than typed.
    pub const TYPO_WORDS_MAX: usize = 4;
    /// The largest page.
    pub const FIRST_MAX: u32 = 1000;

    /// Reads the text of a search for its first `first` hits. A text without a letter or digit finds nothing.
    ///
    /// # Errors
    /// [`QueryError`] says which bound it breaks.
    pub fn parse(text: &str, first: u32) -> Result<Self, QueryError> {
        if text.len() > Self::BYTES_MAX {
            return Err(QueryError::TooLong {
                bytes: text.len(),
                bytes_max: Self::BYTES_MAX,
            });
        }
        if first > Self::FIRST_MAX {
            return Err(QueryError::TooManyHits {
                first,
                first_max: Self::FIRST_MAX,
            });
        }
        let (mut words, mut runs_count) = (Vec::new(), 0);
        let mut reader = Reader::default();
        reader.runs(text, |run| {
            let parts: Vec<String> = run.parts().map(str::to_owned).collect();
            let word = Word {
                run: run.text.to_owned(),
                parts: if parts.len() > 1 { parts } else { Vec::new() },
            };
            runs_count += 1;
            if !words.contains(&word) {
                words.push(word);
            }
        });
        if runs_count > Self::WORDS_MAX {
            return Err(QueryError::TooManyWords {
                words: runs_count,
                words_max: Self::WORDS_MAX,
            });
        }
        let mut folded = String::new();
        reader.fold(text, &mut folded, |_| ());
        Ok(Self {
            folded,
            words,
            runs_count,
            first,
            after: None,
            entities: Entities::All,
            limits: Limits::default(),
        })
    }

    /// True if the text is a single run.
    pub(crate) fn is_single(&self) -> bool {
        self.runs_count == 1
    }

    /// What a word may be mistyped as.
    pub(crate) fn typos(&self, word: &Word) -> Option<Typos> {
        if self.runs_count > Self::TYPO_WORDS_MAX {
            return None;
        }
        Typos::of(&word.run)
    }

    /// The page after a position.
    #[must_use]
    pub fn after(self, after: Option<Position>) -> Self {
        Self { after, ..self }
    }

    /// Only these entities.
    #[must_use]
    pub fn entities(self, entities: Entities) -> Self {
        Self { entities, ..self }
    }

    /// Other limits than the default ones.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }
}
