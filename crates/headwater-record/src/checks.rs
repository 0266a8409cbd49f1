//! Checks of data: the `dataQualityAssertions` facet, whose statements come piece by piece.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;

/// The facet that holds the outcomes of checks (OpenLineage, data quality assertions).
pub const CHECKS_FACET: &str = "dataQualityAssertions";

/// Checks of one dataset that are kept; of more, those that were stated last.
const CHECKS_MAX: usize = 10_000;

/// What tells a check from others: its name, else what it asserts of which column.
#[derive(PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct CheckKey {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    assertion: Option<String>,
    #[serde(default)]
    column: Option<String>,
}

impl CheckKey {
    fn of(check: &RawValue) -> Option<Self> {
        let key: Self = serde_json::from_str(check.get()).ok()?;
        Some(match key.name {
            Some(name) => Self {
                name: Some(name),
                assertion: None,
                column: None,
            },
            None => key,
        })
    }
}

/// The checks of both facets; of the same check, the newer outcome. None if one of them is no such facet.
pub fn merge_checks(older: &str, newer: &str) -> Option<String> {
    let read = |json| {
        let facet: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json).ok()?;
        let checks: Vec<Box<RawValue>> =
            serde_json::from_str(facet.get("assertions")?.get()).ok()?;
        Some((facet, checks))
    };
    let (_, mut checks) = read(older)?;
    let (mut facet, stated) = read(newer)?;
    let mut places: BTreeMap<CheckKey, usize> = BTreeMap::new();
    for (at, check) in checks.iter().enumerate() {
        places.insert(CheckKey::of(check)?, at);
    }
    for check in stated {
        let key = CheckKey::of(&check)?;
        if let Some(at) = places.get(&key) {
            checks[*at] = check;
        } else {
            places.insert(key, checks.len());
            checks.push(check);
        }
    }
    let beyond = checks.len().saturating_sub(CHECKS_MAX);
    let checks = serde_json::value::to_raw_value(&checks[beyond..]).ok()?;
    facet.insert("assertions".to_owned(), checks);
    serde_json::to_string(&facet).ok()
}

/// The checks of a facet that failed: their names, else what they assert, as `not_null(id)`. Empty if it is no such facet.
pub fn failed_checks(facet: &str) -> BTreeSet<String> {
    #[derive(Deserialize)]
    struct Facet {
        assertions: Vec<Check>,
    }
    #[derive(Deserialize)]
    struct Check {
        success: bool,
        #[serde(flatten)]
        key: CheckKey,
    }
    let facet: Option<Facet> = serde_json::from_str(facet).ok();
    let checks = facet.into_iter().flat_map(|facet| facet.assertions);
    let failed = checks.filter(|check| !check.success);
    failed
        .map(
            |Check { key, .. }| match (key.name, key.assertion, key.column) {
                (Some(name), _, _) => name,
                (None, Some(assertion), Some(column)) => format!("{assertion}({column})"),
                (None, assertion, _) => assertion.unwrap_or_default(),
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_outcome_of_a_check_counts_and_other_checks_stay() {
        let older = r#"{"assertions":[{"assertion":"not_null","column":"id","success":true},{"name":"n","assertion":"x","success":true,"rows":1.50}],"_producer":"a"}"#;
        let newer = r#"{"_producer":"b","assertions":[{"name":"n","assertion":"y","success":false},{"assertion":"not_null","success":true}]}"#;
        assert_eq!(
            merge_checks(older, newer).as_deref(),
            Some(
                r#"{"_producer":"b","assertions":[{"assertion":"not_null","column":"id","success":true},{"name":"n","assertion":"y","success":false},{"assertion":"not_null","success":true}]}"#
            )
        );
    }

    #[test]
    fn what_is_no_such_facet_is_not_merged() {
        let checks = r#"{"assertions":[{"assertion":"a"}]}"#;
        for other in ["3", "{}", r#"{"assertions":3}"#, r#"{"assertions":[3]}"#] {
            assert_eq!(merge_checks(checks, other), None, "{other}");
            assert_eq!(merge_checks(other, checks), None, "{other}");
        }
    }

    #[test]
    fn failed_checks_have_the_names_that_people_know() {
        let facet = r#"{"_producer":"a","assertions":[{"assertion":"not_null","column":"id","success":false},
            {"name":"n","assertion":"x","success":false},{"assertion":"unique","success":true},{"assertion":"fresh","success":false}]}"#;
        let failed: Vec<String> = failed_checks(facet).into_iter().collect();
        assert_eq!(failed, ["fresh", "n", "not_null(id)"]);
        assert!(failed_checks("{}").is_empty());
    }
}
