//! `headwater submit`: what a domain's own files say, to the service.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use headwater_model::{DomainName, SourceName};
use headwater_record::JsonLayout;
use serde_json::Value;
use uuid::Uuid;

use crate::cli::ServerArgs;
use crate::client::{Client, Reply, blames_input};
use crate::diagnostics::{self, Finding};
use crate::environment::Environment;
use crate::extraction::ExtractionArgs;
use crate::failure::{Exit, Failure};
use crate::output::{self, Format, Tone, count};

mod receipt;

use receipt::Receipt;

/// The largest document of facts that is read from a file or from standard input.
const FACTS_BYTES_MAX: u64 = 2 << 30;

/// Submit what a domain's files say: extract facts in a sandbox, and post them
///
/// The source's facts of the kinds that the extractor covers are replaced by what the files say now.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headwater submit --domain orders --source dbt-prod --plugin dbt target/
  headwater submit --domain orders --source dbt-prod --plugin dbt --dry-run target/manifest.json
  headwater extract --plugin dbt target/ | headwater submit --domain orders --source dbt-prod --facts -")]
pub(crate) struct SubmitArgs {
    #[command(flatten)]
    server: ServerArgs,

    /// The domain that submits
    #[arg(long, value_parser = |text: &str| DomainName::parse(text))]
    domain: DomainName,

    /// The source's name within the domain: one for each use of an extractor
    #[arg(long, value_parser = |text: &str| SourceName::parse(text))]
    source: SourceName,

    /// Name of an extractor in the plugins folder, or path to a component
    #[arg(
        long,
        value_name = "P",
        required_unless_present = "facts",
        requires = "files"
    )]
    plugin: Option<String>,

    /// Submit ready-made facts as JSON; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["plugin", "files", "config", "set"])]
    facts: Option<PathBuf>,

    #[command(flatten)]
    extraction: ExtractionArgs,

    /// Keep nothing, and show what would change and who is downstream of it
    #[arg(long)]
    dry_run: bool,

    /// How to print the receipt
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Files to read; of a folder, those that the extractor reads
    #[arg(value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &SubmitArgs, environment: &Environment) -> anyhow::Result<()> {
    let client = Client::new(&args.server.url)?;
    let (body, findings) = facts_of(args, environment)?;
    // One key for all attempts of this invocation, and another one for the next.
    let key = Uuid::new_v4().to_string();
    let suffix = if args.dry_run { "?dryRun=true" } else { "" };
    let path = format!(
        "/api/v1/sources/{}/{}/submissions{suffix}",
        segment(args.domain.as_str()),
        segment(args.source.as_str())
    );
    let spinner = output::spinner(format!(
        "posting {} to {}",
        bytes_of(&body),
        client.server()
    ));
    let reply = client.post_repeatable(&path, &[("Idempotency-Key", &key)], &body);
    spinner.finish_and_clear();
    let answer = match reply
        .map_err(anyhow::Error::new)
        .and_then(|reply| accepted(args, &reply))
    {
        Ok(answer) => answer,
        Err(error) => {
            // What the extractor found may explain the refusal.
            diagnostics::tell(&findings);
            return Err(error);
        }
    };
    let receipt = Receipt::deserialize(&answer)?;
    diagnostics::tell(&united(findings, &receipt.diagnostics));
    match args.format {
        Format::Json => output::print_json(&answer)?,
        Format::Table => output::print(&receipt.render(&source_of(args), args.dry_run))?,
    }
    let errors = receipt
        .diagnostics
        .iter()
        .filter(|finding| finding.is_error())
        .count();
    if errors > 0 && !args.dry_run {
        let errors = count(errors as u64, "error");
        let line = format!(
            "note: {errors} in the input: nothing of the source ended, and it is stale until it is submitted without"
        );
        output::tell(Tone::Warning, &line);
    }
    Ok(())
}

fn source_of(args: &SubmitArgs) -> String {
    format!("{}/{}", args.domain, args.source)
}

/// The document to post, and what the extractor found on the way.
fn facts_of(
    args: &SubmitArgs,
    environment: &Environment,
) -> anyhow::Result<(Vec<u8>, Vec<Finding>)> {
    if let Some(path) = &args.facts {
        return Ok((read_facts(path)?, Vec::new()));
    }
    // The command line is refused without either of the two.
    let plugin = args.plugin.as_deref().unwrap_or_default();
    let extracted = args.extraction.run(plugin, &args.files, environment)?;
    let findings = extracted
        .extraction
        .diagnostics
        .iter()
        .map(Finding::from)
        .collect();
    Ok((
        extracted.to_json(JsonLayout::Compact)?.into_bytes(),
        findings,
    ))
}

fn read_facts(path: &Path) -> anyhow::Result<Vec<u8>> {
    let is_stdin = path == Path::new("-");
    let shown = if is_stdin {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    let failed = || Failure::new(Exit::Input, format!("cannot read {shown}"));
    let mut body = Vec::new();
    let bounded = FACTS_BYTES_MAX + 1;
    let length = if is_stdin {
        std::io::stdin().lock().take(bounded).read_to_end(&mut body)
    } else {
        fs::File::open(path).and_then(|file| file.take(bounded).read_to_end(&mut body))
    };
    if length.with_context(failed)? as u64 > FACTS_BYTES_MAX {
        let message = format!("{shown} is longer than {FACTS_BYTES_MAX} bytes");
        return Err(Failure::new(Exit::Input, message).into());
    }
    Ok(body)
}

/// The receipt, or why there is none.
fn accepted(args: &SubmitArgs, reply: &Reply) -> anyhow::Result<Value> {
    let source = source_of(args);
    if reply.is_success() {
        return serde_json::from_slice(&reply.body)
            .with_context(|| format!("cannot read the receipt for {source}"));
    }
    let error = reply.error();
    let message = format!("{source} was refused ({}): {}", reply.status, error.text());
    let exit = if blames_input(reply.status) {
        Exit::Input
    } else {
        Exit::Failed
    };
    let failure = Failure::new(exit, message);
    Err(match reply.status {
        404 => failure.hint(format!("does {} serve submissions?", args.server.url)),
        503 | 429 => failure.hint("the service is busy; nothing was kept, try again"),
        _ => failure,
    }
    .into())
}

/// What the extractor found, and what the service found beyond.
fn united(mut findings: Vec<Finding>, answered: &[Finding]) -> Vec<Finding> {
    let more: Vec<Finding> = answered
        .iter()
        .filter(|finding| !findings.contains(finding))
        .cloned()
        .collect();
    findings.extend(more);
    findings
}

/// A name as one segment of a path: names may hold letters beyond ASCII.
fn segment(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn bytes_of(body: &[u8]) -> String {
    match body.len() {
        length @ 0..10_000 => count(length as u64, "byte"),
        length @ 10_000..10_000_000 => format!("{} kB", length / 1000),
        length => format!("{} MB", length / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_of_the_path() {
        assert_eq!(segment("dbt-prod.v2_x"), "dbt-prod.v2_x");
        assert_eq!(segment("bücher"), "b%C3%BCcher");
    }

    #[test]
    fn a_finding_that_comes_back_is_told_once() {
        let finding = |message: &str| {
            serde_json::from_value::<Finding>(serde_json::json!({
                "severity": "INFO", "code": "c", "message": message
            }))
            .expect("a finding")
        };
        let both = united(vec![finding("a")], &[finding("a"), finding("b")]);
        assert_eq!(both, [finding("a"), finding("b")]);
    }
}
