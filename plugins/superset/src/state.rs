//! Stating what an export has.

use std::collections::BTreeMap;
use std::rc::Rc;

use bi::sql::How;
use bi::tree::Node;
use headwater_extractor::{
    Alias, CatalogDataset, Config, Dataset, DatasetNode, Emitter, ExtractError, FieldEdge,
    FieldEnd, Location, Severity,
};
use serde_json::{Map, Value, json};
use sql_lineage::Catalog;

use crate::databases::Databases;
use crate::export::{Export, Item};

/// Columns of the tables of a database.
#[derive(Debug, Default)]
pub(crate) struct Catalogs {
    /// As the service knows them.
    pub(crate) service: Catalog,
    /// And as physical datasets show them, which may have been synchronised long ago.
    pub(crate) shown: Catalog,
}

/// A dataset of Superset's, as charts see it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) node: DatasetNode,
    /// Columns, calculated ones included, in their order.
    pub(crate) columns: Vec<String>,
    pub(crate) metrics: Vec<String>,
    /// Columns that are points in time.
    pub(crate) temporal: Vec<String>,
    pub(crate) dialect: Option<sql_lineage::Dialect>,
    /// Whether the export has it.
    pub(crate) is_exported: bool,
}

pub(crate) struct Stating<'a, 'b> {
    pub(crate) export: &'a Export,
    pub(crate) config: &'a Config,
    pub(crate) catalog: &'a [CatalogDataset],
    pub(crate) databases: Databases<'a>,
    pub(crate) out: &'a mut Emitter<'b>,
    pub(crate) own: String,
    pub(crate) datasets: BTreeMap<String, Known>,
    pub(crate) charts: BTreeMap<String, DatasetNode>,
    /// Columns of tables by the UUID of their database, for SQL.
    pub(crate) catalogs: BTreeMap<String, Rc<Catalogs>>,
}

/// States all of an export: datasets, then the charts that are made of them, then the dashboards of charts.
pub(crate) fn state(
    export: &Export,
    config: &Config,
    catalog: &[CatalogDataset],
    out: &mut Emitter,
) -> Result<(), ExtractError> {
    let databases = Databases::new(export, config);
    let mut stating = Stating {
        export,
        config,
        catalog,
        own: databases.own_namespace(),
        databases,
        out,
        datasets: BTreeMap::new(),
        charts: BTreeMap::new(),
        catalogs: BTreeMap::new(),
    };
    stating.all_datasets()?;
    stating.all_charts()?;
    stating.all_dashboards()
}

/// Titles that only one thing has, so that they may stand for it.
pub(crate) fn unique_titles<'a>(items: &'a BTreeMap<String, Item>, key: &str) -> Vec<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for item in items.values() {
        if let Some(title) = item.node.said(key) {
            *counts.entry(title).or_default() += 1;
        }
    }
    let unique = counts.into_iter().filter(|(_, count)| *count == 1);
    unique.map(|(title, _)| title).collect()
}

impl Stating<'_, '_> {
    pub(crate) fn tell(
        &mut self,
        severity: Severity,
        code: &str,
        message: String,
        at: &Location,
    ) -> Result<(), ExtractError> {
        let found = bi::told(severity, code, message, at.clone());
        Ok(self.out.diagnose(found)?)
    }

    /// A column goes into a field, or bears on a dataset as a whole.
    pub(crate) fn field_edge(
        &mut self,
        from: (DatasetNode, Option<&str>),
        to: (DatasetNode, Option<&str>),
        how: &How,
        at: &Location,
    ) -> Result<(), ExtractError> {
        if [from.1, to.1]
            .into_iter()
            .flatten()
            .any(|name| !bi::is_name(name))
        {
            return Ok(());
        }
        let end = |(dataset, field)| FieldEnd { dataset, field };
        self.out.field_edge(&FieldEdge {
            from: end(from),
            to: end(to),
            via: None,
            transformations: &how.transformations(),
            evidence: Some(at),
        })?;
        Ok(())
    }

    /// What all things have: a title, people, tags, a certification, links.
    pub(crate) fn describe(
        &mut self,
        node: DatasetNode,
        item: &Node,
        title: Option<&str>,
    ) -> Result<(), ExtractError> {
        if let Some(title) = title {
            self.out.attribute(node, None, "label", title)?;
        }
        for owner in item.get("owners").items() {
            let mut keys = ["username", "name", "first_name"].into_iter();
            let name = owner
                .text()
                .or_else(|| keys.find_map(|key| owner.said(key)));
            if let Some(owner_name) = name.or(owner.said("email")) {
                self.out.attribute(node, None, "owner", owner_name)?;
            }
            if let Some(email) = owner.said("email").filter(|_| name.is_some()) {
                self.out.attribute(node, None, "owner-email", email)?;
            }
        }
        for tag in item.get("tags").items() {
            if let Some(tag) = tag.text().or(tag.said("tag_name")).or(tag.said("name")) {
                self.out.attribute(node, None, "tag", tag)?;
            }
        }
        self.certification(node, None, item)?;
        let extra = item.get("extra").or_json();
        self.certification(node, None, extra.get("certification"))?;
        let links = [item.said("external_url"), item.said("default_endpoint")];
        for link in links.into_iter().flatten().filter(|link| is_link(link)) {
            self.out.attribute(node, None, "url", link)?;
        }
        Ok(())
    }

    pub(crate) fn certification(
        &mut self,
        node: DatasetNode,
        field: Option<&str>,
        item: &Node,
    ) -> Result<(), ExtractError> {
        for (key, values) in [
            ("certified-by", ["certified_by", "certifiedBy"]),
            (
                "certification-details",
                ["certification_details", "details"],
            ),
        ] {
            let mut values = values.into_iter().filter_map(|key| item.said(key));
            if let Some(value) = values.next() {
                self.out.attribute(node, field, key, value)?;
            }
        }
        Ok(())
    }

    /// Declares a thing of Superset's own, under its UUID, and under its title where that is the only one.
    pub(crate) fn declare(
        &mut self,
        dataset: &Dataset,
        folder: &str,
        title: Option<&str>,
        unique: &[&str],
    ) -> Result<DatasetNode, ExtractError> {
        let node = self.out.dataset(dataset)?;
        let alias = title.filter(|title| unique.binary_search(title).is_ok());
        let alias = alias.map(|title| format!("{folder}/{title}"));
        if let Some(name) = alias.filter(|name| bi::is_name(name) && name != dataset.name) {
            self.out.alias(
                node,
                &Alias {
                    namespace: dataset.namespace,
                    name: &name,
                    reason: "its title in Superset, which nothing else of the export has",
                    evidence: dataset.evidence,
                },
            )?;
        }
        Ok(node)
    }

    /// A facet of what is said; what is not said is left out.
    pub(crate) fn facet(
        &mut self,
        node: DatasetNode,
        said: &[(&str, Option<&str>)],
    ) -> Result<(), ExtractError> {
        let members: Map<String, Value> = said
            .iter()
            .filter_map(|(key, value)| Some(((*key).to_owned(), json!(*value.as_ref()?))))
            .collect();
        let json = Value::Object(members).to_string();
        Ok(self.out.facet(node, "superset", &json)?)
    }
}

/// A link that holds no credentials.
fn is_link(link: &str) -> bool {
    let rest = link
        .strip_prefix("https://")
        .or_else(|| link.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.split('/').next().unwrap_or("").contains('@'))
}
