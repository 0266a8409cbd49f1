//! What an answer does not say.

use serde::{Deserialize, Serialize};

use crate::failure::{Exit, Failure};
use crate::output::{self, Tone, count};

/// What an answer does and does not say, as the service puts it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Completeness {
    /// Nothing was cut or hidden.
    pub(crate) walk_complete: bool,
    /// Besides, nothing reached is unresolved, stale or without fields.
    pub(crate) exhaustive: bool,
    /// Why the walk stopped early.
    pub(crate) cut_by: Vec<String>,
    /// Where it stopped.
    pub(crate) frontier: Vec<String>,
    /// Datasets reached that no source declares.
    pub(crate) unresolved_count: u64,
    /// Datasets at which a field walk went on at dataset level.
    pub(crate) without_fields_count: u64,
    /// Assets reached that this caller may not see.
    pub(crate) hidden_count: u64,
    /// Datasets that the question left out and that the walk went through; of a question that asked for that.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) contracted_count: u64,
    /// Sources reached that are older than they promised, or failed.
    pub(crate) stale_sources: Vec<StaleSource>,
}

/// A source that has fallen behind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StaleSource {
    name: String,
    domain: DomainName,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct DomainName {
    name: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Completeness {
    /// The selection that fills this, for a query.
    pub(crate) const SELECTION: &str = "completeness { walkComplete exhaustive cutBy frontier unresolvedCount \
        withoutFieldsCount hiddenCount staleSources { name domain { name } } }";

    /// Why the answer is not complete, a line each; empty if it is.
    fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        for reason in &self.cut_by {
            let bound = match reason.as_str() {
                "DEPTH" => "the depth asked for",
                "LIMIT" => "a limit on its size",
                "TIMEOUT" => "a limit on its time",
                other => other,
            };
            gaps.push(match self.frontier.len() {
                0 => format!("the walk was cut by {bound}"),
                cut => format!(
                    "the walk was cut by {bound}, with more behind {}",
                    count(cut as u64, "asset")
                ),
            });
        }
        let mut counted = |number: u64, one: &str, many: &str| match number {
            0 => {}
            1 => gaps.push(format!("1 {one}")),
            _ => gaps.push(format!("{number} {many}")),
        };
        counted(
            self.unresolved_count,
            "dataset reached is declared by no source",
            "datasets reached are declared by no source",
        );
        counted(
            self.without_fields_count,
            "dataset reached has no field lineage",
            "datasets reached have no field lineage",
        );
        counted(
            self.hidden_count,
            "asset reached is hidden from you",
            "assets reached are hidden from you",
        );
        gaps.extend(self.stale_sources.iter().map(|source| {
            format!(
                "source {}/{} is stale: its last submission is older than promised, or failed",
                source.domain.name, source.name
            )
        }));
        if gaps.is_empty() && !(self.walk_complete && self.exhaustive) {
            gaps.push("the service does not say why".to_owned());
        }
        gaps
    }

    /// How many datasets were left out on request, for a line that tells what the answer is.
    pub(crate) fn contracted(&self) -> String {
        match self.contracted_count {
            0 => String::new(),
            left_out => format!(", {} contracted", count(left_out, "dataset")),
        }
    }

    /// Says on standard error what is missing, `more_gaps` (found by the client) included.
    ///
    /// # Errors
    /// A [`Failure`] with [`Exit::CheckFailed`] if something is missing and `is_required`.
    pub(crate) fn tell(&self, more_gaps: Vec<String>, is_required: bool) -> anyhow::Result<()> {
        let mut gaps = self.gaps();
        gaps.extend(more_gaps);
        for gap in &gaps {
            output::tell(Tone::Warning, &format!("incomplete: {gap}"));
        }
        if is_required && !gaps.is_empty() {
            return Err(Failure::new(Exit::CheckFailed, "the answer is not complete").into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use super::*;

    fn partial() -> Completeness {
        serde_json::from_value(json!({
            "walkComplete": false, "exhaustive": false, "cutBy": ["DEPTH"], "frontier": ["a", "b"],
            "unresolvedCount": 1, "withoutFieldsCount": 0, "hiddenCount": 3,
            "staleSources": [{"name": "dbt", "domain": {"name": "orders"}}]
        }))
        .expect("completeness")
    }

    #[test]
    fn every_gap_is_told() {
        assert_snapshot!(partial().gaps().join("\n"), @r"
        the walk was cut by the depth asked for, with more behind 2 assets
        1 dataset reached is declared by no source
        3 assets reached are hidden from you
        source orders/dbt is stale: its last submission is older than promised, or failed
        ");
    }

    #[test]
    fn a_gap_fails_the_check_only_where_one_is_asked_for() {
        let complete = Completeness {
            walk_complete: true,
            exhaustive: true,
            ..Completeness::default()
        };
        assert!(complete.tell(Vec::new(), true).is_ok());
        assert!(
            complete
                .tell(vec!["a list was cut".to_owned()], true)
                .is_err()
        );
        assert!(partial().tell(Vec::new(), false).is_ok());
        let error = partial().tell(Vec::new(), true).expect_err("gaps");
        assert_eq!(crate::failure::exit_of(&error), Some(Exit::CheckFailed));
        let unexplained = Completeness {
            walk_complete: true,
            ..Completeness::default()
        };
        assert!(
            unexplained.tell(Vec::new(), true).is_err(),
            "silence is no proof"
        );
    }
}
