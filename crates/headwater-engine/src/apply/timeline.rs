//! What a slot says of an asset over valid time, and how a statement about the past changes that.
//!
//! Each version of a slot's claims tells all there is from its `since` on; what was so before stands in older ones.
//! So what is believed to have held at a time stands in the newest version that reaches back to it.

use std::collections::BTreeMap;

use headwater_record::{Claim, ClaimBody, ClaimKey, ClaimsRecord};

/// What is said from one time on: what about the asset, and what it is.
pub(crate) type Stage = BTreeMap<ClaimKey, ClaimBody>;

/// What holds at `time`; `versions` stand newest first.
pub(crate) fn holding(versions: &[ClaimsRecord], time: i64) -> Vec<Claim> {
    let version = versions.iter().find(|version| version.since <= time);
    let mut found: Vec<Claim> = version
        .into_iter()
        .flat_map(|version| version.open.iter().chain(&version.closed))
        .filter(|claim| claim.holds_at(time))
        .cloned()
        .collect();
    found.sort_by(|a, b| a.key.cmp(&b.key));
    found
}

/// What holds at `from` or later, for as long as it does; `versions` stand newest first and reach back to `from`.
pub(crate) fn onwards(versions: &[ClaimsRecord], from: i64) -> Vec<Claim> {
    let mut found: BTreeMap<&ClaimKey, Vec<Claim>> = BTreeMap::new();
    let mut until = i64::MAX;
    for version in versions {
        for claim in version.open.iter().chain(&version.closed) {
            let end = claim.valid_to.unwrap_or(i64::MAX).min(until);
            if end <= from || claim.valid_from >= end {
                continue;
            }
            let of_key = found.entry(&claim.key).or_default();
            let is_known = of_key.iter().any(|newer| {
                newer.valid_from <= claim.valid_from
                    && newer.valid_to.is_none_or(|newer| end <= newer)
                    && says_same(&newer.body, &claim.body)
            });
            if !is_known {
                let valid_to = (end < i64::MAX).then_some(end);
                of_key.push(Claim {
                    valid_to,
                    ..claim.clone()
                });
            }
        }
        if version.since <= from {
            break;
        }
        until = until.min(version.since);
    }
    let mut claims: Vec<Claim> = found.into_values().flatten().collect();
    claims.sort_by(|a, b| (&a.key, a.valid_from).cmp(&(&b.key, b.valid_from)));
    claims
}

/// True if both say the same; who only uses a name in other facts says the same whatever these facts are.
pub(crate) fn says_same(one: &ClaimBody, other: &ClaimBody) -> bool {
    match (one, other) {
        (ClaimBody::Entity(one), ClaimBody::Entity(other))
            if one.is_implied() && other.is_implied() =>
        {
            one.description == other.description && one.parent == other.parent
        }
        _ => one == other,
    }
}

/// The version that says `stages` from the first one's time on, each until the next one's; `before` holds just before,
/// `known` is what was believed of that time. Stages stand in the order of their times.
pub(crate) fn weave(
    before: Vec<Claim>,
    known: &[Claim],
    stages: Vec<(i64, Stage)>,
    offset: u64,
) -> ClaimsRecord {
    let mut record = ClaimsRecord {
        since: stages.first().map_or(0, |(time, _)| *time),
        ..ClaimsRecord::default()
    };
    let mut running: BTreeMap<ClaimKey, Claim> = before
        .into_iter()
        .map(|claim| {
            let claim = Claim {
                valid_to: None,
                ..claim
            };
            (claim.key.clone(), claim)
        })
        .collect();
    for (time, stage) in stages {
        let ended: Vec<ClaimKey> = running
            .iter()
            .filter(|(key, claim)| {
                stage
                    .get(key)
                    .is_none_or(|body| !says_same(body, &claim.body))
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in ended {
            if let Some(mut claim) = running.remove(&key) {
                claim.valid_to = Some(time.max(claim.valid_from));
                record.closed.push(claim);
            }
        }
        for (key, body) in stage {
            if let Some(claim) = running.get_mut(&key) {
                claim.body = body;
                continue;
            }
            let claim = Claim {
                key: key.clone(),
                body,
                valid_from: time,
                valid_to: None,
                asserted_at: offset,
            };
            running.insert(key, claim);
        }
    }
    record.open = running.into_values().collect();
    // What was believed before is no news.
    for claim in record.open.iter_mut().chain(&mut record.closed) {
        let first = known.partition_point(|other| other.key < claim.key);
        let same = known[first..]
            .iter()
            .take_while(|other| other.key == claim.key)
            .find(|other| {
                other.valid_from == claim.valid_from && says_same(&other.body, &claim.body)
            });
        if let Some(known) = same {
            claim.asserted_at = known.asserted_at;
        }
    }
    record
}

/// The latest time at which anything begins or ends in a version.
pub(crate) fn last_turn(record: &ClaimsRecord) -> i64 {
    let begins = record.open.iter().map(|claim| claim.valid_from);
    let ends = record.closed.iter().filter_map(|claim| claim.valid_to);
    begins.chain(ends).fold(record.since, i64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(keys: &[u32]) -> Stage {
        keys.iter()
            .map(|key| (ClaimKey::Reads(*key), ClaimBody::Edge { evidence: None }))
            .collect()
    }

    fn shown(claims: &[Claim]) -> String {
        let mut texts: Vec<String> = claims
            .iter()
            .map(|claim| {
                let ClaimKey::Reads(key) = claim.key else {
                    return "?".to_owned();
                };
                let end = claim.valid_to.map_or(String::new(), |end| end.to_string());
                format!("{key}:{}-{end}@{}", claim.valid_from, claim.asserted_at)
            })
            .collect();
        texts.sort();
        texts.join(" ")
    }

    /// Applies statements one after the other, newest version first.
    fn told(statements: &[&[(i64, &[u32])]]) -> Vec<ClaimsRecord> {
        let mut versions: Vec<ClaimsRecord> = Vec::new();
        for (at, statement) in statements.iter().enumerate() {
            let since = statement[0].0;
            let before = holding(&versions, since - 1);
            let known = onwards(&versions, since);
            let stages = statement
                .iter()
                .map(|(time, keys)| (*time, stage(keys)))
                .collect();
            versions.insert(0, weave(before, &known, stages, at as u64 + 1));
        }
        versions
    }

    #[test]
    fn what_goes_on_keeps_its_beginning_and_who_said_it_first() {
        let versions = told(&[&[(10, &[1, 2])], &[(20, &[2, 3])]]);
        assert_eq!(shown(&versions[0].open), "2:10-@1 3:20-@2");
        assert_eq!(shown(&versions[0].closed), "1:10-20@1");
        assert_eq!(shown(&holding(&versions, 15)), "1:10-@1 2:10-@1");
        assert_eq!(shown(&onwards(&versions, 15)), "1:10-20@1 2:10-@1 3:20-@2");
        assert_eq!(shown(&holding(&versions, 5)), "");
    }

    #[test]
    fn a_late_statement_changes_the_past_only() {
        let late: &[(i64, &[u32])] = &[(15, &[7]), (20, &[2, 3])];
        let versions = told(&[&[(10, &[1, 2])], &[(20, &[2, 3])], late]);
        assert_eq!(shown(&holding(&versions, 12)), "1:10-@1 2:10-@1");
        assert_eq!(shown(&holding(&versions, 17)), "7:15-20@3");
        assert_eq!(shown(&holding(&versions, 25)), "2:20-@3 3:20-@2");
        assert_eq!(
            shown(&onwards(&versions, 11)),
            "1:10-15@1 2:10-15@1 2:20-@3 3:20-@2 7:15-20@3"
        );
    }
}
