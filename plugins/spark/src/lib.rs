//! Reads event logs of Apache Spark: which tables and files applications read and wrote, and which fields came of which.
//!
//! `docs/spark.md` says what it reads, what it makes of it and what it cannot know.

mod applications;
mod fields;
mod log;
mod naming;
mod plan;
mod relations;
mod state;
mod unpack;

use std::collections::BTreeMap;

use headwater_extractor::{
    Config, ConfigKey, Coverage, Description, Diagnostic, Emitter, ExtractError, Extraction,
    Extractor, Input, InputPattern, Severity,
};

use applications::Found;
use log::{Application, place};
use naming::{Naming, is_name};
use unpack::unpack;

/// The extractor.
#[derive(Debug)]
pub struct Spark;

const KEYS: &[ConfigKey] = &[
    ConfigKey {
        name: "jdbc_namespace",
        description: "OpenLineage namespace of tables that are read by JDBC, for example postgres://db:5432: plans do not tell it",
    },
    ConfigKey {
        name: "job_namespace",
        description: "OpenLineage namespace of the jobs; spark if absent",
    },
    ConfigKey {
        name: "namespace",
        description: "OpenLineage namespace of tables in Spark's catalogs, for example hive://metastore:9083",
    },
    ConfigKey {
        name: "namespace.",
        description: "OpenLineage namespace of the tables of one catalog; their names are without it",
    },
    ConfigKey {
        name: "runs_max",
        description: "how many runs of a job are stated, the last ones; 20 if absent",
    },
];

/// Globs of event logs: by their endings, as Spark calls them, and rolled ones.
const GLOBS: &[&str] = &[
    "**/*.jsonl",
    "**/*.jsonl.gz",
    "**/*.eventlog",
    "**/*.inprogress",
    "**/*.zst",
    "**/*.zstd",
    "**/*.lz4",
    "**/*.snappy",
    "**/*.lzf",
    "**/eventlog_v2_*/events_*",
    "**/application_*",
    "**/app-*",
    "**/local-*",
    "**/spark-*",
];

impl Extractor for Spark {
    fn describe() -> Description {
        let inputs = GLOBS.iter().map(|glob| InputPattern {
            glob: (*glob).into(),
            media_type: "application/x-ndjson".into(),
            required: false,
        });
        Description {
            name: "spark".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary:
                "Reads Spark event logs: which tables, files and fields applications read and wrote"
                    .into(),
            inputs: inputs.collect(),
            config_schema: Config::schema(KEYS),
        }
    }

    fn extract(
        config: &str,
        inputs: Vec<Input>,
        out: &mut Emitter,
    ) -> Result<Extraction, ExtractError> {
        let config = Config::parse(config, KEYS)?;
        for key in ["jdbc_namespace", "job_namespace", "namespace"] {
            if config.get(key).is_some_and(|value| !is_name(value)) {
                return Err(refused(format!(
                    "{key}: too long, or with control characters"
                )));
            }
        }
        let naming = Naming {
            namespace: config.get("namespace").map(str::to_owned),
            of_catalog: config
                .with_prefix("namespace.")
                .filter(|(_, namespace)| is_name(namespace))
                .map(|(catalog, namespace)| (catalog.to_owned(), namespace.to_owned()))
                .collect(),
            jdbc: config.get("jdbc_namespace").map(str::to_owned),
            metastore: None,
        };
        let runs_max = match config.get("runs_max").map(str::parse) {
            None => 20,
            Some(Ok(number)) => number,
            Some(Err(_)) => return Err(refused("runs_max: expected a number".into())),
        };
        if inputs.is_empty() {
            return Err(ExtractError::Unsupported(
                "expected an event log of Spark, found none".into(),
            ));
        }
        // Parts of one log stand in one folder, and follow each other by number.
        let mut logs: BTreeMap<String, Vec<(u64, Input)>> = BTreeMap::new();
        for input in inputs {
            let (log, part) = log_of(input.name());
            logs.entry(log).or_default().push((part, input));
        }
        let mut found = Found::default();
        for (_, mut parts) in logs {
            parts.sort_by(|(a, one), (b, other)| (a, one.name()).cmp(&(b, other.name())));
            let mut application = Application::new(parts[0].1.name());
            for (_, input) in &parts {
                let bytes = input.read_all()?;
                let unpacked = unpack(&bytes);
                if let Some(problem) = unpacked.problem {
                    let at = place(input.name(), None);
                    application.told(Severity::Warning, "spark/compression", problem, at);
                }
                application.read(input.name(), &unpacked.bytes);
            }
            found.add(application, &naming);
        }
        for problem in found.problems.drain(..) {
            out.diagnose(problem)?;
        }
        let job_namespace = config.get("job_namespace").unwrap_or("spark");
        state::state(&found, job_namespace, runs_max, out)?;
        Ok(Extraction {
            // What one run of an application does not do, another may.
            covers: Coverage::empty(),
            generated: found.newest_ms,
        })
    }
}

/// Which log a file is a part of, and which part.
fn log_of(name: &str) -> (String, u64) {
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
    let number = file
        .strip_prefix("events_")
        .and_then(|rest| rest.split('_').next());
    match number.and_then(|number| number.parse().ok()) {
        Some(number) => {
            // Of files that lost their folder, the rest of the name tells the application.
            let application = file.splitn(3, '_').nth(2).unwrap_or_default();
            let application = application.split(".zst").next().unwrap_or_default();
            (format!("{folder}/{application}"), number)
        }
        None => (name.to_owned(), 0),
    }
}

fn refused(message: String) -> ExtractError {
    ExtractError::Malformed(Diagnostic {
        severity: Severity::Error,
        code: "config/value".into(),
        message,
        at: Some(place("config", None)),
    })
}

headwater_extractor::export!(Spark);
