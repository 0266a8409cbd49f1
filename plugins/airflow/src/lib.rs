//! Reads serialised DAGs of Airflow, as the table `serialized_dag` of its database holds them.
//!
//! `docs/airflow.md` says what it reads, what it makes of it and what it cannot know.

mod assets;
mod connections;
mod dag;
mod decode;
mod files;
mod model;
mod operators;
mod sql;
mod state;
mod transfers;

use headwater_extractor::{
    Config, ConfigKey, Coverage, Description, Emitter, ExtractError, Extraction, Extractor,
    FieldCatalog, Input, InputPattern,
};
use sql_lineage::{Catalog, TableName};

use connections::Connections;
use model::Model;

/// The extractor.
#[derive(Debug)]
pub struct Airflow;

const KEYS: &[ConfigKey] = &[
    ConfigKey {
        name: "asset_namespace",
        description: "OpenLineage namespace of assets whose URI names no platform; airflow if absent",
    },
    ConfigKey {
        name: "conn_id.",
        description: "the connection of a task (conn_id.<dag>.<task>), of a DAG's tasks (conn_id.<dag>) or of an operator (conn_id.PostgresOperator) that the DAG does not tell",
    },
    ConfigKey {
        name: "connection.",
        description: "what a connection connects to: connection.<conn_id> is a URL without credentials, such as postgres://db:5432/shop?schema=public, snowflake://acme-eu/DB/SCHEMA, bigquery://project/dataset",
    },
    ConfigKey {
        name: "namespace",
        description: "OpenLineage namespace of the jobs, as the OpenLineage provider of Airflow is configured; default if absent",
    },
];

impl Extractor for Airflow {
    fn describe() -> Description {
        let pattern = |ending: &str, media_type: &str| InputPattern {
            glob: format!("**/*.{ending}"),
            media_type: media_type.into(),
            required: false,
        };
        Description {
            name: "airflow".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Reads serialised DAGs of Airflow: tasks and their order, assets, the SQL of operators".into(),
            inputs: vec![
                pattern("json", "application/json"),
                pattern("jsonl", "application/x-ndjson"),
                pattern("ndjson", "application/x-ndjson"),
                FieldCatalog::input(),
            ],
            config_schema: Config::schema(KEYS),
        }
    }

    fn extract(
        config: &str,
        inputs: Vec<Input>,
        out: &mut Emitter,
    ) -> Result<Extraction, ExtractError> {
        let config = Config::parse(config, KEYS)?;
        let connections = Connections::read(&config)?;
        let (catalogs, mut exports): (Vec<_>, Vec<_>) =
            inputs.into_iter().partition(FieldCatalog::is_catalog);
        if exports.is_empty() {
            let message = "expected serialised DAGs as JSON, found none";
            return Err(ExtractError::Unsupported(message.into()));
        }
        let mut known = Catalog::default();
        for input in &catalogs {
            for dataset in FieldCatalog::read(input, "airflow/catalog")?.datasets {
                known.add(&TableName::new(dataset.name.split('.')), dataset.fields);
            }
        }
        exports.sort_by(|a, b| a.name().cmp(b.name()));
        let mut model = Model::new(
            config.get("namespace").unwrap_or("default"),
            config.get("asset_namespace").unwrap_or("airflow"),
            connections,
        );
        for input in &exports {
            for found in files::read(input, &mut model)? {
                dag::read(&found, &mut model);
            }
        }
        model.resolve();
        sql::analyse(&mut model, &known);
        state::state(model, out)?;
        Ok(Extraction {
            covers: Coverage::DATASETS
                | Coverage::JOBS
                | Coverage::EDGES
                | Coverage::FIELD_EDGES
                | Coverage::ATTRIBUTES
                | Coverage::FACETS,
            generated: None,
        })
    }
}

headwater_extractor::export!(Airflow);
