//! Stating what connectors move.

use std::collections::{BTreeMap, BTreeSet};

use headwater_extractor::{
    Alias, Dataset, DatasetNode, EmitError, Emitter, ExtractError, FieldEdge, FieldEnd, Job,
    JobNode, Selector, Side, Transformation,
};
use serde_json::json;

use crate::connector::Connector;
use crate::fields::Fields;
use crate::flow::{End, Flow, Move, Reading};
use crate::record::Record;

/// What is known of a dataset before it is stated.
#[derive(Clone, Copy, Debug)]
struct Told<'r> {
    kind: &'static str,
    is_declared: bool,
    connector: &'r Connector,
    key: &'static str,
}

type Datasets = BTreeMap<(String, String), DatasetNode>;

/// States all connectors: datasets first, by their names.
pub(crate) fn state(
    readings: &[Reading],
    known: &Fields,
    job_namespace: &str,
    out: &mut Emitter,
) -> Result<(), ExtractError> {
    let datasets = datasets(readings, out)?;
    for reading in readings {
        let job = job(reading, job_namespace, out)?;
        flows(reading, job, known, &datasets, out)?;
        for found in &reading.found {
            out.diagnose(found.clone())?;
        }
    }
    Ok(())
}

fn datasets(readings: &[Reading], out: &mut Emitter) -> Result<Datasets, ExtractError> {
    let mut all: BTreeMap<(String, String), Told> = BTreeMap::new();
    for reading in readings {
        for flow in &reading.flows {
            for (end, is_written) in [(&flow.from, false), (&flow.to, true)] {
                let Some(end) = end else { continue };
                let Some(name) = end.name.literal() else {
                    continue;
                };
                let told = Told {
                    kind: end.kind,
                    is_declared: is_written && flow.is_made,
                    connector: reading.connector,
                    key: flow.key,
                };
                let known = all.entry((end.namespace.clone(), name)).or_insert(told);
                if told.is_declared && !known.is_declared {
                    *known = told;
                }
            }
        }
    }
    let mut nodes = Datasets::new();
    for ((namespace, name), told) in all {
        if name.is_empty() || namespace.is_empty() {
            continue;
        }
        let at = told.connector.at(told.key);
        let node = out.dataset(&Dataset {
            declared: told.is_declared,
            evidence: Some(&at),
            ..Dataset::named(&namespace, &name, told.kind)
        })?;
        nodes.insert((namespace, name), node);
    }
    Ok(nodes)
}

fn job(reading: &Reading, namespace: &str, out: &mut Emitter) -> Result<JobNode, ExtractError> {
    let connector = reading.connector;
    let at = connector.at("connector.class");
    let node = out.job(&Job {
        namespace,
        name: &connector.name,
        kind: "CONNECTOR",
        description: connector.get("description"),
        sql: connector.get("query"),
        evidence: Some(&at),
        ..Job::default()
    })?;
    let transforms: Vec<_> = reading
        .chain
        .shown
        .iter()
        .map(|(name, class)| json!({"name": name, "type": class}))
        .collect();
    let mut facet = json!({"connectorClass": connector.class(), "transforms": transforms});
    for (key, value) in [
        ("tasksMax", connector.get("tasks.max")),
        ("state", connector.state.as_deref()),
        ("topics", connector.get("topics")),
        ("topicsRegex", connector.get("topics.regex")),
        (
            "topicPrefix",
            connector.any(&["topic.prefix", "database.server.name"]),
        ),
        (
            "tableIncludeList",
            connector.any(&[
                "table.include.list",
                "collection.include.list",
                "table.whitelist",
            ]),
        ),
        (
            "tableExcludeList",
            connector.any(&[
                "table.exclude.list",
                "collection.exclude.list",
                "table.blacklist",
            ]),
        ),
        (
            "schemaIncludeList",
            connector.any(&[
                "schema.include.list",
                "database.include.list",
                "schema.whitelist",
                "database.whitelist",
            ]),
        ),
        (
            "schemaExcludeList",
            connector.any(&[
                "schema.exclude.list",
                "database.exclude.list",
                "schema.blacklist",
                "database.blacklist",
            ]),
        ),
    ] {
        if let Some(value) = value {
            facet[key] = value.into();
        }
    }
    out.facet(node, "kafkaConnect", &facet.to_string())?;
    if connector.is_true("openlineage.integration.enabled")
        && let Some(prefix) = connector.get("topic.prefix")
    {
        let at = connector.at("openlineage.integration.enabled");
        out.alias(
            node,
            &Alias {
                namespace: connector
                    .get("openlineage.integration.job.namespace")
                    .unwrap_or(prefix),
                name: &format!("{prefix}.0"),
                reason: "Debezium reports its runs by this name",
                evidence: Some(&at),
            },
        )?;
    }
    Ok(node)
}

fn flows(
    reading: &Reading,
    job: JobNode,
    known: &Fields,
    datasets: &Datasets,
    out: &mut Emitter,
) -> Result<(), ExtractError> {
    let mut stated = BTreeSet::new();
    let mut pairs = BTreeSet::new();
    let open = open_targets(reading);
    for flow in &reading.flows {
        let at = reading.connector.at(flow.key);
        let mut nodes = [None, None];
        for (slot, (end, side)) in [(&flow.from, Side::Reads), (&flow.to, Side::Writes)]
            .into_iter()
            .enumerate()
        {
            let Some(end) = end else { continue };
            let literal = end.name.literal();
            let pattern = literal.clone().unwrap_or_else(|| end.name.glob());
            let key = (
                slot,
                end.namespace.clone(),
                pattern.clone(),
                literal.is_none(),
            );
            let is_new = stated.insert(key);
            if literal.is_none() {
                if is_new {
                    out.selector(&Selector {
                        job,
                        side,
                        namespace: &end.namespace,
                        pattern: &pattern,
                        evidence: Some(&at),
                    })?;
                }
                continue;
            }
            let Some(&node) = datasets.get(&(end.namespace.clone(), pattern)) else {
                continue;
            };
            nodes[slot] = Some(node);
            if is_new {
                match side {
                    Side::Reads => out.reads(job, node, Some(&at))?,
                    Side::Writes => out.writes(job, node, Some(&at))?,
                }
            }
        }
        if let [Some(from), Some(to)] = nodes
            && pairs.insert((from, to))
        {
            let at = reading.connector.at(flow.key);
            let mut link =
                |from_field: Option<&str>, to_field: Option<&str>, how: &[Transformation]| {
                    out.field_edge(&FieldEdge {
                        from: FieldEnd {
                            dataset: from,
                            field: from_field,
                        },
                        to: FieldEnd {
                            dataset: to,
                            field: to_field,
                        },
                        via: Some(job),
                        transformations: how,
                        evidence: Some(&at),
                    })
                };
            fields(flow, known, &mut link)?;
            if !literal(flow.to.as_ref()).is_some_and(|to| open.contains(&to)) {
                out.derives_by(job, to, from, Some(&at))?;
            }
        }
    }
    Ok(())
}

/// What a connector writes from more than the flows tell that have a name on both sides.
fn open_targets(reading: &Reading) -> BTreeSet<(String, String)> {
    let flows = reading.flows.iter();
    flows
        .filter(|flow| literal(flow.from.as_ref()).is_none())
        .filter_map(|flow| literal(flow.to.as_ref()))
        .collect()
}

/// Which field comes from which; where the fields are not known, that the dataset comes from the other as a whole.
fn fields(flow: &Flow, known: &Fields, link: &mut Link<'_>) -> Result<(), ExtractError> {
    if let Some(moves) = known.moves(flow) {
        for step in &moves {
            link(
                step.from.as_deref(),
                step.to.as_deref(),
                &transformations(step),
            )?;
        }
        return Ok(());
    }
    let is_identity = flow.moves.is_empty() && flow.record.is_identity();
    let whole = Transformation {
        is_direct: true,
        subtype: is_identity.then_some("IDENTITY"),
        ..Transformation::default()
    };
    link(None, None, &[whole])?;
    if flow.moves.is_empty() {
        named_fields(&flow.record, link)
    } else {
        moved_fields(flow, link)
    }
}

fn transformations(step: &Move) -> Vec<Transformation<'_>> {
    let how = step.how.iter().map(|(is_direct, subtype)| Transformation {
        is_direct: *is_direct,
        subtype: Some(subtype),
        description: None,
        is_masking: step.is_masking,
    });
    how.collect()
}

/// Takes an edge between fields: from which, to which, how; none stands for the whole dataset.
type Link<'a> =
    dyn FnMut(Option<&str>, Option<&str>, &[Transformation]) -> Result<(), EmitError> + 'a;

/// What a query moves, under the names that its record has in the end.
fn moved_fields(flow: &Flow, link: &mut Link<'_>) -> Result<(), ExtractError> {
    let mut seen = BTreeSet::new();
    for step in &flow.moves {
        let field = match &step.to {
            Some(field) => match flow.record.now(field) {
                Some(now) => Some(now),
                None => continue,
            },
            None => None,
        };
        if (step.from.is_none() && field.is_none())
            || !seen.insert((step.from.clone(), field.clone()))
        {
            continue;
        }
        link(
            step.from.as_deref(),
            field.as_deref(),
            &transformations(step),
        )?;
    }
    Ok(())
}

/// The fields that a record names, and what became of them.
fn named_fields(record: &Record, link: &mut Link<'_>) -> Result<(), ExtractError> {
    for (now, origin) in &record.named {
        let is_same = !origin.is_changed && !origin.is_masked;
        let how = [Transformation {
            is_direct: true,
            subtype: Some(if is_same {
                "IDENTITY"
            } else {
                "TRANSFORMATION"
            }),
            description: None,
            is_masking: origin.is_masked,
        }];
        let field = format!("{}{}", record.origin_prefix, origin.field);
        for shown in record.shown(now) {
            link(Some(&field), Some(&shown), &how)?;
        }
    }
    Ok(())
}

/// Names that are known as a whole on one side.
pub(crate) fn literal(end: Option<&End>) -> Option<(String, String)> {
    let end = end?;
    Some((end.namespace.clone(), end.name.literal()?))
}
