//! What the mesh must answer, in the words of `examples/mesh/expected.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Answers about the whole mesh. Datasets that are asked about are named in `namespace`, or with their own; those that
/// answers name are named without.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answers {
    pub(crate) namespace: String,
    pub(crate) domains: BTreeMap<String, Domain>,
    pub(crate) unresolved: BTreeSet<String>,
    /// Names that no dataset may end with.
    pub(crate) not_datasets: BTreeSet<String>,
    pub(crate) domain_graph: BTreeSet<Link>,
    pub(crate) impact: Impact,
    pub(crate) field_edges: FieldEdges,
    pub(crate) field_impacts: Vec<FieldImpact>,
    pub(crate) path: FieldPath,
}

/// What one domain has.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Domain {
    pub(crate) datasets: BTreeSet<String>,
    pub(crate) output_ports: BTreeSet<String>,
    /// How many jobs of each type.
    pub(crate) jobs: BTreeMap<String, u64>,
}

/// How data flows from one domain to another.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Link {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) dataset_edge_count: u64,
    pub(crate) through_ports_count: u64,
    pub(crate) around_ports_count: u64,
    pub(crate) crossings: BTreeSet<Crossing>,
}

/// One edge between domains.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Crossing {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) via: Option<String>,
    pub(crate) through_port: bool,
}

/// Everything downstream of one dataset.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Impact {
    pub(crate) of: String,
    pub(crate) total_count: u64,
    pub(crate) datasets: BTreeSet<Impacted>,
    pub(crate) jobs_by_domain: BTreeMap<String, u64>,
    pub(crate) assets_by_domain: BTreeMap<String, u64>,
    pub(crate) unresolved_count: u64,
}

/// One dataset downstream.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Impacted {
    pub(crate) name: String,
    pub(crate) domain: Option<String>,
    pub(crate) hops: u64,
    pub(crate) crosses_domain: bool,
}

/// The edges from or to a field.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct FieldEdges {
    pub(crate) edges: BTreeSet<FieldEdge>,
}

/// One edge from or to a field; a name without a field is the whole dataset.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct FieldEdge {
    pub(crate) from: String,
    pub(crate) to: String,
    /// `DIRECT IDENTITY`, `DIRECT TRANSFORMATION masking`, …
    pub(crate) transformations: BTreeSet<String>,
}

/// One shortest way from a field to what depends on it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct FieldPath {
    pub(crate) from: String,
    pub(crate) to: String,
    /// Datasets and jobs, in the direction of the data.
    pub(crate) assets: Vec<Place>,
}

/// One asset on a way.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) domain: Option<String>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
}

/// What of one domain depends on one field, without the ways through the domains in `stop_at`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FieldImpact {
    pub(crate) of: String,
    pub(crate) domain: String,
    pub(crate) stop_at: BTreeSet<String>,
    pub(crate) datasets: BTreeSet<FieldsImpacted>,
    pub(crate) without_fields_count: u64,
    pub(crate) exhaustive: bool,
}

/// Fields of one dataset that depend on it; none if the dataset does as a whole.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct FieldsImpacted {
    pub(crate) name: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    pub(crate) fields: BTreeSet<String>,
    pub(crate) hops: u64,
    /// `INDIRECT CONDITIONAL`, …
    pub(crate) effects: BTreeSet<String>,
}

impl Answers {
    /// Reads the answers that were worked out by hand.
    pub(crate) fn of_file(path: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("cannot parse {}", path.display()))
    }

    /// Says where `found` is not what this expects, one line each; empty if it holds.
    pub(crate) fn differences(&self, found: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        compare(
            "",
            &self.comparable(),
            &found.comparable(),
            &mut differences,
        );
        for dataset in found.domains.values().flat_map(|domain| &domain.datasets) {
            for name in &self.not_datasets {
                if dataset == name || dataset.ends_with(&format!(".{name}")) {
                    differences.push(format!("notDatasets: {dataset} is a dataset"));
                }
            }
        }
        differences
    }

    /// What is compared as a whole; the rest has rules of its own.
    fn comparable(&self) -> Value {
        let mut value = serde_json::to_value(self).expect("answers have string keys only");
        if let Value::Object(map) = &mut value {
            map.remove("notDatasets");
        }
        value
    }
}

/// Lists whose order says something.
const IN_ORDER: [&str; 2] = ["/fieldImpacts", "/path/assets"];

/// Adds a line for each place where `found` is not `expected`; `at` is a JSON pointer.
fn compare(at: &str, expected: &Value, found: &Value, differences: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(left), Value::Object(right)) => {
            let names: BTreeSet<_> = left.keys().chain(right.keys()).collect();
            for name in names {
                let at = format!("{at}/{name}");
                match (left.get(name), right.get(name)) {
                    (Some(left), Some(right)) => compare(&at, left, right, differences),
                    (Some(left), None) => differences.push(format!("{at}: {left} is missing")),
                    (None, Some(right)) => differences.push(format!("{at}: {right} is too much")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if IN_ORDER.contains(&at) => {
            if left.len() != right.len() {
                let (left, right) = (left.len(), right.len());
                differences.push(format!("{at}: has {right} items, must have {left}"));
                return;
            }
            for (place, (left, right)) in left.iter().zip(right).enumerate() {
                compare(&format!("{at}/{place}"), left, right, differences);
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for missing in left.iter().filter(|item| !right.contains(item)) {
                differences.push(format!("{at}: {missing} is missing"));
            }
            for extra in right.iter().filter(|item| !left.contains(item)) {
                differences.push(format!("{at}: {extra} is too much"));
            }
        }
        _ if expected == found => {}
        _ => differences.push(format!("{at}: is {found}, must be {expected}")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A mesh of two domains with one edge round a port.
    pub(crate) fn small() -> Answers {
        serde_json::from_str(
            r#"{
              "namespace": "n",
              "domains": {
                "a": {"datasets": ["x", "y"], "outputPorts": ["x"], "jobs": {"MODEL": 1, "SEED": 1}},
                "b": {"datasets": ["z"], "outputPorts": [], "jobs": {"MODEL": 1}}
              },
              "unresolved": ["raw"],
              "notDatasets": ["latest"],
              "domainGraph": [{"from": "a", "to": "b", "datasetEdgeCount": 2, "throughPortsCount": 1, "aroundPortsCount": 1,
                "crossings": [{"from": "x", "to": "z", "via": "j", "throughPort": true},
                              {"from": "y", "to": "z", "via": null, "throughPort": false}]}],
              "impact": {"of": "x", "totalCount": 2,
                "datasets": [{"name": "z", "domain": "b", "hops": 1, "crossesDomain": true}],
                "jobsByDomain": {"b": 1}, "assetsByDomain": {"b": 2}, "unresolvedCount": 0},
              "fieldEdges": {"edges": [{"from": "x#a", "to": "z#b", "transformations": ["DIRECT IDENTITY"]}]},
              "fieldImpacts": [{"of": "x#a", "domain": "b", "stopAt": ["a"],
                "datasets": [{"name": "z", "fields": ["b", "c"], "hops": 1, "effects": ["DIRECT IDENTITY"]},
                             {"name": "zz", "label": "Sleeps", "fields": [], "hops": 2, "effects": []}],
                "withoutFieldsCount": 1, "exhaustive": false}],
              "path": {"from": "x#a", "to": "zz", "assets": [{"name": "x", "domain": "a"}, {"name": "j", "domain": "b"},
                {"name": "zz", "domain": "b", "label": "Sleeps"}]}
            }"#,
        )
        .unwrap()
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Answers), expected: &[&str]) {
        let mut found = small();
        change(&mut found);
        assert_eq!(small().differences(&found), expected);
    }

    #[test]
    fn the_same_answers_do_not_differ() {
        check(|_| {}, &[]);
    }

    #[test]
    fn a_wrong_count_is_found() {
        check(
            |found| found.impact.total_count = 3,
            &["/impact/totalCount: is 3, must be 2"],
        );
    }

    #[test]
    fn what_is_missing_or_too_much_is_found() {
        check(
            |found| {
                found.unresolved.clear();
            },
            &["/unresolved: \"raw\" is missing"],
        );
        check(
            |found| {
                found.unresolved.insert("w".to_owned());
            },
            &["/unresolved: \"w\" is too much"],
        );
        check(
            |found| {
                found.impact.jobs_by_domain.clear();
            },
            &["/impact/jobsByDomain/b: 1 is missing"],
        );
    }

    #[test]
    fn a_wrong_edge_between_fields_is_found() {
        check(
            |found| found.field_edges.edges.clear(),
            &[
                r#"/fieldEdges/edges: {"from":"x#a","to":"z#b","transformations":["DIRECT IDENTITY"]} is missing"#,
            ],
        );
        check(
            |found| found.field_impacts[0].exhaustive = true,
            &["/fieldImpacts/0/exhaustive: is true, must be false"],
        );
    }

    #[test]
    fn a_way_that_goes_another_way_is_found() {
        check(
            |found| found.path.assets.swap(0, 1),
            &[
                r#"/path/assets/0/domain: is "b", must be "a""#,
                r#"/path/assets/0/name: is "j", must be "x""#,
                r#"/path/assets/1/domain: is "a", must be "b""#,
                r#"/path/assets/1/name: is "x", must be "j""#,
            ],
        );
        check(
            |found| found.path.assets.truncate(2),
            &["/path/assets: has 2 items, must have 3"],
        );
    }

    #[test]
    fn a_missing_output_port_is_found() {
        check(
            |found| found.domains.get_mut("a").unwrap().output_ports.clear(),
            &["/domains/a/outputPorts: \"x\" is missing"],
        );
    }

    #[test]
    fn what_is_no_dataset_is_found_as_one() {
        check(
            |found| {
                let name = "w.a.latest".to_owned();
                found.domains.get_mut("a").unwrap().datasets.insert(name);
            },
            &[
                "/domains/a/datasets: \"w.a.latest\" is too much",
                "notDatasets: w.a.latest is a dataset",
            ],
        );
    }
}
