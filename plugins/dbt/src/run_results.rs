//! `run_results.json`: what one invocation of dbt did, node by node.
//!
//! Source: <https://schemas.getdbt.com/dbt/run-results/v1.json> to `v6.json`.

use headwater_extractor::{RunState, time};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::artifact::Metadata;
use crate::salvage::Salvage;
use crate::text::{Members, Number, Scalar, Text};

/// The earliest time that can be stated, the first of January of year 1, in epoch milliseconds.
const FIRST_YEAR_MS: i64 = -62_135_596_800_000;

/// All results of an invocation.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct RunResults<'a> {
    pub(crate) metadata: Metadata<'a>,
    pub(crate) results: Vec<RunResult<'a>>,
    pub(crate) args: Option<Args<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Args<'a> {
    /// The command: `build`, `test`, `generate`, …
    which: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct RunResult<'a> {
    pub(crate) unique_id: Option<Text<'a>>,
    pub(crate) status: Option<Text<'a>>,
    timing: Option<Vec<Timing<'a>>>,
    pub(crate) message: Option<Scalar<'a>>,
    pub(crate) failures: Number,
    /// The SQL that ran, since schema version 5.
    pub(crate) compiled_code: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Timing<'a> {
    started_at: Option<Text<'a>>,
    completed_at: Option<Text<'a>>,
}

/// What a status says about a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ran(RunState),
    /// dbt did not run it, so there is no run.
    DidNotRun,
    Unknown,
}

impl<'a> RunResults<'a> {
    pub(crate) fn salvage(
        sections: &Members<'a, &'a RawValue>,
        metadata: Metadata<'a>,
        salvage: &mut Salvage<'a>,
    ) -> Self {
        Self {
            metadata,
            results: salvage.elements(sections, "results"),
            args: salvage.value(sections, "args"),
        }
    }

    /// The command, if it is one that reports results without running anything: their
    /// `success` says that a node compiles.
    pub(crate) fn idle_command(&self) -> Option<&str> {
        let which = self.args.as_ref()?.which.as_deref()?;
        let is_idle = matches!(
            which,
            "compile" | "generate" | "docs" | "list" | "ls" | "parse" | "show"
        );
        is_idle.then_some(which)
    }
}

impl RunResult<'_> {
    /// What became of a node that builds something.
    pub(crate) fn outcome(&self) -> Outcome {
        match self
            .status
            .as_deref()
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            Some("success" | "pass" | "warn") => Outcome::Ran(RunState::Complete),
            // dbt exits with an error after a partial success, and rebuilds it on retry.
            Some("error" | "fail" | "runtime error" | "partial success") => {
                Outcome::Ran(RunState::Fail)
            }
            Some("cancelled" | "canceled") => Outcome::Ran(RunState::Abort),
            Some("skipped" | "no-op" | "reused") => Outcome::DidNotRun,
            _ => Outcome::Unknown,
        }
    }

    /// Epoch milliseconds at which its first phase began and its last one ended.
    pub(crate) fn times(&self) -> (Option<i64>, Option<i64>) {
        let at = |text: &Option<Text>| {
            let (epoch_ms, _) = time::parse_rfc3339(text.as_deref()?)?;
            Some(epoch_ms).filter(|epoch_ms| *epoch_ms >= FIRST_YEAR_MS)
        };
        let phases = || self.timing.iter().flatten();
        (
            phases().filter_map(|phase| at(&phase.started_at)).min(),
            phases().filter_map(|phase| at(&phase.completed_at)).max(),
        )
    }
}
