//! Reads what Metabase exports and what its API tells: questions, models, metrics and dashboards, and which columns
//! they are made of.
//!
//! `docs/metabase.md` says what it reads and how it is configured.

mod cards;
mod dashboards;
mod databases;
mod mbql;
mod native;
mod said;
mod state;

use headwater_extractor::{
    Config, ConfigKey, Coverage, Description, Emitter, ExtractError, Extraction, Extractor,
    FieldCatalog, Input, InputPattern,
};

/// The extractor.
#[derive(Debug)]
pub struct Metabase;

const KEYS: &[ConfigKey] = &[
    ConfigKey {
        name: "instance",
        description: "what the namespace of Metabase's own cards and dashboards says behind metabase://; default if absent",
    },
    ConfigKey {
        name: "url",
        description: "address of Metabase, for links to cards and dashboards, for example https://bi.acme.com",
    },
    ConfigKey {
        name: "namespace",
        description: "OpenLineage namespace of the tables of databases of which nothing else tells it",
    },
    ConfigKey {
        name: "namespace.",
        description: "OpenLineage namespace of the tables of one database, by its number, entity id or name in Metabase",
    },
    ConfigKey {
        name: "database.",
        description: "the database of tables that say none, of one database of Metabase's by number, entity id or name",
    },
    ConfigKey {
        name: "schema.",
        description: "the schema of tables that say none, of one database of Metabase's by number, entity id or name",
    },
    ConfigKey {
        name: "dialect.",
        description: "the SQL that one database of Metabase's speaks, by number, entity id or name",
    },
];

impl Extractor for Metabase {
    fn describe() -> Description {
        let pattern = |glob: &str, media_type: &str| InputPattern {
            glob: glob.into(),
            media_type: media_type.into(),
            required: false,
        };
        Description {
            name: "metabase".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Reads Metabase's exports and API: questions, models, metrics, dashboards, and their columns"
                .into(),
            inputs: vec![
                pattern("**/*.yaml", "application/yaml"),
                pattern("**/*.yml", "application/yaml"),
                pattern("**/*.json", "application/json"),
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
            known.extend(FieldCatalog::read(input, "metabase/catalog")?.datasets);
        }
        let said = said::read(&inputs, out)?;
        state::state(&said, &config, &known, out)?;
        Ok(Extraction {
            covers: Coverage::DATASETS
                | Coverage::FIELDS
                | Coverage::EDGES
                | Coverage::FIELD_EDGES
                | Coverage::ALIASES
                | Coverage::ATTRIBUTES
                | Coverage::FACETS,
            generated: None,
        })
    }
}

headwater_extractor::export!(Metabase);
