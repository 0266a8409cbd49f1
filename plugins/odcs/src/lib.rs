//! Reads data contracts: the Open Data Contract Standard, versions 2 and 3, and the Data Contract Specification.
//!
//! `docs/odcs.md` says what of them becomes facts.

mod contract;
mod dcs;
mod read;
mod server;
mod state;
mod tree;
mod v2;
mod v3;

use headwater_extractor::{
    Config, ConfigKey, Coverage, Description, Emitter, ExtractError, Extraction, Extractor, Input,
    InputPattern,
};

/// The extractor.
#[derive(Debug)]
pub struct Odcs;

const KEYS: &[ConfigKey] = &[
    ConfigKey {
        name: "servers",
        description: "names or environments of the servers whose datasets are stated, separated by commas; all if absent",
    },
    ConfigKey {
        name: "namespace",
        description: "OpenLineage namespace of the datasets of contracts that name no server",
    },
    ConfigKey {
        name: "output_ports",
        description: "what makes a dataset an output port: contracts (the default), products or none",
    },
];

impl Extractor for Odcs {
    fn describe() -> Description {
        let inputs = [
            ("**/*.yaml", "application/yaml"),
            ("**/*.yml", "application/yaml"),
            ("**/*.json", "application/json"),
        ];
        let inputs = inputs.map(|(glob, media_type)| InputPattern {
            glob: glob.into(),
            media_type: media_type.into(),
            required: false,
        });
        Description {
            name: "odcs".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary:
                "Reads data contracts: Open Data Contract Standard and Data Contract Specification"
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
        let options = state::Options::new(&config)?;
        if inputs.is_empty() {
            let message = "expected data contracts, found no input";
            return Err(ExtractError::Unsupported(message.into()));
        }
        let mut files = Vec::with_capacity(inputs.len());
        for input in &inputs {
            let file = read::read(input.name(), &input.read_all()?);
            files.push((input.name().to_owned(), file));
        }
        files.sort_by(|(a, _), (b, _)| a.cmp(b));
        let (mut contracts, mut products) = (Vec::new(), Vec::new());
        for (_, file) in files {
            contracts.extend(file.contracts);
            products.extend(file.products);
            for found in file.found {
                out.diagnose(found)?;
            }
        }
        state::state(&contracts, &products, &options, out)?;
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

headwater_extractor::export!(Odcs);
