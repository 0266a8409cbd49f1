//! `headwater plugin`: extractors as files.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use headwater_model::{Extractor as _, ExtractorDescription, ExtractorLimits};
use headwater_plugin::Inspection;
use serde_json::{Value, json};

use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Exit, Failure};
use crate::output::{self, Format, Tone, table};
use crate::plugins::{PluginsArgs, host};

mod bench;
mod build;
mod new;
mod operate;
mod python;
mod run;
mod rust;
mod test;

/// The largest file that is read to be inspected.
const COMPONENT_BYTES_MAX: u64 = 256 << 20;

/// Look at extractors, try them, and write your own
#[derive(Debug, Args)]
pub(crate) struct PluginArgs {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    List(ListArgs),
    Inspect(InspectArgs),
    Run(run::RunArgs),
    Bench(bench::BenchArgs),
    New(new::NewArgs),
    Build(build::BuildArgs),
    Test(test::TestArgs),
    Install(operate::InstallArgs),
    Activate(operate::ActivateArgs),
    Rollback(operate::RollBackArgs),
    Enable(operate::EnableArgs),
    Disable(operate::DisableArgs),
    Remove(operate::RemoveArgs),
}

/// List the extractors in the plugins folder, or those of a service
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater plugin list
  headwater plugin list --plugins target/plugins --format json
  headwater plugin list --server http://127.0.0.1:8080")]
struct ListArgs {
    /// List those of the service at this address
    #[arg(long, value_name = "URL", conflicts_with = "dir")]
    server: Option<String>,

    #[command(flatten)]
    plugins: PluginsArgs,

    /// How to print the list
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Show what a component is, what it reads and what it could touch
///
/// Exits with 3 if the service would refuse to load it, and says why.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater plugin inspect target/plugins/dbt.wasm
  headwater plugin inspect ./own.wasm --format json | jq .configSchema")]
struct InspectArgs {
    /// The component
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// How to print what is found
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub(crate) fn run(args: &PluginArgs, environment: &Environment) -> anyhow::Result<()> {
    match &args.command {
        PluginCommand::List(args) => list(args, environment),
        PluginCommand::Inspect(args) => inspect(args, environment),
        PluginCommand::Run(args) => run::run(args, environment),
        PluginCommand::Bench(args) => bench::run(args, environment),
        PluginCommand::New(args) => new::run(args),
        PluginCommand::Build(args) => build::run(args, environment),
        PluginCommand::Test(args) => test::run(args, environment),
        PluginCommand::Install(args) => operate::install(args),
        PluginCommand::Activate(args) => operate::activate(args),
        PluginCommand::Rollback(args) => operate::roll_back(args),
        PluginCommand::Enable(args) => operate::enable(args),
        PluginCommand::Disable(args) => operate::disable(args),
        PluginCommand::Remove(args) => operate::remove(args),
    }
}

fn list(args: &ListArgs, environment: &Environment) -> anyhow::Result<()> {
    if let Some(server) = &args.server {
        return operate::list(&Client::new(server)?, args.format);
    }
    let folders = args.plugins.folders(environment);
    if let Some(dir) = &args.plugins.dir
        && !dir.is_dir()
    {
        return Err(Failure::new(Exit::NotFound, format!("{} is no folder", dir.display())).into());
    }
    let spinner = output::spinner("loading extractors".to_owned());
    let host = host(environment)?;
    let mut found: Vec<(PathBuf, ExtractorDescription)> = Vec::new();
    let mut refusals = Vec::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let loaded = host.load_dir(folder)?;
        for extractor in loaded.extractors {
            let description = extractor.extractor.description();
            // As when one is looked up: the first folder that has it wins.
            if found
                .iter()
                .all(|(_, known)| known.name != description.name)
            {
                found.push((extractor.path, description.clone()));
            }
        }
        refusals.extend(
            loaded
                .refused
                .into_iter()
                .map(|refused| refused.error.to_string()),
        );
    }
    spinner.finish_and_clear();
    for refusal in refusals {
        output::tell(Tone::Warning, &format!("warning: {refusal}"));
    }
    match args.format {
        Format::Json => {
            let list: Vec<Value> = found
                .iter()
                .map(|(path, found)| described(path, found))
                .collect();
            output::print_json(&list)
        }
        Format::Table => output::print(&render_list(&found)),
    }
}

fn render_list(found: &[(PathBuf, ExtractorDescription)]) -> String {
    if found.is_empty() {
        return "no extractors\n".to_owned();
    }
    table(
        ["name", "version", "reads", "summary", "file"],
        found.iter().map(|(path, description)| {
            [
                description.name.to_string(),
                description.version.to_string(),
                globs(description),
                description.summary.to_string(),
                path.display().to_string(),
            ]
        }),
    )
}

fn globs(description: &ExtractorDescription) -> String {
    let globs: Vec<&str> = description
        .inputs
        .iter()
        .map(|input| &*input.glob)
        .collect();
    globs.join(" ")
}

fn inspect(args: &InspectArgs, environment: &Environment) -> anyhow::Result<()> {
    show(&args.file, args.format, environment)
}

/// Shows what the component in `file` is; a [`Failure`] with [`Exit::Input`] if the service would refuse it.
fn show(file: &Path, format: Format, environment: &Environment) -> anyhow::Result<()> {
    let shown = file.display();
    let failed = || Failure::new(Exit::NotFound, format!("cannot read {shown}"));
    let length = fs::metadata(file).with_context(failed)?.len();
    if length > COMPONENT_BYTES_MAX {
        let message = format!("{shown} is {length} bytes long, more than {COMPONENT_BYTES_MAX}");
        return Err(Failure::new(Exit::Input, message).into());
    }
    let bytes = fs::read(file).with_context(failed)?;
    let inspection = host(environment)?.inspect(&bytes);
    match format {
        Format::Json => output::print_json(&inspected(file, &inspection))?,
        Format::Table => output::print(&render(Some(file), &inspection))?,
    }
    match inspection.refusal {
        None => Ok(()),
        Some(refusal) => Err(Failure::new(Exit::Input, format!("{shown}: {refusal}")).into()),
    }
}

fn limits_of(limits: &ExtractorLimits) -> Value {
    json!({
        "memoryMebibytes": limits.memory_bytes_max >> 20,
        "timeoutMs": u64::try_from(limits.timeout.as_millis()).unwrap_or(u64::MAX),
        "outputFacts": limits.facts_max,
    })
}

fn described(path: &Path, description: &ExtractorDescription) -> Value {
    let schema: Option<Value> = description
        .config_schema
        .as_deref()
        .and_then(|schema| serde_json::from_str(schema).ok());
    let inputs: Vec<Value> = description
        .inputs
        .iter()
        .map(|input| json!({"glob": &*input.glob, "mediaType": &*input.media_type, "required": input.is_required}))
        .collect();
    json!({
        "file": path.display().to_string(),
        "name": &*description.name,
        "version": &*description.version,
        "description": &*description.summary,
        "apiVersion": &*description.api_version,
        "digest": description.digest.to_string(),
        "inputs": inputs,
        "configSchema": schema,
        "limits": limits_of(&description.limits),
    })
}

fn inspected(path: &Path, inspection: &Inspection) -> Value {
    let mut value = match &inspection.description {
        Some(description) => described(path, description),
        None => {
            json!({ "file": path.display().to_string(), "limits": limits_of(&inspection.limits) })
        }
    };
    value["bytes"] = json!(inspection.bytes);
    value["digest"] = json!(inspection.digest.to_string());
    value["apiVersion"] = json!(inspection.api_version.as_deref());
    value["imports"] = json!(inspection.imports);
    value["exports"] = json!(inspection.exports);
    value["refusal"] = json!(inspection.refusal);
    value
}

fn render(file: Option<&Path>, inspection: &Inspection) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{key:<12} {}", output::printable(value));
    };
    if let Some(description) = &inspection.description {
        line("name", &description.name);
        line("version", &description.version);
        line("summary", &description.summary);
        for input in &description.inputs {
            let required = if input.is_required { ", required" } else { "" };
            line(
                "reads",
                &format!("{} ({}{required})", input.glob, input.media_type),
            );
        }
        for key in config_keys(description) {
            line("config", &key);
        }
    }
    if let Some(file) = file {
        line("file", &file.display().to_string());
    }
    line(
        "contract",
        inspection.api_version.as_deref().unwrap_or("none named"),
    );
    line("digest", &inspection.digest.to_string());
    line("size", &output::count(inspection.bytes, "byte"));
    for import in &inspection.imports {
        line("imports", import);
    }
    for export in &inspection.exports {
        line("exports", export);
    }
    let limits = &inspection.limits;
    line(
        "limits",
        &format!(
            "{} MiB of memory, {} s, {}",
            limits.memory_bytes_max >> 20,
            limits.timeout.as_secs_f64(),
            output::count(limits.facts_max, "fact")
        ),
    );
    if let Some(refusal) = &inspection.refusal {
        line("refused", refusal);
    }
    text
}

/// The keys that the configuration schema names, each with its description.
fn config_keys(description: &ExtractorDescription) -> Vec<String> {
    let schema = description.config_schema.as_deref().unwrap_or("null");
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let Some(properties) = schema["properties"].as_object() else {
        return Vec::new();
    };
    properties
        .iter()
        .map(|(key, property)| match property["description"].as_str() {
            Some(about) => format!("{key}: {about}"),
            None => key.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use headwater_model::{Digest, InputPattern};
    use insta::assert_snapshot;

    use super::*;

    fn description() -> ExtractorDescription {
        ExtractorDescription {
            name: "dbt".into(),
            version: "0.1.0".into(),
            summary: "Models and their columns".into(),
            api_version: "0.1".into(),
            digest: Digest::from_bytes([0xab; 32]),
            inputs: vec![InputPattern {
                glob: "**/manifest.json".into(),
                media_type: "application/json".into(),
                is_required: true,
            }],
            config_schema: Some(
                r#"{"properties": {"namespace": {"type": "string", "description": "Where datasets live"}}}"#.into(),
            ),
            limits: limits(),
        }
    }

    fn limits() -> ExtractorLimits {
        ExtractorLimits {
            memory_bytes_max: 512 << 20,
            timeout: Duration::from_secs(30),
            facts_max: 1000,
            read_bytes_max: 1 << 30,
        }
    }

    fn inspection(refusal: Option<&str>) -> Inspection {
        Inspection {
            bytes: 217,
            digest: Digest::from_bytes([0xab; 32]),
            api_version: Some("0.1".into()),
            imports: vec!["headwater:extractor/host@0.1.0".to_owned()],
            exports: vec!["headwater:extractor/plugin@0.1.0".to_owned()],
            description: refusal.is_none().then(description),
            refusal: refusal.map(str::to_owned),
            limits: limits(),
        }
    }

    #[test]
    fn an_inspection_shows_what_it_reads_and_what_it_could_touch() {
        assert_snapshot!(render(None, &inspection(None)), @r"
        name         dbt
        version      0.1.0
        summary      Models and their columns
        reads        **/manifest.json (application/json, required)
        config       namespace: Where datasets live
        contract     0.1
        digest       abababababababababababababababababababababababababababababababab
        size         217 bytes
        imports      headwater:extractor/host@0.1.0
        exports      headwater:extractor/plugin@0.1.0
        limits       512 MiB of memory, 30 s, 1000 facts
        ");
        let refused = render(None, &inspection(Some("imports wasi:io/streams")));
        assert!(
            refused.contains("refused      imports wasi:io/streams"),
            "{refused}"
        );
    }

    #[test]
    fn json_carries_the_configuration_schema_as_json() {
        let value = inspected(Path::new("x.wasm"), &inspection(None));
        assert_eq!(
            value["configSchema"]["properties"]["namespace"]["type"],
            "string"
        );
        assert_eq!(value["limits"]["memoryMebibytes"], 512);
        assert_eq!(value["refusal"], Value::Null);
    }

    #[test]
    fn a_list_names_what_each_reads() {
        assert_snapshot!(render_list(&[(PathBuf::from("p/dbt.wasm"), description())]), @r"
        name  version  reads             summary                   file
        dbt   0.1.0    **/manifest.json  Models and their columns  p/dbt.wasm
        ");
        assert_snapshot!(render_list(&[]), @"no extractors");
    }
}
