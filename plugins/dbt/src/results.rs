//! From what dbt did and found to runs, checks and freshness.

mod alone;
mod checks;

use std::collections::{BTreeMap, BTreeSet};

use headwater_extractor::{
    DatasetNode, EmitError, Emitter, JobNode, Location, Run, RunState, Severity,
};
use rustc_hash::FxHashMap;

use crate::bundle::{Artifact, Results};
use crate::catalog::{Catalog, Tables};
use crate::freshness::Freshness;
use crate::lineage::Index;
use crate::manifest::{Manifest, id_kind, is_built};
use crate::naming::is_run_id;
use crate::place::{Places, diagnostic};
use crate::run_results::{Outcome, RunResult, RunResults};
use crate::text::said;
pub(crate) use alone::state as state_alone;
use checks::Assertion;

/// Ids that a message lists.
const IDS_SHOWN_MAX: usize = 8;

/// What is known of a project once its manifest is stated.
pub(crate) struct Described<'k, 'm> {
    pub(crate) manifest: &'m Manifest<'m>,
    pub(crate) index: &'k Index<'m>,
    pub(crate) tables: &'k Tables<'m>,
    pub(crate) jobs: &'k FxHashMap<&'m str, JobNode>,
    pub(crate) folds_columns: bool,
}

/// What was found out about datasets, in all projects: several may test one dataset.
#[derive(Default)]
pub(crate) struct Findings<'m> {
    checks: BTreeMap<DatasetNode, Vec<Assertion<'m>>>,
    /// When it was measured, and the facet.
    freshness: BTreeMap<DatasetNode, (Option<i64>, String)>,
}

impl Findings<'_> {
    /// States the facets.
    pub(crate) fn state(&self, out: &mut Emitter) -> Result<(), EmitError> {
        for (dataset, assertions) in &self.checks {
            let json = checks::facet(assertions);
            out.facet(*dataset, "dataQualityAssertions", &json)?;
        }
        for (dataset, (_, json)) in &self.freshness {
            out.facet(*dataset, "freshness", json)?;
        }
        Ok(())
    }
}

impl<'m> Described<'_, 'm> {
    /// States the runs of the project's jobs, and adds to `findings` what was found out.
    pub(crate) fn state(
        &self,
        results: &'m Results<'m>,
        findings: &mut Findings<'m>,
        out: &mut Emitter,
    ) -> Result<(), EmitError> {
        for catalog in &results.catalogs {
            report_errors(catalog, out)?;
            let ids = catalog.content.tables().map(|(_, id, _)| &**id);
            self.report_unknown(catalog.name, "", ids, out)?;
        }
        let mut stated = Stated::default();
        for runs in &results.runs {
            stated.runs(runs, out, |id| self.jobs.get(id).copied())?;
            let ids = runs.content.results.iter();
            let ids = ids.filter_map(|result| result.unique_id.as_deref());
            self.report_unknown(runs.name, "/results", ids, out)?;
        }
        self.find_checks(&results.runs, findings, out)?;
        for freshness in &results.freshness {
            self.find_freshness(freshness, findings);
            let ids = freshness.content.results.iter();
            let ids = ids.filter_map(|result| result.unique_id.as_deref());
            self.report_unknown(freshness.name, "/results", ids, out)?;
        }
        Ok(())
    }

    /// The newest freshness of each source.
    fn find_freshness(&self, freshness: &Artifact<Freshness>, findings: &mut Findings) {
        for result in &freshness.content.results {
            let dataset = result
                .unique_id
                .as_deref()
                .and_then(|id| self.index.dataset(id));
            let (Some(dataset), Some(json)) = (dataset, result.facet()) else {
                continue;
            };
            let measured_at = result.measured_at().or(freshness.generated);
            let known = findings.freshness.get(&dataset);
            if known.is_none_or(|(known_at, _)| *known_at <= measured_at) {
                findings.freshness.insert(dataset, (measured_at, json));
            }
        }
    }

    /// Warns of ids that the manifest does not have.
    fn report_unknown<'i>(
        &self,
        artifact: &str,
        section: &str,
        ids: impl Iterator<Item = &'i str>,
        out: &mut Emitter,
    ) -> Result<(), EmitError> {
        // Unit tests and hooks are no part of what is stated; not every version lists them.
        let is_known = |id: &str| {
            self.index.has(id) || matches!(id_kind(id), "unit_test" | "operation" | "exposure")
        };
        let unknown: BTreeSet<&str> = ids.filter(|id| !is_known(id)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let message = format!(
            "the manifest does not know {}; what is said of them is left out",
            listed(&unknown)
        );
        out.diagnose(diagnostic(
            Severity::Warning,
            "dbt/unknown-node",
            message,
            Some(Places::pointer(artifact, section.to_owned())),
        ))
    }
}

/// What is stated already, since the same results may come twice.
#[derive(Default)]
pub(crate) struct Stated {
    runs: BTreeSet<(String, JobNode)>,
}

impl Stated {
    /// States the runs of the jobs that `job_of` finds.
    pub(crate) fn runs(
        &mut self,
        runs: &Artifact<RunResults>,
        out: &mut Emitter,
        job_of: impl Fn(&str) -> Option<JobNode>,
    ) -> Result<(), EmitError> {
        if let Some(command) = runs.content.idle_command() {
            let message = format!(
                "`dbt {command}` builds nothing and tests nothing, so its results are no runs and no checks"
            );
            let at = Places::pointer(runs.name, "/args/which".into());
            let code = "dbt/nothing-was-run";
            return out.diagnose(diagnostic(Severity::Info, code, message, Some(at)));
        }
        let invocation = said(runs.content.metadata.invocation_id.as_ref());
        let invocation = invocation.filter(|invocation| is_run_id(invocation));
        let Some(invocation) = invocation else {
            let message = "runs are left out: without an invocation id of at most 256 bytes they cannot be told apart";
            let at = Places::pointer(runs.name, "/metadata/invocation_id".into());
            let code = "dbt/invocation-unknown";
            return out.diagnose(diagnostic(
                Severity::Error,
                code,
                message.to_owned(),
                Some(at),
            ));
        };
        for (position, result) in runs.content.results.iter().enumerate() {
            let Some(job) = result.unique_id.as_deref().and_then(&job_of) else {
                continue;
            };
            let at = || Places::pointer(runs.name, format!("/results/{position}/status"));
            let Some(state) = state_of(result, at, out)? else {
                continue;
            };
            if !self.runs.insert((invocation.to_owned(), job)) {
                continue;
            }
            let (started_ms, ended_ms) = result.times();
            out.run(&Run {
                job,
                run_id: invocation,
                state,
                started_ms,
                ended_ms,
                message: said(result.message.as_ref().map(|message| &message.0)),
            })?;
        }
        Ok(())
    }
}

/// The state of a run; none for what did not run.
fn state_of(
    result: &RunResult,
    at: impl Fn() -> Location,
    out: &mut Emitter,
) -> Result<Option<RunState>, EmitError> {
    match result.outcome() {
        Outcome::Ran(state) => Ok(Some(state)),
        Outcome::DidNotRun => Ok(None),
        Outcome::Unknown => {
            let status = result.status.as_deref().unwrap_or("none");
            let message = format!("status `{status}` is not known; the run is in state OTHER");
            let code = "dbt/unknown-status";
            out.diagnose(diagnostic(Severity::Warning, code, message, Some(at())))?;
            Ok(Some(RunState::Other))
        }
    }
}

/// Warns of what dbt could not look up.
fn report_errors(catalog: &Artifact<Catalog>, out: &mut Emitter) -> Result<(), EmitError> {
    for (position, error) in catalog.content.errors.0.iter().enumerate() {
        let message = format!("dbt could not read all of the warehouse's catalog: {error}");
        let at = Places::pointer(catalog.name, format!("/errors/{position}"));
        let code = "dbt/catalog-incomplete";
        out.diagnose(diagnostic(Severity::Warning, code, message, Some(at)))?;
    }
    Ok(())
}

/// Whether a job builds the node.
fn has_job(id: &str) -> bool {
    is_built(id_kind(id))
}

/// The first ids of many.
fn listed(ids: &BTreeSet<&str>) -> String {
    let shown: Vec<_> = ids.iter().take(IDS_SHOWN_MAX).copied().collect();
    let more = ids.len() - shown.len();
    let shown = shown.join(", ");
    if more > 0 {
        format!("{shown} and {more} more")
    } else {
        shown
    }
}
