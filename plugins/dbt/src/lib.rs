//! Reads what dbt writes about a project. `manifest.json` describes all of it: models, seeds and
//! snapshots become declared datasets with the job that builds each, sources become mentioned
//! ones. `catalog.json` adds the columns that there are, `run_results.json` runs and checks,
//! `sources.json` how fresh sources are.
//!
//! `docs/dbt.md` says what is read, what the artifacts cannot tell, and every option.

mod adapters;
mod artifact;
mod bundle;
mod catalog;
mod elsewhere;
mod facet;
mod freshness;
mod lineage;
mod manifest;
mod meta;
mod naming;
mod place;
mod relations;
mod results;
mod rewrite;
mod run_results;
mod salvage;
mod state;
mod template;
mod text;

use headwater_extractor::{
    Config, Coverage, Description, Diagnostic, EmitError, Emitter, ExtractError, Extraction,
    Extractor, FieldCatalog, Input, InputPattern, Severity, time,
};

use artifact::{Kind, Reading, Refusal};
use bundle::Bundle;
use elsewhere::Elsewhere;
use naming::Settings;
use place::{Places, diagnostic};

/// The extractor.
#[derive(Debug)]
pub struct Dbt;

impl Extractor for Dbt {
    fn describe() -> Description {
        let inputs = Kind::globs().map(|glob| InputPattern {
            glob,
            media_type: "application/json".into(),
            // Any of them may come alone.
            required: false,
        });
        Description {
            name: "dbt".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            summary: "Reads what dbt writes: what is built out of what, columns, runs, tests and freshness"
                .into(),
            inputs: inputs.chain([FieldCatalog::input()]).collect(),
            config_schema: Config::schema(naming::KEYS),
        }
    }

    fn extract(
        config: &str,
        inputs: Vec<Input>,
        out: &mut Emitter,
    ) -> Result<Extraction, ExtractError> {
        let settings = Settings::parse(config)?;
        let (catalogs, inputs): (Vec<_>, Vec<_>) =
            inputs.into_iter().partition(FieldCatalog::is_catalog);
        if inputs.is_empty() {
            return Err(ExtractError::Unsupported(
                "expected dbt's manifest.json, catalog.json, run_results.json or sources.json, found no input"
                    .into(),
            ));
        }
        let elsewhere = Elsewhere::read(&catalogs)?;
        let mut files = Vec::with_capacity(inputs.len());
        for input in &inputs {
            files.push((input.name(), input.read_all()?));
        }
        let readings = read_each(&files, out)?;
        let mut diagnostics = Vec::new();
        let mut dated = Vec::with_capacity(readings.len());
        for mut reading in readings {
            diagnostics.append(&mut reading.diagnostics);
            let generated = generated(&reading, &mut diagnostics);
            dated.push((reading, generated));
        }
        let bundle = Bundle::new(dated, &mut diagnostics);
        report(diagnostics, out)?;
        state::state(&bundle.projects, &settings, &elsewhere, out)?;
        results::state_alone(&bundle.alone, &settings, out)?;
        report(settings.unused(), out)?;
        Ok(Extraction {
            covers: covers(&bundle),
            generated: bundle.generated(),
        })
    }
}

/// Reads what can be read. What is no artifact of dbt does not matter beside one, and what is
/// damaged costs only itself; but nothing is stated of a project whose manifest is damaged.
fn read_each<'a>(
    files: &'a [(&'a str, Vec<u8>)],
    out: &mut Emitter,
) -> Result<Vec<Reading<'a>>, ExtractError> {
    let mut readings = Vec::new();
    let mut refusals = Vec::new();
    for (name, bytes) in files {
        match artifact::read(name, bytes) {
            Ok(reading) => readings.push(reading),
            Err(Refusal::Malformed(Kind::Manifest, found)) => {
                return Err(ExtractError::Malformed(found));
            }
            Err(Refusal::Unsupported(Kind::Manifest, message)) => {
                return Err(ExtractError::Unsupported(message));
            }
            Err(refusal) => refusals.push((*name, refusal)),
        }
    }
    if readings.is_empty()
        && let Some((_, refusal)) = refusals.first().cloned()
    {
        return Err(match refusal {
            Refusal::Foreign(message) | Refusal::Unsupported(_, message) => {
                ExtractError::Unsupported(message)
            }
            Refusal::Malformed(_, found) => ExtractError::Malformed(found),
        });
    }
    for (name, refusal) in refusals {
        let at = Some(Places::pointer(name, String::new()));
        out.diagnose(match refusal {
            Refusal::Foreign(message) => {
                diagnostic(Severity::Warning, "dbt/other-file", message, at)
            }
            Refusal::Unsupported(_, message) => {
                diagnostic(Severity::Error, "dbt/unsupported-schema", message, at)
            }
            Refusal::Malformed(_, found) => found,
        })?;
    }
    Ok(readings)
}

fn report(diagnostics: Vec<Diagnostic>, out: &mut Emitter) -> Result<(), EmitError> {
    for found in diagnostics {
        out.diagnose(found)?;
    }
    Ok(())
}

/// Silence ends only what manifests would say. Results are of what one invocation was about, so
/// they end nothing, and facets, which hold them, are replaced when they are stated anew. Which
/// columns there are only a catalog knows.
fn covers(bundle: &Bundle) -> Coverage {
    if bundle.projects.is_empty() {
        return Coverage::empty();
    }
    let mut covers = Coverage::DATASETS
        | Coverage::JOBS
        | Coverage::EDGES
        | Coverage::FIELD_EDGES
        | Coverage::ALIASES
        | Coverage::ATTRIBUTES;
    let has_columns = bundle.projects.iter().all(|project| {
        let catalogs = &project.results.catalogs;
        let is_whole = catalogs
            .iter()
            .all(|catalog| catalog.content.errors.0.is_empty());
        !catalogs.is_empty() && is_whole
    });
    if has_columns {
        covers |= Coverage::FIELDS;
    }
    covers
}

/// When dbt wrote an artifact, in epoch milliseconds.
fn generated(reading: &Reading, diagnostics: &mut Vec<Diagnostic>) -> Option<i64> {
    let text = reading.content.metadata().generated_at.as_deref()?;
    let parsed = time::parse_rfc3339(text);
    let found = match parsed {
        Some((epoch_ms, true)) => return Some(epoch_ms),
        Some((_, false)) => "names no zone; it is read as UTC",
        None => "is no time; the facts hold from when they are received",
    };
    let at = Places::pointer(reading.artifact, "/metadata/generated_at".into());
    diagnostics.push(diagnostic(
        Severity::Warning,
        "dbt/generated-at",
        format!("`{text}` {found}"),
        Some(at),
    ));
    parsed.map(|(epoch_ms, _)| epoch_ms)
}

headwater_extractor::export!(Dbt);
