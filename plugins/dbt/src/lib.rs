//! Reads `manifest.json`, in which dbt describes a whole project: models, seeds and snapshots
//! become declared datasets with the job that builds each, sources become mentioned ones.
//!
//! `docs/dbt.md` says what is read, what a manifest cannot tell, and every option.

mod lineage;
mod manifest;
mod naming;
mod read;
mod state;
mod text;

use headwater_extractor::{
    Config, Coverage, Description, Emitter, ExtractError, Extraction, Extractor, Input,
    InputPattern, Severity, time,
};

/// The extractor.
#[derive(Debug)]
pub struct Dbt;

impl Extractor for Dbt {
    fn describe() -> Description {
        Description {
            name: "dbt".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Reads dbt's manifest.json: models, seeds, snapshots, sources and what depends on what".into(),
            inputs: vec![InputPattern {
                glob: "**/manifest.json".into(),
                media_type: "application/json".into(),
                required: true,
            }],
            config_schema: Config::schema(naming::KEYS),
        }
    }

    fn extract(
        config: &str,
        inputs: Vec<Input>,
        out: &mut Emitter,
    ) -> Result<Extraction, ExtractError> {
        let config = Config::parse(config, naming::KEYS)?;
        if inputs.is_empty() {
            return Err(ExtractError::Unsupported(
                "expected dbt's manifest.json, found no input".into(),
            ));
        }
        let mut generated = None;
        for input in inputs {
            generated = generated.max(extract_one(&config, &input, out)?);
        }
        Ok(Extraction {
            covers: Coverage::DATASETS
                | Coverage::FIELDS
                | Coverage::JOBS
                | Coverage::EDGES
                | Coverage::ALIASES
                | Coverage::ATTRIBUTES
                | Coverage::FACETS,
            generated,
        })
    }
}

/// States one manifest, and returns when dbt wrote it, in epoch milliseconds.
fn extract_one(
    config: &Config,
    input: &Input,
    out: &mut Emitter,
) -> Result<Option<i64>, ExtractError> {
    let bytes = input.read_all()?;
    let reading = read::read(input.name(), &bytes)?;
    for found in reading.diagnostics {
        out.diagnose(found)?;
    }
    let manifest = &reading.manifest;
    let generated = generated(input.name(), manifest, out)?;
    let mut naming = naming::Naming::new(config, manifest);
    state::state(input.name(), manifest, &reading.damaged, &mut naming, out)?;
    Ok(generated)
}

fn generated(
    artifact: &str,
    manifest: &manifest::Manifest,
    out: &mut Emitter,
) -> Result<Option<i64>, ExtractError> {
    let Some(text) = manifest.metadata.generated_at.as_deref() else {
        return Ok(None);
    };
    let parsed = time::parse_rfc3339(text);
    let found = match parsed {
        Some((_, true)) => return Ok(parsed.map(|(epoch_ms, _)| epoch_ms)),
        Some((_, false)) => "names no zone; it is read as UTC",
        None => "is no time; the facts hold from when they are received",
    };
    let at = read::Places::pointer(artifact, "/metadata/generated_at".into());
    let message = format!("`{text}` {found}");
    out.diagnose(read::diagnostic(
        Severity::Warning,
        "dbt/generated-at",
        message,
        Some(at),
    ))?;
    Ok(parsed.map(|(epoch_ms, _)| epoch_ms))
}

headwater_extractor::export!(Dbt);
