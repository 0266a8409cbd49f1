//! OpenLineage run events of the size and shape that clients send: 3.6 to 5.3 KB.
//!
//! A run sends START with its inputs and COMPLETE with its output. Each job writes one dataset of 15 fields and reads
//! those of two other jobs.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use headwater_model::Timestamp;
use serde_json::{Value, json};

/// Marks a place in the templates; no other text in them holds it.
const MARK: char = '%';
const NAMESPACE: &str = "postgres://warehouse.example.org:5432";
const PRODUCER: &str =
    "https://github.com/OpenLineage/OpenLineage/tree/1.54.0/integration/warehouse";
const FIELDS: [(&str, &str); 15] = [
    ("order_id", "bigint"),
    ("customer_id", "bigint"),
    ("ordered_at", "timestamp with time zone"),
    ("shipped_at", "timestamp with time zone"),
    ("status", "character varying(32)"),
    ("currency", "character(3)"),
    ("amount_net", "numeric(18,2)"),
    ("amount_tax", "numeric(18,2)"),
    ("amount_gross", "numeric(18,2)"),
    ("discount_code", "character varying(64)"),
    ("channel", "character varying(32)"),
    ("country", "character(2)"),
    ("items_count", "integer"),
    ("is_first_order", "boolean"),
    ("loaded_at", "timestamp with time zone"),
];
/// Fields of the output whose origins an event tells.
const FIELDS_WITH_ORIGINS: usize = 8;

/// A run: of which job, and the how manieth since the generator began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    number: u64,
    job: u64,
}

/// What a run says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Start,
    Complete,
}

/// Hands out runs and writes their events.
pub(crate) struct Generator {
    start: Vec<Piece>,
    complete: Vec<Piece>,
    /// Runs go round that many jobs; without a number each run is one of a new job.
    jobs_count: Option<u64>,
    runs_count: u64,
    /// Apart from those of other processes, so that no run comes back.
    salt: u64,
}

impl Generator {
    pub(crate) fn new(jobs_count: Option<u64>) -> Result<Self> {
        let salt = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
        Ok(Self {
            start: pieces(&event(Said::Start).to_string()),
            complete: pieces(&event(Said::Complete).to_string()),
            jobs_count,
            runs_count: 0,
            salt: u64::try_from(salt)?,
        })
    }

    /// The next run.
    pub(crate) fn run(&mut self) -> Run {
        let number = self.runs_count;
        self.runs_count += 1;
        Run {
            number,
            job: self.jobs_count.map_or(number, |jobs| number % jobs),
        }
    }

    /// Writes an event over `body`.
    pub(crate) fn write(&self, run: Run, said: Said, body: &mut Vec<u8>) {
        let pieces = match said {
            Said::Start => &self.start,
            Said::Complete => &self.complete,
        };
        // Two seconds a run, from 2026 on: START and COMPLETE are a second apart.
        let second = run.number * 2 + u64::from(said == Said::Complete);
        let millis = 1_767_225_600_000 + second * 1000;
        let time = Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        body.clear();
        for piece in pieces {
            let value = match piece {
                Piece::Text(text) => text.clone(),
                Piece::Time => time.to_string(),
                Piece::Run => format!(
                    "01900000-0000-7000-{:04x}-{:012x}",
                    0x8000 | ((run.number >> 16) & 0x3fff),
                    ((self.salt << 16) | (run.number & 0xffff)) & 0xffff_ffff_ffff
                ),
                Piece::Job => format!("{:07}", run.job),
                Piece::Near => format!("{:07}", run.job.saturating_sub(1)),
                Piece::Far => format!("{:07}", run.job / 2),
            };
            body.extend_from_slice(value.as_bytes());
        }
    }
}

/// A part of a template: text, or what differs from event to event.
#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Time,
    Run,
    /// The job's number, which is also that of its output.
    Job,
    /// The number of the job before.
    Near,
    /// The number of a job that is further away.
    Far,
}

fn pieces(template: &str) -> Vec<Piece> {
    let parts = template.split(MARK).map(|part| match part {
        "time" => Piece::Time,
        "run" => Piece::Run,
        "job" => Piece::Job,
        "near" => Piece::Near,
        "far" => Piece::Far,
        text => Piece::Text(text.to_owned()),
    });
    parts.collect()
}

fn event(said: Said) -> Value {
    let (state, inputs, outputs) = match said {
        Said::Start => (
            "START",
            json!([dataset("near", None), dataset("far", None)]),
            json!([]),
        ),
        Said::Complete => (
            "COMPLETE",
            json!([]),
            json!([dataset("job", Some(origins()))]),
        ),
    };
    json!({
        "eventTime": "%time%",
        "eventType": state,
        "producer": PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": "%run%", "facets": {
            "nominalTime": facet("1-0-1/NominalTimeRunFacet", json!({
                "nominalStartTime": "2026-01-01T00:00:00Z", "nominalEndTime": "2026-01-01T01:00:00Z",
            })),
            "parent": facet("1-1-0/ParentRunFacet", json!({
                "job": {"namespace": "warehouse", "name": "hourly"},
                "run": {"runId": "01900000-0000-7000-8000-000000000000"},
            })),
            "processing_engine": facet("1-1-1/ProcessingEngineRunFacet", json!({
                "name": "warehouse", "version": "16.4", "openlineageAdapterVersion": "1.54.0",
            })),
        }},
        "job": {"namespace": "warehouse", "name": "hourly.orders_%job%", "facets": {
            "jobType": facet("2-0-3/JobTypeJobFacet", json!({
                "processingType": "BATCH", "integration": "WAREHOUSE", "jobType": "MODEL",
            })),
            "sql": facet("1-0-1/SQLJobFacet", json!({"query": sql()})),
        }},
        "inputs": inputs,
        "outputs": outputs,
    })
}

fn facet(schema: &str, content: Value) -> Value {
    let kind = schema.split_once('/').map_or(schema, |(_, kind)| kind);
    let mut facet = json!({
        "_producer": PRODUCER,
        "_schemaURL": format!("https://openlineage.io/spec/facets/{schema}.json#/$defs/{kind}"),
    });
    if let (Value::Object(facet), Value::Object(content)) = (&mut facet, content) {
        facet.extend(content);
    }
    facet
}

fn dataset(number: &str, origins: Option<Value>) -> Value {
    let fields: Vec<Value> = FIELDS
        .iter()
        .map(|(name, kind)| json!({"name": name, "type": kind}))
        .collect();
    let mut facets = json!({
        "dataSource": facet("1-0-1/DatasourceDatasetFacet", json!({"name": NAMESPACE, "uri": NAMESPACE})),
        "schema": facet("1-1-1/SchemaDatasetFacet", json!({"fields": fields})),
    });
    if let Some(origins) = origins {
        facets["columnLineage"] = origins;
    }
    json!({"namespace": NAMESPACE, "name": format!("shop.core.orders_%{number}%"), "facets": facets})
}

fn origins() -> Value {
    let fields: serde_json::Map<String, Value> = FIELDS[..FIELDS_WITH_ORIGINS]
        .iter()
        .map(|(name, _)| {
            let origin = json!({
                "namespace": NAMESPACE, "name": "shop.core.orders_%near%", "field": name,
                "transformations": [{"type": "DIRECT", "subtype": "IDENTITY", "masking": false}],
            });
            ((*name).to_owned(), json!({"inputFields": [origin]}))
        })
        .collect();
    facet("1-2-0/ColumnLineageDatasetFacet", json!({"fields": fields}))
}

fn sql() -> String {
    let fields: Vec<String> = FIELDS
        .iter()
        .map(|(name, _)| format!("    o.{name}"))
        .collect();
    format!(
        "insert into shop.core.orders_%job%\nselect\n{}\nfrom shop.core.orders_%near% as o\n\
         left join shop.core.orders_%far% as f on f.order_id = o.order_id\nwhere o.loaded_at >= now() - interval '1 hour'",
        fields.join(",\n")
    )
}
