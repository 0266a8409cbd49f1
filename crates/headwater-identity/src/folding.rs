//! How the case of identifiers counts.

/// What a system does with the case of an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Casing {
    /// It is kept, and counts.
    Verbatim,
    /// Upper case.
    Upper,
    /// Lower case.
    Lower,
}

impl Casing {
    /// The identifier as the system keeps it.
    pub(crate) fn apply(self, text: &str) -> String {
        match self {
            Self::Verbatim => text.to_owned(),
            Self::Upper => text.to_uppercase(),
            Self::Lower => text.to_lowercase(),
        }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Verbatim => "as written",
            Self::Upper => "upper case",
            Self::Lower => "lower case",
        }
    }
}

/// How a system folds identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Those that are not quoted.
    pub bare: Casing,
    /// Those that are.
    pub quoted: Casing,
}

impl Fold {
    pub(crate) const VERBATIM: Self = Self::all(Casing::Verbatim);
    pub(crate) const LOWER: Self = Self::all(Casing::Lower);
    pub(crate) const BARE_LOWER: Self = Self {
        bare: Casing::Lower,
        quoted: Casing::Verbatim,
    };
    pub(crate) const BARE_UPPER: Self = Self {
        bare: Casing::Upper,
        quoted: Casing::Verbatim,
    };

    const fn all(casing: Casing) -> Self {
        Self {
            bare: casing,
            quoted: casing,
        }
    }
}
