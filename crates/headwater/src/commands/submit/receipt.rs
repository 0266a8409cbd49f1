//! What the service answers to a submission.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use crate::diagnostics::Finding;
use crate::output::{count, table};

/// How many lines of a difference are shown for each kind of thing; the JSON has all.
const SHOWN_MAX: usize = 200;

/// A receipt; the parts after the diagnostics come from a dry run only.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Receipt {
    offset: Option<u64>,
    added_count: u64,
    removed_count: u64,
    unchanged_count: u64,
    #[serde(default)]
    pub(super) diagnostics: Vec<Finding>,
    #[serde(default)]
    added: Difference,
    #[serde(default)]
    removed: Difference,
    #[serde(default)]
    is_cut: bool,
    #[serde(default)]
    downstream: Vec<Downstream>,
    #[serde(default)]
    downstream_count: u64,
}

/// What a submission would add, or remove.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Difference {
    datasets: Vec<String>,
    jobs: Vec<String>,
    edges: Vec<Edge>,
    fields: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Edge {
    kind: String,
    from: String,
    to: String,
}

/// An asset of another domain that depends on what would change.
#[derive(Debug, Deserialize)]
struct Downstream {
    reference: String,
    domain: Option<String>,
    hops: u32,
}

impl Receipt {
    /// Reads the answer to a submission.
    ///
    /// # Errors
    /// What is missing in it.
    pub(super) fn deserialize(answer: &Value) -> anyhow::Result<Self> {
        Deserialize::deserialize(answer).context("cannot read the receipt")
    }

    /// For a person.
    pub(super) fn render(&self, source: &str, is_dry_run: bool) -> String {
        let changes = format!(
            "{} added, {} removed, {} unchanged",
            self.added_count, self.removed_count, self.unchanged_count
        );
        let mut text = match (is_dry_run, self.offset) {
            (true, _) => format!("{source} would change: {changes}; nothing was kept\n"),
            (false, Some(offset)) => format!("{source} is in at offset {offset}: {changes}\n"),
            (false, None) => format!("{source} is in: {changes}\n"),
        };
        if !is_dry_run {
            return text;
        }
        let lines = |sign: char, difference: &Difference| difference.lines(sign);
        let difference = lines('-', &self.removed) + &lines('+', &self.added);
        if !difference.is_empty() {
            text.push('\n');
            text += &difference;
        }
        if self.is_cut {
            text += "… the service cut the difference\n";
        }
        text + &self.render_downstream()
    }

    fn render_downstream(&self) -> String {
        if self.downstream_count == 0 && self.downstream.is_empty() {
            return "\nno asset of another domain is downstream\n".to_owned();
        }
        let total = self.downstream_count.max(self.downstream.len() as u64);
        let mut text = format!("\n{} of other domains downstream\n", count(total, "asset"));
        text += &table(
            ["hops", "domain", "reference"],
            self.downstream.iter().take(SHOWN_MAX).map(|asset| {
                [
                    asset.hops.to_string(),
                    asset.domain.clone().unwrap_or_else(|| "-".to_owned()),
                    asset.reference.clone(),
                ]
            }),
        );
        let more = total - self.downstream.len().min(SHOWN_MAX) as u64;
        if more > 0 {
            let _ = writeln!(text, "… and {more} more");
        }
        text
    }
}

impl Difference {
    fn lines(&self, sign: char) -> String {
        let edges: Vec<String> = self
            .edges
            .iter()
            .map(|edge| format!("{} {} -> {}", edge.kind.to_lowercase(), edge.from, edge.to))
            .collect();
        let mut text = String::new();
        for (noun, things) in [
            ("dataset", &self.datasets),
            ("job", &self.jobs),
            ("edge", &edges),
            ("field", &self.fields),
        ] {
            for thing in things.iter().take(SHOWN_MAX) {
                // Writing to a string does not fail.
                let _ = writeln!(text, "{sign} {noun} {}", crate::output::printable(thing));
            }
            if let Some(rest) = things.get(SHOWN_MAX..).filter(|rest| !rest.is_empty()) {
                let _ = writeln!(
                    text,
                    "{sign} … and {}",
                    count(rest.len() as u64, &format!("more {noun}"))
                );
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use super::*;

    fn receipt(answer: &Value) -> Receipt {
        Receipt::deserialize(answer).expect("a receipt")
    }

    #[test]
    fn a_receipt_is_one_line() {
        let answer = json!({"offset": 12, "addedCount": 3, "removedCount": 1, "unchangedCount": 40, "diagnostics": []});
        assert_snapshot!(
            receipt(&answer).render("orders/dbt", false),
            @"orders/dbt is in at offset 12: 3 added, 1 removed, 40 unchanged"
        );
    }

    #[test]
    fn a_dry_run_shows_the_difference_and_who_is_downstream() {
        let answer = json!({
            "offset": null, "addedCount": 3, "removedCount": 2, "unchangedCount": 40, "diagnostics": [],
            "added": {"datasets": ["pg://db/new"], "jobs": [], "edges": [{"kind": "READS", "from": "pg://db/new", "to": "job:dbt/m"}],
                "fields": ["pg://db/new#id"]},
            "removed": {"datasets": ["pg://db/old"], "jobs": ["job:dbt/o"], "edges": [], "fields": []},
            "isCut": true,
            "downstream": [{"reference": "pg://db/mart", "domain": "finance", "hops": 1},
                {"reference": "pg://db/stray", "domain": null, "hops": 2}],
            "downstreamCount": 5
        });
        assert_snapshot!(receipt(&answer).render("orders/dbt", true), @r"
        orders/dbt would change: 3 added, 2 removed, 40 unchanged; nothing was kept

        - dataset pg://db/old
        - job job:dbt/o
        + dataset pg://db/new
        + edge reads pg://db/new -> job:dbt/m
        + field pg://db/new#id
        … the service cut the difference

        5 assets of other domains downstream
        hops  domain   reference
        1     finance  pg://db/mart
        2     -        pg://db/stray
        … and 3 more
        ");
    }

    #[test]
    fn an_answer_without_counts_is_no_receipt() {
        assert!(Receipt::deserialize(&json!({"offset": 1})).is_err());
    }
}
