//! Reads `lineage.yaml`: datasets, jobs and what derives from what, written by hand.
//!
//! `docs/yaml.md` says what may stand in it. A file that breaks a rule is refused as a whole, with
//! the line and the column.

mod file;
mod state;
mod tree;

use headwater_extractor::{
    Config, ConfigKey, Coverage, Description, Emitter, ExtractError, Extraction, Extractor, Input,
    InputPattern,
};

use file::{Defaults, File};
use tree::{Fault, Place};

/// The extractor.
#[derive(Debug)]
pub struct Yaml;

const KEYS: &[ConfigKey] = &[
    ConfigKey {
        name: "namespace",
        description: "namespace of datasets where neither they nor the file state one",
    },
    ConfigKey {
        name: "job_namespace",
        description: "namespace of jobs where neither they nor the file state one",
    },
];

impl Extractor for Yaml {
    fn describe() -> Description {
        let inputs = ["**/lineage.yaml", "**/lineage.yml"].map(|glob| InputPattern {
            glob: glob.into(),
            media_type: "application/yaml".into(),
            required: false,
        });
        Description {
            name: "yaml".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Reads lineage.yaml: datasets, jobs and lineage that people write by hand"
                .into(),
            inputs: inputs.into(),
            config_schema: Config::schema(KEYS),
        }
    }

    fn extract(
        config: &str,
        inputs: Vec<Input>,
        out: &mut Emitter,
    ) -> Result<Extraction, ExtractError> {
        let config = Config::parse(config, KEYS)?;
        let defaults = Defaults {
            datasets: config.get("namespace").map(str::to_owned),
            jobs: config.get("job_namespace").map(str::to_owned),
        };
        if inputs.is_empty() {
            let message = "expected a lineage.yaml, found no input";
            return Err(ExtractError::Unsupported(message.into()));
        }
        let mut files = Vec::with_capacity(inputs.len());
        for input in &inputs {
            let read = read(&input.read_all()?, &defaults);
            let file = read.map_err(|(code, fault)| {
                ExtractError::Malformed(fault.into_diagnostic(input.name(), code))
            })?;
            files.push((input.name().to_owned(), file));
        }
        state::state(&files, out)?;
        Ok(Extraction {
            covers: Coverage::DATASETS
                | Coverage::FIELDS
                | Coverage::JOBS
                | Coverage::EDGES
                | Coverage::FIELD_EDGES
                | Coverage::ALIASES
                | Coverage::ATTRIBUTES,
            generated: None,
        })
    }
}

fn read(bytes: &[u8], defaults: &Defaults) -> Result<File, (&'static str, Fault)> {
    let start = Place { line: 1, column: 1 };
    let text = std::str::from_utf8(bytes)
        .map_err(|_| ("yaml/syntax", Fault::new(start, "the file is not UTF-8")))?;
    let document = tree::read(text).map_err(|fault| ("yaml/syntax", fault))?;
    let document = document.ok_or_else(|| {
        (
            "yaml/schema",
            Fault::new(start, "the file says nothing; it begins with `version: 1`"),
        )
    })?;
    file::read(document, defaults).map_err(|fault| ("yaml/schema", fault))
}

headwater_extractor::export!(Yaml);
