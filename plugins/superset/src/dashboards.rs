//! Dashboards: which charts they show, and what their filters ask.

use std::collections::BTreeSet;

use bi::sql::How;
use bi::tree::Node;
use headwater_extractor::{Dataset, DatasetNode, ExtractError, Severity};
use sql_lineage::{Direct, Indirect};

use crate::export::Item;
use crate::state::{Stating, unique_titles};

impl Stating<'_, '_> {
    pub(crate) fn all_dashboards(&mut self) -> Result<(), ExtractError> {
        let items = &self.export.dashboards;
        let unique = unique_titles(items, "dashboard_title");
        for (uuid, item) in items {
            self.dashboard(uuid, item, &unique)?;
        }
        Ok(())
    }

    fn dashboard(&mut self, uuid: &str, item: &Item, unique: &[&str]) -> Result<(), ExtractError> {
        let at = bi::place(&item.artifact, "", item.node.line);
        let own = self.own.clone();
        let title = item.node.said("dashboard_title");
        let dataset = Dataset {
            namespace: &own,
            name: &format!("dashboards/{uuid}"),
            kind: "DASHBOARD",
            declared: true,
            description: item.node.said("description"),
            fields: &[],
            evidence: Some(&at),
        };
        let node = self.declare(&dataset, "dashboards", title, unique)?;
        self.describe(node, &item.node, title)?;
        let slug = item.node.said("slug");
        if let Some(url) = self.config.get("url") {
            let url = url.trim_end_matches('/');
            let url = format!("{url}/superset/dashboard/{}/", slug.unwrap_or(uuid));
            self.out.attribute(node, None, "url", &url)?;
        }
        let is_published = item.node.said("published");
        let said = [
            ("uuid", Some(uuid)),
            ("slug", slug),
            ("published", is_published),
        ];
        self.facet(node, &said)?;
        self.shown_charts(item, node)?;
        self.native_filters(item, node)
    }

    fn shown_charts(&mut self, item: &Item, node: DatasetNode) -> Result<(), ExtractError> {
        let own = self.own.clone();
        let mut seen = BTreeSet::new();
        let key = ["position", "position_json"];
        let key = key.into_iter().find(|key| !item.node.get(key).is_null());
        let key = key.unwrap_or("position");
        let position = item.node.get(key).or_json();
        for (id, part) in position.entries() {
            if part.said("type") != Some("CHART") {
                continue;
            }
            let pointer = format!("/{key}/{}", bi::escaped(id));
            let at = bi::place(
                &item.artifact,
                &pointer,
                part.line.or(item.node.get(key).line),
            );
            let uuid = part.get("meta").said("uuid").map(str::to_lowercase);
            let Some(uuid) = uuid.filter(|uuid| bi::is_name(uuid)) else {
                let message =
                    "a chart is left out: its place on the dashboard has no UUID".to_owned();
                self.tell(Severity::Warning, "superset/unresolved-chart", message, &at)?;
                continue;
            };
            if !seen.insert(uuid.clone()) {
                continue;
            }
            let chart = if let Some(chart) = self.charts.get(&uuid) {
                *chart
            } else {
                let title = part
                    .get("meta")
                    .said("sliceName")
                    .unwrap_or("without a name");
                let message = format!("the export does not have the chart {uuid} ({title})");
                self.tell(Severity::Warning, "superset/unresolved-chart", message, &at)?;
                self.out
                    .mention(&own, &format!("charts/{uuid}"), "", Some(&at))?
            };
            self.out.derives(node, chart, Some(&at))?;
            // All that a chart has is shown.
            let how = How::direct(Direct::Identity);
            self.field_edge((chart, None), (node, None), &how, &at)?;
        }
        Ok(())
    }

    /// Filters that people set on the dashboard take their values from datasets, and bear on what it shows.
    fn native_filters(&mut self, item: &Item, node: DatasetNode) -> Result<(), ExtractError> {
        let key = ["metadata", "json_metadata"];
        let key = key.into_iter().find(|key| !item.node.get(key).is_null());
        let key = key.unwrap_or("metadata");
        let metadata = item.node.get(key).or_json();
        let mut seen = BTreeSet::new();
        for list in ["native_filter_configuration", "chart_customization_config"] {
            for (at, filter) in metadata.get(list).items().iter().enumerate() {
                for (position, target) in filter.get("targets").items().iter().enumerate() {
                    let pointer = format!("/{key}/{list}/{at}/targets/{position}");
                    let line = target.line.or(item.node.get(key).line);
                    let place = bi::place(&item.artifact, &pointer, line);
                    self.target(node, target, &place, &mut seen)?;
                }
            }
        }
        Ok(())
    }

    fn target(
        &mut self,
        node: DatasetNode,
        target: &Node,
        at: &headwater_extractor::Location,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), ExtractError> {
        let column = target.get("column");
        let column = column.said("name").or(column.text());
        let Some(uuid) = target.said("datasetUuid").map(str::to_lowercase) else {
            // A range of time has no target of its own.
            if column.is_some() {
                let message =
                    "a filter is left out: it does not name its dataset by UUID".to_owned();
                self.tell(
                    Severity::Warning,
                    "superset/unresolved-dataset",
                    message,
                    at,
                )?;
            }
            return Ok(());
        };
        if !bi::is_name(&uuid) {
            return Ok(());
        }
        let own = self.own.clone();
        let dataset = match self.datasets.get(&uuid) {
            Some(known) => known.node,
            None => self
                .out
                .mention(&own, &format!("datasets/{uuid}"), "", Some(at))?,
        };
        if seen.insert(uuid.clone()) {
            self.out.derives(node, dataset, Some(at))?;
        }
        if let Some(column) = column
            && seen.insert(format!("{uuid}/{column}"))
        {
            let how = How::indirect(Indirect::Filter);
            self.field_edge((dataset, Some(column)), (node, None), &how, at)?;
        }
        Ok(())
    }
}
