//! What is made of nodes and is no relation: exposures, semantic models, metrics, saved queries.

use std::collections::BTreeSet;

use headwater_extractor::{
    Dataset, DatasetNode, EmitError, Field, Job, JobNode, Location, Severity,
};
use rustc_hash::FxHashMap;
use serde_json::value::RawValue;

use super::Statement;
use super::datasets::dataset_kind;
use crate::facet::{DbtFacet, ElementFacet};
use crate::lineage::Role;
use crate::manifest::{Asset, Element, Export, Manifest};
use crate::naming::{is_name, kind_of, only};
use crate::place::{Places, pointer};
use crate::salvage::plain;
use crate::text::said;

impl<'m> Statement<'_, '_, '_, 'm> {
    /// Declares exposures, semantic models and metrics. They are named by unique id in the
    /// namespace of the jobs: no warehouse has them.
    pub(super) fn index_assets(&mut self) -> Result<(), EmitError> {
        let manifest = self.known.manifest;
        let sections = [
            ("semantic_models", &manifest.semantic_models),
            ("metrics", &manifest.metrics),
            ("exposures", &manifest.exposures),
            ("saved_queries", &manifest.saved_queries),
        ];
        for (section, assets) in sections {
            for (id, asset) in &assets.0 {
                let role = if !asset.is_enabled() {
                    Role::Nothing("which is disabled")
                } else if section == "saved_queries" {
                    // A job; whatever depends on it depends on what it asks for.
                    Role::Through
                } else {
                    self.declare_asset(section, id, asset)?
                };
                self.known.index.add(section, id, role, asset.depends_on());
            }
        }
        Ok(())
    }

    fn declare_asset(
        &mut self,
        section: &'static str,
        id: &'m str,
        asset: &'m Asset<'m>,
    ) -> Result<Role, EmitError> {
        let at = self.place(section, id);
        if !self.is_usable(id, &at)? {
            return Ok(Role::Nothing("which has no usable name"));
        }
        let kind = match section {
            "semantic_models" => "SEMANTIC_MODEL".to_owned(),
            "metrics" => "METRIC".to_owned(),
            _ => exposure_kind(asset.r#type.as_deref().unwrap_or("exposure")),
        };
        let elements = if section == "semantic_models" {
            self.semantic_elements(id, asset)?
        } else {
            Vec::new()
        };
        let fields: Vec<Field> = elements
            .iter()
            .filter_map(|(_, element)| {
                Some(Field {
                    name: element.name.as_deref()?,
                    data_type: None,
                    description: said(element.description.as_ref()),
                })
            })
            .collect();
        let dataset = self.out.dataset(&Dataset {
            namespace: self.known.naming.job_namespace(),
            name: id,
            kind: &kind,
            declared: true,
            description: said(asset.description.as_ref()),
            fields: &fields,
            evidence: Some(&at),
        })?;
        self.describe(dataset, &asset.said())?;
        for (key, value) in [
            ("label", &asset.label),
            ("maturity", &asset.maturity),
            ("url", &asset.url),
        ] {
            if let Some(value) = said(value.as_ref()) {
                self.out.attribute(dataset, None, key, value)?;
            }
        }
        let roles = elements
            .iter()
            .filter_map(|(role, element)| {
                Some(ElementFacet {
                    name: element.name.as_deref()?,
                    role,
                    kind: said(element.r#type.as_ref().or(element.agg.as_ref())),
                })
            })
            .collect();
        let facet = DbtFacet::of_asset(id, asset).with_elements(roles);
        self.out.facet(dataset, "dbt", &facet.json())?;
        Ok(Role::Dataset(dataset))
    }

    /// The entities, dimensions and measures of a semantic model, each name once.
    fn semantic_elements(
        &mut self,
        id: &str,
        model: &'m Asset<'m>,
    ) -> Result<Vec<(&'static str, Element<'m>)>, EmitError> {
        let mut found = Vec::new();
        let mut names = BTreeSet::new();
        for (key, role, raw) in [
            ("entities", "entity", model.entities),
            ("dimensions", "dimension", model.dimensions),
            ("measures", "measure", model.measures),
        ] {
            let raw = raw.map_or("null", RawValue::get);
            let elements = match serde_json::from_str::<Option<Vec<Element>>>(raw) {
                Ok(elements) => elements.unwrap_or_default(),
                Err(error) => {
                    let message = format!("`{key}` of {id} are left out: {}", plain(&error));
                    let path = ["semantic_models", id, key];
                    let at = Places::pointer(self.known.artifact, pointer(&path));
                    self.diagnose(Severity::Error, "dbt/damaged-node", message, at)?;
                    continue;
                }
            };
            for element in elements {
                let name = element.name.as_deref().filter(|name| is_name(name));
                if name.is_some_and(|name| names.insert(name.to_owned())) {
                    found.push((role, element));
                }
            }
        }
        Ok(found)
    }

    /// What each of them derives from; saved queries become jobs, which are added to `jobs`.
    pub(super) fn asset_lineage(
        &mut self,
        jobs: &mut FxHashMap<&'m str, JobNode>,
    ) -> Result<(), EmitError> {
        let manifest = self.known.manifest;
        let mut unresolved = Vec::new();
        let sections = [
            ("semantic_models", &manifest.semantic_models),
            ("metrics", &manifest.metrics),
            ("exposures", &manifest.exposures),
        ];
        for (section, assets) in sections {
            for (id, asset) in &assets.0 {
                let Some(dataset) = self.known.index.dataset(id).filter(|_| asset.is_enabled())
                else {
                    continue;
                };
                let at = self.place(section, id);
                for origin in self.known.index.origins(id, &mut unresolved) {
                    self.out.derives(dataset, origin, Some(&at))?;
                }
                self.report(&mut unresolved)?;
            }
        }
        let database = project_database(manifest);
        for (id, query) in &manifest.saved_queries.0 {
            let at = self.place("saved_queries", id);
            if !query.is_enabled() || !self.is_usable(id, &at)? {
                continue;
            }
            let job = self.saved_query(id, query, &at)?;
            for origin in self.known.index.origins(id, &mut unresolved) {
                self.out.reads(job, origin, Some(&at))?;
            }
            self.report(&mut unresolved)?;
            for (position, export) in query.exports.iter().enumerate() {
                let written = self.export(id, position, export, database)?;
                if let Some(dataset) = written {
                    self.out.writes(job, dataset, Some(&at))?;
                }
            }
            jobs.insert(&**id, job);
        }
        Ok(())
    }

    fn saved_query(
        &mut self,
        id: &'m str,
        query: &'m Asset<'m>,
        at: &Location,
    ) -> Result<JobNode, EmitError> {
        let job = self.out.job(&Job {
            namespace: self.known.naming.job_namespace(),
            name: id,
            kind: "SAVED_QUERY",
            description: said(query.description.as_ref()),
            sql: None,
            parent: None,
            evidence: Some(at),
        })?;
        self.describe(job, &query.said())?;
        if let Some(label) = said(query.label.as_ref()) {
            self.out.attribute(job, None, "label", label)?;
        }
        let facet = DbtFacet::of_asset(id, query);
        self.out.facet(job, "dbt", &facet.json())?;
        Ok(job)
    }

    /// Declares what an export writes.
    fn export(
        &mut self,
        id: &str,
        position: usize,
        export: &Export,
        database: Option<&str>,
    ) -> Result<Option<DatasetNode>, EmitError> {
        let position = position.to_string();
        let path = ["saved_queries", id, "exports", &position];
        let at = Places::pointer(self.known.artifact, pointer(&path));
        let relation = export.relation(database);
        if relation.schema.is_none() {
            let name = relation.table.unwrap_or("without a name");
            let message = format!(
                "the export {name} of {id} is left out: the manifest does not say which schema it is written to"
            );
            self.warn("dbt/export-unplaced", message, at)?;
            return Ok(None);
        }
        let Some(named) = self.name("saved_queries", id, relation)? else {
            return Ok(None);
        };
        if let Some(dataset) = self.out.stated(&named.namespace, &named.name) {
            return Ok(Some(dataset));
        }
        let dataset = self.out.dataset(&Dataset {
            namespace: &named.namespace,
            name: &named.name,
            kind: &dataset_kind(export.kind()),
            declared: true,
            description: None,
            fields: &[],
            evidence: Some(&at),
        })?;
        self.out
            .facet(dataset, "dbt", &DbtFacet::of_id(id).json())?;
        Ok(Some(dataset))
    }

    fn is_usable(&mut self, id: &str, at: &Location) -> Result<bool, EmitError> {
        if is_name(id) {
            return Ok(true);
        }
        let message = format!(
            "{id} is left out: it has a name that is longer than 1,024 bytes or has control characters"
        );
        self.diagnose(Severity::Error, "dbt/unusable-name", message, at.clone())?;
        Ok(false)
    }
}

/// dbt says `ml` for what its documentation calls a machine-learning model.
fn exposure_kind(kind: &str) -> String {
    match kind {
        "ml" => "ML_MODEL".into(),
        other => kind_of(other),
    }
}

/// The database of the project's models, if it is one.
fn project_database<'m>(manifest: &'m Manifest) -> Option<&'m str> {
    let nodes = manifest.nodes.0.iter();
    let models = nodes.filter(|(id, node)| node.kind(id) == "model" && !node.is_elsewhere());
    only(
        models
            .filter_map(|(_, node)| node.relation().database)
            .collect(),
    )
}
