//! Questions about fields.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use serde::Deserialize;
use serde_json::json;

use super::{Named, Nodes, query, reference};
use crate::demo::answers::{
    Answers, FieldEdge, FieldEdges, FieldImpact, FieldPath, FieldsImpacted, Place,
};

const EDGES: &str = "query FieldEdges($of: [Reference!]!) {
  lineage(of: $of, direction: UPSTREAM, granularity: FIELD) {
    nodes { entity { __typename ... on Dataset { id name } ... on Field { id name dataset { name } } } }
    edges { from to transformations { type subtype masking } }
    completeness { walkComplete }
  }
}";

const IMPACT: &str =
    "query FieldImpact($of: [Reference!]!, $domain: String!, $stopAt: [String!]!) {
  impact(of: $of, granularity: FIELD, stopAt: { domains: $stopAt }, filter: { domains: [$domain] }) {
    assets(first: 100) {
      nodes { asset { __typename name label } fields { name } effects { type subtype masking } hops }
    }
    completeness { withoutFieldsCount exhaustive }
  }
}";

const PATH: &str = "query FieldPath($from: Reference!, $to: Reference!) {
  paths(from: $from, to: $to, granularity: FIELD, first: 1) {
    paths { assets { name label domain { name } } }
  }
}";

#[derive(Deserialize)]
struct EdgesAnswer {
    lineage: Lineage,
}

#[derive(Deserialize)]
struct Lineage {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    completeness: Walk,
}

#[derive(Deserialize)]
struct Node {
    entity: Entity,
}

#[derive(Deserialize)]
#[serde(tag = "__typename")]
enum Entity {
    Dataset {
        id: String,
        name: String,
    },
    Field {
        id: String,
        name: String,
        dataset: Named,
    },
    Job {},
}

#[derive(Deserialize)]
struct Edge {
    from: String,
    to: String,
    transformations: Vec<Transformation>,
}

#[derive(Deserialize)]
struct Transformation {
    r#type: String,
    subtype: Option<String>,
    masking: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Walk {
    walk_complete: bool,
}

#[derive(Deserialize)]
struct ImpactAnswer {
    impact: Impact,
}

#[derive(Deserialize)]
struct Impact {
    assets: Nodes<Impacted>,
    completeness: Completeness,
}

#[derive(Deserialize)]
struct Impacted {
    asset: Reached,
    fields: Vec<Named>,
    effects: Vec<Transformation>,
    hops: u64,
}

#[derive(Deserialize)]
struct Reached {
    #[serde(rename = "__typename")]
    kind: String,
    name: String,
    label: Option<String>,
}

#[derive(Deserialize)]
struct PathAnswer {
    paths: Paths,
}

#[derive(Deserialize)]
struct Paths {
    paths: Vec<Way>,
}

#[derive(Deserialize)]
struct Way {
    assets: Vec<Passed>,
}

#[derive(Deserialize)]
struct Passed {
    name: String,
    label: Option<String>,
    domain: Option<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Completeness {
    without_fields_count: u64,
    exhaustive: bool,
}

/// All edges from or to a field, upstream of `datasets`.
pub(super) fn edges<'a>(
    url: &str,
    expected: &Answers,
    datasets: impl Iterator<Item = &'a String>,
) -> Result<FieldEdges> {
    let of: Vec<&String> = datasets.collect();
    if of.is_empty() {
        return Ok(FieldEdges::default());
    }
    let answer: EdgesAnswer = query(url, EDGES, &json!({ "of": of }))?;
    ensure!(
        answer.lineage.completeness.walk_complete,
        "the edges between fields are cut: is {} of another mesh?",
        expected.namespace
    );
    Ok(edges_of(answer.lineage))
}

fn edges_of(lineage: Lineage) -> FieldEdges {
    let mut names = BTreeMap::new();
    for node in lineage.nodes {
        match node.entity {
            Entity::Dataset { id, name } => names.insert(id, (name, false)),
            Entity::Field { id, name, dataset } => {
                names.insert(id, (format!("{}#{name}", dataset.name), true))
            }
            Entity::Job {} => None,
        };
    }
    let mut edges = BTreeSet::new();
    for edge in lineage.edges {
        // Whatever has no name is a job.
        let (Some((from, is_of_field)), Some((to, is_to_field))) =
            (names.get(&edge.from), names.get(&edge.to))
        else {
            continue;
        };
        if *is_of_field || *is_to_field {
            edges.insert(FieldEdge {
                from: from.clone(),
                to: to.clone(),
                transformations: transformations(edge.transformations),
            });
        }
    }
    FieldEdges { edges }
}

/// A shortest way between the two ends that are expected to have one.
pub(super) fn path(url: &str, expected: &Answers) -> Result<FieldPath> {
    let asked = &expected.path;
    let variables = json!({
        "from": reference(expected, &asked.from),
        "to": reference(expected, &asked.to),
    });
    let answer: PathAnswer = query(url, PATH, &variables)?;
    let ways = answer.paths.paths.into_iter();
    let passed = ways.take(1).flat_map(|way| way.assets);
    Ok(FieldPath {
        assets: passed
            .map(|passed| Place {
                name: passed.name,
                label: passed.label,
                domain: passed.domain.map(|domain| domain.name),
            })
            .collect(),
        ..asked.clone()
    })
}

/// The impact of a field that is expected to have one.
pub(super) fn impact(url: &str, expected: &Answers, asked: &FieldImpact) -> Result<FieldImpact> {
    let variables = json!({
        "of": [reference(expected, &asked.of)],
        "domain": asked.domain,
        "stopAt": asked.stop_at,
    });
    let answer: ImpactAnswer = query(url, IMPACT, &variables)?;
    let reached = answer.impact.assets.nodes.into_iter();
    let datasets = reached.filter(|found| found.asset.kind == "Dataset");
    Ok(FieldImpact {
        datasets: datasets
            .map(|found| FieldsImpacted {
                name: found.asset.name,
                label: found.asset.label,
                fields: found.fields.into_iter().map(|field| field.name).collect(),
                hops: found.hops,
                effects: transformations(found.effects),
            })
            .collect(),
        without_fields_count: answer.impact.completeness.without_fields_count,
        exhaustive: answer.impact.completeness.exhaustive,
        ..asked.clone()
    })
}

fn transformations(found: Vec<Transformation>) -> BTreeSet<String> {
    let words = found.into_iter().map(|one| {
        let masking = one.masking.then(|| "masking".to_owned());
        let words: Vec<String> = [Some(one.r#type), one.subtype, masking]
            .into_iter()
            .flatten()
            .collect();
        words.join(" ")
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_named_and_those_between_assets_left_out() {
        let lineage: Lineage = serde_json::from_value(json!({
            "nodes": [
                {"entity": {"__typename": "Dataset", "id": "1", "name": "x"}},
                {"entity": {"__typename": "Field", "id": "2", "name": "a", "dataset": {"name": "x"}}},
                {"entity": {"__typename": "Dataset", "id": "3", "name": "z"}},
                {"entity": {"__typename": "Job"}},
            ],
            "edges": [
                {"from": "1", "to": "3", "transformations": []},
                {"from": "1", "to": "4", "transformations": []},
                {"from": "2", "to": "3", "transformations": [
                    {"type": "INDIRECT", "subtype": "FILTER", "masking": false},
                    {"type": "DIRECT", "subtype": null, "masking": true},
                ]},
            ],
            "completeness": {"walkComplete": true},
        }))
        .unwrap();
        let edges = edges_of(lineage).edges;
        let shown: Vec<_> = edges
            .iter()
            .map(|edge| format!("{} -> {}: {:?}", edge.from, edge.to, edge.transformations))
            .collect();
        assert_eq!(
            shown,
            [r#"x#a -> z: {"DIRECT masking", "INDIRECT FILTER"}"#]
        );
    }
}
