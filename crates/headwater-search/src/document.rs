//! What is indexed.

/// The names and texts of one asset.
///
/// The name and namespace are not kept: what is asked for them at query time is [`Names`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document<'a> {
    /// Where it lives, for example `postgres://db:5432`; weaker than the name.
    pub namespace: &'a str,
    /// Its name. Of more than 4,096 bytes the end is read.
    pub name: &'a str,
    /// Its other names, as good as the first; at most [`Self::ALIASES_MAX`] are read.
    pub aliases: Vec<&'a str>,
    /// The names of its fields, each found on its own; at most [`Self::FIELDS_MAX`] are read.
    pub fields: Vec<&'a str>,
    /// A text whose words are found last. Its first 4,096 bytes are read.
    pub description: Option<&'a str>,
}

impl Document<'_> {
    /// Aliases that are read.
    pub const ALIASES_MAX: usize = 64;
    /// Fields that are read.
    pub const FIELDS_MAX: usize = 10_000;
}

/// Namespaces and names by key: those that documents were indexed with.
///
/// They are asked for where a query of several words may be the whole name, its end or its beginning, so that the
/// index needs no copy of them. An answer that differs from what was indexed costs rank, not hits.
pub trait Names {
    /// The namespace and the name of a document.
    fn names(&self, key: u32) -> Option<(&str, &str)>;
}
