//! Reads configurations of Kafka Connect: which datasets each connector reads and writes.
//!
//! `docs/kafka-connect.md` says which connectors and transforms are known, and what of them becomes facts.

mod connector;
mod debezium;
mod fields;
mod flow;
mod jdbc;
mod pattern;
mod read;
mod record;
mod resolve;
mod sinks;
mod sources;
mod state;
mod transform;

use headwater_extractor::{
    Config, ConfigKey, Coverage, Description, Emitter, ExtractError, Extraction, Extractor,
    FieldCatalog, Input, InputPattern,
};

use crate::fields::Fields;

/// The extractor.
#[derive(Debug)]
pub struct KafkaConnect;

const KEYS: &[ConfigKey] = &[
    ConfigKey {
        name: "brokers",
        description: "bootstrap servers of the cluster where connectors name none, for example b1:9092,b2:9092",
    },
    ConfigKey {
        name: "job_namespace",
        description: "OpenLineage namespace of the connectors; kafka-connect if absent",
    },
];

impl Extractor for KafkaConnect {
    fn describe() -> Description {
        let inputs = [
            ("**/*.json", "application/json"),
            ("**/*.properties", "text/x-java-properties"),
        ];
        let mut inputs: Vec<InputPattern> = inputs
            .map(|(glob, media_type)| InputPattern {
                glob: glob.into(),
                media_type: media_type.into(),
                required: false,
            })
            .into();
        inputs.push(FieldCatalog::input());
        Description {
            name: "kafka-connect".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Reads configurations of Kafka Connect: which datasets each connector reads and writes".into(),
            inputs,
            config_schema: Config::schema(KEYS),
        }
    }

    fn extract(
        config: &str,
        inputs: Vec<Input>,
        out: &mut Emitter,
    ) -> Result<Extraction, ExtractError> {
        let config = Config::parse(config, KEYS)?;
        let (catalogs, inputs): (Vec<_>, Vec<_>) =
            inputs.into_iter().partition(FieldCatalog::is_catalog);
        if inputs.is_empty() {
            let message = "expected configurations of connectors, found no input";
            return Err(ExtractError::Unsupported(message.into()));
        }
        let mut files = Vec::with_capacity(inputs.len());
        for input in &inputs {
            let file = read::read(input.name(), &input.read_all()?);
            files.push((input.name().to_owned(), file));
        }
        files.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (_, file) in &mut files {
            for found in file.found.drain(..) {
                out.diagnose(found)?;
            }
        }
        let (connectors, told) = resolve::named(files, config.get("brokers"));
        for found in told {
            out.diagnose(found)?;
        }
        let readings = resolve::readings(&connectors);
        let mut listed = Vec::new();
        for catalog in &catalogs {
            listed.extend(FieldCatalog::read(catalog, "kafka-connect/catalog")?.datasets);
        }
        let mut known = Fields::of_catalog(listed);
        known.follow(&readings);
        let namespace = config.get("job_namespace").unwrap_or("kafka-connect");
        state::state(&readings, &known, namespace, out)?;
        Ok(Extraction {
            covers: Coverage::DATASETS
                | Coverage::JOBS
                | Coverage::EDGES
                | Coverage::FIELD_EDGES
                | Coverage::SELECTORS
                | Coverage::ALIASES
                | Coverage::FACETS,
            generated: None,
        })
    }
}

headwater_extractor::export!(KafkaConnect);
