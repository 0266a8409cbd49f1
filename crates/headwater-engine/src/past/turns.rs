//! Of which assets recent offsets said something new: so that a graph of the past can follow without reading all that
//! was ever said.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use headwater_store::Offset;
use parking_lot::Mutex;

/// What may be remembered: assets, and [`TURN_COST`] for each turn.
const COST_MAX: usize = 1 << 18;
/// What a turn costs besides its assets.
const TURN_COST: usize = 16;

/// The turns of recent offsets, as they are kept in the state under their times. The writer notes, readers ask.
#[derive(Clone, Default)]
pub(crate) struct RecentTurns(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// In the order of offsets.
    turns: VecDeque<Turn>,
    cost: usize,
    /// The newest offset of which something is forgotten.
    forgotten: Offset,
}

struct Turn {
    offset: Offset,
    /// The latest time at which anything that is said begins or ends.
    time: i64,
    owners: Box<[u32]>,
}

impl Turn {
    fn cost(&self) -> usize {
        TURN_COST + self.owners.len()
    }
}

impl RecentTurns {
    /// Notes that `offset`, which is not below one noted before, said something new of `owners`.
    pub(crate) fn note(&self, offset: Offset, time: i64, owners: &[u32]) {
        let turn = Turn {
            offset,
            time,
            owners: owners.into(),
        };
        let mut known = self.0.lock();
        known.cost += turn.cost();
        known.turns.push_back(turn);
        while known.cost > COST_MAX
            && let Some(turn) = known.turns.pop_front()
        {
            known.cost -= turn.cost();
            known.forgotten = turn.offset;
        }
    }

    /// The assets of which offsets after `after` and up to `until` said something new, each with its latest turn. None
    /// if these were too many to remember.
    pub(crate) fn between(&self, after: Offset, until: Offset) -> Option<BTreeMap<u32, i64>> {
        let known = self.0.lock();
        if after < known.forgotten {
            return None;
        }
        let start = known.turns.partition_point(|turn| turn.offset <= after);
        let mut owners = BTreeMap::new();
        let turns = known.turns.range(start..);
        for turn in turns.take_while(|turn| turn.offset <= until) {
            for owner in &turn.owners {
                let latest = owners.entry(*owner).or_insert(turn.time);
                *latest = turn.time.max(*latest);
            }
        }
        Some(owners)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(number: u64) -> Offset {
        Offset::new(number).expect("an offset")
    }

    #[track_caller]
    fn check(turns: &RecentTurns, after: u64, until: u64, expected: Option<&[(u32, i64)]>) {
        let found = turns.between(offset(after), offset(until));
        let expected = expected.map(|pairs| pairs.iter().copied().collect());
        assert_eq!(found, expected);
    }

    #[test]
    fn what_lies_between_two_offsets_is_told_with_the_latest_turn_of_each_asset() {
        let turns = RecentTurns::default();
        check(&turns, 0, 9, Some(&[]));
        turns.note(offset(1), 10, &[1, 2]);
        turns.note(offset(3), 30, &[2, 3]);
        turns.note(offset(3), 20, &[2]);
        turns.note(offset(4), 5, &[1]);
        check(&turns, 0, 9, Some(&[(1, 10), (2, 30), (3, 30)]));
        check(&turns, 1, 3, Some(&[(2, 30), (3, 30)]));
        check(&turns, 3, 4, Some(&[(1, 5)]));
        check(&turns, 4, 9, Some(&[]));
    }

    #[test]
    fn of_offsets_that_named_too_many_assets_nothing_is_told() {
        let turns = RecentTurns::default();
        turns.note(offset(1), 10, &[1]);
        turns.note(offset(2), 20, &vec![7; COST_MAX]);
        check(&turns, 0, 2, None);
        check(&turns, 1, 2, None);
        turns.note(offset(3), 30, &[3]);
        check(&turns, 1, 3, None);
        check(&turns, 2, 3, Some(&[(3, 30)]));
    }
}
