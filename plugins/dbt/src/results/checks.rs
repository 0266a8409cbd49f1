//! From results of tests to checks on datasets: the facet `dataQualityAssertions`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use headwater_extractor::{DatasetNode, EmitError, Emitter, Severity, time};
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::{Described, Findings, listed};
use crate::bundle::Artifact;
use crate::manifest::{Node, id_kind};
use crate::place::{Places, diagnostic};
use crate::run_results::{RunResult, RunResults};
use crate::text::{said, whole};

/// `OpenLineage`'s `DataQualityAssertionsDatasetFacet`, with more about each assertion.
#[derive(Serialize)]
struct Facet<'f> {
    assertions: &'f [Assertion<'f>],
}

/// The newest result of one test.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Assertion<'f> {
    #[serde(rename = "assertion")]
    kind: Cow<'f, str>,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    name: &'f str,
    severity: String,
    status: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failures: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tested_at: Option<String>,
}

/// A test's newest result.
struct Tested<'f> {
    artifact: &'f str,
    at: Option<i64>,
    result: &'f RunResult<'f>,
}

/// The JSON of the facet.
pub(super) fn facet(assertions: &[Assertion]) -> String {
    serde_json::to_string(&Facet { assertions }).expect("strings and numbers are JSON")
}

impl<'m> Described<'_, 'm> {
    /// Adds the newest result of every test that ran to what it tests.
    pub(super) fn find_checks(
        &self,
        runs: &'m [Artifact<'m, RunResults<'m>>],
        findings: &mut Findings<'m>,
        out: &mut Emitter,
    ) -> Result<(), EmitError> {
        let tested = newest(runs);
        if tested.is_empty() {
            return Ok(());
        }
        let mut unplaced: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (id, node) in &self.manifest.nodes.0 {
            let Some(tested) = tested.get(&**id) else {
                continue;
            };
            match self.tested_dataset(node) {
                Some((of, dataset)) => {
                    let assertion = self.assertion(id, node, of, tested);
                    findings.checks.entry(dataset).or_default().push(assertion);
                }
                None => drop(unplaced.entry(tested.artifact).or_default().insert(id)),
            }
        }
        for (artifact, tests) in unplaced {
            let message = format!(
                "these tests are not of one dataset that is known here, so their results are left out: {}",
                listed(&tests)
            );
            let at = Places::pointer(artifact, "/results".into());
            let code = "dbt/test-unplaced";
            out.diagnose(diagnostic(Severity::Info, code, message, Some(at)))?;
        }
        Ok(())
    }

    /// What a test tests: what it is attached to, else what its `model` argument names, else
    /// the only thing it depends on.
    fn tested_dataset<'n>(&self, test: &'n Node) -> Option<(&'n str, DatasetNode)> {
        let depends_on = test.depends_on();
        let attached = || said(test.attached_to.as_ref());
        let named = || {
            let model = test.test_metadata.as_ref()?.argument("model")?;
            depends_on
                .iter()
                .map(|id| &**id)
                .find(|id| is_referred_to(id, &model))
        };
        let only = || match depends_on {
            [only] => Some(&**only),
            _ => None,
        };
        let id = attached().or_else(named).or_else(only)?;
        Some((id, self.index.dataset(id)?))
    }

    fn assertion<'f>(
        &self,
        id: &'f str,
        test: &'f Node,
        of: &str,
        tested: &Tested<'f>,
    ) -> Assertion<'f> {
        let result = tested.result;
        let generic = test.test_metadata.as_ref();
        let generic_name = generic.and_then(|generic| said(generic.name.as_ref()));
        let namespace = generic.and_then(|generic| said(generic.namespace.as_ref()));
        let kind = match (generic_name, namespace) {
            (Some(name), Some(namespace)) => format!("{namespace}.{name}").into(),
            (Some(name), None) => name.into(),
            (None, _) => test.name.as_deref().unwrap_or(id).into(),
        };
        let column = said(test.column_name.as_ref()).map(str::to_owned);
        let argument = || {
            let column = generic?.argument("column_name")?;
            said(Some(&column)).map(str::to_owned)
        };
        let column = column.or_else(argument).map(|column| {
            let table = self.tables.get(of);
            let actual = table.and_then(|table| table.names().find(&column, self.folds_columns));
            actual.map_or(column.clone(), str::to_owned)
        });
        let status = result.status.as_deref().unwrap_or_default();
        Assertion {
            kind,
            success: status == "pass",
            column,
            name: id,
            severity: test.severity(),
            status,
            message: said(result.message.as_ref().map(|message| &message.0)),
            failures: whole(result.failures),
            tested_at: tested.at.map(time::format_rfc3339),
        }
    }
}

/// The newest result of every test that ran; what was skipped says nothing.
fn newest<'f>(runs: &'f [Artifact<RunResults<'f>>]) -> FxHashMap<&'f str, Tested<'f>> {
    let mut newest: FxHashMap<&str, Tested> = FxHashMap::default();
    for artifact in runs {
        if artifact.content.idle_command().is_some() {
            continue;
        }
        for result in &artifact.content.results {
            let status = result.status.as_deref();
            let has_run = matches!(status, Some("pass" | "fail" | "warn" | "error"));
            let Some(id) = result.unique_id.as_deref().filter(|_| has_run) else {
                continue;
            };
            if id_kind(id) != "test" {
                continue;
            }
            let at = result.times().1.or(artifact.generated);
            if newest.get(id).is_none_or(|known| known.at <= at) {
                let artifact = artifact.name;
                newest.insert(
                    id,
                    Tested {
                        artifact,
                        at,
                        result,
                    },
                );
            }
        }
    }
    newest
}

/// Whether a template like `{{ get_where_subquery(ref('shop', 'orders', version='1')) }}` refers
/// to the node `id`: by the last of its arguments, and by the version if it names one.
fn is_referred_to(id: &str, template: &str) -> bool {
    let (arguments, version) = match template.split_once("version=") {
        Some((arguments, rest)) => (arguments, Some(rest)),
        None => match template.split_once(", v=") {
            Some((arguments, rest)) => (arguments, Some(rest)),
            None => (template, None),
        },
    };
    let words: Vec<&str> = arguments.split(['\'', '"']).skip(1).step_by(2).collect();
    let parts: Vec<&str> = id.split('.').collect();
    match (&*parts, &*words) {
        (["source", _, set, table], [of, name]) => set == of && table == name,
        (["source", ..], _) | (_, []) => false,
        ([_, _, name, versions @ ..], [.., word]) => {
            let is_version = |rest: &str| {
                let is_end = |char: char| matches!(char, '\'' | '"' | ')' | ',' | ' ');
                let version = rest.trim_matches(is_end).split(is_end).next();
                let own = versions.join(".");
                own.strip_prefix('v') == version
            };
            name == word && version.is_none_or(is_version)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_refers_to_a_node_by_name_and_version_or_to_a_source_by_both_names() {
        for (id, template, expected) in [
            (
                "model.p.orders",
                "{{ get_where_subquery(ref('orders')) }}",
                true,
            ),
            (
                "model.p.orders",
                "{{ get_where_subquery(ref('p', 'orders')) }}",
                true,
            ),
            ("model.p.orders", "{{ ref(\"orders\") }}", true),
            ("model.p.orders", "{{ ref('orders_old') }}", false),
            ("model.p.orders.v2", "{{ ref('orders') }}", true),
            (
                "model.p.orders.v2",
                "{{ ref('orders', version='2') }}",
                true,
            ),
            (
                "model.p.orders.v2",
                "{{ get_where_subquery(ref('orders', v=2)) }}",
                true,
            ),
            (
                "model.p.orders.v1",
                "{{ ref('orders', version='2') }}",
                false,
            ),
            (
                "model.p.orders.v2.1",
                "{{ ref('orders', version=2.1) }}",
                true,
            ),
            (
                "source.p.raw.orders",
                "{{ get_where_subquery(source('raw', 'orders')) }}",
                true,
            ),
            (
                "source.p.raw.orders",
                "{{ source('other', 'orders') }}",
                false,
            ),
            ("source.p.raw.orders", "{{ ref('orders') }}", false),
            ("model.p.orders", "", false),
        ] {
            assert_eq!(is_referred_to(id, template), expected, "{id} {template}");
        }
    }
}
