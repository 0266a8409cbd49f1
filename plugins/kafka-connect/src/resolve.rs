//! Connectors of one submission, together: their names, their brokers, and what they tell about each other.

use std::collections::{BTreeMap, BTreeSet};

use headwater_extractor::{Diagnostic, Severity};

use crate::connector::Connector;
use crate::flow::{Flow, Reading};
use crate::pattern::{Matcher, Template};
use crate::read::File;
use crate::sinks::Known;
use crate::state::literal;
use crate::transform::Chain;
use crate::{debezium, sinks, sources};

/// Where topics are whose brokers nobody names.
const NOWHERE: &str = "kafka-connect://unknown-brokers";
/// How often a pattern is compared with a topic.
const COMPARISONS_MAX: usize = 1_000_000;

/// Keys that name the brokers of the topics, the most certain first. Debezium's history is in the same cluster, by its
/// documentation.
const BROKERS: &[&str] = &[
    "target.cluster.bootstrap.servers",
    "dest.kafka.bootstrap.servers",
    "producer.override.bootstrap.servers",
    "consumer.override.bootstrap.servers",
    "bootstrap.servers",
    "kafka.bootstrap.servers",
    "schema.history.internal.kafka.bootstrap.servers",
    "database.history.kafka.bootstrap.servers",
    "database.history.producer.bootstrap.servers",
];

/// A connector and the namespace of its topics.
pub(crate) type Placed = (Connector, String);

fn own_brokers(connector: &Connector) -> Option<String> {
    BROKERS
        .iter()
        .find_map(|key| sources::kafka(connector.get(key)?))
}

/// The folder of an artifact.
fn folder(artifact: &str) -> &str {
    artifact.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// All connectors, each with a name of its own and the namespace of its topics.
pub(crate) fn named(
    files: Vec<(String, File)>,
    configured: Option<&str>,
) -> (Vec<Placed>, Vec<Diagnostic>) {
    let configured = configured.and_then(sources::kafka);
    let mut of_folder: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut workers = BTreeMap::new();
    for (artifact, file) in &files {
        if let Some(brokers) = file.worker_brokers.as_deref().and_then(sources::kafka) {
            workers.insert(folder(artifact).to_owned(), brokers);
        }
        let stated = file.connectors.iter().filter_map(own_brokers);
        of_folder
            .entry(folder(artifact).to_owned())
            .or_default()
            .extend(stated);
    }
    let mut connectors: Vec<Connector> = Vec::new();
    for (_, file) in files {
        connectors.extend(file.connectors);
    }
    let mut found = Vec::new();
    apart(&mut connectors, &mut found);
    connectors.sort_by(|a, b| (&a.name, &a.artifact).cmp(&(&b.name, &b.artifact)));
    let mut placed = Vec::with_capacity(connectors.len());
    for connector in connectors {
        let folder = folder(&connector.artifact);
        let brokers = own_brokers(&connector)
            .or_else(|| configured.clone())
            .or_else(|| workers.get(folder).cloned());
        let kafka = match (brokers, of_folder.get(folder)) {
            (Some(brokers), _) => brokers,
            (None, Some(all)) if all.len() == 1 => {
                let brokers = all.first().cloned().unwrap_or_default();
                let message = format!(
                    "it names no brokers: those of the other connectors in the folder are taken, {brokers}"
                );
                found.push(connector.told(
                    Severity::Info,
                    "brokers-assumed",
                    "connector.class",
                    &message,
                ));
                brokers
            }
            _ => {
                let message = format!(
                    "no brokers are known, nor configured (`brokers`): the topics are named in {NOWHERE}"
                );
                found.push(connector.told(
                    Severity::Warning,
                    "no-brokers",
                    "connector.class",
                    &message,
                ));
                NOWHERE.to_owned()
            }
        };
        placed.push((connector, kafka));
    }
    (placed, found)
}

/// Connectors that several files configure: the same ones count once, others are told apart by their files.
fn apart(connectors: &mut Vec<Connector>, found: &mut Vec<Diagnostic>) {
    let mut by_name: BTreeMap<String, Vec<Connector>> = BTreeMap::new();
    for connector in connectors.drain(..) {
        by_name
            .entry(connector.name.clone())
            .or_default()
            .push(connector);
    }
    for (name, mut same) in by_name {
        let values = |connector: &Connector| -> Vec<(String, String)> {
            let entries = connector.config.iter();
            entries
                .map(|(key, (value, _))| (key.clone(), value.clone()))
                .collect()
        };
        let mut seen = BTreeSet::new();
        same.retain(|connector| seen.insert(values(connector)));
        let is_one = same.len() == 1;
        for (position, mut connector) in same.into_iter().enumerate() {
            if !is_one {
                let message = "several configurations have this name: each is told by its file too";
                found.push(connector.told(Severity::Warning, "twice", "name", message));
                connector.name = match connectors.last() {
                    Some(last) if position > 0 && last.artifact == connector.artifact => {
                        format!("{name}@{}#{position}", connector.artifact)
                    }
                    _ => format!("{name}@{}", connector.artifact),
                };
            }
            connectors.push(connector);
        }
    }
}

fn is_sink(connector: &Connector) -> bool {
    let short = connector.short_class();
    connector.any(&["topics", "topics.regex"]).is_some()
        && !short.ends_with("Source")
        && !short.ends_with("SourceV2")
        && !short.ends_with("Replicator")
        && !short.starts_with("Mirror")
}

/// Reads all connectors: sources first, since what they say of topics is of use to sinks.
pub(crate) fn readings(connectors: &[Placed]) -> Vec<Reading<'_>> {
    let mut readings: Vec<Reading> = connectors
        .iter()
        .map(|(connector, kafka)| {
            let mut found = Vec::new();
            let chain = Chain::new(connector, is_sink(connector), &mut found);
            Reading {
                connector,
                kafka: kafka.clone(),
                chain,
                flows: Vec::new(),
                found,
            }
        })
        .collect();
    let mut consumed = BTreeSet::new();
    for reading in &mut readings {
        if is_sink(reading.connector) {
            let topics = reading.connector.list(&["topics"]);
            consumed.extend(
                topics
                    .into_iter()
                    .map(|topic| (reading.kafka.clone(), topic.to_owned())),
            );
        } else {
            source(reading);
        }
    }
    let mut comparisons = 0;
    for reading in &mut readings {
        resolve(reading, &consumed, &mut comparisons);
    }
    let known = known(&readings);
    for reading in &mut readings {
        if is_sink(reading.connector) {
            sinks::read(reading, &known);
        }
    }
    readings
}

fn source(reading: &mut Reading) {
    if debezium::read(reading) || sources::read(reading) {
        return;
    }
    let connector = reading.connector;
    let class = connector.class();
    let message = format!("where {class} reads is not known");
    reading.warn("unknown-connector", "connector.class", &message);
    let topic = connector.first(&["kafka.topic", "topic", "topic.name", "kafka.topic.name"]);
    if let Some((_, topic)) = topic {
        let key = ["kafka.topic", "topic", "topic.name"]
            .into_iter()
            .find(|key| connector.get(key).is_some());
        let flow = Flow::new(None, None, key.unwrap_or("kafka.topic.name"));
        reading.produce(&flow, &Template::text(topic));
    } else {
        reading.missing("topic", "which topics it writes is not known");
    }
}

/// What the patterns of a source stand for, as far as sinks name topics.
fn resolve(reading: &mut Reading, consumed: &BTreeSet<(String, String)>, comparisons: &mut usize) {
    let mut resolved = Vec::new();
    for flow in &reading.flows {
        let (Some(from), Some(to)) = (&flow.from, &flow.to) else {
            continue;
        };
        if from.name.literal().is_some() || to.name.literal().is_some() {
            continue;
        }
        let Some(matcher) = Matcher::new(&to.name) else {
            continue;
        };
        let begin = (to.namespace.clone(), String::new());
        let topics = consumed
            .range(begin..)
            .take_while(|(namespace, _)| *namespace == to.namespace);
        for (_, topic) in topics {
            *comparisons += 1;
            if *comparisons > COMPARISONS_MAX {
                break;
            }
            let Some(name) = matcher.carry(topic, &from.name) else {
                continue;
            };
            let is_admitted = flow.guard.as_ref().is_none_or(|(guard, skipped)| {
                let table = name.get(*skipped..).unwrap_or_default();
                table.matches('.').count() == 1 && guard.admits(table)
            });
            if !is_admitted {
                continue;
            }
            let mut one = flow.clone();
            if let Some((guard, skipped)) = &flow.guard {
                let record = guard.record(name.get(*skipped..).unwrap_or_default());
                one.record = reading.chain.apply(&Template::text(topic), record).record;
            }
            if let (Some(from), Some(to)) = (&mut one.from, &mut one.to) {
                from.name = Template::text(name);
                to.name = Template::text(topic);
            }
            resolved.push(one);
        }
    }
    reading.flows.extend(resolved);
    if *comparisons > COMPARISONS_MAX {
        reading.warn(
            "too-many",
            "connector.class",
            "there are too many topics and patterns to compare all of them",
        );
    }
}

fn known(readings: &[Reading]) -> Known {
    let mut known = Known::default();
    for flow in readings.iter().flat_map(|reading| &reading.flows) {
        let Some(to) = literal(flow.to.as_ref()) else {
            continue;
        };
        if let Some((_, table)) = literal(flow.from.as_ref()) {
            known.origins.entry(to.clone()).or_default().insert(table);
        }
        known.topics.insert(to);
    }
    known
}
