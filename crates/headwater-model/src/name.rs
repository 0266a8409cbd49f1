//! Validated names.

use std::fmt;
use std::sync::Arc;

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Names say something.
    #[error("is empty")]
    Empty,
    /// The text is longer than the name's bound.
    #[error("is {bytes} bytes long, more than {bytes_max}")]
    TooLong {
        /// Length of the text.
        bytes: usize,
        /// The bound it breaks.
        bytes_max: usize,
    },
    /// Control characters can't be shown or typed.
    #[error("holds the control character U+{code:04X} at byte {at}")]
    ControlCharacter {
        /// The character's code point.
        code: u32,
        /// Its position, in bytes.
        at: usize,
    },
    /// The character has a meaning where this kind of name is written.
    #[error(
        "holds {character:?} at byte {at}; only letters, digits, '-', '_' and '.' may stand there"
    )]
    ForbiddenCharacter {
        /// The character.
        character: char,
        /// Its position, in bytes.
        at: usize,
    },
}

fn check(text: &str, bytes_max: usize) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > bytes_max {
        return Err(NameError::TooLong {
            bytes: text.len(),
            bytes_max,
        });
    }
    match text.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, c)) => Err(NameError::ControlCharacter { code: c.into(), at }),
        None => Ok(()),
    }
}

fn check_plain(text: &str, bytes_max: usize) -> Result<(), NameError> {
    check(text, bytes_max)?;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    match text.char_indices().find(|(_, c)| !plain(*c)) {
        Some((at, character)) => Err(NameError::ForbiddenCharacter { character, at }),
        None => Ok(()),
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $type:ident, $bytes_max:expr, $check:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The longest name that is taken, in bytes of UTF-8.
            pub const BYTES_MAX: usize = $bytes_max;

            /// Takes `text` if it is such a name.
            ///
            /// # Errors
            /// [`NameError`] says which rule `text` breaks.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                $check(text, Self::BYTES_MAX)?;
                Ok(Self(text.into()))
            }

            /// The name as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name_type!(
    /// Where a dataset or job lives, for example `postgres://db:5432`.
    ///
    /// Never empty, at most [`Self::BYTES_MAX`] bytes, no control characters.
    /// Source: OpenLineage naming conventions; the length bound is ours.
    Namespace, 1024, check
);
name_type!(
    /// The name of a dataset or job within its namespace, for example `shop.public.orders`.
    ///
    /// Never empty, at most [`Self::BYTES_MAX`] bytes, no control characters.
    Name, 2048, check
);
name_type!(
    /// The name of a field; nested fields are joined with dots, as OpenLineage does.
    FieldName, 1024, check
);
name_type!(
    /// A data mesh domain, for example `orders`.
    ///
    /// Letters, digits, `-`, `_` and `.` only, since it stands in URLs.
    DomainName, 128, check_plain
);
name_type!(
    /// One domain's use of one extractor or client, for example `dbt-prod`.
    ///
    /// Letters, digits, `-`, `_` and `.` only, since it stands in URLs.
    SourceName, 128, check_plain
);
name_type!(
    /// What kind of thing an asset is, in upper case: `TABLE`, `VIEW`, `TOPIC`, `MODEL`, `TASK`, ….
    TypeName, 128, check
);
name_type!(
    /// The key of an attribute: `owner`, `tag`, `output-port`, ….
    AttributeKey, 256, check
);
name_type!(
    /// The name of a facet, as the producer wrote it.
    FacetName, 256, check
);
name_type!(
    /// A run's id as its producer wrote it; usually a UUID, but stored events are dirtier than that.
    RunId, 256, check
);

impl TypeName {
    /// A dataset of which nobody said more than that it is one.
    pub fn dataset() -> Self {
        Self("DATASET".into())
    }

    /// A job of which nobody said more than that it is one.
    pub fn job() -> Self {
        Self("JOB".into())
    }

    /// True for the two types that say nothing beyond the kind.
    pub fn is_unspecific(&self) -> bool {
        matches!(&*self.0, "DATASET" | "JOB")
    }
}

/// Free text that is shared rather than copied: a description, SQL, a data type.
pub type Text = Arc<str>;

/// Dataset or job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssetKind {
    /// Something that holds data.
    Dataset,
    /// Something that reads or writes datasets.
    Job,
}

/// A namespace and a name in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QualifiedName {
    /// Where it lives.
    pub namespace: Namespace,
    /// Its name there.
    pub name: Name,
}

impl QualifiedName {
    /// Joins the two.
    pub fn new(namespace: Namespace, name: Name) -> Self {
        Self { namespace, name }
    }

    /// As the name of a dataset.
    pub fn dataset(self) -> AssetName {
        AssetName {
            kind: AssetKind::Dataset,
            name: self,
        }
    }

    /// As the name of a job.
    pub fn job(self) -> AssetName {
        AssetName {
            kind: AssetKind::Job,
            name: self,
        }
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The raw name of a dataset or of a job, as a source used it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetName {
    /// Dataset or job: the two don't share names.
    pub kind: AssetKind,
    /// The name.
    pub name: QualifiedName,
}

impl fmt::Display for AssetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            AssetKind::Dataset => write!(f, "{}", self.name),
            AssetKind::Job => write!(f, "job:{}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_neither_empty_nor_too_long_nor_unprintable() {
        assert_eq!(Namespace::parse(""), Err(NameError::Empty));
        assert_eq!(
            Namespace::parse(&"n".repeat(1025)),
            Err(NameError::TooLong {
                bytes: 1025,
                bytes_max: 1024
            })
        );
        assert_eq!(
            Name::parse("a\tb"),
            Err(NameError::ControlCharacter { code: 9, at: 1 })
        );
        assert_eq!(
            Name::parse("ds/ü x").expect("valid").as_str(),
            "ds/ü x",
            "spaces and slashes are part of real names"
        );
    }

    #[test]
    fn a_domain_fits_into_a_url() {
        assert!(DomainName::parse("orders-eu.v2").is_ok());
        assert_eq!(
            DomainName::parse("orders/eu"),
            Err(NameError::ForbiddenCharacter {
                character: '/',
                at: 6
            })
        );
    }
}
