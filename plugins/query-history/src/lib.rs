//! Reads exports of what warehouses say of the queries that ran: `ACCESS_HISTORY` of Snowflake, `JOBS` of `BigQuery`,
//! the lineage tables of Databricks.
//!
//! `docs/query-history.md` says what it reads, what it makes of it and what it cannot know.

mod bigquery;
mod databricks;
mod history;
mod jobs;
mod kind;
mod model;
mod naming;
mod options;
mod rows;
mod snowflake;
mod sql;
mod state;
mod statement;
mod time;

use headwater_extractor::{
    Config, Coverage, Description, Emitter, ExtractError, Extraction, Extractor, FieldCatalog,
    Input, InputPattern,
};
use sql_lineage::{Catalog, TableName};

use history::History;
use options::Options;
use rows::{File, ROWS_MAX};

/// The extractor.
#[derive(Debug)]
pub struct QueryHistory;

impl Extractor for QueryHistory {
    fn describe() -> Description {
        let pattern = |ending: &str, media_type: &str| InputPattern {
            glob: format!("**/*.{ending}"),
            media_type: media_type.into(),
            required: false,
        };
        Description {
            name: "query-history".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Reads which tables and columns queries read and wrote, from exports of the histories of Snowflake, \
                      BigQuery and Databricks"
                .into(),
            inputs: vec![
                pattern("csv", "text/csv"),
                pattern("csv.gz", "application/gzip"),
                pattern("json", "application/json"),
                pattern("json.gz", "application/gzip"),
                pattern("jsonl", "application/x-ndjson"),
                pattern("jsonl.gz", "application/gzip"),
                pattern("ndjson", "application/x-ndjson"),
                pattern("ndjson.gz", "application/gzip"),
                FieldCatalog::input(),
            ],
            config_schema: Config::schema(options::KEYS),
        }
    }

    fn extract(
        config: &str,
        inputs: Vec<Input>,
        out: &mut Emitter,
    ) -> Result<Extraction, ExtractError> {
        let options = Options::parse(config)?;
        let (catalogs, mut exports): (Vec<_>, Vec<_>) =
            inputs.into_iter().partition(FieldCatalog::is_catalog);
        if exports.is_empty() {
            let message = "expected an export of a query history as CSV or JSON, found none";
            return Err(ExtractError::Unsupported(message.into()));
        }
        let mut known = Catalog::default();
        for input in &catalogs {
            for dataset in FieldCatalog::read(input, "query-history/catalog")?.datasets {
                known.add(&TableName::new(dataset.name.split('.')), dataset.fields);
            }
        }
        exports.sort_by(|a, b| a.name().cmp(b.name()));
        let mut history = History::new(&options);
        let mut rows_left = ROWS_MAX;
        for input in &exports {
            let file = File::read(input, rows_left)?;
            rows_left -= file.rows.len().min(rows_left);
            history.add(file);
        }
        for problem in history.finish() {
            out.diagnose(problem)?;
        }
        let mut found = jobs::group(&mut history, &known);
        for problem in found.problems.drain(..) {
            out.diagnose(problem)?;
        }
        state::state(&found, out)?;
        // What a window does not show may go on outside of it.
        let covers = if options.ends_absent && !found.is_bounded {
            Coverage::DATASETS
                | Coverage::JOBS
                | Coverage::EDGES
                | Coverage::FIELD_EDGES
                | Coverage::SELECTORS
        } else {
            Coverage::empty()
        };
        Ok(Extraction {
            covers,
            generated: history.newest_ms,
        })
    }
}

headwater_extractor::export!(QueryHistory);
