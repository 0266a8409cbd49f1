//! `headwater plugin test`: golden cases, replayed in the sandbox.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use headwater_model::{Artifact, ExtractError, Extractor as _, ExtractorConfig};
use headwater_plugin::WasmExtractor;
use headwater_record::{FactsDocument, JsonLayout, facts_to_json};
use serde_json::{Value, json};

use super::build;
use crate::artifacts::Inputs;
use crate::diagnostics::Finding;
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::output::{self, Format, count, printable};

/// The largest file of a case: 256 MiB.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// Of a difference, as many characters are shown.
const SHOWN_CHARS_MAX: usize = 400;

/// Run an extractor's golden cases in its sandbox
///
/// A case is a folder in tests/golden: `inputs/` (each file is an artifact), `config.json` (the configuration, {} if it is
/// not there) and `expected.json` (the facts, or the error, that must come out). Exits with 5 if one differs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater plugin test
  headwater plugin test --update
  headwater plugin test extractors/billing --component ./billing.wasm --format json")]
pub(super) struct TestArgs {
    /// Folder of the project
    #[arg(value_name = "DIR", default_value = ".")]
    project: PathBuf,

    /// Accept what comes out: write it to expected.json
    #[arg(long)]
    update: bool,

    /// A component that is built already [default: the project is built]
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,

    /// How to print the outcome
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What a case came to.
enum Outcome {
    Same,
    Updated,
    /// Where, and how.
    Differs(String),
}

/// Runs the command.
pub(super) fn run(args: &TestArgs, environment: &Environment) -> anyhow::Result<()> {
    let cases = cases(&args.project)?;
    let component = match &args.component {
        Some(component) => component.clone(),
        None => build::component_of(&args.project)?,
    };
    let extractor = build::load(&component, environment)?;
    let mut outcomes = Vec::with_capacity(cases.len());
    for case in &cases {
        let outcome = check(&extractor, case, args.update)?;
        let name = case.file_name().unwrap_or_default().to_string_lossy();
        outcomes.push((name.into_owned(), outcome));
    }
    match args.format {
        Format::Json => output::print_json(&outcomes.iter().map(shown).collect::<Vec<_>>())?,
        Format::Table => output::print(&render(&outcomes))?,
    }
    let differing = outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Differs(_)))
        .count();
    if differing == 0 {
        return Ok(());
    }
    let cases = count(outcomes.len() as u64, "case");
    let message = format!("of {cases}, {differing} came out otherwise than expected");
    Err(Failure::new(Exit::CheckFailed, message)
        .hint("if what comes out is right, --update accepts it")
        .into())
}

/// The folders of the golden cases, by name.
fn cases(project: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let folder = project.join("tests/golden");
    let entries = fs::read_dir(&folder).map_err(|error| {
        let message = format!("{} has no folder tests/golden", project.display());
        Failure::new(Exit::Input, message).because(error)
    })?;
    let mut cases = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            cases.push(path);
        }
    }
    cases.sort();
    if cases.is_empty() {
        let message = format!("{} has no case", folder.display());
        return Err(Failure::new(Exit::Input, message).into());
    }
    Ok(cases)
}

fn check(extractor: &WasmExtractor, case: &Path, is_update: bool) -> anyhow::Result<Outcome> {
    let found = outcome(extractor, case)?;
    let path = case.join("expected.json");
    let expected = match read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .with_context(|| wrong(&path, "it is no JSON"))
            .map(Some)?,
        Err(_) if !path.exists() => None,
        Err(error) => return Err(error),
    };
    let difference = match &expected {
        Some(expected) => difference(expected, &found, ""),
        None => Some("there is no expected.json".to_owned()),
    };
    let Some(difference) = difference else {
        return Ok(Outcome::Same);
    };
    if !is_update {
        return Ok(Outcome::Differs(difference));
    }
    let text = serde_json::to_string_pretty(&found)? + "\n";
    fs::write(&path, text).with_context(|| wrong(&path, "it can't be written"))?;
    Ok(Outcome::Updated)
}

/// What the extractor makes of a case: facts, or an error.
fn outcome(extractor: &WasmExtractor, case: &Path) -> anyhow::Result<Value> {
    let config = config(&case.join("config.json"))?;
    let artifacts = artifacts(extractor, &case.join("inputs"))?;
    let facts = match extractor.extract(&config, &artifacts) {
        Ok(extraction) => facts_to_json(
            &FactsDocument {
                // Its digest changes with every build.
                extractor: None,
                generated_at: extraction.generated_at,
                covers: extraction.covers,
                facts: &extraction.facts,
                diagnostics: &extraction.diagnostics,
            },
            JsonLayout::Compact,
        )?,
        Err(error) => return Ok(json!({ "error": error_value(&error) })),
    };
    Ok(serde_json::from_str(&facts)?)
}

fn config(path: &Path) -> anyhow::Result<ExtractorConfig> {
    if !path.exists() {
        return Ok(ExtractorConfig::new());
    }
    let text = read(path)?;
    let parsed = serde_json::from_slice(&text);
    parsed.with_context(|| {
        wrong(
            path,
            "a configuration is an object whose values are strings",
        )
    })
}

fn artifacts(extractor: &WasmExtractor, folder: &Path) -> anyhow::Result<Vec<Artifact>> {
    let inputs = Inputs::of(&extractor.description().inputs)?;
    let entries = fs::read_dir(folder).with_context(|| wrong(folder, "it can't be read"))?;
    let mut artifacts = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        artifacts.push(Artifact {
            media_type: inputs.media_type(&name).unwrap_or_default(),
            content: read(&path)?.into(),
            name: name.as_ref().into(),
        });
    }
    artifacts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(artifacts)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let length = fs::metadata(path)
        .with_context(|| wrong(path, "it can't be read"))?
        .len();
    if length > FILE_BYTES_MAX {
        let rule = format!("it has {length} bytes, more than {FILE_BYTES_MAX}");
        return Err(wrong(path, &rule).into());
    }
    fs::read(path).with_context(|| wrong(path, "it can't be read"))
}

fn wrong(path: &Path, rule: &str) -> Failure {
    Failure::new(Exit::Input, format!("{}: {rule}", path.display()))
}

/// As the SDK writes what an extractor returned.
fn error_value(error: &ExtractError) -> Value {
    match error {
        ExtractError::Unsupported { message, .. } => {
            json!({"kind": "UNSUPPORTED", "message": message})
        }
        ExtractError::Malformed { diagnostic, .. } => {
            json!({"kind": "MALFORMED", "diagnostic": Finding::from(&**diagnostic)})
        }
        ExtractError::Config { message, .. } => json!({"kind": "CONFIG", "message": message}),
        ExtractError::Limit { message, .. } => json!({"kind": "LIMIT", "message": message}),
        ExtractError::Failed { message, .. } => json!({"kind": "INTERNAL", "message": message}),
    }
}

/// Where two values differ first, and how; none if they are the same.
fn difference(expected: &Value, found: &Value, pointer: &str) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let keys: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
            keys.into_iter().find_map(|key| {
                let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                of_member(expected.get(key), found.get(key), &pointer)
            })
        }
        (Value::Array(expected), Value::Array(found)) => {
            let length = expected.len().max(found.len());
            (0..length).find_map(|at| {
                of_member(expected.get(at), found.get(at), &format!("{pointer}/{at}"))
            })
        }
        (expected, found) if expected == found => None,
        (expected, found) => Some(format!("{pointer} is {found}, not {expected}")),
    }
}

fn of_member(expected: Option<&Value>, found: Option<&Value>, pointer: &str) -> Option<String> {
    match (expected, found) {
        (Some(expected), Some(found)) => difference(expected, found, pointer),
        (Some(expected), None) => Some(format!("{pointer} is missing: {expected}")),
        (None, Some(found)) => Some(format!("{pointer} is not expected: {found}")),
        (None, None) => None,
    }
}

fn shown((name, outcome): &(String, Outcome)) -> Value {
    let (word, difference) = words(outcome);
    json!({"case": name, "outcome": word, "difference": difference})
}

fn words(outcome: &Outcome) -> (&'static str, Option<&str>) {
    match outcome {
        Outcome::Same => ("same", None),
        Outcome::Updated => ("updated", None),
        Outcome::Differs(difference) => ("differs", Some(difference)),
    }
}

fn render(outcomes: &[(String, Outcome)]) -> String {
    let mut text = String::new();
    for (name, outcome) in outcomes {
        let (word, difference) = words(outcome);
        // Writing to a string does not fail.
        let _ = writeln!(text, "{word:<8} {}", printable(name));
        if let Some(difference) = difference {
            let cut: String = difference.chars().take(SHOWN_CHARS_MAX).collect();
            let _ = writeln!(text, "         {}", printable(&cut));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: &Value, found: &Value, told: Option<&str>) {
        assert_eq!(difference(expected, found, "").as_deref(), told);
    }

    #[test]
    fn a_difference_is_told_with_its_place() {
        check(&json!({"a": [1, 2]}), &json!({"a": [1, 2]}), None);
        check(
            &json!({"a": [1, {"b/c": 2}]}),
            &json!({"a": [1, {"b/c": 3}]}),
            Some("/a/1/b~1c is 3, not 2"),
        );
        check(&json!([1, 2]), &json!([1]), Some("/1 is missing: 2"));
        check(
            &json!({}),
            &json!({"x": null}),
            Some("/x is not expected: null"),
        );
    }
}
