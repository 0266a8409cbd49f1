//! Whose facts these are.

use std::fmt;

use crate::{DomainName, NameError, SourceName};

/// One domain's use of one extractor or client, written `orders/dbt-prod`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceKey {
    /// The domain that submits.
    pub domain: DomainName,
    /// The source's name within the domain.
    pub name: SourceName,
}

impl SourceKey {
    /// Joins the two.
    pub fn new(domain: DomainName, name: SourceName) -> Self {
        Self { domain, name }
    }

    /// Reads `domain/source`.
    ///
    /// # Errors
    /// [`NameError`] of the part that is no name; a missing slash leaves the source's name empty.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (domain, name) = text.split_once('/').unwrap_or((text, ""));
        Ok(Self::new(
            DomainName::parse(domain)?,
            SourceName::parse(name)?,
        ))
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.name)
    }
}

/// How a source's statements replace each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// Each submission says all that it covers.
    Snapshot,
    /// Each event speaks for one job or dataset.
    Events,
    /// Each fact stands for itself.
    Manual,
}
