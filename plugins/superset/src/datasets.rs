//! Datasets: tables with columns and metrics of their own, and queries.

use std::rc::Rc;

use bi::connection::Connection;
use bi::sql::{self, How};
use bi::template;
use bi::tree::Node;
use headwater_extractor::{Dataset, DatasetNode, ExtractError, Field, Location, Severity};
use sql_lineage::{Catalog, Direct, Options, TableName};

use crate::export::Item;
use crate::state::{Catalogs, Known, Stating, unique_titles};

/// Columns of a dataset, and metrics of it, that are read. Expressions take time with the number of columns.
const ELEMENTS_MAX: usize = 2_000;

/// A column or a metric.
struct Element<'i> {
    name: &'i str,
    data_type: Option<&'i str>,
    description: Option<&'i str>,
    expression: Option<&'i str>,
    node: &'i Node,
    pointer: String,
}

/// What a column of a dataset's table or query comes from.
struct Base {
    column: String,
    origins: Vec<(DatasetNode, Option<String>, How, u32)>,
}

impl Stating<'_, '_> {
    pub(crate) fn all_datasets(&mut self) -> Result<(), ExtractError> {
        let items = &self.export.datasets;
        let unique = unique_titles(items, "table_name");
        for (uuid, item) in items {
            self.dataset(uuid, item, &unique)?;
        }
        Ok(())
    }

    fn dataset(&mut self, uuid: &str, item: &Item, unique: &[&str]) -> Result<(), ExtractError> {
        let at = bi::place(&item.artifact, "", item.node.line);
        let (columns, metrics) = self.elements(item)?;
        let title = item.node.said("table_name");
        let sql = item.node.said("sql").filter(|sql| !sql.trim().is_empty());
        let fields: Vec<Field> = columns
            .iter()
            .chain(&metrics)
            .map(|element| Field {
                name: element.name,
                data_type: element.data_type,
                description: element.description,
            })
            .collect();
        let own = self.own.clone();
        let dataset = Dataset {
            namespace: &own,
            name: &format!("datasets/{uuid}"),
            kind: if sql.is_some() {
                "VIRTUAL_DATASET"
            } else {
                "PHYSICAL_DATASET"
            },
            declared: true,
            description: item.node.said("description"),
            fields: &fields,
            evidence: Some(&at),
        };
        let node = self.declare(&dataset, "datasets", title, unique)?;
        self.describe(node, &item.node, title)?;
        for element in columns.iter().chain(&metrics) {
            let extra = element.node.get("extra").or_json();
            let name = Some(element.name);
            self.certification(node, name, extra.get("certification"))?;
            if let Some(label) = element.node.said("verbose_name") {
                self.out.attribute(node, name, "label", label)?;
            }
        }
        let database = item.node.said("database_uuid").unwrap_or("").to_lowercase();
        let title_of_database = self.databases.title(&database);
        self.facet(
            node,
            &[
                ("uuid", Some(uuid)),
                ("database", title_of_database),
                ("databaseUuid", Some(&database)),
                ("catalog", item.node.said("catalog")),
                ("schema", item.node.said("schema")),
                ("sql", sql),
            ],
        )?;
        let place = bi::place(
            &item.artifact,
            "/database_uuid",
            item.node.get("database_uuid").line,
        );
        let (mut connection, found) = self.databases.connection(&database, &place)?;
        if let Some(diagnostic) = found {
            self.out.diagnose(diagnostic)?;
        }
        for (known, key) in [
            (&mut connection.database, "catalog"),
            (&mut connection.schema, "schema"),
        ] {
            if let Some(said) = item.node.said(key) {
                *known = Some(said.to_owned());
            }
        }
        let known = Known {
            node,
            columns: columns
                .iter()
                .map(|column| column.name.to_owned())
                .collect(),
            metrics: metrics
                .iter()
                .map(|metric| metric.name.to_owned())
                .collect(),
            temporal: columns
                .iter()
                .filter(|column| column.node.get("is_dttm").is_true())
                .map(|column| column.name.to_owned())
                .collect(),
            dialect: connection.dialect,
            is_exported: true,
        };
        self.datasets.insert(uuid.to_owned(), known);
        let physical = columns.iter().filter(|column| column.expression.is_none());
        let physical: Vec<&str> = physical.map(|column| column.name).collect();
        let base = match sql {
            Some(sql) => self.virtual_base(item, node, sql, &connection, &physical, &metrics)?,
            None => self.physical_base(item, node, &connection, &physical)?,
        };
        self.origins(item, node, &base, &columns, &metrics, &connection)
    }

    /// Columns and metrics, each name once.
    fn elements<'i>(
        &mut self,
        item: &'i Item,
    ) -> Result<(Vec<Element<'i>>, Vec<Element<'i>>), ExtractError> {
        let mut names = std::collections::BTreeSet::new();
        let mut found = [Vec::new(), Vec::new()];
        for (at, key, name_key) in [(0, "columns", "column_name"), (1, "metrics", "metric_name")] {
            let items = item.node.get(key).items();
            if items.len() > ELEMENTS_MAX {
                let place = bi::place(&item.artifact, &format!("/{key}"), item.node.get(key).line);
                let message = format!("of {} {key} the first {ELEMENTS_MAX} are read", items.len());
                self.tell(Severity::Warning, "superset/too-many", message, &place)?;
            }
            for (position, node) in items.iter().take(ELEMENTS_MAX).enumerate() {
                let pointer = format!("/{key}/{position}");
                let name = node.said(name_key).filter(|name| bi::is_name(name));
                let Some(name) = name.filter(|name| names.insert(*name)) else {
                    let place = bi::place(&item.artifact, &pointer, node.line);
                    let message =
                        "it is left out: it has no usable name, or one that stands before it"
                            .into();
                    self.tell(Severity::Warning, "superset/unusable-name", message, &place)?;
                    continue;
                };
                let kind = if at == 0 { "type" } else { "metric_type" };
                found[at].push(Element {
                    name,
                    data_type: node.said(kind).filter(|_| at == 0),
                    description: node.said("description"),
                    expression: node
                        .said("expression")
                        .filter(|text| !text.trim().is_empty()),
                    node,
                    pointer,
                });
            }
        }
        let [columns, metrics] = found;
        Ok((columns, metrics))
    }

    /// The columns of the table that a dataset shows.
    fn physical_base(
        &mut self,
        item: &Item,
        node: DatasetNode,
        connection: &Connection,
        columns: &[&str],
    ) -> Result<Vec<Base>, ExtractError> {
        let title = item.node.get("table_name");
        let at = bi::place(&item.artifact, "/table_name", title.line);
        let named = connection.name(None, None, title.text().unwrap_or(""));
        let Some(table) = self.table(&named.name, named.is_whole, connection, &at)? else {
            return Ok(Vec::new());
        };
        self.out.derives(node, table, Some(&at))?;
        let line = item.node.line.unwrap_or(0);
        let columns = columns.iter().map(|column| Base {
            column: (*column).to_owned(),
            origins: vec![(
                table,
                Some((*column).to_owned()),
                How::direct(Direct::Identity),
                line,
            )],
        });
        Ok(columns.collect())
    }

    /// A table that is mentioned.
    fn table(
        &mut self,
        name: &str,
        is_whole: bool,
        connection: &Connection,
        at: &Location,
    ) -> Result<Option<DatasetNode>, ExtractError> {
        if !bi::is_name(name) || template::is_hole(name) {
            let message =
                "a table is left out: its name is made by a template, or cannot be one".into();
            self.tell(Severity::Info, "superset/template", message, at)?;
            return Ok(None);
        }
        if !is_whole {
            let message = format!(
                "{name} lacks its database or schema: it stays unresolved; set database.… and schema.…"
            );
            self.tell(Severity::Info, "superset/schema-unknown", message, at)?;
        }
        Ok(Some(self.out.mention(
            &connection.namespace,
            name,
            "",
            Some(at),
        )?))
    }

    /// The columns of a query.
    fn virtual_base(
        &mut self,
        item: &Item,
        node: DatasetNode,
        sql: &str,
        connection: &Connection,
        columns: &[&str],
        metrics: &[Element],
    ) -> Result<Vec<Base>, ExtractError> {
        let line = item.node.get("sql").line;
        let at = bi::place(&item.artifact, "/sql", line);
        let options = Options {
            dialect: connection.dialect,
            ..Options::default()
        };
        let catalogs = {
            let database = item.node.said("database_uuid").unwrap_or("").to_lowercase();
            self.catalog_of(&database, connection, &at)?
        };
        let analyse = |first_only, catalog: &Catalog| {
            let filled = template::jinja(sql, first_only, &mut |inside| metric(inside, metrics));
            (sql::query(&filled.text, &options, catalog), filled)
        };
        let (mut query, filled) = analyse(false, &catalogs.service);
        let is_first_only = query.problem.is_some() && filled.has_blocks;
        if is_first_only {
            query = analyse(true, &catalogs.service).0;
        }
        // What datasets show decides only where nothing else tells whose a column is: it may be of long ago.
        if query.problem.is_some() || query.inputs.len() > 1 {
            let again = analyse(is_first_only, &catalogs.shown).0;
            if again.problem.is_none() && again.columns_count() >= query.columns_count() {
                query = again;
            }
        }
        if filled.is_template {
            let message =
                "the query is a template: what it prints is not known, all its branches are taken";
            self.tell(Severity::Info, "superset/template", message.into(), &at)?;
        }
        if let Some((problem, of_query)) = &query.problem {
            let message =
                format!("lineage of the query is missing: {problem} (line {of_query} of it)");
            self.tell(Severity::Warning, "superset/sql", message, &at)?;
        }
        let mut tables: Vec<(TableName, DatasetNode)> = Vec::new();
        for input in &query.inputs {
            let named = connection.table(input);
            if let Some(table) = self.table(&named.name, named.is_whole, connection, &at)? {
                self.out.derives(node, table, Some(&at))?;
                tables.push((input.clone(), table));
            }
        }
        let table = |name: &TableName| {
            let found = tables.iter().find(|(table, _)| table == name);
            found.map(|(_, node)| *node)
        };
        let mut base: Vec<Base> = columns
            .iter()
            .map(|column| Base {
                column: (*column).to_owned(),
                origins: Vec::new(),
            })
            .collect();
        let mut stars = Vec::new();
        for origin in &query.origins {
            let column = origin.column.as_deref();
            let Some(from) =
                table(&origin.table).filter(|_| !column.is_some_and(template::is_hole))
            else {
                continue;
            };
            match &origin.to {
                Some(to) => {
                    let name = sql::known(columns, to).unwrap_or(to);
                    let origin = (from, origin.column.clone(), origin.how.clone(), origin.line);
                    match base.iter_mut().find(|base| base.column == name) {
                        Some(base) => base.origins.push(origin),
                        None => base.push(Base {
                            column: name.to_owned(),
                            origins: vec![origin],
                        }),
                    }
                }
                None if column.is_none() && origin.how.direct.is_some() => stars.push(from),
                None => self.field_edge((from, column), (node, None), &origin.how, &at)?,
            }
        }
        self.stars(node, &stars, &mut base, line.unwrap_or(0), &at)?;
        Ok(base)
    }

    /// Columns that a star stands for: those of the only table that has one, else nobody knows whose.
    fn stars(
        &mut self,
        node: DatasetNode,
        stars: &[DatasetNode],
        base: &mut [Base],
        line: u32,
        at: &Location,
    ) -> Result<(), ExtractError> {
        let same = How::direct(Direct::Identity);
        if let [table] = stars {
            for column in base.iter_mut().filter(|column| column.origins.is_empty()) {
                let origin = (*table, Some(column.column.clone()), same.clone(), line);
                column.origins.push(origin);
            }
        } else {
            for table in stars {
                self.field_edge((*table, None), (node, None), &same, at)?;
            }
        }
        Ok(())
    }

    /// The columns of tables of a database.
    fn catalog_of(
        &mut self,
        database: &str,
        connection: &Connection,
        at: &Location,
    ) -> Result<Rc<Catalogs>, ExtractError> {
        if let Some(catalog) = self.catalogs.get(database) {
            return Ok(Rc::clone(catalog));
        }
        let mut catalogs = Catalogs::default();
        // Without what single datasets say.
        let (of_database, _) = self.databases.connection(database, at)?;
        let is_here = |item: &&Item| {
            let uuid = item.node.said("database_uuid").unwrap_or("");
            uuid.eq_ignore_ascii_case(database) && item.node.said("sql").is_none()
        };
        for item in self.export.datasets.values().filter(is_here) {
            let (schema, name) = (item.node.said("schema"), item.node.said("table_name"));
            let columns = item.node.get("columns").items().iter().take(ELEMENTS_MAX);
            let columns = columns.filter(|column| column.said("expression").is_none());
            let columns: Vec<&str> = columns
                .filter_map(|column| column.said("column_name"))
                .collect();
            let named = of_database.name(item.node.said("catalog"), schema, name.unwrap_or(""));
            if !columns.is_empty() {
                let name = TableName::new(named.name.split('.'));
                catalogs.shown.add(&name, columns);
            }
        }
        let known = self.catalog.iter();
        for known in known.filter(|known| known.namespace == connection.namespace) {
            let name = TableName::new(known.name.split('.'));
            catalogs.service.add(&name, known.fields.iter().cloned());
            catalogs.shown.add(&name, known.fields.iter().cloned());
        }
        let catalogs = Rc::new(catalogs);
        self.catalogs
            .insert(database.to_owned(), Rc::clone(&catalogs));
        Ok(catalogs)
    }

    /// States where fields come from: columns of the table or query, and expressions over them.
    fn origins(
        &mut self,
        item: &Item,
        node: DatasetNode,
        base: &[Base],
        columns: &[Element],
        metrics: &[Element],
        connection: &Connection,
    ) -> Result<(), ExtractError> {
        let names: Vec<&str> = base.iter().map(|base| base.column.as_str()).collect();
        let same = How::direct(Direct::Identity);
        for element in columns.iter().chain(metrics) {
            let at = bi::place(&item.artifact, &element.pointer, element.node.line);
            let made_of = match element.expression {
                None => vec![(element.name.to_owned(), same.clone())],
                Some(text) => {
                    let filled =
                        template::jinja(text, false, &mut |inside| metric(inside, metrics));
                    match sql::expression(&filled.text, connection.dialect, &names) {
                        Ok(found) => found,
                        Err(problem) => {
                            let name = element.name;
                            let message = format!("field lineage of {name} is missing: {problem}");
                            self.tell(Severity::Info, "superset/expression", message, &at)?;
                            continue;
                        }
                    }
                }
            };
            let mut stated = Vec::new();
            for (column, how) in made_of {
                let Some(base) = base.iter().find(|base| base.column == column) else {
                    continue;
                };
                for (table, origin, first, _) in &base.origins {
                    let edge = (*table, origin.as_deref(), first.then(&how));
                    if !stated.contains(&edge) {
                        self.field_edge(
                            (edge.0, edge.1),
                            (node, Some(element.name)),
                            &edge.2,
                            &at,
                        )?;
                        stated.push(edge);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The expression of the metric that `metric('…')` of Superset's templates stands for.
fn metric(inside: &str, metrics: &[Element]) -> Option<String> {
    let name = inside.strip_prefix("metric(")?.strip_suffix(')')?;
    let name = name.trim().trim_matches(['\'', '"']);
    let found = metrics.iter().find(|metric| metric.name == name)?;
    found.expression.map(|text| format!("({text})"))
}
