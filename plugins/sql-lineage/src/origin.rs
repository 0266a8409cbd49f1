//! Where values come from.

use crate::intern::Symbol;
use crate::model::{Place, Transformations};

/// A table of the script, by its number; none where it is not known which table has the column.
pub(crate) type TableId = Option<u32>;

/// A column of a table, and how it gets to where this origin stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Origin {
    pub(crate) table: TableId,
    /// None stands for all columns of the table, which are not known one by one.
    pub(crate) column: Option<Symbol>,
    pub(crate) how: Transformations,
    /// Where the text names the column.
    pub(crate) place: Place,
}

impl Transformations {
    /// A value that came this way and goes on by `next`.
    pub(crate) fn then(self, next: Self) -> Self {
        let carried = self.0 & (Self::INDIRECT | Self::MASKING);
        let direct = if self.0 & Self::DIRECT == 0 || next.0 & Self::DIRECT == 0 {
            0
        } else {
            // The ways are ordered by what is left of the value.
            Self::strongest(self.0 | next.0)
        };
        let lost = self.0 & Self::DIRECT != 0 && direct == 0;
        let own = next.0 & (Self::INDIRECT | Self::MASKING);
        // What goes into a condition bears on the rows, whatever it was before.
        let carried = if lost {
            carried & Self::MASKING
        } else {
            carried
        };
        Self(direct | carried | own)
    }

    /// Both ways.
    pub(crate) fn and(self, other: Self) -> Self {
        let all = self.0 | other.0;
        let masking = match (self.0 & Self::DIRECT != 0, other.0 & Self::DIRECT != 0) {
            // One way past the mask is enough to see the value.
            (true, true) => self.0 & other.0 & Self::MASKING,
            _ => all & Self::MASKING,
        };
        Self((all & !Self::DIRECT & !Self::MASKING) | Self::strongest(all) | masking)
    }

    fn strongest(all: u16) -> u16 {
        [Self::AGGREGATION, Self::TRANSFORMATION, Self::IDENTITY]
            .into_iter()
            .find(|way| all & way != 0)
            .unwrap_or(0)
    }
}

/// Sorts origins, and makes one of those of the same column.
pub(crate) fn merge(origins: &mut Vec<Origin>) {
    if origins.len() < 2 {
        return;
    }
    origins.sort_unstable();
    origins.dedup_by(|next, kept| {
        let is_same = next.table == kept.table && next.column == kept.column;
        if is_same {
            kept.how = kept.how.and(next.how);
        }
        is_same
    });
}
