//! SQL of nodes that dbt has not compiled.

use rustc_hash::FxHashMap;
use sql_lineage::Dialect;

use crate::manifest::{Manifest, Node, Source};
use crate::naming::Relation as Name;
use crate::template::{Filler, Names, Referable, Refusal, Relation};
use crate::text::{Text, said};

/// Ephemeral models within each other.
const DEPTH_MAX: usize = 32;

/// The nodes of a project whose templates are filled in.
pub(super) struct Raw<'m> {
    filler: Filler,
    dialect: Dialect,
    nodes: FxHashMap<&'m str, &'m Node<'m>>,
    sources: FxHashMap<&'m str, &'m Source<'m>>,
    /// The queries of ephemeral models, or why they are not known.
    ephemeral: FxHashMap<&'m str, Result<String, String>>,
    /// Ephemeral models that are being filled in.
    depth: usize,
}

impl<'m> Raw<'m> {
    pub(super) fn new(manifest: &'m Manifest<'m>, dialect: Dialect) -> Self {
        let nodes = manifest.nodes.0.iter();
        let sources = manifest.sources.0.iter();
        Self {
            filler: Filler::new(),
            dialect,
            nodes: nodes.map(|(id, node)| (&**id, node)).collect(),
            sources: sources.map(|(id, source)| (&**id, source)).collect(),
            ephemeral: FxHashMap::default(),
            depth: 0,
        }
    }

    /// The node's SQL, or why it is not known; none if it has no template in SQL.
    pub(super) fn filled(
        &mut self,
        id: &'m str,
        node: &'m Node<'m>,
    ) -> Option<Result<String, Refusal>> {
        let is_sql = node.language.as_deref().unwrap_or("sql") == "sql";
        if !is_sql || !matches!(node.kind(id), "model" | "snapshot") {
            return None;
        }
        let raw = node.raw_code.or(node.raw_sql)?;
        let text: Text<'m> = serde_json::from_str(raw.get()).ok()?;
        if text.trim_ascii().is_empty() {
            return None;
        }
        let names = self.names(node);
        Some(self.filler.fill(&text, names))
    }

    /// What the node's template may name: what it depends on, and itself.
    fn names(&mut self, node: &'m Node<'m>) -> Names {
        let mut names = Names {
            package: said(node.package_name.as_ref())
                .unwrap_or_default()
                .to_owned(),
            this: relation(node.relation_name.as_ref(), node.relation(), self.dialect),
            ..Names::default()
        };
        for id in node.depends_on() {
            if let Some(source) = self.sources.get(&**id) {
                let text = |text: Option<&Text>| said(text).unwrap_or_default().to_owned();
                let (set, table) = (text(source.set_name.as_ref()), text(source.name.as_ref()));
                let relation = relation(
                    source.relation_name.as_ref(),
                    source.relation(),
                    self.dialect,
                );
                names.sources.push((set, table, relation));
            }
            let Some((id, node)) = self.nodes.get_key_value(&**id) else {
                continue;
            };
            let (id, node) = (*id, *node);
            let version = node.version.as_ref().map(|version| version.0.to_string());
            let latest = node
                .latest_version
                .as_ref()
                .map(|version| version.0.to_string());
            names.refs.push(Referable {
                package: said(node.package_name.as_ref())
                    .unwrap_or_default()
                    .to_owned(),
                name: said(node.name.as_ref()).unwrap_or_default().to_owned(),
                is_latest: version.is_some() && version == latest,
                version,
                becomes: self.becomes(id, node),
            });
        }
        names
    }

    fn becomes(&mut self, id: &'m str, node: &'m Node<'m>) -> Result<Relation, String> {
        if node.materialized(node.kind(id)) != "ephemeral" {
            let name = node.relation_name.as_ref();
            return Ok(relation(name, node.relation(), self.dialect));
        }
        if !self.ephemeral.contains_key(id) {
            // Whatever asks for it while it is being filled in depends on itself.
            self.ephemeral.insert(id, Err("depends on itself".into()));
            let query = self.query(id, node);
            self.ephemeral.insert(id, query);
        }
        let query = self.ephemeral[id].clone()?;
        Ok(Relation {
            text: format!("(\n{query}\n)"),
            ..Relation::default()
        })
    }

    /// The query of an ephemeral model.
    fn query(&mut self, id: &'m str, node: &'m Node<'m>) -> Result<String, String> {
        let compiled = node.compiled_code.or(node.compiled_sql);
        let compiled = compiled.and_then(|raw| serde_json::from_str::<Text>(raw.get()).ok());
        if let Some(sql) = compiled.filter(|sql| !sql.trim_ascii().is_empty()) {
            return Ok(sql.to_string());
        }
        if self.depth == DEPTH_MAX {
            return Err(format!(
                "stands under more than {DEPTH_MAX} ephemeral models"
            ));
        }
        self.depth += 1;
        let filled = self.filled(id, node);
        self.depth -= 1;
        match filled {
            Some(Ok(sql)) => Ok(sql),
            Some(Err(refusal)) => Err(format!("is ephemeral, and of that {}", refusal.reason)),
            None => Err("is ephemeral and has no SQL".into()),
        }
    }
}

/// A relation as dbt names it; as the dialect quotes it where dbt does not say.
fn relation(said_name: Option<&Text>, name: Name<'_>, dialect: Dialect) -> Relation {
    let parts = [name.database, name.schema, name.table];
    let text = said(said_name).map_or_else(
        || {
            let parts = parts.into_iter().flatten();
            let quoted: Vec<String> = parts.map(|part| quoted(part, dialect)).collect();
            quoted.join(".")
        },
        str::to_owned,
    );
    Relation {
        text,
        parts: parts.map(|part| part.unwrap_or_default().to_owned()),
    }
}

fn quoted(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::MySql
        | Dialect::BigQuery
        | Dialect::Databricks
        | Dialect::Spark
        | Dialect::Hive
        | Dialect::ClickHouse => format!("`{}`", name.replace('`', "``")),
        Dialect::MsSql => format!("[{}]", name.replace(']', "]]")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}
