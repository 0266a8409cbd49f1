//! The jobs that build nodes, and what each of them reads and writes.

use std::borrow::Cow;

use headwater_extractor::{Alias, DatasetNode, EmitError, Job, JobNode, Location, Severity};
use rustc_hash::FxHashMap;

use super::Statement;
use super::fields::Built;
use super::raw::Raw;
use crate::facet::DbtFacet;
use crate::manifest::{DeferRelation, Node};
use crate::naming::{is_name, join};
use crate::place::{Places, pointer};
use crate::text::{Text, said};

/// A node that a run with `--defer` may read from another environment.
pub(super) struct Deferral<'m> {
    own_name: &'m str,
    other_name: &'m str,
    other: &'m DeferRelation<'m>,
    node: &'m Node<'m>,
}

impl<'m> Deferral<'m> {
    /// None if there is no other relation, or it has the same name.
    pub(super) fn of(node: &'m Node<'m>) -> Option<Self> {
        let other = node.defer_relation.as_ref()?;
        let (own_name, other_name) = (
            said(node.relation_name.as_ref())?,
            said(other.relation_name.as_ref())?,
        );
        (own_name != other_name).then_some(Self {
            own_name,
            other_name,
            other,
            node,
        })
    }

    /// Whether `sql` reads the other environment's relation: it names that one, and not this.
    fn is_taken(&self, sql: &str) -> bool {
        names(sql, self.other_name) && !names(sql, self.own_name)
    }
}

/// Whether `sql` has `relation` as a name of its own, not as a part of a longer one.
fn names(sql: &str, relation: &str) -> bool {
    let is_part = |char: char| char.is_alphanumeric() || matches!(char, '_' | '$' | '"' | '`');
    sql.match_indices(relation).any(|(at, _)| {
        let before = sql[..at].chars().next_back();
        let after = sql[at + relation.len()..].chars().next();
        !before.is_some_and(|char| is_part(char) || char == '.') && !after.is_some_and(is_part)
    })
}

impl<'m> Statement<'_, '_, '_, 'm> {
    /// States the jobs, and what each reads and writes; returns them by unique id.
    pub(super) fn lineage(&mut self) -> Result<FxHashMap<&'m str, JobNode>, EmitError> {
        let manifest = self.known.manifest;
        let mut jobs = FxHashMap::default();
        let mut unresolved = Vec::new();
        let mut built = Vec::new();
        let mut raw = Raw::new(manifest, self.known.naming.dialect());
        for (id, node) in &manifest.nodes.0 {
            if node.is_elsewhere() || !node.is_enabled() {
                continue;
            }
            let Some(dataset) = self.known.index.dataset(id) else {
                continue;
            };
            let at = self.place("nodes", id);
            let sql = self.compiled_sql(id, node)?;
            let job = self.job(id, node, sql.as_deref(), &at)?;
            for origin in self.known.index.origins(id, &mut unresolved) {
                let origin = self.deferred(origin, sql.as_deref(), &at)?;
                self.out.reads(job, origin, Some(&at))?;
            }
            self.out.writes(job, dataset, Some(&at))?;
            self.report(&mut unresolved)?;
            jobs.insert(&**id, job);
            let key = if node.compiled_code.is_some() {
                "compiled_code"
            } else {
                "compiled_sql"
            };
            let sql = match sql {
                Some(sql) => Some((sql, key, true)),
                None => self.filled_in(id, node, &mut raw)?,
            };
            built.extend(sql.map(|(sql, key, has_places)| Built {
                id,
                node,
                dataset,
                job,
                sql,
                key,
                has_places,
            }));
        }
        self.field_lineage(&built)?;
        Ok(jobs)
    }

    /// The relation of `origin` that a reader's SQL names: its own, or another environment's.
    fn deferred(
        &mut self,
        origin: DatasetNode,
        sql: Option<&str>,
        at: &Location,
    ) -> Result<DatasetNode, EmitError> {
        let Some(deferral) = self.known.deferrals.get(&origin) else {
            return Ok(origin);
        };
        if !sql.is_some_and(|sql| deferral.is_taken(sql)) {
            return Ok(origin);
        }
        match self
            .known
            .naming
            .rename(deferral.other.relation(deferral.node))
        {
            Some(named) => self
                .out
                .mention(&named.namespace, &named.name, "", Some(at)),
            None => Ok(origin),
        }
    }

    fn job(
        &mut self,
        id: &str,
        node: &Node,
        sql: Option<&str>,
        at: &Location,
    ) -> Result<JobNode, EmitError> {
        let kind = node.kind(id);
        let job = self.out.job(&Job {
            namespace: self.known.naming.job_namespace(),
            name: id,
            kind: &kind.to_ascii_uppercase(),
            description: said(node.description.as_ref()),
            sql,
            parent: None,
            evidence: Some(at),
        })?;
        let facet = DbtFacet::of_node(id, node);
        self.out.facet(job, "dbt", &facet.json())?;
        for name in event_names(id, node, kind) {
            self.out.alias(
                job,
                &Alias {
                    namespace: self.known.naming.job_namespace(),
                    name: &name,
                    reason: "openlineage-dbt reports runs of this node under that name",
                    evidence: Some(at),
                },
            )?;
        }
        if node.language.as_deref() == Some("python") {
            let message = format!(
                "{id} is written in Python: of what it reads, only what it names by ref and source is known"
            );
            self.diagnose(Severity::Info, "dbt/python-model", message, at.clone())?;
        }
        Ok(job)
    }

    /// The template of a node that dbt has not compiled, filled in, and the key that it is under.
    fn filled_in(
        &mut self,
        id: &'m str,
        node: &'m Node<'m>,
        raw: &mut Raw<'m>,
    ) -> Result<Option<(Text<'m>, &'static str, bool)>, EmitError> {
        let key = if node.raw_code.is_some() {
            "raw_code"
        } else {
            "raw_sql"
        };
        match raw.filled(id, node) {
            None => Ok(None),
            Some(Ok(sql)) => Ok(Some((Text(Cow::Owned(sql)), key, false))),
            Some(Err(refusal)) => {
                let message = format!(
                    "field lineage of {id} is missing: dbt has not compiled it, and {}",
                    refusal.reason
                );
                let mut at = Places::pointer(self.known.artifact, pointer(&["nodes", id, key]));
                at.line = refusal.line;
                self.diagnose(Severity::Info, "dbt/template", message, at)?;
                Ok(None)
            }
        }
    }

    /// The SQL that dbt has compiled; not templates, not Python.
    fn compiled_sql<'n>(
        &mut self,
        id: &str,
        node: &'n Node,
    ) -> Result<Option<Text<'n>>, EmitError> {
        let is_sql = node.kind(id) != "seed" && node.language.as_deref().unwrap_or("sql") == "sql";
        let (key, raw) = match (node.compiled_code, node.compiled_sql) {
            (Some(raw), _) => ("compiled_code", raw),
            (None, Some(raw)) => ("compiled_sql", raw),
            (None, None) => return Ok(None),
        };
        if !is_sql {
            return Ok(None);
        }
        if let Ok(sql) = serde_json::from_str::<Text>(raw.get()) {
            return Ok(Some(sql).filter(|sql| !sql.trim_ascii().is_empty()));
        }
        let message = format!("the SQL of {id} is left out: `{key}` is not a string");
        let at = Places::pointer(self.known.artifact, pointer(&["nodes", id, key]));
        self.diagnose(Severity::Error, "dbt/damaged-node", message, at)?;
        Ok(None)
    }
}

/// The names under which openlineage-dbt 1.54 reports runs of a node, besides its unique id.
/// It knows nothing of rewrites.
fn event_names(id: &str, node: &Node, kind: &str) -> Vec<String> {
    let suffixes: &[&str] = match kind {
        "model" => &["", ".build.run"],
        "snapshot" => &[".snapshot", ".build.snapshot"],
        _ => &[],
    };
    let rest = id.split_once('.').map_or(id, |(_, rest)| rest);
    let relation = node.relation();
    let base = join(relation.database, relation.schema, rest);
    let names = suffixes.iter().map(|suffix| format!("{base}{suffix}"));
    names.filter(|name| is_name(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_relation_is_named_only_as_a_whole() {
        for (sql, relation, expected) in [
            ("from db.s.orders", "db.s.orders", true),
            ("from db.s.orders where", "db.s.orders", true),
            ("select db.s.orders.id", "db.s.orders", true),
            ("from (db.s.orders)", "db.s.orders", true),
            ("from db.s.orders_old", "db.s.orders", false),
            ("from x.db.s.orders", "db.s.orders", false),
            ("from my_db.s.orders", "db.s.orders", false),
            (r#"from "db"."s"."orders""#, r#""db"."s"."orders""#, true),
            (
                r#"from "db"."s"."orders_old""#,
                r#""db"."s"."orders""#,
                false,
            ),
            ("from db.s.orders_old, db.s.orders", "db.s.orders", true),
        ] {
            assert_eq!(names(sql, relation), expected, "{sql}");
        }
    }
}
