//! Charts: which fields of which dataset they show, and what bears on their rows.

use std::collections::BTreeMap;

use bi::sql::{self, How};
use bi::template;
use headwater_extractor::{Dataset, ExtractError, Field, Location, Severity};
use sql_lineage::{Direct, Indirect};

use crate::export::Item;
use crate::params::{self, Asked, Role, Use};
use crate::state::{Known, Stating, unique_titles};

/// A field of the dataset, and how it goes into something.
type Origins = Vec<(String, How)>;

impl Stating<'_, '_> {
    pub(crate) fn all_charts(&mut self) -> Result<(), ExtractError> {
        let items = &self.export.charts;
        let unique = unique_titles(items, "slice_name");
        for (uuid, item) in items {
            self.chart(uuid, item, &unique)?;
        }
        Ok(())
    }

    fn chart(&mut self, uuid: &str, item: &Item, unique: &[&str]) -> Result<(), ExtractError> {
        let at = bi::place(&item.artifact, "", item.node.line);
        let params = item.node.get("params").or_json();
        let viz_type = item.node.said("viz_type").or(params.said("viz_type"));
        let known = self.dataset_of(item)?;
        let uses = known.as_ref().map_or(Vec::new(), |known| {
            let has_metric = |name: &str| {
                let is_column = known.columns.iter().any(|column| column == name);
                known.metrics.iter().any(|metric| metric == name)
                    || !known.is_exported && !is_column
            };
            params::read(viz_type.unwrap_or(""), &params, &has_metric)
        });
        let mut labels: Vec<&str> = Vec::new();
        for one in uses.iter().filter(|one| one.is_shown()) {
            if bi::is_name(&one.label) && !labels.contains(&one.label.as_str()) {
                labels.push(&one.label);
            }
        }
        let fields: Vec<Field> = labels
            .iter()
            .map(|name| Field {
                name,
                ..Field::default()
            })
            .collect();
        let own = self.own.clone();
        let title = item.node.said("slice_name");
        let dataset = Dataset {
            namespace: &own,
            name: &format!("charts/{uuid}"),
            kind: "CHART",
            declared: true,
            description: item.node.said("description"),
            fields: &fields,
            evidence: Some(&at),
        };
        let node = self.declare(&dataset, "charts", title, unique)?;
        self.charts.insert(uuid.to_owned(), node);
        self.describe(node, &item.node, title)?;
        if let (Some(url), Some(id)) = (self.config.get("url"), params.said("slice_id")) {
            let url = format!("{}/explore/?slice_id={id}", url.trim_end_matches('/'));
            self.out.attribute(node, None, "url", &url)?;
        }
        self.facet(node, &[("uuid", Some(uuid)), ("vizType", viz_type)])?;
        let Some(known) = known else { return Ok(()) };
        let place = bi::place(
            &item.artifact,
            "/dataset_uuid",
            item.node.get("dataset_uuid").line,
        );
        self.out.derives(node, known.node, Some(&place))?;
        let mut stated: BTreeMap<(Option<&str>, String), Vec<How>> = BTreeMap::new();
        for one in &uses {
            let pointer = format!("/params{}", one.pointer);
            let at = bi::place(
                &item.artifact,
                &pointer,
                one.line.or(item.node.get("params").line),
            );
            for (field, how) in self.origins_of(one, &known, &at)? {
                for (to, how) in one.effects(&how, &known) {
                    let before = stated.entry((to, field.clone())).or_default();
                    if !before.contains(&how) {
                        self.field_edge((known.node, Some(&field)), (node, to), &how, &at)?;
                        before.push(how);
                    }
                }
            }
        }
        Ok(())
    }

    /// The dataset of a chart; only mentioned, where the export does not have it.
    fn dataset_of(&mut self, item: &Item) -> Result<Option<Known>, ExtractError> {
        let node = item.node.get("dataset_uuid");
        let at = bi::place(&item.artifact, "/dataset_uuid", node.line);
        let Some(uuid) = node
            .text()
            .map(str::to_lowercase)
            .filter(|uuid| bi::is_name(uuid))
        else {
            let message = "the chart names no dataset: what it shows is not known".to_owned();
            self.tell(
                Severity::Info,
                "superset/chart-without-dataset",
                message,
                &at,
            )?;
            return Ok(None);
        };
        if let Some(known) = self.datasets.get(&uuid) {
            return Ok(Some(known.clone()));
        }
        let message =
            format!("the export does not have the dataset {uuid}: its table is not known");
        self.tell(
            Severity::Warning,
            "superset/unresolved-dataset",
            message,
            &at,
        )?;
        let own = self.own.clone();
        let name = format!("datasets/{uuid}");
        let known = Known {
            node: self.out.mention(&own, &name, "", Some(&at))?,
            columns: Vec::new(),
            metrics: Vec::new(),
            temporal: Vec::new(),
            dialect: None,
            is_exported: false,
        };
        self.datasets.insert(uuid, known.clone());
        Ok(Some(known))
    }

    /// The fields that what is asked for is made of.
    fn origins_of(
        &mut self,
        one: &Use,
        known: &Known,
        at: &Location,
    ) -> Result<Origins, ExtractError> {
        let columns: Vec<&str> = known.columns.iter().map(String::as_str).collect();
        let (name, direct, names) = match &one.asked {
            Asked::Column(name) => (name, Direct::Identity, &columns),
            Asked::Aggregate(name) => (name, Direct::Aggregation, &columns),
            Asked::Metric(name) => {
                return Ok(vec![(name.clone(), How::direct(Direct::Identity))]);
            }
            Asked::Sql(text) => {
                let filled = template::jinja(text, false, &mut |_| None);
                let found = if one.role == Role::Filter {
                    sql::condition(&filled.text, known.dialect, &columns)
                } else {
                    sql::expression(&filled.text, known.dialect, &columns)
                };
                return match found {
                    Ok(found) => Ok(found
                        .into_iter()
                        .filter(|(name, _)| !template::is_hole(name))
                        .collect()),
                    Err(problem) => {
                        let message = format!("lineage of `{}` is missing: {problem}", one.label);
                        self.tell(Severity::Info, "superset/expression", message, at)?;
                        Ok(Vec::new())
                    }
                };
            }
        };
        let field = match sql::known(names, name) {
            Some(field) => field.to_owned(),
            // Other keys of the form hold names, too, that only some charts mean as columns.
            None if known.is_exported => {
                let message = format!("the dataset has no column `{name}`");
                self.tell(Severity::Info, "superset/unknown-column", message, at)?;
                return Ok(Vec::new());
            }
            None => name.clone(),
        };
        Ok(vec![(field, How::direct(direct))])
    }
}

impl Use {
    fn is_shown(&self) -> bool {
        !matches!(self.role, Role::Filter | Role::Sort)
    }

    /// What a field that this is made of does: to the field of the chart, and to all of its rows.
    fn effects(&self, how: &How, known: &Known) -> Vec<(Option<&str>, How)> {
        let shown = Some(self.label.as_str());
        let group = (None, How::indirect(Indirect::GroupBy));
        match self.role {
            Role::Raw | Role::Metric => vec![(shown, how.clone())],
            Role::Group => vec![(shown, how.clone()), group],
            Role::Time => {
                let is_time =
                    matches!(&self.asked, Asked::Column(name) if known.temporal.contains(name));
                let how = if is_time {
                    how.then(&How::direct(Direct::Transformation))
                } else {
                    how.clone()
                };
                vec![(shown, how), group]
            }
            Role::Filter => vec![(None, How::indirect(Indirect::Filter))],
            Role::Sort => vec![(None, How::indirect(Indirect::Sort))],
        }
    }
}
