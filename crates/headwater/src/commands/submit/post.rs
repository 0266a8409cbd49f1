//! Posting facts for one source, and telling what came of it.

use std::fmt;

use anyhow::Context as _;
use headwater_model::{DomainName, SourceName};
use serde_json::Value;
use uuid::Uuid;

use super::document::Document;
use super::receipt::Receipt;
use crate::client::{Client, Reply, blames_input, segment};
use crate::diagnostics::{self, Finding};
use crate::failure::{Exit, Failure};
use crate::output::{self, Format, count};

/// The source that is submitted for, and whether in earnest.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) domain: DomainName,
    pub(super) source: SourceName,
    pub(super) is_dry_run: bool,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.source)
    }
}

impl Target {
    /// Posts `document`, tells findings, and prints the receipt where `format` is for a person. Returns the answer.
    ///
    /// # Errors
    /// A [`Failure`]: [`Exit::Input`] if the service refuses what was sent, else [`Exit::Failed`].
    pub(super) fn submit(
        &self,
        client: &Client,
        document: &Document,
        format: Format,
    ) -> anyhow::Result<Value> {
        let reply = self.post(client, &document.json);
        let answer = match reply.and_then(|reply| self.accepted(client, &reply)) {
            Ok(answer) => answer,
            Err(error) => {
                // What the extractor found may explain the refusal.
                diagnostics::tell(&document.findings);
                return Err(error);
            }
        };
        let receipt = Receipt::deserialize(&answer)?;
        diagnostics::tell(&united(document.findings.clone(), &receipt.diagnostics));
        if format == Format::Table {
            output::print(&receipt.render(&self.to_string(), self.is_dry_run))?;
        }
        let errors = receipt.diagnostics.iter().filter(|found| found.is_error());
        match errors.count() {
            0 => {}
            _ if self.is_dry_run => {}
            errors_count => super::tell_errors(errors_count),
        }
        Ok(answer)
    }

    fn post(&self, client: &Client, body: &[u8]) -> anyhow::Result<Reply> {
        // One key for all attempts of this invocation, and another one for the next.
        let key = Uuid::new_v4().to_string();
        let suffix = if self.is_dry_run { "?dryRun=true" } else { "" };
        let path = format!(
            "/api/v1/sources/{}/{}/submissions{suffix}",
            segment(self.domain.as_str()),
            segment(self.source.as_str())
        );
        let spinner = output::spinner(format!("posting {} to {}", bytes_of(body), client.server()));
        let reply = client.post_repeatable(&path, &[("Idempotency-Key", &key)], body);
        spinner.finish_and_clear();
        Ok(reply?)
    }

    /// The receipt, or why there is none.
    fn accepted(&self, client: &Client, reply: &Reply) -> anyhow::Result<Value> {
        if reply.is_success() {
            return serde_json::from_slice(&reply.body)
                .with_context(|| format!("cannot read the receipt for {self}"));
        }
        let error = reply.error();
        let message = format!("{self} was refused ({}): {}", reply.status, error.text());
        let exit = if blames_input(reply.status) {
            Exit::Input
        } else {
            Exit::Failed
        };
        let failure = Failure::new(exit, message);
        Err(match reply.status {
            404 => failure.hint(format!("does {} serve submissions?", client.server())),
            503 | 429 => failure.hint("the service is busy; nothing was kept, try again"),
            _ => failure,
        }
        .into())
    }
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
