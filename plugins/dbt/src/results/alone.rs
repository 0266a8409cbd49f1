//! What can be said without a manifest.

use std::collections::BTreeSet;

use headwater_extractor::{Dataset, EmitError, Emitter, Field, Job, Severity};
use rustc_hash::FxHashMap;

use super::{Stated, has_job, listed, report_errors};
use crate::bundle::{Artifact, Results};
use crate::catalog::{Catalog, Table, relation_kind};
use crate::facet::DbtFacet;
use crate::freshness::Freshness;
use crate::manifest::{id_kind, id_package};
use crate::naming::{Naming, Relation, Settings, is_name, only};
use crate::place::{Places, diagnostic, pointer};
use crate::run_results::{Outcome, RunResults};
use crate::text::said;

/// States what catalogs and results say by themselves: columns of relations, runs of jobs.
pub(crate) fn state(
    results: &Results,
    settings: &Settings,
    out: &mut Emitter,
) -> Result<(), EmitError> {
    for catalog in &results.catalogs {
        report_errors(catalog, out)?;
        state_catalog(catalog, settings, out)?;
    }
    let mut stated = Stated::default();
    for runs in &results.runs {
        state_runs(runs, settings, &mut stated, out)?;
    }
    for freshness in &results.freshness {
        refuse_freshness(freshness, out)?;
    }
    Ok(())
}

/// Declares the relations of nodes and mentions those of sources, under the namespace that is
/// configured: without a manifest nothing else tells how the adapter names them.
fn state_catalog(
    catalog: &Artifact<Catalog>,
    settings: &Settings,
    out: &mut Emitter,
) -> Result<(), EmitError> {
    let has_namespace = settings.get("namespace").is_some();
    let (severity, message) = if has_namespace {
        (
            Severity::Info,
            "without a manifest only relations and their columns are known, not what builds and describes them",
        )
    } else {
        (
            Severity::Error,
            "it is left out: without a manifest the adapter is not known; submit both, or set `namespace`",
        )
    };
    let at = Places::pointer(catalog.name, String::new());
    let code = "dbt/no-manifest";
    out.diagnose(diagnostic(severity, code, message.into(), Some(at)))?;
    if !has_namespace {
        return Ok(());
    }
    let mut naming = Naming::of_project(settings, None);
    for (section, id, table) in catalog.content.tables() {
        state_table(catalog.name, (section, id), table, &mut naming, out)?;
    }
    Ok(())
}

fn state_table(
    artifact: &str,
    (section, id): (&str, &str),
    table: &Table,
    naming: &mut Naming,
    out: &mut Emitter,
) -> Result<(), EmitError> {
    let metadata = &table.metadata;
    let at = Places::pointer(artifact, pointer(&[section, id]));
    let relation = Relation::new(
        metadata.database.as_deref(),
        metadata.schema.as_deref(),
        metadata.name.as_deref(),
    );
    let Some(named) = naming.name(relation) else {
        let message = format!("{id} is left out: it has no usable name");
        let code = "dbt/unusable-name";
        return out.diagnose(diagnostic(Severity::Error, code, message, Some(at)));
    };
    if out.stated(&named.namespace, &named.name).is_some() {
        return Ok(());
    }
    let fields: Vec<Field> = table
        .ordered()
        .into_iter()
        .filter(|(name, _)| is_name(name))
        .map(|(name, column)| Field {
            name,
            data_type: said(column.r#type.as_ref()),
            description: said(column.comment.as_ref()),
        })
        .collect();
    let kind = metadata.r#type.as_deref().map(relation_kind);
    let dataset = out.dataset(&Dataset {
        namespace: &named.namespace,
        name: &named.name,
        kind: &kind.unwrap_or_default(),
        declared: section == "nodes",
        description: said(metadata.comment.as_ref()),
        fields: &fields,
        evidence: Some(&at),
    })?;
    let facet = DbtFacet::of_id(id).with_table(Some(table));
    out.facet(dataset, "dbt", &facet.json())
}

/// States runs under the project that all ids name; what they build and test is not known.
fn state_runs(
    runs: &Artifact<RunResults>,
    settings: &Settings,
    stated: &mut Stated,
    out: &mut Emitter,
) -> Result<(), EmitError> {
    let results = &runs.content.results;
    let ids = || {
        let ids = results
            .iter()
            .filter_map(|result| result.unique_id.as_deref());
        ids.filter(|id| is_name(id))
    };
    let packages: BTreeSet<&str> = ids()
        .filter_map(id_package)
        .filter(|package| !package.is_empty())
        .collect();
    let at = Places::pointer(runs.name, "/results".into());
    if settings.get("job_namespace").is_none() && packages.len() != 1 {
        let message = format!(
            "runs are left out: without a manifest the project is not known, and the nodes are of several packages \
             ({}); submit both, or set `job_namespace`",
            listed(&packages)
        );
        let code = "dbt/no-manifest";
        return out.diagnose(diagnostic(Severity::Error, code, message, Some(at)));
    }
    let naming = Naming::of_project(settings, only(packages));
    if runs.content.idle_command().is_none() {
        let message = format!(
            "without a manifest only runs are known: jobs are under `{}` by their unique ids, and results of tests \
             are left out, since what they test is not known",
            naming.job_namespace()
        );
        let code = "dbt/no-manifest";
        out.diagnose(diagnostic(Severity::Warning, code, message, Some(at)))?;
    }
    let mut jobs = FxHashMap::default();
    let is_idle = runs.content.idle_command().is_some();
    for (position, result) in results.iter().enumerate() {
        let has_run = !is_idle && result.outcome() != Outcome::DidNotRun;
        let is_job = |id: &&str| has_run && has_job(id) && is_name(id);
        let Some(id) = result.unique_id.as_deref().filter(is_job) else {
            continue;
        };
        if jobs.contains_key(id) {
            continue;
        }
        let sql = result.compiled_code.and_then(|raw| {
            let sql: Option<crate::text::Text> = serde_json::from_str(raw.get()).ok();
            sql.filter(|sql| !sql.trim_ascii().is_empty())
        });
        let job = out.job(&Job {
            namespace: naming.job_namespace(),
            name: id,
            kind: &id_kind(id).to_ascii_uppercase(),
            sql: sql.as_deref(),
            evidence: Some(&Places::pointer(runs.name, format!("/results/{position}"))),
            ..Job::default()
        })?;
        jobs.insert(id, job);
    }
    stated.runs(runs, out, |id| jobs.get(id).copied())
}

/// Which relation a source is, only the manifest says.
fn refuse_freshness(freshness: &Artifact<Freshness>, out: &mut Emitter) -> Result<(), EmitError> {
    let message =
        "it is left out: only the manifest says which datasets its sources are; submit both";
    let at = Places::pointer(freshness.name, "/results".into());
    let code = "dbt/no-manifest";
    out.diagnose(diagnostic(Severity::Error, code, message.into(), Some(at)))
}
