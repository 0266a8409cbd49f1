//! Reads exports of Apache Superset: datasets, charts and dashboards, and which columns they are made of.
//!
//! `docs/superset.md` says what it reads and how it is configured.

mod archive;
mod charts;
mod dashboards;
mod databases;
mod datasets;
mod export;
mod params;
mod state;

use headwater_extractor::{
    Config, ConfigKey, Coverage, Description, Emitter, ExtractError, Extraction, Extractor,
    FieldCatalog, Input, InputPattern,
};

/// The extractor.
#[derive(Debug)]
pub struct Superset;

const KEYS: &[ConfigKey] = &[
    ConfigKey {
        name: "instance",
        description: "what the namespace of Superset's own datasets, charts and dashboards says behind superset://; \
                      default if absent",
    },
    ConfigKey {
        name: "url",
        description: "address of Superset, for links to dashboards and charts, for example https://bi.acme.com",
    },
    ConfigKey {
        name: "namespace",
        description: "OpenLineage namespace of the tables of databases of which nothing else tells it",
    },
    ConfigKey {
        name: "namespace.",
        description: "OpenLineage namespace of the tables of one database, by its UUID or its name in Superset",
    },
    ConfigKey {
        name: "database.",
        description: "the database of tables that say none, of one database of Superset's by UUID or name",
    },
    ConfigKey {
        name: "schema.",
        description: "the schema of tables that say none, of one database of Superset's by UUID or name",
    },
    ConfigKey {
        name: "dialect.",
        description: "the SQL that one database of Superset's speaks, by UUID or name",
    },
];

impl Extractor for Superset {
    fn describe() -> Description {
        let pattern = |glob: &str, media_type: &str| InputPattern {
            glob: glob.into(),
            media_type: media_type.into(),
            required: false,
        };
        Description {
            name: "superset".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary:
                "Reads exports of Superset: datasets, charts and dashboards, and their columns"
                    .into(),
            inputs: vec![
                pattern("**/*.yaml", "application/yaml"),
                pattern("**/*.yml", "application/yaml"),
                pattern("**/*.zip", "application/zip"),
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
        let (catalogs, inputs): (Vec<_>, Vec<_>) =
            inputs.into_iter().partition(FieldCatalog::is_catalog);
        let mut known = Vec::new();
        for input in &catalogs {
            known.extend(FieldCatalog::read(input, "superset/catalog")?.datasets);
        }
        let export = export::read(&inputs, out)?;
        let generated = export.generated;
        state::state(&export, &config, &known, out)?;
        Ok(Extraction {
            covers: Coverage::DATASETS
                | Coverage::FIELDS
                | Coverage::EDGES
                | Coverage::FIELD_EDGES
                | Coverage::ALIASES
                | Coverage::ATTRIBUTES
                | Coverage::FACETS,
            generated,
        })
    }
}

headwater_extractor::export!(Superset);
