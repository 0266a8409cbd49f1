//! What a project builds, and what it reads of others.

use headwater_extractor::{Dataset, DatasetNode, EmitError, Severity};

use super::Statement;
use super::jobs::Deferral;
use crate::catalog::relation_kind;
use crate::facet::DbtFacet;
use crate::lineage::Role;
use crate::manifest::{Node, Source};
use crate::naming::{Named, Relation, is_name, kind_of};
use crate::text::said;

const NO_NAME: Role = Role::Nothing("which has no usable name");

impl<'m> Statement<'_, '_, '_, 'm> {
    /// Declares the dataset that a node builds.
    pub(super) fn declare(&mut self, id: &'m str, node: &'m Node<'m>) -> Result<Role, EmitError> {
        let Some(named) = self.name("nodes", id, node.relation())? else {
            return Ok(NO_NAME);
        };
        let at = self.place("nodes", id);
        if let Some(dataset) = self.out.stated(&named.namespace, &named.name) {
            // That two relations have become one is reported already.
            if named.united_with.is_none() {
                let message = format!(
                    "{id} builds {}, which another node builds as well; they are one dataset",
                    named.name
                );
                self.warn("dbt/duplicate-relation", message, at)?;
            }
            return Ok(Role::Dataset(dataset));
        }
        let columns = self.columns("nodes", id, &node.columns)?;
        let table = self.known.tables.get(id);
        let comment = table.and_then(|table| said(table.metadata.comment.as_ref()));
        let dataset = self.out.dataset(&Dataset {
            namespace: &named.namespace,
            name: &named.name,
            kind: &dataset_kind(node.materialized(node.kind(id))),
            declared: true,
            description: said(node.description.as_ref()).or(comment),
            fields: &columns.fields,
            evidence: Some(&at),
        })?;
        self.known
            .relations
            .add(node.relation(), dataset, &columns.fields, table.is_some());
        // What SQL builds, the SQL tells; of a seed nothing else here does.
        if table.is_none() && node.kind(id) == "seed" {
            self.learn(node.relation(), &named, dataset);
        }
        self.describe(dataset, &node.said())?;
        self.column_tags(dataset, &columns)?;
        if let Some(access) = node.access() {
            self.out.attribute(dataset, None, "access", access)?;
            if access == "public" {
                self.out.attribute(dataset, None, "output-port", "true")?;
            }
        }
        if node.is_contract_enforced() {
            self.out.attribute(dataset, None, "contract", "enforced")?;
        }
        let deprecation = self.deprecation("nodes", id, node.deprecation_date.as_ref())?;
        if let Some(date) = deprecation {
            self.out
                .attribute(dataset, None, "deprecation-date", &date)?;
        }
        let constraints = columns.written.iter();
        let constraints = constraints.map(|(name, column)| (*name, column.constraints));
        let facet = DbtFacet::of_node(id, node)
            .with_table(table)
            .with_contract(node, constraints);
        self.out.facet(dataset, "dbt", &facet.json())?;
        if let Some(deferred) = Deferral::of(node) {
            self.known.deferrals.insert(dataset, deferred);
        }
        Ok(Role::Dataset(dataset))
    }

    /// Mentions the dataset of a node that another project or environment builds.
    pub(super) fn mention_elsewhere(
        &mut self,
        id: &'m str,
        node: &'m Node<'m>,
    ) -> Result<Role, EmitError> {
        let Some(named) = self.name("nodes", id, node.relation())? else {
            return Ok(NO_NAME);
        };
        let at = self.place("nodes", id);
        let kind = dataset_kind(node.materialized(node.kind(id)));
        let dataset = self
            .out
            .mention(&named.namespace, &named.name, &kind, Some(&at))?;
        self.known
            .relations
            .add(node.relation(), dataset, &[], false);
        self.learn(node.relation(), &named, dataset);
        Ok(Role::Dataset(dataset))
    }

    /// Takes over the columns that the graph knows of a relation.
    fn learn(&mut self, relation: Relation<'_>, named: &Named, dataset: DatasetNode) {
        let elsewhere = self.known.elsewhere;
        if let Some(fields) = elsewhere.fields(&named.namespace, &named.name) {
            self.known.relations.learn(relation, dataset, fields);
        }
    }

    /// Mentions a table that dbt only reads, with what this project knows about it.
    pub(super) fn mention_source(
        &mut self,
        id: &'m str,
        source: &'m Source<'m>,
    ) -> Result<Role, EmitError> {
        let Some(named) = self.name("sources", id, source.relation())? else {
            return Ok(NO_NAME);
        };
        if let Some(dataset) = self.out.stated(&named.namespace, &named.name) {
            self.known
                .relations
                .add(source.relation(), dataset, &[], false);
            return Ok(Role::Dataset(dataset));
        }
        let at = self.place("sources", id);
        let columns = self.columns("sources", id, &source.columns)?;
        let table = self.known.tables.get(id);
        let comment = table.and_then(|table| said(table.metadata.comment.as_ref()));
        // A source may be a table or a view; only the catalog says which.
        let kind = table.and_then(|table| table.metadata.r#type.as_deref());
        let dataset = self.out.dataset(&Dataset {
            namespace: &named.namespace,
            name: &named.name,
            kind: &kind.map(relation_kind).unwrap_or_default(),
            declared: false,
            description: said(source.description.as_ref()).or(comment),
            fields: &columns.fields,
            evidence: Some(&at),
        })?;
        self.known
            .relations
            .add(source.relation(), dataset, &columns.fields, table.is_some());
        if table.is_none() {
            self.learn(source.relation(), &named, dataset);
        }
        self.describe(dataset, &source.said())?;
        self.column_tags(dataset, &columns)?;
        let facet = DbtFacet::of_source(id, source).with_table(table);
        self.out.facet(dataset, "dbt", &facet.json())?;
        Ok(Role::Dataset(dataset))
    }

    /// The name of a relation, or an ERROR if what the manifest has cannot be a name.
    pub(super) fn name(
        &mut self,
        section: &str,
        id: &str,
        relation: Relation,
    ) -> Result<Option<Named>, EmitError> {
        let at = self.place(section, id);
        let named = Some(id).filter(|id| is_name(id));
        if let Some(named) = named.and_then(|_| self.known.naming.name(relation)) {
            if let Some(other) = &named.united_with {
                let was = crate::naming::join(
                    relation.database,
                    relation.schema,
                    relation.table.unwrap_or_default(),
                );
                let message = format!(
                    "rewriting makes {was} of {id} and {other} one dataset, {}",
                    named.name
                );
                self.warn("dbt/duplicate-relation", message, at)?;
            }
            return Ok(Some(named));
        }
        let found = match relation.table {
            None => "has no name",
            Some(_) => "has a name that is longer than 1,024 bytes or has control characters",
        };
        let message = format!("{id} is left out: it {found}");
        self.diagnose(Severity::Error, "dbt/unusable-name", message, at)?;
        Ok(None)
    }
}

/// What kind of dataset a materialisation leaves; a custom one is called by its own name.
pub(super) fn dataset_kind(materialized: &str) -> String {
    match materialized {
        "table" | "incremental" | "seed" | "snapshot" => "TABLE".into(),
        "" => "VIEW".into(),
        "materializedview" => "MATERIALIZED_VIEW".into(),
        other => kind_of(other),
    }
}
