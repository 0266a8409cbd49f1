//! What a chart asks for, by its form data.

use bi::tree::{self, Node};

/// Things that one chart may ask for.
const USES_MAX: usize = 2_000;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A column by its name.
    Column(String),
    /// A metric that the dataset has.
    Metric(String),
    /// An aggregate of a column.
    Aggregate(String),
    /// An expression.
    Sql(String),
}

/// What for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Shown as it is, row by row.
    Raw,
    /// Shown, one row for each value of it.
    Group,
    /// The same on an axis of time, which may be in steps.
    Time,
    /// Shown, over several rows.
    Metric,
    /// Decides about rows.
    Filter,
    /// Decides about their order.
    Sort,
}

/// One thing that a chart asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) role: Role,
    pub(crate) asked: Asked,
    /// What the field of the chart is called.
    pub(crate) label: String,
    pub(crate) pointer: String,
    pub(crate) line: Option<u32>,
}

/// Keys whose columns make groups. Source: controls of Superset's own charts.
const GROUPS: &[&str] = &[
    "groupby",
    "groupby_b",
    "columns",
    "groupbyColumns",
    "groupbyRows",
    "series",
    "series_columns",
    "entity",
    "column",
    "source",
    "target",
    "source_category",
    "target_category",
    "id",
    "parent",
    "name",
    "breakdowns",
    "cols",
    "path",
    "hierarchy",
    "category",
];
/// Keys whose columns are shown row by row.
const RAW: &[&str] = &[
    "all_columns",
    "all_columns_x",
    "all_columns_y",
    "line_column",
    "geojson",
    "js_columns",
    "mapbox_label",
    "point_radius",
    "dimension",
    "tooltip_columns",
    "start_time",
    "end_time",
    "y_axis",
    "latitude",
    "longitude",
    "geometry",
    "geom",
];
/// Keys whose columns are places on a map.
const SPATIAL: &[&str] = &["spatial", "start_spatial", "end_spatial"];
const METRICS: &[&str] = &[
    "metric",
    "metrics",
    "metrics_b",
    "metric_2",
    "percent_metrics",
    "secondary_metric",
    "size",
    "x",
    "y",
    "tooltip_metrics",
    "point_radius_fixed",
    "right_metric",
    "left_metric",
];
const SORTS: &[&str] = &[
    "timeseries_limit_metric",
    "timeseries_limit_metric_b",
    "series_limit_metric",
    "series_limit_metric_b",
];
/// Charts over time which take their time from `granularity_sqla`, unless an axis is chosen.
const TIME_CHARTS: &[&str] = &[
    "line",
    "area",
    "bar",
    "compare",
    "big_number",
    "mixed_timeseries",
    "dual_line",
    "line_multi",
    "cal_heatmap",
    "time_table",
    "time_pivot",
    "rose",
    "horizon",
    "event_flow",
    "partition",
    "echarts_area",
];

/// Reads form data.
pub(crate) fn read(viz_type: &str, params: &Node, has_metric: &dyn Fn(&str) -> bool) -> Vec<Use> {
    let mut reader = Reader {
        params,
        has_metric,
        uses: Vec::new(),
    };
    let is_raw = reader.is_raw();
    for key in GROUPS.iter().filter(|_| !is_raw) {
        reader.columns(key, Role::Group);
    }
    reader.columns(
        "x_axis",
        if viz_type == "gantt_chart" {
            Role::Raw
        } else {
            Role::Time
        },
    );
    for key in RAW {
        let is_of_table = *key == "all_columns" && !is_raw && viz_type == "table";
        if !is_of_table {
            reader.columns(key, Role::Raw);
        }
    }
    for key in SPATIAL {
        for (part, column) in params.get(key).entries() {
            if part.ends_with("Col") {
                reader.column(column, Role::Raw, format!("/{key}/{part}"));
            }
        }
    }
    if !is_raw {
        reader.metrics();
    }
    reader.time(viz_type);
    reader.filters();
    reader.sorts();
    reader.uses
}

struct Reader<'p> {
    params: &'p Node,
    has_metric: &'p dyn Fn(&str) -> bool,
    uses: Vec<Use>,
}

/// A list, or the one thing that stands instead of it.
fn several<'n>(node: &'n Node, pointer: &str) -> Vec<(String, &'n Node)> {
    if node.is_null() {
        return Vec::new();
    }
    if node.items().is_empty() {
        return vec![(pointer.to_owned(), node)];
    }
    let items = node.items().iter().enumerate();
    items
        .map(|(at, item)| (format!("{pointer}/{at}"), item))
        .collect()
}

impl Reader<'_> {
    /// Whether a table shows rows as they are. Source: the table chart's `getQueryMode`.
    fn is_raw(&self) -> bool {
        match self.params.said("query_mode") {
            Some(mode) => mode == "raw",
            None => {
                !self.params.get("all_columns").items().is_empty()
                    && self.params.get("metrics").items().is_empty()
                    && self.params.get("groupby").items().is_empty()
            }
        }
    }

    fn columns(&mut self, key: &str, role: Role) {
        for (pointer, node) in several(self.params.get(key), &format!("/{key}")) {
            self.column(node, role, pointer);
        }
    }

    fn push(&mut self, role: Role, asked: Asked, label: &str, pointer: String, line: Option<u32>) {
        if self.uses.len() >= USES_MAX {
            return;
        }
        let label = label.to_owned();
        self.uses.push(Use {
            role,
            asked,
            label,
            pointer,
            line,
        });
    }

    /// A column by its name, or one that is written into the chart.
    fn column(&mut self, node: &Node, role: Role, pointer: String) {
        if let Some(name) = node.text() {
            self.push(role, Asked::Column(name.into()), name, pointer, node.line);
        } else if let Some(sql) = node.said("sqlExpression") {
            let label = node.said("label").unwrap_or(sql);
            // A column of the dataset is kept as an expression of its bare name.
            let is_column = node.get("isColumnReference").is_true();
            let asked = if is_column {
                Asked::Column(sql.into())
            } else {
                Asked::Sql(sql.into())
            };
            self.push(role, asked, label, pointer, node.line);
        } else if let Some(name) = node.said("column_name") {
            self.push(role, Asked::Column(name.into()), name, pointer, node.line);
        }
    }

    fn metrics(&mut self) {
        for key in METRICS {
            let mut node = self.params.get(key);
            let mut pointer = format!("/{key}");
            if !node.get("value").is_null() {
                if node.said("type") != Some("metric") {
                    continue;
                }
                node = node.get("value");
                pointer.push_str("/value");
            }
            for (pointer, node) in several(node, &pointer) {
                self.metric(node, Role::Metric, pointer);
            }
        }
        // Charts that others wrote have keys of their own, but metrics look the same everywhere.
        let listed =
            |key: &str| METRICS.contains(&key) || SORTS.contains(&key) || GROUPS.contains(&key);
        for (key, node) in self.params.entries() {
            if listed(key) || key.starts_with("adhoc_filters") {
                continue;
            }
            for (pointer, node) in several(node, &format!("/{}", bi::escaped(key))) {
                if node.said("aggregate").is_some() && node.get("column").is_map() {
                    self.metric(node, Role::Metric, pointer);
                }
            }
        }
    }

    fn metric(&mut self, node: &Node, role: Role, pointer: String) {
        if let Some(name) = node.text() {
            // Of some charts the same key holds a number or a column.
            let is_metric = (self.has_metric)(name);
            if is_metric {
                self.push(role, Asked::Metric(name.into()), name, pointer, node.line);
            } else if name.parse::<f64>().is_err() {
                self.push(role, Asked::Column(name.into()), name, pointer, node.line);
            }
            return;
        }
        let column = node.get("column").said("column_name");
        let is_sql = node.said("expressionType") == Some("SQL") || column.is_none();
        match (node.said("sqlExpression"), column) {
            (Some(sql), _) if is_sql => {
                let label = node.said("label").unwrap_or(sql);
                self.push(role, Asked::Sql(sql.into()), label, pointer, node.line);
            }
            (_, Some(column)) => {
                let aggregate = node.said("aggregate").unwrap_or("");
                let unnamed = format!("{aggregate}({column})");
                let label = node.said("label").unwrap_or(&unnamed);
                self.push(
                    role,
                    Asked::Aggregate(column.into()),
                    label,
                    pointer,
                    node.line,
                );
            }
            _ => {}
        }
    }

    /// The column of time: it filters if a range is chosen, and is an axis of charts over time.
    fn time(&mut self, viz_type: &str) {
        let node = self.params.get("granularity_sqla");
        let Some(name) = node.text() else { return };
        let is_axis = viz_type.starts_with("echarts_timeseries") || TIME_CHARTS.contains(&viz_type);
        let pointer = "/granularity_sqla";
        if is_axis && self.params.get("x_axis").is_null() {
            self.push(
                Role::Time,
                Asked::Column(name.into()),
                name,
                pointer.into(),
                node.line,
            );
        }
        let is_range = |key: &str| {
            let range = self.params.said(key).unwrap_or("").trim();
            !matches!(range, "" | ":" | "No filter")
        };
        if ["time_range", "since", "until"].into_iter().any(is_range) {
            self.push(
                Role::Filter,
                Asked::Column(name.into()),
                name,
                pointer.into(),
                node.line,
            );
        }
    }

    fn filters(&mut self) {
        for (key, node) in self.params.entries() {
            if !key.starts_with("adhoc_filters") {
                continue;
            }
            for (at, filter) in node.items().iter().enumerate() {
                self.filter(filter, format!("/{}/{at}", bi::escaped(key)));
            }
        }
        for (at, filter) in self.params.get("filters").items().iter().enumerate() {
            self.column(filter.get("col"), Role::Filter, format!("/filters/{at}"));
        }
        for key in ["where", "having"] {
            let node = self.params.get(key);
            if let Some(sql) = node.text() {
                self.push(
                    Role::Filter,
                    Asked::Sql(sql.into()),
                    sql,
                    format!("/{key}"),
                    node.line,
                );
            }
        }
    }

    fn filter(&mut self, filter: &Node, pointer: String) {
        let is_sql = filter.said("expressionType") == Some("SQL");
        if let Some(sql) = filter.said("sqlExpression").filter(|_| is_sql) {
            self.push(
                Role::Filter,
                Asked::Sql(sql.into()),
                sql,
                pointer,
                filter.line,
            );
            return;
        }
        // Without a range nothing is filtered.
        let is_open = filter.said("operator") == Some("TEMPORAL_RANGE")
            && filter
                .said("comparator")
                .is_none_or(|range| range == "No filter");
        if is_open {
            return;
        }
        if filter.said("clause") == Some("HAVING") {
            self.metric(filter.get("subject"), Role::Filter, pointer);
        } else {
            self.column(filter.get("subject"), Role::Filter, pointer);
        }
    }

    fn sorts(&mut self) {
        for key in SORTS {
            for (pointer, node) in several(self.params.get(key), &format!("/{key}")) {
                self.metric(node, Role::Sort, pointer);
            }
        }
        for key in ["order_by_cols", "orderby"] {
            for (at, node) in self.params.get(key).items().iter().enumerate() {
                // `["column", true]`, as a list or as the JSON of one.
                let pair = node.text().map(tree::json);
                let first = match &pair {
                    Some(Ok(pair)) => pair.items().first(),
                    Some(Err(_)) => None,
                    None => node.items().first(),
                };
                if let Some(first) = first {
                    self.metric(&first.clone(), Role::Sort, format!("/{key}/{at}"));
                }
            }
        }
        if self.params.get("sort_by_metric").is_true() {
            for (pointer, node) in several(self.params.get("metric"), "/sort_by_metric") {
                self.metric(node, Role::Sort, pointer);
            }
        }
    }
}
