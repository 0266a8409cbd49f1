//! Ids: public ones, which clients keep, and internal ones, which are dense.

use std::fmt;

use crate::{AssetKind, AssetName, Digest};

/// The number of a raw asset name in the order in which the log first named it.
///
/// Never reused. Stays inside the service: clients see [`AssetId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetIndex(u32);

impl AssetIndex {
    /// The most assets that one service holds: the top bit is the graph's.
    pub const MAX: u32 = (1 << 31) - 2;

    /// The asset with that number.
    pub fn new(index: u32) -> Self {
        Self(index)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }

    /// The number, to index with.
    pub fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// What a public id names; its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdKind {
    /// A dataset: `ds_`.
    Dataset,
    /// A job: `job_`.
    Job,
}

impl IdKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Dataset => "ds_",
            Self::Job => "job_",
        }
    }
}

impl From<AssetKind> for IdKind {
    fn from(kind: AssetKind) -> Self {
        match kind {
            AssetKind::Dataset => Self::Dataset,
            AssetKind::Job => Self::Job,
        }
    }
}

/// Why a text is no public id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an id: expected ds_ or job_ and 32 hexadecimal digits")]
pub struct IdError;

/// The stable public id of an asset: a prefix for its kind and 128 bits of SHA-256 over kind, scope, first raw
/// name and generation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetId {
    kind: IdKind,
    half: [u8; 16],
}

impl AssetId {
    /// The id of the asset first named `name`.
    ///
    /// `scope` is the domain for names that mean something only there, else empty; `generation` grows by one each
    /// time a split takes the name from its asset.
    pub fn new(name: &AssetName, scope: &str, generation: u32) -> Self {
        let kind = IdKind::from(name.kind);
        let digest = Digest::of_parts([
            kind.prefix().as_bytes(),
            scope.as_bytes(),
            name.name.namespace.as_str().as_bytes(),
            name.name.name.as_str().as_bytes(),
            &generation.to_be_bytes(),
        ]);
        Self {
            kind,
            half: digest.half(),
        }
    }

    /// Reads an id as it is shown.
    ///
    /// # Errors
    /// [`IdError`] if `text` doesn't have that form.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let (kind, hex) = [IdKind::Dataset, IdKind::Job]
            .into_iter()
            .find_map(|kind| Some((kind, text.strip_prefix(kind.prefix())?)))
            .ok_or(IdError)?;
        if hex.len() != 32 || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(IdError);
        }
        let value = u128::from_str_radix(hex, 16).map_err(|_| IdError)?;
        Ok(Self {
            kind,
            half: value.to_be_bytes(),
        })
    }

    /// An id that was computed earlier.
    pub fn from_bytes(kind: IdKind, half: [u8; 16]) -> Self {
        Self { kind, half }
    }

    /// What it names.
    pub fn kind(&self) -> IdKind {
        self.kind
    }

    /// The digest's 128 bits.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.half
    }
}

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{:032x}",
            self.kind.prefix(),
            u128::from_be_bytes(self.half)
        )
    }
}

impl fmt::Debug for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Name, Namespace, QualifiedName};

    #[test]
    fn an_id_reads_back_and_depends_on_kind_scope_and_generation() {
        let name = QualifiedName::new(
            Namespace::parse("postgres://db:5432").expect("valid"),
            Name::parse("shop.public.orders").expect("valid"),
        );
        let id = AssetId::new(&name.clone().dataset(), "", 0);
        assert_eq!(AssetId::parse(&id.to_string()), Ok(id));
        assert_ne!(id, AssetId::new(&name.clone().job(), "", 0));
        assert_ne!(id, AssetId::new(&name.clone().dataset(), "orders", 0));
        assert_ne!(id, AssetId::new(&name.dataset(), "", 1));
        assert_eq!(AssetId::parse("ds_12"), Err(IdError));
        assert_eq!(AssetId::parse("orders"), Err(IdError));
    }
}
