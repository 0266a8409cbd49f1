//! Waiting for an extraction, and telling what came of it.

use std::thread;
use std::time::{Duration, Instant};

use headwater_model::SourceKey;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{WaitArgs, variables};
use crate::client::Client;
use crate::failure::{Exit, Failure};
use crate::output::{self, Format, count};

/// How long an extraction is waited for.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often it is looked at: seldom enough to be no burden.
const LOOK: Duration = Duration::from_millis(100);

/// What is asked of an extraction.
pub(super) const EXTRACTION_FIELDS: &str = "number trigger state attempts queuedAt startedAt endedAt pluginVersion \
     pluginDigest artifactsCount artifactsBytes offset addedCount removedCount unchangedCount error diagnosticsCount \
     usage { memoryMebibytes memoryMebibytesMax timeMs timeMsMax facts factsMax readMebibytes readMebibytesMax } \
     diagnostics { severity code message artifact pointer line column }";

/// An extraction.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Extraction {
    number: u64,
    trigger: String,
    state: String,
    queued_at: String,
    plugin_version: Option<String>,
    added_count: Option<u64>,
    removed_count: Option<u64>,
    unchanged_count: Option<u64>,
    error: Option<String>,
    diagnostics_count: u64,
    usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    memory_mebibytes: f64,
    time_ms: f64,
}

impl Extraction {
    fn is_end(&self) -> bool {
        let ends = ["SUCCEEDED", "UNCHANGED", "FAILED", "SUPERSEDED"];
        ends.contains(&self.state.as_str())
    }

    /// When it was asked for.
    pub(super) fn when(&self) -> &str {
        &self.queued_at
    }

    /// What came of it, in a few words.
    pub(super) fn outcome(&self) -> String {
        match (self.state.as_str(), self.added_count, self.removed_count) {
            ("SUCCEEDED", Some(added), Some(removed)) => {
                let found = match self.diagnostics_count {
                    0 => String::new(),
                    found => format!(", {}", count(found, "diagnostic")),
                };
                let unchanged = self.unchanged_count.unwrap_or(0);
                format!("+{added} -{removed} ={unchanged}{found}")
            }
            ("FAILED", ..) => {
                let error = self.error.as_deref().unwrap_or("no reason is known");
                format!("failed: {}", output::printable(error))
            }
            (state, ..) => state.to_lowercase(),
        }
    }

    /// Its line in a table.
    pub(super) fn row(&self) -> [String; 7] {
        let usage = self.usage.as_ref();
        [
            self.number.to_string(),
            self.queued_at.clone(),
            self.trigger.to_lowercase(),
            self.plugin_version
                .clone()
                .unwrap_or_else(|| "-".to_owned()),
            self.outcome(),
            usage.map_or_else(
                || "-".to_owned(),
                |of| format!("{:.1} MiB", of.memory_mebibytes),
            ),
            usage.map_or_else(|| "-".to_owned(), |of| format!("{:.0} ms", of.time_ms)),
        ]
    }
}

/// Waits for an extraction unless that is not wanted, and tells what came of it.
///
/// # Errors
/// A [`Failure`] with [`Exit::Input`] if nothing came of it.
pub(super) fn follow(
    client: &Client,
    source: &SourceKey,
    number: u64,
    wait: WaitArgs,
    format: Format,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    let spinner = output::spinner(format!("{} extracts {source}", client.server()));
    let found = loop {
        let found = look(client, source, number)?;
        let extraction: Extraction = serde_json::from_value(found["extraction"].clone())?;
        let paused = found["pauseReason"].as_str().map(str::to_owned);
        let is_held = paused.is_some() && extraction.state == "QUEUED";
        if wait.no_wait || is_held || extraction.is_end() || begun.elapsed() > PATIENCE {
            break (found, extraction, paused);
        }
        thread::sleep(LOOK);
    };
    spinner.finish_and_clear();
    let (found, extraction, paused) = found;
    match format {
        Format::Json => output::print_json(&found["extraction"])?,
        Format::Table => output::print(&format!(
            "{source}, extraction {number}: {}\n",
            extraction.outcome()
        ))?,
    }
    match (extraction.state.as_str(), paused) {
        ("FAILED", _) => {
            let error = extraction.error.unwrap_or_default();
            Err(Failure::new(Exit::Input, format!("{source} was not extracted: {error}")).into())
        }
        ("QUEUED", Some(reason)) => {
            let message = format!("{source} is paused: {reason}");
            Err(Failure::new(Exit::Failed, message)
                .hint(format!(
                    "`headwater source resume {source}` lets it be extracted"
                ))
                .into())
        }
        _ => Ok(()),
    }
}

fn look(client: &Client, source: &SourceKey, number: u64) -> anyhow::Result<Value> {
    let query = format!(
        "query($domain: String!, $name: String!, $number: Int!) {{ sourceBinding(domain: $domain, name: $name) {{ \
         pauseReason extraction(number: $number) {{ {EXTRACTION_FIELDS} }} }} }}"
    );
    let asked = variables(source, &json!({ "number": number }));
    let found: Value = client.ask_repeatable("sourceBinding", &query, &asked)?;
    if found["extraction"].is_null() {
        let message = format!("extraction {number} of {source} is not remembered");
        return Err(Failure::new(Exit::NotFound, message).into());
    }
    Ok(found)
}
