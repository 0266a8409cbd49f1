//! Hits, and where they stand among all hits.

/// How well a hit matches; earlier is better.
///
/// All words of the query have to match. A tier below the first three is that of the word that matches worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// The name, an alias, or namespace and name together, is the query, but for case and separators.
    Whole = 0,
    /// The last segment of the name (after `.` or `/`), or its last segments, are the query.
    Ending = 1,
    /// The name or its last segment begins with the query.
    Beginning = 2,
    /// The name has all words.
    Words = 3,
    /// The name has terms that begin with the words.
    Prefixes = 4,
    /// Some word is, or begins, a word of the namespace only.
    Namespace = 5,
    /// Some word is mistyped: one edit in words of four to seven characters, two in longer ones. Only in queries of at most
    /// [`Query::TYPO_WORDS_MAX`](crate::Query::TYPO_WORDS_MAX) words.
    Typo = 6,
    /// Some word is, or begins, a word of the description only.
    Description = 7,
}

impl Tier {
    pub(crate) const ALL: [Self; 8] = [
        Self::Whole,
        Self::Ending,
        Self::Beginning,
        Self::Words,
        Self::Prefixes,
        Self::Namespace,
        Self::Typo,
        Self::Description,
    ];
}

/// Where a hit stands: by tier, assets before fields, shorter names first, then by key.
///
/// A field stands by the length of its name and its name, then by its asset. The order does not depend on when which
/// document was indexed, so that a page can begin after a position of an earlier index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub(crate) tier: Tier,
    /// The length in characters and the name.
    pub(crate) field: Option<(u16, String)>,
    /// The length of the asset's folded name, in characters.
    pub(crate) length: u16,
    pub(crate) key: u32,
}

impl Position {
    /// Bytes for a cursor: at most 9 and the name of the field.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.tier as u8];
        bytes.extend_from_slice(&self.length.to_le_bytes());
        bytes.extend_from_slice(&self.key.to_le_bytes());
        if let Some((length, name)) = &self.field {
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(name.as_bytes());
        }
        bytes
    }

    /// Reads what [`Position::to_bytes`] wrote; none for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tier, rest) = bytes.split_first()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_first_chunk()?;
        let field = if rest.is_empty() {
            None
        } else {
            let (length, name) = rest.split_first_chunk()?;
            let name = std::str::from_utf8(name).ok()?.to_owned();
            Some((u16::from_le_bytes(*length), name))
        };
        Some(Self {
            tier: *Tier::ALL.get(usize::from(*tier))?,
            field,
            length: u16::from_le_bytes(*length),
            key: u32::from_le_bytes(*key),
        })
    }
}

/// What matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The asset, by its name; other words may have matched its namespace or an alias.
    Name,
    /// The asset, by this alias, which matches better than its name.
    Alias(String),
    /// The asset, by its namespace alone.
    Namespace,
    /// The asset, by words of its description.
    Description,
    /// This field of the asset.
    Field(String),
}

/// An asset, or a field of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The asset's key.
    pub key: u32,
    /// What matched.
    pub part: Part,
    /// Where it stands; a next page begins after it.
    pub position: Position,
}

impl Hit {
    /// How well it matches.
    pub fn tier(&self) -> Tier {
        self.position.tier
    }
}

/// A page of hits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// In order, at most as many as were asked for.
    pub hits: Vec<Hit>,
    /// How many there are on all pages; at least this many, if the count is not exact.
    pub total_count: u64,
    /// False if a limit cut the count, or kept something from being looked at.
    pub is_total_exact: bool,
    /// There are hits after these, or may be.
    pub has_more: bool,
    /// Set if the filter was asked as often as it may be before the page was full: everything up to here was
    /// looked at, and the next page begins after it.
    pub cut_at: Option<Position>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_from_its_bytes() {
        for field in [
            None,
            Some((4, "größe".to_owned())),
            Some((0, String::new())),
        ] {
            let position = Position {
                tier: Tier::Typo,
                field,
                length: 300,
                key: 1 << 31,
            };
            assert_eq!(Position::from_bytes(&position.to_bytes()), Some(position));
        }
    }

    #[test]
    fn bytes_that_are_no_position_are_refused() {
        for bytes in [
            &[][..],
            &[9, 0, 0, 0, 0, 0, 0],
            &[1; 6],
            &[1; 8],
            &[1, 1, 1, 1, 1, 1, 1, 1, 1, 0xff],
        ] {
            assert_eq!(Position::from_bytes(bytes), None);
        }
    }
}
